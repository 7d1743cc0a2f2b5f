#!/bin/bash
# SPDX-License-Identifier: MIT
# -o cache_max: what is here of images that nobody pulled stays below a limit, and all reads right.
. "$(dirname "$0")/lib.sh"
need_fuse
MAX=16777216
export T PYTHONPATH=$T:$HERE
cat >"$T/samples.py" <<'END'
import pickle, random
from lazy import *
noise = random.Random(5)

def files(name):
    """Of an image that is read lazily: 24 MB, in files of all sizes. Of another one: a file of 7 MB."""
    if name in ("one", "two"):
        return [f(f"opt/{i:03}", noise.randbytes(3400 * i)) for i in range(120)]
    return [f(f"opt/{name}", noise.randbytes(7000000))]

def image(name, files):
    forms = {"one": "estargz", "two": "parts"}
    if name in forms:
        return TableImage([TableLayer([d("opt"), *files], forms[name])])
    return Image([Layer([d("opt"), *files])])
END
T=$T python3 -c "
from samples import *
images = {}
for name in 'one', 'two', *(f'plain{i}' for i in range(5)):
    made = files(name)
    images[name] = image(name, made)
    for entry in made:
        print(digest(entry.data)[7:], f'{name}/v1/rootfs/{entry.name.decode()}', sep='  ')
pickle.dump(images, open('$T/images', 'wb'))
" >"$T/sums"
hostile <<'END'
from samples import *
for name, image in pickle.load(open(env["T"] + "/images", "rb")).items():
    serve(name, "v1", image)
END
# here: bytes of the disk that what is here in part takes.
here() { find "$STORE/partial" -name '*.held' -printf '%b\n' | awk '{ n += $1 * 512 } END { print n + 0 }'; }
blob() { echo "$STORE/blobs/sha256/$(layer "$1" | cut -d: -f2)"; }
evicted() { sed -n 's/^imagefs_cache_evicted_bytes_total //p' "$M/ctl/stats"; }

it "cache_max: what is no size is refused" '
    for size in 1M 0 x 16MB -20M 16.5M 99999999999999999999 17179869184G; do
        fails "$IMAGEFS" "$STORE" "$M" -o cache_max=$size 2>"$T/err"
        has "$(cat "$T/err")" "cache_max=$size"
    done
'
mount_store -o "cache_max=$MAX"

it "four readers of two images, each larger than the limit, read right, and the limit holds" '
    : >"$T/here"
    (while [ ! -e "$T/read" ]; do here >>"$T/here"; sleep 0.05; done) &
    watcher=$!
    pids=
    for n in 1 2 3 4; do
        grep -E "^\S+  (one|two)/" "$T/sums" | sort -R --random-source=<(yes $n) >"$T/sums.$n"
        (cd "$M/images/$H" && sha256sum --quiet -c "$T/sums.$n" >"$T/out.$n" 2>&1) & pids="$pids $!"
    done
    for pid in $pids; do wait $pid; done
    touch "$T/read"
    wait $watcher
    cat "$T"/out.?
    [ "$(sort -n "$T/here" | tail -1)" -le $((MAX + MAX / 10)) ]
    [ "$(evicted)" -gt $MAX ]
'
it "what is read again and again stays" '
    file=$(root one)/opt/119
    cat "$file" >/dev/null
    used=$(sed -n "s/^imagefs_lazy_range_bytes_total //p" "$M/ctl/stats")
    for i in {0..30}; do
        cat "$(root two)/opt/$(printf %03d $((50 + i)))" >/dev/null
        dd if="$file" of=/dev/null bs=64k iflag=direct status=none
    done
    sed -n "s/^imagefs_lazy_range_bytes_total //p" "$M/ctl/stats"
    before=$(grep -c "$(jq -r ".layers[0].digest" "$(root one)/../manifest.json")" "$H_LOG")
    dd if="$file" of=/dev/null bs=64k iflag=direct status=none
    eq "$(grep -c "$(jq -r ".layers[0].digest" "$(root one)/../manifest.json")" "$H_LOG")" "$before"
'
it "a pull is whole, whatever the limit, and stays" '
    pull "$H/two:v1" >/dev/null
    [ -e "$(blob two)" ]
    (cd "$M/images/$H" && grep "  two/" "$T/sums" | sha256sum --quiet -c)
'
it "images that were looked up go, the first first, but not what is open" '
    pull "$H/plain0:v1" >/dev/null
    for i in 1 2; do
        exec {fd}<"$(root plain$i)/opt/plain$i"
        cat <&$fd >/dev/null
        [ $i = 1 ] || exec {fd}<&-
        [ $i = 2 ] || open=$fd
        sleep 1.1 # the times of uses are to the second
    done
    first=$(blob plain2)
    cat "$(root plain3)/opt/plain3" >/dev/null
    sleep 1.1
    cat "$(root plain4)/opt/plain4" >/dev/null
    until_true 30 "[ ! -e $first ]"
    ls "$M/images/$H" >"$T/names"
    eq "$(grep -c plain2 "$T/names")" 0
    [ -e "$(blob plain0)" ] && [ -e "$(blob plain1)" ] && [ -e "$(blob plain4)" ]
    cat <&$open >/dev/null
    exec {open}<&-
    (cd "$M/images/$H" && grep plain "$T/sums" | sha256sum --quiet -c)
'
it "a mount with a limit takes away what is too much" '
    unmount_store
    mount_store
    (cd "$M/images/$H" && grep "  one/" "$T/sums" | sha256sum --quiet -c)
    [ "$(here)" -gt $MAX ]
    unmount_store
    mount_store -o "cache_max=16M"
    until_true 30 "[ \$(here) -le $MAX ]"
    (cd "$M/images/$H" && grep "  one/" "$T/sums" | sha256sum --quiet -c)
    [ "$(here)" -le $((MAX + MAX / 10)) ]
'
it "two processes on one store keep to one limit" '
    mkdir -p "$T/m2"
    "$IMAGEFS" "$STORE" "$T/m2" -o "insecure=$H,cache_max=16M"
    rm -f "$T/read"; : >"$T/here"
    (while [ ! -e "$T/read" ]; do here >>"$T/here"; sleep 0.05; done) &
    watcher=$!
    (cd "$M/images/$H" && grep "  one/" "$T/sums" | sha256sum --quiet -c >"$T/out.1" 2>&1) & one=$!
    (cd "$T/m2/images/$H" && grep "  one/" "$T/sums" | tac | sha256sum --quiet -c >"$T/out.2" 2>&1) & two=$!
    wait $one; wait $two
    touch "$T/read"
    wait $watcher
    umount "$T/m2"
    [ "$(sort -n "$T/here" | tail -1)" -le $((MAX + MAX / 10)) ]
'
it "the store is valid" valid_store
finish
