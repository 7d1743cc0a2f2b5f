#!/bin/bash
# SPDX-License-Identifier: MIT
# search and manifest: what registries have.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
for i in $(seq -w 1 7); do push_image "team/tool$i" v1 'Image([Layer([f("x", "1")])])' >/dev/null; done
push_image other v1 'Image([Layer([f("x", "1")])], docker=True)' >/dev/null
push_image multi v1 'Index([Image([Layer([f("arch", a)])], architecture=a) for a in ("amd64", "arm64")])' >/dev/null
hostile <<'P'
results = [{"name": "redis", "description": "a\nstore " + "x" * 60, "star_count": 12, "is_official": True},
           {"name": "me/\x1b[31mredis", "description": "", "star_count": 1, "is_official": False}]
on("GET /v1/search", status=200, headers={"Content-Type": "application/json"},
   body=json.dumps({"query": "redis", "num_results": 2, "results": results}).encode())
P
mount_store

it "where there is no search, the catalog is looked through" '
    ctl search "$R/tool" >"$T/out"
    eq "$(awk "NR == 2 { print \$1 }" "$T/out")" "$R/team/tool1"
    eq "$(sed 1d "$T/out" | wc -l)" 7
    eq "$(ctl search "--limit 3 $R/tool" | sed 1d | wc -l)" 3
    eq "$(cat "$M/ctl/search?--format {{.Name}} $R%2Fother")" "$R/other"
    eq "$(ctl search "$R/nothing")" "NAME      DESCRIPTION   STARS     OFFICIAL"
'
it "a search API is asked, its answer is filtered, cut and made harmless" '
    ctl search "$H/redis" >"$T/out"
    eq "$(sed -n 2p "$T/out" | tr -s " ")" "redis a store xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… 12 [OK]"
    ! grep -q "$(printf "\033")" "$T/out"
    eq "$(asked "/v1/search\?q=redis&n=25")" 1
    eq "$(ctl search "--filter stars=5 $H/redis" | sed 1d | wc -l)" 1
    eq "$(ctl search "--filter is-official=false --format {{.Name}} $H/redis" | wc -l)" 1
    eq "$(ctl search "--format json --no-trunc $H/redis" | sed -n 1p | jq -r .StarCount)" 12
'
it "mistakes in docker words" '
    expect_errno EINVAL write "$M/ctl/search" "--limit 101 $R/x"
    grep -q "limit 101 is outside the range of \[1, 100\]" "$M/ctl/search"
    expect_errno EINVAL write "$M/ctl/search" "--filter nosuch=1 $R/x"
    expect_errno EINVAL write "$M/ctl/search" "http://$R/x"
    expect_errno ECONNREFUSED write "$M/ctl/search" "127.0.0.1:1/x"
'
it "of a catalog no more pages are fetched than the limit needs" '
    hostile pages <<END
on(r"GET /v1/", status=404)
on(r"GET /v2/_catalog", status=500)
on(r"GET /v2/_catalog[?]n=1000\$", status=200, headers={"Link": "</v2/_catalog?n=1000&last=b>; rel=\"next\""},
   body=b"{\"repositories\": [\"a1\", \"a2\", \"b\"]}")
END
    eq "$(ctl search "--limit 2 --format {{.Name}} $H/a" | xargs)" "$H/a1 $H/a2"
    eq "$(asked "GET /v2/_catalog")" 1
    stop pages
'
it "manifest inspect: a manifest indented by tabs" '
    ctl manifest inspect "$R/other:v1" >"$T/out"
    eq "$(jq -cS . "$T/out")" "$(skopeo inspect --raw --tls-verify=false "docker://$R/other:v1" | jq -cS .)"
    grep -qP "^\t\"schemaVersion\": 2" "$T/out"
'
it "an index as docker rebuilds it" '
    ctl manifest "$R/multi:v1" >"$T/out"
    eq "$(jq -r ".manifests[].platform.architecture" "$T/out" | xargs)" "amd64 arm64"
    grep -q "^   \"schemaVersion\": 2" "$T/out"
'
it "-v tells where it was found" '
    eq "$(ctl manifest -v "$R/other:v1" | jq -r ".Ref, .Descriptor.platform.os" | xargs)" "$R/other:v1 linux"
    has "$(ctl manifest -v "$R/multi:v1" | jq -r ".[0].Ref")" "$R/multi:v1@sha256:"
    eq "$(ctl manifest -v "$R/other:v1" | jq -r .Raw | base64 -d | sha256sum)" "$(skopeo inspect --raw --tls-verify=false "docker://$R/other:v1" | sha256sum)"
    eq "$(ctl manifest -v "$R/multi:v1" | jq length)" 2
    ctl manifest -v "$R/other:v1" | jq -e .SchemaV2Manifest >/dev/null
'
it "what is not there" '
    expect_errno ENOENT write "$M/ctl/manifest" "$R/multi:nope"
    grep -q "no such manifest: $R/multi:nope" "$M/ctl/manifest"
'
it "the word inspect alone is no repository to ask for" '
    expect_errno EINVAL write "$M/ctl/manifest" inspect
    expect_errno EINVAL write "$M/ctl/manifest" "inspect -v"
    expect_errno ENOENT write "$M/ctl/manifest" "inspect $R/inspect"
'
it "neither changes the store" '[ ! -d "$STORE/blobs/sha256" ] || eq "$(ls "$STORE/blobs/sha256" | wc -l)" 0'
finish
