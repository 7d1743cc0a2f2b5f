#!/bin/bash
# SPDX-License-Identifier: MIT
# What the mount shows of an image is what umoci unpacks and podman mounts.
. "$(dirname "$0")/lib.sh"
need_fuse
[[ $EUID == 0 ]] || skip_all "umoci and podman make owners and devices as root only"
CHECK_LIMIT=120
. "$HERE/images/all.sh"
mount_store

found() {
    pull "$R/cases/$1:v1" >/dev/null
    python3 "$HERE/oracle.py" list "$M/images/$R/cases/$1/v1/rootfs" >"$T/$1.found"
}
# umoci gives directories whose children a later layer changes a new mtime.
same_as_umoci() {
    found "$1"
    umoci unpack --image "$T/cases/$1:v1" "$T/bundle" >"$T/umoci.log" 2>&1 || { cat "$T/umoci.log"; return 1; }
    python3 "$HERE/oracle.py" list "$T/bundle/rootfs" >"$T/umoci.list"
    rm -rf "$T/bundle"
    python3 "$HERE/compare.py" "$T/umoci.list" "$T/$1.found" --ignore mtime:dir
}
PODMAN="podman --root $T/podman --runroot $T/podman.run --storage-driver vfs --storage-opt="
# So does podman, and the root is 0555 where no layer says so.
same_as_podman() {
    found "$1"
    $PODMAN pull -q --tls-verify=false "docker://$R/cases/$1:v1" >"$T/podman.log" 2>&1 || { cat "$T/podman.log"; return 1; }
    python3 "$HERE/oracle.py" list "$($PODMAN image mount "$R/cases/$1:v1")" >"$T/podman.list"
    $PODMAN image umount -a >/dev/null
    $PODMAN rmi -f "$R/cases/$1:v1" >/dev/null
    python3 "$HERE/compare.py" "$T/podman.list" "$T/$1.found" --ignore mtime:dir --no-root
}

OLD_PODMAN=$(podman --version 2>/dev/null | awk '$3 + 0 < 5 { print "podman-before-5" }') || :
while read -r name except_for; do
    except_for=" $except_for "
    if [[ $except_for != *" umoci "* ]] && have umoci; then
        it "$name: as umoci unpacks it" "same_as_umoci $name"
    fi
    if [[ $except_for != *" podman "* && $except_for != *" ${OLD_PODMAN:-none} "* ]] && have_unpacker podman; then
        it "$name: as podman mounts it" "same_as_podman $name"
    fi
done <<<"$IMAGES"
have_unpacker podman || skip "images as podman mounts them" "no podman, or / or /sys is no mount, as in a plain chroot"
