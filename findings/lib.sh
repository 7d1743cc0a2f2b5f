# SPDX-License-Identifier: MIT
# Sourced by the scripts beside it: pinned Debian packages, unpacked in a temporary folder that goes with the script.
set -euo pipefail
T=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
SERVERS=()
trap '[[ -z ${SERVERS[*]} ]] || { kill "${SERVERS[@]}"; wait "${SERVERS[@]}"; } 2>/dev/null || :
    umount -l "$T"/mnt* 2>/dev/null || :
    rm -rf "$T"' EXIT

# packages NAME=VERSION…: unpacks them in $T/root, and puts their programs and libraries before those of the machine.
packages() {
    mkdir -p "$T/deb"
    (cd "$T/deb" && apt-get -o APT::Sandbox::User=root -qq download "$@") || {
        echo "not run: the mirror has these versions no more" >&2
        exit 2
    }
    for deb in "$T"/deb/*.deb; do dpkg -x "$deb" "$T/root"; done
    export PATH=$T/root/usr/bin:$T/root/bin:$PATH
    export LD_LIBRARY_PATH=$T/root/usr/lib/x86_64-linux-gnu:$T/root/lib/x86_64-linux-gnu
}

# debian13 NAME=VERSION…: unpacks them in $T/13, with what they depend on, for in13. No script of a package runs.
debian13() {
    local IFS=,
    chmod 755 "$T"
    mmdebstrap --quiet --variant=extract --aptopt='APT::Sandbox::User "root"' --include="base-files,$*" trixie "$T/13" 2>"$T/log" || {
        echo "not run: $(grep -m 1 '^E:' "$T/log" || echo "mmdebstrap is not there, or does not say why")" >&2
        exit 2
    }
    mkdir "$T/13/data"
}

# in13 COMMAND…: there, with mounts of its own; $T/13/data is /data. "${IN13[@]}" COMMAND… & starts it as a child of the script.
# shellcheck disable=SC2016 # for the inner shell
IN13=(unshare --mount bash -euc '
    mount --bind "$0" "$0"
    cd "$0"
    mount -t proc proc proc
    mount --rbind /sys sys
    exec chroot . "$@"' "$T/13")
in13() { "${IN13[@]}" "$@"; }

# registry: starts docker-registry there, and sets R to its address.
registry() {
    cat >"$T/13/data/registry.yml" <<'EOF'
version: 0.1
storage: {filesystem: {rootdirectory: /data/registry}}
http: {addr: "127.0.0.1:0"}
EOF
    "${IN13[@]}" docker-registry serve /data/registry.yml >"$T/registry.log" 2>&1 &
    SERVERS+=($!)
    until R=$(grep -om 1 'listening on 127[.0-9]*:[0-9]*' "$T/registry.log"); do
        kill -0 "${SERVERS[-1]}" 2>/dev/null || {
            cat "$T/registry.log" >&2
            exit 2
        }
        sleep 0.1
    done
    R=${R##* }
}

# shows WHAT SEEN EXPECTED
shows() {
    printf '%-56s %s\n' "$1:" "$2"
    [[ $2 == "$3" ]] || {
        echo "CHANGED: was $3" >&2
        exit 1
    }
}
