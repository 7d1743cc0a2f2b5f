#!/bin/bash
# SPDX-License-Identifier: MIT
# Layers that are read before they are downloaded: what comes, that it is right, and what happens when it is not.
. "$(dirname "$0")/lib.sh"
need_fuse
FORMS="estargz legacy parts shared zstd chunked"
export T PYTHONPATH=$T:$HERE
cat >"$T/samples.py" <<'END'
import functools, pickle, random, zlib
from lazy import *
noise = random.Random(5)
BIG = noise.randbytes(200000)
SMALL = [noise.randbytes(3000) for _ in range(40)]
NAMES = ["", "victim", "retry", "wrong", "table", "once", "gone", "killed", "rest", "many", "later"]

def top():
    return Layer([wh("etc/html"), f("etc/new", "new\n"), d("usr/more"), h("usr/more/a", "etc/new")])

def make(form, name):
    """One of its own for every name: what the store has is not asked for again."""
    files = (sample() if not name else [d("etc")]) + [d("opt")] + [f(f"opt/{i:02}", x) for i, x in enumerate(SMALL)]
    return TableImage([TableLayer(files + [f("opt/big", BIG), f("opt/last", name)], form), top()])

def lying(change):
    """An image whose table says something else of opt/20 than the archive: its mode, or that it begins further on."""
    def lie(toc):
        one = next(e for e in toc if e["name"] == "opt/20")
        if change == "mode":
            one["mode"] = 0o777
        else:
            plain = member(f("opt/20", SMALL[20]))[512:] + member(f("opt/21", SMALL[21]))
            one |= {"innerOffset": 100, "chunkDigest": digest(plain[100 : 100 + len(SMALL[20])])}
        return toc
    files = [d("opt")] + [f(f"opt/{i:02}", x) for i, x in enumerate(SMALL)] + [f("opt/last", change)]
    return TableImage([TableLayer(files, lie=lie)])

@functools.cache
def images():
    return pickle.load(open(os.environ["T"] + "/images", "rb"))

def image(form, name=""):
    return images()[form, name]

def place(layer, data):
    """Where in the blob the middle of a small file lies."""
    if "zstd" in layer.type:
        return layer.blob.index(data[200:600]) + 100  # noise is stored as it is
    at = -1
    while True:
        at = layer.blob.index(b"\x1f\x8b\x08", at + 1)
        if zlib.decompressobj(31).decompress(layer.blob[at:]).startswith(data):
            return at + len(data) // 2
END
T=$T python3 -c "
from samples import *
with open('$T/images', 'wb') as file:
    pickle.dump({(form, name): make(form, name) for form in FORMS for name in NAMES
                 if not name or form in (\"estargz\", \"chunked\")}, file)
write_layout('$T/layout', {form: image(form) for form in FORMS})
"

sample() { T=$T python3 -c "import sys
from samples import *
sys.stdout.buffer.write($1)"; }

hostile <<'END'
from samples import *
for change in "mode", "content":
    serve("lying-" + change, "v1", lying(change))
for (form, name), what in images().items():
    serve(f"{form}-{name}" if name else form, "v1", what)

def flip(form, name, at, times=1000):
    """A byte of the first layer comes inverted, so many times, until $T/right is there."""
    layer = image(form, name).layers[0]
    def call(request):
        nonlocal times
        first, _, last = request["headers"].get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        if int(first) <= at <= int(last or len(layer.blob)) and times > 0 and not os.path.exists(env["T"] + "/right"):
            times -= 1
            return dict(flip=at - int(first))
    on(f"GET /v2/{form}-{name}/blobs/{layer.digest}", call=call)

def is_down(request):
    if os.path.exists(env["T"] + "/down"):
        return dict(reset=1)

for form in "estargz", "chunked":
    small = lambda name: place(image(form, name).layers[0], SMALL[20])
    flip(form, "retry", small("retry"), times=1)
    flip(form, "wrong", small("wrong"))
    layer = image(form, "table").layers[0]
    flip(form, "table", len(layer.blob) - (300 if form == "chunked" else 200), times=2)
    on(f"GET /v2/{form}-once/blobs/", ignore_range=True)
    # Names a layer of another image, and has its own table of it, and its own bytes.
    honest = image(form, "victim").layers[0]
    layer = TableLayer([d("opt"), f("opt/20", "evil"), f("opt/evil", "evil")], form)
    evil = TableImage([layer, top()])
    layer.about = {**layer.about, "digest": honest.digest}
    evil.seal()
    serve(f"{form}-evil", "v1", evil)
    state.blobs[f"{form}-evil", honest.digest] = layer.blob
    on(f"/v2/{form}-gone/", call=is_down)
END
mount_store

for FORM in $FORMS; do
    export FORM
    it "$FORM: a listing brings the table, and nothing of the files" '
        ls "$(root $FORM)" "$(root $FORM)/opt" >/dev/null
        find "$(root $FORM)" >/dev/null
        [ "$(bytes $FORM)" -lt 40000 ]
    '
    it "$FORM: a small file brings its chunk" '
        before=$(bytes $FORM)
        sample "SMALL[20]" | cmp - "$(root $FORM)/opt/20"
        after=$(bytes $FORM)
        most=10000 # where small ones share a member, all of that
        [ $FORM != shared ] || most=300000
        [ "$((after - before))" -ge 3000 ] && [ "$((after - before))" -le $most ]
        sample "SMALL[20]" | cmp - "$(root $FORM)/opt/20"
        eq "$(bytes $FORM)" "$after"
    '
    it "$FORM: st_blocks says what is here, and never 0 of a file that has content" '
        until_true 10 "[ \$(stat -c %b $(root $FORM)/opt/20) = 6 ]"
        eq "$(stat -c %b,%s "$(root $FORM)/opt/big")" 1,200000
        cat "$(root $FORM)/opt/big" >/dev/null
        until_true 10 "[ \$(stat -c %b $(root $FORM)/opt/big) = 391 ]"
        tar -C "$(root $FORM)/opt" -cS 39 | tar -xO | cmp - <(sample "SMALL[39]")
    '
    it "$FORM: every entry is as it is in the archive" '
        python3 "$HERE/oracle.py" merge "$T/layout:$FORM" >"$T/wanted-$FORM"
        grep -v -e no.prefetch.landmark -e stargz.index.json "$T/wanted-$FORM" >"$T/shown-$FORM"
        seconds=
        [ $FORM = chunked ] || seconds=,mtime
        python3 "$HERE/compare.py" "$T/shown-$FORM" "$(root $FORM)" --ignore nlink:dir$seconds
    '
    it "$FORM: nothing comes twice" '
        grep -q "^00 *table" "$M/images/$H/$FORM/v1/status"
        [ "$(bytes $FORM)" -le "$(size $FORM)" ]
        eq "$(ranges "$H_LOG" "$(layer $FORM)" | sort | uniq -d)" ""
    '
    it "$FORM: rootfs.tar is what was pulled" '
        tar tf "$M/images/$H/$FORM/v1/export/rootfs.tar" >"$T/names"
        eq "$(wc -l <"$T/names")" "$(wc -l <"$T/shown-$FORM")"
        tar xOf "$M/images/$H/$FORM/v1/export/rootfs.tar" opt/big | cmp - <(sample BIG)
    '
    it "$FORM: the blob of a layer is whole, and brings only the rest" '
        before=$(bytes $FORM)
        eq "sha256:$(sha "$M/images/$H/$FORM/v1/layers/00/blob")" "$(layer $FORM)"
        eq "$(bytes $FORM)" "$(size $FORM)"
        eq "$(ls "$STORE"/partial)" ""
        sample "SMALL[21]" | cmp - "$(root $FORM)/opt/21"
    '
done

it "when they are whole, every entry is the same" '
    unmount_store
    mount_store -o offline
    eq "$(ls "$STORE"/derived/layers | grep table)" ""
    for form in $FORMS; do
        seconds=
        python3 "$HERE/compare.py" "$T/wanted-$form" "$(root $form)" --ignore nlink:dir
    done
    unmount_store
    mount_store
'

# --- what goes wrong -----------------------------------------------------------------------------

for FORM in estargz chunked; do
    export FORM
    it "$FORM: what an image says of a layer says nothing of another image that has it" '
        eq "$(cat "$(root $FORM-evil)/opt/20")" evil
        sample "SMALL[20]" | cmp - "$(root $FORM-victim)/opt/20"
        [ ! -e "$(root $FORM-victim)/opt/evil" ]
        sample BIG | cmp - "$(root $FORM-victim)/opt/big"
        eq "$(cat "$(root $FORM-evil)/opt/20" "$(root $FORM-evil)/opt/evil")" evilevil
    '
    it "$FORM: bytes that were spoilt on the way come again" '
        sample "SMALL[20]" | cmp - "$(root $FORM-retry)/opt/20"
    '
    it "$FORM: bytes that stay wrong are EBADMSG, and all else reads on" '
        ls "$(root $FORM-wrong)/opt" >/dev/null
        expect_errno EBADMSG read "$(root $FORM-wrong)/opt/20"
        has "$(tail -1 "$M/ctl/events")" EBADMSG
        sample "SMALL[21]" | cmp - "$(root $FORM-wrong)/opt/21"
        sample BIG | cmp - "$(root $FORM-wrong)/opt/big"
    '
    it "$FORM: when they are right again, they read" '
        touch "$T/right"
        until_true 30 "sample \"SMALL[20]\" | cmp -s - \"$(root $FORM-wrong)/opt/20\""
        rm "$T/right"
    '
    it "$FORM: a table of another digest is not believed: all of the layer comes" '
        sample BIG | cmp - "$(root $FORM-table)/opt/big"
        grep -q "$(layer $FORM-table).*EBADMSG" "$M/ctl/events"
        grep -q "^00 *whole" "$M/images/$H/$FORM-table/v1/status"
    '
    it "$FORM: where ranges are ignored, all comes once" '
        sample "SMALL[20]" | cmp - "$(root $FORM-once)/opt/20"
        sample BIG | cmp - "$(root $FORM-once)/opt/big"
        eq "$(ranges "$H_LOG" "$(layer $FORM-once)" | wc -l)" 1
    '
    it "$FORM: without the registry, what is here reads on, and the rest says so" '
        ls "$(root $FORM-gone)/opt" >/dev/null
        cat "$(root $FORM-gone)/opt/20" >/dev/null
        touch "$T/down"
        sample "SMALL[20]" | cmp - "$(root $FORM-gone)/opt/20"
        errno=$(errno_of read "$(root $FORM-gone)/opt/30")
        matches "$errno" "EPROTO|ECONNRESET|EHOSTUNREACH|ETIMEDOUT"
        rm "$T/down"
        until_true 30 "sample \"SMALL[30]\" | cmp -s - \"$(root $FORM-gone)/opt/30\""
    '
    it "$FORM: what came outlasts a kill" '
        cat "$(root $FORM-killed)/opt/20" "$(root $FORM-killed)/opt/21" >/dev/null
        map=$(echo "$STORE/partial/$(layer $FORM-killed | cut -d: -f2)".*.map)
        until_true 20 "[ \$(stat -c %s $map) -gt 100 ]"
        digest=$(layer $FORM-killed)
        before=$(ranges "$H_LOG" "$digest" | wc -l)
        kill -9 "$(pid_of imagefs)"
        gone "$(pid_of imagefs)"
        remount_store
        sample "SMALL[20]" | cmp - "$(root $FORM-killed)/opt/20"
        sample "SMALL[21]" | cmp - "$(root $FORM-killed)/opt/21"
        eq "$(ranges "$H_LOG" "$digest" | wc -l)" "$before"
    '
    it "$FORM: a pull fetches the rest, and no more" '
        cat "$(root $FORM-rest)/opt/20" "$(root $FORM-rest)/opt/big" >/dev/null
        pull "$H/$FORM-rest:v1" >/dev/null
        eq "$(bytes $FORM-rest)" "$(size $FORM-rest)"
        valid_store
        sample BIG | cmp - "$(root $FORM-rest)/opt/big"
    '
    it "$FORM: a map that a crash has left alone goes with the next prune" '
        map="$STORE/partial/$(layer $FORM-rest | cut -d: -f2).$(size $FORM-rest).map"
        echo left >"$map"
        ctl prune >/dev/null
        [ ! -e "$map" ]
    '
    it "$FORM: what is held goes with the image" '
        digest=$(layer $FORM-gone)
        eq "$(ls "$STORE/partial" | grep -c "^${digest#*:}")" 2
        ctl rmi "-f $H/$FORM-gone:v1" >/dev/null
        eq "$(ls "$STORE/partial" | grep -c "^${digest#*:}")" 0
        [ ! -e "$STORE/derived/layers/${digest#*:}.table" ]
    '
done

for CHANGE in mode content; do
    export CHANGE
    it "a table that says otherwise than the archive ($CHANGE) is EBADMSG when the layer is whole, and is not used any more" '
        name=lying-$CHANGE
        seen() { (stat -c %a "$(root $name)/opt/20"; cat "$(root $name)/opt/20") | sha256sum; }
        by_table=$(seen)
        expect_errno EBADMSG write "$M/ctl/pull" "$H/$name:v1"
        tail -1 "$M/ctl/events" | grep "says otherwise than the archive: $CHANGE of .*opt/20"
        pull "$H/$name:v1" >/dev/null
        remount_store
        archive=$( (echo 644; sample "SMALL[20]") | sha256sum)
        eq "$(seen)" "$archive"
        [ "$by_table" != "$archive" ]
    '
done

it "readers that want one chunk fetch it once" '
    cd "$(root chunked-many)/opt"
    for i in {1..20}; do cat 30 >"$T/many.$i" & done
    wait
    for i in {1..20}; do sample "SMALL[30]" | cmp - "$T/many.$i"; done
    eq "$(ranges "$H_LOG" "$(layer chunked-many)" | sort | uniq -d)" ""
'
it "fetch=whole fetches all, also of what was read lazily" '
    remount_store -o fetch=whole
    sample "SMALL[20]" | cmp - "$(root estargz-many)/opt/20"
    fails bytes estargz-many
    sample "SMALL[30]" | cmp - "$(root chunked-many)/opt/30"
    eq "$(bytes chunked-many)" "$(size chunked-many)"
'
it "fetch=background fetches the rest behind what is read" '
    remount_store -o fetch=background
    sample "SMALL[20]" | cmp - "$(root estargz-later)/opt/20"
    until_true 60 "grep -q \"^all *whole\" \"$M/images/$H/estargz-later/v1/status\""
    twice=$(($(bytes estargz-later) - $(size estargz-later))) # what was wanted while the rest was on its way
    [ "$twice" -ge 0 ] && [ "$twice" -le 10000 ]
    # What it was read from goes when the blob is published.
    held=$STORE/partial/$(layer estargz-later | cut -d: -f2)
    until_true 10 "! compgen -G \"$held*\""
    sample BIG | cmp - "$(root estargz-later)/opt/big"
'
it "the store is valid" valid_store
finish
