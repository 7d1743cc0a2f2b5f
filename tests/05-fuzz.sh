#!/bin/bash
# SPDX-License-Identifier: MIT
# Each fuzz target, for FUZZ_SECONDS. They take what the other tests leave of the processors, and so begin first.
. "$(dirname "$0")/lib.sh"
FUZZ_SECONDS=${FUZZ_SECONDS:-30}
have clang || skip_all "there is no clang"
[[ ${BUILD##*/} != asan && ${BUILD##*/} != tsan ]] || skip_all "the targets have sanitizers of their own, in every build"
echo "int LLVMFuzzerTestOneInput(const char *data, unsigned long size) { return data && size > 9999; }" >"$T/probe.c"
clang -fsanitize=address,undefined,fuzzer -o "$T/probe" "$T/probe.c" 2>/dev/null || skip_all "this clang has no libFuzzer"
cd "$HERE/.."
CHECK_LIMIT=1800

it "the fuzz targets are built" 'nice -n 19 make -s -j2 BUILD="$BUILD" fuzz >"$T/make.log" 2>&1 || { tail -n 20 "$T/make.log"; exit 1; }'
env -u ASAN_OPTIONS -u UBSAN_OPTIONS nice -n 19 tests/fuzz_check.sh "$FUZZ_SECONDS" >"$T/results" 2>&1 || :
for target in "$BUILD"/fuzz/fuzz_*; do
    target=${target##*/fuzz_}
    it "$target, on anything for $FUZZ_SECONDS s" '
        grep -q "^ok   '"$target"': " "$T/results" || { tail -n 40 "$BUILD/fuzz/corpus/'"$target"'.log"; exit 1; }'
done
finish
