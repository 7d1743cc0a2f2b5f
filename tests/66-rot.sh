#!/bin/bash
# SPDX-License-Identifier: MIT
# Bits that rot in the store: none is served, what met one is marked, and the next pull mends it. FLIPS=10000 flips that many.
. "$(dirname "$0")/lib.sh"
need_fuse
FLIPS=${FLIPS:-50}
CHECK_LIMIT=$((CHECK_LIMIT + FLIPS))
PYTHONPATH=$HERE
start_registry
cat >"$T/images.py" <<'END'
import random
from lazy import *
noise = random.Random(3)
R = Registry(os.environ["R"])
BIG = noise.randbytes(200_000)
def small(n): return [d("s")] + [f(f"s/{i}", noise.randbytes(n)) for i in range(12)] + [s("link", "s/1")]
R.push("app", "v1", Image([Layer([f("gzip", BIG[:90_000])] + small(900), "gzip"), Layer([f("plain", BIG), f("tail", "small")], "plain"),
                           Layer([f("zstd", b"words " * 9000 + BIG[:50_000])], "zstd")]))
R.push("frames", "v1", Image([Layer([f(f"f{i}", noise.randbytes(300_000)) for i in range(16)], "zstd")]))
R.push("lazy", "v1", TableImage([TableLayer([f(f"l{i}", noise.randbytes(9000)) for i in range(12)], "estargz")]))
R.push("things", "v1", Artifact([("application/spdx+json", BIG[:70_000], {})], artifact_type="application/x.sbom"))
END
python3 "$T/images.py"
mount_store
for name in app frames; do pull "$R/$name:v1" >/dev/null; done
APP=$M/images/$R/app/v1
SUM=$(sha "$APP/rootfs/plain")
BLOB=$STORE/blobs/sha256/$(cut -d: -f2 "$APP/layers/01/digest")
GZIP=$STORE/blobs/sha256/$(cut -d: -f2 "$APP/layers/00/digest")
MARKS=$STORE/derived/damaged
flip() { # FILE OFFSET: one bit
    python3 -c "import os, sys
os.chmod(sys.argv[1], 0o600)
with open(sys.argv[1], 'r+b') as file:
    file.seek(int(sys.argv[2])); old = file.read(1)[0]; file.seek(int(sys.argv[2])); file.write(bytes([old ^ 1]))" "$@"
}
it "an artifact and half a lazy image are read" '
    cat "$M/images/$R/things/v1"/blobs/* "$M/images/$R/lazy/v1"/rootfs/l[0-4] >/dev/null
    [ -n "$(find "$STORE/partial" -name "*.held")" ] && [ -n "$(find "$STORE/derived/layers" -name "*.raw")" ]
'
unmount_store
cp -a "$STORE" "$T/sound"
it "no flipped bit is served, of $FLIPS in files of every kind" '
    mkdir "$T/scratch"
    timeout -k 5 $((FLIPS + 200)) python3 "$HERE/rot.py" "$IMAGEFS" "$T/sound" "$T/scratch" "$FLIPS"
'

mount_store -o offline # what a mount with a network would mend
it "a flipped bit of an uncompressed layer is EBADMSG for who reads it, wherever he does, and for nobody else" '
    flip "$BLOB" 100000
    expect_errno EBADMSG read "$APP/rootfs/plain"
    expect_errno EBADMSG read "$APP/layers/01/blob"
    expect_errno EBADMSG read "$APP/layers/01/diff/plain"
    expect_errno EBADMSG read "$APP/export/image.tar"
    expect_errno EBADMSG read "$APP/export/rootfs.tar"
    eq "$(cat "$APP/rootfs/tail")" small
    eq "$(head -c 60000 "$APP/rootfs/plain" | sha256sum)" "$(head -c 60000 "$APP/layers/01/diff/plain" | sha256sum)"
'
it "… of a compressed one, too" '
    remount_store -o offline # what was read before may still be in memory
    flip "$GZIP" 50000
    expect_errno EBADMSG read "$APP/rootfs/gzip"
    expect_errno EBADMSG read "$APP/layers/00/blob"
'
it "the damage is remembered by the next mount" '
    eq "$(ls "$MARKS" | sort)" "$(basename -a "$BLOB" "$GZIP" | sort)"
    remount_store -o offline
    expect_errno EBADMSG read "$APP/rootfs/gzip"
    remount_store
'
it "a pull fetches what is damaged, and nothing else" '
    : >"$R_LOG"
    has "$(pull "$R/app:v1")" "Downloaded newer image"
    eq "$(grep "response completed" "$R_LOG" | grep -c "http.request.method=GET.*/v2/app/blobs/")" 2
    eq "$(ls "$MARKS")" ""
    valid_store
'
it "… and is read at once, also by who has met the damage" '
    eq "$(sha "$APP/rootfs/plain")" "$SUM"
    eq "sha256:$(sha "$APP/layers/01/blob")" "$(cat "$APP/layers/01/digest")"
    eq "sha256:$(sha "$APP/layers/00/blob")" "$(cat "$APP/layers/00/digest")"
'
it "who met the damage reads the new bytes without a new mount" '
    flip "$BLOB" 150000
    python3 -c "
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)" "$APP/rootfs/plain"
    expect_errno EBADMSG read "$APP/rootfs/plain"
    pull "$R/app:v1" >/dev/null
    eq "$(sha "$APP/rootfs/plain")" "$SUM"
'
it "without the registry the damaged blob is read as far as it is right" '
    remount_store -o offline
    flip "$BLOB" 150000
    expect_errno EBADMSG read "$APP/rootfs/plain"
    remount_store -o offline
    fails pull "$R/app:v1"
    expect_errno EBADMSG read "$APP/rootfs/plain"
    eq "$(cat "$APP/rootfs/tail")" small
    remount_store
    pull "$R/app:v1" >/dev/null
    eq "$(sha "$APP/rootfs/plain")" "$SUM"
'
it "a mark of a blob that is right goes, and nothing is fetched" '
    : >"$MARKS/$(basename "$BLOB")"
    : >"$R_LOG"
    pull "$R/app:v1" >/dev/null
    eq "$(ls "$MARKS")" ""
    eq "$(grep -c "http.request.method=GET.*/v2/app/blobs/" "$R_LOG")" 0
'
FRAMES=$(find "$STORE/derived/layers" -name "*.frames")
it "frames that are cut or missing are made again" '
    for how in "truncate -s -1" rm; do
        unmount_store
        $how "$FRAMES"
        mount_store
        eq "$(ls "$M/images/$R/frames/v1/rootfs" | wc -l)" 16
        cat "$M/images/$R/frames/v1/rootfs"/* >/dev/null
    done
'
finish
