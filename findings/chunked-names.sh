#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A layer of zstd:chunked form with a name that is not UTF-8 (an old Latin-1 `café`), or a symbolic link to one.
#
# Guess: its table is JSON, which has no such names; so who writes it refuses the name, as it refuses a name that comes twice, or else
# who pulls by the table sees that it does not say the same as the archive, and takes the whole archive.
# Seen (skopeo 1.18.0 and podman 5.4.2 of Debian 13): skopeo pushes it without a word, with U+FFFD in the table. podman with
# enable_partial_images does see the difference, and then does not pull the image at all; it does not fall back as it does where a layer
# has no table. Without enable_partial_images, it pulls the same image, and the names are right.
# So: whoever writes a table has to look at the names first, as no push tells; and a reader that can fetch the whole layer is better
# off with that than with an error.
# Needs root, mmdebstrap, jq, zstd, and a TMPDIR that overlay mounts can lie on.
. "$(dirname "$0")/lib.sh"
debian13 skopeo=1.18.0+ds1-1+b5 podman=5.4.2+ds1-2+b2 docker-registry=2.8.3+ds1-2+b8 umoci=0.4.7+ds-4+b10
registry
cd "$T/13/data"

mkdir src
echo text >src/plain
echo text >$'src/caf\xe9'
ln -s $'caf\xe9' src/link
in13 umoci init --layout /data/image
declare -A MEMBERS=([ascii]=plain [name]=$'plain\ncaf\xe9' [link]=$'plain\nlink' [twice]=$'plain\nplain')
for which in "${!MEMBERS[@]}"; do
    # Without the option, a file that comes again is a hard link to itself.
    tar -C src --hard-dereference -cf layer.tar -T - <<<"${MEMBERS[$which]}"
    in13 umoci new --image "/data/image:$which"
    in13 umoci raw add-layer --image "/data/image:$which" /data/layer.tar
done

push() { # push WHICH: what skopeo says
    in13 skopeo copy --quiet --dest-tls-verify=false --dest-compress-format zstd:chunked "oci:/data/image:$1" "docker://$R/$1:v1" 2>&1 &&
        echo pushed
}
table() { # table WHICH: what it has of names and links
    local position layer
    in13 skopeo copy --quiet --src-tls-verify=false "docker://$R/$1:v1" "dir:/data/$1"
    layer=$1/$(jq -r '.layers[0].digest[7:]' "$1/manifest.json")
    IFS=: read -ra position < <(jq -r '.layers[0].annotations["io.github.containers.zstd-chunked.manifest-position"]' "$1/manifest.json")
    tail -c +$((position[0] + 1)) "$layer" | head -c "${position[1]}" | zstd -dcq | jq -c '[.entries[] | .name, .linkName // empty]'
}
pull() { # pull WHICH PARTIAL: what became of it
    printf '[storage]\ndriver = "overlay"\nrunroot = "/data/%s/run"\ngraphroot = "/data/%s/graph"\n' "$1-$2" "$1-$2" >storage.conf
    printf '[storage.options.pull_options]\nenable_partial_images = "%s"\n' "$2" >>storage.conf
    if CONTAINERS_STORAGE_CONF=/data/storage.conf in13 podman --log-level debug pull --tls-verify=false "$R/$1:v1" >log 2>&1; then
        grep -oE 'Retrieved partial blob|partial images are disabled' log
    else
        sed -n 's/^Error: partial pull of blob sha256:[0-9a-f]*: //p' log
    fi
}
on_disk() { (cd "$1"/graph/overlay/*/diff && LC_ALL=C QUOTING_STYLE=escape stat -c %N -- * | paste -sd ' '); }

shows "a name twice: skopeo" "$(push twice | grep -o 'duplicates of file paths not supported')" "duplicates of file paths not supported"
for which in ascii name link; do shows "$which: skopeo" "$(push $which)" "pushed"; done
instead=$'\xef\xbf\xbd' # U+FFFD
shows "name: table" "$(table name)" "[\"plain\",\"caf$instead\"]"
shows "link: table" "$(table link)" "[\"plain\",\"link\",\"caf$instead\"]"

inconsistent="read zstd:chunked manifest: tar-split and TOC data is inconsistent:"
shows "ascii: podman, in parts" "$(pull ascii true)" "Retrieved partial blob"
shows "name: podman, in parts" "$(pull name true)" "$inconsistent tar-split contains an entry for \"caf\\xe9\" missing in TOC"
shows "link: podman, in parts" "$(pull link true)" \
    "$inconsistent TOC and tar-split metadata doesn’t match: mismatch of Linkname: \"caf$instead\" != \"caf\\xe9\""
shows "name: podman, as a whole" "$(pull name false)" "partial images are disabled"
shows "link: podman, as a whole" "$(pull link false)" "partial images are disabled"
shows "name: on disk" "$(on_disk name-false)" 'caf\351 plain'
shows "link: on disk" "$(on_disk link-false)" 'link -> caf\351 plain'
