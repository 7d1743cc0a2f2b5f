#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench.sh [ROW]...: measures imagefs beside its peers, in turn and in the same run, and prints a markdown table.
# Rows: pull second disk memory warm cold random readers scale parked walks copies programs lazy distant before (all of them where none
# is named). What users do with a whole image, each tool by full path, is `scripts/bench.sh walks copies programs`.
#
#   RUNS=3           how often each figure is taken
#   IMAGE=LAYOUT     the image, tag `dev` of an OCI layout (default: what mkimage.sh builds, once, below build/reference)
#   BEFORE=PROGRAM   another build of imagefs, which `before`, `walks`, `copies` and `programs` measure in turn with this one
#   LAZY="NAME=HOST/REPOSITORY:TAG ..."   images whose layers have tables of contents, in registries that run, for `lazy` and `distant`
#
# Needs root, for overlayfs and to drop caches; 8 GB of disk below build/bench, and no other load. What it mounts and
# starts ends with it, also after Ctrl-C. The image and the registry's copy of it stay for the next run.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

((EUID == 0)) || die "this needs root: it mounts overlays and drops caches"
need_fuse
"$here/setup.sh" bench
build_imagefs
image=${IMAGE:-$build/reference/oci}
[[ -n ${IMAGE:-} ]] || "$here/mkimage.sh" "$build/reference"
[[ -f $image/index.json ]] || die "there is no OCI layout in $image"
mkdir -p "$build/bench"

export BENCH_ARCHITECTURE
BENCH_ARCHITECTURE=$(dpkg --print-architecture)
exec python3 -B "$here/bench" "$top" "$build/bench" "$image" "$build/imagefs" "${RUNS:-3}" "$@"
