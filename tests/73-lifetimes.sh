#!/bin/bash
# SPDX-License-Identifier: MIT
# What an answer was made of is used until its thread is done with it: answers of each kind come late back to the thread
# that gave them (lifetimes/late.c), beside FORGET, rmi -f, prune and the end of the mount.
. "$(dirname "$0")/lib.sh"
need_fuse
have cc || skip_all "there is no compiler for the shim"
((EUID == 0)) || skip_all "only root unmounts lazily"
CHECK_LIMIT=300
ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0
cc -D_GNU_SOURCE -shared -fPIC -O1 -o "$T/late.so" "$HERE/lifetimes/late.c" -ldl

lives() { # lives KIND
    python3 "$HERE/lifetimes/race.py" "$IMAGEFS" "$T/late.so" "$1" 2
}
for kind in read readdirplus lookup getattr readlink getxattr write store inval_entry; do
    it "it lives, and ends, where each thread comes late back from an answer: $kind" "lives $kind"
done
