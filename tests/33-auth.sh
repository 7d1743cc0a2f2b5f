#!/bin/bash
# SPDX-License-Identifier: MIT
# Logging in: Basic and tokens, docker's and containers' files, helpers, TLS. No password where none belongs.
. "$(dirname "$0")/lib.sh"
need_fuse
mkdir -p "$T/bin" "$HOME/.docker" "$XDG_RUNTIME_DIR/containers"
PATH=$T/bin:$PATH
cat >"$T/bin/docker-credential-test" <<'END'
#!/bin/sh
# A credential helper: $T/helper.json is its answer; without it, it knows nothing.
read -r server
echo "$1 $server" >>"$T/helper.log"
[ -e "$T/helper.json" ] && exec cat "$T/helper.json"
echo "credentials not found in native keychain"
exit 1
END
chmod +x "$T/bin/docker-credential-test"
BASIC=$(printf ann:canary-secret | base64)
WRONG=$(printf ann:canary-wrong | base64)
start_registry basic htpasswd
AUTH=ann:canary-secret push_image app v1 >/dev/null
B=$R
auths() { jq -n --arg host "$1" --arg auth "$2" '{auths: {($host): {auth: $auth}}}'; }
clean() { rm -f "$HOME/.docker/config.json" "$XDG_RUNTIME_DIR/containers/auth.json" "$T/helper.json" "$T/helper.log"; }
works() { pull "$1" >"$T/out" 2>&1 || { cat "$M/ctl/pull"; return 1; }; }
refused() { # REFERENCE [SENTENCE]
    expect_errno EACCES write "$M/ctl/pull" "$1"
    matches "$(tail -4 "$M/ctl/pull")" "${2:-denied|unauthorized|authentication|credentials}"
}
mount_store

it "without credentials: EACCES, and it says how to log in" 'refused "$B/app:v1"'
it "a lookup without credentials is EACCES" 'expect_errno EACCES stat "$M/images/$B/app/v1/config.json"'
it "docker's config.json is used, also when it comes while the mount is up" '
    auths "$B" "$BASIC" >"$HOME/.docker/config.json"
    works "$B/app:v1"
    clean
'
it "a wrong password: EACCES" '
    auths "$B" "$WRONG" >"$HOME/.docker/config.json"
    refused "$B/app:v2"
    clean
'
it "a key with a scheme and a path is found by its host" '
    auths "http://$B/v1/" "$BASIC" >"$HOME/.docker/config.json"
    works "$B/app:v1"
    clean
'
it "credHelpers of the host are asked, with the bare host" '
    jq -n --arg host "$B" "{credHelpers: {(\$host): \"test\"}}" >"$HOME/.docker/config.json"
    printf "{\"ServerURL\":\"%s\",\"Username\":\"ann\",\"Secret\":\"canary-secret\"}" "$B" >"$T/helper.json"
    works "$B/app:v1"
    eq "$(sort -u "$T/helper.log")" "get $B"
    clean
'
it "credsStore is asked" '
    echo "{\"credsStore\": \"test\"}" >"$HOME/.docker/config.json"
    printf "{\"ServerURL\":\"%s\",\"Username\":\"ann\",\"Secret\":\"canary-secret\"}" "$B" >"$T/helper.json"
    works "$B/app:v1"
    clean
'
it "a helper that knows nothing means anonymous" '
    echo "{\"credsStore\": \"test\"}" >"$HOME/.docker/config.json"
    refused "$B/app:v3"
    clean
'
it "auth.json of containers tools is used" '
    auths "$B" "$BASIC" >"$XDG_RUNTIME_DIR/containers/auth.json"
    works "$B/app:v1"
    clean
'
it "auth.json of the store is used" '
    (umask 077; auths "$B" "$BASIC" >"$STORE/auth.json")
    works "$B/app:v1"
    rm "$STORE/auth.json"
'
auths "$B" "$BASIC" >"$T/auth-file.json"
remount_store -o "auth=$T/auth-file.json"
it "auth=FILE is used" 'works "$B/app:v1"'
remount_store
it "credentials of one registry are never sent to another" '
    auths "$B" "$BASIC" >"$HOME/.docker/config.json"
    start other python3 "$HERE/hostile.py" --port "$(free_port | tee "$T/port")" --requests "$T/other.jsonl" /dev/null
    until_true 10 "answers $(cat "$T/port")"
    expect_errno ENOENT write "$M/ctl/pull" "127.0.0.1:$(cat "$T/port")/app:v1"
    [ -s "$T/other.jsonl" ]
    fails grep -i authorization "$T/other.jsonl"
    stop other
    clean
'

# --- tokens ---
start_registry token token
push_with_token() {
    build "write_layout('$T/layout', {'v1': Image([Layer([f('a', '$1')]), Layer([f('b')]), Layer([f('c')])])})"
    skopeo copy -q --insecure-policy --dest-tls-verify=false --dest-creds ann:canary-secret "oci:$T/layout:v1" "docker://$R/$1:v1"
    rm -rf "$T/layout"
}
push_with_token public/app
push_with_token private/app
tokens() { wc -l <"$T/token.jsonl"; }
it "an anonymous token is enough where the registry says so, one for all blobs" '
    before=$(tokens)
    works "$R/public/app:v1"
    eq $(($(tokens) - before)) 1
'
it "a private repository is EACCES without credentials" 'refused "$R/private/app:v1"'
it "with credentials it pulls" '
    auths "$R" "$BASIC" >"$HOME/.docker/config.json"
    works "$R/private/app:v1"
    eq "$(cat "$M/images/$R/private/app/v1/rootfs/a")" private/app
    clean
'
it "an identity token of a helper gets its tokens by OAuth2" '
    jq -n --arg host "$R" "{credHelpers: {(\$host): \"test\"}}" >"$HOME/.docker/config.json"
    printf "{\"ServerURL\":\"%s\",\"Username\":\"<token>\",\"Secret\":\"canary-refresh\"}" "$R" >"$T/helper.json"
    remount_store -s "$T/store2"
    works "$R/private/app:v1"
    grep -q refresh_token "$T/token.jsonl"
    unmount_store
    clean
'
stop token
stop token-server
mount_store

# --- TLS ---
start_registry tls tls htpasswd
TLS=$R
PORT=${R##*:}
curl -s --cacert "$T/ca.crt" -u ann:canary-secret "https://$TLS/v2/" >/dev/null
build "write_layout('$T/layout', {'v1': Image([Layer([f('tls', 'yes')])])})"
mkdir "$T/ca"
cp "$T/ca.crt" "$T/ca/ca.crt"
skopeo copy -q --insecure-policy --dest-cert-dir "$T/ca" --dest-creds ann:canary-secret "oci:$T/layout:v1" "docker://$TLS/app:v1"
# Names below .localhost lead to the loopback and are not the loopback by their name: certificates count there.
N=registry.localhost:$PORT
auths "$N" "$BASIC" >"$HOME/.docker/config.json"
it "a certificate of an unknown authority is refused, and no password is sent" '
    lines=$(wc -l <"$T/tls.log")
    expect_errno EHOSTUNREACH write "$M/ctl/pull" "$N/app:v1"
    matches "$(tail -4 "$M/ctl/pull")" "certificate"
    fails grep -q "GET /v2/app" <(tail -n "+$((lines + 1))" "$T/tls.log")
'
if [[ -w /etc ]]; then
    CERTS=/etc/docker/certs.d/$N
    CREATED=$(for d in /etc/docker /etc/docker/certs.d; do [[ -e $d ]] || echo "$d"; done)
    mkdir -p "$CERTS"
    cp "$T/ca.crt" "$CERTS/ca.crt"
    it "with the authority in /etc/docker/certs.d, a certificate for another name is still refused" '
        remount_store
        expect_errno EHOSTUNREACH write "$M/ctl/pull" "$N/app:v1"
        matches "$(tail -4 "$M/ctl/pull")" "certificate|subject|name"
        unmount_store
    '
    openssl x509 -req -in "$T/server.csr" -CA "$T/ca.crt" -CAkey "$T/ca.key" -CAcreateserial -days 2 -out "$T/server.crt" \
        -extfile <(echo "subjectAltName=DNS:registry.localhost") 2>/dev/null
    stop tls
    start tls docker-registry serve "$T/tls.yml"
    until_true 20 "answers $PORT"
    remount_store
    it "with the right name and the authority in certs.d it pulls" '
        works "$N/app:v1"
        eq "$(cat "$M/images/$N/app/v1/rootfs/tls")" yes
    '
    rm -rf "$CERTS"
    for d in $(tac <<<"$CREATED"); do rmdir "$d" 2>/dev/null || :; done
else
    skip "a certificate authority in /etc/docker/certs.d" "cannot write to /etc"
fi
remount_store -s "$T/store3" -o "insecure=$N"
it "insecure=HOST takes any certificate" 'works "$N/app:v1"'
it "no password is in the log, the events, the control files or the store" '
    for file in pull events jobs stats; do fails grep -aq canary "$M/ctl/$file"; done
    fails grep -aq -e canary -e "$BASIC" "$T/imagefs.log"
    fails grep -raq -e canary -e "$BASIC" "$STORE" "$T/store3"
'
