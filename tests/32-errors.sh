#!/bin/bash
# SPDX-License-Identifier: MIT
# Every error has its errno, a sentence that names the reference and the cause, and leaves a store that works on.
. "$(dirname "$0")/lib.sh"
need_fuse
hostile <<'END'
good = Image([Layer([f("good", "good")])])
serve("good", "v1", good)

def manifest(name, change=None, type=None, text=None, image=None):
    """Serves an image whose manifest is changed: as a document, or as text."""
    image = image or Image([Layer([f(name, name)])])
    for data in image.blobs():
        state.blobs[name, digest(data)] = data
    doc = json.loads(image.manifest)
    if change:
        change(doc)
    data = text if text is not None else dump(doc)
    state.documents[name, "v1"] = (type or image.type, data)
    state.documents[name, digest(data)] = (type or image.type, data)
    return data

text = Image([Layer([f("x")])]).manifest
manifest("broken-json", text=text[:-20])
manifest("trailing-json", text=text + b"{}")
manifest("deep-json", lambda doc: doc.update(annotations={"deep": "@"}), text=text.replace(b'"schemaVersion"', b'"deep": ' + b"[" * 200 + b"]" * 200 + b', "schemaVersion"'))
manifest("duplicate-keys", text=text.replace(b'"schemaVersion"', b'"layers": [], "schemaVersion"'))
manifest("not-json", text=b"<html>hello</html>", type="text/html")
manifest("both", lambda doc: doc.update(manifests=[]))
manifest("other-type", lambda doc: doc.update(mediaType=OCI_INDEX))
manifest("bad-digest", lambda doc: doc["layers"][0].update(digest="sha256:../../../etc/passwd"))
manifest("upper-digest", lambda doc: doc["layers"][0].update(digest=doc["layers"][0]["digest"].upper().replace("SHA", "sha")))
manifest("negative-size", lambda doc: doc["layers"][0].update(size=-1))
manifest("huge-size", lambda doc: doc["layers"][0].update(size=1 << 62))
manifest("size-short", lambda doc: doc["layers"][0].update(size=doc["layers"][0]["size"] - 1))
manifest("size-long", lambda doc: doc["layers"][0].update(size=doc["layers"][0]["size"] + 1))
manifest("unknown-layer", lambda doc: doc["layers"][0].update(mediaType="application/x-something"))
manifest("unknown-type", type="application/x-something", text=dump({"schemaVersion": 2, "mediaType": "application/x-something"}))
manifest("schema1", type="application/vnd.docker.distribution.manifest.v1+prettyjws",
         text=dump({"schemaVersion": 1, "name": "schema1", "tag": "v1", "fsLayers": [], "history": []}))
manifest("four-mib", text=text[:-1] + b" " * (4 << 20) + b"}")
manifest("lost-config", lambda doc: doc["config"].update(digest="sha256:" + "1" * 64))
manifest("lost-layer", lambda doc: doc["layers"][0].update(digest="sha256:" + "2" * 64))
manifest("config-no-json", image=(lambda i: i)(Image([Layer([f("x")])])))

def layer(name, blob, tar_bytes=None, **kw):
    image = Image([Layer(tar_bytes if tar_bytes is not None else tar([f(name, "x" * 5000)]), blob=blob, **kw)])
    serve(name, "v1", image)

plain = tar([f("a", bytes(range(256)) * 2000), f("b", "b" * 70000)])
gz, zst = gzip_bytes(plain), zstd_bytes(plain)
layer("gzip-truncated", gz[: len(gz) // 2], plain)
layer("gzip-corrupt", gz[:300] + bytes(x ^ 0x55 for x in gz[300:400]) + gz[400:], plain)
layer("gzip-crc", gz[:-8] + b"\1\2\3\4" + gz[-4:], plain)
layer("gzip-garbage-behind", gz + b"garbage that is no member", plain)
layer("zstd-truncated", zst[: len(zst) // 2], plain, how="zstd")
layer("zstd-corrupt", zst[:200] + bytes(x ^ 0x55 for x in zst[200:300]) + zst[300:], plain, how="zstd")
layer("tar-cut", gzip_bytes(plain[:100_000]), plain[:100_000])
layer("tar-checksum", None, plain[:148] + b"0000000\0" + plain[156:])
layer("tar-no-tar", None, b"this is no archive, but long enough to be one " * 100)
layer("tar-root-file", None, tar([Entry(b"./", b"0", data=b"x")]))
wrong = Image([Layer(plain)])
wrong.config_doc["rootfs"]["diff_ids"] = ["sha256:" + "3" * 64]
serve("diff-id", "v1", wrong.seal())
fewer = Image([Layer(plain), Layer([f("z")])])
fewer.config_doc["rootfs"]["diff_ids"].pop()
serve("diff-count", "v1", fewer.seal())
flipped = Image([Layer(plain, "plain")])
serve("flipped", "v1", flipped)
on("/v2/flipped/blobs/" + flipped.layers[0].digest, flip=4000)
serve("flipped-config", "v1", Image([Layer([f("y")])]))
on("/v2/flipped-config/blobs/" + digest(Image([Layer([f("y")])]).config), flip=20)
serve("wrong-header", "v1", Image([Layer([f("w")])]))
on("/v2/wrong-header/manifests", headers={"Docker-Content-Digest": "sha256:" + "4" * 64})
serve("by-digest", "v1", good)
on("/v2/by-digest/manifests/sha256", status=200, body=text, headers={"Content-Type": OCI_MANIFEST})
badrange = Image([Layer(plain, "plain")])
serve("badrange", "v1", badrange)
on("/v2/badrange/blobs/" + badrange.layers[0].digest, status=206, body=badrange.layers[0].blob, range_header="bytes 7-8/9")
on("/v2/badrange/blobs/" + badrange.layers[0].digest, cut=100_000, times=1)

denied = json.dumps({"errors": [{"code": "DENIED", "message": "requested access to the resource is denied"}]}).encode()
on("/v2/e403/", status=403, body=denied)
on("/v2/e401/", status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}, body=denied)
on("/v2/e429/", status=429, headers={"Retry-After": "0"}, body=json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]}).encode())
on("/v2/e500/", status=500)
on("/v2/stalled/", stall="request")
serve("always-cut", "v1", flipped)
on("/v2/always-cut/blobs/" + flipped.layers[0].digest, cut=0)
serve("html-blob", "v1", Image([Layer([f("v")])]))
on("/v2/html-blob/blobs/" + Layer([f("v")]).digest, body=b"<html>sign in here</html>")
serve("foreign", "v1", Index([Image([Layer([f("arch")])], architecture=a) for a in ("s390x", "ppc64le")]))
END
mount_store

# gives ERRNO SENTENCE REFERENCE: the errno to the writer, and the sentence with the reference in the next read.
gives() {
    local found
    found=$(errno_of write "$M/ctl/pull" "$3")
    matches "$found" "^($1)$" || { tail -3 "$M/ctl/pull"; return 1; }
    matches "$(tail -4 "$M/ctl/pull")" "$2"
    has "$(tail -4 "$M/ctl/pull")" "${4-${3%@*}}"
}
works_on() {
    valid_store
    pull "$H/good:v1" >/dev/null
    eq "$(cat "$M/images/$H/good/v1/rootfs/good")" good
    ! have skopeo || skopeo inspect "oci:$STORE:$H/good:v1" >/dev/null
}

while read -r errno name sentence; do
    it "$name: $errno" "gives '$errno' '$sentence' '$H/$name:v1'"
done <<'END'
EPROTO broken-json .
EPROTO trailing-json .
EPROTO deep-json .
EPROTO duplicate-keys .
EPROTO|EOPNOTSUPP not-json .
EPROTO both .
EPROTO other-type .
EPROTO bad-digest .
EPROTO upper-digest .
EPROTO negative-size .
EPROTO huge-size .
EBADMSG size-short .
EBADMSG|EPROTO size-long .
EOPNOTSUPP unknown-layer application/x-something
EOPNOTSUPP unknown-type application/x-something
EOPNOTSUPP schema1 schema.1.support.has.been.removed
EPROTO four-mib .
ENOENT|EPROTO lost-config 1111
ENOENT|EPROTO lost-layer 2222
EBADMSG gzip-truncated .
EBADMSG gzip-corrupt .
EBADMSG gzip-crc .
EBADMSG gzip-garbage-behind .
EBADMSG zstd-truncated .
EBADMSG zstd-corrupt .
EBADMSG tar-cut .
EBADMSG tar-checksum .
EBADMSG tar-no-tar .
EBADMSG tar-root-file .
EBADMSG diff-id 3333
EPROTO|EBADMSG diff-count .
EBADMSG flipped .
EBADMSG flipped-config .
EBADMSG|EPROTO wrong-header .
EBADMSG html-blob .
EPROTO|EBADMSG badrange .
EACCES e403 denied
EACCES e401 denied
EDQUOT e429 slow.down|toomanyrequests
EPROTO e500 500
EPROTO|ETIMEDOUT|EHOSTUNREACH|ECONNRESET always-cut .
ENOENT foreign linux/s390x.*linux/ppc64le
END
it "a wrong body for a digest: EBADMSG" 'gives EBADMSG . "$H/by-digest@sha256:$(printf "%064d" 7)"'
it "an unknown tag: ENOENT" 'gives ENOENT "not found|unknown" "$H/good:nope"'
it "an unknown repository: ENOENT" 'gives ENOENT "not found|unknown|does not exist" "$H/nope/nope:v1"'
it "malformed references: EINVAL, in words of docker" '
    for name in "foo:" "a..b" "http://x/y" "$H/app:-x" "x@sha256:12" "$H/app:v1 two"; do
        expect_errno EINVAL write "$M/ctl/pull" "$name"
    done
    has "$(cat "$M/ctl/pull")" "invalid reference format"
    gives EINVAL "must be lowercase" Busybox
    expect_errno EINVAL write "$M/ctl/pull" "--no-such-option x"
'
it "no such host: EHOSTUNREACH, and the host is named" 'gives EHOSTUNREACH "no-such-host.invalid" "no-such-host.invalid/app:v1"'
it "a registry that is down: ECONNREFUSED" 'gives ECONNREFUSED . "127.0.0.1:$(free_port)/app:v1"'
# says PATTERN: what README sends a user to, who has only seen an errno.
says() { matches "$(tail -n 3 "$M/ctl/events")" "$1"; }
it "a lookup that the registry refuses: EACCES, and ctl/events has the words of the registry" '
    expect_errno EACCES stat "$M/images/$H/e403/v1/config.json"
    says "requested access to the resource is denied"
'
it "a lookup of an image that has nothing for this platform: ENOENT, and ctl/events has the platforms that there are" '
    expect_errno ENOENT list "$M/images/$H/foreign/v1/rootfs"
    says "linux/s390x.*linux/ppc64le"
    ctl rmi "$H/foreign:v1" >/dev/null
'
it "a lookup gives the same errnos" '
    expect_errno ENOENT stat "$M/images/$H/good/nope/config.json"
    expect_errno EPROTO stat "$M/images/$H/broken-json/v1/config.json"
    expect_errno EBADMSG list "$M/images/$H/gzip-corrupt/v1/rootfs"
    expect_errno EBADMSG stat "$M/images/$H/tar-cut/v1/rootfs/a"
'
it "the failures are events too" '
    grep -c broken-json "$M/ctl/events"
    jq -es "length > 30" "$M/ctl/events"
'
# A request that nobody answers is made again after 30 s: a lookup does not wait so long.
it "nobody answers a lookup: ETIMEDOUT in seconds" '
    expect_errno ETIMEDOUT stat "$M/images/$H/stalled/v1/config.json"
    eq "$(asked "/v2/stalled/")" 1
'
it "then all names of the host fail at once for a while, with no request; a pull asks" '
    expect_errno ETIMEDOUT stat "$M/images/$H/good/unheard/config.json"
    eq "$(asked "/v2/good/manifests/unheard")" 0
    gives ENOENT "not found|unknown" "$H/good:nope"
'
it "Ctrl-C interrupts a pull" '
    interrupts pull "$H/stalled:v2" 10 "grep -q stalled:v2 \"$M/ctl/jobs\""
'
it "after all that the store is valid and works on" works_on
it "none of it left parts that nobody resumes" '
    unmount_store
    eq "$(find "$STORE/derived" "$STORE/blobs" -name "*.tmp*" -o -name ".*" -type f | wc -l)" 0
'
