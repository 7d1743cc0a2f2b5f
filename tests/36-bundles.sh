#!/bin/bash
# SPDX-License-Identifier: MIT
# ctl/verify takes the signatures of cosign 3: sigstore bundles that refer to the image.
. "$(dirname "$0")/lib.sh"
need_fuse
for name in cosign other; do
    openssl ecparam -genkey -name prime256v1 -noout -out "$T/$name.key" 2>/dev/null
    openssl ec -in "$T/$name.key" -pubout -out "$T/$name.pub" 2>/dev/null
done
start_registry
build "
r = Registry(R)
def push(name, make, of_empty=True):
    image = Image([Layer([f('a', name)])])
    artifact = make(image)
    if of_empty: # as cosign 3.1.1 writes the index of the tag schema
        artifact.artifact_type = 'application/vnd.oci.empty.v1+json'
    r.push(name, 'v1', image)
    r.push(name, schema_tag(image), Referrers([artifact]))

key = '$T/cosign.key'
push('signed', lambda i: bundle(key, i, annotations={'env': 'prod'}))
push('typed', lambda i: bundle(key, i), of_empty=False)
push('message', lambda i: bundle(key, i, message=True))
push('elsewhere', lambda i: bundle(key, i, claim='sha256:' + 64 * 'b'))
push('attested', lambda i: bundle(key, i, predicate='https://slsa.dev/provenance/v1'))
def change(where, **more):
    def lie(doc): return {**doc, where: {**doc[where], **more}}
    return lie
push('type', lambda i: bundle(key, i, lie=change('dsseEnvelope', payloadType='text/plain')))
push('unsigned', lambda i: bundle(key, i, lie=change('dsseEnvelope', signatures=[])))
push('base64', lambda i: bundle(key, i, lie=change('dsseEnvelope', payload='%%%%')))
push('large', lambda i: bundle(key, i, lie=change('verificationMaterial', more='x' * 600000)))
push('garbage', lambda i: bundle(key, i, lie=lambda doc: [doc]))

# Beside a signature of the old kind, whose key is another one.
image = Image([Layer([f('a', 'both')])])
r.push('both', 'v1', image)
r.push('both', schema_tag(image), Referrers([bundle(key, image)]))
r.push('both', schema_tag(image, '.sig'), cosign('$T/other.key', (image.digest, None)))
"
mount_store
verified() { # REPOSITORY [ARGUMENTS]: what is said of it by the key
    local name=$1
    shift
    ctl verify "$R/$name:v1 --key $T/cosign.pub $*" 2>&1 || :
}

it "a bundle is verified by its key, whatever the index of referrers calls it" '
    for name in signed typed; do
        out=$(verified $name)
        has "$out" "Verification for $R/$name:v1 --"
        has "$out" "Digest: $(readlink "$M/images/$R/$name/v1")"
        has "$out" "\"docker-manifest-digest\":\"$(readlink "$M/images/$R/$name/v1")\""
    done
'
it "its annotations are checked, and printed" '
    has "$(verified signed -a env=prod)" "\"optional\":{\"env\":\"prod\"}"
    has "$(verified signed -a env=dev)" "missing or incorrect annotation env"
    has "$(verified typed -a env=prod)" "missing or incorrect annotation env"
'
it "so is a message signature, over the manifest itself" 'has "$(verified message)" "The signatures were verified"'
it "another key is EBADMSG" '
    out=$(ctl verify "$R/signed:v1 --key $T/other.pub" 2>&1 || :)
    has "$out" "no matching signatures: invalid signature"; has "$out" EBADMSG
'
refused() { # REPOSITORY SENTENCE
    local out
    out=$(verified "$1")
    has "$out" "no matching signatures: "
    has "$out" "$2"
    has "$out" EBADMSG
}
it "what is no signature of this image is refused with its sentence" '
    refused elsewhere "the statement is about another digest; want: $(readlink "$M/images/$R/elsewhere/v1")"
    refused attested "an attestation (https://slsa.dev/provenance/v1), not a signature"
    refused type "payload is of the type text/plain"
    refused unsigned "a bundle with 0 signatures, not one"
    refused base64 "payload is malformed base64"
    refused large "at most 524288 are taken"
    refused garbage "a version that is not known"
'
it "either kind of signature is enough" '
    has "$(verified both)" "The signatures were verified"
    has "$(ctl verify "$R/both:v1 --key $T/other.pub")" "The signatures were verified"
'
remount_store -o offline
it "offline a bundle that the store has is verified" '
    out=$(verified signed)
    has "$out" ENETUNREACH
    remount_store
    cat "$M/images/$R/signed/v1/referrers"/*/blobs/* >/dev/null
    remount_store -o offline
    has "$(verified signed)" "The signatures were verified"
'

# --- a registry that keeps the list itself ---
hostile <<'END'
image = Image([Layer([f("a", "listed")])])
sign = bundle(env["T"] + "/cosign.key", image)
serve("listed", "v1", image)
serve("listed", "bundle", sign)
many = [descriptor(OCI_MANIFEST, str(i).encode()) for i in range(900)]
on(f"GET /v2/listed/referrers/{image.digest}", status=200, body=Referrers([sign]).manifest, headers={"Content-Type": OCI_INDEX})
serve("crowd", "v1", image)
on(f"GET /v2/crowd/referrers/{image.digest}", status=200, headers={"Content-Type": OCI_INDEX},
   body=dump({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": many}))
END
remount_store
it "a registry with a list of its own" 'has "$(ctl verify "$H/listed:v1 --key $T/cosign.pub")" "The signatures were verified"'
it "of a crowd of artifacts that say nothing of themselves a hundred are looked at" '
    has "$(ctl verify "$H/crowd:v1 --key $T/cosign.pub" 2>&1)" "no signatures found"
    eq "$(asked "GET /v2/crowd/manifests/sha256:")" 100
'
