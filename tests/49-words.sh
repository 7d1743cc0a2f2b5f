#!/bin/bash
# SPDX-License-Identifier: MIT
# What docker's users rely on: save under the names that were asked for, IDs of any length, what pulls and what does not.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 >/dev/null
push_image app v2 >/dev/null
push_image other v1 >/dev/null
mount_store
TOP=$(cd "$HERE/.." && pwd)
export IMAGEFS_MOUNT=$M
mkdir "$T/bin"
ln -s "$TOP/scripts/img" "$T/bin/img"
PATH=$T/bin:$PATH
pull "$R/app:v1" >/dev/null
pull "$R/app:v2" >/dev/null
ctl tag "$R/app:v1" team/app:stable >/dev/null
ctl tag "$R/app:v1" team/app:latest >/dev/null
names() { tar xOf "$1" manifest.json | jq -c '[.[].RepoTags]'; }
status() { # STATUS COMMAND…: and its errors are in $T/err
    local rc=0 wanted=$1
    shift
    "$@" >"$T/out" 2>"$T/err" </dev/null || rc=$?
    eq "$rc" "$wanted"
}

it "save writes the names that were asked for, and no other" '
    img save -o "$T/one.tar" team/app:stable
    eq "$(names "$T/one.tar")" "[[\"team/app:stable\"]]"
    eq "$(tar xOf "$T/one.tar" index.json | jq -r ".manifests[].annotations[\"io.containerd.image.name\"]")" docker.io/team/app:stable
'
it "a name without a tag is all its tags, an ID none" '
    eq "$(img save team/app | tar xO manifest.json | jq -c "[.[].RepoTags]")" "[[\"team/app:latest\",\"team/app:stable\"]]"
    eq "$(img save "$(img images -q team/app:stable)" | tar xO manifest.json | jq -c "[.[].RepoTags]")" "[null]"
    eq "$(img save "$R/app@$(readlink "$M/images/$R/app/v1")" | tar xO manifest.json | jq -c "[.[].RepoTags]")" "[null]"
'
it "several images are one archive, each once, with blobs that they share once" '
    img save -o "$T/two.tar" "$R/app:v1" "$R/app:v2" team/app:stable
    eq "$(names "$T/two.tar")" "[[\"$R/app:v1\",\"team/app:stable\"],[\"$R/app:v2\"]]"
    eq "$(tar tf "$T/two.tar" | sort | uniq -d)" ""
    eq "$(stat -c %s "$M/ctl/save?${R}%2Fapp:v1 ${R}%2Fapp:v2 team%2Fapp:stable")" "$(stat -c %s "$T/two.tar")"
    mkdir "$T/untarred"
    tar xf "$T/two.tar" -C "$T/untarred"
    (cd "$T/untarred/blobs/sha256" && sha256sum --quiet -c <(for b in *; do echo "$b  $b"; done))
'
it "load elsewhere moves no other tag" '
    img tag "$R/app:v2" team/app:latest
    img load -q -i "$T/one.tar"
    eq "$(readlink "$M/images/team/app/latest")" "$(readlink "$M/images/$R/app/v2")"
    eq "$(img load -i "$T/two.tar")" "Loaded image: $R/app:v1
Loaded image: team/app:stable
Loaded image: $R/app:v2"
'
it "save, path, inspect and history pull nothing" '
    asked=$(requests .)
    for command in save path inspect history; do
        status 1 img "$command" "$R/other:v1"
        eq "$(cat "$T/err")" "No such image: $R/other:v1"
    done
    eq "$(requests .)" "$asked"
    eq "$(ls "$M/images/$R" | grep other || :)" ""
    status 1 img save -o "$T/x.tar" "$R/app:v1" "$R/other:v1"
    [ ! -e "$T/x.tar" ]
'
it "a request to ctl/save is answered with the name of the archive" '
    exec 3<>"$M/ctl/save"
    echo "$R/app:v1 team/app:stable" >&3
    eq "$(cat <&3)" "save?${R/:/:}%2Fapp:v1%20team%2Fapp:stable"
    exec 3>&-
    expect_errno ENOENT read "$M/ctl/save?nosuch:1"
    expect_errno EINVAL read "$M/ctl/save?"
'
it "an ID may be as short as it is unambiguous" '
    img images -q --no-trunc | sort -u >"$T/ids"
    id=$(img images -q --no-trunc "$R/app:v1")
    for n in 1 2 3 5; do
        digits=${id:7:n}
        known=$(img images --digests --no-trunc | sed 1d | grep -o "sha256:$digits[0-9a-f]*" | sort -u | wc -l)
        if [ "$known" = 1 ]; then
            eq "$(img inspect -f "{{.Id}}" "$digits")" "$id"
        else
            status 1 img inspect "$digits"
            has "$(cat "$T/err")" "ambiguous"
        fi
    done
'
it "a line break in an argument is one" '
    eq "$(img images --format "{{.Repository}}
{{.Tag}} its" "$R/app:v1")" "$R/app
v1 its"
'
it "templates of inspect see docker's fields, and a field that is not there is an error" '
    eq "$(img inspect -f "{{.ID}}" "$R/app:v1")" "$(img inspect -f "{{.Id}}" "$R/app:v1")"
    eq "$(img inspect -f "{{.Descriptor.Digest}} {{.Metadata.LastTagTime}}" "$R/app:v1" | cut -d" " -f1,5)" "$(readlink "$M/images/$R/app/v1") UTC"
    eq "$(img inspect -s --type image -f "{{.Os}}" "$R/app:v1")" linux
    for field in .Nope .Config.Nope .Config.Healthcheck.Test; do
        status 1 img inspect -f "{{$field}}" "$R/app:v1"
        eq "$(cat "$T/out")" ""
        has "$(cat "$T/err")" "map has no entry for key"
    done
    status 64 img inspect -f "{{" "$R/app:v1"
    eq "$(img inspect -f "{{.Config.Labels.nope}}" "$R/app:v1")" "<no value>"
    status 1 img inspect --type container "$R/app:v1"
'
it "of a template that fails nothing is printed, and an empty pattern is none" '
    status 1 img images --format "{{.Tag}}{{.Nope}}"
    eq "$(cat "$T/out")" ""
    eq "$(img images "" -q)" "$(img images -q)"
'
mount_b=$T/b/mnt
mkdir -p "$T/b/store" "$mount_b"
"$IMAGEFS" "$T/b/store" "$mount_b"
it "with two mounts it is the one that one stands in, else it says which; what removes does not guess" '
    unset IMAGEFS_MOUNT
    IMAGEFS_MOUNT=$M img tag "$R/app:v1" two:1
    eq "$(cd "$M/images" && img images -q two:1 2>"$T/err" | wc -l)" 1
    eq "$(cat "$T/err")" ""
    eq "$(cd "$mount_b" && img images -q | wc -l)" 0
    cd /
    # The one that it takes may be of another test, and about to go.
    img images -q >/dev/null 2>"$T/err" || :
    has "$(cat "$T/err")" "img: of several mounts"
    for command in "rmi two:1" "prune -f"; do
        status 1 img $command
        has "$(cat "$T/err")" "IMAGEFS_MOUNT says which is meant"
    done
    has "$(IMAGEFS_MOUNT=$M img rmi two:1)" "Untagged: two:1"
'
umount "$mount_b" 2>/dev/null || fusermount3 -u "$mount_b"
build "print(Registry(R).push(\"slow\", \"v1\", Image([Layer([f(str(i), __import__(\"random\").Random(i).randbytes(400000))]) for i in range(3)])))" >/dev/null
it "in a pipe the lines come as they are; with a token, jobs shows them while the request runs" '
    img pull "$R/slow:v1" >"$T/out"
    eq "$(grep -c ": Pull complete" "$T/out")" 3
    eq "$(sed -n 1p "$T/out")" "v1: Pulling from slow"
    eq "$(tail -n 1 "$T/out")" "$R/slow:v1"
    eq "$(sort "$T/out" | uniq -d)" ""
    eq "$(cat "$M/ctl/jobs?none")" ""
'
if have script; then
    it "on a terminal each layer is one line, and no line is wider than the terminal; with -q there is the name alone" '
        img rmi "$R/slow:v1" >/dev/null
        script -qec "stty cols 40; img pull $R/slow:v1" "$T/typescript" </dev/null >/dev/null
        tr -d "\\r" <"$T/typescript" | sed "s/\x1b\[[0-9]*[A-Z]//g" | grep -v "^Script" >"$T/lines"
        [ "$(grep -v "Digest\|Status\|^$R" "$T/lines" | awk "{ if (length(\$0) > m) m = length(\$0) } END { print m }")" -lt 40 ]
        eq "$(awk "/^v1: Pulling/ { n = 0 } /: Pull complete/ { n++ } END { print n }" "$T/lines")" 3
        eq "$(script -qec "img pull -q $R/slow:v1" /dev/null </dev/null | tr -d "\\r")" "$R/slow:v1"
    '
fi
finish
