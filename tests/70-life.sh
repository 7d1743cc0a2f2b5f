#!/bin/bash
# SPDX-License-Identifier: MIT
# Starting, stopping, several mounts, dead ones: the program's life.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 >/dev/null
hostile <<'END'
serve("slow", "v1", Image([Layer([f("x", bytes(i * i % 253 for i in range(400000)))], "plain")]))
on("GET /v2/slow/blobs", gate=(40000, "/never"))
on("/v2/dead/", stall="request")
END
unmount() { umount "$1" 2>/dev/null || fusermount3 -u "$1"; }
unmount_lazily() { umount -l "$1" 2>/dev/null || fusermount3 -uz "$1"; }
# The process that serves the mount: in the background it has no pid of ours.
daemon_pid() {
    local file
    for file in /proc/[0-9]*; do
        grep -zqx "$IMAGEFS" "$file/cmdline" || continue
        grep -zqx "${1:-$M}" "$file/cmdline" || continue # it is of a test beside this one
        echo "${file#/proc/}"
    done 2>/dev/null
}

it "it goes to the background when the mount answers" '
    timeout 60 "$IMAGEFS" "$STORE" "$M" >"$T/out" 2>&1
    mounted
    ls "$M/images" >/dev/null
    eq "$(cat "$T/out")" ""
'
it "the background process holds no terminal, no directory, no output" '
    ((EUID == 0)) || exit 0 # it does not show them to others
    pid=$(daemon_pid)
    eq "$(readlink "/proc/$pid/cwd")" /
    for fd in 0 1 2; do eq "$(readlink "/proc/$pid/fd/$fd")" /dev/null; done
'
it "unmounting ends it" '
    pid=$(daemon_pid)
    unmount "$M"
    gone "$pid" 3
    fails mounted
'
it "it fails on standard error where the mount point does not exist" '
    rc=0
    timeout 60 "$IMAGEFS" "$STORE" "$T/nowhere" 2>"$T/err" >"$T/out" || rc=$?
    ((rc != 0 && rc != 124))
    has "$(cat "$T/err")" "$T/nowhere"
'
it "it fails where the mount point is a file" '
    : >"$T/plain"
    fails timeout 60 "$IMAGEFS" "$STORE" "$T/plain" 2>"$T/err"
    [ -s "$T/err" ]
'
it "a wrong option fails, and is named" '
    fails timeout 60 "$IMAGEFS" "$STORE" "$M" -o no-such-option=1 2>"$T/err"
    has "$(cat "$T/err")" no-such-option
    fails timeout 60 "$IMAGEFS" "$STORE" "$M" -o platform=a/b/c/d 2>"$T/err"
    has "$(cat "$T/err")" "a/b/c/d"
    fails timeout 60 "$IMAGEFS" "$STORE" "$M" -o lookup=maybe 2>"$T/err"
    has "$(cat "$T/err")" maybe
    fails mounted
'
it "without arguments it says how it is used" '
    fails timeout 60 "$IMAGEFS" 2>"$T/err"
    has "$(cat "$T/err")" MOUNTPOINT
'
it "-h, --help, -V and --version answer" '
    for help in -h --help; do has "$("$IMAGEFS" $help)" MOUNTPOINT; done
    for version in -V --version; do matches "$("$IMAGEFS" $version)" "imagefs.*[0-9]\.[0-9]"; done
'
it "the store is \$XDG_DATA_HOME/imagefs for who is not root, /var/lib/imagefs for root" '
    ((EUID == 0)) && exit 0
    XDG_DATA_HOME=$T/data timeout 60 "$IMAGEFS" "$M"
    [ -e "$T/data/imagefs/oci-layout" ]
    unmount "$M"
'
in_transfer() { until_true 20 "awk '/slow/ && \$3 > 3000 { n++ } END { exit !n }' '$M/ctl/jobs'"; }
stops_in_a_pull() { # SIGNAL
    local pid writer
    NAME=slow mount_store -s "$T/slow.store"
    pid=$(pid_of slow)
    pull "$H/slow:v1" >/dev/null 2>"$T/err" & writer=$!
    in_transfer
    kill "-$1" "$pid"
    gone "$pid" 2
    wait "$writer" || :
    fails mounted
    rm -f "$T/pids/slow"
    valid_store "$T/slow.store"
}
it "SIGTERM in the middle of a pull ends it in 2 s, and unmounts" 'stops_in_a_pull TERM'
it "so does SIGHUP" 'stops_in_a_pull HUP'
it "what it had is resumed" '
    [ -n "$(find "$T/slow.store/partial" -type f -size +3k)" ]
'
it "SIGTERM with readers that wait for a dead registry ends it in 2 s, and frees them" '
    NAME=dead mount_store
    pid=$(pid_of dead)
    for i in 1 2 3 4 5; do stat "$M/images/$H/dead/x$i" >/dev/null 2>&1 & done
    until_true 10 "((\$(stat_value imagefs_jobs_waiting) == 5))"
    kill -TERM "$pid"
    gone "$pid" 2
    wait
    fails mounted
    rm -f "$T/pids/dead"
'
it "SIGTERM while another process holds the lock of the store ends it in 2 s" '
    NAME=locked mount_store
    pid=$(pid_of locked)
    flock "$STORE/lock" sleep 1000 & holder=$!
    until_true 10 "! flock -n \"$STORE/lock\" true"
    python3 "$HERE/syscall.py" write "$M/ctl/prune" "" >/dev/null & writer=$!
    until_true 10 "grep prune \"$M/ctl/jobs\""
    kill -KILL $writer
    grep prune "$M/ctl/jobs"
    kill -TERM "$pid"
    gone "$pid" 2
    kill "$(pgrep -P "$holder")"
    wait
    fails mounted
    rm -f "$T/pids/locked"
'
it "unmounting in the middle of a pull ends it in 2 s" '
    NAME=slow mount_store -s "$T/slow.store"
    pid=$(pid_of slow)
    python3 "$HERE/syscall.py" write "$M/ctl/pull" "$H/slow:v1" >/dev/null & writer=$!
    in_transfer
    unmount_lazily "$M"
    kill "$writer"
    wait "$writer" || :
    gone "$pid" 2
    rm -f "$T/pids/slow"
'
it "an open file keeps a lazily unmounted image readable" '
    NAME=lazy mount_store
    pid=$(pid_of lazy)
    pull "$R/app:v1" >/dev/null
    exec 7<"$M/images/$R/app/v1/layers/00/blob"
    unmount_lazily "$M"
    [ -n "$(head -c 10 <&7 | base64)" ]
    exec 7<&-
    gone "$pid" 5
    rm -f "$T/pids/lazy"
'
it "kill -9: readers get ENOTCONN at once, and the mount goes" '
    NAME=first mount_store
    cd "$M/images"
    kill -KILL "$(pid_of first)"
    gone "$(pid_of first)"
    rm "$T/pids/first"
    expect_errno ENOTCONN stat ./never-looked-up
    until_true 5 "! grep -q \" $M fuse\" /proc/mounts"
    until_true 5 "! pgrep -f \"^imagefs-guard $M\""
    eq "$(ls "$M")" ""
'
it "kill -9 of its guard, too: readers get ENOTCONN at once, and a restart clears the dead mount" '
    NAME=first mount_store
    stat "$M" >/dev/null # its attributes stay in the cache
    kill -KILL "$(pgrep -f "^imagefs-guard $M")"
    kill -KILL "$(pid_of first)"
    gone "$(pid_of first)"
    rm "$T/pids/first"
    expect_errno ENOTCONN list "$M"
    NAME=again mount_store
    ls "$M/images" >/dev/null
    eq "$(grep -c " $M fuse" /proc/mounts)" 1
    NAME=again unmount_store
'
it "the guard ends with the mount" '
    NAME=one mount_store
    pgrep -f "^imagefs-guard $M"
    NAME=one unmount_store
    fails pgrep -f "^imagefs-guard $M"
'
it "a living mount at the same place is not cleared" '
    NAME=one mount_store
    ! timeout 60 "$IMAGEFS" "$STORE" "$M" 2>"$T/err" || unmount "$M"
    ls "$M/images" >/dev/null
    alive "$(pid_of one)"
    NAME=one unmount_store
'
it "several processes on one store see each other's images, and pull at once" '
    for i in 1 2 3; do NAME=m$i mount_store -m "$T/m$i"; done
    push_image shared v1 "Image([Layer([f(\"x\", \"y\" * 2000000)], \"plain\"), Layer([f(\"z\")])])" >/dev/null
    pids=
    for i in 1 2 3; do
        POINT=$T/m$i pull "$R/shared:v1" >"$T/shared.$i" &
        pids+=" $!"
    done
    wait $pids
    for i in 1 2 3; do
        eq "$(tail -1 "$T/shared.$i")" "$R/shared:v1"
        eq "$(stat -c %s "$T/m$i/images/$R/shared/v1/rootfs/x")" 2000000
        has "$(ls "$T/m$i/images/$R")" shared
    done
    valid_store
    for i in 1 2 3; do NAME=m$i unmount_store -m "$T/m$i"; done
'
it "it works as what mount -t fuse.imagefs runs" '
    ((EUID == 0)) || exit 0
    mount.fuse3 "$IMAGEFS#$STORE" "$M" -o rw,lookup=local,nodev,noauto
    mounted
    ls "$M/images" >/dev/null
    expect_errno ENOENT stat "$M/images/$R/unknown/v1"
    pid=$(daemon_pid)
    umount "$M"
    gone "$pid" 5
'
it "the registry may be away at the start" '
    stop registry
    NAME=away mount_store
    eq "$(cat "$M/images/$R/app/v1/rootfs/new")" new
    NAME=away unmount_store
'
