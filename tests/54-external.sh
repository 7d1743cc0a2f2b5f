#!/bin/bash
# SPDX-License-Identifier: MIT
# eStargz layers whose tables of contents lie in another image: when that is asked for, and what it may say.
. "$(dirname "$0")/lib.sh"
need_fuse
export T PYTHONPATH=$T:$HERE
cat >"$T/samples.py" <<'END2'
import random
from lazy import *

def files(name):
    dice = random.Random(name)
    return [dice.randbytes(3000) for _ in range(30)]

def image(name, layer=ExternalLayer):
    """One of its own for every name."""
    first = [d("opt")] + [f(f"opt/{i:02}", x) for i, x in enumerate(files(name))]
    return TableImage([layer(first), layer([f("top", name)])])
END2
hostile <<'END2'
from samples import *
def tables(name, tag, image):
    serve(name, tag + "-esgztoc", image)

for name in "right", "digest", "tags", "denied", "down":
    serve(name, "v1", image(name))
    if name != "tags":
        tables(name, "v1", TocImage(image(name)))
    for i, data in enumerate(files(name)):
        os.makedirs(f"{env['T']}/wanted/{name}", exist_ok=True)
        open(f"{env['T']}/wanted/{name}/{i:02}", "wb").write(data)
serve("tags", "v2", image("tags"))
tables("tags", "v2", TocImage(image("tags")))
serve("inside", "v1", image("inside", TableLayer))
serve("none", "v1", image("none"))

on("/v2/denied/manifests/v1-esgztoc", status=403)
on("/v2/down/manifests/v1-esgztoc", call=lambda r: dict(redirect="http://127.0.0.1:1/") if os.path.exists(env["T"] + "/down") else None)

# One that says of its layers what another image's tables say; one that lacks the first layer; that is cut; that has other bytes.
serve("others", "v1", image("others"))
lying, honest = TocImage(image("right")), image("others")
for about, layer in zip(lying.manifest_doc["layers"], honest.layers):
    about["annotations"]["containerd.io/snapshot/stargz/layer.digest"] = layer.digest
tables("others", "v1", lying.seal())

serve("lacks", "v1", image("lacks"))
lacks = TocImage(image("lacks"))
lacks.manifest_doc["layers"] = lacks.manifest_doc["layers"][1:]
tables("lacks", "v1", lacks.seal())

for name, how in ("lost", dict(status=404)), ("spoilt", dict(flip=500)), ("short", dict(reset=400, times=1)):
    serve(name, "v1", image(name))
    tables(name, "v1", TocImage(image(name)))
    on(f"GET /v2/{name}/blobs/{digest(image(name).layers[0].table)}", **how)
END2
mount_store

state_of() { awk '$1 ~ /^[0-9]/ { print $2 }' "$M/images/$H/$1/v1/status" | paste -sd ' '; }
is_right() { cmp "$(root "$1")/opt/20" "$T/wanted/$1/20"; }

it "a listing brings the tables, which are found once for all layers, and nothing of the files" '
    eq "$(ls "$(root right)" "$(root right)/opt" | grep -c "^[0-9][0-9]$")" 30
    eq "$(state_of right)" "table table"
    [ "$(bytes right)" -lt 10000 ]
    eq "$(asked "/v2/right/manifests/.*-esgztoc")" 1
'
it "a small file brings its chunk" '
    before=$(bytes right)
    is_right right
    [ $(($(bytes right) - before)) -ge 3000 ] && [ $(($(bytes right) - before)) -le 10000 ]
    eq "$(cat "$(root right)/top")" right
'
it "without a network it is read by them still" '
    remount_store -o offline
    is_right right
    expect_errno ENETUNREACH read "$(root right)/opt/05"
    remount_store
'
it "a pull fetches the rest, and all is as before" '
    pull "$H/right:v1" >/dev/null
    eq "$(bytes right)" "$(size right)"
    is_right right
    valid_store
'
it "no other image is asked for where layers bring their tables" '
    ls "$(root inside)" >/dev/null
    eq "$(state_of inside)" "table table"
    eq "$(asked "/v2/inside/.*esgztoc")" 0
'
it "an image that is known by its digest alone has no tag, and comes whole" '
    digest=$(curl -s "http://$H/v2/digest/manifests/v1" | sha256sum | cut -d" " -f1)
    cmp "$M/images/$H/digest/sha256:$digest/rootfs/opt/20" "$T/wanted/digest/20"
    eq "$(asked "/v2/digest/.*esgztoc")" 0
    eq "$(awk "\$1 ~ /^[0-9]/ { print \$2 }" "$M/images/$H/digest/sha256:$digest/status" | uniq)" whole
'
it "each tag that it is known by is tried" '
    ls -d "$M/images/$H/tags/v1/manifest.json" "$M/images/$H/tags/v2/manifest.json" >/dev/null
    is_right tags
    eq "$(state_of tags)" "table table"
    eq "$(asked "/v2/tags/manifests/v1-esgztoc")" 1
'
for NAME in none denied lost; do
    export NAME
    it "where there is no table, the layer comes whole: $NAME" '
        eq "$(cat "$(root $NAME)/top")" $NAME
        matches "$(state_of $NAME)" "^whole"
        grep -q "$(layer $NAME).*EOPNOTSUPP" "$M/ctl/events"
    '
done
it "a table that the other image does not have is of that layer alone" '
    eq "$(cat "$(root lacks)/top")" lacks
    eq "$(state_of lacks)" "whole table"
'
for NAME in others spoilt; do
    export NAME
    it "a table of another digest is not believed, and the layer comes whole: $NAME" '
        eq "$(cat "$(root $NAME)/top")" $NAME
        grep -q "$(layer $NAME).*EBADMSG" "$M/ctl/events"
        matches "$(state_of $NAME)" "^whole"
        eq "$(ls "$STORE/derived/layers" | grep -c "^$(layer $NAME | cut -d: -f2).table")" 0
    '
done
it "one that breaks off is gone on from" '
    eq "$(cat "$(root short)/top")" short
    eq "$(state_of short)" "table table"
'
it "a registry that does not say is an error, and all is well when it does" '
    touch "$T/down"
    ls -d "$(root down)" >/dev/null
    expect_errno ECONNREFUSED read "$(root down)/top"
    rm "$T/down"
    until_true 30 "ls \"$(root down)/opt\" >/dev/null"
    is_right down
    eq "$(state_of down)" "table table"
'
it "the store is valid" valid_store
finish
