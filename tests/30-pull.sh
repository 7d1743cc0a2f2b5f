#!/bin/bash
# SPDX-License-Identifier: MIT
# Pulling: docker's lines, what is fetched and what is not, faults that a pull survives.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
DIGEST=$(push_image app v1)
push_image app v2 'Image([Layer([d("etc"), f("etc/motd", "hello from app:v1\n"), f("etc/gone", "x"), f("secret", "hunter2")]), Layer([f("v2", "2")])])' >/dev/null
push_image many a 'Image([Layer([f("a", "a")])])' >/dev/null
push_image many b 'Image([Layer([f("b", "b")])])' >/dev/null
INDEX=$(push_image multi v1 'Index([Image([Layer([f("arch", a)])], architecture=a) for a in ("amd64", "arm64")])')
mount_store

it "a pull answers with the lines of docker pull" '
    pull "$R/app:v1" >"$T/pull1"
    head -1 "$T/pull1" | grep -x "v1: Pulling from app"
    eq "$(grep -c ": Pulling fs layer$" "$T/pull1")" 2
    eq "$(grep -c ": Pull complete$" "$T/pull1")" 2
    grep -x "Digest: $DIGEST" "$T/pull1"
    grep -x "Status: Downloaded newer image for $R/app:v1" "$T/pull1"
    eq "$(tail -1 "$T/pull1")" "$R/app:v1"
'
it "layer lines begin with 12 digits of the compressed blob" '
    for digest in $(jq -r ".layers[].digest" "$M/images/$R/app/v1/manifest.json"); do
        grep -q "^${digest:7:12}: Pull complete" "$T/pull1"
    done
'
it "after a pull everything reads without a request" '
    before=$(requests .)
    cat "$M/images/$R/app/v1/rootfs/etc/motd" "$M/images/$R/app/v1/layers/00/blob" >/dev/null
    eq "$(requests .)" "$before"
'
it "a second pull moves no blob and says that the image is up to date" '
    before=$(requests "GET .*/blobs/")
    pull "$R/app:v1" >"$T/pull2"
    eq "$(requests "GET .*/blobs/")" "$before"
    grep -x "Status: Image is up to date for $R/app:v1" "$T/pull2"
    grep -x "Digest: $DIGEST" "$T/pull2"
'
it "a layer that the store has already is not fetched again" '
    before=$(requests "GET .*/blobs/")
    pull "$R/app:v2" >"$T/pull3"
    eq $(($(requests "GET .*/blobs/") - before)) 2
    eq "$(grep -c ": Already exists$" "$T/pull3")" 1
'
it "a pull by digest makes no tag" '
    pull "$R/many@$(build "print(Image([Layer([f(\"a\", \"a\")])]).digest)")" >"$T/pull4"
    has "$(tail -1 "$T/pull4")" "$R/many@sha256:"
    hasnt "$(ls "$M/images/$R/many")" a$
    eq "$(ls "$M/images/$R/many" | wc -l)" 1
'
it "-a pulls every tag" '
    pull -a "$R/many" >"$T/pull5"
    grep -q "^a: Pulling from many" "$T/pull5"
    grep -q "^b: Pulling from many" "$T/pull5"
    eq "$(cat "$M"/images/"$R"/many/{a,b}/rootfs/{a,b} 2>/dev/null)" ab
'
it "-a with a tag is an error, in words of docker" '
    expect_errno EINVAL write "$M/ctl/pull" "-a $R/many:a"
    has "$(cat "$M/ctl/pull")" "tag can'"'t be used with --all-tags/-a"'"
'
it "without a tag it is latest, and says so" '
    push_image app latest >/dev/null
    pull "$R/app" >"$T/pull6"
    head -1 "$T/pull6" | grep -x "Using default tag: latest"
    [ -e "$M/images/$R/app/latest/rootfs/new" ]
'
it "--platform chooses, and the digest is that of the index" '
    pull --platform linux/arm64 "$R/multi:v1" >"$T/pull7"
    grep -x "Digest: $INDEX" "$T/pull7"
    eq "$(cat "$M/images/$R/multi/v1/platforms/linux-arm64/rootfs/arch")" arm64
'
it "several lines in one write are several requests, all are tried, the first errno is returned" '
    expect_errno ENOENT write "$M/ctl/pull" "$R/nope:v1"$'"'\n'"'"$R/multi:v1"
    [ -e "$M/images/$R/multi/v1/rootfs/arch" ]
'
it "two pulls of one image at once fetch every layer once" '
    push_image twice v1 "Image([Layer([f(\"x\", \"y\" * 3000000)], \"plain\"), Layer([f(\"z\")])])" >/dev/null
    pull "$R/twice:v1" >"$T/a" & first=$!
    pull "$R/twice:v1" >"$T/b"
    wait $first
    for digest in $(jq -r ".layers[].digest" "$M/images/$R/twice/v1/manifest.json"); do
        eq "$(requests "GET /v2/twice/blobs/$digest")" 1
    done
    eq "$(tail -1 "$T/a")" "$(tail -1 "$T/b")"
'
it "the store is a valid layout" valid_store

# --- faults that a pull survives ---
hostile <<'END'
layers = [Layer([f("file%d" % i, bytes((i * j) % 251 for j in range(300000)))], "plain") for i in range(1, 3)]
def one(name):
    serve(name, "v1", Image([Layer(tar([f(name)]) ), *layers]))
blob = layers[0].digest
def bad(name, **how):
    one(name)
    on(f"/v2/{name}/blobs/{blob}", **how)
bad("cut", cut=100_000, times=3)
bad("reset", reset=150_000, times=2)
bad("norange", ignore_range=True)
on(f"/v2/norange/blobs/{blob}", cut=100_000, times=1)
bad("chunked", chunked=True)
bad("http10", http10=True)
bad("e503", status=503, headers={"Retry-After": "0"}, times=2)
bad("e500", status=500, times=1)
bad("flip", flip=5000, times=1)
bad("redirect", redirect=f"http://{HOST}/v2/other/blobs/{blob}")
bad("relative", redirect=f"/v2/other/blobs/{blob}")
bad("nolength", http10=True, length=None)
one("other")
one("limited")
on("/v2/limited/manifests", status=429, headers={"Retry-After": "1"}, times=2)
one("nohead")
on("HEAD ", status=405)
one("untyped")
on("/v2/untyped/manifests", headers={"Content-Type": None, "Docker-Content-Digest": None})
END
remount_store -s "$T/store2"
survives() { # NAME
    pull "$H/$1:v1" >"$T/out" || { cat "$M/ctl/pull"; return 1; }
    eq "$(sha "$M/images/$H/$1/v1/rootfs/file1")" "$(build 'print(hashlib.sha256(bytes(j % 251 for j in range(300000))).hexdigest())')"
    rm -rf "$T/store2/blobs.old"
}
for fault in cut reset norange chunked http10 e503 e500 redirect relative nolength limited nohead untyped flip; do
    remount_store -s "$T/store-$fault"
    it "a pull survives: $fault" "survives $fault"
done
it "a cut resumes where it ended" '
    wanted=$(jq -r "select(.path | test(\"/v2/cut/blobs\")) | .headers.range // empty" "$H_LOG")
    eq "$(sed -n 1p <<<"$wanted")" "bytes=100000-"
'
it "Retry-After is waited for" '
    times=($(jq -r "select(.path == \"/v2/limited/manifests/v1\") | .time" "$H_LOG"))
    awk -v a="${times[0]}" -v b="${times[1]}" "BEGIN { exit !(b - a >= 0.9) }"
'
