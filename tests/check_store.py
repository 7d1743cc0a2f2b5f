#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_store.py STORE: is it a valid OCI layout? Every blob has its digest, every name leads to whole documents.

Layers may be missing (an image that was only looked up has none), but what index.json names, its manifests
and their configs may not, and what is there must be right. Prints what is wrong; status 1 then.
"""
import hashlib
import json
import os
import re
import sys


def problems(store):
    blobs = f"{store}/blobs/sha256"
    with open(f"{store}/oci-layout") as file:
        if json.load(file).get("imageLayoutVersion") != "1.0.0":
            yield "oci-layout: another version"
    for name in os.listdir(blobs):
        if not re.fullmatch("[0-9a-f]{64}", name):
            yield f"blobs/sha256/{name}: not a blob's name"
            continue
        sha = hashlib.sha256()
        with open(f"{blobs}/{name}", "rb") as file:
            while chunk := file.read(1 << 20):
                sha.update(chunk)
        if sha.hexdigest() != name:
            yield f"blobs/sha256/{name}: has digest {sha.hexdigest()}"

    def visit(descriptor, who, depth=0):
        path = f"{blobs}/{descriptor['digest'][7:]}"
        if not os.path.exists(path):
            yield f"{who}: {descriptor['digest']} is not there"
            return
        if os.path.getsize(path) != descriptor["size"]:
            yield f"{who}: {descriptor['digest']} has another size"
        with open(path) as file:
            doc = json.load(file)
        if "manifests" in doc:
            here = [m for m in doc["manifests"] if os.path.exists(f"{blobs}/{m['digest'][7:]}")]
            if not here:
                yield f"{who}: an index without any of its manifests"
            for m in here:
                yield from visit(m, who, depth + 1)
        elif not os.path.exists(f"{blobs}/{doc['config']['digest'][7:]}"):
            yield f"{who}: its config is not there"

    with open(f"{store}/index.json") as file:
        index = json.load(file)
    for descriptor in index["manifests"]:
        name = descriptor.get("annotations", {}).get("org.opencontainers.image.ref.name", descriptor["digest"])
        yield from visit(descriptor, name)


def main():
    found = list(problems(sys.argv[1]))
    print("\n".join(found) or "a valid layout")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
