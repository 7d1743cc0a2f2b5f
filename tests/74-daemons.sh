#!/bin/bash
# SPDX-License-Identifier: MIT
# Four mounts of one store, with four clients each, and one of them killed every second, for DAEMONS seconds: what was
# said to be done stays done, and the store whole.
. "$(dirname "$0")/lib.sh"
need_fuse
((EUID == 0)) || skip_all "only root has a namespace of mounts for it"
DAEMONS=${DAEMONS:-10}
SAYS=1
CHECK_LIMIT=$((CHECK_LIMIT + DAEMONS * 2))

it "$DAEMONS seconds of kills: no name is lost, none comes back, and no byte of one goes" '
    python3 -B "$HERE/faults/daemons.py" "$IMAGEFS" "$DAEMONS"
'
finish
