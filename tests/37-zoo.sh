#!/bin/bash
# SPDX-License-Identifier: MIT
# Registries that are not docker-registry: what was reported of each (zoo.py), and the other members of each kind.
. "$(dirname "$0")/lib.sh"
need_fuse
have openssl || skip_all "no openssl"
openssl ecparam -genkey -name prime256v1 -noout -out "$T/cosign.key" 2>/dev/null
openssl ec -in "$T/cosign.key" -pubout -out "$T/cosign.pub" 2>/dev/null

# --- the table -----------------------------------------------------------------------------------

hostile private <<<'import zoo; zoo.play(globals(), True)'
PRIVATE=$H
hostile zoo <<<'import zoo; zoo.play(globals(), False)'
mkdir -p "$HOME/.docker"
jq -n --arg host "$PRIVATE" --arg auth "$(printf ann:canary-secret | base64)" '{auths: {($host): {auth: $auth}}}' >"$HOME/.docker/config.json"
mount_store
I=$M/images/$H
pull "$H/source:v1" >/dev/null

pulls() { # HOST NAME
    pull "$1/$2:a" >/dev/null
    has "$(pull "$1/$2:a")" "Image is up to date"
    eq "$(cat "$M/images/$1/$2/a/rootfs/file")" "$2"
}
pushes() { # NAME: and all is there
    local digest
    ctl tag "$H/source:v1" "$H/$1:pushed"
    ctl push "$H/$1:pushed" >/dev/null
    digest=$(readlink "$I/source/v1")
    eq "sha256:$(curl -sf "http://$H/v2/$1/manifests/pushed" | sha256sum | cut -d" " -f1)" "$digest"
    for blob in $(jq -r ".config.digest, .layers[].digest" "$I/source/v1/manifest.json"); do
        eq "sha256:$(curl -sf "http://$H/v2/$1/blobs/$blob" | sha256sum | cut -d" " -f1)" "$blob"
    done
}
refuses() { # NAME
    ctl tag "$H/source:v1" "$H/$1:pushed"
    expect_errno EPROTO write "$M/ctl/push" "$H/$1:pushed"
    matches "$(tail -3 "$M/ctl/push")" "unexpected status from POST|manifest invalid: manifest invalid"
    fails curl -sf "http://$H/v2/$1/manifests/pushed"
}
works() { # NAME WHAT REFERRERS
    case $2 in
    pull) pulls "$H" "$1" ;;
    private) pulls "$PRIVATE" "$1" ;;
    tags) eq "$(cat "$I/$1/.tags")" $'a\nb' ;;
    referrers) eq "$(ls "$I/$1/$(readlink "$I/$1/a")/referrers" | sort | paste -sd,)" "$3" ;;
    verify) has "$(ctl verify "$H/$1:a --key $T/cosign.pub")" "The signatures were verified" ;;
    push) pushes "$1" ;;
    refused) refuses "$1" ;;
    esac
}
while read -r name what digests text; do
    for one in ${what//,/ }; do
        [[ $one != referrers && $one != verify && $one != tags ]] || cat "$I/$name/a/config.json" >/dev/null 2>&1 || :
        it "$text: $one" "works $name $one $digests"
    done
done <"$T/zoo"
