#!/bin/bash
# SPDX-License-Identifier: MIT
# export/: an image and its root filesystem as archives that other programs read.
. "$(dirname "$0")/lib.sh"
need_fuse
. "$HERE/images/all.sh"
push_image app v1 'Image([Layer([d("etc", mode=0o750), f("etc/motd", "hello"), f("empty", "")]), Layer([f("big", __import__("random").Random(3).randbytes(700001))])])' >/dev/null
push_image late v1 'Image([Layer([f("x", "fetched late")])])' >/dev/null
mount_store
pull "$R/app:v1" >/dev/null
ctl tag "$R/app:v1" team/app:1 >/dev/null
E=$M/images/$R/app/v1/export
ID=$(sha "$M/images/$R/app/v1/config.json")

it "the directory has two files, and listing it fetches nothing" '
    eq "$(ls "$E" | xargs)" "image.tar rootfs.tar"
    stat "$M/images/$R/late/v1/export/image.tar" "$M/images/$R/late/v1/export/rootfs.tar" >/dev/null
    eq "$(requests "GET .*late/blobs/")" 1
'
it "the size of image.tar is that of its bytes" '
    cat "$E/image.tar" >"$T/image.tar"
    eq "$(stat -c %s "$E/image.tar")" "$(stat -c %s "$T/image.tar")"
'
it "it is an OCI layout of the image's own blobs, with docker's manifest.json" '
    mkdir "$T/untarred"
    tar xf "$T/image.tar" -C "$T/untarred"
    eq "$(cat "$T/untarred/oci-layout")" "{\"imageLayoutVersion\":\"1.0.0\"}"
    (cd "$T/untarred/blobs/sha256" && sha256sum -c <(for b in *; do echo "$b  $b"; done)) >/dev/null
    eq "$(jq -r ".[0].Config" "$T/untarred/manifest.json")" "blobs/sha256/$ID"
    eq "$(jq -r ".[0].RepoTags[0]" "$T/untarred/manifest.json")" "$R/app:v1"
    eq "$(jq -r ".manifests[0].annotations[\"io.containerd.image.name\"]" "$T/untarred/index.json")" "$R/app:v1"
    eq "$(jq -r ".manifests[0].digest" "$T/untarred/index.json")" "$(readlink "$M/images/$R/app/v1")"
'
it "any range of it reads as the whole does" '
    python3 - "$E/image.tar" "$T/image.tar" <<"P"
import os, random, sys
a, b = (os.open(p, os.O_RDONLY) for p in sys.argv[1:])
size = os.fstat(b).st_size
r = random.Random(1)
for _ in range(500):
    offset, length = r.randrange(size), r.choice([1, 511, 512, 4096, 70000])
    assert os.pread(a, length, offset) == os.pread(b, length, offset), offset
assert os.pread(a, 10, size) == b""
P
'
if have skopeo; then
    it "skopeo reads it as docker-archive and as oci-archive, with the same ID" '
        skopeo copy -q --insecure-policy "docker-archive:$M/images/team/app/1/export/image.tar" "dir:$T/docker"
        eq "$(jq -r .config.digest "$T/docker/manifest.json")" "sha256:$ID"
        skopeo copy -q --insecure-policy "oci-archive:$T/image.tar" "dir:$T/oci"
        eq "$(sha "$T/oci/manifest.json")" "$(sha "$M/images/$R/app/v1/manifest.json")"
    '
fi
if have podman && [[ $EUID == 0 ]]; then
    it "podman loads it: the same ID, the same files" '
        podman="podman --root $T/podman --runroot $T/podrun --storage-driver vfs --events-backend none"
        $podman load -q -i "$M/images/team/app/1/export/image.tar" >"$T/loaded"
        has "$(cat "$T/loaded")" "team/app:1"
        eq "$($podman images -q --no-trunc)" "sha256:$ID"
    '
fi
if have umoci; then
    it "umoci lists what it is untarred to" 'eq "$(umoci ls --layout "$T/untarred")" v1'
fi

# --- rootfs.tar ---
it "rootfs.tar extracts to what rootfs/ is" '
    cat "$E/rootfs.tar" >"$T/rootfs.tar"
    eq "$(stat -c %s "$E/rootfs.tar")" "$(stat -c %s "$T/rootfs.tar")"
    mkdir "$T/root"
    tar xpf "$T/rootfs.tar" -C "$T/root" --xattrs --xattrs-include="*"
    cmp "$T/root/big" "$M/images/$R/app/v1/rootfs/big"
    eq "$(stat -c %a "$T/root/etc")" 750
'
it "any range of it reads as the whole does, also with many readers at once" '
    python3 - "$E/rootfs.tar" "$T/rootfs.tar" <<"P"
import os, random, sys
a, b = (os.open(p, os.O_RDONLY) for p in sys.argv[1:])
size = os.fstat(b).st_size
r = random.Random(1)
for _ in range(500):
    offset, length = r.randrange(size), r.choice([1, 511, 512, 4096, 70000])
    assert os.pread(a, length, offset) == os.pread(b, length, offset), offset
P
    for i in 1 2 3 4; do cmp "$E/rootfs.tar" "$T/rootfs.tar" & done
    wait
'
it "a root filesystem that is not there is fetched by who reads, and never empty" '
    late=$M/images/$R/late/v1/export/rootfs.tar
    eq "$(requests "GET .*late/blobs/")" 1
    eq "$(stat -c %s "$late")" 0
    eq "$(tar xOf "$late" x)" "fetched late"
    [ "$(stat -c %s "$late")" -gt 1024 ]
    for reader in "cat" "head -c 100000" "dd status=none bs=7k if=/dev/stdin"; do
        ctl rmi -f "$R/late:v1" >/dev/null 2>&1 || :
        [ "$($reader <"$late" | wc -c)" -gt 1024 ] || fail "$reader"
    done
    ctl rmi -f "$R/late:v1" >/dev/null
    cp "$late" "$T/late.tar"
    tar tf "$T/late.tar" | grep -x x
'
it "so is a layer for image.tar" '
    ctl rmi -f "$R/late:v1" >/dev/null
    tar xOf "$M/images/$R/late/v1/export/image.tar" manifest.json | jq -e ".[0].Layers | length == 1" >/dev/null
    tar xf "$M/images/$R/late/v1/export/image.tar" -O >/dev/null
'
if [[ $EUID == 0 ]]; then
    # Every rule of merging and every form of entry, through GNU tar onto the disk.

    same_when_extracted() {
        local image=$M/images/$R/cases/$1/v1 dir=$T/extracted/$1
        mkdir -p "$dir"
        tar xpf "$image/export/rootfs.tar" -C "$dir" --xattrs --xattrs-include="*" --numeric-owner
        python3 "$HERE/compare.py" "$image/rootfs" "$dir"
    }
    while read -r name _; do
        it "$name: extracted it is the same, entry by entry" "same_when_extracted $name"
    done <<<"$IMAGES"
fi
finish
