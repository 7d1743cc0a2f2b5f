#!/bin/bash
# SPDX-License-Identifier: MIT
# ctl/images prints what docker images prints.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
old() { date -u -d "$1 ago" +%Y-%m-%dT%H:%M:%SZ; }
AGO=$(old "3 days")
push_image team/app v1 "Image([Layer([f('a', 'x' * 50000)])], created='$AGO')" >/dev/null
push_image team/app v2 "Image([Layer([f('a', 'x' * 50000)])], created='$AGO')" >/dev/null
DIGEST=$(push_image other latest "Image([Layer([f('b')])], created='$(old "5 weeks")')")
push_image nested/deep/name v1 "Image([Layer([f('c')])], created='$(old "90 minutes")')" >/dev/null
mount_store
for name in team/app:v1 team/app:v2 other nested/deep/name:v1; do pull "$R/$name" >/dev/null; done
C=$M/ctl
row() { grep -E "^$R/$1 +$2 " "$C/images${3:-}"; }

it "the header is that of docker images" '
    matches "$(head -1 "$C/images")" "^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$"
'
it "a row per tag, the newest image first" '
    eq "$(wc -l <"$C/images")" 5
    eq "$(awk "NR > 1 { print \$1 \":\" \$2 }" "$C/images" | head -3 | tr "\n" " ")" "$R/nested/deep/name:v1 $R/team/app:v1 $R/team/app:v2 "
'
it "columns stand below each other" '
    python3 - "$C/images" <<END
import sys
lines = open(sys.argv[1]).read().splitlines()
for name in ("TAG", "IMAGE ID", "CREATED", "SIZE"):
    column = lines[0].index(name)
    for line in lines[1:]:
        assert line[column - 1] == " " and line[column] != " ", (name, line)
END
'
it "CREATED is in words of docker" '
    has "$(row team/app v1)" "3 days ago"
    has "$(row other latest)" "5 weeks ago"
    has "$(row nested/deep/name v1)" "2 hours ago"
'
it "SIZE has three digits and a unit without a space" 'matches "$(row other latest)" " [0-9.]+(B|kB|MB)$"'
it "IMAGE ID is 12 digits, --no-trunc the whole" '
    matches "$(row other latest | awk "{ print \$3 }")" "^[0-9a-f]{12}$"
    matches "$(row other latest "?--no-trunc" | awk "{ print \$3 }")" "^sha256:[0-9a-f]{64}$"
'
it "--digests shows what the registry calls it" 'has "$(row other latest "?--digests")" "$DIGEST"'
it "-q prints one ID a row" '
    eq "$(wc -l <"$C/images?-q")" 4
    fails grep -vqE "^[0-9a-f]{12}$" "$C/images?-q"
'
it "a repository as argument selects it" 'eq "$(wc -l <"$C/images?${R}%2Fteam%2Fapp")" 3'
it "a repository with its tag selects one" 'eq "$(wc -l <"$C/images?${R}%2Fteam%2Fapp:v1")" 2'
it "--filter reference= is a pattern in which * does not cross a slash" '
    eq "$(cat "$C/images?-q --filter reference=${R}%2F*%2Fapp" | wc -l)" 2
    eq "$(cat "$C/images?-q --filter reference=${R}%2F*" | wc -l)" 1
    eq "$(cat "$C/images?-q --filter reference=${R}%2F*%2F*:v2" | wc -l)" 1
    eq "$(cat "$C/images?-q --filter reference=nothing" | wc -l)" 0
'
it "--format json has the members of docker" '
    cat "$C/images?--format json --no-trunc" >"$T/json"
    eq "$(wc -l <"$T/json")" 4
    eq "$(jq -c "keys" "$T/json" | sort -u)" "[\"Containers\",\"CreatedAt\",\"CreatedSince\",\"Digest\",\"ID\",\"Repository\",\"SharedSize\",\"Size\",\"Tag\",\"UniqueSize\"]"
    eq "$(jq -r "select(.Tag == \"latest\") | .Repository" "$T/json")" "$R/other"
    eq "$(jq -r "[.[] | type] | unique | join(\",\")" "$T/json" | sort -u)" string
'
it "a bad filter is said in words of docker" '
    expect_errno EINVAL read "$C/images?--filter foo"
'
it "an image without a tag shows as <none>" '
    before=$(readlink "$M/images/$R/other/latest")
    push_image other latest "Image([Layer([f(\"new\")])])" >/dev/null
    pull "$R/other@$before" >/dev/null
    pull "$R/other:latest" >/dev/null
    eq "$(cat "$C/images?--digests" | grep "$before" | awk "{ print \$2 }")" "<none>"
'
it "history of an image is the table of docker history" '
    sed -n 2p "$M/images/$R/team/app/v1/history" | grep -q "3 days ago"
    matches "$(sed -n 3p "$M/images/$R/team/app/v1/history")" "^<missing> +3 days ago +/bin/sh -c #\(nop\) ADD layer 0 in / +[0-9.]+k?B"
'
