#!/bin/bash
# SPDX-License-Identifier: MIT
# What another user than the owner may do at ctl/ of a mount with allow_other: little, at nobody's cost (fs/ctl/verb.h).
. "$(dirname "$0")/lib.sh"
need_fuse
((EUID == 0)) || skip_all "another user's process wants root"
start_registry
push_image app v1 >/dev/null
push_image app v2 >/dev/null
mount_store -o allow_other
C=$M/ctl
chmod 755 "$T"
cp "$HERE/syscall.py" "$T/" # the clone may lie in a home that is closed to others
NAME_V1=${R}%2Fapp:v1
other() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
other_errno() { other python3 "$T/syscall.py" "$@"; }
# A template that goes on until it is stopped.
LOOP='{{$x := split (printf "%25999d" 1) " "}}'
for _ in 1 2 3 4 5; do LOOP+='{{range $x}}'; done
for _ in 1 2 3 4 5; do LOOP+='{{end}}'; done
ENDLESS="$C/inspect?-f '$LOOP' $NAME_V1"

pull "$R/app:v1" >/dev/null
expect_errno ENOENT write "$C/inspect" "$R/app:owners-secret"
it "another user reads of images what the owner does" '
    for file in help "images" "images?--digests --no-trunc" "images?--format {{.Repository}}" "history?$NAME_V1" \
        "inspect?$NAME_V1" "inspect?-f {{.Id}} $NAME_V1" history; do
        eq "$(other cat "$C/$file" | grep -v "^20..-")" "$(cat "$C/$file" | grep -v "^20..-")"
    done
    other cat "$C/stats" | grep "^imagefs_fuse_requests_total" >/dev/null
'
push_image trusted v1 "Image([Layer([f('file', 'x', xattrs={'trusted.x': 't', 'user.y': 'u'})])])" >/dev/null
it "an attribute whose value the kernel keeps from another user is not listed to him, nor to a root without rights" '
    list() { "$@" python3 -c "import os, sys; print(*os.listxattr(sys.argv[1]))" "$M/images/$R/trusted/v1/rootfs/file"; }
    pull "$R/trusted:v1" >/dev/null
    cat "$M/images/$R/trusted/v1/rootfs/file" >/dev/null
    eq "$(list env)" "trusted.x user.y"
    eq "$(list other)" user.y
    eq "$(list setpriv --bounding-set -sys_admin --inh-caps -sys_admin)" user.y
'
it "another user reads an errno where the owner does" '
    eq "$(other_errno read "$C/inspect?-f \"{{index .Config.Labels .Config.Nope}}\" $NAME_V1")" EINVAL
    eq "$(other_errno read "$C/inspect?nosuch")" ENOENT
    eq "$(other_errno read "$C/inspect?")" EINVAL
    eq "$(other_errno read "$C/images?--nosuch")" EINVAL
    eq "$(other_errno read "$C/images?%zz")" EINVAL
    eq "$(other_errno read "$C/nosuch?x")" ENOENT
'
it "what others ask is neither an outcome nor an event" '
    before=$(wc -l <"$C/events")
    other_errno read "$C/inspect?nosuch-of-another" | grep -x ENOENT
    other_errno read "$C/pull?nosuch-of-another" | grep -x EACCES
    other_errno read "$C/images?%zz-of-another" | grep -x EINVAL
    hasnt "$(cat "$C/inspect" "$C/pull" "$C/images?" "$C/events")" of-another
    eq "$(wc -l <"$C/events")" "$before"
'
it "another user sees no outcome of the owner" '
    has "$(cat "$C/inspect")" owners-secret
    has "$(other cat "$C/inspect")" usage
    hasnt "$(other cat "$C/inspect")" owners-secret
    eq "$(other_errno read "$C/events")" EACCES
    eq "$(other_errno read "$C/jobs")" EACCES
    eq "$(other_errno read "$C/jobs?")" EACCES
'
cp /etc/hostname "$T/key.pem" && chmod 600 "$T/key.pem"
it "what asks a registry, opens a path or takes long is the owner's, and nothing of it runs" '
    asked=$(requests .)
    jobs=$(stat_value imagefs_jobs_started_total)
    for file in "df" "df?-v" "diff?$NAME_V1 $NAME_V1" "search?$R%2Fapp" "manifest?$R%2Fapp:v2" "manifest?inspect $R%2Fapp:v2" \
        "verify?$NAME_V1 --key ${T//\//%2F}%2Fkey.pem" "verify?$R%2Fapp:v2 --key %2Fetc%2Fshadow" "pull" \
        "pull?$R%2Fapp:v2" "prune" "prune?" "login" "login?x" "load?-i %2Fetc%2Fpasswd" "rmi?$NAME_V1" "save?$NAME_V1" save; do
        eq "$file $(other_errno read "$C/$file")" "$file EACCES"
    done
    for verb in df verify manifest search pull; do eq "$(other_errno stat "$C/$verb")" ok; done
    eq "$(requests .)" "$asked"
    eq "$(stat_value imagefs_jobs_started_total)" "$jobs"
    [ -z "$(ls "$M/images/$R/app" | grep v2)" ]
'
it "another user writes nothing" '
    for verb in pull images inspect df events stats; do
        eq "$verb $(other_errno write "$C/$verb" "$R/app:v2")" "$verb EACCES"
    done
'
it "modes say so" '
    eq "$(stat -c "%n %a" "$C"/* | sed "s,.*/,," | tr "
" " ")" "df 600 diff 600 events 400 fsck 600 help 644 history 644 images 644 \
import 600 index 600 inspect 644 jobs 600 load 600 login 600 logout 600 manifest 600 prune 600 pull 600 push 600 rmi 600 \
save 600 search 600 stats 644 tag 600 verify 600 "
'
it "who opened a file decides, whoever reads it" '
    python3 - "$C" <<END
import os, sys
def as_other(what):
    os.seteuid(65534)
    try: return what()
    finally: os.seteuid(0)
fd = as_other(lambda: os.open(sys.argv[1] + "/inspect", os.O_RDONLY))
text = os.read(fd, 65536)
assert b"usage" in text and b"owners-secret" not in text, text
fd = os.open(sys.argv[1] + "/inspect", os.O_RDONLY)
assert b"owners-secret" in as_other(lambda: os.read(fd, 65536))
END
'
cat >"$T/hold.py" <<'END'
import os, sys
name = """inspect?-f '{{$x := printf "%25999d" 1}}{{range split $x " "}}""" + "{{$x}}" * 10 + "{{end}}' " + sys.argv[2]
held = []
for _ in range(12):
    try:
        held.append(os.open(f"{sys.argv[1]}/{name}", os.O_RDONLY))
        os.read(held[-1], 100)
    except OSError as e:
        print(len(held), os.strerror(e.errno))
        break
END
it "what others may hold open has a bound, and comes back" '
    eq "$(other python3 "$T/hold.py" "$C" "$NAME_V1")" "6 Disk quota exceeded"
    until_true 10 "other python3 \"$T/hold.py\" \"$C\" \"$NAME_V1\" | grep ^6"
'
cat >"$T/crowd.py" <<'END'
import errno, os, sys, threading
def ask():
    while True:
        try: os.read(os.open(sys.argv[1], os.O_RDONLY), 100)
        except OSError as e:
            if e.errno == errno.ENOTCONN: os._exit(1) # nobody is there any more
for _ in range(int(sys.argv[2])): threading.Thread(target=ask).start()
END
others_jobs() { grep -c "of another user" "$C/jobs" || :; }
it "a crowd that asks for more than can be done holds up nobody else" '
    start crowd setpriv --reuid 65534 --regid 65534 --clear-groups python3 "$T/crowd.py" "$ENDLESS" 100
    until_true 20 "((\$(others_jobs) > 50))"
    for i in 1 2 3; do
        cat "$C/images" "$C/inspect?$NAME_V1" "$C/df" "$M/images/$R/app/v1/rootfs/new" >/dev/null
        ls "$C" "$M/images/$R/app/v1/layers/00/diff" >/dev/null
        ctl tag "$R/app:v1" "$R/app:t$i"
        (($(others_jobs) > 50)) || fail "they were waited for"
        (($(grep -c "^running.*of another user" "$C/jobs") <= 2))
    done
    stop crowd KILL
    until_true 60 "((\$(others_jobs) == 0))"
'
it "what another user asks steers no terminal of the owner" '
    start writer setpriv --reuid 65534 --regid 65534 --clear-groups python3 "$T/crowd.py" "$ENDLESS $(printf "\033[31m")" 3
    until_true 20 "((\$(others_jobs) > 1))"
    hasnt "$(cat "$C/jobs")" "$(printf "\033")"
    stop writer KILL
    until_true 60 "((\$(others_jobs) == 0))"
'
