#!/bin/bash
# SPDX-License-Identifier: MIT
# What registries say besides what they should, one kind after the other: statuses, codings, types, sizes, challenges, helpers.
. "$(dirname "$0")/lib.sh"
need_fuse
mkdir -p "$T/bin" "$HOME/.docker"
PATH=$T/bin:$PATH
hostile <<'END'
def image(name):
    """One of its own for every repository: what the store has is not asked for again."""
    return Image([Layer([f("file", name)])])
def served(name, what=None):
    serve(name, "v1", what or image(name))
    return f"/v2/{name}/"

# HEAD, of manifests and of blobs
for code in (400, 401, 403, 404, 405, 500):
    on(f"HEAD {served(f'head{code}')}manifests/", status=code)
for code in (400, 401, 403, 405, 500):
    on(f"HEAD /v2/blobhead{code}/blobs/", status=code)

# pushes
served("source")
for code in (200, 201, 202, 204):
    on(f"PUT /v2/put{code}/manifests/", call=lambda r, code=code: state.documents.update(
        {(r["path"].split("/")[2], r["path"].split("/")[-1]): (r["headers"]["content-type"], r["body"].encode("latin-1"))}) or dict(status=code))
on("PUT /v2/put206/manifests/", status=206)
def patched(r):
    """All is there, and 200 says so, or says that less is."""
    body, less = r["body"].encode("latin-1"), "less" in r["path"]
    state.uploads[r["path"].split("/")[-1]] = body
    return dict(status=200, headers={"Location": r["path"], "Range": f"0-{len(body) - (2 if less else 1)}"})
on("PATCH /v2/patch200", call=patched)
on("PATCH /v2/patchmute/", status=200)

# Content-Encoding of blobs, Content-Type of manifests
for coding in ("aws-chunked", "utf-8", "binary", "identity", ""):
    on(f"GET {served('coding' + coding)}blobs/", headers={"Content-Encoding": coding})
packed = image("packed")
on(f"GET {served('packed', packed)}blobs/{packed.layers[0].digest}", body=gzip_bytes(packed.layers[0].blob), headers={"Content-Encoding": "gzip"})
for n, type in enumerate(("application/json", "application/json; charset=utf-8", "application/octet-stream", "binary/octet-stream", "text/plain", "text/html", None)):
    on(f".* {served(f'type{n}')}manifests/", headers={"Content-Type": type})

# tags that are not there, and lists of referrers
signed = Image([Layer([f("file", "signed")])])
signature = Artifact([(SIMPLE_SIGNING, b"{}", None)])
def missing(status):
    return lambda r: None if tuple(r["path"].split("/")[2::2]) in state.documents else dict(status=status)
for code in (401, 403):
    serve(f"missing{code}", schema_tag(signed, ".sig"), signature)
    on(f"GET {served(f'missing{code}', signed)}manifests/", call=missing(code))
    on(f"(GET|HEAD) {served(f'attach{code}', Image([Layer([f('file', bytes(100000))])]))}manifests/sha256-", call=missing(code))
for code in (400, 401, 403, 404, 405, 406, 410, 501):
    serve(f"list{code}", schema_tag(signed, ".sig"), signature)
    on(f"GET {served(f'list{code}', signed)}referrers/", status=code)
attached = Image([Layer([f("file", bytes(200000))])])
on(f"GET {served('attach-digest', attached)}manifests/{schema_tag(attached)}$", call=lambda r: None if ("attach-digest", schema_tag(attached)) in state.documents
   else dict(status=200, body=attached.manifest, headers={"Content-Type": attached.type}))

# challenges: mute ones, and a token for everybody
right = "Basic " + base64.b64encode(b"ann:canary-secret").decode()
mine = lambda r: r["headers"].get("authorization") == right
for code in (401, 403, 404):
    on(f".* {served(f'mute{code}')}", call=lambda r, code=code: None if mine(r) else dict(status=code))
on("GET /v2/$", call=lambda r: None if mine(r) else dict(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
bearer = f'Bearer realm="http://{HOST}/token",service="x"'
for name in ("public", "private"):
    on(f".* {served(name)}", call=lambda r, name=name: None if r["headers"].get("authorization") == "Bearer " + name
       else dict(status=401, headers={"WWW-Authenticate": bearer + f',scope="{name}"'}))
on("GET /token.*scope=public", status=200, body=b'{"token": "public"}')
on("GET /token.*scope=private", call=lambda r: dict(status=200, body=b'{"token": "private"}') if mine(r) else dict(status=401))
on(f".* {served('basic')}", call=lambda r: None if mine(r) else dict(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}))

# sizes
small = image("small")
index = Index([small])
index.manifest = index.manifest.replace(b'"size": %d' % len(small.manifest), b'"size": %d' % (len(small.manifest) + 1))
index.digest = digest(index.manifest)
serve("size", "wrong", index)
serve("size", "right", small)
config = image("config")
config.manifest_doc["config"]["size"] += 1
config.manifest = dump(config.manifest_doc)
serve("size", "config", config)
serve("size", "config-here", image("config"))
END
mount_store
I=$M/images/$H
twice() { # NAME
    pull "$H/$1:v1" >/dev/null
    has "$(pull "$H/$1:v1")" "Image is up to date"
    eq "$(cat "$I/$1/v1/rootfs/file")" "$1"
}

for code in 400 401 403 404 405 500; do
    it "a HEAD that is refused ($code) is no refusal" "twice head$code"
done
pull "$H/source:v1" >/dev/null
pushes() { # REPOSITORY
    ctl tag "$H/source:v1" "$H/$1:v1"
    ctl push "$H/$1:v1" >/dev/null
    eq "sha256:$(curl -sf "http://$H/v2/$1/manifests/v1" | sha256sum | cut -d" " -f1)" "$(readlink "$I/source/v1")"
    jq -r ".config.digest, .layers[].digest" "$I/source/v1/manifest.json" >"$T/blobs"
    while read -r blob; do eq "sha256:$(curl -sf "http://$H/v2/$1/blobs/$blob" | sha256sum | cut -d" " -f1)" "$blob"; done <"$T/blobs"
}
refused() { # REPOSITORY
    ctl tag "$H/source:v1" "$H/$1:v1"
    expect_errno EPROTO write "$M/ctl/push" "$H/$1:v1"
}
for code in 400 401 403 405 500; do
    it "a HEAD of a blob that is refused ($code) does not stop a push" "pushes blobhead$code"
done
for code in 200 201 202 204; do
    it "a manifest is pushed where $code says so" "pushes put$code"
done
it "… and not where 206 does" 'refused put206'
it "200 for a PATCH counts where its Range says that all is there" 'pushes patch200'
it "… and not where it says that less is, or nothing" 'refused patch200less; refused patchmute'

for coding in aws-chunked utf-8 binary identity ''; do
    it "a Content-Encoding that is none says nothing: '$coding'" "twice 'coding$coding'"
done
it "gzip around a blob is not undone" 'expect_errno EBADMSG write "$M/ctl/pull" "$H/packed:v1"'
it "every request tells servers not to compress" 'eq "$(jq -r ".headers | select(.\"user-agent\" | startswith(\"imagefs\")) | .\"accept-encoding\"" "$H_LOG" | sort -u)" identity'
for n in 0 1 2 3 4 5 6; do
    it "the Content-Type of a manifest may say nothing ($n)" "twice type$n"
done

referrers_of() { # NAME: how many
    cat "$I/$1/v1/config.json" >/dev/null
    ls "$I/$1/$(readlink "$I/$1/v1")/referrers" | wc -l
}
for code in 401 403; do
    it "a tag that is not there may be denied ($code)" "eq \"\$(referrers_of missing$code)\" 1"
done
for code in 400 401 403 404 405 406 410 501; do
    it "a list of referrers that is refused ($code) leaves the tags" "eq \"\$(referrers_of list$code)\" 1"
done
for what in 401 403 -digest; do
    it "an index is attached by a tag that was not there: $what" "
        pull \"\$H/attach$what:v1\" >/dev/null
        ctl index \"\$H/attach$what:v1\" >/dev/null
        digest=\$(readlink \"\$I/attach$what/v1\")
        eq \"\$(curl -sf \"http://\$H/v2/attach$what/manifests/sha256-\${digest#*:}\" | jq -r '.manifests[].artifactType')\" application/vnd.amazon.soci.index.v1+json
    "
done

# --- credentials ---------------------------------------------------------------------------------

# Another file each time: what was had by the last one does not count any more.
login() { # JQ: ann's credentials, and what else the file has
    jq -n --arg host "$H" --arg auth "$(printf ann:canary-secret | base64)" "{auths: {(\$host): {auth: \$auth}}} $*" >"$HOME/.docker/config.json"
}
fresh() { ctl rmi "$H/$1:v1" >/dev/null 2>&1 || :; }
login
for code in 401 403 404; do
    it "a challenge that stands at /v2/ alone is found: $code" "twice mute$code"
done
printf '#!/bin/sh\necho no agent\nexit 2\n' >"$T/bin/docker-credential-fails"
printf '#!/bin/sh\necho credentials not found in native keychain\nexit 1\n' >"$T/bin/docker-credential-empty"
chmod +x "$T/bin/docker-credential-fails" "$T/bin/docker-credential-empty"
for helper in absent fails; do
    echo "{\"credsStore\": \"$helper\"}" >"$HOME/.docker/config.json"
    it "a helper makes no public image unreachable, and the log has a word of it: $helper" '
        fresh public
        twice public
        grep -q "asked without credentials: error getting credentials" "$T/imagefs.log"'
    it "its error is that of a private image: $helper" '
        for name in private basic; do
            expect_errno EACCES write "$M/ctl/pull" "$H/$name:v1"
            has "$(tail -3 "$M/ctl/pull")" "error getting credentials"
        done'
done
for helper in absent fails empty; do
    login "+ {credsStore: \"$helper\"}"
    it "what is written beside a helper counts where that gives nothing: $helper" '
        for name in private basic; do fresh $name; twice $name; done'
done
printf 'no JSON' >"$HOME/.docker/config.json"
it "a file that is none makes no public image unreachable" 'fresh public; twice public'
mkdir -p "$XDG_RUNTIME_DIR/containers"
jq -n --arg host "$H" --arg auth "$(printf ann:canary-secret | base64 -w 5)"$'\n' '{auths: {($host): {auth: $auth}}}' >"$XDG_RUNTIME_DIR/containers/auth.json"
it "… and hides no other; base64 may come in lines" 'for name in private basic; do fresh $name; twice $name; done'

# --- what an index says of a document ------------------------------------------------------------

it "a wrong size in an index is an error each time, also where the manifest is here" '
    for i in 1 2; do expect_errno EBADMSG write "$M/ctl/pull" "$H/size:wrong"; done
    pull "$H/size:right" >/dev/null
    for i in 1 2; do expect_errno EBADMSG write "$M/ctl/pull" "$H/size:wrong"; done
    expect_errno EBADMSG stat "$I/size/wrong/config.json"
    eq "$(cat "$I/size/right/rootfs/file")" small'
it "a wrong size of a config too" '
    for i in 1 2; do expect_errno EBADMSG write "$M/ctl/pull" "$H/size:config"; done
    pull "$H/size:config-here" >/dev/null
    for i in 1 2; do expect_errno EBADMSG write "$M/ctl/pull" "$H/size:config"; done
    eq "$(cat "$I/size/config-here/rootfs/file")" config'
it "no password is in the log or the store, and the store is valid" '
    fails grep -aq canary "$T/imagefs.log"
    fails grep -raq canary "$STORE"
    valid_store'
