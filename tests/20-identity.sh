#!/bin/bash
# SPDX-License-Identifier: MIT
# Every entry of rootfs/, and of each layer, is in everything what the layers say, merged in Python.
. "$(dirname "$0")/lib.sh"
need_fuse
CHECK_LIMIT=120
. "$HERE/images/all.sh"
mount_store

same_as_merge() {
    echo "$R/cases/$1:v1" >"$M/ctl/pull"
    python3 "$HERE/compare.py" "$T/cases/$1:v1" "$M/images/$R/cases/$1/v1/rootfs"
}
cat >"$T/layers.py" <<'P'
"""layers.py LAYOUT:TAG IMAGE: each layer of the layout is what the image on the mount has of it."""
import json
import sys

import compare
import oracle

layout, image = sys.argv[1:]
right = True
with open(image + "/manifest.json") as file:
    layers = json.load(file)["layers"]
for n, layer in enumerate(layers):
    place = f"{image}/layers/{n:02}"
    # What diff/ itself is must be known before the layer is there: its own attributes are not the layer's.
    right &= compare.report(compare.by_path(oracle.diff(layout, n)), compare.load(place + "/diff"), root=False)
    if (found := "sha256:" + oracle.file_sha(place + "/blob")) != layer["digest"]:
        print(f"layer {n} is {found}, should be {layer['digest']}")
        right = False
sys.exit(0 if right and layers else 1)
P
same_layers() {
    local image=$M/images/$R/cases/$1/v1
    [[ ! -e $image/index.json ]] || return 0
    PYTHONPATH=$HERE python3 "$T/layers.py" "$T/cases/$1:v1" "$image"
}
while read -r name _; do
    it "$name: as the layers say" "same_as_merge $name"
    it "$name: each layer by itself" "same_layers $name"
done <<<"$IMAGES"
