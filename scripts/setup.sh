#!/bin/bash
# SPDX-License-Identifier: MIT
#
# setup.sh [build|demo|test|bench|image]...: installs what is missing for that, through apt, on Debian 12 or later.
#
#   build   compiler, libraries, and what a mount needs (the default)
#   demo    build, and a registry to mount (scripts/demo.sh)
#   test    demo, and the programs that the tests compare with (scripts/test.sh)
#   bench   demo, and the peers that scripts/bench.sh measures beside imagefs
#   image   what builds the reference image (scripts/mkimage.sh)
#
# Says nothing and asks for no rights where all is there. Works without sudo for root.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# One of several packages will do where they stand as a|b; the first is what gets installed.
# shellcheck disable=SC2034 # reached by name
{
    packages_build=(make gcc libc6-dev 'pkg-config|pkgconf' libfuse3-dev fuse3
        'libcurl4-openssl-dev|libcurl4-gnutls-dev' libssl-dev libjson-c-dev zlib1g-dev libzstd-dev
        libxxhash-dev ca-certificates)
    packages_optional=(libisal-dev) # not on every architecture
    packages_demo=("${packages_build[@]}" docker-registry curl 'busybox-static|busybox')
    packages_test=("${packages_demo[@]}" libcmocka-dev skopeo umoci podman buildah python3 apache2-utils openssl
        jq attr zstd xz-utils libarchive-tools procps strace clamav)
    packages_bench=("${packages_demo[@]}" skopeo umoci podman containerd runc python3 squashfuse
        squashfs-tools isal git)
    packages_image=(mmdebstrap buildah python3)
}

installed() { # installed PACKAGE[|PACKAGE]...
    local p
    for p in ${1//|/ }; do
        if dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed; then
            return 0
        fi
    done
    return 1
}

available() { apt-cache show "$1" 2>/dev/null | grep -q '^Version:'; }

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

install_packages() {
    log=$(mktemp)
    trap 'services_restore; rm -f "$log"' EXIT
    say "Installing what is missing: ${missing[*]}"
    # A source that cannot be reached is no reason to stop: what counts is whether the packages come.
    apt_get update >"$log" 2>&1 || true
    local p
    for p in "${optional[@]}"; do
        available "$p" && missing+=("$p")
    done
    services_off
    if ! apt_get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        die "apt could not install these packages: ${missing[*]}"
    fi
    disable_service docker-registry
    disable_service containerd
}

wanted=() missing=() optional=()
for set in "${@:-build}"; do
    case $set in
    build | demo | test | bench | image) declare -n list=packages_$set && wanted+=("${list[@]}") ;;
    *) die "usage: setup.sh [build|demo|test|bench|image]..." ;;
    esac
done

need_debian "${wanted[@]}"
for package in "${wanted[@]}"; do
    installed "$package" || [[ " ${missing[*]} " == *" ${package%%|*} "* ]] || missing+=("${package%%|*}")
done
for package in "${packages_optional[@]}"; do
    installed "$package" || optional+=("$package")
done
# An optional package alone is worth a look into what apt knows by now, not a new list.
if ((${#missing[@]} == 0)); then
    for package in "${optional[@]}"; do
        available "$package" && missing+=("$package")
    done
    optional=()
fi
if ((${#missing[@]} > 0)); then
    install_packages
fi
