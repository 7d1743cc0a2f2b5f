#!/bin/bash
# SPDX-License-Identifier: MIT
# The daemon as a process: where it is mounted, what it inherits, and what becomes of it when derived files fail.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image small v1 >/dev/null
push_image large v1 'Image([Layer([f("large", __import__("random").Random(3).randbytes(3000000))])])' >/dev/null
# One layer of several spans, with windows.
build "
import random
r = random.Random(7)
words = [bytes(r.choices(b'abcdefghijklmnop', k=6)) for _ in range(4000)]
def text(i): return b'%d ' % i + b' '.join(r.choices(words, k=45000))
data = [text(i) for i in range(24)]
files = [d('d')] + [f('d/%d' % i, x) for i, x in enumerate(data)] + [s('d/link', '3')]
write_layout(T + '/layout', {'v1': Image([Layer(files), Layer([f('new', 'new')])])})
write_layout(T + '/many', {'v%d' % i: Image([Layer([f('a', str(i))]), Layer([f('b', str(i))])]) for i in range(30)})
for i, x in enumerate(data): open(T + '/d.%d' % i, 'wb').write(x)
"

# ---- helpers ----

# up COMMAND…: runs it with imagefs behind, which goes to the background, and waits for the mount.
up() { timeout 20 "$@" "$IMAGEFS" "$STORE" "$M"; }
# The process that serves the mount: in the background it has no pid of ours.
daemon_pid() { pgrep -fx -- "$IMAGEFS [^ ]* ${1-$M}( .*)?" || :; }
down() { # [POINT] [ARGUMENT]: and the process ends
    local pid
    pid=$(daemon_pid "${2:-${1:-$M}}")
    [ -n "$pid" ]
    umount "${1:-$M}" 2>/dev/null || fusermount3 -u "${1:-$M}"
    gone "$pid" 10
}
answers_all() { # it lists, and does what a job does
    ls "$M/images" >/dev/null
    echo "$R/small:v1" >"$M/ctl/pull"
    eq "$(cat "$M/images/$R/small/v1/rootfs/new")" new
}
# after CODE COMMAND…: Python that changes the process, which then becomes the command.
after() { python3 -c 'import os, signal, resource, sys; exec(sys.argv[1]); os.execvp(sys.argv[2], sys.argv[2:])' "$@"; }

# ---- the mount point ----

mkdir -p "$M/below" "$T/odd, back\\slash"
ln -s "$M" "$T/link"
mounts_at() { # DIRECTORY POINT REAL
    (cd "$1" && timeout 20 "$IMAGEFS" "$STORE" "$2")
    mounted "$3"
    ls "$3/images" >/dev/null
    down "$3" "${2//\\/.}"
}
it "a mount point may end in a dot or two, or be relative, or a link" '
    mounts_at "$M" . "$M"
    mounts_at / "$M/." "$M"
    mounts_at / "$M/below/.." "$M"
    mounts_at "$M/below" .. "$M"
    mounts_at "$T" ./mnt/// "$M"
    mounts_at / "$T/link/" "$M"
'
it "its name may hold a comma, a backslash and a blank" '
    mounts_at / "$T/odd, back\\slash" "$T/odd, back\\slash"
'
it "a dead mount is cleared, also with a slash behind it, and from within" '
    for point in "$M/" "$T/link" .; do
        up env
        cd "$M"
        kill -KILL "$(pgrep -f "^imagefs-guard $M")" # which would clear it
        kill -KILL "$(daemon_pid)"
        until_true 10 "! stat -f \"$M\""
        timeout 20 "$IMAGEFS" "$STORE" "$point"
        cd /
        mounted
        eq "$(grep -c " $M fuse" /proc/mounts)" 1
        down "$M" "$point"
    done
'
it "through a link, targets of ln -s are understood by both names" '
    timeout 20 "$IMAGEFS" "$STORE" "$T/link"
    echo "$R/small:v1" >"$M/ctl/pull"
    ln -s "$M/images/$R/small/v1" "$M/images/$R/small/one"
    ln -s "$T/link/images/$R/small/v1" "$M/images/$R/small/two"
    eq "$(readlink "$M/images/$R/small/two")" "$(readlink "$M/images/$R/small/v1")"
    down "$M" "$T/link"
'
it "the store may not lie below it, however that is written" '
    fails env --chdir="$M" timeout 20 "$IMAGEFS" below/store . 2>"$T/err"
    has "$(cat "$T/err")" "lies below its mount point"
    fails mounted
'

# ---- descriptors ----

without() { # DESCRIPTORS COMMAND…
    local closed=$1
    shift
    after "[os.close(int(fd)) for fd in \"$closed\".split()]" "$@"
}
it "standard descriptors may be closed: each one, and all" '
    for closed in 0 1 2 "0 1 2"; do
        without "$closed" timeout 20 "$IMAGEFS" "$STORE" "$M"
        answers_all
        for fd in 0 1 2; do eq "$(readlink "/proc/$(daemon_pid)/fd/$fd")" /dev/null; done
        down
    done
'
it "in the background it holds nothing that was left open to it" '
    up flock "$T/lock"
    flock -n "$T/lock" true
    down
'

# ---- signals ----

it "a signal that means nothing is ignored" '
    up env
    pid=$(daemon_pid)
    for signal in PIPE XFSZ USR1 USR2 ALRM VTALRM PROF IO PWR STKFLT TTIN TTOU CHLD WINCH URG CONT RTMIN RTMAX; do
        kill "-$signal" "$pid"
    done
    answers_all
    eq "$(daemon_pid)" "$pid"
    down
'
it "SIGQUIT and SIGXCPU end it in order" '
    for signal in QUIT XCPU; do
        # A shell has what it runs in the background ignore SIGQUIT.
        after "signal.signal(signal.SIGQUIT, signal.SIG_DFL)" timeout 20 "$IMAGEFS" "$STORE" "$M"
        pid=$(daemon_pid)
        kill "-$signal" "$pid"
        gone "$pid" 10
        fails mounted
        eq "$(grep -c " $M fuse" /proc/mounts || :)" 0
    done
'
it "all signals may be blocked, pending and ignored by its parent" '
    code="signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for s in (signal.SIGUSR1, signal.SIGALRM, signal.SIGPROF): os.kill(os.getpid(), s)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
    after "$code" "$IMAGEFS" "$STORE" "$M"
    answers_all
    pid=$(daemon_pid)
    kill -TERM "$pid"
    gone "$pid" 10
    fails mounted
'
it "a credential helper is waited for, whatever its parent did with SIGCHLD" '
    mkdir -p "$T/bin"
    printf "#!/bin/sh\necho \"{\\\"Username\\\":\\\"ann\\\",\\\"Secret\\\":\\\"x\\\"}\"\n" >"$T/bin/docker-credential-test"
    chmod +x "$T/bin/docker-credential-test"
    echo "{\"credsStore\":\"test\"}" >"$T/auth.json"
    PATH=$T/bin:$PATH after "signal.signal(signal.SIGCHLD, signal.SIG_IGN)" timeout 20 \
        "$IMAGEFS" "$STORE" "$M" -o "auth=$T/auth.json"
    answers_all
    hasnt "$(cat "$M/ctl/pull")" docker-credential-test
    down
'

# ---- limits ----

it "past a limit of file sizes a pull is EFBIG, says why, and leaves nothing" '
    (ulimit -f 1024; timeout 20 "$IMAGEFS" "$T/limited" "$M")
    eq "$(errno_of write "$M/ctl/pull" "$R/large:v1")" EFBIG
    has "$(tail -3 "$M/ctl/pull")" "limit of 1048576 bytes a file"
    eq "$(find "$T/limited/partial" -type f -size +0)" ""
    eq "$(errno_of list "$M/images/$R/large/v1/rootfs")" EFBIG
    eq "$(find "$T/limited/partial" -type f -size +0)" ""
    answers_all
    valid_store "$T/limited"
    down
'
it "few descriptors: it works, or says so at the start" '
    for files in 8 16 40; do
        fails up prlimit --nofile=$files:$files 2>"$T/err"
        has "$(cat "$T/err")" "$files files may be open"
        fails mounted
    done
    up prlimit --nofile=64:64
    answers_all
    down
'
it "few descriptors: of more images than can be open, each is read" '
    timeout 20 prlimit --nofile=64:64 "$IMAGEFS" "$T/many" "$M" -o lookup=local
    for round in 1 2; do
        for i in {0..29}; do eq "$(cat "$M/images/localhost/many/v$i/rootfs/a")" "$i"; done
    done
    for i in {0..29}; do exec {fd}<"$M/images/localhost/many/v$i/rootfs/b" || break; done 2>/dev/null
    for ((; fd > 9; fd--)); do exec {fd}<&-; done
    until_true 5 "cat \"$M/images/localhost/many/v29/rootfs/a\""
    down
'
it "few descriptors: more documents, blobs and archives than can be open are read, though the kernel remembers them" '
    timeout 20 prlimit --nofile=64:64 "$IMAGEFS" "$T/many" "$M" -o lookup=local
    for file in manifest.json config.json layers/00/blob export/image.tar; do
        for i in {0..29}; do echo "$M/images/localhost/many/v$i/$file"; done | xargs -P 4 cat >/dev/null
    done
    for i in {0..29}; do cat "$M/ctl/save?localhost%2Fmany:v$i" >/dev/null; done
    answers_all
    down
'
it "stacks of 64 KiB and of a gigabyte" '
    for kib in 64 1048576; do
        (ulimit -s $kib; up env)
        answers_all
        down
    done
'
[[ -n $(grep -s -- -fsanitize "$BUILD/flags") ]] ||
    it "little memory is ENOMEM, not an end" '
        (ulimit -v 60000; timeout 20 "$IMAGEFS" "$T/limited" "$M")
        pid=$(daemon_pid)
        python3 "$HERE/syscall.py" write "$M/ctl/pull" "$R/large:v1" >"$T/out" || :
        matches "$(cat "$T/out")" "ok|ENOMEM|EFBIG"
        ls "$M/images" >/dev/null
        alive "$pid"
        down
    '

# ---- environment ----

it "no environment at all" '
    up env -i
    answers_all
    down
'
it "a working directory that was deleted, variables that are empty, relative or odd" '
    mkdir "$T/gone"
    (cd "$T/gone" && rmdir "$T/gone" && XDG_DATA_HOME= XDG_RUNTIME_DIR=x XDG_CACHE_HOME=y HOME= TMPDIR=/nowhere LC_ALL=tlh_KX \
        LANG=C.4711 TZ=Moon/Tranquility up env)
    answers_all
    down
    (mkdir "$T/gone" && cd "$T/gone" && rmdir "$T/gone" && ! timeout 20 "$IMAGEFS" "$STORE" mnt 2>"$T/err")
    has "$(cat "$T/err")" "working directory"
'
it "credentials named by a relative path are found from the background, too" '
    mkdir -p "$T/docker"
    echo "{\"credsStore\":\"no-such-helper\"}" >"$T/docker/config.json"
    (cd "$T" && HOME= DOCKER_CONFIG=docker timeout 20 "$IMAGEFS" "$T/fresh" "$M")
    fails python3 "$HERE/syscall.py" write "$M/ctl/login" "-u ann $R"$'"'"'\n'"'"'secret >/dev/null || :
    has "$(tail -3 "$M/ctl/login")" docker-credential-no-such-helper
    down
'

# ---- as another user ----

# as_games CODE: with a /dev/fuse for all, in a mount namespace of its own; $U is a directory of theirs. The mounts of tests
# beside this one would live as long as their copies there.
as_games() {
    U=$T/games with_functions unshare -m --propagation private bash -euo pipefail -c '
        awk "\$3 ~ /^fuse/ { print \$2 }" /proc/mounts | while read -r mount; do umount -l "$mount"; done
        mount -t tmpfs none "$U"
        mknod -m 666 "$U/fuse" c 10 229
        mount --bind "$U/fuse" /dev/fuse
        chown games "$U"
        cd "$U"
        mkdir -m 777 mnt
        export M=$U/mnt STORE=$U/store HOME=$U
        exec setpriv --reuid games --regid games --clear-groups bash -euo pipefail -c "$1"' _ "$1"
}
chmod 711 "$T"
mkdir -p "$T/games"
if ((EUID == 0)) && have setpriv && as_games '[ -x "$IMAGEFS" -a -r "$HERE/syscall.py" ]' 2>/dev/null; then
    it "another user: points that end in dots, and a dead mount" '
        as_games "
            mkdir mnt/below
            mounts_at mnt . \"\$M\"
            mounts_at mnt/below .. \"\$M\"
            mounts_at . mnt/..//mnt/./ \"\$M\"
            up env
            kill -KILL \"\$(pgrep -f \"^imagefs-guard \$M\")\" # which would clear it
            kill -KILL \"\$(daemon_pid)\"
            until_true 10 \"! stat -f mnt\"
            up env
            answers_all
            down
        "
    '
    it "another user: the umask takes nothing from the owner" '
        as_games "
            for mask in 0777 0; do
                (umask \$mask; timeout 20 \"\$IMAGEFS\" store.\$mask \"\$M\")
                answers_all
                down
                eq \"\$(find store.\$mask -not -user games -o -perm /022)\" \"\"
            done
        "
    '
    it "another user: a point that is not for them is named, with the reason" '
        as_games "
            mkdir -m 0 closed
            fails timeout 20 \"\$IMAGEFS\" store closed/below 2>err
            has \"\$(cat err)\" \"closed/below: Permission denied\"
            fails timeout 20 \"\$IMAGEFS\" store closed 2>err
            has \"\$(cat err)\" \"Permission denied\"
        "
    '
    it "another user: a HOME that is not theirs holds no credentials" '
        as_games "
            HOME=$T/home up env
            answers_all
            down
        "
    '
    it "another user: without HOME it says what is missing" '
        as_games "
            fails env -u HOME -u XDG_DATA_HOME timeout 20 \"\$IMAGEFS\" mnt 2>err
            has \"\$(cat err)\" HOME
        "
    '
    it "another user: few processes are enough, or it says so at the start" '
        as_games "
            for count in 1 4 5 6 7 9; do
                if up prlimit --nproc=\$count:\$count 2>err; then
                    answers_all
                    down
                else
                    has \"\$(cat err)\" \"Resource temporarily unavailable\"
                fi
            done
            up prlimit --nproc=30:30
            answers_all
            down
        "
    '
else
    skip "another user" "wants root, setpriv, and directories that others may enter"
fi

# ---- derived files that fail while they are mapped ----

D=$T/layout/derived
I=$M/images/localhost/layout/v1
mount_store -s "$T/layout" -o lookup=local
right() { cmp "$I/rootfs/d/$1" "$T/d.$1"; }
right_or_error() {
    local got
    got=$(errno_of read "$I/rootfs/d/$1")
    [[ $got == EIO || $got == EBADMSG ]] || { eq "$got" ok && right "$1"; }
}
harm() { # FILE HOW
    local size
    size=$(stat -c %s "$1")
    case $2 in
    emptied) truncate -s 0 "$1" ;;
    halved) truncate -s $((size / 2)) "$1" ;;
    short) truncate -s $((size - 1)) "$1" ;;
    zeroed) truncate -s 0 "$1" && truncate -s "$size" "$1" ;;
    written) dd if=/dev/urandom of="$1" bs=1 seek=$((size / 3)) count=100 conv=notrunc status=none ;;
    gone) rm "$1" ;;
    esac
}
it "a tree that is cut, written to or deleted: what is asked next is right" '
    right 0
    n=1
    for how in emptied halved short zeroed written gone; do
        harm "$D"/trees/* $how
        expect_errno ENOENT stat "$I/rootfs/d/$how"
        eq "$(stat -c %s "$I/rootfs/d/$n")" "$(stat -c %s "$T/d.$n")"
        right "$n"
        n=$((n + 1))
    done
    eq "$(ls "$I/rootfs/d" | sort -n | tail -1)" 23
    eq "$(readlink "$I/rootfs/d/link")" 3
    alive "$(pid_of imagefs)"
'
it "so is what an attribute, and rootfs.tar say" '
    remount_store -s "$T/layout" -o lookup=local
    cat "$I/export/rootfs.tar" >"$T/before.tar"
    for how in emptied halved zeroed; do
        harm "$D"/trees/* $how
        has "$(getfattr --only-values -n user.imagefs.layer "$I/rootfs/new")" "1 sha256"
        harm "$D"/trees/* $how
        dd if="$I/export/rootfs.tar" iflag=direct bs=1M status=none | cmp - "$T/before.tar"
    done
    alive "$(pid_of imagefs)"
'
it "an index of a layer that is cut or written to: an error or the right bytes, then the right ones" '
    remount_store -s "$T/layout" -o lookup=local
    layer=$D/layers/$(jq -r ".layers[0].digest[7:]" "$I/manifest.json")
    ls "$I/rootfs/d" >/dev/null
    for n in 20 12 5 16 9; do
        how=$(echo "emptied halved zeroed written gone" | cut -d" " -f$((n % 5 + 1)))
        harm "$layer" $how
        right_or_error $n
        right $n
    done
    alive "$(pid_of imagefs)"
    for n in {0..23}; do right $n; done
'
it "all of derived/ may be deleted at any time" '
    rm -r "$D"
    for n in {0..23}; do right $n; done
    expect_errno ENOENT stat "$I/rootfs/d/nothing"
    remount_store -s "$T/layout" -o lookup=local
    rm -r "$D"
    for n in 23 0 11; do right $n; done
    alive "$(pid_of imagefs)"
    valid_store "$T/layout"
'

# --- names that lead nowhere ---------------------------------------------------------------------

NAMES=6000
it "of names that lead nowhere a thousand are remembered, or two, however many are looked up" '
    python3 -c "import os, sys
for k in range(int(sys.argv[2])):
    for path in (\"stray%d/x\" % k, \"stray.example:5000/org%d/app\" % k):
        try: os.lstat(f\"{sys.argv[1]}/images/{path}\")
        except FileNotFoundError: pass" "$M" "$NAMES"
    until_true 20 "((\$(stat_value imagefs_inodes_vnodes) < 3000))"
'
it "and one that somebody holds stays" '
    cd "$M/images/stray1"
    python3 -c "import os, sys
for k in range(int(sys.argv[2])):
    try: os.lstat(f\"{sys.argv[1]}/images/other{k}/x\")
    except FileNotFoundError: pass" "$M" "$NAMES"
    until_true 20 "((\$(stat_value imagefs_inodes_vnodes) < 3000))"
    eq "$(ls -a | wc -l)" 2
    fails ls app/1
'

if grep -qs -- -fsanitize "$BUILD/flags"; then
    skip "what is freed goes back to the system where nobody asks for anything" "the sanitizer has the allocations"
else
    hostile <<'P'
for n in range(400): serve("app", "t%d" % n, Image([Layer([f("a", str(n))])]))
P
    it "what is freed goes back to the system where nobody asks for anything" '
        private() { awk "/^Private_Dirty/ { n += \$2 } END { print n }" "/proc/$(pid_of idle)/smaps_rollup"; }
        NAME=idle mount_store -s "$T/idle" -m "$T/point"
        seq -f "$T/point/images/$H/app/t%g/config.json" 0 399 | xargs -P 8 -n 20 cat >/dev/null
        before=$(private)
        echo "# $before kB"
        until_true 30 "((\$(private) * 10 < $before * 9))"
        NAME=idle unmount_store -m "$T/point"
    '
fi
