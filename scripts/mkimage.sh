#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mkimage.sh OUT: builds the reference image as an OCI layout in OUT/oci, tag `dev`; does nothing where it is there.
#
# A Debian of some size, as people build them: a minimal base, three fat layers of packages (compilers; a JDK; Python and
# node), one that deletes the documentation, one that adds a secret, one that deletes it. Seven layers of gzip -6: about
# 88,000 entries, 655 MB, 2.1 GB unpacked. Needs root, the machine's Debian mirror, 6 GB of disk, and some minutes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

out=${1:?usage: mkimage.sh OUT}
[[ -f $out/oci/index.json ]] && exit
((EUID == 0)) || die "this needs root: it unpacks a system and runs its package manager"
"$here/setup.sh" image
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$out/work
storage=(--root "$work/storage" --runroot "$work/run" --storage-driver overlay)

clear_work() {
    [[ ! -d $work/storage ]] || buildah "${storage[@]}" rm --all >/dev/null 2>&1 || true
    [[ ! -d $work/storage/overlay ]] || ! is_mounted "$work/storage/overlay" || umount "$work/storage/overlay"
    rm -rf --one-file-system "$work"
}
trap clear_work EXIT
clear_work
mkdir -p "$work"

logged() { # logged COMMAND...: its output is shown where it fails
    "$@" >"$work/log" 2>&1 || {
        tail -n 30 "$work/log" >&2
        die "failed: $1"
    }
}

# The machine's own sources, so that a mirror or proxy that it is set up with is used inside too.
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
sources=/etc/apt/sources.list.d/debian.sources
[[ -f $sources ]] || sources=/etc/apt/sources.list
say "Building the reference image in $out: a minimal $suite ..."
# shellcheck disable=SC2016 # for the hook's shell
logged mmdebstrap --variant=minbase --include=ca-certificates \
    --customize-hook='cp -r /etc/apt/apt.conf.d/. "$1/etc/apt/apt.conf.d/"' \
    --customize-hook='rm -f "$1"/var/cache/apt/*.bin' "$suite" "$work/base.tar" "$sources"

cat >"$work/Containerfile" <<'END'
FROM scratch
ADD base.tar /
ARG DEBIAN_FRONTEND=noninteractive
ARG install="apt-get install -y -qq --no-install-recommends"
ARG clean="rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/*"
RUN apt-get update -qq && $install build-essential git cmake && apt-get clean && $clean
RUN apt-get update -qq && $install openjdk-17-jdk-headless maven && apt-get clean && $clean
RUN apt-get update -qq && $install python3 python3-numpy python3-scipy nodejs npm golang-go && apt-get clean && $clean
RUN rm -rf /usr/share/doc /usr/share/man
RUN echo hunter2 >/root/secret.txt && mkdir -p /app && printf '#!/bin/sh\necho hi\n' >/app/run && \
    chmod 4755 /app/run && ln /app/run /app/run2
RUN rm /root/secret.txt
CMD ["/bin/bash"]
END
say "... its layers ..."
logged buildah "${storage[@]}" bud --layers --isolation chroot --format oci -t dev "$work"

# buildah compresses with a gzip of its own; what is to be measured is what gzip -6 makes.
say "... and gzip -6"
logged buildah "${storage[@]}" push localhost/dev "oci:$work/oci:dev"
python3 -B "$here/recompress.py" "$work/oci"
mv "$work/oci" "$out/oci"
