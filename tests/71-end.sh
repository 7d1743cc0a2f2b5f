#!/bin/bash
# SPDX-License-Identifier: MIT
# Every way to end, under load: a round of the cells that differ most. `make end-check` runs all, a hundred rounds each.
. "$(dirname "$0")/lib.sh"
need_fuse
((EUID == 0)) || skip_all "only root can abort a connection and mount a tmpfs"
CHECK_LIMIT=300
ends() { # ends CELL...
    python3 "$HERE/end_check.py" --program "$IMAGEFS" --world "$T/world" --limit $((2 * TIMEOUT_FACTOR + 3)) --jobs 2 \
        --rounds 1 "$@"
}

it "SIGTERM ends it while 1, 4 and 64 readers read everything, cold and warm" '
    ends term/1-cold term/4-cold term/64-cold term/1-warm term/4-warm term/64-warm
'
it "SIGTERM ends it with parked requests, and in a pull, a push, a load, and beside readers of attributes" '
    ends term/lookups term/reads term/pull term/push term/load term/xattrs term/start
'
it "SIGINT and SIGHUP do" 'ends int/4-cold hup/4-cold'
it "umount does when nobody is in the mount, and umount -l when nobody is any more" '
    ends umount/4-cold umount/lookups umount/pull lazy/4-cold lazy/reads lazy/push
'
it "an abort of its connection does" 'ends abort/4-cold abort/reads abort/pull abort/idle'
it "kill -9 leaves no reader waiting, no thread and no mount" '
    ends kill/1-cold kill/4-cold kill/64-cold kill/lookups kill/reads kill/pull kill/push kill/load
'
it "it ends when its registry or its store is gone" '
    ends registry-killed/pull registry-silent/lookups registry-silent/push store-removed/4-cold \
        store-unmounted/4-cold store-full/pull
'
