#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What containers/storage reads of the tables that stargz-snapshotter's converter writes, where it is told to pull in parts.
#
# Guess: zstd:chunked is one format, so both read each other's; and a file has the same time whether it is pulled by the table or from
# the archive, but for fractions of a second.
# Seen (ctr-remote 0.14.3 and podman 5.4.2 of Debian 13):
# - ctr-remote's zstd:chunked layers are annotated with io.containers.zstd-chunked.*, podman looks for io.github.containers.zstd-chunked.*.
#   But it knows the annotation beside them, containerd.io/snapshot/stargz/toc.digest, and so takes the layer for eStargz. By default it
#   pulls neither in parts. With insecure_allow_unpredictable_image_contents it looks for gzip's footer in the zstd layer,
#   and the pull fails; eStargz itself is pulled in parts.
# - The table has whole seconds, rounded and not cut: 1.999999999 s is 2 s. A time in the first second of 1970 is left out, also 0.6 s.
#   A file of the image that has the time 0, as reproducible builds write it, then has the time of the pull.
# So: look at the layer's media type and footer, not at annotations alone; and a time that a table leaves out is 0, not unknown.
# Needs root, mmdebstrap, curl, jq, and a TMPDIR that overlay mounts can lie on.
. "$(dirname "$0")/lib.sh"
debian13 stargz-snapshotter=0.14.3-4+b6 containerd=1.7.24~ds1-6+deb13u1 podman=5.4.2+ds1-2+b2 docker-registry=2.8.3+ds1-2+b8 \
    umoci=0.4.7+ds-4+b10
registry
cd "$T/13/data"

mkdir src
TIMES=(0 0.6 1.4 1.999999999 100)
for time in "${TIMES[@]}"; do
    echo text >"src/$time"
    touch -d "@$time" "src/$time"
done
tar -C src --format=pax --pax-option=delete=atime,delete=ctime -cf layer.tar "${TIMES[@]}"
in13 umoci init --layout /data/image
in13 umoci new --image /data/image:v1
in13 umoci raw add-layer --image /data/image:v1 /data/layer.tar
jq '.manifests[].annotations["org.opencontainers.image.ref.name"] = "test.example/image:v1"' image/index.json >index.json
mv index.json image/index.json
tar -C image -cf image.tar .

cat >containerd.toml <<'EOF'
version = 2
root = "/data/containerd"
state = "/data/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "/data/containerd.sock"
EOF
"${IN13[@]}" containerd -c /data/containerd.toml >containerd.log 2>&1 &
SERVERS+=($!)
ctr() { in13 ctr-remote -a /data/containerd.sock "$@"; }
until ctr version >/dev/null 2>&1; do
    kill -0 "${SERVERS[-1]}"
    sleep 0.1
done
ctr images import --no-unpack /data/image.tar >/dev/null
for form in estargz zstdchunked; do
    ctr images convert --oci --$form test.example/image:v1 "$R/$form:v1" >/dev/null
    ctr images push --plain-http "$R/$form:v1" >/dev/null
done

layer() { curl -sSf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$R/v2/$1/manifests/v1" | jq '.layers[0]'; }
annotations() { layer "$1" | jq -r '.annotations | keys[]' | paste -sd ' '; }
modtimes() { # of the table of eStargz, without the entry that is ctr-remote's own
    curl -sSf "http://$R/v2/estargz/blobs/$(layer estargz | jq -r .digest)" | gzip -dc | tar -xO stargz.index.json |
        jq -r '.entries[1:][] | .modtime // "none"' | paste -sd ' '
}
pull() { # pull FORM INSECURE: what became of it
    printf '[storage]\ndriver = "overlay"\nrunroot = "/data/%s/run"\ngraphroot = "/data/%s/graph"\n' "$1-$2" "$1-$2" >storage.conf
    printf '[storage.options.pull_options]\nenable_partial_images = "true"\n' >>storage.conf
    printf 'insecure_allow_unpredictable_image_contents = "%s"\n' "$2" >>storage.conf
    if CONTAINERS_STORAGE_CONF=/data/storage.conf in13 podman --log-level debug pull --tls-verify=false "$R/$1:v1" >log 2>&1; then
        sed -n 's/.*\(Retrieved partial blob\).*/\1/p; s/.*Failed to retrieve partial blob: \(.*\)"$/\1/p' log
    else
        sed -n 's/^Error: partial pull of blob sha256:[0-9a-f]*: \(.*: parsing\) .*: /\1 …: /p' log
    fi
}
times() { # of the files of the image; "the pull" is after this script began
    local time seen
    for time in "${TIMES[@]}"; do
        seen=$(stat -c %.9Y "$1"/graph/overlay/*/diff/"$time")
        printf '%s ' "$( ((${seen%.*} >= BEGAN)) && echo "the pull" || echo "$seen")"
    done
}
BEGAN=$(date +%s)

shows "zstd:chunked: annotations" "$(annotations zstdchunked)" "containerd.io/snapshot/stargz/toc.digest \
io.containers.estargz.uncompressed-size io.containers.zstd-chunked.manifest-checksum io.containers.zstd-chunked.manifest-position"
whole="estargz layers don't support partial pulls with guaranteed consistency with non-partial pulls"
for form in estargz zstdchunked; do shows "$form: podman" "$(pull $form false)" "$whole"; done
shows "zstdchunked: podman, insecure" "$(pull zstdchunked true)" \
    "read zstd:chunked manifest: parse ToC offset: strconv.ParseInt: parsing …: invalid syntax"
shows "estargz: podman, insecure" "$(pull estargz true)" "Retrieved partial blob"
shows "estargz: times in the table" "$(modtimes)" "none none 1970-01-01T00:00:01Z 1970-01-01T00:00:02Z 1970-01-01T00:01:40Z"
shows "estargz: times, pulled as a whole" "$(times estargz-false)" "0.000000000 0.600000000 1.400000000 1.999999999 100.000000000 "
shows "estargz: times, pulled in parts" "$(times estargz-true)" "the pull the pull 1.000000000 2.000000000 100.000000000 "
