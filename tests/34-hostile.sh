#!/bin/bash
# SPDX-License-Identifier: MIT
# A registry that wants the password, or wants the client busy for ever, gets neither.
. "$(dirname "$0")/lib.sh"
need_fuse
have openssl || skip_all "no openssl"
make_certificates
# The other origin: it challenges everybody, and whatever it is sent is in its log.
cat >"$T/images.py" <<'END'
from oci import *
def image(name):
    """One of its own for every repository: what the store has is not asked for again."""
    return Image([Layer([f("file", name * 20000)], "plain")])
def blob(name):
    return image(name).layers[0].digest
END
PYTHONPATH=$T:$HERE
hostile other <<'END'
from images import *
for name in "secure", "redirect", "userinfo":
    serve("app", "v1", image(name))
on("", call=lambda r: None if "/blobs/" in r["path"] else dict(status=401, headers={"WWW-Authenticate": 'Basic realm="give"'}))
on("GET /token", status=200, body=b'{"token": "stolen"}')
END
OTHER=$H OTHER_LOG=$H_LOG
hostile secure --tls "$T/server.crt" "$T/server.key" <<'END'
from images import *
serve("app", "v1", image("secure"))
serve("basic", "v1", image("basic"))
def basic(request):
    if "authorization" not in request["headers"]:
        return dict(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
on("/v2/", call=basic)
on("GET /v2/app/blobs/" + blob("secure"), redirect="http://" + env["OTHER"] + "/v2/app/blobs/" + blob("secure"))
END
SECURE=$H SECURE_LOG=$H_LOG
hostile <<'END'
from images import *
other = "http://" + env["OTHER"]

def asks(name, challenge, **how):
    """A repository that wants credentials, and does `how` to who brings some."""
    serve(name, "v1", image(name))
    def call(request):
        if "authorization" not in request["headers"]:
            return dict(status=401, headers={"WWW-Authenticate": challenge})
        if "/blobs/" + blob(name) in request["path"]:
            return how
    on(f"/v2/{name}/", call=call)

mine = 'Basic realm="x"'
asks("redirect", mine, redirect=other + "/v2/app/blobs/" + blob("redirect"))
asks("loop", mine, redirect="/v2/loop/blobs/" + blob("loop"))
for scheme in ("file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "data:text/plain,x", "imap://127.0.0.1/x"):
    asks(scheme.split(":")[0], mine, redirect=scheme)
asks("userinfo", mine, redirect="http://user:pw@" + env["OTHER"] + "/v2/app/blobs/" + blob("userinfo"))
asks("metadata", mine, redirect="http://169.254.169.254/latest/meta-data/")
serve("challenge-there", "v1", image("challenge-there"))
on("/v2/challenge-there/", redirect=other + "/v2/app/manifests/v1")
for name, realm in (("realm-other", "http://elsewhere.invalid/token"), ("realm-metadata", "http://169.254.169.254/token"),
                    ("realm-userinfo", "http://a:b@" + env["OTHER"] + "/token"), ("realm-file", "file:///etc/passwd"),
                    ("realm-zero", "http://0.0.0.0:" + env["OTHER"].split(":")[1] + "/token"),
                    ("realm-mapped", "http://[::ffff:127.0.0.1]:" + env["OTHER"].split(":")[1] + "/token"),
                    ("realm-localhost", "http://localhost:" + env["OTHER"].split(":")[1] + "/token")):
    asks(name, f'Bearer realm="{realm}",service="x"')
asks("storm", mine)
on("/v2/storm/", status=401, headers={"WWW-Authenticate": mine})
on("/v2/token-storm/", status=401, headers={"WWW-Authenticate": f'Bearer realm="http://{HOST}/token",service="x"'})
on("GET /token", status=200, body=b'{"token": "t"}')
asks("realm-redirect", f'Bearer realm="http://{HOST}/redirect-token",service="x"')
on("GET /redirect-token", redirect=other + "/token")
serve("link", "v1", image("link"))
on("/v2/link/tags", status=200, body=b'{"name":"link","tags":["v1"]}', headers={"Link": f'<{other}/v2/link/tags/list?n=1>; rel="next"'})
serve("link-loop", "v1", image("link-loop"))
on("/v2/link-loop/tags", status=200, body=b'{"name":"link-loop","tags":["v1"]}', headers={"Link": '</v2/link-loop/tags/list?n=1>; rel="next"'})
serve("paged", "v1", image("paged"))
def page(r):
    first = int(r["path"].split("last=t")[1]) + 1 if "last=" in r["path"] else 0
    tags = [f"t{i:04}" for i in range(first, min(first + 100, 2350))] + ["../no", "-tag", 7, None, "a b"]
    more = {"Link": f'</v2/paged/tags/list?n=1000&last=t{first + 99:04}>; rel="next"'} if first + 100 < 2350 else {}
    return dict(status=200, body=json.dumps({"name": "paged", "tags": tags}).encode(), headers=more)
on("/v2/paged/tags", call=page)
serve("half", "v1", image("half"))
on("/v2/half/tags", status=200, body=b'{"tags":["v1"]}', headers={"Link": '</v2/half/tags/list?last=v1>; rel="next"'})
on("/v2/half/tags/list.last=v1", status=401)
on("/v2/endless-body/", endless="body", status=200)
on("/v2/endless-headers/", endless="headers")
on("/v2/endless-error/", endless="body", status=500)
serve("endless-blob", "v1", image("endless-blob"))
on("/v2/endless-blob/blobs/" + blob("endless-blob"), endless="body")
serve("encoded", "v1", image("encoded"))
on("/v2/encoded/blobs/" + blob("encoded"), body=gzip.compress(bytes(1 << 26)), headers={"Content-Encoding": "gzip"})
foreign = Image([Layer([f("x", "y")])])
foreign.manifest_doc["layers"][0] = dict(foreign.manifest_doc["layers"][0], urls=[other + "/foreign"],
    mediaType="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")
serve("foreign", "v1", foreign.seal())
on("/v2/foreign/blobs/" + foreign.layers[0].digest, status=404)
serve("escape", "v1", image("escape"))
control = Image([Layer([f("x")])])
control.config_doc["history"][0]["created_by"] = "RUN \x1b[31mred\nTAG  forged  line\r"
serve("control", "v1", control.seal())
END
mkdir -p "$HOME/.docker"
printf 'machine 127.0.0.1 login ann password canary-netrc\n' >"$HOME/.netrc"
chmod 600 "$HOME/.netrc"
jq -n --arg a "$H" --arg b "$SECURE" --arg auth "$(printf ann:canary-secret | base64)" \
    '{auths: {($a): {auth: $auth}, ($b): {auth: $auth}}}' >"$HOME/.docker/config.json"
mount_store
secrets() { jq -r 'select(.headers.authorization) | "\(.path) \(.headers.authorization)"' "$1"; }
rss() { awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$(pid_of imagefs)/status"; }

it "a redirect to another origin is followed without the Authorization header" '
    pull "$H/redirect:v1" >/dev/null
    grep -q /v2/app/blobs/ "$OTHER_LOG"
    [ -n "$(secrets "$H_LOG")" ]
    eq "$(secrets "$OTHER_LOG")" ""
'
it "https does not go down to http" '
    fails pull "$SECURE/app:v1"
    eq "$(secrets "$OTHER_LOG")" ""
'
it "https to the loopback works as such" 'pull "$SECURE/basic:v1"'
for scheme in file ftp gopher data imap; do
    it "a redirect to $scheme: is refused" 'expect_errno EPROTO write "$M/ctl/pull" "$H/'$scheme':v1"'
done
it "a redirect with a user in it is refused" 'expect_errno EPROTO write "$M/ctl/pull" "$H/userinfo:v1"'
it "a redirect to the address of cloud metadata is refused" 'matches "$(errno_of write "$M/ctl/pull" "$H/metadata:v1")" "EPROTO|EHOSTUNREACH"'
it "a redirect loop ends" '
    expect_errno EPROTO write "$M/ctl/pull" "$H/loop:v1"
    [ "$(asked "GET /v2/loop/blobs")" -le 60 ]
'
it "a challenge behind a redirect gets no password" '
    fails pull "$H/challenge-there:v1" 2>/dev/null
    eq "$(secrets "$OTHER_LOG")" ""
'
for realm in other metadata userinfo file zero mapped localhost; do
    it "a token realm that is not the registry's gets no password: $realm" '
        fails pull "$H/realm-'$realm':v1" 2>/dev/null || :
        eq "$(secrets "$OTHER_LOG")" ""
    '
done
it "a token server's redirect is not followed with the password" '
    fails pull "$H/realm-redirect:v1" 2>/dev/null || :
    eq "$(secrets "$OTHER_LOG")" ""
'
it "a storm of 401 ends" '
    expect_errno EACCES write "$M/ctl/pull" "$H/storm:v1"
    expect_errno EACCES write "$M/ctl/pull" "$H/token-storm:v1"
    [ "$(asked "/v2/storm/")" -le 12 ]
    [ "$(asked "/v2/token-storm/")" -le 12 ]
'
it "tags come in as many pages as there are, and what is no tag is left out" '
    eq "$(cat "$M/images/$H/paged/.tags")" "$(seq -f "t%04g" 0 2349)"
    eq "$(asked "GET /v2/paged/tags")" 24
    eq "$(asked "GET /v2/paged/tags/list.n=1000$")" 1
'
it "a list of tags of which a page is missing is no list" '
    expect_errno EACCES read "$M/images/$H/half/.tags"
'
it "pages of tags on another origin are not asked for" '
    before=$(wc -l <"$OTHER_LOG")
    cat "$M/images/$H/link/.tags" >/dev/null || :
    eq "$(wc -l <"$OTHER_LOG")" "$before"
'
it "pages of tags that lead to themselves end" '
    cat "$M/images/$H/link-loop/.tags" >/dev/null || :
    [ "$(asked "link-loop/tags")" -le 1000 ]
'
for what in body headers error; do
    it "an endless answer is cut: $what" '
        expect_errno EPROTO write "$M/ctl/pull" "$H/endless-'$what':v1"
    '
done
it "an endless blob is cut at its size" 'matches "$(errno_of write "$M/ctl/pull" "$H/endless-blob:v1")" "EBADMSG|EPROTO"'
it "a content coding on a blob is not undone" 'matches "$(errno_of write "$M/ctl/pull" "$H/encoded:v1")" "EBADMSG|EPROTO"'
it "a layer that is to come from elsewhere is not fetched" '
    before=$(wc -l <"$OTHER_LOG")
    fails pull "$H/foreign:v1" 2>/dev/null
    eq "$(wc -l <"$OTHER_LOG")" "$before"
'
it "control characters of an image do not forge lines of a table" '
    pull "$H/control:v1" >/dev/null
    eq "$(wc -l <"$M/images/$H/control/v1/history")" 3
    fails grep -q "^TAG" "$M/images/$H/control/v1/history"
'
it "memory stayed small" '[ "$(rss)" -le $((300 * TIMEOUT_FACTOR)) ]'
it "the password went to its registries only, .netrc nowhere, and is in no log" '
    eq "$(secrets "$OTHER_LOG")" ""
    fails grep -q canary-netrc "$H_LOG" "$OTHER_LOG" "$SECURE_LOG"
    for file in pull events jobs stats; do fails grep -aq canary "$M/ctl/$file"; done
    fails grep -aq canary "$T/imagefs.log"
    fails grep -raq canary "$STORE"
'
it "the store is valid and works on" '
    valid_store
    pull "$H/escape:v1" >/dev/null
'
