#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check-includes.sh [TOP]: what the code keeps to about its files. Fails where
#
#   - an include goes against fs -> registry -> store, or does not name its folder,
#   - another file than fs/fuse_* comes to FUSE's header, or another than registry/http* to curl's, directly or by way
#     of a header of ours,
#   - the nouns of a folder (blob.c and blob.h are one) include each other in a circle; a part may include what it is
#     a part of (json_check.c: json.h),
#   - a .c or .h does not open with its SPDX line.
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

check_direction() { # check_direction FILE INCLUDED
    case ${1%%/*}:$2 in
    store:'"store/'* | registry:'"store/'* | registry:'"registry/'*) ;;
    fs:'"store/'* | fs:'"registry/'* | fs:'"fs/'*) ;;
    *:'"store/'* | *:'"registry/'* | *:'"fs/'*) fail "$1: includes $2, against fs -> registry -> store" ;;
    *:'"'*) fail "$1: includes $2 without its folder" ;;
    esac
}

# The files that come to a library's header, each with the include by which it does.
reach() { # reach PATTERN, with the lines of includes() as input
    awk -v pattern="$1" '
        $2 ~ /^</ { if ($2 ~ pattern) how[$1] = $2; next }
        { from[++n] = $1; to[n] = $2; gsub(/"/, "", to[n]) }
        END {
            do {
                more = 0
                for (i = 1; i <= n; i++)
                    if (to[i] in how && !(from[i] in how)) { how[from[i]] = to[i]; more = 1 }
            } while (more)
            for (file in how) print file, how[file]
        }'
}

# Reported is where it leaves the files that may, not who all gets it from there.
check_library() { # check_library PATTERN ALLOWED
    local file how
    while read -r file how; do
        # shellcheck disable=SC2053 # a pattern
        if [[ -n $file && $file != $2 && ($how == $2 || $how == '<'*) ]]; then
            fail "$file: comes to ${1#<}'s header by $how; only $2 may"
        fi
    done < <(reach "$1" <<<"$lines")
}

# Edges "NOUN NOUN" inside a folder; tsort names those of a circle.
check_circles() { # check_circles FOLDER
    local circle
    circle=$(awk -v folder="$1/" '
        function noun(path) { sub(/.*\//, "", path); sub(/\.[ch]"?$/, "", path); return path }
        index($1, folder) == 1 && index($2, "\"" folder) == 1 {
            user = noun($1); used = noun($2)
            if (user != used && index(user, used "_") != 1) print user, used
        }' <<<"$lines" | tsort 2>&1 >/dev/null | sed -n 's/^tsort: //p' | grep -v '^-:' | paste -sd' ') || true
    [[ -z $circle ]] || fail "$1/: these include each other in a circle: $circle"
}

shopt -s nullglob
sources=(store/*.[ch] registry/*.[ch] fs/*.[ch])
lines=$(includes "${sources[@]}")
while read -r file included; do
    [[ -z $file ]] || check_direction "$file" "$included"
done <<<"$lines"
check_library '<fuse' 'fs/fuse_*'
check_library '<curl' 'registry/http*'
for folder in store registry fs; do
    check_circles "$folder"
done

for file in "${sources[@]}" tests/*.[ch] tests/*/*.[ch]; do
    read -r line <"$file" || true
    [[ $line == *'SPDX-License-Identifier: MIT'* ]] || fail "$file: does not open with its SPDX line"
    length=$(wc -l <"$file")
    ((length <= 500)) || printf '%s: %d lines; more than 500 are two nouns\n' "$file" "$length" >&2
done

((failures == 0))
