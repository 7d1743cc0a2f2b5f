#!/bin/bash
# SPDX-License-Identifier: MIT
# Reading ahead across files: who reads all of them sends few messages and gets the right bytes; who lists, or picks
# some, has nothing stored for it.
. "$(dirname "$0")/lib.sh"
need_fuse
have cc || skip_all "there is no compiler for the reader"
cc -D_GNU_SOURCE -O1 -Wall -Wextra -o "$T/alone.bin" "$HERE/alone.c"
start_registry
# Two layers whose files lie side by side in the same directories; large files, empty, sparse and linked ones among them.
build '
import random
dice = random.Random(7)
data = lambda n: dice.randbytes(n)
lower = [f("d%02d/lower%03d" % (i // 50, i), data(dice.randrange(9000))) for i in range(2000)]
lower += [f("d%02d/empty" % i) for i in range(40)] + [h("d%02d/link" % i, "d%02d/lower%03d" % (i, i * 50)) for i in range(40)]
lower += [f("big/%d" % i, data(3_000_000 + i)) for i in range(3)]
lower += [entry("big/sparse", b"0", sparse="1.0", size=1 << 21, extents=[(0, data(5120)), (1 << 20, data(70144))])]
upper = [f("d%02d/upper%03d" % (i // 20, i), data(dice.randrange(9000))) for i in range(800)]
upper += [f("d03/lower155", "another"), f("zz/last", data(200_000))]
Registry(R).push("app", "v1", Image([Layer(lower), Layer(upper, "frames")]))
' >/dev/null
mount_store
pull "$R/app:v1" >/dev/null
ROOT=$M/images/$R/app/v1/rootfs

count() { stat_value "imagefs_fuse_requests_total{op=\"$1\"}"; }
stored() { stat_value imagefs_ahead_stored_bytes_total; }
sums() { (cd "$1" && find . -type f -print0 | xargs -0 -n 200 sha256sum | sort -k 2); }

# Each file by a process of its own.
mkdir "$T/alone"
(cd "$ROOT" && find . -type d -print0 | (cd "$T/alone" && xargs -0 mkdir -p))
find "$ROOT" -type f -printf '%P\0' | "$T/alone.bin" "$ROOT" "$T/alone"
sums "$T/alone" >"$T/sums"
it "a reader of one file has nothing stored for it, but of a large one what follows in it" '
    [ "$(stored)" -lt 9000000 ] || fail "$(stored)"
'
it "a listing stores nothing" '
    remount_store
    find "$ROOT" >/dev/null
    ls -lR "$ROOT" >/dev/null
    eq "$(stored)" 0
'
it "who reads everything finds the right bytes" '
    remount_store
    mkdir "$T/copy"
    tar cf - -C "$ROOT" . | tar xf - -C "$T/copy"
    diff "$T/sums" <(sums "$T/copy")
'
it "… with fewer READs than there are files" '[ "$(count read)" -lt 800 ] || fail "$(count read)"'
it "… and little more stored than they have" '
    size=$(du -sb --apparent-size "$T/copy" | cut -f1)
    [ "$(stored)" -gt $((size / 2)) ] || fail "$(stored) of $size"
    [ "$(stored)" -lt $((size * 5 / 4)) ] || fail "$(stored) of $size"
'
it "what is stored is what is read, also for several readers at once" '
    remount_store
    readers=()
    for i in 1 2 3 4; do
        sums "$ROOT" >"$T/sums.$i" &
        readers+=($!)
    done
    wait "${readers[@]}"
    for i in 1 2 3 4; do diff "$T/sums" "$T/sums.$i"; done
'
it "who picks files has little stored for it" '
    remount_store
    find "$ROOT" -type f | shuf -n 300 --random-source="$T/sums" >"$T/picked"
    xargs cat <"$T/picked" >/dev/null
    [ "$(stored)" -lt 3000000 ] || fail "$(stored)"
'
it "who has read everything and lists again has no more than a window stored" '
    remount_store
    python3 - "$ROOT" <<-"EOF"
	import os, sys
	root = sys.argv[1]
	for top, _, files in os.walk(root + "/big"):
	    for name in files:
	        open(os.path.join(top, name), "rb").read()
	for top, _, _ in os.walk(root): pass
	EOF
    size=$(du -sb --apparent-size "$T/copy/big" | cut -f1)
    [ "$(stored)" -lt $((size + (8 << 20))) ] || fail "$(stored)"
'
cat >"$T/picks.py" <<'P'
"""picks.py FILE COPY [direct]: 100 times 4 KiB of the file, which are to be the copy's; the kernel reads nothing ahead.
The next pick waits until the page before is in the kernel's cache, or a moment: what is stored comes behind the answer."""
import ctypes
import mmap
import os
import random
import sys
import time

path, copy, flags = sys.argv[1], sys.argv[2], os.O_DIRECT if sys.argv[3:] else 0
with open(copy, "rb") as file:
    right = file.read()
dice = random.Random(1)
page = mmap.mmap(-1, 4096)
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
with open(path, "rb") as file:
    mapped = libc.mmap(None, len(right), mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
assert mapped != ctypes.c_void_p(-1).value


def is_cached(offset):
    there = ctypes.create_string_buffer(1)
    assert libc.mincore(mapped + offset, 4096, there) == 0
    return there.raw[0] & 1


for _ in range(100):
    offset = dice.randrange(len(right) // 4096) * 4096
    fd = os.open(path, os.O_RDONLY | flags)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    assert os.preadv(fd, [page], offset) == 4096 and page[:] == right[offset : offset + 4096], offset
    os.close(fd)
    end = time.monotonic() + 0.05 * float(os.environ["TIMEOUT_FACTOR"])
    while not flags and not is_cached(max(offset - 4096, 0)) and time.monotonic() < end:
        time.sleep(0.001)
P
it "who picks here and there in a large file finds there what was decoded around it" '
    remount_store
    python3 "$T/picks.py" "$ROOT/big/0" "$T/copy/big/0"
    [ "$(count read)" -lt 20 ] || fail "$(count read)"
    [ "$(stored)" -lt 3500000 ] || fail "$(stored)"
    cmp "$ROOT/big/0" "$T/copy/big/0"
'
it "… but not past the kernel’s cache" '
    remount_store
    python3 "$T/picks.py" "$ROOT/big/1" "$T/copy/big/1" direct
    eq "$(stored)" 0
'
cat >"$T/careful.py" <<'P'
"""careful.py drop|pieces|direct ROOT TIMES: reads all files, past what is in the page cache; prints how many bytes.
drop: each file is dropped from the cache before it is read. pieces: before each 16 KiB of it, too. direct: O_DIRECT."""
import mmap
import os
import sys

how, root, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
piece = mmap.mmap(-1, 16384)
size = 0
for top, directories, files in list(os.walk(root)) * times:
    for name in files:
        fd = os.open(os.path.join(top, name), os.O_RDONLY | (os.O_DIRECT if how == "direct" else 0))
        count = n = 0
        while n or not count:
            if how == "pieces" or how == "drop" and not count:
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            n = os.readv(fd, [piece])
            size += n
            count += 1
        os.close(fd)
print(size)
P
for how in drop pieces direct; do
    remount_store
    it "who reads past the cache ($how) soon has nothing stored" '
        size=$(python3 "$T/careful.py" "$how" "$ROOT" 3)
        echo "$(stored) stored of $size"
        (($(stored) * 2 < size)) # nothing took that into account before: nine times the size
    '
done
it "who comes after that, and reads what is stored, has that again" '
    before=$(stored)
    tar cf - -C "$ROOT" . | cat >/dev/null
    size=$(du -sb --apparent-size "$T/copy" | cut -f1)
    echo "$(($(stored) - before)) stored of $size"
    ((($(stored) - before) * 2 > size))
'
it "a damaged layer gives the error to who reads it, and no bytes that are wrong" '
    unmount_store
    blob=$(ls -S "$STORE"/blobs/sha256/* | sed -n 1p)
    chmod u+w "$blob"
    printf "\\x00\\xff\\x00\\xff" | dd of="$blob" bs=1 seek=$(($(stat -c %s "$blob") / 2)) conv=notrunc status=none
    mount_store
    tar cf - -C "$ROOT" . >"$T/damaged.tar" 2>"$T/tar.err" || :
    grep -q "Bad message" "$T/tar.err" || fail "$(tail -n 3 "$T/tar.err")"
'
finish
