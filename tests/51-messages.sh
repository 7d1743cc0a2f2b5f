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
cat >"$T/walk.py" <<'P'
"""walk.py ROOT: looks at every name by its full path; prints how many there are."""
import os
import sys

count = 0
for directory, directories, files in os.walk(sys.argv[1]):
    for name in directories + files:
        os.lstat(f"{directory}/{name}")
        count += 1
print(count)
P
every() { awk '/^imagefs_fuse_requests_total/ { n += $2 } END { print n }' "$M/ctl/stats"; }
it "a warm walk by full path sends next to nothing" '
    n=$(python3 "$T/walk.py" "$ROOT")
    before=$(every)
    eq "$(python3 "$T/walk.py" "$ROOT")" "$n"
    sent=$(($(every) - before))
    echo "$sent messages for $n entries"
    ((n > 2000 && sent * 20 < n))
'
it "fsync of all files and directories is 0, and sends next to nothing" '
    find "$ROOT" | xargs sync # what it looks up
    before=$(every)
    find "$ROOT" | xargs sync
    sent=$(($(every) - before))
    echo "$sent messages"
    ((sent <= 100 && $(count fsync) <= 2)) # of 2000 files
'
# Names by getxattr(2), and by listxattr(2) of 152 bytes, as ls of coreutils 9.7 and later does it.
xattrs() { counts getxattr listxattr; }
it "with xattrs ls -lR asks for those of a few names, and then no more" '
    ls -lR "$ROOT" >/dev/null
    before=$(xattrs)
    ls -lR "$ROOT" >/dev/null
    sent=$(($(xattrs) - before))
    echo "$sent"
    ((sent <= 20))
'
it "a list of the size that ls asks for is not supported where there is none, other sizes are empty" '
    expect_errno EOPNOTSUPP listxattr "$ROOT/d1/f1" 152
    for size in 0 128 256 1024; do expect_errno ok listxattr "$ROOT/d1/f1" $size; done
'
# copies ROOT: what programs that take attributes along make of a root filesystem, and what they complain of, into $T/copies.
copies() {
    rm -rf "$T/copies" && mkdir -p "$T/copies"/{tar,cp,rsync}
    (cd "$1" && getfattr -R -h -d -m - . | sort) >"$T/copies/getfattr" 2>>"$T/copies/errors"
    tar --xattrs --xattrs-include="*" -C "$1" -cf - . 2>>"$T/copies/errors" |
        tar --xattrs --xattrs-include="*" -C "$T/copies/tar" -xf - 2>>"$T/copies/errors"
    cp -a "$1/." "$T/copies/cp/" 2>>"$T/copies/errors"
    rsync -aX "$1/" "$T/copies/rsync/" 2>>"$T/copies/errors"
    for copy in tar cp rsync; do
        (cd "$T/copies/$copy" && getfattr -R -h -d -m "^(user|security|trusted)\\." . | sort) >"$T/copies/$copy.getfattr"
    done
}
# user::rwx user:1000:r-- group::r-x mask::r-x other::---, as the kernel gives it
ACL=0200000001000700ffffffff02000400e803000004000500ffffffff10000500ffffffff20000000ffffffff
if have rsync && have getfattr && ((EUID == 0)); then
    push_image attributes v1 "Image([Layer([f('plain', 'p'), d('dir'), d('bare')] + [f('bare/f%d' % i) for i in range(50)] + [
        f('dir/user', 'u', xattrs={'user.one': 'eins', 'user.two': 'zwei'}), s('dir/link', 'user'),
        f('ping', 'cap', mode=0o755, xattrs={'security.capability': b'\\x01\\x00\\x00\\x02\\x00\\x20' + bytes(14)}),
        d('dir/of', xattrs={'user.of': 'directory'})])])" >/dev/null
    pull "$R/attributes:v1" >/dev/null
    it "getfattr, tar, cp and rsync take the attributes of an image along, silently" '
        copies "$M/images/$R/attributes/v1/rootfs"
        eq "$(cat "$T/copies/errors")" ""
        eq "$(grep -cE "^user\.(one=\"eins\"|two=\"zwei\"|of=\"directory\")$" "$T/copies/getfattr")" 3
        eq "$(grep -c ^security.capability= "$T/copies/getfattr")" 1
        for copy in tar cp rsync; do eq "$(cat "$T/copies/$copy.getfattr")" "$(cat "$T/copies/getfattr")"; done
    '
    it "of an image that has none, too" '
        copies "$ROOT"
        eq "$(cat "$T/copies/errors")" ""
        for copy in getfattr tar.getfattr cp.getfattr rsync.getfattr; do eq "$(cat "$T/copies/$copy")" ""; done
        eq "$(diff -r --no-dereference "$ROOT" "$T/copies/cp" | sed -n 1,10p)" ""
    '
    it "one kind of ACL is the word for both, and no image is copied with less for it" '
        for kind in access default; do
            push_image "acl-$kind" v1 "Image([Layer([f(\"file\", \"x\"), d(\"dir\", xattrs={\"system.posix_acl_$kind\": bytes.fromhex(\"$ACL\")})])])" >/dev/null
            remount_store
            cp -a "$M/images/$R/acl-$kind/v1/rootfs/." "$T/acl-$kind"
            eq "$(getfattr --absolute-names -e hex -n "system.posix_acl_$kind" "$T/acl-$kind/dir" | sed -n "s/.*=0x//p")" "$ACL"
            cp -a "$ROOT/." "$T/acl-none-$kind"
        done 2>"$T/acl-errors"
        eq "$(cat "$T/acl-errors")" ""
    '
    it "getfattr -n of a name that others have is no such attribute; of one that nobody has, not supported" '
        cd "$M/images/$R/attributes/v1/rootfs"
        expect_errno ENODATA getxattr plain user.one
        expect_errno ENODATA getxattr "$ROOT/d1/f1" user.one
        expect_errno EOPNOTSUPP getxattr plain user.nobody
        expect_errno ok listxattr plain 152
        expect_errno ok listxattr "$ROOT/d1/f1" 152
        expect_errno ok getxattr plain user.imagefs.layer
        expect_errno ok getxattr "$ROOT/d1/f1" user.imagefs.created_by
    '
fi
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
    until_true 1 "ls $M/images/$R | grep -x newer"
    eq "$(cat "$M/images/$R/newer/v1/rootfs/new")" new
    NAME=second unmount_store -m "$T/second"
'
remount_store -o xattr=off
it "with xattr=off ls -lR sends GETXATTR once at most" '
    ls -lR "$ROOT" >/dev/null
    [ "$(count getxattr)" -le 2 ] || fail "$(count getxattr)"
'
