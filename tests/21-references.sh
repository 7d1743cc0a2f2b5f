#!/bin/bash
# SPDX-License-Identifier: MIT
# What the mount shows of an image is what umoci unpacks and podman mounts.
. "$(dirname "$0")/lib.sh"
need_fuse
[[ $EUID == 0 ]] || skip_all "umoci and podman make owners and devices as root only"
CHECK_LIMIT=120
. "$HERE/images/all.sh"
mount_store

# umoci gives directories whose children a later layer changes a new mtime.
same_as_umoci() {
    echo "$R/cases/$1:v1" >"$M/ctl/pull"
    umoci unpack --image "$T/cases/$1:v1" "$T/bundle" >"$T/umoci.log" 2>&1 || { cat "$T/umoci.log"; return 1; }
    python3 "$HERE/compare.py" "$T/bundle/rootfs" "$M/images/$R/cases/$1/v1/rootfs" --ignore mtime:dir
    rm -rf "$T/bundle"
}
# So does podman, and the root is 0555 where no layer says so.
same_as_podman() {
    local place
    place=$(jq -r --arg name "$R/cases/$1:v1" '.[] | select(.Repositories | index($name)) | .mountpoint' "$T/podman.mounts")
    [[ -n $place ]] || { cat "$T/podman.log"; return 1; }
    echo "$R/cases/$1:v1" >"$M/ctl/pull"
    python3 "$HERE/compare.py" "$place" "$M/images/$R/cases/$1/v1/rootfs" --ignore mtime:dir --no-root
}
PODMAN="podman --root $T/podman --runroot $T/podman.run --storage-driver vfs --storage-opt="
have_unpacker podman && UNPACKER=1 || UNPACKER=
OLD_PODMAN=$(podman --version 2>/dev/null | awk '$3 + 0 < 5 { print "podman-before-5" }') || :
podman_knows() { # EXCEPT-FOR
    [[ -n $UNPACKER && $1 != *" podman "* && $1 != *" ${OLD_PODMAN:-none} "* ]]
}
# All at once: a podman for each command and image takes longer than what it does.
podman_mounts_all() {
    local name except_for images=()
    while read -r name except_for; do
        if podman_knows " $except_for "; then images+=("$R/cases/$name:v1"); fi
    done <<<"$IMAGES"
    $PODMAN pull -q --tls-verify=false "${images[@]/#/docker://}"
    $PODMAN image mount "${images[@]}"
}
if [[ -n $UNPACKER ]]; then
    podman_mounts_all >"$T/podman.log" 2>&1 || :
    $PODMAN image mount --format json >"$T/podman.mounts" || :
fi

while read -r name except_for; do
    except_for=" $except_for "
    if [[ $except_for != *" umoci "* ]] && have umoci; then
        it "$name: as umoci unpacks it" "same_as_umoci $name"
    fi
    if podman_knows "$except_for"; then
        it "$name: as podman mounts it" "same_as_podman $name"
    fi
done <<<"$IMAGES"
[[ -z $UNPACKER ]] || $PODMAN image umount -a >/dev/null
[[ -n $UNPACKER ]] || skip "images as podman mounts them" "no podman, or / or /sys is no mount, as in a plain chroot"
