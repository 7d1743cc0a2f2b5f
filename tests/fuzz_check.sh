#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fuzz_check.sh SECONDS [TARGET…]   runs fuzz targets (default: all that are built) for so long each, two side by side
#
# Each begins with its seeds (tests/fuzz/TARGET) and what earlier runs found worth keeping ($BUILD/fuzz/corpus/TARGET).
# What ends one stands in $BUILD/fuzz/finds: also a unit that takes a minute, as a busy machine takes ten times as long. The last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?seconds}
shift
fuzz=${BUILD:-build}/fuzz
(($#)) || mapfile -t targets < <(cd "$fuzz" && printf '%s\n' fuzz_* | sed 's/^fuzz_//')
(($# == 0)) || targets=("$@")
mkdir -p "$fuzz/finds"

run() { # run TARGET: one line, and its log beside the corpus
    local name=$1 log=$fuzz/corpus/$1.log options=(-max_total_time="$seconds" -rss_limit_mb=1024 -timeout=60)
    mkdir -p "$fuzz/corpus/$name"
    set -- "$fuzz/corpus/$name"
    [[ ! -d tests/fuzz/$name ]] || set -- "$@" "tests/fuzz/$name"
    [[ ! -e tests/fuzz/$name.dict ]] || options+=(-dict="tests/fuzz/$name.dict")
    if TEST_DIR=$scratch "$fuzz/fuzz_$name" "$@" "${options[@]}" -artifact_prefix="$fuzz/finds/$name-" >"$log" 2>&1; then
        echo "ok   $name: $(sed -n 's/^Done \([0-9]*\) runs.*/\1 runs/p' "$log")"
    else
        echo "FAIL $name: $log"
    fi
}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/imagefs-fuzz-check.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export -f run
export fuzz seconds scratch
printf '%s\n' "${targets[@]}" | xargs -P 2 -I '{}' bash -c 'run {}' | tee "$scratch/results"
failed=$(grep -c ^FAIL "$scratch/results" || :)
echo "$((${#targets[@]} - failed)) passed, $failed failed"
((failed == 0))
