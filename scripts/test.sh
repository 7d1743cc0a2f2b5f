#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test.sh [TARGET]: installs what is missing, builds, and runs every test.
# TARGET: check (the default), unit, asan, tsan.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/common.sh"

target=${1:-check}
case $target in
check | unit | asan | tsan) ;;
*) die "usage: test.sh [check|unit|asan|tsan]" ;;
esac

[[ $target == unit ]] || need_fuse
"$here/setup.sh" test
exec make -s -C "$top" BUILD="$build" --no-print-directory -j"$(nproc)" "$target"
