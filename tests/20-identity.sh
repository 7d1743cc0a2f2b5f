#!/bin/bash
# SPDX-License-Identifier: MIT
# Every entry of rootfs/ equals the references in everything: the merge in Python, umoci and podman.
. "$(dirname "$0")/lib.sh"
need_fuse
CHECK_LIMIT=120
start_registry
mkdir "$T/cases"
"$HERE/images/handmade.py" "$T/cases" "$R"
# What other programs make: NAME and the tool, and the form that skopeo gives it on its way to the registry.
MADE=
made() { # NAME TOOL SKOPEO-OPTIONS…
    local name=$1 tool=$2
    shift 2
    have "$tool" && [[ $EUID == 0 ]] || return 0
    [[ -e $T/cases/$name ]] || "$HERE/images/tools.sh" "$name" "$T/cases/$name" >"$T/$name.log" 2>&1 || { tail "$T/$name.log"; exit 1; }
    skopeo copy -q --insecure-policy --dest-tls-verify=false "$@" "oci:$T/cases/$name:v1" "docker://$R/cases/$name:v1"
    MADE+=$name$'\n'
}
made umoci umoci
made buildah buildah
made archive skopeo --format v2s2
mount_store

# wanted LAYOUT: the merge in Python; found REPOSITORY: what the mount shows.
wanted() { [[ -e $T/$1.wanted ]] || python3 "$HERE/oracle.py" merge "$T/cases/$1:v1" >"$T/$1.wanted"; }
found() { [[ -e $T/$1.found ]] || python3 "$HERE/oracle.py" list "$M/images/$R/cases/$1/v1/rootfs" >"$T/$1.found"; }

same_as_merge() {
    pull "$R/cases/$1:v1" | tail -1
    wanted "$1"
    found "$1"
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

while read -r name except_for; do
    it "$name: as the layers say" "same_as_merge $name"
    it "$name: each layer by itself" "same_layers $name"
    if [[ $EUID == 0 && $except_for != *umoci* ]] && have umoci; then
        it "$name: as umoci unpacks it" "same_as_umoci $name"
    fi
    if [[ $EUID == 0 && $except_for != *podman* ]] && have podman; then
        it "$name: as podman mounts it" "same_as_podman $name"
    fi
done < <("$HERE/images/handmade.py" --list; printf %s "$MADE")
