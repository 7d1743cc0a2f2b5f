#!/bin/bash
# SPDX-License-Identifier: MIT
# Blobs over real networks: several connections where one is slow, answers to ranges that are odd, targets of redirects
# and tokens that end in the middle of a read, and how often a first read waits for the registry.
. "$(dirname "$0")/lib.sh"
need_fuse
export T PYTHONPATH=$T:$HERE
cat >"$T/samples.py" <<'END'
import json, random, re
from lazy import *

BIG = 14_000_000
FILES = 30

def noise(name, *sizes):
    dice = random.Random(name)
    return [dice.randbytes(size) for size in sizes]

def big(name):
    """A layer that is worth several connections; one of its own for every name."""
    return Image([Layer([f(f"part{i}", x) for i, x in enumerate(noise(name, *[BIG // 4] * 4))], "plain")])

def small(name):
    return Image([Layer([f("data", *noise(name, 400_000))], "plain")])

def lazy(name):
    return TableImage([TableLayer([f(f"{i:02}", x) for i, x in enumerate(noise(name, *[3000] * FILES))], "chunked")])

def first_of(request):
    """Where the range begins; None: there is none."""
    found = re.match(r"bytes=(\d+)-", request["headers"].get("range", ""))
    return int(found[1]) if found else None
END
sample() { python3 -c "import sys
from samples import *
sys.stdout.buffer.write($1)"; }

# Slow on each connection: two megabytes a second.
hostile slow <<'END'
from samples import *
SLOW = dict(drip=(65536, 0.03))

def slow(name, call=lambda request: None):
    image = big(name)
    serve(name, "v1", image)
    on(f"GET /v2/{name}/blobs/{image.layers[0].digest}", call=lambda request: {**SLOW, **(call(request) or {})})

def later_parts(**how):
    return lambda request: how if first_of(request) else None

def rots(request):
    """Bytes of ranges are wrong until $T/right is there."""
    if first_of(request) and not os.path.exists(env["T"] + "/right"):
        return dict(flip=100)

slow("many")
slow("busy", later_parts(status=429, headers={"Retry-After": "1"}))
slow("ignored", lambda request: dict(ignore_range=True))
slow("rotten", rots)
slow("stalled", later_parts(stall=1000))
slow("cut", later_parts(reset=500_000))
slow("known")
slow("killed", later_parts(gate=(100_000, env["T"] + "/killed")))
END
digest() { python3 -c "from samples import *; print(big('$1').layers[0].digest)"; }
# asked_for NAME: the ranges that were asked for of its layer.
asked_for() { ranges "$H_LOG" "$(digest "$1")"; }
parts() { asked_for "$1" | grep -vc all || :; }
is_right() { # NAME: all of its bytes
    eq "$(cat "$M/images/$H/$1/v1/rootfs"/part? | sha256sum)" "$(sample "b''.join(noise('$1', *[BIG // 4] * 4))" | sha256sum)"
}

mount_store
it "a large layer comes over several connections where one is slow" '
    pull "$H/many:v1" >/dev/null
    eq "$(asked_for many | sed -n 1p)" all
    [ "$(parts many)" -ge 2 ] || fail "$(asked_for many)"
    eq "$(asked_for many | sort | uniq -d)" ""
    is_right many
'
it "the next layer of a registry that is known to be slow begins with several" '
    pull "$H/known:v1" >/dev/null
    eq "$(asked_for known | grep -c all)" 0
    eq "$(asked_for known | awk -F- "{ n += (\$2 == \"\" ? $(sample "str(len(big(\"known\").layers[0].blob)).encode()") : \$2 + 1) - \$1 } END { print n }")" \
        "$(sample "str(len(big(\"known\").layers[0].blob)).encode()")"
    is_right known
'
it "a registry that asks for fewer requests gets one connection" '
    remount_store
    pull "$H/busy:v1" >/dev/null
    [ "$(parts busy)" -le 4 ] || fail "$(asked_for busy)"
    is_right busy
'
it "one that ignores ranges gives all of it, once" '
    remount_store
    pull "$H/ignored:v1" >/dev/null
    eq "$(asked_for ignored | grep -c all)" 1
    [ "$(parts ignored)" -le 4 ] || fail "$(asked_for ignored)"
    is_right ignored
'
it "ranges that break are gone on from" '
    remount_store
    pull "$H/cut:v1" >/dev/null
    is_right cut
'
it "a range that is wrong is EBADMSG, nothing of it stays, and the next pull has all of it right" '
    remount_store
    expect_errno EBADMSG write "$M/ctl/pull" "$H/rotten:v1"
    hex=$(digest rotten)
    [ ! -e "$STORE/blobs/sha256/${hex#*:}" ]
    [ ! -s "$STORE/partial/${hex#*:}" ]
    touch "$T/right"
    pull "$H/rotten:v1" >/dev/null
    is_right rotten
'
it "a cancel ends them all at once" '
    remount_store
    interrupts pull "$H/stalled:v1" 30 "[ \"\$(parts stalled)\" -ge 2 ]"
    ctl prune >/dev/null
'
it "what came in its order outlasts a kill, and a pull goes on behind it" '
    remount_store
    hex=$(digest killed)
    pull "$H/killed:v1" >/dev/null 2>&1 &
    until_true 30 "[ \$(parts killed) -ge 2 ] && [ -n \"\$(find $STORE/partial/${hex#*:} -size +1000k)\" ]"
    kill -KILL "$(pid_of imagefs)"
    wait || :
    gone "$(pid_of imagefs)"
    touch "$T/killed"
    before=$(asked_for killed | wc -l)
    remount_store
    pull "$H/killed:v1" >/dev/null
    matches "$(asked_for killed | tail -n +$((before + 1)) | sed -n 1p)" "^[1-9][0-9]{5,}-"
    is_right killed
    [ ! -e "$STORE/partial/${hex#*:}" ]
    valid_store
'
unmount_store

# --- odd answers ---------------------------------------------------------------------------------

# The first answer breaks; ranges get an odd one. What is asked for whole is right.
hostile odd <<'END'
from samples import *

def odd(name, answer):
    image = small(name)
    serve(name, "v1", image)
    data = image.layers[0].blob
    path = f"GET /v2/{name}/blobs/{image.layers[0].digest}"
    def call(request):
        first = first_of(request)
        return None if first is None else answer(data, first)
    on(path, call=call)
    on(path, reset=200_000, times=1)

def part(data, first, end):
    return dict(status=206, body=data[first:end], range_header=f"bytes {first}-{end - 1}/{len(data)}")

def parts(data, *ranges):
    body = b""
    for first, end in ranges:
        body += b"--x\r\nContent-Type: a/b\r\nContent-Range: bytes %d-%d/%d\r\n\r\n" % (first, end - 1, len(data))
        body += data[first:end] + b"\r\n"
    return dict(status=206, body=body + b"--x--\r\n", headers={"Content-Type": "multipart/byteranges; boundary=x"})

odd("refused", lambda data, first: dict(status=416, range_header=f"bytes */{len(data)}"))
odd("nameless", lambda data, first: dict(status=206, body=data[first:]))
odd("elsewhere", lambda data, first: part(data, 0, len(data)))
odd("one", lambda data, first: parts(data, (first, len(data))))
odd("several", lambda data, first: parts(data, (first, first + 1000), (first + 1000, len(data))))
odd("short", lambda data, first: part(data, first, min(first + 50_000, len(data))))
odd("all", lambda data, first: dict(ignore_range=True))
END
mount_store
for NAME in refused nameless elsewhere one several short all; do
    export NAME
    it "the rest of a blob comes where the answer to its range is odd: $NAME" '
        pull "$H/$NAME:v1" >/dev/null
        cmp "$M/images/$H/$NAME/v1/rootfs/data" <(sample "noise(\"$NAME\", 400_000)[0]")
        eq "$(ls "$STORE/partial")" ""
    '
done
it "what is short is gone on from, and nothing comes twice" '
    firsts=$(jq -r "select(.path | startswith(\"/v2/short/blobs\")) | .headers.range // empty" "$H_LOG" | sed "s/bytes=//; s/-.*//")
    [ "$(wc -l <<<"$firsts")" -ge 4 ]
    eq "$(sort -n <<<"$firsts" | uniq -d)" ""
'
unmount_store

# --- redirects and tokens that end ---------------------------------------------------------------

# Each target gives three answers, and then says in one of five ways that it has ended; each token is good for four.
hostile ends <<'END'
from samples import *
image = lazy("signed")
layer = image.layers[0].digest
serve("signed", "v1", image)
serve("storage", "v1", image)
serve("tokens", "v1", lazy("tokens"))
left, tokens, ends = {}, {}, [400, 401, 403, 404, 410]

def redirect(request):
    name = f"s{len(left)}"
    left[name] = 3
    return dict(redirect=f"http://localhost:{HOST.split(':')[1]}/v2/storage/blobs/{layer}?sig={name}")

def storage(request):
    name = request["path"].rpartition("=")[2]
    left[name] -= 1
    if left[name] < 0:
        return dict(status=ends[int(name[1:]) % len(ends)])

def token(request):
    name = f"t{len(tokens)}"
    tokens[name] = 4
    return dict(status=200, body=json.dumps({"token": name, "expires_in": 60}).encode())

def wants_token(request):
    name = request["headers"].get("authorization", "").removeprefix("Bearer ")
    if tokens.get(name, 0) == 0:
        realm = f'Bearer realm="http://{HOST}/token",service="x",scope="repository:tokens:pull"'
        return dict(status=401, headers={"WWW-Authenticate": realm})
    tokens[name] -= 1

on(f"GET /v2/signed/blobs/{layer}", call=redirect)
on("GET /v2/storage/blobs/", call=storage)
on("/v2/tokens/", call=wants_token)
on("GET /token", call=token)
END
mount_store
reads_all() { # NAME: each file, one after the other
    for i in $(seq -w 0 29 | shuf --random-source=<(yes)); do # who reads on gets more than one file at once
        cmp "$M/images/$H/$1/v1/rootfs/$i" <(sample "noise('$1', *[3000] * FILES)[int('$i')]")
    done
}
it "targets that end are asked for anew, and no reader notices" '
    reads_all signed
    targets=$(asked "GET /v2/signed/blobs/$(jq -r .layers[0].digest "$M/images/$H/signed/v1/manifest.json")")
    answers=$(asked "GET /v2/storage/blobs/")
    [ "$targets" -ge 3 ] && [ "$answers" -ge $((targets * 3)) ] || fail "$targets targets, $answers answers"
    fails grep -E "EACCES|ENOENT|EPROTO" "$M/ctl/events"
    eq "$(stat_value imagefs_registry_retries_total)" 0
'
it "no target lies on the disk" '
    fails grep -rq "sig=s" "$STORE"
'
it "tokens that end are had anew, and no reader notices" '
    reads_all tokens
    [ "$(asked "GET /token")" -ge 3 ]
    fails grep -E "EACCES|ENOENT|EPROTO" "$M/ctl/events"
'
unmount_store

# --- how often a reader waits --------------------------------------------------------------------

start_registry
python3 -c "
from samples import *
R = '$R'
layer = lambda how: TableLayer([d('etc'), f('etc/motd', how)] + [f(f'x{i}', x) for i, x in enumerate(noise(how, *[4000] * 99))], how)
Registry(R).push('far', 'v1', TableImage([layer(how) for how in ('chunked', 'estargz', 'zstd')]))" >/dev/null
start wan python3 "$HERE/../scripts/wan.py" "$R"
until_true 20 'grep -q listening "$T/wan.log"'
W=$(grep -o '127.0.0.1:[0-9]*' "$T/wan.log")
it "the first file of an image that nothing is known of takes ten round trips at most" '
    mount_store
    eq "$(cat "$M/images/$W/far/v1/rootfs/etc/motd")" zstd
    curl -s "$W/wan/stats" >"$T/stats"
    trips=$(jq .round_trips "$T/stats")
    echo "$trips round trips, $(jq .requests "$T/stats") requests, $(jq .connections "$T/stats") connections"
    [ "$trips" -ge 3 ] && [ "$trips" -le 10 ] || fail "$(cat "$T/stats")"
'
it "the store is valid" valid_store
finish
