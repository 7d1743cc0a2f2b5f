#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh [TESTS…]   runs unit tests ($BUILD/tests/*) and tests/NN-*.sh (default: all), three side by side
#
# A test prints TAP (`ok 1 - what holds`, `not ok 2 - …`, `ok 3 - … # SKIP why`). It fails as a whole where it
# ends with another status without a failed check, runs into its time limit, or leaves a process or a mount
# behind. The last line is `N passed, N failed` (and `, N skipped`).
#
# BUILD           what is tested (build)
# JOBS            tests side by side (3: on two processors, as many tests wait as keep a third one busy)
# TIMEOUT_FACTOR  stretches all time limits (1; 4 where the program is built with a sanitizer)
# EMULATOR        what runs the unit tests, where they are built for another machine
# VERBOSE=1       shows the output of every test
set -uo pipefail
cd "$(dirname "$0")/.."
export BUILD=${BUILD:-build}
export TIMEOUT_FACTOR=${TIMEOUT_FACTOR:-$(grep -qs -- -fsanitize "$BUILD/flags" && echo 4 || echo 1)}
JOBS=${JOBS:-3}
LIMIT=${LIMIT:-1800} # seconds a test; so much that a machine with other work to do ends it, too
(($#)) || set -- tests/[0-9][0-9]-*.sh "$BUILD"/tests/test_* # the short ones at the end, so that no long one is alone there
results=$(mktemp -d "${TMPDIR:-/tmp}/imagefs-results.XXXXXX")
trap 'rm -rf "$results"' EXIT

# Processes that carry this test's mark in their environment, or its directory in their arguments (imagefs
# does not show its environment). All are looked at at once: two programs for each process take minutes on a machine
# that is busy.
left_processes() {
    local file
    for file in $(grep -zlsFx "IMAGEFS_TEST=$1" /proc/[0-9]*/environ; grep -zlsFf - /proc/[0-9]*/cmdline <<<"$2/"); do
        echo "${file//[!0-9]/}"
    done | sort -u
}

left_mounts() {
    awk -v dir="$1/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | tac
}

# Ends what a test left, and says so.
sweep() {
    local mark=$1 dir=$2 pid mount
    for pid in $(left_processes "$mark" "$dir"); do
        echo "left a process: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
        kill -KILL "$pid" 2>/dev/null
    done
    for mount in $(left_mounts "$dir"); do
        echo "left a mount: $mount"
        umount -l "$mount" 2>/dev/null || fusermount3 -uz "$mount" 2>/dev/null
    done
}

# One test, into results/NAME.{out,state}.
run_one() {
    local test=$1 name out mark dir how= rc=0 start=$SECONDS left
    name=$(basename "$test")
    out=$results/$name.out
    mark=$name.$$.$RANDOM
    dir=$(mktemp -d "${TMPDIR:-/tmp}/imagefs-test.XXXXXX")
    [[ $test == *.sh ]] || how=${EMULATOR:-}
    # Under nohup SIGHUP would stay ignored, also by imagefs, which leaves it as it finds it.
    IMAGEFS_TEST=$mark TEST_DIR=$dir SHARED=$results/shared CMOCKA_MESSAGE_OUTPUT=TAP \
        timeout -k 10 $((LIMIT * TIMEOUT_FACTOR)) env --default-signal=HUP $how "$test" >"$out" 2>&1 </dev/null || rc=$?
    ((rc == 124 || rc == 137)) && echo "not ok - ends within its time limit" >>"$out"
    left=$(sweep "$mark" "$dir")
    [[ -z $left ]] || printf '# %s\nnot ok - leaves no process and no mount behind\n' "${left//$'\n'/$'\n# '}" >>"$out"
    rm -rf --one-file-system "$dir"
    # A failure that no check reports: a crash, a sanitizer's exit, a script that stopped.
    if ((rc != 0)) && ! grep -q '^not ok' "$out"; then
        echo "not ok - ends with status 0 (it was $rc)" >>"$out"
    fi
    grep -q -E '^(not )?ok|^1\.\.0' "$out" || echo "not ok - has a check" >>"$out"
    report "$name" "$out" $((SECONDS - start))
}

report() {
    local name=$1 out=$2 seconds=$3 state=ok good bad skipped
    bad=$(grep '^not ok' "$out" | grep -civE '# *skip')
    good=$(grep '^ok' "$out" | grep -civE '# *skip')
    skipped=$(grep -ciE '^(not )?ok.*# *skip|^1\.\.0' "$out") # cmocka says "not ok # SKIP"
    ((bad == 0)) || state=FAIL
    ((bad + good > 0)) || state=skip
    echo "$good $bad $skipped" >"$results/$name.state"
    {
        flock 9
        printf '%-4s %s (%d checks, %d s)\n' "$state" "$name" $((good + bad + skipped)) "$seconds"
        if [[ $state == FAIL && -z ${VERBOSE:-} ]]; then
            grep -E -B 12 -A 4 -e '^not ok' -e '^# imagefs: ' "$out" | tail -80 | sed 's/^/     | /'
        elif [[ $state == skip && -z ${VERBOSE:-} ]]; then
            grep -iE '# *skip' "$out" | sed 's/^/     | /'
        fi
        [[ -z ${VERBOSE:-} ]] || sed 's/^/     | /' "$out"
    } 9>"$results/lock"
}

for test; do
    while (($(jobs -rp | wc -l) >= JOBS)); do wait -n; done
    run_one "$test" &
done
wait

read -r good bad skipped < <(cat "$results"/*.state | awk '{ g += $1; b += $2; s += $3 } END { print g + 0, b + 0, s + 0 }')
((skipped == 0)) && skipped= || skipped=", $skipped skipped"
echo "$good passed, $bad failed$skipped"
((bad == 0 && good > 0))
