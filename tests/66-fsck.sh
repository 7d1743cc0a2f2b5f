#!/bin/bash
# SPDX-License-Identifier: MIT
# ctl/fsck: all damage is found, and mended from the registry; what nobody has is named with the images that need it.
. "$(dirname "$0")/lib.sh"
need_fuse
PYTHONPATH=$HERE
start_registry
cat >"$T/images.py" <<'END'
import random, sys
from lazy import *
noise = random.Random(7)
R = Registry(os.environ["R"])
shared = Layer([f("shared", noise.randbytes(50_000))])
for tag in "abcdef":
    R.push("app", tag, Image([shared, Layer([f("gzip", noise.randbytes(40_000))]), Layer([f("plain" + tag, noise.randbytes(90_000))], "plain"),
                              Layer([f("zstd", noise.randbytes(700_000))], "zstd")]))
R.push("multi", "v1", Index([Image([Layer([f("arch", a)])], architecture=a) for a in ("amd64", "arm64")]))
R.push("lazy", "v1", TableImage([TableLayer([f(f"l{i}", noise.randbytes(9000)) for i in range(12)], "estargz")]))
END
python3 "$T/images.py"
mount_store
for tag in a b c d e f; do pull "$R/app:$tag" >/dev/null; done
pull "$R/multi:v1" >/dev/null
cat "$M/images/$R/lazy/v1/rootfs/l3" >/dev/null
printf 'needed by nobody' >"$T/garbage"
cp "$T/garbage" "$STORE/blobs/sha256/$(sha "$T/garbage")"
BLOBS=$STORE/blobs/sha256
COUNT=$(find "$BLOBS" -type f | wc -l)
rot() { # SEED HOW-MANY: so many blobs get a flipped bit, are cut, or lost their end; prints their names
    python3 - "$BLOBS" "$@" <<'END'
import os, random, sys
blobs, chance = sys.argv[1], random.Random(int(sys.argv[2]))
for name in chance.sample(sorted(os.listdir(blobs)), int(sys.argv[3])):
    path = f"{blobs}/{name}"
    os.chmod(path, 0o600)
    size = os.path.getsize(path)
    if chance.random() < 0.2:
        os.truncate(path, chance.randrange(size))
    else:
        with open(path, "r+b") as file:
            at = chance.randrange(size)
            file.seek(at); old = file.read(1)[0]; file.seek(at); file.write(bytes([old ^ 1 << chance.randrange(8)]))
    print(name)
END
}
damaged() { sed -nE 's/^sha256:([0-9a-f]{64}): (damaged|missing).*/\1/p' | sort; }
fsck() { ctl fsck "${@:---}" 2>&1; }

it "a store that is sound has no damage" '
    out=$(fsck)
    matches "$out" "^Total: $COUNT blobs, [0-9.]+MB; 0 damaged, 0 mended$"
    fails [ -e "$STORE/derived/damaged" ]
'
it "all damage is found, and nothing else" '
    rot 1 20 | sort >"$T/rotten"
    out=$(fsck) && fail "it should say so by its errno"
    eq "$(damaged <<<"$out")" "$(cat "$T/rotten")"
    has "$out" "Total: $COUNT blobs"
    has "$out" "damaged: 20 of $COUNT blobs"
    has "$out" EBADMSG
'
it "it is known by the next mount, and by a pull" '
    eq "$(ls "$STORE/derived/damaged" | sort)" "$(cat "$T/rotten")"
'
it "--repair fetches it again" '
    out=$(fsck --repair)
    has "$out" "0 damaged, 20 mended"
    eq "$(ls "$STORE/derived/damaged")" ""
    eq "$(fsck | tail -n 1)" "$(sed "s/20 mended/0 mended/" <<<"$(tail -n 1 <<<"$out")")"
    valid_store
'
it "… so that all reads" '
    find "$M/images/$R/app" -type f | xargs cat >/dev/null
'
it "damage of what an image needs is told by its name, and of others not" '
    layer=$(cut -d: -f2 "$M/images/$R/app/b/layers/02/digest")
    chmod 600 "$BLOBS/$layer" && printf x | dd of="$BLOBS/$layer" bs=1 seek=70000 conv=notrunc status=none
    out=$(fsck "$R/app:b" || :)
    has "$out" "sha256:$layer: damaged, needed by $R/app:b"$'"'\\n'"'
    fsck "$R/app:a" "$R/multi:v1" >/dev/null
    shared=$(cut -d: -f2 "$M/images/$R/app/a/layers/00/digest")
    chmod 600 "$BLOBS/$shared" && : >"$BLOBS/$shared"
    out=$(fsck "$R/app:b" "$R/app:c" || :)
    has "$out" "sha256:$shared: damaged, needed by $R/app:b, $R/app:c"
    fsck --repair "$R/app:b" >/dev/null
'
it "a blob that has gone is missing where all of it was here, and comes again; one that was never fetched is no damage" '
    layer=$(cut -d: -f2 "$M/images/$R/app/b/layers/02/digest")
    rm "$BLOBS/$layer"
    out=$(fsck || :)
    has "$out" "sha256:$layer: missing, needed by $R/app:b"
    has "$(fsck --repair)" "1 mended"
    valid_store
'
it "a manifest and what it leads to are mended together" '
    manifest=$(basename "$(readlink "$M/images/$R/app/c")" | cut -d: -f2)
    layer=$(cut -d: -f2 "$M/images/$R/app/c/layers/02/digest")
    for blob in $manifest $layer; do chmod 600 "$BLOBS/$blob"; truncate -s -1 "$BLOBS/$blob"; done
    out=$(fsck || :)
    has "$out" "sha256:$manifest: damaged, needed by $R/app:c"
    has "$out" "sha256:$layer: damaged, it is not known by which image"
    has "$(fsck --repair)" "0 damaged, 2 mended"
    valid_store
'
it "what no image needs is removed, but not while it is not known what they need" '
    garbage=$(sha "$T/garbage")
    manifest=$(basename "$(readlink "$M/images/$R/app/c")" | cut -d: -f2)
    for blob in $manifest $garbage; do chmod 600 "$BLOBS/$blob"; printf x >>"$BLOBS/$blob"; done
    remount_store -o offline
    out=$(fsck --repair || :)
    has "$out" "sha256:$garbage: damaged, it is not known by which image"
    [ -e "$BLOBS/$garbage" ]
    remount_store
    has "$(fsck --repair)" "sha256:$garbage: removed, needed by no image"
    fails [ -e "$BLOBS/$garbage" ]
'
it "derived files that are damaged are named, and removed by --repair" '
    unmount_store
    for file in $(find "$STORE/derived/layers" "$STORE/derived/trees" -type f | sort); do
        python3 -c "
import os, sys
with open(sys.argv[1], \"r+b\") as file:
    file.seek(os.path.getsize(sys.argv[1]) // 2)
    file.write(b\"\\xa5\" * 16)" "$file"
        echo "${file#"$STORE/"}"
    done >"$T/derived"
    mount_store
    eq "$(fsck | sed -n "s/^\(derived.*\): damaged.*/\1/p" | sort)" "$(sort "$T/derived")"
    eq "$(fsck --repair | sed -n "s/^\(derived.*\): removed.*/\1/p" | sort)" "$(sort "$T/derived")"
    hasnt "$(fsck)" derived/
    find "$M/images/$R/app" -type f | xargs cat >/dev/null
'
it "img fsck: the words, and the status" '
    IMAGEFS_MOUNT=$M
    export IMAGEFS_MOUNT
    IMG=$HERE/../scripts/img
    has "$("$IMG" fsck)" "0 damaged"
    has "$("$IMG" fsck --help)" "--repair"
    layer=$(cut -d: -f2 "$M/images/$R/app/d/layers/01/digest")
    chmod 600 "$BLOBS/$layer" && printf x >>"$BLOBS/$layer"
    rc=0
    out=$("$IMG" fsck "$R/app:d" 2>"$T/err") || rc=$?
    eq $rc 1
    has "$out" "sha256:$layer: damaged"
    has "$(cat "$T/err")" "fsck --repair fetches them again"
    "$IMG" fsck --repair "$R/app:d" >/dev/null
    has "$("$IMG" fsck "no/such:image" 2>&1 || :)" "No such image: no/such:image"
'
it "many damages at once: all found, all mended" '
    for seed in 2 3 4; do
        rot $seed 14 | sort >"$T/rotten"
        eq "$( (fsck || :) | damaged)" "$(cat "$T/rotten")"
        has "$(fsck --repair)" "0 damaged, 14 mended"
    done
    valid_store
'
it "what the registry has no more is named with the images that need it, and stays" '
    layer=$(cut -d: -f2 "$M/images/$R/app/e/layers/02/digest")
    cp "$BLOBS/$layer" "$T/layer"
    stop registry
    remount_store # what was read before may still be in memory
    chmod 600 "$BLOBS/$layer" && printf x | dd of="$BLOBS/$layer" bs=1 seek=70000 conv=notrunc status=none
    out=$(fsck --repair) && fail "it should say so by its errno"
    matches "$out" "sha256:$layer: damaged, needed by $R/app:e: .*Connection refused|sha256:$layer: damaged, needed by $R/app:e: .*connection refused"
    has "$out" "and no registry gave them"
    [ -e "$BLOBS/$layer" ] && [ -e "$STORE/derived/damaged/$layer" ]
    expect_errno EBADMSG read "$M/images/$R/app/e/rootfs/plaine"
    eq "$(head -c 60000 "$M/images/$R/app/e/rootfs/plaine" | sha256sum)" "$(head -c 60512 "$T/layer" | tail -c 60000 | sha256sum)"
'
it "an index.json that rots under the mount is found, and mended" '
    cp -p "$STORE/index.json" "$T/index"
    sed "s/app:a/app:x/" "$T/index" >"$T/rotten"
    dd if="$T/rotten" of="$STORE/index.json" conv=notrunc status=none
    touch -r "$T/index" "$STORE/index.json"
    out=$(fsck) && fail "it should say so by its errno"
    has "$out" "index.json: its bytes are not those that were written"
    has "$(fsck --repair)" "index.json: mended, what it was is derived/index.json.damaged"
    cmp "$STORE/index.json" "$T/index"
    cmp "$STORE/derived/index.json.damaged" "$T/rotten"
    [[ $(fsck) != *index.json* ]]
'
it "a mount that finds it mends it; what another program wrote counts: both are events" '
    unmount_store
    truncate -s 100 "$STORE/index.json"
    mount_store
    [ -e "$M/images/$R/app/a" ]
    until_true 20 "grep -q \"it was written anew, and the old one is derived/index.json.damaged\" \"$M/ctl/events\""
    cmp "$STORE/index.json" "$T/index"
    sed "s/app:b/app:y/" "$T/index" >"$STORE/index.json"
    [ -e "$M/images/$R/app/y" ] && fails [ -e "$M/images/$R/app/b" ]
    has "$(timeout 1 cat "$M/ctl/events" || true)" "its names count; gone since: $R/app:b"
    cat "$T/index" >"$STORE/index.json"
    [ -e "$M/images/$R/app/b" ]
'
it "Ctrl-C ends it" '
    truncate -s 8G "$T/large"
    for i in 1 2 3 4 5 6; do ln "$T/large" "$BLOBS/$(printf "%064x" $i)"; done
    interrupts fsck "--" 20 "grep -q fsck \"$M/ctl/jobs\""
'
finish
