#!/bin/bash
# SPDX-License-Identifier: MIT
# kill -9 at random moments of a pull ($KILLS of them): every time the store is a valid layout, and works on.
. "$(dirname "$0")/lib.sh"
need_fuse
KILLS=${KILLS:-10}
CHECK_LIMIT=$((CHECK_LIMIT + KILLS * 30))
hostile <<'END'
import random
dice = random.Random(1)
layers = [Layer([d("d%d" % i), f("d%d/random" % i, dice.randbytes(1_500_000)), f("d%d/zeros" % i, bytes(3_000_000))]) for i in range(3)]
serve("app", "v1", Image(layers))
serve("stalled", "v1", Image([Layer([f("random", layers[0].tar)], "plain")]))
on("GET /v2/app/blobs", drip=(65536, 0.02))
on("GET /v2/stalled/blobs", stall=2_000_000, times=2)
END
# The config is the other blob of "stalled": its body is too short to stall.

killed_in_a_pull() { # MILLISECONDS
    local POINT=$T/kill/mnt
    rm -rf "$T/kill/store"
    NAME=killed mount_store -s "$T/kill/store" -m "$POINT"
    pull "$H/app:v1" >/dev/null 2>&1 &
    sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
    kill -KILL "$(pid_of killed)"
    wait || :
    gone "$(pid_of killed)"
    [[ ! -e $T/kill/store/oci-layout ]] || valid_store "$T/kill/store"
    NAME=killed mount_store -s "$T/kill/store" -m "$POINT" # clears the dead mount
    valid_store "$T/kill/store"
    pull "$H/app:v1" >/dev/null
    valid_store "$T/kill/store"
    eq "$(find "$POINT/images/$H/app/v1/rootfs" -type f | sort | xargs cat | sha256sum)" "$WANTED"
    eq "$(find "$T/kill/store/partial" -type f | wc -l)" 0
    NAME=killed unmount_store -m "$POINT"
}

mount_store
BEGIN=$(date +%s%3N)
pull "$H/app:v1" >/dev/null || { echo "not ok - pulls"; exit 1; }
TOOK=$(($(date +%s%3N) - BEGIN))
WANTED=$(find "$M/images/$H/app/v1/rootfs" -type f | sort | xargs cat | sha256sum)
unmount_store

it "kill -9 at $KILLS random moments of a pull leaves a valid store that works on" '
    RANDOM=${SEED:-42}
    for i in $(seq "$KILLS"); do
        moment=$((RANDOM % TOOK))
        echo "killed after $moment of $TOOK ms"
        killed_in_a_pull "$moment"
    done
'
it "a pull goes on where a killed one was" '
    NAME=killed mount_store -s "$T/stalled" -m "$T/stalled.mnt"
    POINT=$T/stalled.mnt
    pull "$H/stalled:v1" >/dev/null 2>&1 &
    until_true 20 "[ -n \"\$(find \"$T/stalled/partial\" -type f -size +1000k)\" ]"
    kill -KILL "$(pid_of killed)"
    wait || :
    NAME=killed mount_store -s "$T/stalled" -m "$T/stalled.mnt"
    pull "$H/stalled:v1" >/dev/null
    jq -r "select(.path | test(\"/v2/stalled/blobs\")) | .headers.range // empty" "$H_LOG" | tail -1 | grep -E "bytes=[1-9][0-9]{5,}-"
    valid_store "$T/stalled"
    NAME=killed unmount_store -m "$T/stalled.mnt"
'
