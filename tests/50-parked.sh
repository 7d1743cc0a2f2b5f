#!/bin/bash
# SPDX-License-Identifier: MIT
# Readers that wait for a dead registry cost nothing to those who read what is local, and are freed at once.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 'Image([Layer([f("d%d/f%d" % (i % 40, i), "x" * 100) for i in range(4000)])])' >/dev/null
hostile <<'END'
app = Image([Layer([f("a%d" % i, "x")]) for i in range(50)])
serve("app", "v1", app)
on("GET /v2/app/blobs/", stall="request")
on("GET /v2/app/blobs/" + digest(app.config))
on("/v2/dead/", stall="request")
END
READERS=${READERS:-500}
mount_store
pull "$R/app:v1" >/dev/null
ROOT=$M/images/$R/app/v1/rootfs
find "$ROOT" >/dev/null

# Finds three times; the fastest in milliseconds.
find_ms() {
    local begin best=999999 i took
    for i in 1 2 3; do
        begin=$(date +%s%N)
        find "$ROOT" -ls >/dev/null
        took=$((($(date +%s%N) - begin) / 1000000))
        ((took >= best)) || best=$took
    done
    echo $best
}
# with_parked OPERATION PATH CODE: the code while the readers wait; then kills them.
with_parked() {
    local answer rc=0 in out
    mkfifo "$T/park.in" "$T/park.out"
    python3 "$HERE/parked.py" "$READERS" "$1" "$2" "$M/ctl/stats" <"$T/park.in" >"$T/park.out" 2>&1 &
    exec {in}>"$T/park.in" {out}<"$T/park.out"
    rm "$T/park.in" "$T/park.out"
    read -r answer <&"$out"
    eval "$3" || rc=$?
    exec {in}>&-
    read -r took <&"$out"
    wait
    eq "$answer" parked
    ((rc == 0))
    echo "killed in $took s"
    awk -v took="$took" -v limit="$((5 * TIMEOUT_FACTOR))" 'BEGIN { exit !(took < limit) }'
}
FREE=$(find_ms)

it "$READERS readers wait in LOOKUP: find over a pulled image works as before, and killing them frees them" '
    with_parked stat "$M/images/$H/dead/x{n}" "
        parked=\$(find_ms)
        echo \"find: $FREE ms alone, \$parked ms beside them\"
        ((parked <= $FREE * 3 + 500 * TIMEOUT_FACTOR))
        cat \"$ROOT/d1/f1\" >/dev/null
        stat \"$M/ctl/help\" >/dev/null
    "
    until_true 10 "[ \$(stat_value imagefs_jobs_waiting) = 0 ]"
'
it "$READERS readers wait in READ: find works as before, and killing them frees them" '
    stat "$M/images/$H/app/v1/config.json" >/dev/null
    export MINIMUM=50 # readers of the same page wait for it in the kernel
    with_parked read "$M/images/$H/app/v1/layers/{layer}/blob" "
        parked=\$(find_ms)
        echo \"find: $FREE ms alone, \$parked ms beside them\"
        ((parked <= $FREE * 3 + 500 * TIMEOUT_FACTOR))
        cat \"$ROOT/d2/f2\" >/dev/null
    "
'
it "readers that wait for rootfs/ of a layer that does not come are freed too" '
    export MINIMUM=1 # so do those who look up the same name
    with_parked stat "$M/images/$H/app/v1/rootfs/a" "cat \"$ROOT/d3/f3\" >/dev/null"
'
it "a pull from a good registry goes through beside them" '
    push_image other v1 >/dev/null
    with_parked stat "$M/images/$H/dead/y{n}" "pull \"$R/other:v1\" >/dev/null"
'
# At most 64 job threads and 16 workers, the network's, and one or two for each transfer under way.
it "the daemon has few threads, however many readers wait" '
    threads=$(ls "/proc/$(pid_of imagefs)/task" | wc -l)
    echo "$threads threads"
    ((threads <= 128))
'
