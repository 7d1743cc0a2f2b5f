#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools.sh umoci|buildah|archive OUT: an image made by other programs, as the OCI layout OUT, tag v1.
#
#   umoci     unpacked, changed (files deleted, replaced, linked, with xattrs) and repacked, twice
#   buildah   from scratch: copy, change in the mounted container, commit
#   archive   a docker-save archive with uncompressed layers and its symlinks, converted by skopeo
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
out=$2
work=$(mktemp -d "${T:-/tmp}/tools.XXXXXX")
trap 'rm -rf "$work"' EXIT

fill() { # a root filesystem with one of everything
    mkdir -p "$1"/{bin,etc/ssl,tmp,var/lib/app,usr/share/doc/app}
    chmod 1777 "$1/tmp"
    cp /bin/ls "$1/bin/ls"
    ln "$1/bin/ls" "$1/bin/dir"
    ln -s ls "$1/bin/l"
    chmod 4755 "$1/bin/ls"
    printf 'config\n' >"$1/etc/app.conf"
    printf 'secret\n' >"$1/etc/secret"
    chmod 600 "$1/etc/secret"
    chown 100:101 "$1/var/lib/app"
    mkfifo "$1/var/lib/app/pipe"
    mknod "$1/var/lib/app/null" c 1 3
    setfattr -n user.note -v hello "$1/etc/app.conf"
    setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 "$1/bin/ls"
    for i in $(seq 50); do printf 'doc %s\n' "$i" >"$1/usr/share/doc/app/$i"; done
    truncate -s 1M "$1/var/lib/app/sparse"
    printf end >>"$1/var/lib/app/sparse"
    touch -d '2020-02-02 02:02:02.123456789' "$1/etc/app.conf" "$1/etc" "$1"
}

change() { # what a second layer does
    rm -r "$1/usr/share/doc" "$1/etc/secret"
    printf 'changed\n' >"$1/etc/app.conf"
    rm "$1/bin/l"
    mkdir "$1/bin/l"
    printf 'x\n' >"$1/bin/l/x"
    ln "$1/bin/ls" "$1/bin/vdir"
    chmod 711 "$1/var/lib/app"
}

with_umoci() {
    umoci init --layout "$out"
    umoci new --image "$out:v1"
    umoci unpack --image "$out:v1" "$work/bundle"
    fill "$work/bundle/rootfs"
    umoci repack --image "$out:v1" "$work/bundle"
    rm -rf "$work/bundle"
    umoci unpack --image "$out:v1" "$work/bundle"
    change "$work/bundle/rootfs"
    umoci repack --image "$out:v1" "$work/bundle"
}

with_buildah() {
    local b="buildah --root $work/root --runroot $work/run --storage-driver vfs" container root
    fill "$work/first"
    container=$($b from scratch)
    $b copy -q "$container" "$work/first" / >/dev/null
    $b commit -q --tls-verify=false "$container" first >/dev/null
    $b rm "$container" >/dev/null
    container=$($b from --pull-never first)
    root=$($b mount "$container")
    rm -r "$root/usr/share/doc" "$root/etc/secret"
    printf 'changed\n' >"$root/etc/app.conf"
    ln "$root/etc/app.conf" "$root/etc/ssl/linked"
    $b umount "$container" >/dev/null
    $b config --label made=by-buildah --cmd /bin/ls "$container"
    $b commit -q "$container" "oci:$out:v1" >/dev/null
    $b rm "$container" >/dev/null
}

with_archive() {
    fill "$work/root"
    PYTHONPATH=$here python3 - "$work" <<'END'
import json, os, subprocess, sys, hashlib
from oci import tar, f, wh, d, h
work = sys.argv[1]
os.makedirs(work + "/save/a"), os.makedirs(work + "/save/b"), os.makedirs(work + "/save/c")
subprocess.run(["tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "--sparse", "--format=pax", "-C", work + "/root",
                "-cf", work + "/save/a/layer.tar", "."], check=True)
with open(work + "/save/b/layer.tar", "wb") as out:
    st = os.lstat(work + "/root/etc/app.conf")
    hard = h("etc/hard", "etc/app.conf", mode=st.st_mode & 0o7777, uid=st.st_uid, gid=st.st_gid, mtime=st.st_mtime_ns)
    out.write(tar([d("etc"), wh("etc/secret"), f("etc/new", "new"), hard, wh("usr/share/doc")]))
os.symlink("../b/layer.tar", work + "/save/c/layer.tar")
layers = ["a/layer.tar", "b/layer.tar", "c/layer.tar"]
sha = lambda path: "sha256:" + hashlib.sha256(open(work + "/save/" + path, "rb").read()).hexdigest()
config = json.dumps({"architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z", "config": {},
                     "rootfs": {"type": "layers", "diff_ids": [sha(path) for path in layers]},
                     "history": [{"created": "2024-01-01T00:00:00Z", "created_by": path} for path in layers]}).encode()
name = hashlib.sha256(config).hexdigest() + ".json"
with open(f"{work}/save/{name}", "wb") as out:
    out.write(config)
with open(f"{work}/save/manifest.json", "w") as out:
    json.dump([{"Config": name, "RepoTags": ["app:v1"], "Layers": layers}], out)
END
    tar -C "$work/save" -cf "$work/save.tar" .
    skopeo copy -q --insecure-policy "docker-archive:$work/save.tar" "oci:$out:v1"
}

"with_$1"
