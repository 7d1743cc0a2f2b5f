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

it "help names the commands" 'img | grep -q "pull.*push"; img help | grep -q images'
it "a command's help is its usage" '
    has "$(img pull --help)" "Usage: img pull [-a]"
    has "$(img images --help)" "--digests"
'
it "what is no command is a usage error" '
    rc=0; img nonsense 2>"$T/err" || rc=$?
    eq "$rc" 125
    has "$(cat "$T/err")" "nonsense"
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
it "a wrong option is told" '
    rc=0; img images --bogus 2>"$T/err" || rc=$?
    eq "$rc" 1
    has "$(cat "$T/err")" "unknown flag: --bogus"
'
it "arguments reach the verb as they are" '
    rc=0; img images --filter "a'"'"'b c" 2>"$T/err" || rc=$?
    has "$(cat "$T/err")" "a'"'"'b c"
'
it "image and system may stand in front" '
    eq "$(img image ls -q)" "$(img images -q)"
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
    eq "$rc" 125
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
