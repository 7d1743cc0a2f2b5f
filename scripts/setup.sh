#!/bin/bash
# SPDX-License-Identifier: MIT
#
# setup.sh [build|demo|test|bench|image|cross:ARCH]...: installs what is missing for that, through apt, on Debian 12 or later.
#
#   build   compiler, libraries, and what a mount needs (the default)
#   demo    build, and a registry to mount (scripts/demo.sh)
#   test    demo, and the programs that the tests compare with (scripts/test.sh)
#   bench   demo, and the peers and tools that scripts/bench.sh measures with
#   image   what builds the reference image (scripts/mkimage.sh)
#   cross:ARCH  what builds and runs the unit tests for another architecture (scripts/cross-test.sh)
#
# Says nothing and asks for no rights where all is there. Works without sudo for root. An optional package that cannot
# be had is left out, and a line says so; nothing ends for it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# One of several packages will do where they stand as a|b; the first is what gets installed.
# shellcheck disable=SC2034 # reached by name
{
    packages_build=(make gcc libc6-dev 'pkg-config|pkgconf' libfuse3-dev fuse3
        'libcurl4-openssl-dev|libcurl4-gnutls-dev' libssl-dev libjson-c-dev zlib1g-dev libzstd-dev
        libxxhash-dev ca-certificates)
    packages_demo=("${packages_build[@]}" docker-registry curl 'busybox-static|busybox')
    packages_test=("${packages_demo[@]}" libcmocka-dev skopeo umoci podman buildah python3 apache2-utils openssl
        jq attr zstd xz-utils libarchive-tools procps strace clamav)
    packages_bench=("${packages_demo[@]}" skopeo umoci podman containerd runc python3 squashfuse
        squashfs-tools isal git mmdebstrap ripgrep tree rsync libarchive-tools borgbackup clamav bubblewrap)
    packages_image=(mmdebstrap buildah python3)
    packages_cross=(make pkg-config python3 zstd xz-utils openssl curl attr libarchive-tools docker-registry qemu-user)
}

# What is no package on every architecture, or large; and what is missing without it.
declare -A without=(
    [libisal-dev]="inflating gzip layers takes twice as long, by zlib"
    [clang]="the fuzz targets are not run"
    [libclang-rt-dev]="the fuzz targets are not run"
)

# The libraries are those of the other architecture.
cross_packages() { # cross_packages ARCH
    local package name
    name=$(triplet "$1") || die "there is no cross compiler for $1"
    isal+=:$1
    wanted+=("${packages_cross[@]}" "gcc-$name")
    for package in "${packages_build[@]}" libcmocka-dev; do
        [[ $package != *-dev ]] || wanted+=("${package//-dev/-dev:$1}")
    done
}

# What writes into `grep -q` by a pipe is killed when grep has seen enough, and fails the pipe then (pipefail).
installed() { # installed PACKAGE[|PACKAGE]...
    local p
    for p in ${1//|/ }; do
        if grep -qx installed <(dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null); then
            return 0
        fi
    done
    return 1
}

available() { grep -q '^Version:' <(apt-cache show "$1" 2>/dev/null); }

# Installing a package may start its service (docker-registry, on a port for all to see, and at every
# boot). The programs are all that is wanted here: so no service starts meanwhile, none is enabled.
services_off() {
    policy=/usr/sbin/policy-rc.d
    [[ -e $policy ]] && policy=
    [[ -z $policy ]] && return
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

services_restore() {
    [[ -n ${policy:-} ]] && as_root rm -f "$policy"
    return 0
}

disable_service() { # disable_service NAME: only where this run installed it
    [[ " ${missing[*]} " == *" $1 "* && -d /run/systemd/system ]] || return 0
    as_root systemctl disable --quiet "$1" || true
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

install_missing() {
    log=$(mktemp)
    trap 'services_restore; rm -f "$log"' EXIT
    say "Installing what is missing: ${missing[*]}"
    # A source that cannot be reached is no reason to stop: what counts is whether the packages come.
    apt_get update >"$log" 2>&1 || true
    services_off
    if ! apt_get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        die "apt could not install these packages: ${missing[*]}"
    fi
    disable_service docker-registry
    disable_service containerd
}

# By what apt knows by now, in one try, and without a question for a password.
install_optional() { # install_optional PACKAGE
    local why
    if ! available "$1"; then
        why="apt knows no such package"
    elif ((EUID != 0)) && ! sudo -n true 2>/dev/null; then
        why="installing it takes root"
    elif ! apt_get -o Acquire::Retries=0 -o Acquire::http::Timeout=15 install -y --no-install-recommends \
        "$1" >/dev/null 2>&1 </dev/null; then
        why="apt could not install it"
    else
        return 0
    fi
    say "Left out: $1 ($why). Without it, ${without[${1%:*}]}."
}

wanted=() missing=() optional=() builds= isal=libisal-dev
for set in "${@:-build}"; do
    case $set in
    build | demo | test | bench | cross:*) builds=yes ;;&
    test) optional+=(clang libclang-rt-dev) ;;&
    build | demo | test | bench | image) declare -n list=packages_$set && wanted+=("${list[@]}") ;;
    cross:*) cross_packages "${set#cross:}" ;;
    *) die "usage: setup.sh [build|demo|test|bench|image|cross:ARCH]..." ;;
    esac
done
[[ -z $builds ]] || optional+=("$isal")

need_debian "${wanted[@]}"
for package in "${wanted[@]}"; do
    installed "$package" || [[ " ${missing[*]} " == *" ${package%%|*} "* ]] || missing+=("${package%%|*}")
done
if ((${#missing[@]} > 0)); then
    install_missing
fi
for package in "${optional[@]}"; do
    installed "$package" || install_optional "$package"
done
