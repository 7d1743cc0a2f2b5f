#!/bin/bash
# SPDX-License-Identifier: MIT
# Every entry of rootfs/, and of each layer, is in everything what the layers say, merged in Python.
. "$(dirname "$0")/lib.sh"
need_fuse
CHECK_LIMIT=120
. "$HERE/images/all.sh"
mount_store

same_as_merge() {
    pull "$R/cases/$1:v1" | tail -1
    python3 "$HERE/oracle.py" merge "$T/cases/$1:v1" >"$T/$1.wanted"
    python3 "$HERE/oracle.py" list "$M/images/$R/cases/$1/v1/rootfs" >"$T/$1.found"
    python3 "$HERE/compare.py" "$T/$1.wanted" "$T/$1.found"
}
# What diff/ itself is must be known before the layer is there: its own attributes are not the layer's.
same_layers() {
    local n image=$M/images/$R/cases/$1/v1
    [[ ! -e $image/index.json ]] || return 0
    for n in $(seq 0 $(($(jq '.layers | length' "$image/manifest.json") - 1))); do
        python3 "$HERE/oracle.py" diff "$T/cases/$1:v1" "$n" >"$T/wanted.diff"
        python3 "$HERE/oracle.py" list "$image/layers/$(printf %02d "$n")/diff" >"$T/found.diff"
        python3 "$HERE/compare.py" "$T/wanted.diff" "$T/found.diff" --no-root
        eq "sha256:$(sha "$image/layers/$(printf %02d "$n")/blob")" "$(jq -r ".layers[$n].digest" "$image/manifest.json")"
    done
}
while read -r name _; do
    it "$name: as the layers say" "same_as_merge $name"
    it "$name: each layer by itself" "same_layers $name"
done <<<"$IMAGES"
