# SPDX-License-Identifier: MIT
# lib.sh: sourced by every test. Gives it a scratch directory, registries, mounts and checks, and cleans up.
#
#     . "$(dirname "$0")/lib.sh"
#     start_registry
#     push_case basics
#     mount_store
#     it "a tag is a symlink" '[ -L "$M/images/$R/cases/basics/v1" ]'
#
# $T scratch directory  $M mount point  $STORE the store  $R host:port of the registry  $R_LOG its log
#
# What follows `it` is a piece of bash in a subshell (-euo pipefail, a time limit), so that no check can hang or
# end the test. Programs have all variables (set -a), and no function: an environment of 10 kB makes each start of a
# program a fourth dearer.
set -euo pipefail
set -a

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=$(cd "$HERE/.." && cd "${BUILD:-build}" && pwd)
IMAGEFS=$BUILD/imagefs
T=${TEST_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/imagefs-test.XXXXXX")}
IMAGEFS_TEST=${IMAGEFS_TEST:-$$.$RANDOM}
TIMEOUT_FACTOR=${TIMEOUT_FACTOR:-1}
CHECK_LIMIT=${CHECK_LIMIT:-300}
M=$T/mnt
STORE=$T/store
SHARED=${SHARED:-$T/shared} # what the tests of one run.sh make once
HOME=$T/home
PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin:$PATH
XDG_RUNTIME_DIR=$T/run
PYTHONPYCACHEPREFIX=$BUILD/pycache
ASAN_OPTIONS=log_path=$T/sanitizer:detect_leaks=1
UBSAN_OPTIONS=log_path=$T/sanitizer:print_stacktrace=1
TSAN_OPTIONS=log_path=$T/sanitizer:halt_on_error=0
CHECKS=0
FAILED=0
mkdir -p "$M" "$HOME" "$XDG_RUNTIME_DIR" "$T/pids"
unset PYTHONDONTWRITEBYTECODE REGISTRY_AUTH_FILE DOCKER_CONFIG DOCKER_AUTH_CONFIG XDG_DATA_HOME XDG_CONFIG_HOME no_proxy http_proxy https_proxy NO_PROXY HTTP_PROXY HTTPS_PROXY

# --- checks --------------------------------------------------------------------------------------

# it WHAT-HOLDS CODE. A fork and no exec: there are two thousand checks. With SAYS=1 its output is shown where it holds, too.
it() {
    local rc=0 pid
    CHECKS=$((CHECKS + 1))
    [[ -n ${WATCH:-} ]] || start_watch
    set -m # a process group of its own, for the watch; and SIGINT is not ignored
    (
        set +am
        trap - EXIT
        unset rc pid
        eval "set --"$'\n'"$2"
    ) >"$T/check.out" 2>&1 </dev/null &
    pid=$!
    set +m
    echo "$pid $((CHECK_LIMIT * TIMEOUT_FACTOR))" 1<>"$T/.watch"
    wait $pid || rc=$?
    echo 1<>"$T/.watch"
    if ((rc == 0)); then
        [[ -z ${SAYS:-} ]] || sed 's/^/# /' "$T/check.out"
        echo "ok $CHECKS - $1"
    else
        FAILED=$((FAILED + 1))
        tail -25 "$T/check.out" | sed 's/^/# /'
        echo "not ok $CHECKS - $1"
    fi
}

# start_watch: what ends a check at its time limit. A line of $T/.watch begins a check, with its process group and its
# limit, and an empty one ends it.
start_watch() {
    local watch
    mkfifo "$T/.watch"
    exec {watch}<>"$T/.watch"
    (
        set +e
        trap - EXIT
        while read -r pid limit; do
            read -r -t "$limit" && continue
            echo "time limit" >>"$T/check.out"
            kill -TERM -- "-$pid"
            read -r -t 5 && continue
            kill -KILL -- "-$pid"
            read -r
        done
    ) <&"$watch" {watch}<&- >/dev/null 2>&1 &
    WATCH=$!
    disown # no `wait` is for it
    exec {watch}<&-
}

# with_functions COMMAND…: a bash that the program starts has the functions, too.
with_functions() { (export -f $(compgen -A function) && exec "$@"); }

# skip WHAT-HOLDS WHY: counts as skipped.
skip() {
    CHECKS=$((CHECKS + 1))
    echo "ok $CHECKS - $1 # SKIP $2"
}

# skip_all WHY: ends the test.
skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

have() { command -v "$1" >/dev/null; }
# podman and buildah remount / while they unpack a layer, and look for cgroups: not so in a plain chroot.
have_unpacker() { have "$1" && mountpoint -q / && mountpoint -q /sys; }

# Assertions, for use inside `it`. Each says what it saw.
fail() {
    echo "$*"
    return 1
}
eq() { # FOUND WANTED
    [[ $1 == "$2" ]] || fail "is: $1"$'\n'"should be: $2"
}
has() { # TEXT PART
    [[ $1 == *"$2"* ]] || fail "is: $1"$'\n'"should contain: $2"
}
hasnt() { # TEXT PART
    [[ $1 != *"$2"* ]] || fail "is: $1"$'\n'"should not contain: $2"
}
matches() { # TEXT EXTENDED-REGEX
    [[ $1 =~ $2 ]] || fail "is: $1"$'\n'"should match: $2"
}
fails() { # COMMAND…
    ! "$@" || fail "should fail: $*"
}

# errno_of OPERATION PATH [ARGUMENT]: the name of the errno that a system call gives, or ok.
errno_of() { python3 -IS "$HERE/syscall.py" "$@"; }
expect_errno() { # ERRNO OPERATION PATH [ARGUMENT]
    local wanted=$1
    shift
    eq "$(errno_of "$@")" "$wanted"
}

# until_true SECONDS CODE: waits for it to hold: so long, and for as many tries as fit into that where nothing else runs.
# On a busy machine each try takes longer, as what is waited for does.
until_true() {
    local end=$((${EPOCHREALTIME/[.,]/} + $1 * TIMEOUT_FACTOR * 1000000)) tries=$(($1 * TIMEOUT_FACTOR * 20))
    until (eval "$2") >/dev/null 2>&1; do
        if ((--tries < 0 && ${EPOCHREALTIME/[.,]/} > end)); then
            fail "never came true: $2"
            return 1
        fi
        pause
    done
}
# pause: 50 ms, without a program that sleeps.
pause() {
    [[ -p $T/.pause ]] || mkfifo "$T/.pause" 2>/dev/null || :
    read -r -t 0.05 _ <>"$T/.pause" || :
}

sha() { sha256sum <"$1" | cut -d' ' -f1; }

# --- processes -----------------------------------------------------------------------------------

# start NAME COMMAND…: in the background, output to $T/NAME.log; $! is its pid, noted for the end.
start() {
    local name=$1
    shift
    "$@" >>"$T/$name.log" 2>&1 </dev/null &
    echo $! >"$T/pids/$name"
}
pid_of() {
    local pid
    read -r pid <"$T/pids/$1" && echo "$pid"
}
alive() { # its state stands behind its name, which may be anything
    local stat
    read -r -d '' stat 2>/dev/null <"/proc/$1/stat" || [[ -n ${stat:-} ]] && [[ ${stat##*) } != [ZX]* ]]
}
gone() { until_true "${2:-10}" "! alive $1"; }

# interrupts VERB NAME SECONDS CONDITION: a write to ctl/VERB ends with Ctrl-C once the condition holds, and its job with it.
interrupts() {
    local pid rc=0
    python3 -c "import os, signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(42))
os.write(os.open(sys.argv[1], os.O_WRONLY), sys.argv[2].encode())" "$M/ctl/$1" "$2" & pid=$!
    until_true "$3" "$4"
    kill -INT $pid
    gone $pid 3
    wait $pid || rc=$?
    eq $rc 42
    until_true 5 "! grep -q $2 \"$M/ctl/jobs\""
}

# stop NAME [SIGNAL]
stop() {
    local pid
    [[ -e $T/pids/$1 ]] || return 0
    pid=$(pid_of "$1")
    kill "-${2:-TERM}" "$pid" 2>/dev/null || :
    gone "$pid" 5 || kill -KILL "$pid" 2>/dev/null || :
    wait "$pid" 2>/dev/null || :
    rm -f "$T/pids/$1"
}

free_port() {
    python3 -ISc 'import _socket; s = _socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# --- registries ----------------------------------------------------------------------------------

# start_registry [NAME] [htpasswd|tls|token]…: a docker-registry; sets R and R_LOG (and for tls
# $T/ca.crt, for token the realm). User and password: ann, canary-secret.
start_registry() {
    have docker-registry || skip_all "docker-registry is not installed"
    local name=${1:-registry} port config kind
    (($# == 0)) || shift
    port=$(free_port)
    config=$T/$name.yml
    cat >"$config" <<END
version: 0.1
log: {level: info, formatter: text}
storage: {filesystem: {rootdirectory: $T/$name.data}, delete: {enabled: true}}
validation: {manifests: {urls: {allow: ["^https://elsewhere.example/"]}}}
http:
  addr: 127.0.0.1:$port
END
    for kind; do
        case $kind in
        tls)
            [[ -e $T/server.crt ]] || make_certificates
            printf '  tls: {certificate: %s, key: %s}\n' "$T/server.crt" "$T/server.key" >>"$config"
            ;;
        esac
    done
    for kind; do
        case $kind in
        htpasswd)
            htpasswd -Bbn ann canary-secret >"$T/htpasswd"
            printf 'auth: {htpasswd: {realm: test, path: %s}}\n' "$T/htpasswd" >>"$config"
            ;;
        token)
            start_token_server
            cat >>"$config" <<END
auth: {token: {realm: "http://127.0.0.1:$TOKEN_PORT/token", service: test, issuer: issuer, rootcertbundle: $T/token.crt}}
END
            ;;
        esac
    done
    R=127.0.0.1:$port
    R_LOG=$T/$name.log
    start "$name" docker-registry serve "$config"
    until_true 20 "answers $port" || { cat "$R_LOG"; return 1; }
}

# rests PID: no thread of it runs, wants to, or waits for the disk.
rests() { ! grep -qs '^State:.[RD]' /proc/"$1"/task/*/status; }

# requests PATTERN: how many requests of the registry's log match (extended regex over method and path). A line may follow
# the answer that it is about.
requests() {
    local name=${R_LOG##*/} pid
    if pid=$(pid_of "${name%.log}" 2>/dev/null); then until_true 20 "rests $pid && rests $pid" >&2 || :; fi
    grep -oE '"(GET|HEAD|PUT|POST|PATCH) [^ ]+ HTTP' "$R_LOG" | tr -d '"' | grep -cE "$1" || :
}

make_certificates() { # a CA and a certificate for localhost and 127.0.0.1 in $T
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout "$T/ca.key" -out "$T/ca.crt" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$T/server.key" -out "$T/server.csr" 2>/dev/null
    openssl x509 -req -in "$T/server.csr" -CA "$T/ca.crt" -CAkey "$T/ca.key" -CAcreateserial -days 2 -out "$T/server.crt" \
        -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") 2>/dev/null
}

start_token_server() { # sets TOKEN_PORT; log: $T/token.jsonl
    TOKEN_PORT=${TOKEN_PORT:-$(free_port)}
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=issuer -keyout "$T/token.key" -out "$T/token.crt" 2>/dev/null
    start token-server python3 "$HERE/token_server.py" "$TOKEN_PORT" "$T/token.key" "$T/token.crt" "$T/token.jsonl"
    until_true 20 "answers $TOKEN_PORT"
}

# hostile [NAME] <<SCENARIO: starts hostile.py; sets H (host:port) and H_LOG (a JSON object per request).
hostile() {
    local name=${1:-hostile} port
    (($# == 0)) || shift
    port=$(free_port)
    cat >"$T/$name.scenario.py"
    H=127.0.0.1:$port
    H_LOG=$T/$name.jsonl
    start "$name" python3 "$HERE/hostile.py" --port "$port" --requests "$H_LOG" "$@" "$T/$name.scenario.py"
    until_true 20 "answers $port" || { cat "$T/$name.log"; return 1; }
}
# asked PATTERN: how many requests of hostile.py's log match. Its lines are read by sed here and below: a jq takes 30 ms to
# start, and the bodies of uploads stand in them.
asked() { heads "$H_LOG" 2>/dev/null | sed -nE 's/^.{,40}"method": "([^"]*)", "path": "([^"]*)".*/\1 \2/p' | grep -cE "$1" || :; }
heads() { cut -b-4096 "$1"; } # a sed takes minutes for lines of megabytes

# build PYTHON…: runs a piece of Python with everything of oci.py in reach.
build() {
    PYTHONPATH=$HERE:$HERE/images python3 -c "from oci import *; R = '${R:-}'; T = '$T'
$1"
}

# push_image REPOSITORY TAG [PYTHON-EXPRESSION]: a small image of two layers, or what the expression gives;
# prints its digest.
push_image() {
    build "print(Registry(R${AUTH:+, '$AUTH'}).push('$1', '$2', ${3:-Image([
        Layer([d('etc'), f('etc/motd', 'hello from $1:$2\n'), f('etc/gone', 'x'), f('secret', 'hunter2')]),
        Layer([wh('etc/gone'), wh('secret'), f('new', 'new\n')])])}))"
}

# --- layers of a hostile registry that come in part ----------------------------------------------

# Of the first layer of REPOSITORY/v1, on the mount.
layer() { of_layer "$1" digest; }
size() { of_layer "$1" size; }
of_layer() { # REPOSITORY FIELD
    local text
    text=$(<"$M/images/$H/$1/v1/manifest.json") || return 1
    [[ ${text#*'"layers":'} =~ \"$2\":\ \"?([^\",[:space:]]+) ]] && echo "${BASH_REMATCH[1]}"
}
root() { echo "$M/images/$H/$1/v1/rootfs"; }
# ranges LOG DIGEST: what was asked for of a blob, a line each: "FIRST-LAST", or "all".
ranges() {
    heads "$1" | sed -nE "/^.{,40}\"method\": \"GET\", \"path\": \"[^\"]*$2\"/ { s/.*\"range\": \"bytes=([^\"]*)\".*/\1/; t found; s/.*/all/; :found; p }"
}
# bytes REPOSITORY: the sum of what was asked for of its layer; fails where all of it was, in one piece.
bytes() {
    ranges "$H_LOG" "$(layer "$1")" |
        awk -F- -v size="$(size "$1")" '/all/ { exit 1 } { n += ($2 == "" ? size : $2 + 1) - $1 } END { print n + 0 }'
}

# --- mounts --------------------------------------------------------------------------------------

need_fuse() {
    [[ -x $IMAGEFS ]] || skip_all "$IMAGEFS is not built"
    [[ -r /dev/fuse && -w /dev/fuse ]] || skip_all "/dev/fuse is not there, or not for $(id -un)"
}

# A FUSE mount that answers: statfs is never cached, as names and attributes are, also of a dead mount.
mounted() { [[ $(stat -f -c %t "${1:-$M}" 2>/dev/null) == 65735546 ]]; }

# mount_store [-s STORE] [-m MOUNTPOINT] [ARGUMENTS…]: in the foreground, so that its messages are in
# $T/imagefs.log (NAME=… names another one).
mount_store() {
    local store=$STORE point=$M name=${NAME:-imagefs}
    need_fuse
    while [[ ${1:-} == -[sm] ]]; do
        [[ $1 == -s ]] && store=$2 || point=$2
        shift 2
    done
    mkdir -p "$point" 2>/dev/null || : # a dead mount is no directory
    start "$name" "$IMAGEFS" "$store" "$point" -f "$@"
    until_true 20 "mounted '$point' || ! alive $(pid_of "$name")"
    mounted "$point" || { echo "# $(tail -5 "$T/$name.log")"; echo "not ok - mounts"; exit 1; }
}

# unmount_store [-m MOUNTPOINT]: and waits for the process (NAME=…).
unmount_store() {
    local point=$M name=${NAME:-imagefs}
    [[ ${1:-} != -m ]] || point=$2
    [[ -e $T/pids/$name ]] || return 0
    umount "$point" 2>/dev/null || fusermount3 -u "$point" || umount -l "$point" || :
    gone "$(pid_of "$name")" 5 || kill -KILL "$(pid_of "$name")" || :
    wait "$(pid_of "$name")" 2>/dev/null || :
    rm -f "$T/pids/$name"
}
remount_store() {
    unmount_store
    mount_store "$@"
}

# pull ARGUMENTS: one request to ctl/pull; prints the answer; fails with its errno's name on standard error.
pull() { ctl pull "$@"; }
# ctl VERB LINE…
ctl() {
    local verb=$1
    shift
    python3 -IS "$HERE/syscall.py" request "${POINT:-$M}/ctl/$verb" "$*"
}

# stat_value 'imagefs_fuse_requests_total{op="open"}': a number of ctl/stats (0 where it is not there).
stat_value() {
    awk -v key="$1" '$1 == key { n = $2 } END { print n + 0 }' "$M/ctl/stats"
}

# valid_store [STORE]: an OCI layout of whole blobs, that skopeo reads by every name.
valid_store() {
    python3 "$HERE/check_store.py" "${1:-$STORE}"
}

# --- the end -------------------------------------------------------------------------------------

finish() {
    local rc=$? mount name
    set +e
    [[ -z ${WATCH:-} ]] || kill -KILL "$WATCH" 2>/dev/null
    for mount in $(awk -v dir="$T/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | tac); do
        umount "$mount" 2>/dev/null || fusermount3 -u "$mount" 2>/dev/null || umount -l "$mount"
    done
    for name in "$T"/pids/*; do
        [[ ! -e $name ]] || stop "$(basename "$name")"
    done
    [[ -z ${WATCH:-} ]] || gone "$WATCH"
    if ((rc != 0 || FAILED > 0)) && [[ -s $T/imagefs.log ]]; then
        tail -n 20 "$T/imagefs.log" | sed 's/^/# imagefs: /'
    fi
    if compgen -G "$T/sanitizer.*" >/dev/null; then
        cat "$T"/sanitizer.* | sed -n '1,60s/^/# /p'
        echo "not ok - no sanitizer finds anything"
        FAILED=$((FAILED + 1))
    fi
    [[ -n ${KEEP:-} ]] && echo "# kept: $T" || rm -rf --one-file-system "$T"
    ((rc != 0 || FAILED == 0)) || rc=1
    exit $rc
}
export -nf $(compgen -A function)
# SIGTERM comes here, too. A trap of its own would be passed on by fork, and swallow a signal for a child that has not
# come to its program.
trap finish EXIT
