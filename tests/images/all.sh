# SPDX-License-Identifier: MIT
# all.sh: sourced behind lib.sh. Makes every image of images/, as the layout $T/cases/NAME and in a registry as
# cases/NAME:v1; IMAGES has a line for each, its name and the references that do not do as the rules say.
#
# They are always the same: of the tests of one run.sh the first makes them, in $SHARED, and the others copy them.

# What other programs make: NAME and the tool, and the form that skopeo gives it on its way to the registry.
made() { # NAME TOOL SKOPEO-OPTIONS…
    local name=$1 tool=$2 out=$SHARED/making/$1
    shift 2
    have "$tool" && [[ $EUID == 0 ]] || return 0
    [[ $tool != buildah ]] || have_unpacker buildah || return 0
    "$HERE/images/tools.sh" "$name" "$out" >"$T/$name.log" 2>&1 || { tail "$T/$name.log"; exit 1; }
    skopeo copy -q --insecure-policy --dest-tls-verify=false "$@" "oci:$out:v1" "docker://$R/cases/$name:v1"
    echo "$name" >>"$SHARED/images"
}
make_all() {
    rm -rf "$SHARED/making" "$SHARED/registry.data"
    mkdir "$SHARED/making"
    "$HERE/images/handmade.py" "$SHARED/making" "$R"
    "$HERE/images/handmade.py" --list >"$SHARED/images"
    made umoci umoci
    made buildah buildah
    made archive skopeo --format v2s2
    cp -a "$T/registry.data" "$SHARED/registry.data"
    mv "$SHARED/making" "$SHARED/cases"
}

start_registry
mkdir -p "$SHARED"
(
    flock 9
    if [[ -e $SHARED/cases ]]; then
        cp -a "$SHARED/registry.data/." "$T/registry.data"
    else
        make_all
    fi
) 9>"$SHARED/lock"
cp -a "$SHARED/cases" "$T/cases"
IMAGES=$(cat "$SHARED/images")
