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
push_image two v1 "Index([Image([Layer([f('a', i)])], architecture=i) for i in ('amd64', 'arm64')])" >/dev/null
pull --platform linux/arm64 "$R/two:v1" >/dev/null
ctl tag "$R/two:v1" "$R/two:again" >/dev/null
manifest() { jq -r ".manifests[$1].digest" "$M/images/$R/two/v1/index.json"; }
it "save --index keeps the index: what the names name elsewhere is the same" '
    cat "$M/ctl/save?--index --platform linux%2Farm64 $R%2Ftwo" >"$T/index.tar"
    cat "$T/index.tar" >"$M2/ctl/load"
    for tag in v1 again; do
        eq "$(readlink "$M2/images/$R/two/$tag")" "$(readlink "$M/images/$R/two/v1")"
        eq "$(sha "$M2/images/$R/two/$tag/index.json")" "$(sha "$M/images/$R/two/v1/index.json")"
    done
    eq "$(cat "$M2/images/$R/two/$(manifest 1)/rootfs/a")" arm64
    eq "$(tar tf "$T/index.tar" | sort | uniq -d)" ""
'
it "without it, of what is no index, and by an ID" '
    cat "$M/ctl/save?--platform linux%2Farm64 $R%2Ftwo:v1" | tar xO index.json >"$T/plain.json"
    eq "$(jq -r ".manifests[].digest" "$T/plain.json")" "$(manifest 1)"
    eq "$(sha "$M/ctl/save?--index $R%2Fapp:v1")" "$(sha "$M/ctl/save?$R%2Fapp:v1")"
    eq "$(tar xOf "$M/ctl/save?--index $R%2Ftwo@$(readlink "$M/images/$R/two/v1")" index.json | jq -r ".manifests[].digest")" \
        "$(readlink "$M/images/$R/two/v1")"
'
push_image deep v1 "Index([Index([Index([Image([Layer([f('a', i)])], architecture=i) for i in ('amd64', 'arm64')])])])" >/dev/null
it "… and the indexes between it and the image" '
    pull --platform linux/arm64 "$R/deep:v1" >/dev/null
    cat "$M/ctl/save?--index --platform linux%2Farm64 $R%2Fdeep:v1" >"$T/deep.tar"
    eq "$(tar tf "$T/deep.tar" | grep -c "^blobs/sha256/.")" 6 # three indexes, a manifest, a config, a layer
    cat "$T/deep.tar" >"$M2/ctl/load"
    eq "$(readlink "$M2/images/$R/deep/v1")" "$(readlink "$M/images/$R/deep/v1")"
    eq "$(sha "$M2/images/$R/deep/v1/index.json")" "$(sha "$M/images/$R/deep/v1/index.json")"
    mkdir "$T/deep" && tar xf "$T/deep.tar" -C "$T/deep"
    image=$(basename "$(grep -l "\"layers\":" "$T"/deep/blobs/sha256/*)")
    eq "$(cat "$M2/images/$R/deep/sha256:$image/rootfs/a")" arm64
'
it "skopeo reads such an archive, as that of docker and as a layout" '
    mkdir "$T/layout"
    tar xf "$T/index.tar" -C "$T/layout"
    rm "$T/layout/manifest.json"
    for from in "docker-archive:$T/index.tar:$R/two:v1" "oci:$T/layout:v1"; do
        rm -rf "$T/to"
        skopeo --override-arch arm64 copy -q --insecure-policy "$from" "dir:$T/to"
        eq "$(jq -r .config.digest "$T/to/manifest.json")" "sha256:$(sha "$M/images/$R/two/$(manifest 1)/config.json")"
    done
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
