#!/bin/bash
# SPDX-License-Identifier: MIT
# push: to a registry, and what others find there.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 'Image([Layer([f("one", "1")]), Layer([f("big", __import__("random").Random(3).randbytes(3000000))])])' >/dev/null
push_image docker v1 'Image([Layer([f("a", "docker")], docker=True)], docker=True)' >/dev/null
push_image large v1 'Image([Layer([f("large", __import__("random").Random(4).randbytes(3000000))])])' >/dev/null
push_image multi v1 'Index([Image([Layer([f("arch", a)])], architecture=a) for a in ("amd64", "arm64")])' >/dev/null
build "
base = Image([Layer([f('a', 'base')])], architecture='arm64', docker=True)
base.manifest_doc['layers'][0].update(mediaType='application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', urls=['https://elsewhere.example/layer'])
Registry(R).push('windows', 'v1', Index([Image([Layer([f('a', 'linux')])], docker=True), base.seal()], docker=True))"
mount_store
pull "$R/windows:v1" >/dev/null
pull "$R/app:v1" >/dev/null
pull "$R/docker:v1" >/dev/null
pull "$R/large:v1" >/dev/null
pull "$R/multi:v1" >/dev/null
# at_registry REPOSITORY TAG: the document, byte for byte
at_registry() { curl -sfH "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json" "http://$R/v2/$1/manifests/$2"; }

it "a push to another repository mounts what the registry has" '
    ctl tag "$R/app:v1" "$R/copy:v1"
    ctl push "$R/copy:v1" >"$T/out"
    eq "$(head -1 "$T/out")" "The push refers to repository [$R/copy]"
    eq "$(grep -c ": Mounted from app" "$T/out")" 2
    digest=$(readlink "$M/images/$R/app/v1")
    eq "$(tail -1 "$T/out")" "v1: digest: $digest size: $(stat -c %s "$M/images/$R/app/v1/manifest.json")"
    eq "sha256:$(at_registry copy v1 | sha256sum | cut -d" " -f1)" "$digest"
    eq "$(requests "PATCH /v2/copy/")" 0
'
it "a second push sends nothing" '
    ctl push "$R/copy:v1" >"$T/out"
    eq "$(grep -c ": Layer already exists" "$T/out")" 2
    eq "$(requests "POST /v2/copy/")" 3
'
it "an image that the registry never saw is sent" '
    build "write_layout(T + \"/made\", {\"v1\": Image([Layer([f(\"x\", \"new\")]), Layer([f(\"large\", __import__(\"random\").Random(9).randbytes(5000000))])])})"
    skopeo copy -q --insecure-policy "oci:$T/made:v1" "oci:$STORE:$R/fresh:v1"
    ctl push "$R/fresh:v1" >"$T/out"
    eq "$(grep -c ": Pushed" "$T/out")" 2
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$R/fresh:v1" "dir:$T/back"
    eq "$(sha "$T/back/manifest.json")" "$(sha "$M/images/$R/fresh/v1/manifest.json")"
'
it "types are kept: Docker stays Docker" '
    ctl tag "$R/docker:v1" "$R/dcopy:v1"
    ctl push "$R/dcopy:v1" >/dev/null
    eq "$(skopeo inspect --raw --tls-verify=false "docker://$R/dcopy:v1" | jq -r .mediaType)" application/vnd.docker.distribution.manifest.v2+json
'
it "a whole index goes: what is missing of it is fetched from where it came" '
    ctl tag "$R/multi:v1" "$R/multicopy:v1"
    ctl push "$R/multicopy:v1" >"$T/out"
    eq "$(at_registry multicopy v1 | sha256sum)" "$(at_registry multi v1 | sha256sum)"
    skopeo copy -q --insecure-policy --all --src-tls-verify=false "docker://$R/multicopy:v1" "dir:$T/all"
'
it "a foreign layer of another platform, which its registry does not have, is no hindrance" '
    ctl tag "$R/windows:v1" "$R/windowscopy:v1"
    ctl push "$R/windowscopy:v1" >"$T/out"
    grep -q ": Skipped foreign layer" "$T/out"
    eq "$(at_registry windowscopy v1 | sha256sum)" "$(at_registry windows v1 | sha256sum)"
'
it "--platform pushes one manifest" '
    ctl tag "$R/multi:v1" "$R/single:v1"
    ctl push --platform linux/arm64 "$R/single:v1" >/dev/null
    eq "$(at_registry single v1 | jq "has(\"layers\")")" true
'
it "… and no other in its place" '
    for words in "linux/arm64 $R/app:v1" "linux/amd64/v3 $R/multi:v1"; do
        expect_errno ENOENT write "$M/ctl/push" "--platform $words"
        grep -q "image with reference ${words#* } was found but does not provide the specified platform (${words% *})" "$M/ctl/push"
    done
    expect_errno ENOENT write "$M/ctl/push" "--platform linux/s390x $R/multi:v1"
    grep -q "linux/s390x.*it has linux/amd64, linux/arm64" "$M/ctl/push"
    ctl tag "$R/app:v1" "$R/other:v1"
    expect_errno ENOENT write "$M/ctl/push" "--platform linux/arm64 $R/other:v1"
    fails at_registry other v1
    has "$(ctl push --platform linux/amd64 "$R/other:v1")" "v1: digest: "
'
it "what is not here is told in docker words" '
    expect_errno ENOENT write "$M/ctl/push" "$R/nosuch:v1"
    grep -q "tag does not exist: $R/nosuch:v1" "$M/ctl/push"
    expect_errno ENOENT write "$M/ctl/push" "-a docker.io/library/nosuch"
    grep -q "An image does not exist locally with the tag: nosuch$" "$M/ctl/push"
    expect_errno ENOENT write "$M/ctl/push" "$R/app:nope"
    grep -q "tag does not exist: $R/app:nope" "$M/ctl/push"
    expect_errno EINVAL write "$M/ctl/push" "$R/app@$(readlink "$M/images/$R/app/v1")"
    expect_errno ECONNREFUSED write "$M/ctl/push" "127.0.0.1:1/x:v1" || expect_errno ENOENT write "$M/ctl/push" "127.0.0.1:1/x:v1"
'
it "-a pushes every tag, -q prints the name alone" '
    ctl tag "$R/app:v1" "$R/many:a"
    ctl tag "$R/app:v1" "$R/many:b"
    ctl push -a "$R/many" >/dev/null
    eq "$(curl -s "http://$R/v2/many/tags/list" | jq -c ".tags | sort")" "[\"a\",\"b\"]"
    eq "$(ctl push -q "$R/many:a")" "$R/many:a"
'
it "a blob that has rotted in the store is refused, and no tag shows" '
    cp -a "$STORE" "$T/rotten"
    blob=$T/rotten/blobs/sha256/$(jq -r ".layers[1].digest" "$M/images/$R/fresh/v1/manifest.json" | cut -c8-)
    chmod u+w "$blob"
    printf "\xa5" | dd of="$blob" bs=1 seek=777777 conv=notrunc status=none
    M2=$T/second
    NAME=second mount_store -s "$T/rotten" -m "$M2"
    first=$R
    start_registry empty
    R2=$R R=$first
    POINT=$M2 ctl tag "$R/fresh:v1" "$R2/fresh:v1"
    expect_errno EBADMSG write "$M2/ctl/push" "$R2/fresh:v1"
    grep -q "the blob in the store is damaged" "$M2/ctl/push"
    eq "$(curl -s "http://$R2/v2/fresh/tags/list" | jq -r ".errors[0].code")" NAME_UNKNOWN
    NAME=second unmount_store -m "$M2"
'

# --- content that is not here ---
first=$R
start_registry gone
G=$R R=$first
R=$G push_image lazy v1 >/dev/null
R=$G push_image multi v2 'Index([Image([Layer([f("arch", a + "2")])], architecture=a) for a in ("amd64", "arm64")])' >/dev/null
ls "$M/images/$G/lazy/v1/" >/dev/null
pull --platform linux/amd64 "$G/multi:v2" >/dev/null
stop gone
it "an image of which no layer is here, and whose registry is dead: why" '
    ctl tag "$G/lazy:v1" "$R/lazy:v1"
    expect_errno ECONNREFUSED write "$M/ctl/push" "$R/lazy:v1"
    grep -q "content of sha256:.* is not here: .*connection refused" "$M/ctl/push"
'
it "an index of which only a part can be had: that, and docker says so" '
    ctl tag "$G/multi:v2" "$R/part:v2"
    ctl push --platform linux/amd64 "$R/part:v2" >"$T/single"
    ctl push "$R/part:v2" >"$T/out"
    grep -q "^ Info -> Not all multiplatform-content is present" "$T/out"
    grep -q "^ *$(readlink "$M/images/$G/multi/v2") -> $(skopeo inspect --raw --tls-verify=false "docker://$R/part:v2" | sha256sum | sed "s/^/sha256:/; s/ .*//")$" "$T/out"
    eq "$(tail -1 "$T/out")" "$(tail -1 "$T/single")"
'

# --- a registry that refuses in the middle ---
hostile elsewhere <<'P'
on("PATCH", status=202, headers={"Location": "/elsewhere/2"}, body=b"")
on("PUT", status=201, body=b"")
P
ELSEWHERE=$H
hostile <<P
import random
large = Layer([f("large", random.Random(4).randbytes(3000000))]).digest
denied = json.dumps({"errors": [{"code": "DENIED", "message": "requested access to the resource is denied"}]}).encode()
def start(status=202, headers={"Location": "/v2/x/blobs/uploads/1"}, **more):
    return dict(status=status, headers=headers, body=b"", **more)
on("HEAD .*/blobs/", status=404, body=b"")
on("POST .*/uploads/", **start())
on("PATCH", status=403, body=denied)
on("POST /v2/busy/", **start(headers={"Location": "/v2/busy/blobs/uploads/1"}))
on("PATCH .*busy", status=202, headers={"Location": "/v2/busy/blobs/uploads/1"}, body=b"")
on("POST /v2/busy/", status=503, headers={"Retry-After": "0"}, body=b"", times=2)
on("PUT /v2/busy/", status=201, body=b"")
on("POST /v2/away/", status=202, headers={"Location": "http://$ELSEWHERE/elsewhere/1"}, body=b"")
on("PUT /v2/away/", status=201, body=b"")
on("PUT /v2/wrong/", status=201, body=b"")
on("POST /v2/wrong/", **start(headers={"Location": "/v2/wrong/blobs/uploads/1"}))
on("PATCH .*wrong", status=202, headers={"Location": "/v2/wrong/blobs/uploads/1"}, body=b"")
on("PUT /v2/wrong/manifests", status=201, headers={"Docker-Content-Digest": "sha256:" + "0" * 64}, body=b"")
on("POST /v2/nowhere/", status=202, body=b"")
def upload(repository):
    on(f"POST /v2/{repository}/", **start(headers={"Location": f"/v2/{repository}/blobs/uploads/1"}))
    on(f"PATCH /v2/{repository}/", status=202, headers={"Location": f"/v2/{repository}/blobs/uploads/1"}, body=b"")
    on(f"PUT /v2/{repository}/", status=201, body=b"")
    # The layer goes second, so that its connection is not its first.
    on(f"HEAD /v2/{repository}/blobs/{large}", status=404, body=b"", after=f"^PUT /v2/{repository}/blobs/")
upload("broken")
on("PATCH /v2/broken/", take=1000000, times=1, skip=1)
on("GET /v2/broken/blobs/uploads", status=204, headers={"Range": "0-999999"}, body=b"")
upload("lost")
on("PATCH /v2/lost/", take=1000000, times=1, skip=1)
on("GET /v2/lost/", status=404, body=b"")
upload("private")
on("POST /v2/private/.*mount=", status=401, body=b"")
on("POST /v2/stuck/", **start(headers={"Location": "/v2/stuck/blobs/uploads/1"}))
on("PATCH /v2/stuck/", stall="request")
P
# layer_of_uploads REPOSITORY: the digest of what uploads of more than a config brought, one after another.
layer_of_uploads() { python3 - "$H_LOG" "/v2/$1/" <<'P'
import hashlib, json, sys
parts = [r["body"] for r in map(json.loads, open(sys.argv[1])) if r["method"] == "PATCH" and r["path"].startswith(sys.argv[2])]
print("sha256:" + hashlib.sha256("".join(p for p in parts if len(p) > 10000).encode("latin-1")).hexdigest())
P
}
it "a push that is refused in the middle: the errno, the sentence, and no manifest" '
    ctl tag "$R/app:v1" "$H/x:v1"
    expect_errno EACCES write "$M/ctl/push" "$H/x:v1"
    grep -q "push access denied.*denied: requested access to the resource is denied" "$M/ctl/push"
    eq "$(asked "PUT /v2/x/manifests")" 0
'
it "5xx are tried again" '
    ctl tag "$R/app:v1" "$H/busy:v1"
    ctl push "$H/busy:v1" >/dev/null
    eq "$(asked "PUT /v2/busy/manifests")" 1
'
it "Ctrl-C interrupts a push, though several blobs wait for the registry" '
    ctl tag "$R/app:v1" "$H/stuck:v1"
    interrupts push "$H/stuck:v1" 20 "[ \$(asked \"PATCH /v2/stuck/\") = 3 ]"
'
it "an upload that broke goes on where the registry stands, also when its connection served others before" '
    ctl tag "$R/large:v1" "$H/broken:v1"
    ctl push "$H/broken:v1" >/dev/null
    eq "$(layer_of_uploads broken)" "$(jq -r ".layers[0].digest" "$M/images/$R/large/v1/manifest.json")"
    eq "$(asked "POST /v2/broken/")" 2
    eq "$(asked "PUT /v2/broken/manifests")" 1
'
it "one that the registry has lost begins anew" '
    ctl tag "$R/large:v1" "$H/lost:v1"
    ctl push "$H/lost:v1" >/dev/null
    eq "$(asked "POST /v2/lost/")" 3
    eq "$(asked "PUT /v2/lost/manifests")" 1
'
it "a blob that may not be mounted is sent" '
    ctl tag "$R/large:v1" "$H/private:v1"
    ctl push "$H/private:v1" >"$T/out"
    grep -q ": Pushed" "$T/out"
    [ "$(asked "POST /v2/private/.*mount=")" -ge 1 ]
'
it "an upload that goes on at another host takes no credentials there" '
    ctl tag "$R/app:v1" "$H/away:v1"
    mkdir -p "$HOME/.docker"
    printf "{\"auths\": {\"%s\": {\"auth\": \"%s\"}}}" "$H" "$(printf ann:canary | base64)" >"$HOME/.docker/config.json"
    ctl push "$H/away:v1" >/dev/null
    [ "$(wc -l <"$T/elsewhere.jsonl")" -ge 2 ]
    ! grep -i authorization "$T/elsewhere.jsonl"
    rm "$HOME/.docker/config.json"
'
it "an answer that breaks the protocol is told" '
    ctl tag "$R/app:v1" "$H/wrong:v1"
    expect_errno EPROTO write "$M/ctl/push" "$H/wrong:v1"
    grep -q "has stored the manifest as sha256:000" "$M/ctl/push"
    ctl tag "$R/app:v1" "$H/nowhere:v1"
    expect_errno EPROTO write "$M/ctl/push" "$H/nowhere:v1"
    grep -q "has no Location" "$M/ctl/push"
'
finish
