# SPDX-License-Identifier: MIT
"""recompress.py LAYOUT: has the gzip layers of an OCI layout's one image as `gzip -6n` makes them."""

import hashlib
import json
import os
import subprocess
import sys

layout = sys.argv[1]
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def path(digest):
    return os.path.join(layout, "blobs", *digest.split(":"))


def load(name):
    with open(name, "rb") as f:
        return json.load(f)


def blob(descriptor, file):
    """Moves a file to where its digest says, and has the descriptor name it."""
    with open(file, "rb") as f:
        digest = "sha256:" + hashlib.file_digest(f, "sha256").hexdigest()
    descriptor.update(digest=digest, size=os.path.getsize(file))
    os.rename(file, path(digest))


index = load(f"{layout}/index.json")
image = index["manifests"][0]
old = image["digest"]
manifest = load(path(old))
for layer in manifest["layers"]:
    if layer["mediaType"] != LAYER:
        sys.exit(f"recompress: {layer['mediaType']} is no gzip layer")
    old_layer = path(layer["digest"])
    with open(f"{layout}/layer", "wb") as f:
        subprocess.run(["bash", "-o", "pipefail", "-c", 'gzip -dc "$1" | gzip -6nc', "-", old_layer],
                       stdout=f, check=True)
    os.unlink(old_layer)
    blob(layer, f"{layout}/layer")
os.unlink(path(old))
with open(f"{layout}/manifest", "w") as f:
    json.dump(manifest, f)
blob(image, f"{layout}/manifest")
with open(f"{layout}/index.json", "w") as f:
    json.dump(index, f)
