# SPDX-License-Identifier: MIT
# all.sh: sourced behind lib.sh. Makes every image of images/, as the layout $T/cases/NAME and in a registry as
# cases/NAME:v1; IMAGES has a line for each, its name and the references that do not do as the rules say.
start_registry
mkdir "$T/cases"
"$HERE/images/handmade.py" "$T/cases" "$R"
IMAGES=$("$HERE/images/handmade.py" --list)
# What other programs make: NAME and the tool, and the form that skopeo gives it on its way to the registry.
made() { # NAME TOOL SKOPEO-OPTIONS…
    local name=$1 tool=$2
    shift 2
    have "$tool" && [[ $EUID == 0 ]] || return 0
    [[ $tool != buildah ]] || have_unpacker buildah || return 0
    [[ -e $T/cases/$name ]] || "$HERE/images/tools.sh" "$name" "$T/cases/$name" >"$T/$name.log" 2>&1 || { tail "$T/$name.log"; exit 1; }
    skopeo copy -q --insecure-policy --dest-tls-verify=false "$@" "oci:$T/cases/$name:v1" "docker://$R/cases/$name:v1"
    IMAGES+=$'\n'$name
}
made umoci umoci
made buildah buildah
made archive skopeo --format v2s2
