#!/bin/bash
# SPDX-License-Identifier: MIT
# Ordinary layers that are read before they are downloaded, by zTOCs: those that a manifest names, and those that
# were attached to it.
. "$(dirname "$0")/lib.sh"
need_fuse
FORMS="gzip first members plain"
export T PYTHONPATH=$T:$HERE
cat >"$T/samples.py" <<'END'
import pickle, random
from soci import *
noise = random.Random(6)
BIG = noise.randbytes(60000)
SMALL = [noise.randbytes(1000) for _ in range(40)]
HOW = {"gzip": {}, "first": dict(first=True), "members": dict(members=3), "plain": dict(compressed=False)}
NAMES = ["retry", "wrong", "table", "gone", "rest", "later", "mode", "swapped", "version", "zstd", "lost", "other", "held"]

def files(name):
    head = sample() if name in HOW else [d("etc")]
    return head + [d("opt")] + [f(f"opt/{i:02}", x) for i, x in enumerate(SMALL)] + [f("opt/big", BIG), f("opt/last", name)]

def top():
    """Small, and without a zTOC."""
    return Layer([wh("etc/html"), f("etc/new", "new\n"), d("usr/more"), h("usr/more/a", "etc/new")])

def change(name):
    def mode(z):
        z.entries = [replace(e, mode=0o777) if e.name == b"opt/20" else e for e in z.entries]
        return z
    def swapped(z):
        z.entries = [replace(e, data=e.data[:-1]) if e.name == b"opt/20" else e for e in z.entries]
        return z
    def version(z):
        z.version = "1.0"
        return z
    def zstd(z):
        z.algorithm = 3
        return z
    def other(z):
        z.packed += 1
        return z
    return locals().get(name, lambda z: z)

def make(name):
    return SociImage([PlainLayer(files(name), change=change(name), **HOW.get(name, {})), top()])

IMAGES = os.environ["T"] + "/images"
images = lambda: pickle.load(open(IMAGES, "rb"))
END
python3 -c "
from samples import *
made = {name: make(name) for name in list(HOW) + NAMES}
made['given'] = SociImage([GivenLayer('$HERE/data/soci')])
unsaid = TableImage([top(), TableLayer(files('unsaid'))])
unsaid.config_doc['rootfs']['diff_ids'].pop()
made['unsaid'] = unsaid.seal()
made['v1'] = Image([PlainLayer(files('v1')), top()])
made['v1-foreign'] = Image([PlainLayer(files('v1-foreign')), top()])
pickle.dump(made, open(IMAGES, 'wb'))
write_layout('$T/layout', {name: made[name].image for name in [*HOW, 'given']})
"

state() { awk '$1 == "00" { print $2 }' "$M/images/$H/$1/v1/status"; }
sample() { python3 -c "import sys
from samples import *
sys.stdout.buffer.write($1)"; }

hostile <<'END'
from samples import *
made = images()
for name, image in made.items():
    serve(name, "v1", image)

def place(name):
    """Where in the blob the middle of a small file's span lies."""
    first, end = made[name].layers[0].span_of("opt/20")
    return (first + end) // 2

def flip(name, at, times=1000):
    layer = made[name].layers[0]
    def call(request):
        nonlocal times
        first, _, last = request["headers"].get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        if int(first) <= at <= int(last or len(layer.blob)) and times > 0 and not os.path.exists(env["T"] + "/right"):
            times -= 1
            return dict(flip=at - int(first))
    on(f"GET /v2/{name}/blobs/{layer.digest}", call=call)

flip("retry", place("retry"), times=1)
flip("wrong", place("wrong"))
on(f"GET /v2/table/blobs/{digest(made['table'].layers[0].ztoc)}", flip=1000)
on(f"GET /v2/lost/manifests/{made['lost'].soci.digest}", status=404)
on("/v2/gone/", call=lambda request: dict(reset=1) if os.path.exists(env["T"] + "/down") else None)

TYPE = {"Content-Type": OCI_INDEX}
for name, of in ("v1", made["v1"]), ("v1-foreign", made["v1"]):
    index = SociIndex(made[name].layers, version=1, subject=of)
    state.documents[name, index.digest] = index.documents()[0]
    for data in index.blobs():
        state.blobs[name, digest(data)] = data
    on(f"GET /v2/{name}/referrers/{made[name].digest}", status=200, body=Referrers([index]).manifest, headers=TYPE)
END
mount_store

for FORM in ${ONLY_FORMS-$FORMS}; do
    export FORM
    it "$FORM: a listing brings the zTOC, and nothing of the files" '
        ls "$(root $FORM)" "$(root $FORM)/opt" >/dev/null
        find "$(root $FORM)" >/dev/null
        eq "$(bytes $FORM)" 0
        eq "$(state $FORM)" table
    '
    it "$FORM: a small file brings its span" '
        sample "SMALL[20]" | cmp - "$(root $FORM)/opt/20"
        after=$(bytes $FORM)
        [ "$after" -ge 1000 ] && [ "$after" -le 200000 ]
        sample "SMALL[20]" | cmp - "$(root $FORM)/opt/20"
        eq "$(bytes $FORM)" "$after"
    '
    it "$FORM: every entry is as it is in the archive" '
        python3 "$HERE/oracle.py" merge "$T/layout:$FORM" >"$T/wanted-$FORM"
        python3 "$HERE/compare.py" "$T/wanted-$FORM" "$(root $FORM)" --ignore nlink:dir
    '
    it "$FORM: nothing comes twice, but where two requests meet" '
        [ "$(bytes $FORM)" -le "$(($(size $FORM) + 70000))" ]
        eq "$(ranges "$H_LOG" "$(layer $FORM)" | sort | uniq -d)" ""
    '
    it "$FORM: a SOCI index is no platform" '
        eq "$(ls "$M/images/$H/$FORM/v1/platforms")" linux-amd64
        [ "$(jq -r .config.mediaType "$M/images/$H/$FORM/v1/manifest.json")" = application/vnd.oci.image.config.v1+json ]
    '
    it "$FORM: the blob of a layer is whole, and brings only the rest" '
        eq "sha256:$(sha "$M/images/$H/$FORM/v1/layers/00/blob")" "$(layer $FORM)"
        [ "$(bytes $FORM)" -le "$(($(size $FORM) + 70000))" ]
        eq "$(ls "$STORE"/partial)" ""
    '
done

it "a zTOC of soci-snapshotter itself reads as the archive" '
    python3 "$HERE/oracle.py" merge "$T/layout:given" >"$T/wanted-given"
    python3 "$HERE/compare.py" "$T/wanted-given" "$(root given)" --ignore nlink:dir
    eq "$(state given)" table
    pull "$H/given:v1" >/dev/null
    python3 "$HERE/compare.py" "$T/wanted-given" "$(root given)" --ignore nlink:dir
'
it "a layer of which the config says nothing comes whole, though it has a table" '
    sample "SMALL[20]" | cmp - "$M/images/$H/unsaid/v1/layers/01/diff/opt/20"
    has "$(sed -n 3p "$M/images/$H/unsaid/v1/status")" whole
'
it "when they are whole, every entry is the same" '
    unmount_store
    mount_store -o offline
    eq "$(ls "$STORE"/derived/layers | grep ztoc)" ""
    for form in $FORMS; do
        python3 "$HERE/compare.py" "$T/wanted-$form" "$(root $form)" --ignore nlink:dir
    done
    unmount_store
    mount_store
'

# --- what goes wrong -----------------------------------------------------------------------------

it "bytes that were spoilt on the way come again" '
    sample "SMALL[20]" | cmp - "$(root retry)/opt/20"
'
it "bytes that stay wrong are EBADMSG, and all else reads on" '
    ls "$(root wrong)/opt" >/dev/null
    expect_errno EBADMSG read "$(root wrong)/opt/20"
    has "$(tail -1 "$M/ctl/events")" EBADMSG
    sample "BIG[-9:]" | cmp - <(tail -c 9 "$(root wrong)/opt/big")
'
it "when they are right again, they read" '
    touch "$T/right"
    until_true 30 "sample \"SMALL[20]\" | cmp -s - \"$(root wrong)/opt/20\""
    rm "$T/right"
'
for NAME_OF in "table EBADMSG" "version EOPNOTSUPP" "zstd EOPNOTSUPP" "other EBADMSG" "lost ENOENT"; do
    export NAME_OF
    it "one that cannot be used ($NAME_OF) is told of, and all of the layer comes" '
        read -r name errno <<<"$NAME_OF"
        sample BIG | cmp - "$(root $name)/opt/big"
        eq "$(state $name)" whole
        grep -q "$errno" "$M/ctl/events"
        sample "SMALL[20]" | cmp - "$(root $name)/opt/20"
    '
done
it "without the registry, what is here reads on, and the rest says so" '
    ls "$(root gone)/opt" >/dev/null
    cat "$(root gone)/opt/20" >/dev/null
    touch "$T/down"
    sample "SMALL[20]" | cmp - "$(root gone)/opt/20"
    errno=$(errno_of read "$(root gone)/opt/big")
    matches "$errno" "EPROTO|ECONNRESET|EHOSTUNREACH|ETIMEDOUT"
    rm "$T/down"
    until_true 30 "sample BIG | cmp -s - \"$(root gone)/opt/big\""
'
it "a pull fetches the rest, and no more" '
    cat "$(root rest)/opt/20" >/dev/null
    pull "$H/rest:v1" >/dev/null
    [ "$(bytes rest)" -le "$(($(size rest) + 20))" ]
    valid_store
    sample BIG | cmp - "$(root rest)/opt/big"
'
it "another mount reads on by it" '
    sample "SMALL[20]" | cmp - "$(root held)/opt/20"
    until_true 20 "[ \$(stat -c %s $STORE/partial/$(layer held | cut -d: -f2).*.map) -gt 40 ]"
    unmount_store
    mount_store -o offline
    eq "$(state held)" table
    sample "SMALL[20]" | cmp - "$(root held)/opt/20"
    expect_errno ENETUNREACH read "$(root held)/opt/big"
    unmount_store
    mount_store
'
it "what is held goes with the image" '
    digest=$(layer held)
    [ -e "$STORE/derived/layers/${digest#*:}.ztoc" ]
    ctl rmi "-f $H/held:v1" >/dev/null
    [ "$(ls "$STORE/partial" | grep -c "^${digest#*:}")" = 0 ] && [ ! -e "$STORE/derived/layers/${digest#*:}.ztoc" ]
'
for CHANGE in mode swapped; do
    export CHANGE
    it "one that says otherwise than the archive ($CHANGE) is EBADMSG when the layer is whole, and is not used any more" '
        seen() { (stat -c %a "$(root $CHANGE)/opt/20"; cat "$(root $CHANGE)/opt/20") | sha256sum; }
        by_table=$(seen)
        expect_errno EBADMSG write "$M/ctl/pull" "$H/$CHANGE:v1"
        tail -1 "$M/ctl/events" | grep "says otherwise than the archive: .* of .*opt/20"
        pull "$H/$CHANGE:v1" >/dev/null
        remount_store
        eq "$(seen)" "$( (echo 644; sample "SMALL[20]") | sha256sum)"
        [ "$by_table" != "$(seen)" ]
    '
done
it "fetch=background fetches the rest behind what is read" '
    remount_store -o fetch=background
    sample "SMALL[20]" | cmp - "$(root later)/opt/20"
    until_true 60 "grep -q \"^all *whole\" \"$M/images/$H/later/v1/status\""
'

# --- those that refer to an image ----------------------------------------------------------------

it "one that refers to the image counts with index=referrers" '
    remount_store -o index=referrers
    sample "SMALL[20]" | cmp - "$(root v1)/opt/20"
    eq "$(state v1)" table
    [ "$(bytes v1)" -le 200000 ]
'
it "another mount, without it, does not read by what came of that" '
    remount_store
    eq "$(state v1)" none
    sample BIG | cmp - "$(root v1)/opt/big"
    eq "$(state v1)" whole
'
it "one that refers to another image does not count" '
    remount_store -o index=referrers
    sample "SMALL[20]" | cmp - "$(root v1-foreign)/opt/20"
    eq "$(state v1-foreign)" whole
    grep -q "refers to another image" "$M/ctl/events"
'

# --- those that we make --------------------------------------------------------------------------

start_registry
cat >"$T/push.py" <<'END'
from samples import *
words = b" ".join(b"word%d" % noise.randrange(3000) for _ in range(900000))
more = [d("opt"), f("opt/words", words), f("opt/20", SMALL[20]), f("opt/zeros", bytes(9 << 20)), f("opt/end", b"end")]
gz, plain = Layer(sample() + more), Layer([d("var")] + more[1:], how="plain")
flushed, members = Layer([d("srv"), f("srv/f", words)], how="flushed"), Layer([d("run"), f("run/m", words)], how="members")
sparse = Layer([Entry(b"sparse", sparse="1.0", extents=[(4096, b"x" * 512)], size=99999)])
image = Image([gz, plain, flushed, members, sparse, Layer([f("z", words)], how="zstd")])
write_layout(os.environ["T"] + "/made", {"v1": image})
Registry(os.environ["R"]).push("app", "v1", image)
for n, layer in enumerate([gz, plain, flushed, members]):
    open(os.environ["T"] + f"/blob{n}", "wb").write(layer.blob)
END
R=$R python3 "$T/push.py"
at_registry() { curl -sfH "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json" "http://$R/v2/app/manifests/$1"; }
it "ctl/index makes zTOCs of what can have one, and says so" '
    ctl index "$R/app:v1" >"$T/out"
    eq "$(grep -c ": zTOC sha256:" "$T/out")" 4
    grep -q ": No zTOC: .*sparse" "$T/out"
    grep -q ": No zTOC: .*zstd" "$T/out"
    grep -q "^SOCI index: digest: sha256:" "$T/out"
'
it "the index refers to the image, as soci-snapshotter has it" '
    digest=$(readlink "$M/images/$R/app/v1")
    at_registry "sha256-${digest#*:}" >"$T/list"
    eq "$(jq -r ".manifests[].artifactType" "$T/list")" application/vnd.amazon.soci.index.v1+json
    at_registry "$(jq -r ".manifests[0].digest" "$T/list")" >"$T/index"
    eq "$(jq -r .subject.digest "$T/index")" "$digest"
    eq "$(jq -r .config.mediaType "$T/index")" application/vnd.amazon.soci.index.v1+json
    eq "$(jq -r ".layers[0].annotations.\"com.amazon.soci.image-layer-digest\"" "$T/index")" "$(jq -r .layers[0].digest "$M/images/$R/app/v1/manifest.json")"
'
it "its zTOCs are what the schema says: a reader of their own finds every file in them" '
    for n in 0 1 2 3; do
        curl -sf "http://$R/v2/app/blobs/$(jq -r ".layers[$n].digest" "$T/index")" >"$T/ztoc$n"
        python3 "$HERE/soci.py" read "$T/ztoc$n" "$T/blob$n"
    done
'
it "a second one changes nothing" '
    ctl index "$R/app:v1" >"$T/again"
    eq "$(grep -e zTOC -e SOCI "$T/again")" "$(grep -e zTOC -e SOCI "$T/out")"
    digest=$(readlink "$M/images/$R/app/v1")
    at_registry "sha256-${digest#*:}" | cmp - "$T/list"
'
it "another machine reads the image by it" '
    unmount_store
    mount_store -s "$T/other" -o index=referrers
    before=$M/images/$R/app/v1
    sample "SMALL[20]" | cmp - "$before/rootfs/opt/20"
    eq "$(awk "\$1 ~ /^0/ { print \$2 }" "$before/status" | xargs)" "table table table table whole whole"
    [ "$(awk "\$1 == \"00\" { print (\$3 < \$4 / 2) }" "$before/status")" = 1 ]
    python3 "$HERE/compare.py" "$T/made:v1" "$before/rootfs" --ignore nlink:dir
    pull "$R/app:v1" >/dev/null
    eq "$(awk "/^all/ { print \$2 }" "$before/status")" whole
    unmount_store
    mount_store
'
it "what cannot be indexed is told" '
    push_image none v1 "Image([Layer([f(\"z\", \"z\")], how=\"zstd\")])" >/dev/null
    expect_errno EOPNOTSUPP write "$M/ctl/index" "$R/none:v1"
    expect_errno EINVAL write "$M/ctl/index" "-a $R/none"
    expect_errno ENOENT write "$M/ctl/index" "$R/nothing:v1"
'
it "the store is valid" valid_store
finish
