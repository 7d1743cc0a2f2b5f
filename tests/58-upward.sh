#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that look for their files in every directory above: no such directory is there, and no registry hears of it.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
FILES='Image([Layer([f("srv/app/index.js", "require(\"not-here\")"), f("srv/app/lib/x", "x"), f("etc/motd", "hello")])])'
push_image org/app v1 "$FILES" >/dev/null
push_image org/app v2 "$FILES" >/dev/null
push_image org/deep/er v1 "$FILES" >/dev/null
push_image plain v1 "$FILES" >/dev/null
mount_store
pull "$R/org/app:v1" >/dev/null
A=$M/images/$R/org/app
APP=$A/v1/rootfs/srv/app
# quiet CODE: sends nothing to the registry.
quiet() {
    local before after
    before=$(requests /v2/)
    eval "$1"
    after=$(requests /v2/)
    ((after == before)) || fail "$((after - before)) requests: $(tail -n $((after - before)) "$R_LOG" | grep -oE "(GET|HEAD) [^ ]+")"
}
# not_there PATH…: ENOENT for stat(2), open(2) and access(2), by a process that is not told the paths as arguments.
cat >"$T/not_there.py" <<'P'
import errno, os, sys
for path in sys.stdin.read().splitlines():
    for call in os.stat, os.lstat, lambda p: os.open(p, os.O_RDONLY):
        try:
            call(path)
        except OSError as e:
            assert e.errno == errno.ENOENT, f"{path}: {e}"
        else:
            raise SystemExit(f"{path} is there")
    assert not os.access(path, os.R_OK), path
P
not_there() { printf '%s\n' "$@" | python3 "$T/not_there.py"; }
NAMES="package.json node_modules go.mod go.work Cargo.toml HEAD objects tsconfig.json"

it "what nothing is known of is not there: of a host, at the top, and as a host" '
    quiet "for name in $NAMES ghcr.io localhost:1 redis; do not_there \"$M/images/\$name\"; done
        for name in $NAMES some; do not_there \"$M/images/$R/\$name\"; not_there \"$M/images/nohost.invalid/\$name\"; done"
'
it "nor is it there once somebody has walked through it" '
    expect_errno ENOENT stat "$M/images/$R/walked/through/v1/config.json"
    not_there "$M/images/$R/walked"
    not_there "$M/images/$R/walked/through"
'
it "who asks for it from below an image asks no registry" '
    cd "$APP"
    quiet "
        for name in $NAMES; do
            for at in \"$A\" \"$M/images/$R/org\" \"$A/\$(readlink \"$A/v1\")\" \"$M/images\" \"$M\"; do
                not_there \"\$at/\$name\" \"\$at/\$name/sub\" \"\$at/\$name/sub/package.json\"
            done
            not_there \"../../../../\$name\"
        done"
'
it "so it is for a program of an image, wherever it stands" '
    cat >"$T/up.py" <<P
import os, sys
at = os.path.realpath(sys.argv[1])
while at != "/":
    at = os.path.dirname(at)
    for name in "package.json", "node_modules", "node_modules/not-here":
        assert not os.path.exists(f"{at}/{name}"), f"{at}/{name}"
P
    quiet "python3 \"$T/up.py\" \"$APP/index.js\""
'
for program in node git go npm; do have $program || skip "$program walks up" "$program is not installed"; done
if have node; then
    it "node says at once that a module is not there" '
        quiet "(node \"$APP/index.js\" 2>&1 || :) | grep MODULE_NOT_FOUND
            cd \"$APP/lib\"; (node -e \"require(\\\"not-here\\\")\" 2>&1 || :) | grep MODULE_NOT_FOUND"
    '
fi
if have npm; then
    it "npm takes no directory for the root of a package" '
        cd "$APP/lib"
        quiet "eq \"\$(npm prefix)\" \"\$(pwd -P)\""
    '
fi
if have git; then it "git finds no repository" 'cd "$APP/lib"; quiet "fails git rev-parse --show-toplevel"'; fi
if have go; then it "go finds no module" 'cd "$APP/lib"; quiet "eq \"\$(GOFLAGS=-mod=mod go env GOMOD)\" /dev/null"'; fi

it "an unknown image comes by a path to its parts, of as many components as there are" '
    eq "$(jq -r .os "$M/images/$R/org/deep/er/v1/config.json")" linux
    eq "$(cat "$M/images/$R/plain/v1/rootfs/etc/motd")" hello
    eq "$(requests "manifests/(deep|er|org|plain) ")" 0
'
it "so does a tag that is looked at by itself, and one that was told from below an image" '
    push_image looked v1 "$FILES" >/dev/null
    push_image looked v2 "$FILES" >/dev/null
    matches "$(readlink "$M/images/$R/looked/v1")" ^sha256:
    cd "$M/images/$R/looked/v1/rootfs"
    ls -d ../../v2
    cd "$APP"
    eq "$(cat "../../../../v2/rootfs/etc/motd")" hello
'
it "and one that a file within has the name of, by a path from here, and by a symlink" '
    for name in twice again; do
        push_image "$name" v1 "Image([Layer([f(\"opt/$name\", \"$name\")])])" >/dev/null
    done
    cd "$M/images/$R"
    printf "%s\n" twice/v1/rootfs/opt/twice | xargs -d "\n" sh -c "cat <\"\$1\"" sh >"$T/read"
    eq "$(cat "$T/read")" twice
    ln -s "$M/images/$R" "$T/link"
    eq "$(cat "$T/link/again/v1/rootfs/opt/again")" again
'
it "by going through the places one by one, too" '
    push_image step/by/step v1 "$FILES" >/dev/null
    cd "$M/images/$R"; cd step; cd by; cd step
    eq "$(cat v1/rootfs/etc/motd)" hello
'
it "what is made is not looked up" '
    before=$(requests "manifests/(new|later)")
    ln -s "$R/org/app:v1" "$M/images/$R/fresh/made/new"
    mv "$M/images/$R/fresh/made/new" "$M/images/$R/fresh/made/later"
    rm "$M/images/$R/fresh/made/later"
    expect_errno EROFS mkdir "$A/new"
    expect_errno EROFS create "$A/new"
    eq "$(requests "manifests/(new|later)")" "$before"
'
