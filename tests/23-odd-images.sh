#!/bin/bash
# SPDX-License-Identifier: MIT
# Images and archives that are not as buildkit makes them: what one entry has wrong costs that one.
. "$(dirname "$0")/lib.sh"
need_fuse
export T PYTHONPATH=$HERE
hostile <<'END'
from oci import *

serve("fallen", "v1", Image([Layer([f("stays", "x"), f("n" * 256, "x"), s("link", "t" * 5000), h("hard", "nothing"), f("p/" * 2100 + "f", "x")]),
                             Layer([f("more", "x"), f("m" * 300, "x")])]))

def odd(name, entries=None, artifact=None, config=lambda doc: None, config_type="keep", **how):
    image = Image([Layer(entries or [f("a", name)])], **how)
    config(image.config_doc)
    image.seal()
    if config_type != "keep":
        image.manifest_doc["config"].pop("mediaType")
        if config_type is not None:
            image.manifest_doc["config"]["mediaType"] = config_type
    if artifact:
        image.manifest_doc["artifactType"] = artifact
    image.seal = lambda: image
    image.manifest = dump(image.manifest_doc)
    image.digest = digest(image.manifest)
    serve(name, "v1", image)
    return image

for number, type in enumerate(["application/octet-stream", "text/html", "application/json", "", None]):
    odd(f"config{number}", config_type=type, docker=True)
odd("typed", artifact="application/vnd.example.app")
odd("slash", config=lambda doc: doc.update(architecture="linux/arm64"))
odd("blank", config=lambda doc: doc.update(os="linux "))
odd("chart", config_type="application/vnd.example.chart.config+json")
odd("table", config=lambda doc: doc.pop("rootfs"))
odd("links", [d(".wh..wh.plnk", 0o700), f(".wh..wh.plnk/12.34", "data"), h("a", ".wh..wh.plnk/12.34"), h("nothing", "not/here"), f("b", "b")])
END
mount_store

it "a config whose type says nothing is an image's, where the layers are" '
    for n in 0 1 2 3 4; do eq "$(cat "$(root config$n)/a")" config$n; done
'
it "an artifactType besides takes no rootfs away" 'eq "$(cat "$(root typed)/a")" typed'
it "an odd platform hides no files" '
    eq "$(cat "$(root slash)/a")" slash
    eq "$(cat "$(root blank)/a")" blank
    eq "$(ctl inspect "-f {{.Os}} $H/blank:v1")" "linux "
'
it "what is no image stays an artifact: by its config, and where that knows of no layer" '
    [ -f "$M/images/$H/chart/v1/blobs/0.layer.tar.gz" ] || ls "$M/images/$H/chart/v1/blobs"
    [ ! -e "$(root chart)" ] && [ ! -e "$(root table)" ]
    eq "$(ls "$M/images/$H/table/v1/blobs" | wc -l)" 1
'
it "a hard link to nothing costs that name; one to what aufs kept is the file" '
    eq "$(cat "$(root links)/a")" data
    eq "$(cat "$(root links)/b")" b
    [ ! -e "$(root links)/nothing" ]
    eq "$(stat -c %h "$(root links)/a")" 2
'

# archive NAME PYTHON: an archive of what the expression gives as (layout of tags to images, change of the layout).
cat >"$T/archive.py" <<'END'
import sys, tarfile
from oci import *
def make(out, images, edit):
    where = out + ".d"
    write_layout(where, images)
    index = json.load(open(where + "/index.json"))
    edit(index, where)
    json.dump(index, open(where + "/index.json", "w"))
    with tarfile.open(out, "w") as tar:
        tar.add(where, ".")
def unknown(index, where):
    body = b"{}"
    open(f"{where}/blobs/sha256/{digest(body)[7:]}", "wb").write(body)
    index["manifests"].insert(0, {"mediaType": "application/vnd.example.thing+json", "digest": digest(body), "size": 2})
def nothing(manifests):
    def edit(index, where):
        entry = index["manifests"][0]
        blob = lambda d: "blobs/" + d.replace(":", "/")
        doc = json.load(open(f"{where}/{blob(entry['digest'])}"))
        images = [{"Config": blob(doc["config"]["digest"]), "RepoTags": ["demo/none:1"], "Layers": [blob(x["digest"]) for x in doc["layers"]]}]
        json.dump(images, open(f"{where}/manifest.json", "w"))
        index["manifests"] = manifests
    return edit
def lie(index, where):
    index["manifests"][0]["annotations"] = {"io.containerd.image.name": "docker.io/library/app:1@sha256:" + "a" * 64}
def alone(index, where):
    unknown(index, where)
    index["manifests"] = index["manifests"][:1]
make(sys.argv[1], {"demo/good:1": Image([Layer([f("a", "good")])])}, eval(sys.argv[2]))
END
archive() { python3 "$T/archive.py" "$T/$1.tar" "$2"; }

it "load passes over what has a type that nobody knows, and says so" '
    archive unknown unknown
    answer=$(ctl load "-i $T/unknown.tar")
    has "$answer" "Loaded image: demo/good:1"
    has "$answer" "Skipped: sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a is of type application/vnd.example.thing+json"
    eq "$(cat "$M/images/demo/good/1/rootfs/a")" good
'
it "but an archive of nothing else is refused by it" '
    archive alone alone
    expect_errno EOPNOTSUPP write "$M/ctl/load" "-i $T/alone.tar"
    has "$(tail -1 "$M/ctl/events")" "application/vnd.example.thing+json, which is not known"
'
it "where index.json lists nothing, manifest.json counts" '
    for none in None "[]"; do
        archive none "nothing($none)"
        has "$(ctl load "-i $T/none.tar")" "Loaded image: demo/none:1"
        eq "$(cat "$M/images/demo/none/1/rootfs/a")" good
        ctl rmi demo/none:1 >/dev/null
    done
'
it "a name that says the digest of another image is refused" '
    archive lie lie
    expect_errno EBADMSG write "$M/ctl/load" "-i $T/lie.tar"
    has "$(tail -1 "$M/ctl/events")" "app@sha256:aaaa"
'
it "what no kernel could show is left out of rootfs/, and counted in status" '
    I=$M/images/$H/fallen/v1
    hasnt "$(cat "$I/status")" "not in rootfs"
    eq "$(ls "$I/rootfs" | xargs)" "more stays"
    has "$(cat "$I/status")" "5 entries of its layers are not in rootfs/"
'
it "the store is valid" valid_store
finish
