#!/bin/bash
# SPDX-License-Identifier: MIT
# Who writes to a control file and gets signals is served as everybody is: what comes again is no second request.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 >/dev/null
build "
noise = __import__('random').Random(5).randbytes(700000)
image = Image([Layer([d('a'), *[f('a/%d' % k, noise[k * 10000 : (k + 1) * 10000]) for k in range(70)]])])
from archives import *
save(T + '/app.tar', docker_save([(image, ['loaded:1'])]))
open(T + '/root.tar', 'wb').write(Layer([f('a', noise), f('z', 'z')], how='plain').blob)
"
mount_store

signalled() { python3 "$HERE/interrupted.py" "$@"; } # HOW TIMES FILE LINE [ARCHIVE]
for how in restart retry; do
    it "each request of a line is done ($how)" '
        eq "$(signalled $how 30 "$M/ctl/pull" "$R/app:v1")" "ok 30"
        eq "$(signalled $how 30 "$M/ctl/tag" "$R/app:v1 local/new:1")" "ok 30"
        eq "$(signalled $how 30 "$M/ctl/prune" "")" "ok 30"
    '
    it "a request that may be done once is done once, and told as done ($how)" '
        for i in {1..20}; do
            ctl tag "$R/app:v1" "local/once:$i"
            eq "$(signalled $how 1 "$M/ctl/rmi" "local/once:$i")" "ok 1"
        done
    '
    it "a load from a path ($how)" '
        eq "$(signalled $how 10 "$M/ctl/load" "-i $T/app.tar")" "ok 10"
    '
    it "an archive in pieces, each of which is taken once ($how)" '
        ctl rmi -f loaded:1
        eq "$(signalled $how 3 "$M/ctl/load" "" "$T/app.tar")" "ok 3"
        eq "$(ls "$M/images/loaded/1/rootfs/a" | wc -l)" 70
        eq "$(signalled $how 3 "$M/ctl/import" "imported:1" "$T/root.tar")" "ok 3"
        eq "$(sha "$M/images/imported/1/rootfs/a") $(cat "$M/images/imported/1/rootfs/z")" \
            "$(tar xOf "$T/root.tar" a | sha256sum | cut -d" " -f1) z"
    '
done
it "nothing is left of them" '
    ctl prune >/dev/null
    eq "$(ls "$STORE/partial" "$STORE/leases" | grep -v : || :)" ""
    valid_store
'
