#!/bin/bash
# SPDX-License-Identifier: MIT
#
# chroot-check.sh [SUITE]: what a newcomer does, on a machine that has nothing: a fresh minimal Debian in a chroot, a clean
# clone of the last commit, and then scripts/demo.sh and scripts/test.sh there. SUITE is this machine's where none is given.
#
# Needs root, mmdebstrap, and the Debian mirror that apt is set up with. Mounts and processes are those of namespaces of
# their own, so nothing is left but build/chroot, which goes as well where all went well. KEEP=1 keeps it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

((EUID == 0)) || die "this needs root: it makes a chroot"
need_fuse
command -v mmdebstrap >/dev/null || "$here/setup.sh" image
suite=${1:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
root=$build/chroot
rm -rf --one-file-system "$root"
mkdir -p "$build"

say "A minimal $suite in $root ..."
sources=()
if [[ $suite == "$(. /etc/os-release && echo "$VERSION_CODENAME")" ]]; then
    sources=(/etc/apt/sources.list.d/debian.sources)
    [[ -f ${sources[0]} ]] || sources=(/etc/apt/sources.list)
fi
# shellcheck disable=SC2016 # for the hook's shell
mmdebstrap --quiet --variant=minbase --customize-hook='cp -r /etc/apt/apt.conf.d/. "$1/etc/apt/apt.conf.d/"' \
    "$suite" "$root" "${sources[@]}"
cp /etc/resolv.conf "$root/etc/resolv.conf"
git clone -q "$top" "$root/root/imagefs"
touch "$root/dev/fuse"

# Inside: the namespaces' own /proc, the one device, and nothing of this shell's environment.
inside() { # inside COMMAND
    say "--- $1"
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --pid --fork --kill-child bash -euc '
        mount --make-rprivate /
        mount --bind "$1" "$1" # podman and buildah want / to be a mount, and /sys to be there
        mount -t sysfs sysfs "$1/sys"
        mount -t proc proc "$1/proc"
        mount --bind /dev/fuse "$1/dev/fuse"
        mount -t tmpfs tmpfs "$1/dev/shm"
        mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
        ln -sf pts/ptmx "$1/dev/ptmx"
        exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$1" \
            /bin/sh -c "cd /root/imagefs && $2" </dev/null' inside "$root" "$1"
}

inside 'scripts/demo.sh && scripts/demo.sh stop'
inside 'scripts/test.sh'
[[ -n ${KEEP:-} ]] || rm -rf --one-file-system "$root"
