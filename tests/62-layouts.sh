#!/bin/bash
# SPDX-License-Identifier: MIT
# Layouts that other programs made, also where they may only be read.
. "$(dirname "$0")/lib.sh"
need_fuse
export XDG_CACHE_HOME=$T/cache
build 'write_layout(T + "/made", {"v1": Image([Layer([f("x", "one")])]), "v2": Image([Layer([f("x", "one")]), Layer([f("y", "two")])])})'

if have skopeo; then
    it "a bare tag, as skopeo writes it: images/localhost/DIRECTORY/TAG" '
        skopeo copy -q --insecure-policy "oci:$T/made:v1" "oci:$T/By_Skopeo:dev"
        mount_store -s "$T/By_Skopeo"
        eq "$(cat "$M/images/localhost/by-skopeo/dev/rootfs/x")" one
        eq "$(ls "$M/images")" localhost
        grep -E "^localhost/by-skopeo +dev " "$M/ctl/images"
        unmount_store
        skopeo inspect "oci:$T/By_Skopeo:dev" >/dev/null
    '
fi
if have umoci && [[ $EUID == 0 ]]; then
    it "a layout of umoci, with a layer that umoci added" '
        cp -a "$T/made" "$T/umoci"
        umoci unpack --image "$T/umoci:v1" "$T/bundle" >/dev/null
        echo added >"$T/bundle/rootfs/added"
        umoci repack --image "$T/umoci:v3" "$T/bundle" >/dev/null
        mount_store -s "$T/umoci"
        eq "$(cat "$M/images/localhost/umoci/v3/rootfs/added")" added
        eq "$(ls -d "$M"/images/localhost/umoci/v?)" "$(printf "%s\n" "$M"/images/localhost/umoci/v{1,2,3})"
        unmount_store
        eq "$(umoci ls --layout "$T/umoci" | sort | xargs)" "v1 v2 v3"
    '
fi
if have buildah && [[ $EUID == 0 ]]; then
    it "a layout of buildah" '
        export CONTAINERS_STORAGE_CONF=$T/storage.conf
        printf "[storage]\ndriver = \"vfs\"\nrunroot = \"$T/run\"\ngraphroot = \"$T/graph\"\n" >"$CONTAINERS_STORAGE_CONF"
        echo hello >"$T/hello"
        c=$(buildah from scratch)
        buildah add -q "$c" "$T/hello" /hello >/dev/null
        buildah commit -q "$c" "oci:$T/buildah:tagged" >/dev/null
        buildah rm "$c" >/dev/null
        mount_store -s "$T/buildah"
        eq "$(cat "$M/images/localhost/buildah/tagged/rootfs/hello")" hello
        unmount_store
    '
fi
it "what docker and buildx name in containerd's annotation has its place" '
    cp -a "$T/made" "$T/buildx"
    jq ".manifests |= map(.annotations[\"io.containerd.image.name\"] = \"docker.io/library/app:\" + .annotations[\"org.opencontainers.image.ref.name\"])" "$T/made/index.json" >"$T/buildx/index.json"
    mount_store -s "$T/buildx"
    eq "$(cat "$M/images/app/v2/rootfs/y")" two
    unmount_store
'
it "a descriptor without a name is there by its digest" '
    cp -a "$T/made" "$T/nameless"
    jq "del(.manifests[].annotations)" "$T/made/index.json" >"$T/nameless/index.json"
    mount_store -s "$T/nameless"
    digest=$(jq -r ".manifests[0].digest" "$T/made/index.json")
    eq "$(cat "$M/images/localhost/nameless/$digest/rootfs/x")" one
    unmount_store
'
it "another program adds a tag while the mount runs" '
    cp -a "$T/made" "$T/live"
    mount_store -s "$T/live"
    eq "$(ls "$M/images/localhost/live" | grep -c "^v")" 2
    skopeo copy -q --insecure-policy "oci:$T/made:v1" "oci:$T/live:v9"
    eq "$(cat "$M/images/localhost/live/v9/rootfs/x")" one
    unmount_store
'

# --- layouts that may only be read ---
state() { # DIRECTORY: all that is in it
    (cd "$1" && find . -printf '%p %y %m %u %s %T@\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum) | sha256sum
}
reads_only() { # STORE REASON
    local before
    before=$(state "$1")
    rm -rf "$XDG_CACHE_HOME"
    mount_store -s "$1"
    eq "$(cat "$M/images/localhost/${1##*/}/v2/rootfs/x" "$M/images/localhost/${1##*/}/v2/rootfs/y")" onetwo
    [ -n "$(ls "$XDG_CACHE_HOME/imagefs/derived/trees")" ]
    eq "$(stat -c %a "$XDG_CACHE_HOME/imagefs")" 700
    expect_errno EROFS write "$M/ctl/pull" "127.0.0.1:1/app:v1"
    matches "$(tail -2 "$M/ctl/pull")" "can only be read: .*$2"
    expect_errno ENOENT read "$M/images/127.0.0.1:1/nope/v1/manifest.json"
    eq "$(wc -l <"$M/ctl/images")" 3
    remount_store -s "$1"
    eq "$(cat "$M/images/localhost/${1##*/}/v2/rootfs/y")" two
    rm -rf "$XDG_CACHE_HOME/imagefs/derived"
    eq "$(cat "$M/images/localhost/${1##*/}/v1/rootfs/x")" one
    unmount_store
    eq "$(state "$1")" "$before"
}
if [[ $EUID == 0 ]]; then
    it "a layout of another user is read, and not changed" '
        cp -a "$T/made" "$T/foreign"
        chown -R 12345 "$T/foreign"
        reads_only "$T/foreign" "belongs to user 12345"
    '
    it "a layout on a read-only disk is read" '
        mkdir "$T/disk"
        mount --bind "$T/made" "$T/disk"
        mount -o remount,bind,ro "$T/disk"
        reads_only "$T/disk" "Read-only file system"
        umount "$T/disk"
    '
    it "its rotten blob is found, and left alone" '
        cp -a "$T/made" "$T/rotten"
        blob=$(jq -r ".manifests[0].digest" "$T/made/index.json")
        blob=$T/rotten/blobs/sha256/$(jq -r ".layers[0].digest" "$T/rotten/blobs/sha256/${blob#*:}" | cut -c8-)
        printf "\xa5\xa5\xa5\xa5" | dd of="$blob" bs=1 seek=40 conv=notrunc status=none
        chown -R 12345 "$T/rotten"
        rm -rf "$XDG_CACHE_HOME"
        before=$(state "$T/rotten")
        mount_store -s "$T/rotten"
        matches "$(errno_of read "$M/images/localhost/rotten/v1/rootfs/x")" "EBADMSG|EIO|EROFS"
        unmount_store
        eq "$(state "$T/rotten")" "$before"
    '
fi
finish
