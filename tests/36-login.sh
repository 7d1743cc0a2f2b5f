#!/bin/bash
# SPDX-License-Identifier: MIT
# login and logout; and no secret anywhere but in auth.json.
. "$(dirname "$0")/lib.sh"
need_fuse
CANARY=canary-secret
start_registry basic htpasswd
B=$R
AUTH=ann:$CANARY push_image app v1 >/dev/null
start_registry open
O=$R
start_registry token token
K=$R
start_registry tls tls htpasswd
S=localhost:${R##*:}
mount_store
login() { # USER SERVER SECRET: the answer, or the errno
    python3 - "$M/ctl/login" "-u $1 $2" "$3" <<'P'
import errno, os, sys
path, line, secret = sys.argv[1:]
fd = os.open(path, os.O_RDWR)
status = 0
try:
    os.write(fd, f"{line}\n".encode())
    os.write(fd, f"{secret}\n".encode())
except OSError as e:
    print(errno.errorcode[e.errno], file=sys.stderr)
    status = 1
while data := os.read(fd, 65536):
    sys.stdout.buffer.write(data)
sys.exit(status)
P
}

it "logout of what was never there: docker does not mind, and nothing is written" '
    eq "$(ctl logout "$B")" "Removing login credentials for $B"
    [ ! -e "$STORE/auth.json" ]
'
it "a wrong password is EACCES, and stores nothing" '
    login ann "$B" wrong >"$T/out" 2>"$T/err" && fail "it should not"
    eq "$(cat "$T/err")" EACCES
    grep -q "failed with status: 401 Unauthorized" "$T/out"
    [ ! -e "$STORE/auth.json" ]
    expect_errno EACCES write "$M/ctl/pull" "$B/app:v1"
'
it "the right one: Login Succeeded, kept 0600 in docker format, and used at once" '
    has "$(login ann "$B" "$CANARY")" "Login Succeeded"
    eq "$(stat -c %a "$STORE/auth.json")" 600
    eq "$(jq -r ".auths[\"$B\"].auth" "$STORE/auth.json")" "$(printf ann:$CANARY | base64)"
    pull "$B/app:v1" >/dev/null
    ctl tag "$B/app:v1" "$B/pushed:v1"
    ctl push "$B/pushed:v1" >/dev/null
'
it "a wrong password afterwards leaves the right one" '
    fails login ann "$B" wrong 2>/dev/null
    eq "$(jq -r ".auths[\"$B\"].auth" "$STORE/auth.json")" "$(printf ann:$CANARY | base64)"
'
it "in one write, with a line end or without" '
    printf "%s\n%s\n" "-u ann $B" "$CANARY" >"$M/ctl/login"
    printf "%s\n%s" "-u ann --password-stdin $B" "$CANARY" >"$M/ctl/login"
    printf "%s\r\n%s\r\n" "-u ann $B" "$CANARY" >"$M/ctl/login"
    { echo "-u ann $B"; echo "$CANARY"; } >"$M/ctl/login"
'
it "a token server is asked with it" '
    login ann "$K" wrong >/dev/null 2>"$T/err" && fail "it should not"
    eq "$(cat "$T/err")" EACCES
    has "$(login ann "$K" "$CANARY")" "Login Succeeded"
'
it "over TLS" 'has "$(login ann "$S" "$CANARY")" "Login Succeeded"'
it "mistakes in docker words" '
    expect_errno EINVAL write "$M/ctl/login" "-u ann -p $CANARY $B"
    printf "%s\n\n" "-u ann $B" >"$M/ctl/login" 2>/dev/null && fail "an empty password"
    grep -q "password is empty" "$M/ctl/login"
    printf "%s\n%s\n" "$B" x >"$M/ctl/login" 2>/dev/null && fail "no name"
    grep -q -- "--username to be set" "$M/ctl/login"
    login ann 127.0.0.1:1 x 2>"$T/err" >/dev/null && fail "nobody there"
    matches "$(cat "$T/err")" "ECONNREFUSED"
'
it "a server whose name can be none is told" '
    for server in "a b" localhost:99999 "x?y" "http://"; do
        login ann "\"$server\"" "$CANARY" >"$T/out" 2>"$T/err" && fail "it should not: $server"
        eq "$server $(cat "$T/err")" "$server EINVAL"
    done
'
it "a server that is no registry is told" '
    port=$(free_port)
    mkdir "$T/www"
    start www python3 -m http.server --bind 127.0.0.1 --directory "$T/www" "$port"
    until_true 5 "answers $port"
    login ann "127.0.0.1:$port" "$CANARY" >"$T/out" 2>"$T/err" && fail "it should not"
    eq "$(cat "$T/err")" EPROTO
    eq "$(cat "$T/out")" "login attempt to http://127.0.0.1:$port/v2/ failed with status: 404 Not Found"
    stop www
'
it "two at once lose nothing" '
    for i in 1 2 3 4; do login ann "$B" "$CANARY" >/dev/null & login ann "$K" "$CANARY" >/dev/null & done
    wait
    eq "$(jq -r ".auths | keys | length" "$STORE/auth.json")" 3
'
it "what is malformed is left alone" '
    cp "$STORE/auth.json" "$T/auth.json"
    echo "{broken" >"$STORE/auth.json"
    login ann "$B" "$CANARY" >/dev/null 2>"$T/err" && fail "it should not"
    eq "$(cat "$T/err")" EACCES
    eq "$(cat "$STORE/auth.json")" "{broken"
    cp "$T/auth.json" "$STORE/auth.json"
'
it "logout forgets, at once" '
    eq "$(ctl logout "$B")" "Removing login credentials for $B"
    eq "$(jq -r ".auths[\"$B\"]" "$STORE/auth.json")" null
    expect_errno EACCES write "$M/ctl/pull" "$B/app:v1"
    eq "$(ctl logout "$B")" "Removing login credentials for $B"
    has "$(ctl logout)" "https://index.docker.io/v1/"
'
it "a credential helper keeps it, where a file names one" '
    mkdir -p "$T/bin" "$HOME/.docker"
    cat >"$T/bin/docker-credential-test" <<"P"
#!/bin/sh
case $1 in
store) cat >"$KEPT"; [ -z "${LOCKED:-}" ] || { [ "$LOCKED" = 1 ] && echo "no keyring" || cat "$KEPT"; rm "$KEPT"; exit 1; } ;;
get) cat >/dev/null; [ -e "$KEPT" ] && cat "$KEPT" || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) cat >/dev/null; rm -f "$KEPT" ;;
esac
P
    chmod +x "$T/bin/docker-credential-test"
    unmount_store
    echo "{\"credHelpers\": {\"$B\": \"test\"}}" >"$HOME/.docker/config.json"
    KEPT=$T/kept PATH=$T/bin:$PATH mount_store
    eq "$(login ann "$B" "$CANARY")" "Login Succeeded"
    eq "$(jq -r .Secret "$T/kept")" "$CANARY"
    eq "$(jq -c ".auths[\"$B\"]" "$STORE/auth.json")" "{}"
    pull "$B/app:v1" >/dev/null
    ctl logout "$B" >/dev/null
    [ ! -e "$T/kept" ]
    rm "$HOME/.docker/config.json"
'
it "which helper that is remains the user's: logout does not touch it, and login needs no entry for it" '
    for named in "{\"credHelpers\": {\"$B\": \"test\"}}" "{\"credsStore\": \"test\"}"; do
        echo "$named" >"$T/config.json"
        unmount_store
        KEPT=$T/kept PATH=$T/bin:$PATH mount_store -o auth="$T/config.json"
        for i in 1 2; do
            eq "$(login ann "$B" "$CANARY")" "Login Succeeded"
            eq "$(jq -c "del(.auths)" "$T/config.json")" "$(jq -c . <<<"$named")"
            [ -e "$T/kept" ]
            ctl logout "$B" >/dev/null
            eq "$(jq -c "del(.auths)" "$T/config.json")" "$(jq -c . <<<"$named")"
            [ ! -e "$T/kept" ]
        done
    done
'
it "logout of what docker has given to a helper: forgotten, at once" '
    jq -n --arg host "$B" --arg secret "$CANARY" "{ServerURL: \$host, Username: \"ann\", Secret: \$secret}" >"$T/kept"
    pull "$B/app:v1" >/dev/null
    ctl logout "$B" >/dev/null
    [ ! -e "$T/kept" ]
    expect_errno EACCES write "$M/ctl/pull" "$B/app:v1"
'
it "a helper that cannot keep it: its words, in docker's" '
    unmount_store
    LOCKED=1 KEPT=$T/kept PATH=$T/bin:$PATH mount_store -o auth="$T/config.json"
    login ann "$B" "$CANARY" >"$T/out" 2>"$T/err" && fail "it should not"
    eq "$(cat "$T/err")" EACCES
    grep -q "error storing credentials - err: exit status 1, out: .no keyring." "$T/out"
    eq "$(jq -c .auths "$T/config.json")" "{}"
    unmount_store
    LOCKED=loud KEPT=$T/kept PATH=$T/bin:$PATH mount_store -o auth="$T/config.json"
    for secret in "$CANARY" "$CANARY\"\\"; do
        login ann "$O" "$secret" >"$T/out" 2>/dev/null && fail "it should not"
        grep -q "error storing credentials - err: exit status 1, out: ..$" "$T/out"
        ! cat "$M"/ctl/* "$T/imagefs.log" | grep -F "$CANARY" || fail "$secret"
    done
    unmount_store
    mount_store
'
it "who mistakes the form of a login tells nobody the secret" '
    for line in "-u ann $B $CANARY" "-w$CANARY -u ann $B" "-u ann --password-stdin=$CANARY $B" "-u ann -p$CANARY $B" \
        "-u ann https://ann:$CANARY@$B/" "-u ann:$CANARY $B" "ann $CANARY" "$CANARY" "---$CANARY"; do
        printf "%s\n%s\n" "$line" "$CANARY" >"$M/ctl/login" 2>/dev/null && fail "taken: $line"
        expect_errno EINVAL write "$M/ctl/login" "$line"
    done
    expect_errno EINVAL read "$M/ctl/login?-u ann -p $CANARY $B"
    { printf "%s\n" "-u ann $B"; printf "%s" canary-; echo "$CANARY"; } >"$M/ctl/login" 2>/dev/null || :
    (($(grep -c "^....-.*login" "$M/ctl/login") > 5))
    ! cat "$M"/ctl/* | grep -F "$CANARY" || fail ctl
    ! grep -F "$CANARY" "$T/imagefs.log" || fail log
'
it "no secret in any file of the mount, the log, the events, the arguments, the store but auth.json" '
    login ann "$B" "$CANARY" >/dev/null
    login ann "$B" "not-$CANARY" >/dev/null 2>&1 || :
    pull "$B/app:v1" >/dev/null
    for secret in "$CANARY" "$(printf ann:$CANARY | base64)"; do
        ! cat "$M"/ctl/* | grep -F "$secret" || fail ctl
        ! grep -rF "$secret" "$M/README" "$M/images" || fail images
        ! grep -F "$secret" "$T/imagefs.log" || fail log
        ! tr "\0" "\n" <"/proc/$(pid_of imagefs)/cmdline" | grep -F "$secret" || fail arguments
        eq "$(grep -rlF "$secret" "$STORE" | grep -v auth.json)" ""
    done
'
finish
