#!/bin/bash
# SPDX-License-Identifier: MIT
#
# chroot-check.sh [SUITE [ARCH]]: what a newcomer does, on a machine that has nothing: a fresh minimal Debian in a
# chroot, a clean clone of the last commit, and then scripts/demo.sh and scripts/test.sh there. SUITE is this machine's
# where none is given; with another ARCH it is scripts/cross-test.sh ARCH instead: the unit tests, built for ARCH.
#
# Needs root, mmdebstrap, and the Debian mirror that apt is set up with. Mounts and processes are those of namespaces of
# their own, so nothing is left but build/chroot/SUITE, which goes as well where all went well. KEEP=1 keeps it; the next
# run with KEEP=1 takes it as it is, with all packages that it has by then, and a new clone. TIMEOUT_FACTOR is handed on.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

((EUID == 0)) || die "this needs root: it makes a chroot"
suite=${1:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
arch=${2:-}
[[ -n $arch ]] || need_fuse
command -v mmdebstrap >/dev/null || "$here/setup.sh" image
root=$build/chroot/$suite${arch:+-$arch}
apt=$root.apt

# This machine's Debian archives, those of them that have the suite. Libraries of two architectures have to be of one
# version, as they are in the suite itself; so it goes without updates then.
sources() {
    local uri release part
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
        sort -u | while read -r uri release; do
        case $release in
        *-updates | *-security)
            [[ -z $arch ]] || continue
            part=$suite-${release##*-}
            ;;
        *-*) continue ;;
        *) part=$suite ;;
        esac
        if /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file "${uri%/}/dists/$part/InRelease" \
            "$apt/InRelease" >"$apt/log" 2>&1; then
            echo "deb $uri $part main"
        fi
    done
}

make_chroot() {
    say "A minimal $suite in $root ..."
    sources >"$apt/sources"
    [[ -s $apt/sources ]] || die "no mirror of this machine has $suite: $(tail -n 1 "$apt/log")"
    # How apt comes to the mirror. Lists of what it fetches are not taken over: they would be there twice.
    apt-config dump Acquire | grep -v '^Acquire::IndexTargets\|:: ' >"$apt/conf"
    # shellcheck disable=SC2016 # for the hooks' shell
    mmdebstrap --quiet --variant=minbase --aptopt="$apt/conf" --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
        ${arch:+--architectures="$(dpkg --print-architecture),$arch"} "$suite" "$root" "$apt/sources"
}

# Inside: the namespaces' own /proc, the one device, and nothing of this shell's environment.
inside() { # inside COMMAND
    say "--- $suite: $1"
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --pid --fork --kill-child bash -euc '
        mount --make-rprivate /
        mount --bind "$1" "$1" # podman and buildah want / to be a mount, and /sys to be there
        mount -t sysfs sysfs "$1/sys"
        mount -t proc proc "$1/proc"
        [[ ! -e /dev/fuse ]] || mount --bind /dev/fuse "$1/dev/fuse"
        mount -t tmpfs tmpfs "$1/dev/shm"
        mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
        ln -sf pts/ptmx "$1/dev/ptmx"
        exec env -i HOME=/root TIMEOUT_FACTOR="$3" PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$1" \
            /bin/sh -c "cd /root/imagefs && $2" </dev/null' inside "$root" "$1" "${TIMEOUT_FACTOR:-}"
}

[[ -n ${KEEP:-} && -e $root/root/imagefs ]] || rm -rf --one-file-system "$root"
mkdir -p "$apt"
[[ -e $root ]] || make_chroot
cp /etc/resolv.conf "$root/etc/resolv.conf"
# An installer writes it; before Debian 13 no package does.
[[ -e $root/etc/hosts ]] || echo "127.0.0.1 localhost" >"$root/etc/hosts"
touch "$root/dev/fuse"
rm -rf --one-file-system "$root/root/imagefs"
git clone -q "$top" "$root/root/imagefs"

if [[ -z $arch ]]; then
    inside 'scripts/demo.sh && scripts/demo.sh stop'
    inside 'scripts/test.sh'
else
    inside "scripts/cross-test.sh $arch"
fi
[[ -n ${KEEP:-} ]] || rm -rf --one-file-system "$root"
