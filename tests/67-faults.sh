#!/bin/bash
# SPDX-License-Identifier: MIT
# A fault at one call of the program: a kill, a power cut, a disk that fails or is full, no memory. What it said to be done is
# done, and the next program goes on. Each kind at CALLS calls that dice choose; `make crash-check` tries every one.
. "$(dirname "$0")/lib.sh"
need_fuse
have cc || skip_all "there is no compiler for the shims"
((EUID == 0)) || skip_all "only root has a namespace of mounts for it"
CALLS=${CALLS:-10}
CHECK_LIMIT=${CHECK_LIMIT_OF_ALL:-900}
SAYS=1
ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0
for shim in disk memory; do
    cc -D_GNU_SOURCE -shared -fPIC -O1 -o "$T/$shim.so" "$HERE/faults/$shim.c" -ldl
done

stands() { # stands KIND
    python3 "$HERE/faults/faults.py" "$IMAGEFS" "$T" "$1" "$CALLS"
}
it "a kill in front of a change of the store" 'stands kill'
it "a power cut, by which what was not synced may be lost" 'stands power'
it "a power cut while an image is read before it is here" 'stands lazy'
it "a change that fails" 'stands once'
it "and all behind it" 'stands ever'
it "a disk that is full from there on" 'stands full'
it "an fsync of a directory, behind what was renamed there" 'stands directory'
if grep -qs -- -fsanitize "$BUILD/flags"; then
    skip "an allocation that fails, or all from there on" "the sanitizer has the allocations"
else
    it "an allocation that fails" 'stands memory'
    it "and all behind it" 'stands memories'
fi
