#!/bin/bash
# SPDX-License-Identifier: MIT
# What lies in front of a layer's landmark is wanted first: when it comes, and when it does not.
. "$(dirname "$0")/lib.sh"
need_fuse
FORMS="estargz zstd"
export T PYTHONPATH=$T:$HERE
cat >"$T/samples.py" <<'END2'
import random
from lazy import *

def noise(name, size=3000):
    return random.Random(name).randbytes(size)

def layer(name, form, where, early):
    """30 files that are wanted first, as `early` says, and 30 others; one of its own for every name."""
    first, rest = ([f(f"{where}/{kind}{i:02}", noise(f"{name}{where}{kind}{i}")) for i in range(30)] for kind in ("first", "later"))
    # What the table of contents comes with is of no file above.
    rest.append(f(f"{where}/last", noise("last" + name + where, 20000)))
    first = [d(where)] + first
    return TableLayer(rest, form, early=first) if early else TableLayer(first + rest, form)

def write_files(name, entries):
    for e in entries:
        path = f"{os.environ['T']}/wanted/{name}/{text(e.name)}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "wb").write(e.data)

class Landmarked(TableImage):
    def __init__(self, name, form="estargz", early=True):
        super().__init__([layer(name, form, "low", early), layer(name, form, "top", early)])
        self.name = name

def landmark(layer):
    """Where the blob has what lies behind the files that are wanted first: so its table says."""
    if "gzip" in layer.type:
        table = json.loads(layer.tar[layer.tar.rindex(b'{\n\t"version"') :].rstrip(b"\0"))
    else:
        at, packed, _, _ = map(int, layer.about["annotations"][ESTARGZ_CHUNKED + "manifest-position"].split(":"))
        table = json.loads(zstd.decompress(layer.blob[at : at + packed]))
    return next((e["offset"] for e in table["entries"] if e["name"] == PREFETCH), 0)
END2

hostile <<'END2'
from samples import *
IMAGES = {"estargz": {}, "zstd": dict(form="zstd"), "estargz-none": dict(early=False), "zstd-none": dict(form="zstd", early=False)}
IMAGES |= {name: {} for name in ("layers", "behind", "gone", "wrong")}
images = {name: Landmarked(name, **how) for name, how in IMAGES.items()}
for name, image in images.items():
    serve(name, "v1", image)
    for at, where in enumerate(["low", "top"]):
        with open(env["T"] + "/landmarks", "a") as file:
            print(name, at, landmark(image.layers[at]), file=file)
        for kind in "first", "later":
            write_files(name, [f(f"{where}/{kind}{i:02}", noise(f"{name}{where}{kind}{i}")) for i in range(30)])

def first_of(request):
    return int(request["headers"]["range"].removeprefix("bytes=").partition("-")[0])

wrong = True
def is_wrong(request):
    global wrong
    if first_of(request) == 0 and wrong:
        wrong = False
        return dict(flip=5000)

on(f"GET /v2/wrong/blobs/{images['wrong'].layers[0].digest}", call=is_wrong)

# Who reads waits until $T/open is there; what is wanted first is not asked for meanwhile.
gone = images["gone"].layers[1]
def waits(request):
    if landmark(gone) < first_of(request) < len(gone.blob) - 9000:
        return dict(gate=(1000, env["T"] + "/open"))
on(f"GET /v2/gone/blobs/{gone.digest}", call=waits)
END2
mount_store

digest() { jq -r ".layers[$2].digest" "$M/images/$H/$1/v1/manifest.json"; }
asked_of() { ranges "$H_LOG" "$(digest "$1" "$2")"; } # NAME LAYER
landmark() { awk -v name="$1" -v layer="${2:-0}" '$1 == name && $2 == layer { print $3 }' "$T/landmarks"; }
# early NAME LAYER LANDMARK: the bytes in front of the landmark that were asked for.
early() { asked_of "$1" "$2" | awk -F- -v end="$3" '{ last = $2 + 1 < end ? $2 + 1 : end } last > $1 { n += last - $1 } END { print n + 0 }'; }
come() { until_true 20 "grep -q \"first files of $H/$1@.*\\\"ok\\\"\" \"$M/ctl/events\""; }
is_right() { cmp "$(root "$1")/$2" "$T/wanted/$1/$2"; }

for FORM in $FORMS; do
    export FORM
    it "$FORM: a listing and the attributes bring nothing of what is wanted first" '
        find "$(root $FORM)" -ls | grep -c -e first00 >"$T/count"
        eq "$(cat "$T/count")" 2
        eq "$(find "$(root $FORM)" -name "*landmark*")" ""
        eq "$(early $FORM 0 "$(landmark $FORM)")" 0
        fails grep -q "first files of $H/$FORM@" "$M/ctl/events"
    '
    it "$FORM: the first file that is read has it come, of all layers, once" '
        cat "$(root $FORM)/top/later05" >/dev/null
        come $FORM
        for i in 0 1; do
            eq "$(early $FORM $i "$(landmark $FORM $i)")" "$(landmark $FORM $i)"
        done
        asked_of $FORM 0 >"$T/before"
        asked_of $FORM 1 >>"$T/before"
        for i in 00 15 29; do
            is_right $FORM low/first$i
            is_right $FORM top/first$i
        done
        (asked_of $FORM 0; asked_of $FORM 1) | cmp "$T/before" -
        [ "$(bytes $FORM)" -lt "$(size $FORM)" ]
    '
    it "$FORM: where the image wants nothing first, a file brings its own bytes alone" '
        is_right $FORM-none low/first05
        [ "$(bytes $FORM-none)" -lt 30000 ]
        fails grep -q "first files of $H/$FORM-none@" "$M/ctl/events"
    '
done
it "what came is there without a network" '
    remount_store -o offline
    is_right estargz low/first07
    is_right estargz top/first08
    expect_errno ENETUNREACH read "$(root estargz)/low/later20"
    remount_store
'
it "who looks at one layer, or at the layers up to one, gets what he looks at" '
    cat "$M/images/$H/layers/v1/layers/00/diff/low/first03" "$M/images/$H/layers/v1/layers/00/rootfs/low/later03" >/dev/null
    cat "$M/images/$H/layers/v1/layers/01/diff/top/first03" >/dev/null
    fails grep -q "first files of $H/layers@" "$M/ctl/events"
    [ "$(early layers 0 "$(landmark layers)")" -lt 10000 ]
'
it "it gives way to who reads" '
    cat "$(root gone)/top/later04" >/dev/null & reader=$!
    until_true 20 "[ \$(asked_of gone 1 | wc -l) -ge 2 ] && grep -q \"first files of\" \"$M/ctl/jobs\""
    fails grep -q "first files of $H/gone@" "$M/ctl/events"
    eq "$(early gone 0 "$(landmark gone)")" 0
    touch "$T/open"
    wait $reader
    come gone
    eq "$(early gone 0 "$(landmark gone)")" "$(landmark gone)"
'
it "what of it is wrong is fetched again by who reads it" '
    cat "$(root wrong)/top/later04" >/dev/null
    come wrong
    before=$(asked_of wrong 0 | wc -l)
    for i in {00..29}; do is_right wrong low/first$i; done
    eq "$(asked_of wrong 0 | wc -l)" $((before + 1))
'
it "fetch=background brings it first" '
    remount_store -o fetch=background
    is_right behind low/later03
    until_true 60 "grep -q \"^all *whole\" \"$M/images/$H/behind/v1/status\""
    low=$(digest behind 0) top=$(digest behind 1)
    jq -r "select(.method == \"GET\") | .path + \" \" + (.headers.range // \"\")" "$H_LOG" >"$T/log"
    until_here() { grep -n "$1" "$T/log" | sed -n "1s/:.*//p"; } # the line of it
    early=$(until_here "$top bytes=0-$(($(landmark behind 1) - 1))$")
    rest=$(until_here "$low bytes=$(landmark behind)-")
    [ -n "$early" ] && [ -n "$rest" ] && [ "$early" -lt "$rest" ] || fail "$(cat "$T/log")"
'
it "the store is valid" valid_store
finish
