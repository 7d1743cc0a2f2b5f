#!/bin/bash
# SPDX-License-Identifier: MIT
# The store: a layout that others read in place, that survives its registry, a full disk and a lost derived/.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 >/dev/null
INDEX=$(push_image multi v1 'Index([Image([Layer([f("arch", a)])], architecture=a) for a in ("amd64", "arm64")])')
push_image plain v1 'Image([Layer([f("large", bytes(range(256)) * 4096), f("small", "small")], how="plain")])' >/dev/null
push_image docker v1 'Image([Layer([f("a", "docker")], docker=True)], docker=True)' >/dev/null
mount_store
pull "$R/app:v1" >/dev/null
pull "$R/multi:v1" >/dev/null
pull "$R/docker:v1" >/dev/null
pull "$R/plain:v1" >/dev/null
I=$M/images/$R/app/v1
P=$M/images/$R/plain/v1
SUM=$(find "$I/rootfs" -type f | sort | xargs sha256sum)

if have skopeo; then
    it "skopeo inspects an image in the store while the mount runs" '
        skopeo inspect "oci:$STORE:$R/app:v1" >"$T/inspect"
        eq "sha256:$(sha "$I/manifest.json")" "$(jq -r .Digest "$T/inspect")"
    '
    it "skopeo copies it out, whole" '
        skopeo copy -q --insecure-policy "oci:$STORE:$R/app:v1" "dir:$T/copied"
        eq "$(sha "$T/copied/manifest.json")" "$(sha "$I/manifest.json")"
    '
    it "skopeo copies the platform of an index" '
        skopeo copy -q --insecure-policy "oci:$STORE:$R/multi:v1" "oci:$T/copied-multi:v1"
    '
fi
if have umoci && [[ $EUID == 0 ]]; then
    it "umoci lists the names of the store" 'umoci ls --layout "$STORE" | grep -x "$R/app:v1"'
fi
it "the modes of the store keep others out" '
    eq "$(stat -c %a "$STORE")" 700
    eq "$(find "$STORE" -type f -perm /077 | grep -v -e /blobs/ | wc -l)" 0
'
it "the disk cost of an image is its blobs and little more" '
    [ "$(du -s --apparent-size -B1 "$STORE/derived" | cut -f1)" -le 300000 ]
'
it "nothing is left in partial/" 'eq "$(find "$STORE/partial" -type f | wc -l)" 0'

stop registry
it "without the registry, all that was pulled reads" '
    eq "$(find "$I/rootfs" -type f | sort | xargs sha256sum)" "$SUM"
    cat "$I"/{manifest.json,config.json,history,inspect.json,layers/0*/{blob,digest}} >/dev/null
'
it "derived/ can be deleted while the mount runs" '
    rm -rf "$STORE/derived"
    eq "$(find "$I/rootfs" -type f | sort | xargs sha256sum)" "$SUM"
'
it "after a restart without derived/ everything is rebuilt, without the registry" '
    remount_store
    rm -rf "$STORE/derived"
    remount_store
    eq "$(find "$I/rootfs" -type f | sort | xargs sha256sum)" "$SUM"
    [ -n "$(ls "$STORE/derived/layers")" ]
    eq "$(cat "$M/images/$R/docker/v1/rootfs/a")" docker
'
it "a damaged file of derived/ is rebuilt" '
    unmount_store
    for file in "$STORE"/derived/{layers,trees}/*; do
        python3 -c "
import os, sys
size = os.path.getsize(sys.argv[1])
with open(sys.argv[1], \"r+b\") as file:
    file.seek(size // 2)
    file.write(b\"\\xa5\" * 16)
" "$file"
    done
    mount_store
    eq "$(find "$I/rootfs" -type f | sort | xargs sha256sum)" "$SUM"
'
it "an empty and a cut file of derived/ are rebuilt" '
    unmount_store
    for file in "$STORE"/derived/layers/*; do : >"$file"; done
    for file in "$STORE"/derived/trees/*; do truncate -s 50 "$file"; done
    mount_store
    eq "$(find "$I/rootfs" -type f | sort | xargs sha256sum)" "$SUM"
'
it "a damaged blob gives no wrong byte" '
    unmount_store
    cp -a "$STORE" "$T/damaged"
    blob=$T/damaged/blobs/sha256/$(jq -r ".layers[0].digest" "$T/damaged/blobs/sha256/$(jq -r ".manifests[] | select(.annotations[\"org.opencontainers.image.ref.name\"] == \"$R/app:v1\") | .digest" "$STORE/index.json" | cut -c8-)" | cut -c8-)
    python3 -c "
import os, sys
os.chmod(sys.argv[1], 0o644)
with open(sys.argv[1], \"r+b\") as file:
    file.seek(30)
    file.write(b\"\\xa5\" * 40)
" "$blob"
    rm -rf "$T/damaged/derived"
    mount_store -s "$T/damaged"
    matches "$(errno_of list "$I/rootfs/etc")$(errno_of read "$I/rootfs/etc/motd")" "EBADMSG|EIO|ECONNREFUSED"
    remount_store
'
it "a large file of an uncompressed layer reads right, and its blob too" '
    python3 -c "
import sys
assert open(sys.argv[1], \"rb\").read() == bytes(range(256)) * 4096
" "$P/rootfs/large"
    eq "$(cat "$P/rootfs/small")" small
    eq "sha256:$(sha "$P/layers/00/blob")" "$(cat "$P/layers/00/digest")"
'
it "a blob that was cut short is an error, not a shorter file" '
    blob=$STORE/blobs/sha256/$(cut -d: -f2 "$P/layers/00/digest")
    cp "$blob" "$T/whole"
    remount_store
    ls "$P/rootfs" >/dev/null
    truncate -s 500000 "$blob"
    eq "$(errno_of read "$P/rootfs/large")" EIO
    eq "$(errno_of read "$P/layers/00/blob")" EBADMSG
    cp "$T/whole" "$blob"
    remount_store
    eq "sha256:$(sha "$P/layers/00/blob")" "$(cat "$P/layers/00/digest")"
'
it "other programs may write the layout: their images show" '
    build "write_layout(T + \"/theirs\", {\"v1\": Image([Layer([f(\"x\", \"theirs\")])])})"
    skopeo copy -q --insecure-policy "oci:$T/theirs:v1" "oci:$STORE:$R/theirs:v1"
    eq "$(cat "$M/images/$R/theirs/v1/rootfs/x")" theirs
    skopeo inspect "oci:$STORE:$R/app:v1" >/dev/null
'
it "the store is a valid layout" valid_store
unmount_store

# --- stores that do not work ---
refuses() { # PATTERN STORE: it does not mount, says why, and changes nothing
    local rc=0
    timeout 60 "$IMAGEFS" "$2" "$M" >"$T/out" 2>&1 || rc=$?
    ((rc != 0)) || umount -l "$M"
    ((rc != 0 && rc != 124)) || fail "status $rc"
    matches "$(cat "$T/out")" "$1"
    has "$(cat "$T/out")" "$2"
    fails mounted
}
it "a store whose derived/ says another version mounts: that is a cache, and its files carry their own" '
    cp -a "$STORE" "$T/newer"
    version=$T/newer/derived/imagefs-version
    [ -e "$version" ]
    echo 999 >"$version"
    NAME=newer mount_store -s "$T/newer" -m "$T/newer.mnt"
    eq "$(cat "$version")" 1
    NAME=newer unmount_store -m "$T/newer.mnt"
'
it "another version of the layout is refused" '
    cp -a "$STORE" "$T/layout2"
    echo "{\"imageLayoutVersion\":\"2.0.0\"}" >"$T/layout2/oci-layout"
    refuses "2.0.0|version|layout" "$T/layout2"
'
it "a broken index.json without a copy is refused, untouched" '
    cp -a "$STORE" "$T/broken"
    rm "$T/broken/derived/names"
    echo "{\"schemaVersion\":2,\"manif" >"$T/broken/index.json"
    refuses "index.json" "$T/broken"
    eq "$(cat "$T/broken/index.json")" "{\"schemaVersion\":2,\"manif"
'
it "a file as a store is refused" '
    echo hello >"$T/file"
    refuses "[Nn]ot a directory|directory" "$T/file"
'
it "a directory that cannot be made is refused" 'refuses "Not a directory|cannot" "$T/file/store"'
it "a store below the mount point is refused" 'refuses "mount ?point|below|inside|within" "$M/store"; rm -rf "$M/store"'
if [[ $EUID == 0 ]]; then
    start registry docker-registry serve "$T/registry.yml"
    until_true 20 "answers ${R##*:}"
    push_image large v1 'Image([Layer([f("large", __import__("random").Random(3).randbytes(3000000))])])' >/dev/null
    mkdir "$T/tmpfs"
    mount -t tmpfs -o size=2m tmpfs "$T/tmpfs"
    it "a full disk: ENOSPC, nothing half-written stays, the rest works on" '
        mount_store -s "$T/tmpfs/store"
        pull "$R/app:v1" >/dev/null
        expect_errno ENOSPC write "$M/ctl/pull" "$R/large:v1"
        matches "$(tail -4 "$M/ctl/pull")" "[Nn]o space left"
        valid_store "$T/tmpfs/store"
        eq "$(cat "$I/rootfs/new")" new
        [ "$(du -s -B1 "$T/tmpfs/store" | cut -f1)" -lt 1500000 ] || ls -lR "$T/tmpfs/store"
    '
    it "with room again the same pull goes through" '
        mount -o remount,size=20m "$T/tmpfs"
        pull "$R/large:v1" >/dev/null
        valid_store "$T/tmpfs/store"
        eq "$(stat -c %s "$M/images/$R/large/v1/rootfs/large")" 3000000
    '
    it "at every size of a full disk the store stays valid" '
        for kib in 40 100 200 400 800 1600 2800 3000; do
            unmount_store
            rm -rf "$T/tmpfs/store"
            mount -o "remount,size=${kib}k" "$T/tmpfs"
            if timeout 60 "$IMAGEFS" "$T/tmpfs/store" "$M" 2>/dev/null; then
                matches "$(errno_of write "$M/ctl/pull" "$R/large:v1")" "ENOSPC|ok"
                [ ! -e "$T/tmpfs/store/index.json" ] || valid_store "$T/tmpfs/store"
                umount "$M"
            fi
            mount -o remount,size=20m "$T/tmpfs"
            mount_store -s "$T/tmpfs/store"
            pull "$R/large:v1" >/dev/null
            valid_store "$T/tmpfs/store"
        done
        unmount_store
    '
    umount "$T/tmpfs" 2>/dev/null || { unmount_store; umount "$T/tmpfs"; }
fi
