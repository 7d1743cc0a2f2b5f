#!/bin/bash
# SPDX-License-Identifier: MIT
# scripts/check-includes.sh finds what it is there to find; the tables of tests/ and scripts/ have all that is there.
. "$(dirname "$0")/lib.sh"
mkdir -p "$T/tests/unit"
cp -r "$HERE/../fs" "$HERE/../store" "$HERE/../registry" "$T"
cp "$HERE"/unit/*.[ch] "$T/tests/unit"
check() { (cd "$T" && "$HERE/../scripts/check-includes.sh" "$T"); }
# finds TEXT FILE LINES: with these lines behind the file's end.
finds() {
    cp "$T/$2" "$T/kept"
    printf '%s\n' "$3" >>"$T/$2"
    fails check >"$T/out" 2>&1
    cp "$T/kept" "$T/$2"
    has "$(cat "$T/out")" "$1"
}

it "the code as it is passes, and the rooms are printed with their arrows" '
    has "$(check 2>/dev/null | tr -s " ")" "store/oci store/base("
'
it "an include up, from a room or a folder to one above it" '
    finds "store/base/err.c: includes \"store/disk/blob.h\", up from store/base" store/base/err.c "#include \"store/disk/blob.h\""
    finds "up from store/base" store/base/err.c "#include \"fs/core/job.h\""
    finds "without its folders" store/base/err.c "#include \"store/blob.h\""
'
it "a second function or struct of one name" '
    finds "job_wait: stands for several things: store/base/err.c fs/core/job.c" store/base/err.c \
        "static int job_wait(void)"$'"'"'\n{\n\treturn 0;\n}'"'"'
    finds "job_wait: stands for several things: store/codec/inflate_*.c fs/core/job.c" store/codec/inflate_isal.c \
        "static int job_wait(void)"$'"'"'\n{\n\treturn 0;\n}'"'"'
    finds "struct view: stands for several things: store/base/err.c fs/tree/view.h" store/base/err.c \
        "struct view {"$'"'"'\n\tint x;\n};'"'"'
'
it "a file in no room, a name that two files have, and one without a licence" '
    echo "/* SPDX-License-Identifier: MIT */" >"$T/store/lost.c"
    fails check 2>"$T/err" >/dev/null
    has "$(cat "$T/err")" "store/lost.c: lies in no room"
    mv "$T/store/lost.c" "$T/store/disk/job.c"
    fails check 2>"$T/err" >/dev/null
    has "$(cat "$T/err")" "job.c: stands in two rooms"
    echo >"$T/store/disk/lost.c"
    rm "$T/store/disk/job.c"
    fails check 2>"$T/err" >/dev/null
    has "$(cat "$T/err")" "store/disk/lost.c: does not open with its SPDX line"
    rm "$T/store/disk/lost.c"
'
it "a function that a header of another room declares" '
    finds "job_wait: store/base/err.h declares it, and fs/core/job.c, of another room, defines it" store/base/err.h \
        "bool job_wait(struct job *j, struct job_waiter *w);"
'
it "a guard that is not what the name of its header says" '
    sed -i s/STORE_ERR_H/STORE_ERROR_H/ "$T/store/base/err.h"
    fails check 2>"$T/err" >/dev/null
    has "$(cat "$T/err")" "store/base/err.h: its guard is STORE_ERROR_H, not STORE_ERR_H"
    sed -i s/STORE_ERROR_H/STORE_ERR_H/ "$T/store/base/err.h"
'
it "a noun that no table has" '
    sed -i "s/^| .lane. |.*//" "$T/store/README.md"
    fails check 2>"$T/err" >/dev/null
    eq "$(cat "$T/err")" "store/README.md: no table has lane"
    cp "$HERE/../store/README.md" "$T/store"
'
it "every test and script stands in the table of its folder" '
    numbers=$(grep "^| .NN-topic.sh. |" "$HERE/README.md")
    for file in "$HERE"/[0-9][0-9]-*.sh; do
        number=${file##*/}
        matches "$numbers" "[:,] ${number%%-*} "
    done
    for folder in "$HERE" "$HERE/../scripts"; do
        for path in "$folder"/*; do
            file=${path##*/}
            [[ ! -d $path ]] || file+=/
            [[ $file == README.md || $file == [0-9]* ]] || grep -qE "[\`, ]$file" "$folder/README.md" || fail "$folder/README.md lacks $file"
        done
    done
'
it "the pages name every file that starts a thread or has a lock" '
    cd "$HERE/.."
    threads=$(sed -n "/^## Threads/,/^Locks/p" fs/README.md | grep "^|")
    for file in $(grep -l "pthread_create(" {store,registry,fs}/*/*.c); do has "$threads" "| \`$(basename "$file" .c)\`"; done
    locks=$(sed -n "/^Locks of this folder/,\$p" fs/README.md)
    for file in $(grep -lE "^\s*(static )?pthread_(mutex|rwlock)_t " fs/*/*.[ch]); do file=${file##*/}; has "$locks" "\`${file%.?}\`"; done
    locks=$(sed -n "/^## Locks/,\$p" store/README.md)
    for file in $(grep -lE "^\s*(static )?pthread_mutex_t " store/*/*.[ch] | grep -v store_private); do file=${file##*/}; has "$locks" "\`${file%.?}\`"; done
'
it "FUSE or curl outside their rooms" '
    finds "fs/core/job.c" fs/core/job.c "#include <fuse_lowlevel.h>"
    finds "store/base/err.c" store/base/err.c "#include <curl/curl.h>"
'
it "a compression that is new is missed by the compiler wherever they are told apart" '
    sed -i "s/^\tCOMPRESSION_ZSTD,/&\n\tCOMPRESSION_NEW,/" "$T/store/codec/codec.h"
    grep -q COMPRESSION_NEW "$T/store/codec/codec.h"
    cd "$T"
    for file in store/codec/codec.c store/archive/archive_docker.c; do
        has "$(cc -std=gnu11 -D_GNU_SOURCE -Wall -fsyntax-only -I. $(pkg-config --cflags json-c) $file 2>&1)" COMPRESSION_NEW
    done
'
finish
