# SPDX-License-Identifier: MIT
"""OCI images made by hand: tar entries in, layers, manifests and indexes out.

Every byte of an archive is written here, so that a test can have exactly the entries, the order and the
dialect that it is about. Python's standard library only (and libzstd). This is imported a thousand times in a run of the
tests, so it imports nothing that takes longer than all else (dataclasses, http.client), and what few need (subprocess,
ssl) where they do.
"""
import base64
import gzip
import hashlib
import json
import os
import zlib

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"

NS = 1_000_000_000
EPOCH = 1_700_000_000 * NS  # mtime of entries that do not say one


def encode(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


class Entry:
    """
    mtime: ns
    dialect: pax, gnu, ustar, v7
    pax: further pax records
    sparse: old, 0.0, 0.1, 1.0
    extents, size: of a sparse file; (offset, bytes) each
    """

    def __init__(self, name, type=b"0", **more):
        self.name, self.type, self.mode, self.uid, self.gid, self.mtime = name, type, 0o644, 0, 0, EPOCH
        self.data, self.link, self.major, self.minor = b"", b"", 0, 0
        self.xattrs, self.pax, self.dialect = {}, {}, "pax"
        self.sparse, self.extents, self.size = "", [], -1
        self.set(more)

    def set(self, fields):
        for key, value in fields.items():
            if key not in self.__dict__:
                raise TypeError(f"an entry has no {key}")
            self.__dict__[key] = value
        return self


def replace(e, **fields):
    """Another entry, which differs in these."""
    copy = Entry.__new__(Entry)
    copy.__dict__.update(e.__dict__)
    return copy.set(fields)


def entry(name, type, **kw):
    return Entry(encode(name), type, **{k: encode(v) if k == "link" else v for k, v in kw.items()})


def d(name, mode=0o755, **kw):
    return entry(name.rstrip("/") + "/" if isinstance(name, str) else name, b"5", mode=mode, **kw)


def f(name, data=b"", mode=0o644, **kw):
    return entry(name, b"0", data=encode(data), mode=mode, **kw)


def s(name, target, **kw):
    return entry(name, b"2", link=target, mode=0o777, **kw)


def h(name, target, **kw):
    return entry(name, b"1", link=target, **kw)


def c(name, major, minor, **kw):
    return entry(name, b"3", major=major, minor=minor, **kw)


def b(name, major, minor, **kw):
    return entry(name, b"4", major=major, minor=minor, **kw)


def p(name, **kw):
    return entry(name, b"6", **kw)


def wh(name):
    head, _, tail = name.rpartition("/")
    return f((head + "/" if head else "") + ".wh." + tail, mode=0)


def opq(directory):
    return f(directory.rstrip("/") + "/.wh..wh..opq", mode=0)


def global_pax(**records):
    return entry("pax_global_header", b"g", data=pax_records(records))


# --- the archive ---------------------------------------------------------------------------------


def pax_records(records):
    out = b""
    for key, value in records.items():
        body = b" " + encode(key) + b"=" + encode(value) + b"\n"
        size = len(body) + 1
        while len(str(size)) + len(body) != size:
            size = len(str(size)) + len(body)
        out += str(size).encode() + body
    return out


def number(value, width, base256):
    digits = width - 1
    if 0 <= value < 8**digits:
        return f"{value:0{digits}o}".encode() + b"\0"
    if not base256:
        raise ValueError(f"{value} does not fit")
    raw = value.to_bytes(width, "big", signed=True)
    return bytes([raw[0] | 0x80]) + raw[1:]


def pad(data):
    return data + b"\0" * (-len(data) % 512)


def header(e, name, link, size, base256, prefix=b"", sparse_tail=None):
    def num(value, width):
        return number(value, width, base256)

    seconds = e.mtime // NS
    magic = {"gnu": b"ustar  \0", "v7": b"\0" * 8}.get(e.dialect, b"ustar\x0000")
    block = bytearray(512)
    block[0:100] = name[:100].ljust(100, b"\0")
    block[100:108] = num(e.mode, 8)
    block[108:116] = num(e.uid, 8)
    block[116:124] = num(e.gid, 8)
    block[124:136] = num(size, 12)
    block[136:148] = num(seconds, 12)
    block[148:156] = b" " * 8
    block[156:157] = e.type
    block[157:257] = link[:100].ljust(100, b"\0")
    block[257:265] = magic
    if e.dialect != "v7":
        block[329:337] = num(e.major, 8)
        block[337:345] = num(e.minor, 8)
        block[345:500] = prefix.ljust(155, b"\0")
    if sparse_tail:
        block[345:512] = sparse_tail
    block[148:156] = f"{sum(block):06o}".encode() + b"\0 "
    return bytes(block)


def split_ustar(name):
    """Name and prefix of a ustar header, or None where the name does not fit."""
    if len(name) <= 100:
        return name, b""
    for i in range(min(155, len(name) - 1), 0, -1):
        if name[i : i + 1] == b"/" and 0 < len(name) - i - 1 <= 100:
            return name[i + 1 :], name[:i]
    return None


def member_pax(e, name, link, data, size):
    records = dict(e.pax)
    for key, value in e.xattrs.items():
        records["SCHILY.xattr." + key] = value
    seconds, ns = divmod(e.mtime, NS)
    if ns or not 0 <= seconds < 8**11:
        sign, absolute = ("-", -e.mtime) if e.mtime < 0 else ("", e.mtime)
        records["mtime"] = f"{sign}{absolute // NS}.{absolute % NS:09d}"
        e = replace(e, mtime=max(0, min(seconds, 8**11 - 1)) * NS)
    for key in ("uid", "gid"):
        if getattr(e, key) >= 8**7:
            records[key] = str(getattr(e, key))
            e = replace(e, **{key: 0})
    if size >= 8**11:
        records["size"] = str(size)
        size = 0
    if len(link) > 100:
        records["linkpath"] = link
    split = split_ustar(name)
    if split is None or any(byte > 127 for byte in name):
        records["path"] = name
        split = (name[:100], b"")
    out = b""
    if records:
        body = pax_records(records)
        x = Entry(b"PaxHeaders/" + name[-80:].replace(b"/", b"_"), b"x")
        out = header(x, x.name, b"", len(body), False) + pad(body)
    return out + header(e, split[0], link, size, False, split[1]) + pad(data)


def member_gnu(e, name, link, data, size, tail=None):
    out = b""
    for type, text in ((b"L", name), (b"K", link)):
        if len(text) > 100:
            x = Entry(b"././@LongLink", type, mode=0, mtime=0, dialect="gnu")
            out += header(x, x.name, b"", len(text) + 1, True) + pad(text + b"\0")
    return out + header(e, name, link, size, True, sparse_tail=tail) + pad(data)


def sparse_old(e):
    """GNU's first form: type S, four extents in the header, the rest in blocks of 21."""

    def extents(items, count):
        out = b"".join(number(o, 12, True) + number(len(x), 12, True) for o, x in items)
        return out.ljust(24 * count, b"\0")

    items = with_end(e)
    rest = [items[i : i + 21] for i in range(4, len(items), 21)]
    tail = bytes(41) + extents(items[:4], 4) + bytes([1 if rest else 0]) + number(e.size, 12, True)
    tail = tail.ljust(167, b"\0")
    blocks = b""
    for i, part in enumerate(rest):
        blocks += (extents(part, 21) + bytes([1 if i + 1 < len(rest) else 0])).ljust(512, b"\0")
    data = b"".join(x for _, x in e.extents)
    e = replace(e, type=b"S", dialect="gnu")
    return member_gnu(e, e.name, e.link, b"", len(data), tail) + blocks + pad(data)


def with_end(e):
    """The extents, and where a hole ends the file an empty one at its end, as GNU tar writes it."""
    if e.extents and e.extents[-1][0] + len(e.extents[-1][1]) == e.size:
        return e.extents
    return e.extents + [(e.size, b"")]


def sparse_pax(e):
    data = b"".join(x for _, x in e.extents)
    items = with_end(e)
    count = str(len(items))
    if e.sparse == "1.0":
        numbers = "".join(f"{o}\n{len(x)}\n" for o, x in items)
        data = pad(f"{count}\n{numbers}".encode()) + data
        records = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
        records |= {"GNU.sparse.name": e.name, "GNU.sparse.realsize": str(e.size)}
        body = pax_records(records)
    elif e.sparse == "0.1":
        text = ",".join(f"{o},{len(x)}" for o, x in items)
        records = {"GNU.sparse.size": str(e.size), "GNU.sparse.numblocks": count}
        records |= {"GNU.sparse.map": text, "GNU.sparse.name": e.name}
        body = pax_records(records)
    else:
        body = pax_records({"GNU.sparse.size": str(e.size), "GNU.sparse.numblocks": count})
        for o, x in items:  # repeated keys, in order
            body += pax_records({"GNU.sparse.offset": str(o), "GNU.sparse.numbytes": str(len(x))})
    x = Entry(b"PaxHeaders/sparse", b"x")
    name = e.name if e.sparse == "0.0" else b"GNUSparseFile.0/" + e.name.split(b"/")[-1]
    out = header(x, x.name, b"", len(body), False) + pad(body)
    return out + header(e, name, b"", len(data), False) + pad(data)


def member(e):
    if e.sparse == "old":
        return sparse_old(e)
    if e.sparse:
        return sparse_pax(e)
    size = len(e.data) if e.type in b"\x000gSx7" else 0
    if e.type == b"g":
        return header(e, e.name, b"", size, False) + pad(e.data)
    if e.dialect == "pax":
        return member_pax(e, e.name, e.link, e.data, size)
    if e.dialect == "gnu":
        return member_gnu(e, e.name, e.link, e.data, size)
    name, prefix = split_ustar(e.name)
    return header(e, name, e.link, size, False, prefix) + pad(e.data)


def tar(entries, end=True):
    return b"".join(member(e) for e in entries) + (bytes(1024) if end else b"")


# --- compression ---------------------------------------------------------------------------------


def gzip_bytes(data, members=1, level=6):
    step = -(-len(data) // members) or 1
    parts = [data[i : i + step] for i in range(0, len(data), step)] or [b""]
    return b"".join(gzip.compress(part, level, mtime=0) for part in parts)


def gunzip(data):
    """All members. gzip.decompress copies for each of them what is behind it."""
    parts, at = [], 0
    while at < len(data):
        z = zlib.decompressobj(31)
        while not z.eof:
            piece = data[at : at + 65536]
            if not piece:
                raise EOFError("a member without its end")
            parts.append(z.decompress(piece))
            at += len(piece) - len(z.unused_data)
        while data[at : at + 1] == b"\0":
            at += 1
    return b"".join(parts)


def gzip_flushed(data, every=1 << 16, level=6):
    """One member with full flushes, stored blocks and an original file name in its header."""
    z = zlib.compressobj(level, zlib.DEFLATED, -15)
    out = b"\x1f\x8b\x08\x08\0\0\0\0\0\xfflayer.tar\0"
    for i in range(0, len(data), every):
        out += z.compress(data[i : i + every]) + z.flush(zlib.Z_FULL_FLUSH)
    out += z.flush()
    return out + zlib.crc32(data).to_bytes(4, "little") + (len(data) & 0xFFFFFFFF).to_bytes(4, "little")


def zstd_bytes(data, frames=1, level=3):
    step = -(-len(data) // frames) or 1
    parts = [data[i : i + step] for i in range(0, len(data), step)] or [b""]
    import zstd

    return b"".join(zstd.compress(part, level) for part in parts)


def openssl_sign(key, data):
    """By SHA-256, in base64."""
    import subprocess

    sign = ["openssl", "dgst", "-sha256", "-sign", key]
    return base64.b64encode(subprocess.run(sign, input=data, stdout=subprocess.PIPE, check=True).stdout).decode()


# --- documents -----------------------------------------------------------------------------------


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def dump(doc):
    return json.dumps(doc, indent=2).encode()


class Layer:
    """An archive and its blob. how: gzip, members, flushed, zstd, frames, plain; or the blob itself."""

    def __init__(self, entries, how="gzip", docker=False, blob=None):
        self.tar = entries if isinstance(entries, bytes) else tar(entries)
        make = {
            "gzip": lambda: (gzip_bytes(self.tar), "gzip"),
            "members": lambda: (gzip_bytes(self.tar, members=5), "gzip"),
            "flushed": lambda: (gzip_flushed(self.tar), "gzip"),
            "zstd": lambda: (zstd_bytes(self.tar), "zstd"),
            "frames": lambda: (zstd_bytes(self.tar, frames=7), "zstd"),
            "plain": lambda: (self.tar, ""),
        }
        self.blob, suffix = make[how]()
        if blob is not None:
            self.blob = blob
        join = "." if docker else "+"
        self.type = (DOCKER_LAYER if docker else OCI_LAYER) + (join + suffix if suffix else "")
        self.diff_id = digest(self.tar)
        self.digest = digest(self.blob)


def descriptor(type, data, **more):
    return {"mediaType": type, "digest": digest(data), "size": len(data), **more}


class Image:
    """A manifest with its config and layers; change .config_doc or .manifest_doc, then call seal()."""

    def __init__(self, layers, docker=False, os="linux", architecture="amd64", variant=None, created=None, labels=None, history=None):
        self.layers = layers
        self.docker = docker
        self.type = DOCKER_MANIFEST if docker else OCI_MANIFEST
        created = created or "2024-05-01T10:00:00Z"
        self.config_doc = {
            "created": created,
            "architecture": architecture,
            "os": os,
            "config": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["/bin/sh"], "Labels": {"org.example.test": "yes", **(labels or {})}},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": history
            or [
                {"created": created, "created_by": f"/bin/sh -c #(nop) ADD layer {i} in / "} for i in range(len(layers))
            ]
            + [{"created": created, "created_by": 'CMD ["/bin/sh"]', "empty_layer": True}],
        }
        if variant:
            self.config_doc["variant"] = variant
        self.manifest_doc = None
        self.seal()

    def seal(self):
        self.config = dump(self.config_doc)
        doc = {
            "schemaVersion": 2,
            "mediaType": self.type,
            "config": descriptor(DOCKER_CONFIG if self.docker else OCI_CONFIG, self.config),
            "layers": [descriptor(layer.type, layer.blob) for layer in self.layers],
        }
        self.manifest_doc = self.manifest_doc or doc
        self.manifest_doc["config"] = doc["config"]
        self.manifest = dump(self.manifest_doc)
        self.digest = digest(self.manifest)
        return self

    def platform(self):
        keys = ("architecture", "os", "variant")
        return {k: self.config_doc[k] for k in keys if k in self.config_doc}

    def in_index(self):
        return {"platform": self.platform()}

    def documents(self):
        return [(self.type, self.manifest)]

    def blobs(self):
        return [self.config] + [layer.blob for layer in self.layers]


class Index:
    def __init__(self, images, docker=False, attestation=False, attestations=(), platforms=()):
        """attestations: (artifact, image) pairs, as buildkit adds them; platforms: more members of each platform."""
        self.images = images + [artifact for artifact, _ in attestations]
        self.type = DOCKER_LIST if docker else OCI_INDEX
        entries = [descriptor(i.type, i.manifest, **i.in_index()) for i in images]
        for entry, more in zip(entries, platforms):
            entry["platform"].update(more)
        if attestation:
            unknown = {"architecture": "unknown", "os": "unknown"}
            entries.insert(0, dict(entries[0], platform=unknown))
        for artifact, image in attestations:
            note = {"vnd.docker.reference.digest": image.digest, "vnd.docker.reference.type": "attestation-manifest"}
            unknown = {"architecture": "unknown", "os": "unknown"}
            entries.append(descriptor(artifact.type, artifact.manifest, platform=unknown, annotations=note))
        self.manifest = dump({"schemaVersion": 2, "mediaType": self.type, "manifests": entries})
        self.digest = digest(self.manifest)

    def in_index(self):
        return {}

    def documents(self):
        return [doc for i in self.images for doc in i.documents()] + [(self.type, self.manifest)]

    def blobs(self):
        return [blob for i in self.images for blob in i.blobs()]


class Artifact:
    """A manifest whose blobs are files. files: (media type, bytes, annotations) each; subject: an image."""

    def __init__(self, files, artifact_type=None, subject=None, config=b"{}", config_type=OCI_EMPTY, **more):
        self.type = OCI_MANIFEST
        self.files = [config] + [data for _, data, _ in files]
        doc = {"schemaVersion": 2, "mediaType": self.type}
        if artifact_type:
            doc["artifactType"] = artifact_type
        doc["config"] = descriptor(config_type, config)
        doc["layers"] = [descriptor(type, data, **({"annotations": notes} if notes else {})) for type, data, notes in files]
        if subject:
            doc["subject"] = descriptor(subject.type, subject.manifest)
        self.manifest = dump({**doc, **more})
        self.digest = digest(self.manifest)
        self.artifact_type = artifact_type or config_type

    def documents(self):
        return [(self.type, self.manifest)]

    def blobs(self):
        return self.files

    def descriptor(self):
        return descriptor(self.type, self.manifest, artifactType=self.artifact_type)


class Referrers:
    """The index that the referrers API answers with, and that lies under the tag of the tag schema."""

    def __init__(self, artifacts):
        self.type, self.artifacts = OCI_INDEX, artifacts
        entries = [artifact.descriptor() for artifact in artifacts]
        self.manifest = dump({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
        self.digest = digest(self.manifest)

    def documents(self):
        return [doc for a in self.artifacts for doc in a.documents()] + [(self.type, self.manifest)]

    def blobs(self):
        return [blob for a in self.artifacts for blob in a.blobs()]


def schema_tag(image, suffix=""):
    return image.digest.replace(":", "-") + suffix


def cosign(key, *claims):
    """A signature manifest as cosign pushes it: one layer for each (digest, optional) that `key` signs."""
    files = []
    for claim, optional in claims:
        critical = {
            "identity": {"docker-reference": "example.com/app"},
            "image": {"docker-manifest-digest": claim},
            "type": "cosign container image signature",
        }
        payload = json.dumps({"critical": critical, "optional": optional}, separators=(",", ":")).encode()
        note = {"dev.cosignproject.cosign/signature": openssl_sign(key, payload)}
        files.append((SIMPLE_SIGNING, payload, note))
    config = dump({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}})
    return Artifact(files, config=config, config_type=OCI_CONFIG)


BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def bundle(key, image, claim=None, annotations={}, message=False, predicate="https://sigstore.dev/cosign/sign/v1", lie=lambda doc: doc):
    """A sigstore bundle as cosign 3 pushes it, that refers to an image: `key` signs that digest, or `claim`. message: the
    manifest's bytes are signed. lie: makes another document of it."""
    hex = (claim or image.digest)[7:]
    subject = {"digest": {"sha256": hex}, "annotations": annotations}
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [subject], "predicateType": predicate, "predicate": {}}
    payload, kind = dump(statement), b"application/vnd.in-toto+json"
    doc = {"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": ""}}}
    if message:
        digest256 = {"algorithm": "SHA2_256", "digest": base64.b64encode(bytes.fromhex(hex)).decode()}
        doc["messageSignature"] = {"messageDigest": digest256, "signature": openssl_sign(key, image.manifest)}
    else:
        signature = openssl_sign(key, b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
        envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": kind.decode(), "signatures": [{"sig": signature}]}
        doc["dsseEnvelope"] = envelope
    return Artifact([(BUNDLE, dump(lie(doc)), None)], artifact_type=BUNDLE, subject=image)


def write_layout(path, names):
    """An OCI image layout with these {tag: image}."""
    os.makedirs(f"{path}/blobs/sha256", exist_ok=True)
    entries = []
    for tag, image in names.items():
        for data in image.blobs() + [doc for _, doc in image.documents()]:
            with open(f"{path}/blobs/sha256/{digest(data)[7:]}", "wb") as out:
                out.write(data)
        note = {"org.opencontainers.image.ref.name": tag}
        entries.append(descriptor(image.type, image.manifest, annotations=note))
    with open(f"{path}/oci-layout", "w") as out:
        out.write('{"imageLayoutVersion":"1.0.0"}')
    with open(f"{path}/index.json", "wb") as out:
        out.write(dump({"schemaVersion": 2, "manifests": entries}))


# --- the registry's side -------------------------------------------------------------------------


class Answer:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}


class Registry:
    """Pushes to a registry by HTTP. auth: user:password for Basic."""

    def __init__(self, host, auth=None, tls=False):
        self.host, self.tls = host, tls
        self.headers = {"Authorization": "Basic " + base64.b64encode(auth.encode()).decode()} if auth else {}

    def request(self, method, path, body=None, **headers):
        """By HTTP/1.0: the answer is in one piece, and ends where the connection does."""
        import socket

        body = body or b""
        headers = {"Host": self.host, "Content-Length": len(body), **self.headers, **headers}
        head = f"{method} {path} HTTP/1.0\r\n" + "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        name, _, port = self.host.rpartition(":")
        with socket.create_connection((name, int(port)), 60) as link:
            if self.tls:  # of a test: nobody vouches for it
                import ssl

                link = ssl._create_unverified_context().wrap_socket(link)
            link.sendall(head.encode() + b"\r\n" + body)
            with link.makefile("rb") as file:
                answer = Answer(file.read())
        if answer.status >= 300 and not (method == "HEAD" and answer.status == 404):
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return answer

    def push_blob(self, repository, data):
        if self.request("HEAD", f"/v2/{repository}/blobs/{digest(data)}").status == 200:
            return
        where = self.request("POST", f"/v2/{repository}/blobs/uploads/", b"").headers["location"]
        path = where[where.index("/v2/") :] + f"&digest={digest(data)}"
        self.request("PUT", path, data, **{"Content-Type": "application/octet-stream"})

    def push(self, repository, tag, image):
        for data in image.blobs():
            self.push_blob(repository, data)
        documents = image.documents()
        for type, data in documents[:-1]:
            self.request("PUT", f"/v2/{repository}/manifests/{digest(data)}", data, **{"Content-Type": type})
        type, data = documents[-1]
        self.request("PUT", f"/v2/{repository}/manifests/{tag}", data, **{"Content-Type": type})
        return image.digest
