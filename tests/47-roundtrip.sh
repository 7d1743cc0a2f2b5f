#!/bin/bash
# SPDX-License-Identifier: MIT
# An image goes round: podman, the store, a registry, another store, and podman again; and a root filesystem out and in.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 'Image([Layer([d("etc", mode=0o750), f("etc/motd", "hello"), f("gone", "x")]), Layer([wh("gone"), f("big", __import__("random").Random(3).randbytes(400000))])])' >/dev/null
mount_store
M2=$T/second
STORE2=$T/store2
NAME=second mount_store -s "$STORE2" -m "$M2"
pull "$R/app:v1" >/dev/null
I=$M/images/$R/app/v1

if have podman && [[ $EUID == 0 ]]; then
    podman() { command podman --root "$T/podman" --runroot "$T/podrun" --storage-driver vfs --events-backend none "$@"; }
    it "podman save, load, push, skopeo copy, pull, export, podman load: the same image ID" '
        podman load -q <"$I/export/image.tar" >/dev/null
        podman tag "$R/app:v1" "$R/round:1"
        id=$(podman image inspect -f "{{.Id}}" "$R/round:1")
        podman save -q -o "$T/saved.tar" "$R/round:1"
        has "$(ctl load "-i $T/saved.tar")" "Loaded image: $R/round:1"
        eq "$(sha "$M/images/$R/round/1/config.json")" "$id"
        ctl push "$R/round:1" >/dev/null
        skopeo copy -q --insecure-policy --src-tls-verify=false --dest-tls-verify=false "docker://$R/round:1" "docker://$R/round:2"
        POINT=$M2 ctl pull "$R/round:2" >/dev/null
        eq "$(sha "$M2/images/$R/round/2/config.json")" "$id"
        podman rmi -a -f >/dev/null
        podman load -q <"$M2/images/$R/round/2/export/image.tar" >/dev/null
        eq "$(podman image inspect -f "{{.Id}}" "$R/round:2")" "$id"
    '
    it "podman save --format oci-archive, which makes a config of its own, loads as it is" '
        podman save -q --format oci-archive -o "$T/oci.tar" "$R/round:2"
        mkdir "$T/oci"
        tar xf "$T/oci.tar" -C "$T/oci"
        id=$(jq -r .config.digest "$T/oci/blobs/sha256/$(jq -r ".manifests[0].digest" "$T/oci/index.json" | cut -c8-)" | cut -c8-)
        cat "$T/oci.tar" >"$M/ctl/load"
        eq "$(sha "$M/images/$R/round/2/config.json")" "$id"
    '
fi
it "export/image.tar of one store, loaded by another" '
    cat "$I/export/image.tar" >"$M2/ctl/load"
    eq "$(sha "$M2/images/$R/app/v1/manifest.json")" "$(sha "$I/manifest.json")"
'
if [[ $EUID == 0 ]]; then
    it "export/rootfs.tar, imported, has the same root filesystem, entry by entry" '
        { echo local/round:1; cat "$I/export/rootfs.tar"; } >"$M/ctl/import"
        python3 "$HERE/compare.py" "$I/rootfs" "$M/images/local/round/1/rootfs"
    '
fi
it "both stores are valid layouts" 'valid_store && valid_store "$STORE2"'
NAME=second unmount_store -m "$M2"
finish
