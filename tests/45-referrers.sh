#!/bin/bash
# SPDX-License-Identifier: MIT
# What refers to an image: SBOMs, signatures, attestations, and their files; cosign's signatures checked.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry

# --- a registry without a list of referrers: the tag schema, cosign's tags, an index's attestations ----

openssl ecparam -genkey -name prime256v1 -noout -out "$T/cosign.key" 2>/dev/null
openssl ec -in "$T/cosign.key" -pubout -out "$T/cosign.pub" 2>/dev/null
openssl ecparam -genkey -name prime256v1 -noout -out "$T/other.key" 2>/dev/null
openssl ec -in "$T/other.key" -pubout -out "$T/other.pub" 2>/dev/null

build "
r = Registry(R)
image = Image([Layer([f('etc/motd', 'hello\n')])])
r.push('app', 'v1', image)
sbom = Artifact([
    ('application/spdx+json', b'{\"spdxVersion\": \"SPDX-2.3\"}', {'org.opencontainers.image.title': 'sbom.spdx.json'}),
    ('text/plain', b'up', {'org.opencontainers.image.title': '../../etc/passwd'}),
    ('text/plain', b'twice', {'org.opencontainers.image.title': 'sbom.spdx.json'}),
    ('application/vnd.cyclonedx+json', b'{}', None),
    ('application/octet-stream', b'\x00\x01\xff', {'org.opencontainers.image.title': '..'}),
], artifact_type='application/spdx+json', subject=image,
   annotations={'org.opencontainers.image.created': '2024-06-01T12:00:00Z'})
plain = Artifact([('application/vnd.example.notes', b'notes', None)], subject=image, config=b'not JSON at all',
                 config_type='application/vnd.example.config')
r.push('app', schema_tag(image), Referrers([sbom, plain]))
signature = cosign('$T/cosign.key', (image.digest, {'env': 'prod'}))
r.push('app', schema_tag(image, '.sig'), signature)
of_sbom = cosign('$T/cosign.key', (sbom.digest, None))
r.push('app', schema_tag(sbom, '.sig'), of_sbom)

amd, arm = Image([Layer([f('a', 'amd')])]), Image([Layer([f('a', 'arm')])], architecture='arm64')
statement = lambda of: Artifact([('application/vnd.in-toto+json', b'{\"_type\": \"' + of.encode() + b'\"}', {'in-toto.io/predicate-type': 'x'})],
    config=dump({'architecture': 'unknown', 'os': 'unknown', 'config': {}, 'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + 64 * 'a']}}),
    config_type=OCI_CONFIG)
of_amd, of_arm = statement('amd'), statement('arm')
index = Index([amd, arm], attestations=[(of_amd, amd), (of_arm, arm)])
r.push('multi', 'v1', index)
r.push('bare', 'v1', Image([Layer([f('b', 'bare')])]))

chart = Artifact([('application/vnd.cncf.helm.chart.content.v1.tar+gzip', gzip_bytes(tar([f('Chart.yaml', 'x')])), None)],
    config=b'{\"name\": \"chart\"}', config_type='application/vnd.cncf.helm.config.v1+json')
r.push('chart', '1.0', chart)
for name in 'image sbom plain signature of_sbom index amd arm of_amd of_arm chart'.split():
    print(f'{name.upper()}={globals()[name].digest}', file=open('$T/digests', 'a'))
open('$T/amd.json', 'wb').write(amd.manifest)
open('$T/of_amd.json', 'wb').write(of_amd.manifest)
open('$T/sbom.json', 'wb').write(sbom.manifest)
"
. "$T/digests"

mount_store -o platform=linux/amd64
I=$M/images/$R
A=$I/app/$IMAGE
: "$(cat "$I/app/v1/config.json" "$I/multi/v1/config.json" "$I/bare/v1/config.json")"

it "referrers/ is not listed where nothing is known, and looking at the directory asks nothing" '
    before=$(requests .)
    hasnt "$(ls "$A")" referrers
    find "$I/app" -maxdepth 2 >/dev/null
    [ -d "$A/referrers" ]
    eq "$(requests .)" "$before"'
it "it lists what the tag schema and the tags of cosign name" '
    eq "$(ls "$A/referrers" | sort)" "$(printf "%s\n" $SBOM $PLAIN $SIGNATURE | sort)"
    eq "$(readlink "$A/referrers/$SBOM")" "../../$SBOM"'
it "the registry was asked for its list first, and is not asked again for a minute" '
    [ "$(requests "GET /v2/app/referrers/$IMAGE")" = 1 ]
    before=$(requests .)
    ls -l "$A/referrers" "$A" >/dev/null
    find "$A/" -maxdepth 1 >/dev/null
    fails ls "$A/referrers/sha256:$(printf 0%.0s {1..64})"
    eq "$(requests .)" "$before"'
it "then it is listed" 'has "$(ls "$A")" referrers'
it "an artifact has its manifest, config and blobs, and nothing of an image" '
    eq "$(ls "$A/referrers/$SBOM" | sort | xargs)" "blobs config.json manifest.json"
    cmp "$A/referrers/$SBOM/manifest.json" "$T/sbom.json"
    eq "$(cat "$A/referrers/$SBOM/config.json")" "{}"
    for name in rootfs layers history inspect.json; do fails ls "$A/referrers/$SBOM/$name"; done
    fails ls "$A/blobs"'
it "blobs are named by their titles, made safe, each once" '
    eq "$(ls "$A/referrers/$SBOM/blobs" | sort)" "$(printf "%s\n" _._.._etc_passwd 3.cdx.json 4 sbom.spdx.json sbom.spdx.json.2 | sort)"
    eq "$(cat "$A/referrers/$SBOM/blobs/sbom.spdx.json")" "{\"spdxVersion\": \"SPDX-2.3\"}"
    eq "$(cat "$A/referrers/$SBOM/blobs/sbom.spdx.json.2")" twice
    eq "$(cat "$A/referrers/$SBOM/blobs/4" | od -An -tx1)" " 00 01 ff"'
it "its time is that of its annotation" 'eq "$(stat -c %Y "$I/app/$SBOM/blobs")" "$(date -d 2024-06-01T12:00:00Z +%s)"'
it "a config that is no JSON is shown as it is" 'eq "$(cat "$A/referrers/$PLAIN/config.json")" "not JSON at all"
    eq "$(cat "$A/referrers/$PLAIN/blobs/0")" notes'
it "a signature by tag opens, and is recorded under its tag" '
    has "$(cat "$A/referrers/$SIGNATURE/blobs/0.simplesigning.json")" "$IMAGE"
    eq "$(readlink "$I/app/${IMAGE/:/-}.sig")" "$SIGNATURE"'
it "an SBOM has referrers of its own" '
    eq "$(ls "$I/app/$SBOM/referrers")" "$OF_SBOM"
    has "$(cat "$I/app/$SBOM/referrers/$OF_SBOM/blobs/0.simplesigning.json")" "$SBOM"'
it "an image without any has an empty directory, which is not listed" '
    eq "$(ls "$I/bare/v1/referrers")" ""
    hasnt "$(ls "$I/bare/v1/")" referrers'
it "an index has the attestations that lie in it" '
    eq "$(ls "$I/multi/v1/referrers" | sort)" "$(printf "%s\n" $OF_AMD $OF_ARM | sort)"
    cmp "$I/multi/v1/referrers/$OF_AMD/manifest.json" "$T/of_amd.json"
    eq "$(ls "$I/multi/v1/referrers/$OF_AMD/" | sort | xargs)" "blobs config.json manifest.json"
    eq "$(cat "$I/multi/v1/referrers/$OF_ARM/blobs/0.intoto.json")" "{\"_type\": \"arm\"}"'
it "an image of an index has the attestation of it" '
    eq "$(ls "$I/multi/$AMD/referrers")" "$OF_AMD"
    eq "$(ls "$I/multi/$ARM/referrers")" "$OF_ARM"'
it "an artifact is pulled without a tree" '
    trees=$(ls "$STORE/derived/trees" 2>/dev/null | wc -l)
    has "$(pull $R/chart:1.0)" "Status: Downloaded newer image"
    has "$(pull $R/chart:1.0)" "Status: Image is up to date"
    eq "$(cat "$I/chart/1.0/config.json")" "{\"name\": \"chart\"}"
    tar tzf "$I/chart/1.0/blobs/0.tar.gz" | grep -x Chart.yaml
    eq "$(ls "$STORE/derived/trees" 2>/dev/null | wc -l)" "$trees"'
it "ctl/images shows images, and no artifacts" '! grep chart "$M/ctl/images"'

# --- ctl/verify ----------------------------------------------------------------------------------

it "a signature by the key is verified, and the digest is said" '
    out=$(ctl verify "$R/app:v1 --key $T/cosign.pub")
    has "$out" "Verification for $R/app:v1 --"
    has "$out" "Digest: $IMAGE"
    has "$out" "\"docker-manifest-digest\":\"$IMAGE\""
    has "$(cat "$M/ctl/verify?$R%2Fapp:v1 --key ${T//\//%2F}%2Fcosign.pub")" "Digest: $IMAGE"'
it "annotations are checked" '
    has "$(ctl verify "$R/app:v1 --key $T/cosign.pub -a env=prod")" "annotations were verified"
    has "$(ctl verify "$R/app:v1 --key $T/cosign.pub -a env=dev" 2>&1)" "EBADMSG"'
it "another key is EBADMSG, no signature ENOENT, a bad key EINVAL with its name" '
    out=$(ctl verify "$R/app:v1 --key $T/other.pub" 2>&1 || :)
    has "$out" "no matching signatures: invalid signature"; has "$out" EBADMSG
    out=$(ctl verify "$R/bare:v1 --key $T/cosign.pub" 2>&1 || :)
    has "$out" "no signatures found"; has "$out" ENOENT
    out=$(ctl verify "$R/app:v1 --key $T/digests" 2>&1 || :)
    has "$out" "$T/digests: not a public key"; has "$out" EINVAL
    has "$(ctl verify "$R/app:v1 --key cosign.pub" 2>&1)" "must be absolute"
    has "$(ctl verify "$R/app:v1 --key $T" 2>&1)" "not a regular file"'
it "an artifact is verified by its digest" 'has "$(ctl verify "$R/app@$SBOM --key $T/cosign.pub")" "Digest: $SBOM"'
it "the store is a valid layout" valid_store

remount_store -o offline
it "offline shows what is local" '
    has "$(ls "$A")" referrers
    eq "$(ls "$A/referrers" | sort)" "$(printf "%s\n" $SBOM $PLAIN $SIGNATURE | sort)"
    eq "$(cat "$A/referrers/$SBOM/blobs/sbom.spdx.json")" "{\"spdxVersion\": \"SPDX-2.3\"}"
    eq "$(ls "$I/bare/v1/referrers")" ""'
it "offline a signature of the store is verified" '
    has "$(ctl verify "$R/app:v1 --key $T/cosign.pub")" "Digest: $IMAGE"
    has "$(ctl verify "$R/bare:v1 --key $T/cosign.pub" 2>&1)" ENETUNREACH'
remount_store -o lookup=local
it "lookup=local asks nothing" '
    before=$(requests .)
    ls "$A/referrers" "$I/bare/v1/referrers" "$I/multi/v1/referrers" >/dev/null
    eq "$(requests .)" "$before"'

# --- a registry that has the list, in pages, and lies --------------------------------------------

unmount_store
hostile <<'END'
image = Image([Layer([f("a", "a")])])
other = Image([Layer([f("a", "b")])])
first = Artifact([("text/plain", b"one", None)], artifact_type="application/x.one", subject=image)
second = Artifact([("text/plain", b"two", None)], artifact_type="application/x.two", subject=image)
wrong = Artifact([("text/plain", b"three", None)], artifact_type="application/x.three", subject=other)
for name, thing in (("v1", image), ("first", first), ("second", second), ("wrong", wrong)):
    for repository in ("good", "type", "foreign", "garbage", "huge", "broken"):
        serve(repository, name, thing)
TYPE = {"Content-Type": OCI_INDEX}
path = f"/referrers/{image.digest}"
on(rf"GET /v2/good{path}$", status=200, body=Referrers([first]).manifest,
   headers={**TYPE, "Link": f'</v2/good{path}?page=2>; rel="next"'})
on(rf"GET /v2/good{path}.page=2", status=200, body=Referrers([second, wrong, first]).manifest, headers=TYPE)
on(rf"GET /v2/type{path}", status=200, body=b"<html>", headers={"Content-Type": "text/html"})
on(rf"GET /v2/foreign{path}", status=200, body=Referrers([first]).manifest,
   headers={**TYPE, "Link": f'<http://169.254.169.254/v2/foreign{path}?page=2>; rel="next"'})
on(rf"GET /v2/garbage{path}", status=200, body=b"{", headers=TYPE)
many = [descriptor(OCI_MANIFEST, str(i).encode()) for i in range(1001)]
on(rf"GET /v2/huge{path}", status=200, body=dump({"schemaVersion": 2, "manifests": many}), headers=TYPE)
on(rf"GET /v2/broken{path}", status=403)
with open(env["T"] + "/hostile.digests", "w") as out:
    for name in ("image", "first", "second", "wrong"):
        print(f"{name.upper()}_H={globals().get(name, locals().get(name)).digest}", file=out)
END
. "$T/hostile.digests"
STORE=$T/store2
mount_store
I=$M/images/$H
for r in good type foreign garbage huge broken; do cat "$I/$r/v1/config.json" >/dev/null; done

it "the list is read page by page, each once" '
    eq "$(ls "$I/good/v1/referrers" | sort)" "$(printf "%s\n" $FIRST_H $SECOND_H $WRONG_H | sort)"
    eq "$(cat "$I/good/v1/referrers/$SECOND_H/blobs/0.txt")" two
    eq "$(asked "manifests/sha256-[0-9a-f]+$")" 0'
it "what says itself that it refers to another image is no referrer any more" '
    cat "$I/good/$WRONG_H/manifest.json" >/dev/null
    ls "$I/good/v1/" >/dev/null
    until_true 5 "! grep -q $WRONG_H <(ls \"$I/good/v1/referrers\")"
    eq "$(ls "$I/good/v1/referrers" | wc -l)" 2'
it "an answer that is no index is no list" 'eq "$(ls "$I/type/v1/referrers")" ""
    [ "$(asked "GET /v2/type/manifests/sha256-[0-9a-f]+$")" = 1 ]'
it "a page elsewhere, garbage and a huge list are EPROTO, and leave nothing" '
    for r in foreign garbage huge; do
        expect_errno EPROTO list "$I/$r/v1/referrers"
        hasnt "$(ls "$I/$r/v1/")" referrers
    done'
it "what is denied is EACCES" 'expect_errno EACCES list "$I/broken/v1/referrers"'

stop hostile
remount_store
it "where the registry does not answer, what is known is shown; where nothing is, its error" '
    eq "$(ls "$I/good/v1/referrers" | sort)" "$(printf "%s\n" $FIRST_H $SECOND_H | sort | grep -x "$SECOND_H")"
    expect_errno ECONNREFUSED list "$I/type/v1/referrers"
    ls -l "$I/type/v1/" >/dev/null'

# --- which layer brought a path ------------------------------------------------------------------

unmount_store
build "
layers = [
    Layer([d('etc'), f('etc/keep', 'a'), f('etc/over', 'old'), f('etc/gone', 'secret'), d('dir', mode=0o700), f('dir/base', 'b')]),
    Layer([f('etc/over', 'new'), wh('etc/gone'), f('dir/new', 'n'), h('hard', 'etc/keep')]),
    Layer([d('dir', mode=0o750), f('made/deep/file', 'm')]),
]
image = Image(layers)
line = lambda text, **more: {'created_by': text, **more}
image.config_doc['history'] = [line('ENV', empty_layer=True), line('ADD base'), line('LABEL', empty_layer=True), line('RUN two')]
Registry(R).push('prov', 'v1', image.seal())
for i, layer in enumerate(layers):
    print(f'L{i}={layer.digest}', file=open('$T/layers', 'a'))
"
. "$T/layers"
STORE=$T/store3
mount_store
P=$M/images/$R/prov/v1
layer_of() { getfattr -h --only-values -n user.imagefs.layer "$P/rootfs/$1"; }
made_by() { getfattr -h --only-values -n user.imagefs.created_by "$P/rootfs/$1"; }

it "a path names the layer that brought it, and its history line" '
    eq "$(layer_of etc/keep)" "0 $L0"; eq "$(made_by etc/keep)" "ADD base"
    eq "$(layer_of etc/over)" "1 $L1"; eq "$(made_by etc/over)" "RUN two"
    eq "$(layer_of dir/base)" "0 $L0"; eq "$(layer_of dir/new)" "1 $L1"
    eq "$(layer_of dir)" "2 $L2"'
it "a hard link is of the layer that its file came from" 'eq "$(layer_of hard)" "$(layer_of etc/keep)"'
it "a layer without a history line has an empty one" 'eq "$(made_by made/deep/file)" ""'
it "every path has an answer, and none lists it" '
    find "$P/rootfs/" | while read -r path; do
        rc=0; getfattr -h --only-values -n user.imagefs.layer "$path" >/dev/null 2>&1 || rc=$?
        ((rc == 0)) || echo "without: ${path#"$P/rootfs/"}"
    done >"$T/without"
    eq "$(getfattr -Rhd -m - "$P/rootfs/" 2>/dev/null | grep -c imagefs || :)" 0
    sed "s/^/# /" "$T/without"
    eq "$(grep -vE "^without: (made|made/deep|)$" "$T/without" || :)" ""'
it "the size is asked for first, and a short buffer is ERANGE" '
    python3 - "$P/rootfs/etc/keep" <<END
import ctypes, errno, os, sys
c = ctypes.CDLL(None, use_errno=True)
path, name = os.fsencode(sys.argv[1]), b"user.imagefs.layer"
size = c.getxattr(path, name, None, 0)
assert size == len("0 sha256:") + 64, size
assert c.getxattr(path, name, ctypes.create_string_buffer(size), size) == size
assert c.getxattr(path, name, ctypes.create_string_buffer(size), size - 1) == -1 and ctypes.get_errno() == errno.ERANGE
END'
it "what a later layer removed is still in layers/" '
    fails ls "$P/rootfs/etc/gone"
    eq "$(cat "$P/layers/00/diff/etc/gone")" secret
    [ -e "$P/layers/01/diff/etc/.wh.gone" ]'
remount_store -o xattr=off
it "xattr=off has none of it" 'fails layer_of etc/keep'
