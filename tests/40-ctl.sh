#!/bin/bash
# SPDX-License-Identifier: MIT
# Control files: how they answer, whatever the verb.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 >/dev/null
push_image app v2 'Image([Layer([f("2")])])' >/dev/null
mount_store
C=$M/ctl

it "the verbs are there" '
    for verb in pull images jobs events stats help; do [ -f "$C/$verb" ] || fail "$verb"; done
'
it "reading a verb shows its usage first" 'grep -qi usage <(head -5 "$C/pull")'
it "help names every verb" 'for verb in $(ls "$C"); do grep -q "$verb" "$C/help" || fail "$verb"; done'
it "echo > is a request, and returns when its work is done" '
    echo "$R/app:v1" >"$C/pull"
    eq "$(requests "GET .*/blobs/")" 3
    grep -q "$R/app:v1" "$C/pull"
'
it "the answer to a request of one's own stands behind it on the same descriptor" '
    exec 3<>"$C/pull"
    echo "$R/app:v1" >&3
    answer=$(cat <&3)
    has "$answer" "Status: Image is up to date for $R/app:v1"
    eq "$(head -1 <<<"$answer")" "v1: Pulling from app"
'
it "the errno of the failure is that of the write" '
    fails bash -c "echo $R/nope:v1 >\"$C/pull\"" 2>"$T/err"
    grep -q "No such file" "$T/err"
'
it "the sentence is in the next read, for everybody" '
    expect_errno ENOENT write "$C/pull" "$R/app:missing"
    grep "$R/app:missing" "$C/pull"
'
it "the answer on the descriptor of a failure has the sentence too" '
    python3 "$HERE/syscall.py" request "$C/pull" "$R/app:missing2" >"$T/answer" 2>"$T/err" && fail "should fail"
    grep -x ENOENT "$T/err"
    grep -q "app:missing2" "$T/answer"
'
it "--porcelain marks each line of an answer, and ends it with the errno and the status of docker" '
    eq "$(ctl pull "--porcelain -q $R/app:v1")" "out $R/app:v1
end ok 0"
    eq "$(ctl rmi "--porcelain nosuch:1" 2>"$T/err")" "err No such image: nosuch:1
end ENOENT 1"
    grep -x ENOENT "$T/err"
    eq "$(ctl pull "--porcelain --bogus" 2>/dev/null)" "err unknown flag: --bogus
end EINVAL 125"
    eq "$(ctl images "--porcelain --filter x" 2>/dev/null | tail -1)" "end EINVAL 125"
    eq "$(ctl search "--porcelain --limit x y" 2>/dev/null | tail -1)" "end EINVAL 125"
    eq "$(ctl images "--porcelain --format {{.Nope}}" 2>/dev/null | tail -1)" "end EINVAL 1"
    eq "$(ctl inspect "--porcelain -f {{.Os $R/app:v1" 2>/dev/null | tail -1)" "end EINVAL 64"
    eq "$(ctl inspect "--porcelain -f {{.Nope}} $R/app:v1" 2>/dev/null | tail -1)" "end EINVAL 1"
'
it "the form says of which stream each of several lines is, and nothing else of it is kept" '
    ctl tag "$R/app:v1" form:1
    eq "$(ctl rmi "--porcelain -f no:1 form:1 no:2")" "err No such image: no:1
out Untagged: form:1
err No such image: no:2
end ok 0"
    grep -q "rmi  *-f no:1 form:1 no:2: ok$" "$C/rmi"
    fails grep -qE -e "--porcelain|^ *(out|err|end) " "$C/rmi"
    eq "$(ctl images "--porcelain --no-trunc" | sed -n "s/^out //p")" "$(ctl images --no-trunc)"
    many=$(printf "gone:%0100d " {1..30}) # more than one error has room for
    eq "$(ctl inspect "--porcelain -f {{.Os}} $many $R/app:v1" 2>/dev/null | cut -c1-9 | sort | uniq -c | xargs)" \
        "1 end ENOEN 30 err No su 1 out linux"
    eq "$(ctl inspect "-f {{.Os}} $many $R/app:v1" 2>/dev/null | cut -c1-7 | LC_ALL=C sort | uniq -c | xargs)" "30 No such 1 linux"
'
it "the form holds for all lines of a write, and an end stands behind each" '
    eq "$(ctl images "--porcelain -q nosuch
--bogus" 2>/dev/null)" "end ok 0
err unknown flag: --bogus
end EINVAL 125"
    eq "$(ctl df "--porcelain" | tail -1)" "end ok 0"
'
it "a stream gives the form too, where its line asks for it" '
    exec 3<>"$C/load"
    { echo --porcelain && cat "$M/images/$R/app/v1/export/image.tar"; } >&3
    eq "$(cat <&3)" "out Loaded image: $R/app:v1
end ok 0"
    cat "$M/images/$R/app/v1/export/image.tar" >&3 # the next request did not ask for it
    eq "$(cat <&3)" "Loaded image: $R/app:v1"
    exec 3<>"$C/load"
    { echo --porcelain && echo nothing; } >&3
    fails cat <&3
    until answer=$(cat <&3); do :; done
    eq "$(tail -1 <<<"$answer")" "end EBADMSG 1"
    exec 3<>"$C/login"
    printf "%s\n" "--porcelain -u ann $R" canary >&3
    eq "$(cut -d" " -f1-2 <&3)" "err WARNING!
err Configure
err https://docs.docker.com/go/credential-store/
err 
out Login
end ok"
    ctl logout "$R"
'
it "a request may come without its newline" 'printf %s "$R/app:v1" >"$C/pull"'
it ">> works as > does" 'echo "$R/app:v1" >>"$C/pull"'
it "spaces around a request and empty lines between do no harm" 'printf "\n  %s  \n\n" "$R/app:v1" >"$C/pull"'
it "writers side by side have answers of their own" '
    for i in 1 2 3 4 5 6 7 8; do
        (ctl pull "$R/app:v$((i % 2 + 1))" >"$T/side.$i") &
    done
    wait
    for i in 1 2 3 4 5 6 7 8; do eq "$(tail -1 "$T/side.$i")" "$R/app:v$((i % 2 + 1))"; done
'
it "a table takes its arguments after ?" '
    has "$(head -1 "$C/images?--digests")" DIGEST
    hasnt "$(head -1 "$C/images")" DIGEST
    eq "$(sed -n 1p "$C/images?-q --no-trunc" | cut -c1-7)" sha256:
'
it "a slash after ? is %2F" 'grep -q "$R/app" "$C/images?--filter reference=${R}%2Fapp:v1"'
it "a wrong option after ? fails" '
    matches "$(errno_of read "$C/images?--no-such-option")" "EINVAL"
'
it "nothing that changes something runs by its name" '
    before=$(requests .)
    errno_of read "$C/pull?$R%2Fapp:v3" || :
    eq "$(requests "manifests/v3")" 0
'
it "an unknown verb is not there" 'expect_errno ENOENT stat "$C/no-such-verb"'
it "a table can be asked for by a request, too, however long" '
    eq "$(ctl images --digests --no-trunc)" "$(cat "$C/images?--digests --no-trunc")"
    eq "$(ctl images -q "$(printf "%0300d" 0)")" ""
    expect_errno EINVAL write "$C/images" --no-such-option
'
it "what only grows takes no request" 'matches "$(errno_of write "$C/events" x)" "EINVAL"'
it "control files cannot be removed or made" '
    expect_errno EROFS unlink "$C/pull"
    expect_errno ENOENT create "$C/new"
    matches "$(errno_of mkdir "$C/new")" "EROFS|ENOENT"
'
it "only the owner may write" '
    eq "$(stat -c %a "$C/pull")" 600
    eq "$(stat -c %a "$C/images")" 644
    eq "$(stat -c %a "$C/events")" 400
'
it "events is a JSON object a line, and tail -f follows it" '
    jq -es "length > 0" "$C/events" >/dev/null
    tail -n 1 -f "$C/events" >"$T/tail" & pid=$!
    until_true 10 "[ -s \"$T/tail\" ]"
    before=$(wc -l <"$T/tail")
    echo "$R/app:v1" >"$C/pull"
    until_true 10 "tail -n +$((before + 1)) \"$T/tail\" | grep app:v1"
    kill $pid; wait $pid || :
'
it "stats is Prometheus text" '
    fails grep -vE "^(#.*|[a-z_]+(\{[^}]*\})? [0-9.e+]+)$" "$C/stats"
    grep -q "^imagefs_fuse_requests_total{op=\"lookup\"} [1-9]" "$C/stats"
'
it "jobs shows a running transfer, and nothing when there is none" '
    cat "$C/jobs"
    hasnt "$(cat "$C/jobs")" "$R"
'
hostile <<'END'
serve("slow", "v1", Image([Layer([f("x", bytes(i * i % 253 for i in range(400000)))], "plain")]))
serve("slow2", "v1", Image([Layer([f("y", bytes(i * i % 251 for i in range(400000)))], "plain")]))
for name in "slow", "slow2":
    on(f"GET /v2/{name}/blobs", gate=(40000, env["T"] + "/" + name))
END
it "jobs names what is under way with its bytes" '
    pull "$H/slow:v1" >/dev/null & pid=$!
    until_true 10 "grep -q slow \"$C/jobs\""
    until_true 10 "awk \"/slow/ { exit !(\\\$3 > 20000 && \\\$4 == 401920) }\" \"$C/jobs\""
    head -1 "$C/jobs" | grep -E "STATE +WAITING +BYTES +OF"
    touch "$T/slow"
    wait $pid
    hasnt "$(cat "$C/jobs")" slow
'
it "a writer that is killed takes its request with it" '
    push_image killed v1 >/dev/null
    python3 "$HERE/syscall.py" write "$C/pull" "$H/stalled/x:v1" >/dev/null & pid=$!
    kill -KILL $pid
    wait $pid || :
    echo "$R/app:v1" >"$C/pull"
'
it "an interrupt ends all lines of a write, not one" '
    python3 -c "import os, sys; os.write(os.open(sys.argv[1], os.O_WRONLY), sys.argv[2].encode())" "$C/pull" "$H/slow2:v1
$R/app:never" 2>/dev/null & pid=$!
    until_true 10 "grep -q slow2 \"$C/jobs\""
    kill -INT $pid
    kill -TERM $pid
    wait $pid || :
    until_true 5 "grep -q \"slow2.*EINTR\" \"$C/pull\""
    hasnt "$(cat "$C/jobs")" slow2
    hasnt "$(cat "$C/pull")" app:never
'
it "whatever is asked for, events are JSON and the log is text" '
    printf "\377\376 \033[31m\302\233x\n" >"$C/rmi" 2>/dev/null && fail "taken"
    tail -n 1 "$C/events" | python3 -c "import json, sys; print(json.loads(sys.stdin.buffer.read().decode()))"
    fails grep -qP "[\x00-\x08\x0b-\x1f\x7f-\xff]" "$T/imagefs.log"
'
it "a huge request is refused" '
    head -c 2000000 /dev/zero | tr "\0" x >"$T/huge"
    fails cp "$T/huge" "$C/pull"
    echo "$R/app:v1" >"$C/pull"
'
it "a request far behind the others is refused, however it ends" '
    for text in "x" "x
"; do
        python3 - "$C/tag" "$text" <<P
import errno, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
try:
    os.pwrite(fd, sys.argv[2].encode(), (64 << 20) - len(sys.argv[2]))
    sys.exit("taken")
except OSError as e:
    assert e.errno == errno.EINVAL, e
P
    done
'
it "requests of a loop are whole where they cross a page" '
    for i in {1..200}; do echo "$R/app:v1 loop:$i"; done >"$C/tag"
    eq "$(ls "$M/images/loop" | grep -vc sha256)" 200
    { echo "$R/app:v1 list:0"; printf "$R/app:v1 list:%s\n" {1..200}; } >"$C/tag"
    eq "$(ls "$M/images/list" | grep -vc sha256)" 201
    ctl rmi loop:{1..200} list:{0..200} >/dev/null
'
it "in the second part of a write, too, a failure is that of the write, and is tried once" '
    python3 - "$C/rmi" <<P
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
os.write(fd, b"-f none:0\n")
data = b"".join(b"-f none:%d\n" % i for i in range(500)) + b"not-there:1\n"
try:
    while data:
        data = data[os.write(fd, data):]
    sys.exit("it succeeded")
except OSError as e:
    assert e.errno == errno.ENOENT, e
answer = os.read(fd, 1 << 16).decode()
assert answer.endswith("No such image: not-there:1\n"), answer
os.write(fd, b"-f none:0\n")
P
    eq "$(grep -c " rmi not-there:1" "$C/rmi")" 1
'
it "a write without a newline that ends with a page is done when it is read, or closed" '
    python3 - "$C/tag" "$R/app:v1 page:" <<P
import os, sys
text = sys.argv[2].encode()
for name, reads in (b"read", True), (b"closed", False):
    fd = os.open(sys.argv[1], os.O_RDWR)
    os.write(fd, b"\n")
    os.write(fd, b" " * (4095 - len(text + name)) + text + name)
    if reads:
        assert os.read(fd, 100) == b""
        os.write(fd, text + b"behind\n")
    os.close(fd)
P
    until_true 5 "grep -q page:closed $C/tag"
    [ -L "$M/images/page/closed" ]
    [ -L "$M/images/page/read" ]
    [ -L "$M/images/page/behind" ]
    ctl rmi page:read page:closed page:behind
'
it "a file is the same file at every look, which cp and tail -F want" '
    for file in "$C/images" "$C/images?-q" "$C/events" "$M/images/$H"; do
        exec 3<"$file" # keeps the inode
        sleep 0.05     # the kernel trusts an answer for one of its ticks
        eq "$(stat -c %i "$file")" "$(stat -L -c %i /dev/fd/3)"
    done
    (($(stat -c %i "$C/images") != $(stat -c %i "$C/images?-q")))
'
