#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The identity check on a large real image: every entry of rootfs/ against the merge of its layers in Python.
# REFERENCE is an OCI layout (PATH or PATH:TAG); without it scripts/mkimage.sh makes the reference image.
. "$(dirname "$0")/lib.sh"
need_fuse
CHECK_LIMIT=900
if [[ -z ${REFERENCE:-} ]]; then
    REFERENCE=$BUILD/reference/oci:dev
    [[ -e ${REFERENCE%:*}/index.json ]] || "$HERE/../scripts/mkimage.sh" "$BUILD/reference" >"$T/mkimage.log" 2>&1 ||
        { tail "$T/mkimage.log"; exit 1; }
fi
[[ $REFERENCE == *:* ]] || REFERENCE=$REFERENCE:$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' "$REFERENCE/index.json")

start_registry
skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$REFERENCE" "docker://$R/reference:v1"
mount_store
ROOT=$M/images/$R/reference/v1/rootfs

it "the reference image pulls" 'pull "$R/reference:v1" | tail -1 | grep -x "$R/reference:v1"'
it "every entry of it equals the reference" '
    python3 "$HERE/oracle.py" merge "$REFERENCE" >"$T/wanted"
    python3 "$HERE/compare.py" "$T/wanted" "$ROOT"
'
it "its archive by GNU tar has every file whole" '
    eq "$(tar cf - -C "$ROOT" . | tar tf - | wc -l)" "$(wc -l <"$T/wanted")"
'
it "the store is a valid layout" valid_store
