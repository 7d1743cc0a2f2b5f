# SPDX-License-Identifier: MIT
"""Archives of images, written by hand: every member, its order and its bytes are the caller's.

    from archives import *
    save(f"{T}/a.tar", docker_save([(image, ["app:1"])]))
"""
import hashlib
import json

from oci import *


def hexof(data):
    return hashlib.sha256(data).hexdigest()


def save(path, members, end=True, wrap=None):
    data = tar(members, end=end)
    open(path, "wb").write(wrap(data) if wrap else data)


def manifest_json(entries):
    return f("manifest.json", json.dumps([{"Config": c, "RepoTags": t, "Layers": ls} for c, t, ls in entries]))


def docker_save(images, raw=True, manifest="last", prefix=""):
    """As skopeo and podman write it: CONFIGHEX.json and DIFFHEX.tar; raw: the plain archives, else the blobs."""
    members, entries = {}, []
    for image, tags in images:
        config = hexof(image.config) + ".json"
        members[config] = image.config
        layers = []
        for layer in image.layers:
            name = layer.diff_id[7:] + ".tar"
            members[name] = layer.tar if raw else layer.blob
            layers.append(name)
        entries.append((config, tags, layers))
    out = [f(prefix + name, data) for name, data in members.items()]
    doc = manifest_json(entries)
    doc.name = prefix.encode() + doc.name
    return [doc] + out if manifest == "first" else out + [doc]


def legacy(images, link=s):
    """As docker up to 24 wrote it: a directory for each layer; one that is there already is a link to it."""
    members, entries, first = [], [], {}
    for image, tags in images:
        config = hexof(image.config) + ".json"
        members.append(f(config, image.config))
        layers, parent = [], ""
        for layer in image.layers:
            parent = hexof((parent + layer.diff_id).encode())
            name = parent + "/layer.tar"
            if name not in layers and not any(m.name == name.encode() for m in members):
                members += [d(parent), f(parent + "/VERSION", "1.0"), f(parent + "/json", "{}")]
                if layer.diff_id in first:
                    other = first[layer.diff_id]
                    members.append(link(name, ("../" + other) if link is s else other))
                else:
                    members.append(f(name, layer.tar))
                    first[layer.diff_id] = name
            layers.append(name)
        entries.append((config, tags, layers))
    return members + [manifest_json(entries), f("repositories", "{}")]


def blob(data):
    return f("blobs/sha256/" + hexof(data), data)


def oci_save(tops, extra=(), without=(), version="1.0.0"):
    """An OCI layout. tops: (image or index, annotations)."""
    blobs, entries = {}, []
    for top, annotations in tops:
        for data in [data for _, data in top.documents()] + top.blobs():
            blobs[hexof(data)] = data
        entry = descriptor(top.type, top.manifest)
        if annotations:
            entry["annotations"] = annotations
        entries.append(entry)
    index = {"schemaVersion": 2, "manifests": entries}
    return (
        [f("oci-layout", json.dumps({"imageLayoutVersion": version})), f("index.json", json.dumps(index))]
        + [d("blobs"), d("blobs/sha256")]
        + [blob(data) for name, data in blobs.items() if "sha256:" + name not in without]
        + list(extra)
    )


NAME, TAG = "io.containerd.image.name", "org.opencontainers.image.ref.name"
