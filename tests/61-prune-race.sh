#!/bin/bash
# SPDX-License-Identifier: MIT
# Two processes on one store: one pulls, the other removes and prunes. RACES=1000 for a long run, SEED to repeat one.
. "$(dirname "$0")/lib.sh"
need_fuse
RACES=${RACES:-150}
CHECK_LIMIT=$((CHECK_LIMIT + RACES * 5))
start_registry
references=()
for i in 1 2 3 4 5; do # all share a layer, and neighbours another
    push_image "r$i" v "Image([Layer([f('base', 'b' * 5000)]), Layer([f('part$((i / 2))', 'p')]), Layer([f('name', 'r$i:v')])])" >/dev/null
    references+=("$R/r$i:v")
done
# Names that are looked up are recorded before their layers are here: not in this test.
mount_store -o lookup=local
M2=$T/second
NAME=second mount_store -m "$M2" -o lookup=local

it "$RACES pulls beside removals: no pulled image is damaged, no needed blob is missing" '
    python3 "$HERE/race.py" "$STORE" "$M" "$M2" "$RACES" '"${references[*]}"'
'
it "in the end nothing is left over" '
    ctl rmi -f '"${references[*]} ${references[*]/%/-too}"' >/dev/null || :
    ctl prune -a >/dev/null
    valid_store
    eq "$(find "$STORE"/{blobs,partial,leases} -type f | wc -l)" 0
    eq "$(find "$STORE/derived" -type f | grep -v -e version -e /names | wc -l)" 0
    # A mount notices what another process removed when it is used the next time.
    ls "$M/images" "$M2/images" >/dev/null
    until_true 10 "! grep -q \"blobs.*deleted\" <(ls -l /proc/$(pid_of imagefs)/fd /proc/$(pid_of second)/fd)"
'
it "and all of it can be pulled again" 'for r in '"${references[*]}"'; do pull "$r" >/dev/null; done; valid_store'
finish
