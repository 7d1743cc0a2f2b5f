#!/bin/bash
# SPDX-License-Identifier: MIT
# The edges of the mount: devices of an image, and programs that want to write to it.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 "Image([Layer([d('etc'), f('etc/motd', 'hello\n'), f('etc/secret', 'as it was\n', mode=0o600), f('run', '#!/bin/sh\n', mode=0o755),
    f('large', 'x' * 300000), c('zero', 1, 5, mode=0o666)])])" >/dev/null
mount_store
pull "$R/app:v1" >/dev/null
I=$M/images/$R/app/v1
ROOT=$I/rootfs
count() { stat_value "imagefs_fuse_requests_total{op=\"$1\"}"; }

# --- opened for writing --------------------------------------------------------------------------

cat >"$T/map.py" <<'P'
"""map.py FILE: stores into a shared mapping of it, prints `stored`, and unmaps once standard input ends."""
import mmap
import os
import sys

fd = os.open(sys.argv[1], os.O_RDWR)
m = mmap.mmap(fd, 0)
m[0:4] = b"EVIL"
print("stored", flush=True)
sys.stdin.read()
m.close()
P
# spoils FILE: stores into a mapping of it; once the mapping has gone, the file is what it was.
spoils() {
    local before
    before=$(sha "$1")
    python3 "$T/map.py" "$1" </dev/null >/dev/null
    until_true 10 "eq \$(sha '$1') $before"
}

it "a file that is opened to be emptied is EROFS, and is as it was" '
    for file in "$ROOT"/etc/motd "$ROOT"/etc/secret "$I"/config.json "$I"/layers/00/blob "$I"/export/image.tar "$M"/README; do
        before=$(sha "$file")
        has "$( (: >"$file") 2>&1 || :)" "Read-only file system"
        eq "$(sha "$file")" "$before"
    done
'
it "a store into a shared mapping is gone when the mapping is: no other reader keeps it" '
    for file in "$ROOT"/etc/motd "$ROOT"/etc/secret "$ROOT"/large "$I"/manifest.json "$I"/layers/00/blob "$M"/README; do spoils "$file"; done
'
it "it does not stay either where the writer lives on, and somebody syncs" '
    before=$(sha "$ROOT/etc/motd")
    mkfifo "$T/go"
    python3 "$T/map.py" "$ROOT/etc/motd" <"$T/go" >"$T/stored" & writer=$!
    exec 5>"$T/go"
    until_true 10 "grep -q stored $T/stored"
    sync -f "$ROOT/etc/motd" || : # which hears of the EROFS
    until_true 10 "eq \$(sha $ROOT/etc/motd) $before"
    exec 5>&-
    wait $writer
    until_true 10 "eq \$(sha $ROOT/etc/motd) $before"
'
it "write, append and truncate are EROFS" '
    for what in write append truncate; do expect_errno EROFS $what "$ROOT/etc/motd" x; done
    eq "$(cat "$ROOT/etc/motd")" hello
'
it "who asks whether he may write hears that he may not; and of a program what it is" '
    for path in "$ROOT/etc/motd" "$ROOT/etc" "$ROOT" "$I" "$I/config.json" "$M/README" "$M"; do
        [ -r "$path" ] || fail "$path cannot be read"
        [ ! -w "$path" ] || fail "$path can be written"
    done
    [ -x "$ROOT/run" ] && [ -x "$ROOT/etc" ] && [ ! -x "$ROOT/etc/motd" ]
    [ -w "$M/ctl/pull" ] && [ -w "$M/images/$R/app" ]
'
it "a request may still be written by >, and a tag set and removed" '
    echo "$R/app:v1" >"$M/ctl/pull"
    ln -s "$R/app:v1" "$M/images/$R/app/v2"
    rm "$M/images/$R/app/v2"
'

# --- the mount as a whole ------------------------------------------------------------------------

it "where the mount is read-only as a whole, no open for writing succeeds" '
    NAME=ro mount_store -m "$T/ro" -o ro
    python3 - "$T/ro/images/$R/app/v1/rootfs/etc/motd" <<P
import errno, os, sys
for flags in os.O_RDWR, os.O_WRONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_APPEND:
    try:
        os.open(sys.argv[1], flags)
    except OSError as e:
        assert e.errno == errno.EROFS, e
    else:
        raise SystemExit("opened")
P
    NAME=ro unmount_store -m "$T/ro"
'
flags() { awk -v point="$1" '$5 == point { print $6 }' /proc/self/mountinfo; }
for options in dev,suid rw,dev,suid nodev,dev allow_other,dev,suid auto_unmount,dev,suid; do
    it "with -o $options the mount is nosuid,nodev" '
        NAME=dev mount_store -m "$T/dev" -o '$options'
        matches ",$(flags "$T/dev")," ",nosuid,.*nodev,"
        NAME=dev unmount_store -m "$T/dev"
    '
done
if ((EUID == 0)) && have mount.fuse3; then
    it "so it is by mount(8) and by fstab, whose helper asks for dev and suid" '
        mkdir -p "$T/dev"
        mount -t fuse "$IMAGEFS#$STORE" "$T/dev"
        matches ",$(flags "$T/dev")," ",nosuid,.*nodev,"
        umount "$T/dev"
        echo "$IMAGEFS#$STORE $T/dev fuse defaults,noauto,nofail,_netdev,dev,suid,x-systemd.device-timeout=1 0 0" >"$T/fstab"
        mount -T "$T/fstab" "$T/dev"
        matches ",$(flags "$T/dev")," ",nosuid,.*nodev,"
        fails dd if="$T/dev/images/$R/app/v1/rootfs/zero" count=1
        umount "$T/dev"
    '
fi
