# SPDX-License-Identifier: MIT
"""Layouts of a chosen size: an image of many files, one of many layers, a store of many images."""

import hashlib
import itertools
import json
import os
import struct
import zlib

OCI = "application/vnd.oci.image."


class Layout:
    """An OCI layout in the making. Images go into it one by one; close() names them."""

    def __init__(self, path):
        self.path, self.named = path, []
        os.makedirs(f"{path}/blobs/sha256")
        with open(f"{path}/oci-layout", "w") as f:
            f.write('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, kind, data):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{self.path}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"mediaType": OCI + kind, "digest": f"sha256:{digest}", "size": len(data)}

    def image(self, name, layers):
        """layers: pairs of a descriptor and a diff_id."""
        config = {"architecture": os.environ["BENCH_ARCHITECTURE"], "os": "linux", "config": {"Labels": {"name": name}},
                  "created": "2026-01-01T00:00:00Z",
                  "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
                  "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "bench"} for _ in layers]}
        manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                    "config": self.blob("config.v1+json", json.dumps(config).encode()),
                    "layers": [layer for layer, _ in layers]}
        descriptor = self.blob("manifest.v1+json", json.dumps(manifest).encode())
        self.named.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}})

    def close(self):
        with open(f"{self.path}/index.json", "w") as f:
            json.dump({"schemaVersion": 2, "manifests": self.named}, f)

    def layer(self, entries):
        """A layer of these tar entries, gzip -1."""
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        diff_id, packed = hashlib.sha256(), []
        for entry in itertools.chain(entries, [bytes(1024)]):
            diff_id.update(entry)
            packed.append(packer.compress(entry))
        packed.append(packer.flush())
        return self.blob("layer.v1.tar+gzip", b"".join(packed)), f"sha256:{diff_id.hexdigest()}"


def header(name, kind, size):
    fields = struct.pack("100s8s8s8s12s12s8s1s100s6s2s", name.encode(), b"0000755", b"0000000", b"0000000",
                         b"%011o" % size, b"14700000000", b" " * 8, kind, b"", b"ustar\0", b"00")
    return (fields + bytes(512 - len(fields))).replace(b" " * 8, b"%06o\0 " % sum(fields), 1)


def file(name, data):
    return header(name, b"0", len(data)) + data + bytes(-len(data) % 512)


def many_files(path, count):
    """`count` files of a few bytes, a thousand in each directory."""
    def entries():
        for i in range(count):
            if i % 1000 == 0:
                yield header(f"d{i // 1000:05}/", b"5", 0)
            yield file(f"d{i // 1000:05}/file{i % 1000:03}", b"%d\n" % i)

    layout = Layout(path)
    layout.image("localhost/bench/files:1", [layout.layer(entries())])
    layout.close()
    return "localhost/bench/files/1/rootfs"


def many_layers(path, count, files=200):
    """`count` layers, each with some files of its own and one that all of them bring anew."""
    layout = Layout(path)
    layout.image("localhost/bench/layers:1", [
        layout.layer([file("same", b"%d\n" % n)] + [file(f"l{n:03}/f{i:03}", b"%d %d\n" % (n, i)) for i in range(files)])
        for n in range(count)])
    layout.close()
    return "localhost/bench/layers/1/rootfs"


def many_images(path, count):
    """`count` images of a hundred repositories, each with a layer of its own over one that all share."""
    layout = Layout(path)
    shared = layout.layer([file("base", b"x" * 1000)])
    for i in range(count):
        layout.image(f"localhost/bench/r{i % 100:02}:{i // 100}", [shared, layout.layer([file("own", b"%d\n" % i)])])
    layout.close()
    return "localhost/bench/r42/3"
