#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `skopeo copy --dest-compress-format zstd:chunked` of a layer that the registry has in another compression.
#
# Guess: the option says what the layers at the destination are; a layer that is there in another form is packed and pushed anew, or
# skopeo says that it was not.
# Seen (skopeo 1.18.0 of Debian 13): it holds for what is pushed only. A layer that is found is taken as it is, and what skopeo
# prints, and its exit status, are the same. Found is:
# - the layer of the source, where that is compressed, in the repository, or by this machine's record in another one of the registry;
# - where the source is not compressed, what this machine's record (blob-info-cache) knows as the same content: one command has two
#   results, on a machine that pushed before and on one that did not. Both ways: after zstd:chunked, gzip that is asked for by name is
#   zstd:chunked.
# So: to know the form, look at the manifest that was pushed. No option of 1.18.0 forces it.
# Needs root, mmdebstrap, curl and jq.
. "$(dirname "$0")/lib.sh"
debian13 skopeo=1.18.0+ds1-1+b5 docker-registry=2.8.3+ds1-2+b8 umoci=0.4.7+ds-4+b10
registry
cd "$T/13/data"

echo text >file
tar -cf layer.tar file
in13 umoci init --layout /data/image
in13 umoci new --image /data/image:v1
in13 umoci raw add-layer --image /data/image:v1 /data/layer.tar
in13 skopeo copy --quiet --dest-decompress oci:/data/image:v1 dir:/data/plain
PACKED=oci:/data/image:v1 PLAIN=dir:/data/plain

nowhere() { rm -rf registry/docker; forgotten; }      # neither in the registry nor in the record
forgotten() { rm -rf "$T/13/var/lib/containers/cache"; } # not in the record
form() { # form SOURCE REPOSITORY OPTION…: copies it, and says as what it is there then
    in13 skopeo copy --dest-tls-verify=false "${@:3}" "$1" "docker://$R/$2:v1" >said 2>&1 || echo failed
    curl -sSf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$R/v2/$2/manifests/v1" |
        jq -r '.layers[0] | (.mediaType | sub(".*tar."; "")) + if .annotations then ", a table" else "" end'
}
CHUNKED=(--dest-compress-format zstd:chunked)
GZIP=(--dest-compress-format gzip)

for source in PACKED PLAIN; do
    nowhere
    shows "$source: nothing there" "$(form ${!source} a "${CHUNKED[@]}")" "zstd, a table"
    mv said said-new
    nowhere
    shows "$source: first copy, nothing asked for" "$(form ${!source} a)" "gzip"
    shows "$source: then zstd:chunked" "$(form ${!source} a "${CHUNKED[@]}")" "gzip"
    shows "$source: lines that skopeo says otherwise" "$(diff said said-new | grep -c '^[<>]' || :)" 0
    shows "$source: zstd:chunked, in another repository" "$(form ${!source} b "${CHUNKED[@]}")" "gzip"
    forgotten
    shows "$source: zstd:chunked, no record" "$(form ${!source} a "${CHUNKED[@]}")" \
        "$([[ $source == PACKED ]] && echo gzip || echo "zstd, a table")"
done
forgotten
shows "PACKED: zstd:chunked, in another one, no record" "$(form $PACKED c "${CHUNKED[@]}")" "zstd, a table"
nowhere
shows "PLAIN: zstd:chunked" "$(form $PLAIN a "${CHUNKED[@]}")" "zstd, a table"
shows "PLAIN: then gzip" "$(form $PLAIN a "${GZIP[@]}")" "zstd, a table"
shows "PACKED: then gzip" "$(form $PACKED a "${GZIP[@]}")" "gzip"
shows "options of skopeo copy to force it" "$(in13 skopeo copy --help | grep -c -- '--.*force' || :)" 0
