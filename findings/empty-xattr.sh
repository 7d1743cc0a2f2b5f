#!/bin/bash
# SPDX-License-Identifier: MIT
#
# An extended attribute with an empty value, in a layer's pax header (`SCHILY.xattr.user.empty=`).
#
# Guess: whoever sets attributes sets this one, as an empty value is a value (setfattr -v "").
# Seen (Debian 12, amd64): GNU tar 1.34 and bsdtar 3.6.2 set it. umoci 0.4.7 leaves it out, beside
# another attribute of the same file that it sets; podman 4.3.1 does as umoci does. Both read layers with Go's archive/tar,
# which takes a pax record without a value for one that is not there. podman 5 sets it again.
# So: one image has two results; who compares a root filesystem by attributes has to know which tool wrote it.
. "$(dirname "$0")/lib.sh"
packages umoci=0.4.7+ds-3+b7 tar=1.34+dfsg-1.2+deb12u1 libarchive-tools=3.6.2-1+deb12u5 libarchive13=3.6.2-1+deb12u5 \
    attr=1:2.5.1-4
cd "$T"
python3 - <<'END'
import hashlib, io, json, os, tarfile
with tarfile.open("layer.tar", "w", format=tarfile.PAX_FORMAT) as t:
    i = tarfile.TarInfo("file")
    i.size = 1
    i.pax_headers = {"SCHILY.xattr.user.empty": "", "SCHILY.xattr.user.full": "v"}
    t.addfile(i, io.BytesIO(b"x"))
os.makedirs("image/blobs/sha256")
def put(kind, data):
    name = hashlib.sha256(data).hexdigest()
    open("image/blobs/sha256/" + name, "wb").write(data)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + name, "size": len(data)}
layer = put("layer.v1.tar", open("layer.tar", "rb").read())
config = put("config.v1+json", json.dumps({"architecture": "amd64", "os": "linux", "config": {},
    "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode())
manifest = put("manifest.v1+json", json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": config, "layers": [layer]}).encode())
manifest["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
json.dump({"schemaVersion": 2, "manifests": [manifest]}, open("image/index.json", "w"))
open("image/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
END
names() { getfattr -m 'user\.' "$1" | sed -n 's/^user\.//p' | tr '\n' ' '; }
mkdir gnu bsd
tar --xattrs --xattrs-include='*' -xf layer.tar -C gnu
bsdtar -xpf layer.tar --xattrs -C bsd
umoci unpack --image image:v1 bundle >/dev/null
shows "GNU tar: attributes" "$(names gnu/file)" "empty full "
shows "bsdtar: attributes" "$(names bsd/file)" "empty full "
shows "umoci: attributes" "$(names bundle/rootfs/file)" "full "
