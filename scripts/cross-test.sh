#!/bin/bash
# SPDX-License-Identifier: MIT
#
# cross-test.sh ARCH: builds imagefs for another architecture by a cross compiler, in build/ARCH, and runs the unit tests:
# through qemu, where this machine cannot run them itself. ARCH is a name of Debian's: i386, armhf, arm64, s390x, which
# dpkg has to know (dpkg --add-architecture ARCH; apt-get update). chroot-check.sh SUITE ARCH does all of it in a chroot.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/common.sh"

arch=${1:-}
triplet=$(triplet "$arch") || die "usage: cross-test.sh i386|armhf|arm64|s390x"
"$here/setup.sh" "cross:$arch"

libraries=${triplet/#i686/i386}
# Whether the kernel takes programs for it, their loader tells. Emulated, they take ten times as long and more.
if ! "$(compgen -G "/lib/$libraries/ld*.so.[0-9]")" --version >/dev/null 2>&1; then
    case $arch in
    armhf) EMULATOR=qemu-arm ;;
    arm64) EMULATOR=qemu-aarch64 ;;
    *) EMULATOR=qemu-$arch ;;
    esac
    export EMULATOR TIMEOUT_FACTOR=20
fi
export PKG_CONFIG_LIBDIR=/usr/lib/$libraries/pkgconfig:/usr/share/pkgconfig
exec make -s -C "$top" --no-print-directory -j"$(nproc)" BUILD="$build/$arch" CC="$triplet-gcc" AR="$triplet-ar" all unit
