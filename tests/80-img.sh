#!/bin/bash
# SPDX-License-Identifier: MIT
# scripts/img: docker's commands over the control files, and the completions of the shells.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 >/dev/null
push_image app v2 >/dev/null
mount_store
TOP=$(cd "$HERE/.." && pwd)
IMAGEFS_MOUNT=$M
mkdir "$T/bin"
ln -s "$TOP/scripts/img" "$T/bin/img"
PATH=$T/bin:$PATH

it "help names the commands" 'matches "$(img)" "pull .* push "; has "$(img help)" images'
it "a command's help is its usage" '
    has "$(img pull --help)" "Usage:  img pull [OPTIONS] NAME"
    has "$(img pull --help)" "--platform string"
    has "$(IMAGEFS_MOUNT=$T/nowhere img help rmi)" "img image remove"
    has "$(img images --help)" "--digests"
'
it "what is no command is an error in docker's words" '
    rc=0; img nonsense 2>"$T/err" || rc=$?
    eq "$rc" 1
    has "$(cat "$T/err")" "img: unknown command: img nonsense"
    rc=0; img image tags 2>"$T/err" || rc=$?
    eq "$rc" 1
    has "$(cat "$T/err")" "img: unknown command: img image tags"
'
it "pull prints plain lines in a pipe" '
    img pull "$R/app:v1" >"$T/out"
    has "$(cat "$T/out")" "Status: Downloaded newer image for $R/app:v1"
    eq "$(tail -1 "$T/out")" "$R/app:v1"
'
it "a failure is status 1, its reason alone on standard error" '
    rc=0; img pull "$R/nope:v1" >"$T/out" 2>"$T/err" || rc=$?
    eq "$rc" 1
    eq "$(wc -l <"$T/err")" 1
    has "$(cat "$T/err")" "$R/nope:v1"
    ! grep -q "not found" "$T/out"
'
status() { # STATUS COMMAND…: and its errors are in $T/err
    local rc=0 wanted=$1
    shift
    "$@" >"$T/out" 2>"$T/err" </dev/null || rc=$?
    eq "$rc" "$wanted"
}
it "the status of docker: 125 for a flag that is wrong, 64 for a template of inspect" '
    status 125 img images --bogus
    eq "$(cat "$T/err")" "unknown flag: --bogus

Run '"'img images --help'"' for more information"
    status 125 img images -Z
    status 125 img images --filter
    status 125 img images --filter foo
    status 125 img images -q=maybe
    for line in "save -o" "load -i" "login -u" "import -m"; do
        status 125 img $line
        has "$(cat "$T/err")" "flag needs an argument: '"'"'${line#*-}'"'"' in -${line#*-}"
    done
    status 64 img inspect -f "{{.Os" "$R/app:v1"
    status 1 img inspect -f "{{.Nope}}" "$R/app:v1"
    status 1 img images --format "{{.Nope}}"
'
it "without its arguments a command fails" '
    for command in pull push inspect history tag rmi search manifest verify; do
        status 1 img "$command"
        has "$(cat "$T/err")" "requires"
    done
'
it "of several failures each is an error, and no output" '
    status 1 img inspect -f "{{.Os}}" nosuch "$R/app:v1" alsonot
    eq "$(cat "$T/out")" linux
    eq "$(cat "$T/err")" "No such image: nosuch:latest
No such image: alsonot:latest"
'
it "of more failures than one error has room for, too" '
    many=$(printf "gone:%0100d " {1..30})
    status 1 img inspect -f "{{.Os}}" $many "$R/app:v1"
    eq "$(cat "$T/out")" linux
    eq "$(grep -c "^No such image: gone:" "$T/err")" 30
    eq "$(wc -l <"$T/err")" 30
    status 1 img rmi $many
    eq "$(cat "$T/out")" ""
    eq "$(grep -c "^No such image: gone:" "$T/err")" 30
'
it "what an answer prints is output, however it reads" '
    status 0 img inspect -f "No such image: x{{println}}unknown flag: --y{{println}}end EIO 7" "$R/app:v1"
    eq "$(cat "$T/out")" "No such image: x
unknown flag: --y
end EIO 7"
    eq "$(cat "$T/err")" ""
'
it "a stream comes whole, whatever its first byte, and an empty one is an error" '
    for byte in 000 045 134 377; do
        rc=0; printf "\\$byte" | img load >"$T/out" 2>"$T/err" || rc=$?
        eq "$byte $rc $(cat "$T/out")" "$byte 1 "
        eq "$(wc -l <"$T/err")" 1
        hasnt "$(cat "$T/err")" empty
    done
    img export "$R/app:v1" | gzip | img import - stream:1
    img export stream:1 | tar x -O etc/motd | grep "hello from app:v1"
    img rmi stream:1
    status 1 img load
    eq "$(cat "$T/err")" "requested load from stdin, but stdin is empty"
    status 125 img load --bogus
'
it "a request that is not taken is an error" '
    status 1 img rmi $(printf "gone:%0100d " {1..700})
    eq "$(cat "$T/err")" "img: $M/ctl/rmi: the request was not taken"
    eq "$(cat "$T/out")" ""
'
it "every command has a help" '
    for command in $(img --complete "" ""); do
        case $command in
        help) ;;
        image | system) has "$(img "$command" --help)" "Usage:  img $command COMMAND" ;;
        *) has "$(img "$command" --help)" "Usage:  img $command" ;;
        esac
    done
    has "$(img help pull)" "Usage:  img pull"
'
it "the environment is not asked for what arguments say" '
    eq "$(help=1 all=1 img images -q)" "$(img images -q)"
    input=$T/nothing status 1 img load
    eq "$(cat "$T/err")" "requested load from stdin, but stdin is empty"
'
it "arguments reach the verb as they are" '
    rc=0; img images --filter "a'"'"'b c" 2>"$T/err" || rc=$?
    has "$(cat "$T/err")" "a'"'"'b c"
'
it "image and system may stand in front" '
    eq "$(img image ls -q)" "$(img images -q)"
    eq "$(IMAGEFS_VIEW=29 img image ls -q)" "$(img images -q)"
    eq "$(IMAGEFS_VIEW=29 img image ls -a)" "$(cat "$M/ctl/images?--view 29 -a")"
    eq "$(IMAGEFS_VIEW=29 img image ls --tree)" "$(cat "$M/ctl/images?--tree")"
    eq "$(img image list -q)" "$(img images -q)"
    img tag "$R/app:v1" alias:1
    eq "$(img image remove alias:1)" "Untagged: alias:1"
    eq "$(img images -q | wc -l)" 1
'
it "the mount is found in the mount table" '
    (unset IMAGEFS_MOUNT; cd /; img images >/dev/null)
    rc=0; IMAGEFS_MOUNT=$T/nowhere img images 2>"$T/err" || rc=$?
    eq "$rc" 1
    has "$(cat "$T/err")" "$T/nowhere"
'
it "path is a path" '
    [ -d "$(img path "$R/app:v1")/rootfs" ]
    rc=0; img path "$R/none" 2>"$T/err" || rc=$?
    eq "$rc" 1
    has "$(cat "$T/err")" "No such image: $R/none:latest"
'
it "save, export and path take an ID, also of an image without a tag" '
    id=$(img images -q "$R/app:v1") digest=$(readlink "$M/images/$R/app/v1")
    eq "$(img path "$id")" "$M/images/$R/app/$digest"
    eq "$(img path "sha256:$id")" "$M/images/$R/app/$digest"
    has "$(img save "$id" | tar t)" "${digest#sha256:}"
    img tag "$R/app:v1" moved:1
    img rmi "$R/app:v1"
    img pull -q "$R/app:v2"
    img tag "$R/app:v2" moved:1
    eq "$(img images -q -f dangling=true)" "$id"
    img export "$id" | tar x -O etc/motd | grep "hello from app:v1"
    img rmi moved:1 "$id"
    img pull -q "$R/app:v1"
    img rmi "$R/app:v2"
'
it "an output that cannot be written is left alone" '
    status 1 img save -o "$T/nowhere/app.tar" "$R/app:v1"
    has "$(cat "$T/err")" "invalid output path: stat $T/nowhere: no such file or directory"
    mkfifo "$T/fifo"
    status 1 img save -o "$T/fifo" "$R/app:v1"
    status 1 img save -o "$T/bin" "$R/app:v1"
    [ -p "$T/fifo" ]
    eq "$(ls "$T/bin")" img
'
it "import passes its words on, or does nothing" '
    img export -o "$T/root.tar" "$R/app:v1"
    img import -m "two
lines, it'"'"'s a \\n" "$T/root.tar" imported:1
    eq "$(img history --format "{{.Comment}}" imported:1)" "two
lines, it'"'"'s a \\n"
    img rmi imported:1
    status 1 img import http://example.org/root.tar
    has "$(cat "$T/err")" "nothing is downloaded"
    cd "$T"
    img import -m "" root.tar imported:1
    has "$(img history imported:1)" "Imported from $T/root.tar"
    img rmi imported:1
'
it "the key of verify may be a relative path" '
    openssl ecparam -genkey -name prime256v1 -noout 2>/dev/null | openssl ec -pubout -out "$T/key.pub" 2>/dev/null
    cd "$T"
    for flag in "--key key.pub" --key=key.pub; do
        status 1 img verify $flag "$R/app:v1"
        has "$(cat "$T/err")" "no signatures found"
    done
'
it "options may stand behind their command" '
    img save "$R/app:v1" -o "$T/behind.tar"
    has "$(tar tf "$T/behind.tar")" index.json
    img export "$R/app:v1" --output="$T/behind-root.tar"
    eq "$(img load "-i$T/behind.tar" -q)" "Loaded image: $R/app:v1"
    eq "$(img load --platform linux/amd64 <"$T/behind.tar")" "Loaded image: $R/app:v1"
    status 1 img load -i "$T/behind.tar" --platform linux/s390x
    has "$(cat "$T/err")" "no image for linux/s390x"
    status 1 img load "$T/behind.tar"
    has "$(cat "$T/err")" "accepts no arguments"
    img import "$T/behind-root.tar" behind:1 -m message -c "CMD sh"
    has "$(img history behind:1)" message
    img rmi behind:1
    echo canary | img login "$R" -u ann --password-stdin 2>/dev/null
    img logout "$R"
'
it "login warns on standard error" '
    echo canary | img login -u ann --password-stdin "$R" >"$T/out" 2>"$T/err"
    eq "$(cat "$T/out")" "Login Succeeded"
    has "$(cat "$T/err")" "stored unencrypted"
    img logout "$R"
'
if have script; then
    it "on a terminal the lines come, too" '
        script -qec "img pull $R/app:v2" "$T/typescript" </dev/null >/dev/null
        grep -q "Status: Downloaded newer image for $R/app:v2" "$T/typescript"
    '
fi
it "bash completes commands, local tags, and the tags of a registry" '
    . "$TOP/scripts/completions/img.bash"
    try() { # LINE: what is offered at its end, as bash breaks it into words
        COMP_LINE=$1 COMP_POINT=${#1}
        read -ra COMP_WORDS <<<"${1//:/ : }"
        [[ $1 != *" " ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        COMPREPLY=()
        _img
        echo "${COMPREPLY[*]}"
    }
    eq "$(try "img pu")" "pull push"
    has "$(try "img rmi ")" "$R/app:v1"
    eq "$(try "img pull $R/app:v")" "v1 v2"
    has "$(try "img image p")" "prune pull push"
    has "$(try "img image rm ")" "$R/app:v1"
    eq "$(try "img rmi --n")" "--no-prune"
    has "$(try "img images -")" "--digests"
    eq "$(try "img images -f dang")" "dangling=false dangling=true"
    eq "$(try "img manifest ")" inspect
    eq "$(try "img image remo")" remove
    cd "$T" && touch some.tar
    eq "$(try "img load -i so")" some.tar
    eq "$(try "img save -o so")" some.tar
'
it "rmi of several: what was done on standard output, why the others stay on standard error" '
    img tag "$R/app:v1" one:1
    rc=0; img rmi nosuch:1 one:1 nosuch:2 >"$T/out" 2>"$T/err" || rc=$?
    eq "$rc" 1
    eq "$(cat "$T/out")" "Untagged: one:1"
    eq "$(cat "$T/err")" "$(printf "No such image: nosuch:1\nNo such image: nosuch:2")"
    img rmi -f nosuch:1 >"$T/out" 2>"$T/err"
    eq "$(cat "$T/out" "$T/err")" "No such image: nosuch:1"
    eq "$(cat "$T/out")" ""
'
it "a command that wants arguments says so without them; the others do without" '
    for command in pull push tag rmi inspect; do
        rc=0; img "$command" >"$T/out" 2>"$T/err" || rc=$?
        eq "$command $rc" "$command 1"
        grep -q "requires.* argument" "$T/err"
    done
    img images >/dev/null
    img df >/dev/null
'
start_registry basic htpasswd
it "login takes its options before and behind the server, as docker does" '
    for words in "-u ann --password-stdin $R" "$R -u ann --password-stdin" "--username=ann $R --password-stdin"; do
        has "$(img login $words <<<canary-secret)" "Login Succeeded"
        img logout "$R" >/dev/null
    done
    rc=0; img login -u ann --password-stdin "$R" other <<<x 2>/dev/null || rc=$?
    eq "$rc" 1
'
for shell in zsh fish; do
    if have "$shell"; then
        it "the completion of $shell can be read" "
            case $shell in
            zsh) zsh -n '$TOP/scripts/completions/_img' ;;
            fish) fish -n '$TOP/scripts/completions/img.fish' && has \"\$(fish -c 'source $TOP/scripts/completions/img.fish; complete -C \"img pu\"')\" pull ;;
            esac
        "
    fi
done
if have man; then
    it "the man pages are without a warning" '
        for page in imagefs img; do eq "$(man -l --warnings -E UTF-8 "$TOP/scripts/man/$page.1" 2>&1 >/dev/null)" ""; done
    '
fi
finish
