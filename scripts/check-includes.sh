#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check-includes.sh [TOP]: what the code keeps to about its files and its names. Prints the rooms (the subfolders) with the
# arrows between them. Fails where
#
#   - an include goes against fs -> registry -> store, or up from a room to one that stands behind it in `rooms` below, or
#     does not name its folders,
#   - a file lies in no room, or two have the same name,
#   - another file than fs/fuse/* comes to FUSE's header, or another than registry/http/* to curl's, directly or by way
#     of a header of ours,
#   - the nouns of a folder (blob.c and blob.h are one) include each other in a circle; a part may include what it is
#     a part of (json_check.c: json.h),
#   - two functions, or two structs, have the same name,
#   - a header declares a function that another room defines: a call by it would go where no include may,
#   - the guard of a header is not what its name says (store/base/err.h: STORE_ERR_H),
#   - a .c or .h does not open with its SPDX line,
#   - a unit test uses what cmocka 2 deprecates,
#   - a noun does not stand in a table of its folder's README (each `verb_x` is there as `verb_*`).
#
# A file of more than 500 lines is only warned of.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

# From the bottom up: a room includes what stands before it.
rooms=(
    store/{base,oci,disk,codec,tar,layer,lazy,tree,images,archive}
    registry/{wire,http,auth,api,transfer}
    fs/{docker,daemon,core,tree,ctl,fuse} fs
)

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

declare -A floor=()
for i in "${!rooms[@]}"; do floor[${rooms[i]}]=$i; done

# Counts the arrows, too.
declare -A arrows=()
check_direction() { # check_direction FILE INCLUDED
    local from=${1%/*} to=${2//\"/}
    [[ $2 == '"'* ]] || return 0
    to=${to%/*}
    if [[ -z ${floor[$to]:-} ]]; then
        fail "$1: includes $2 without its folders"
    elif ((floor[$to] > floor[$from])); then
        fail "$1: includes $2, up from $from"
    elif [[ $to != "$from" ]]; then
        arrows["$from $to"]=$((${arrows["$from $to"]:-0} + 1))
    fi
}

print_rooms() {
    local from to
    for from in "${rooms[@]}"; do
        printf '%-18s' "$from"
        for to in "${rooms[@]}"; do
            [[ -z ${arrows["$from $to"]:-} ]] || printf ' %s(%d)' "$to" "${arrows["$from $to"]}"
        done
        echo
    done
}

# "NAME FILE" of every function that is defined, and of every struct, "struct NAME".
names() { # names FILE...
    awk '
        FNR == 1 { head = "" }
        /^(static )?(const )?struct [a-z0-9_]+ \{/ || /^\t+struct [a-z0-9_]+ \{/ {
            match($0, /struct [a-z0-9_]+/)
            print substr($0, RSTART, RLENGTH), FILENAME
        }
        /^[a-z][^=;:]*\(/ { head = $0 }
        head != "" && /;|\{$/ {
            if ($0 ~ /\{$/ && sub(/\(.*/, "", head) && head !~ /__attribute__/) { sub(/.*[ *]/, "", head); print head, FILENAME }
            head = ""
        }' "$@"
}

# "NAME HEADER" of every function that is declared and not defined there.
declared() { # declared HEADER...
    awk '/^[a-z][^=;:{]*\(/ && !/^(static|typedef)/ { sub(/\(.*/, ""); sub(/.*[ *]/, ""); print $0, FILENAME }' "$@"
}

# "HEADER FOUND WANTED" where the guard is another one.
wrong_guards() { # wrong_guards HEADER...
    awk '
        /^#ifndef/ {
            wanted = FILENAME
            gsub(/\/.*\/|\.h$/, "_", wanted)
            wanted = toupper(wanted) "H"
            if ($2 != wanted) print FILENAME, $2, wanted
            nextfile
        }' "$@"
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
sources=({store,registry,fs}/*.[ch] {store,registry,fs}/*/*.[ch])
for file in "${sources[@]}"; do
    [[ -n ${floor[${file%/*}]:-} ]] || fail "$file: lies in no room"
done
# Of the two bodies of inflate.h one is built: what both have stands once.
defined=$(names "${sources[@]}" | sed 's/inflate_\(isal\|zlib\)\.c$/inflate_*.c/' | awk '!seen[$0]++')
while read -r file; do fail "$file: stands in two rooms"; done < <(printf '%s\n' "${sources[@]##*/}" | sort | uniq -d)
while read -r name; do
    fail "$name: stands for several things: $(sed -n "s/^$name //p" <<<"$defined" | paste -sd' ')"
done < <(sed 's/ [^ ]*$//' <<<"$defined" | sort | uniq -d)
lines=$(includes "${sources[@]}")
while read -r file included; do
    [[ -z $file ]] || check_direction "$file" "$included"
done <<<"$lines"
check_library '<fuse' 'fs/fuse/*'
check_library '<curl' 'registry/http/*'
for folder in store registry fs; do
    check_circles "$folder"
done

headers=({store,registry,fs}/*/*.h)
while read -r name header file; do fail "$name: $header declares it, and $file, of another room, defines it"; done < <(
    awk 'function room(path) { sub(/[^\/]*$/, "", path); return path }
        NR == FNR { where[$1] = $2; next }
        $1 in where && room($2) != room(where[$1]) { print $1, $2, where[$1] }' \
        - <(declared "${headers[@]}") <<<"$defined")
while read -r header found wanted; do fail "$header: its guard is $found, not $wanted"; done < <(
    wrong_guards "${headers[@]}" tests/*/*.h)
# What the tables of a README name between backticks, with or without the .h.
for folder in store registry fs; do
    while read -r noun; do
        fail "$folder/README.md: no table has $noun"
    done < <(printf '%s\n' $folder/*/*.[ch] | sed -E 's,.*/,,; s/\.[ch]$//; s/^verb_.*/verb_*/' | sort -u |
        grep -vxFf <(grep '^|' $folder/README.md | grep -oE '`[a-z0-9_*]+(\.h)?`' | sed -E 's/`|\.h//g'))
done
while read -r file; do fail "$file: does not open with its SPDX line"; done < <(
    awk 'FNR == 1 && !/SPDX-License-Identifier: MIT/ { print FILENAME }' "${sources[@]}" tests/*.[ch] tests/*/*.[ch])
while read -r use; do fail "$use: deprecated by cmocka 2; assert_true says it, too"; done < <(
    grep -n 'assert_\(not_\)\?in_range(' tests/unit/*.[ch] | cut -d: -f1,2)
wc -l "${sources[@]}" tests/*/*.[ch] | awk '$1 > 500 && $2 != "total" { print $2 ": " $1 " lines; more than 500 are two nouns" }' >&2

print_rooms
((failures == 0))
