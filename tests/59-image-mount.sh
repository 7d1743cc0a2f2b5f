#!/bin/bash
# SPDX-License-Identifier: MIT
# An image as a mount of its own: imagefs -o image=REF, and img mount.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 "Image([Layer([d('etc'), f('etc/motd', 'hello'), f('large', 'x' * 300000), s('link', 'etc/motd'), f('etc/secret', 's', mode=0o600),
    f('srv/app/x', 'x'), d('empty'), f('attr', 'a', xattrs={'user.one': 'eins'})])])" >/dev/null
push_image other v1 >/dev/null
mount_store
pull "$R/app:v1" >/dev/null
ROOT=$M/images/$R/app/v1/rootfs
O=$T/one
PATH=$BUILD:$PATH
img() { "$HERE/../scripts/img" "$@"; }
every() { awk '/^imagefs_fuse_requests_total/ { n += $2 } END { print n }' "$M/ctl/stats"; }
# refuses ROOT: no open for writing succeeds, and no change.
refuses() {
    python3 - "$1" <<P
import errno, os, sys
root = sys.argv[1]
def refused(what, call):
    try:
        call()
    except OSError as e:
        assert e.errno == errno.EROFS, f"{what}: {e}"
    else:
        raise SystemExit(f"{what} succeeds")
for path in "etc/motd", "etc/secret", "large":
    for flags in os.O_RDWR, os.O_WRONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND:
        refused(f"open {path} {flags}", lambda: os.open(f"{root}/{path}", flags))
refused("create", lambda: os.open(f"{root}/new", os.O_CREAT | os.O_WRONLY))
refused("mkdir", lambda: os.mkdir(f"{root}/new"))
refused("unlink", lambda: os.unlink(f"{root}/etc/motd"))
refused("chmod", lambda: os.chmod(f"{root}/etc/motd", 0o600))
assert not os.access(f"{root}/etc/motd", os.W_OK)
P
}
same() { # same DIRECTORY: it is the root filesystem of the image
    eq "$(diff -r --no-dereference "$ROOT" "$1")" ""
    python3 "$HERE/oracle.py" list "$1" >"$T/here" 2>/dev/null && python3 "$HERE/oracle.py" list "$ROOT" >"$T/there" && cmp "$T/here" "$T/there"
    eq "$(getfattr --only-values -n user.one "$1/attr")" eins
    eq "$(ls -a "$1" | wc -l)" 8
    [ "$(readlink "$1/link")" = etc/motd ]
}

it "imagefs -o image=REF shows its root filesystem at the mount point" '
    NAME=one mount_store -m "$O" -o "image=$R/app:v1"
    same "$O"
    eq "$(stat -c "%a %u" "$O/etc/secret")" "600 0"
    expect_errno ENOENT stat "$O/images"
'
it "and refuses writing opens" 'refuses "$O"'
# As the database of rpm is: with a log, whose shared memory is mapped. In the tree itself this is a disk I/O error.
it "a program that would write, and reads where it may not, works: sqlite" '
    python3 - <<P
import shutil, sqlite3
db = sqlite3.connect("$T/db")
db.execute("pragma journal_mode=wal")
db.execute("create table t(x)")
db.execute("insert into t values(42)")
db.commit()
for end in "", "-shm", "-wal":
    shutil.copy("$T/db" + end, "$T/image.db" + end)
P
    push_image sql v1 "Image([Layer([f(\"db\" + end, open(T + \"/image.db\" + end, \"rb\").read()) for end in (\"\", \"-shm\", \"-wal\")])])"
    mkdir -p "$T/sql"
    NAME=sql mount_store -m "$T/sql" -o "image=$R/sql:v1"
    before=$(sha "$T/sql/db-shm")
    eq "$(python3 -c "import sqlite3; print(sqlite3.connect(\"$T/sql/db\").execute(\"select x from t\").fetchall())")" "[(42,)]"
    matches "$(python3 -c "import sqlite3; sqlite3.connect(\"$T/sql/db\").execute(\"insert into t values(1)\")" 2>&1 || :)" "readonly database"
    eq "$(sha "$T/sql/db-shm")" "$before"
    NAME=sql unmount_store -m "$T/sql"
'
it "a way up in it ends at its root" '
    eq "$(cd "$O/srv/app" && cat ../../etc/motd)" hello
    eq "$(cd "$O" && ls -a ..)" "$(ls -a "$T")"
'
it "no name above it is looked for" '
    cd "$O/srv/app"
    before=$(requests /v2/)
    for name in package.json node_modules; do fails stat "$T/$name"; fails stat "$O/$name"; done
    eq "$(requests /v2/)" "$before"
'
it "it is nosuid,nodev,ro, and ends when it is unmounted" '
    matches ",$(awk -v point="$O" "\$5 == point { print \$6 }" /proc/self/mountinfo)," ",ro,nosuid,nodev,"
    NAME=one unmount_store -m "$O"
'
it "options of mount(8) change none of it" '
    NAME=one mount_store -m "$O" -o "rw,dev,suid,image=$R/app:v1"
    refuses "$O"
    NAME=one unmount_store -m "$O"
'
it "an image that is not here comes from its registry; with lookup=local or offline it does not" '
    for option in offline lookup=local; do
        fails "$IMAGEFS" "$T/store2" "$O" -o "$option,image=$R/other:v1" 2>"$T/error"
        matches "$(cat "$T/error")" "image=$R/other:v1: .*(not in the store|No such image)"
    done
    NAME=one mount_store -s "$T/store2" -m "$O" -o "image=$R/other:v1"
    eq "$(cat "$O/new")" new
    NAME=one unmount_store -m "$O"
    NAME=one mount_store -s "$T/store2" -m "$O" -o "offline,image=$R/other:v1"
    eq "$(cat "$O/new")" new
    NAME=one unmount_store -m "$O"
'
it "what is no image is an error at once, with its sentence" '
    for image in "$R/app:nope" "Not:A:Name" ""; do
        fails "$IMAGEFS" "$STORE" "$O" -o "image=$image" 2>"$T/error"
        grep "image=" "$T/error"
    done
    fails mountpoint -q "$O"
'
if ((EUID == 0)) && mountpoint -q /proc; then
    it "img mount binds it, read-only; img umount takes it away" '
        export IMAGEFS_MOUNT=$M
        img mount "$R/app:v1" "$O"
        same "$O"
        refuses "$O"
        matches ",$(awk -v point="$O" "\$5 == point { print \$6 }" /proc/self/mountinfo)," ",ro,nosuid,nodev,"
        img umount "$O"
        fails mountpoint -q "$O"
        fails img mount "$R/app:nope" "$O"
        fails img mount "$R/app:v1" "$T/nowhere"
    '
    it "a walk in it looks up nothing above" '
        export IMAGEFS_MOUNT=$M
        img mount "$R/app:v1" "$O"
        find "$O" -type f -exec cat {} + >/dev/null
        before=$(every)
        find "$O" -type f -exec cat {} + >/dev/null
        sent=$(($(every) - before))
        echo "$sent messages"
        img umount "$O"
        ((sent <= 20)) # reading ctl/stats is some of them
    '
fi
# The way of who is not root: here he only says so.
it "who is not root has a mount made, of the same store" '
    export IMAGEFS_MOUNT=$M
    mkdir -p "$T/bin" && printf "#!/bin/sh\necho 1000\n" >"$T/bin/id" && chmod +x "$T/bin/id"
    PATH=$T/bin:$PATH
    requested=$(requests /v2/)
    img mount "$R/app:v1" "$O"
    same "$O"
    refuses "$O"
    eq "$(requests /v2/)" "$requested"
    matches "$(grep " $O " /proc/self/mounts)" "^$STORE $O fuse.imagefs ro"
    img umount "$O"
    fails mountpoint -q "$O"
    until_true 5 "! pgrep -f \"imagefs $STORE $O\""
'
