#!/bin/bash
# SPDX-License-Identifier: MIT
# What the kernel does not ask: a warm read of a tree sends no OPEN, OPENDIR, FLUSH or RELEASE, and hardly anything else.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 'Image([Layer([f("d%d/f%d" % (i % 20, i), "x" * i) for i in range(2000)])])' >/dev/null
mount_store
pull "$R/app:v1" >/dev/null
ROOT=$M/images/$R/app/v1/rootfs

count() { stat_value "imagefs_fuse_requests_total{op=\"$1\"}"; }
counts() { for op in "$@"; do count "$op"; done | awk '{ n += $1 } END { print n + 0 }'; }
everything() { tar cf - -C "$ROOT" . | cat >/dev/null; }
everything # cold
everything
OPENS=$(counts open opendir flush release releasedir)
READS=$(counts read readdir readdirplus)
LOOKUPS=$(counts lookup)
ATTRS=$(counts getattr)
everything
OPENS=$(($(counts open opendir flush release releasedir) - OPENS))
READS=$(($(counts read readdir readdirplus) - READS))
LOOKUPS=$(($(counts lookup) - LOOKUPS))
ATTRS=$(($(counts getattr) - ATTRS))

it "a warm tar sends no OPEN, OPENDIR, FLUSH or RELEASE" 'eq "$OPENS" 0'
it "nor were there more than one of each since the mount" '
    for op in open opendir flush release releasedir; do
        [ "$(count $op)" -le 1 ] || fail "$op: $(count $op)"
    done
'
# Reading ctl/stats itself is a few of each.
it "it reads from the page cache" '[ "$READS" -le 40 ] || fail "$READS"'
it "it walks in the dentry cache" '[ "$LOOKUPS" -le 60 ] || fail "$LOOKUPS"'
it "it has the attributes" '[ "$ATTRS" -le 60 ] || fail "$ATTRS"'
it "a name that is not there is asked for once" '
    stat "$ROOT/d1/nothing" 2>/dev/null || :
    before=$(count lookup)
    for i in $(seq 50); do stat "$ROOT/d1/nothing" 2>/dev/null || :; done
    [ $(($(count lookup) - before)) -le 400 ] || fail $(($(count lookup) - before))
'
it "a listing that changed is not served from the cache" '
    ls "$M/images/$R" >/dev/null
    push_image new v1 >/dev/null
    pull "$R/new:v1" >/dev/null
    has "$(ls "$M/images/$R")" new
    eq "$(ls "$M/images/$R/new" | tail -1)" v1
'
it "what another process of the store pulls is listed" '
    NAME=second mount_store -m "$T/second"
    ls "$M/images/$R" "$T/second/images/$R" >/dev/null
    push_image newer v1 >/dev/null
    POINT=$T/second pull "$R/newer:v1" >/dev/null
    has "$(ls "$M/images/$R")" newer
    eq "$(cat "$M/images/$R/newer/v1/rootfs/new")" new
    NAME=second unmount_store -m "$T/second"
'
remount_store -o xattr=off
it "with xattr=off ls -lR sends GETXATTR once at most" '
    ls -lR "$ROOT" >/dev/null
    [ "$(count getxattr)" -le 2 ] || fail "$(count getxattr)"
'
