#!/bin/bash
# SPDX-License-Identifier: MIT
# Layers that are read before they are downloaded: what comes, that it is right, and what happens when it is not.
. "$(dirname "$0")/lib.sh"
need_fuse
FORMS="estargz legacy parts shared chunked"
export T PYTHONPATH=$T:$HERE
cat >"$T/samples.py" <<'END'
import functools, pickle, random
from lazy import *
noise = random.Random(5)
BIG = noise.randbytes(200000)
SMALL = [noise.randbytes(3000) for _ in range(40)]
NAMES = ["", "retry", "wrong", "table", "once", "gone", "killed", "rest"]

def top():
    return Layer([wh("etc/html"), f("etc/new", "new\n"), d("usr/more"), h("usr/more/a", "etc/new")])

def make(form, name):
    """One of its own for every name: what the store has is not asked for again."""
    files = (sample() if not name else [d("etc")]) + [d("opt")] + [f(f"opt/{i:02}", x) for i, x in enumerate(SMALL)]
    return TableImage([TableLayer(files + [f("opt/big", BIG), f("opt/last", name)], form), top()])

@functools.cache
def images():
    return pickle.load(open(os.environ["T"] + "/images", "rb"))

def image(form, name=""):
    return images()[form, name]

def place(layer, data):
    """Where in the blob noise lies, which is stored as it is."""
    return layer.blob.find(data[200:600])
END
T=$T python3 -c "
from samples import *
with open('$T/images', 'wb') as file:
    pickle.dump({(form, name): make(form, name) for form in FORMS for name in NAMES}, file)
write_layout('$T/layout', {form: image(form) for form in FORMS})
"

# ranges LOG DIGEST: what was asked for of a blob, a line each: "FIRST-LAST", or "all".
ranges() {
    jq -r --arg d "$2" 'select(.method == "GET" and (.path | endswith($d))) | .headers.range // "all"' "$1" | sed 's/bytes=//'
}
# bytes FORM: the sum of what was asked for of its layer; fails where all of it was, in one piece.
bytes() {
    ranges "$H_LOG" "$(layer "$1")" |
        awk -F- -v size="$(size "$1")" '/all/ { exit 1 } { n += ($2 == "" ? size : $2 + 1) - $1 } END { print n + 0 }'
}
layer() { jq -r '.layers[0].digest' "$M/images/$H/$1/v1/manifest.json"; }
size() { jq -r '.layers[0].size' "$M/images/$H/$1/v1/manifest.json"; }
root() { echo "$M/images/$H/$1/v1/rootfs"; }
sample() { T=$T python3 -c "import sys
from samples import *
sys.stdout.buffer.write($1)"; }

hostile <<'END'
from samples import *
for (form, name), what in images().items():
    serve(f"{form}-{name}" if name else form, "v1", what)

def flip(form, name, at, **how):
    """A byte of the first layer comes inverted."""
    layer = image(form, name).layers[0]
    def call(request):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", request["headers"].get("range", ""))
        if wanted and int(wanted[1]) <= at <= int(wanted[2]):
            return dict(flip=at - int(wanted[1]))
    on(f"GET /v2/{form}-{name}/blobs/{layer.digest}", call=call, **how)

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
    it "$FORM: every entry is as it is in the archive" '
        python3 "$HERE/oracle.py" merge "$T/layout:$FORM" >"$T/wanted-$FORM"
        grep -v -e no.prefetch.landmark -e stargz.index.json "$T/wanted-$FORM" >"$T/shown-$FORM"
        seconds=
        [ $FORM = chunked ] || seconds=,mtime
        python3 "$HERE/oracle.py" list "$(root $FORM)" >"$T/found"
        python3 "$HERE/compare.py" "$T/shown-$FORM" "$T/found" --ignore nlink:dir$seconds
    '
    it "$FORM: nothing comes twice" '
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
    for form in $FORMS; do
        eq "$(ls "$STORE"/derived/layers | grep table)" ""
        python3 "$HERE/oracle.py" list "$(root $form)" >"$T/found"
        python3 "$HERE/compare.py" "$T/wanted-$form" "$T/found" --ignore nlink:dir
    done
'
