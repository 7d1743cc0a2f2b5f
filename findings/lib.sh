# SPDX-License-Identifier: MIT
# Sourced by the scripts beside it: pinned Debian packages, unpacked in a temporary folder that goes with the script.
set -euo pipefail
T=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'umount -l "$T"/mnt* 2>/dev/null || :; rm -rf "$T"' EXIT

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

# shows WHAT SEEN EXPECTED
shows() {
    printf '%-56s %s\n' "$1:" "$2"
    [[ $2 == "$3" ]] || {
        echo "CHANGED: was $3" >&2
        exit 1
    }
}
