#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check-includes.sh [TOP]: what the code keeps to about its files (DESIGN: how the code is cut). Fails where
#
#   - an include goes against fs -> registry -> store,
#   - FUSE's header is included outside fs/fuse_*.c, or curl's outside registry/http*.c,
#   - the nouns of a folder (blob.c and blob.h are one) include each other in a circle,
#   - an include does not name its folder, or a .c or .h does not open with its SPDX line.
#
# A file of more than 500 lines is only warned of.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

failures=0
fail() {
    printf '%s\n' "$*" >&2
    failures=$((failures + 1))
}

# "FILE INCLUDED" for every include, INCLUDED with its <> or "" on.
includes() { # includes FILE...
    sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*([<"][^>"]*[>"]).*/\1/; t found; b; :found; F; p' \
        "$@" /dev/null | paste -d' ' - -
}

check_include() { # check_include FILE INCLUDED
    local file=$1 included=$2
    local folder=${file%%/*}
    case $folder:$included in
    store:'"store/'* | registry:'"store/'* | registry:'"registry/'*) ;;
    fs:'"store/'* | fs:'"registry/'* | fs:'"fs/'*) ;;
    *:'"store/'* | *:'"registry/'* | *:'"fs/'*)
        fail "$file: includes $included, against fs -> registry -> store"
        ;;
    *:'"'*) fail "$file: includes $included without its folder" ;;
    *:'<'*fuse*)
        [[ $file == fs/fuse_*.c ]] || fail "$file: includes $included; only fs/fuse_*.c may"
        ;;
    *:'<curl/'*)
        [[ $file == registry/http*.c ]] || fail "$file: includes $included; only registry/http*.c may"
        ;;
    esac
}

# Edges "NOUN NOUN" inside a folder; tsort names those of a circle.
check_circles() { # check_circles FOLDER, with the lines of includes() as input
    local folder=$1 circle
    circle=$(awk -v folder="$folder" '
        function noun(path) { sub(/.*\//, "", path); sub(/\.[ch]"?$/, "", path); return path }
        index($1, folder "/") == 1 && index($2, "\"" folder "/") == 1 && noun($1) != noun($2) {
            print noun($1), noun($2)
        }' | tsort 2>&1 >/dev/null | sed -n 's/^tsort: //p' | grep -v '^-:' | paste -sd' ') || true
    [[ -z $circle ]] || fail "$folder/: these include each other in a circle: $circle"
}

shopt -s nullglob
sources=(store/*.[ch] registry/*.[ch] fs/*.[ch])
lines=$(includes "${sources[@]}")
while read -r file included; do
    [[ -z $file ]] || check_include "$file" "$included"
done <<<"$lines"
for folder in store registry fs; do
    check_circles "$folder" <<<"$lines"
done

for file in "${sources[@]}" tests/*.[ch] tests/*/*.[ch]; do
    head -n 1 "$file" | grep -q 'SPDX-License-Identifier: MIT' || fail "$file: does not open with its SPDX line"
    length=$(wc -l <"$file")
    ((length <= 500)) || printf '%s: %d lines; more than 500 are two nouns\n' "$file" "$length" >&2
done

((failures == 0))
