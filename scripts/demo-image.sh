#!/bin/bash
# SPDX-License-Identifier: MIT
#
# demo-image.sh HOST:PORT/REPOSITORY WORK: makes the demo's image below WORK, pushes it as tag 1, and
# prints the architecture of its second platform.
#
# With tar, gzip, sha256sum and curl alone, so that it also shows what an image is: an index of two
# platforms, each a manifest that names a config and three layers. The second layer brings a password
# file, the third deletes it. Only this machine's platform has a busybox in it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

reference=${1:?usage: demo-image.sh HOST:PORT/REPOSITORY WORK}
work=${2:?}
api=http://${reference%%/*}/v2/${reference#*/}
oci=application/vnd.oci.image

architecture() { # this machine's, as images name it
    case $(dpkg --print-architecture 2>/dev/null || uname -m) in
    amd64 | x86_64) echo amd64 ;;
    arm64 | aarch64) echo arm64 ;;
    i386 | i?86) echo 386 ;;
    arm*) echo arm ;;
    ppc64*) echo ppc64le ;;
    *) dpkg --print-architecture ;;
    esac
}

digest() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }

descriptor() { # descriptor FILE MEDIA_TYPE [MORE]
    printf '{"mediaType":"%s","digest":"%s","size":%d%s}' "$2" "$(digest "$1")" "$(stat -c %s "$1")" "${3:-}"
}

http() { curl -sS --fail-with-body --noproxy '*' "$@"; }

push_blob() { # push_blob FILE
    local location
    location=$(http -X POST -D - -o /dev/null "$api/blobs/uploads/" | tr -d '\r' |
        awk 'tolower($1) == "location:" { print $2 }')
    http -o /dev/null -T "$1" -H 'Content-Type: application/octet-stream' "$location&digest=$(digest "$1")"
}

push_manifest() { # push_manifest FILE MEDIA_TYPE TAG|DIGEST
    http -o /dev/null -T "$1" -H "Content-Type: $2" "$api/manifests/$3"
}

# --- layers: a directory each, packed with fixed owners and times, so that they come out the same every time

base() { # base DIR ARCHITECTURE
    local name
    mkdir -p "$1"/{bin,etc,root,tmp}
    chmod 1777 "$1/tmp"
    printf 'Hello from an image that nobody unpacked.\n' >"$1/etc/motd"
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$1/etc/passwd"
    printf '%s\n' "$2" >"$1/etc/architecture"
    if [[ $2 == "$(architecture)" ]]; then
        cp "$(command -v busybox)" "$1/bin/busybox"
        for name in sh ls cat grep; do
            ln "$1/bin/busybox" "$1/bin/$name"
        done
    fi
}

app() { # app DIR
    mkdir -p "$1/app" "$1/root"
    printf '#!/bin/sh\ncat /etc/motd\n' >"$1/app/greet"
    printf 'listen = 8080\nverbose = no\n' >"$1/app/settings"
    chmod 755 "$1/app/greet"
    printf 'user: admin\npassword: hunter2\n' >"$1/root/password.txt"
}

cleanup() { # cleanup DIR: a whiteout is an empty file named .wh.NAME (OCI image specification, layer.md)
    mkdir -p "$1/root"
    : >"$1/root/.wh.password.txt"
}

pack() { # pack NAME: WORK/NAME to WORK/NAME.tar and WORK/NAME.tar.gz
    tar -C "$work/$1" --sort=name --numeric-owner --owner=0 --group=0 --mtime=2026-01-01T00:00:00Z \
        --format=posix --pax-option=delete=atime,delete=ctime -cf "$work/$1.tar" .
    gzip -9nk "$work/$1.tar"
}

# --- the documents

config() { # config ARCHITECTURE LAYER...
    local arch=$1 diff_ids=
    shift
    for layer; do
        diff_ids+=${diff_ids:+,}\"$(digest "$work/$layer.tar")\"
    done
    cat <<-JSON
	{"created":"2026-01-03T00:00:00Z","architecture":"$arch","os":"linux",
	 "config":{"Env":["PATH=/bin"],"Cmd":["/app/greet"],"WorkingDir":"/"},
	 "rootfs":{"type":"layers","diff_ids":[$diff_ids]},
	 "history":[
	  {"created":"2026-01-01T00:00:00Z","created_by":"COPY busybox /bin/ # buildkit"},
	  {"created":"2026-01-02T00:00:00Z","created_by":"COPY app password.txt / # buildkit"},
	  {"created":"2026-01-03T00:00:00Z","created_by":"RUN /bin/sh -c rm /root/password.txt # buildkit"},
	  {"created":"2026-01-03T00:00:00Z","created_by":"CMD [\"/app/greet\"]","empty_layer":true}]}
	JSON
}

manifest() { # manifest CONFIG LAYER...
    local config=$1 layers=
    shift
    for layer; do
        layers+=${layers:+,}$(descriptor "$work/$layer.tar.gz" $oci.layer.v1.tar+gzip)
    done
    printf '{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}' \
        $oci.manifest.v1+json "$(descriptor "$config" $oci.config.v1+json)" "$layers"
}

umask 022
rm -rf "$work"
mkdir -p "$work"
app "$work/app" && pack app
cleanup "$work/cleanup" && pack cleanup
push_blob "$work/app.tar.gz"
push_blob "$work/cleanup.tar.gz"

other=arm64
[[ $(architecture) == arm64 ]] && other=amd64
manifests=
for arch in "$(architecture)" $other; do
    base "$work/base-$arch" "$arch" && pack "base-$arch"
    config "$arch" "base-$arch" app cleanup >"$work/config-$arch.json"
    manifest "$work/config-$arch.json" "base-$arch" app cleanup >"$work/manifest-$arch.json"
    push_blob "$work/base-$arch.tar.gz"
    push_blob "$work/config-$arch.json"
    push_manifest "$work/manifest-$arch.json" $oci.manifest.v1+json "$(digest "$work/manifest-$arch.json")"
    manifests+=${manifests:+,}$(descriptor "$work/manifest-$arch.json" $oci.manifest.v1+json \
        ",\"platform\":{\"architecture\":\"$arch\",\"os\":\"linux\"}")
done
printf '{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}' $oci.index.v1+json "$manifests" >"$work/index.json"
push_manifest "$work/index.json" $oci.index.v1+json 1
rm -rf "$work"
echo "$other"
