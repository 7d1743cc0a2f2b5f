#!/bin/bash
# SPDX-License-Identifier: MIT
# Everything at random, by four threads, for SOAK seconds. `make soak` takes half an hour, and then compares memory.
. "$(dirname "$0")/lib.sh"
need_fuse
SOAK=${SOAK:-10}
CHECK_LIMIT=$((CHECK_LIMIT + SOAK * 2))
start_registry
for i in 0 1 2 3 4 5 6 7; do
    push_image soak "v$i" "Image([Layer([f('base%d' % k, bytes(k) * 900) for k in range(200)] + [d('dir')]),
        Layer([f('dir/shared%d' % k, '$((i / 2))' * 5000) for k in range(50)]),
        Layer([f('dir/own', '$i' * 3000000), s('link', 'dir/own'), f('cap', 'c', xattrs={'user.number': '$i'})])])" >/dev/null
done
mount_store

SAYS=1
it "$SOAK seconds: all that is asked for is answered, and nothing grows" '
    PYTHONPATH="$HERE" python3 -B "$HERE/soak.py" "$M" "$R" "$SOAK" "$(pid_of imagefs)"
'
it "the store is whole behind it" '
    until_true 30 "[ -z \"\$(ls \"$STORE/leases\")\" ]"
    valid_store
'
finish
