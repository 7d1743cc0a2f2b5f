#!/bin/bash
# SPDX-License-Identifier: MIT
# The registry stops while 32 readers are in the middle of an image that is read before it is here, and comes back.
. "$(dirname "$0")/lib.sh"
need_fuse
export T PYTHONPATH=$T:$HERE
FILES=200
cat >"$T/samples.py" <<'END2'
import pickle, random
from lazy import *

MIDDLE = int(os.environ["FILES"]) * 9 // 10  # the others are in the form that takes long to write

def files():
    dice = random.Random(6)
    return [dice.randbytes(6000) for _ in range(int(os.environ["FILES"]))]

def image():
    data = files()
    layer = lambda form, first, end: TableLayer([d(form)] + [f(f"{form}/{i:03}", data[i]) for i in range(first, end)], form)
    return TableImage([layer("estargz", 0, MIDDLE), layer("chunked", MIDDLE, len(data))])
END2
cat >"$T/readers.py" <<'END2'
"""readers.py ROOT COUNT [PID]: files that dice choose, by so many readers; by a single one all of them. When a tenth has been read PID is killed. Each answer is right, or an
errno; says how many of each, and what took longest. The pages of what was read are dropped, so that the mount is asked again."""
import collections, errno, signal, sys, threading, time
from samples import *

root, count, pid = sys.argv[1], int(sys.argv[2]), int((sys.argv[3:] or [0])[0])
wanted, seen, slowest, lock, wrong = files(), collections.Counter(), 0, threading.Lock(), []
done = {i: "" for i in range(len(wanted))}

def read(i):
    fd = os.open(f"{root}/{'estargz' if i < MIDDLE else 'chunked'}/{i:03}", os.O_RDONLY)
    try:
        data = os.read(fd, 1 << 20)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        if data != wanted[i]:
            wrong.append(i)
        return "ok"
    except OSError as e:
        return errno.errorcode[e.errno]
    finally:
        os.close(fd)

def reader(number):
    global slowest, pid
    for i in random.Random(number).sample(range(len(wanted)), len(wanted) if count == 1 else 25):
        begin = time.monotonic()
        what = read(i)
        with lock:
            slowest = max(slowest, time.monotonic() - begin)
            seen[what] += 1
            if done[i] != "ok":
                done[i] = what
            if pid and sum(1 for x in done.values() if x == "ok") >= len(wanted) // 10:
                os.kill(pid, signal.SIGKILL)
                pid = 0

threads = [threading.Thread(target=reader, args=(i,)) for i in range(count)]
for t in threads:
    t.start()
for t in threads:
    t.join()
open(os.environ["T"] + "/here", "w").write("".join(f"{i}\n" for i, what in done.items() if what == "ok"))
print(*(f"{what} {n}" for what, n in sorted(seen.items())), f"slowest {slowest:.1f} wrong {len(wrong)}")
END2
readers() { python3 "$T/readers.py" "$(root app)" "$@"; }

python3 -c "from samples import *
pickle.dump(image(), open('$T/image', 'wb'))"
hostile <<'END2'
from samples import *
serve("app", "v1", pickle.load(open(env["T"] + "/image", "rb")))
END2
mount_store

it "who reads when the registry stops gets what is right, or an errno soon" '
    ls "$(root app)/estargz" "$(root app)/chunked" >/dev/null
    readers 32 "$(pid_of hostile)" >"$T/said"
    cat "$T/said"
    matches "$(cat "$T/said")" "ok [0-9]+ .*wrong 0$"
    fails grep -qvE "^((ECONNREFUSED|ECONNRESET|EPROTO|ok) [0-9]+ )+slowest [0-9]{1,2}\.[0-9] wrong 0$" "$T/said"
    [ "$(wc -l <"$T/here")" -ge $((FILES / 10)) ] && [ "$(wc -l <"$T/here")" -lt $FILES ]
'
it "what is here reads on, as it did" '
    before=$(cat "$T/here")
    readers 1 >"$T/said"
    cat "$T/said"
    matches "$(cat "$T/said")" "^ECONNREFUSED [0-9]+ ok [0-9]+ .*wrong 0$"
    eq "$(comm -23 <(sort <<<"$before") <(sort "$T/here"))" ""
'
it "nobody waits any more, and no job is left" '
    until_true 20 "[ \$(grep -c bytes \"$M/ctl/jobs\") = 0 ]"
    eq "$(stat_value imagefs_jobs_running)" 0
'
wait "$(pid_of hostile)" 2>/dev/null || :
start hostile python3 "$HERE/hostile.py" --port "${H#*:}" --requests "$H_LOG" "$T/hostile.scenario.py"
until_true 20 "answers ${H#*:}"
it "when it is back all is read, without a remount" '
    until_true 30 "readers 1 >\"$T/said\" && grep -q \"^ok $FILES \" \"$T/said\""
    readers 32 >"$T/said"
    cat "$T/said"
    matches "$(cat "$T/said")" "^ok $((32 * 25)) slowest .* wrong 0$"
'
it "the store is valid" valid_store
finish
