#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Layers with a table of contents, as their writers make them: eStargz (stargz-snapshotter estargz/) and
zstd:chunked (containers/storage pkg/chunked/compressor). The same members and frames, the same fields of the JSON in the
same order; only the compressors are others.

    lazy.py DIR     writes DIR/FORM/{blob,descriptor.json} of the sample for each form
"""
import gzip
import json
import os
import random
import re
import struct
import sys
from datetime import datetime, timezone

import zstd
from oci import *

NO_PREFETCH, PREFETCH = ".no.prefetch.landmark", ".prefetch.landmark"
ESTARGZ_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
ESTARGZ_CHUNKED = "io.containers.zstd-chunked."
ESTARGZ_SIZE = "io.containers.estargz.uncompressed-size"
CHUNKED = "io.github.containers.zstd-chunked."
TYPES = {b"0": "reg", b"1": "hardlink", b"2": "symlink", b"3": "char", b"4": "block", b"5": "dir", b"6": "fifo"}


def go_json(doc, **kw):
    """As Go's encoder writes it: what HTML would take for its own is escaped."""
    text = json.dumps(doc, ensure_ascii=False, **kw)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").encode()


def without_zeros(entry):
    return {k: v for k, v in entry.items() if v or k in ("name", "type")}


def text(data):
    return data.decode("utf-8", "replace")


def rfc3339(mtime):
    seconds, ns = divmod(mtime, NS)
    fraction = f".{ns:09d}".rstrip("0") if ns else ""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def xattrs(e):
    return {k: base64.b64encode(encode(v)).decode() for k, v in sorted(e.xattrs.items())}


def gzip_member(data):
    return gzip.compress(data, 9, mtime=0)


def skippable(data):
    """A zstd frame that a decoder passes over."""
    return b"\x50\x2a\x4d\x18" + struct.pack("<I", len(data)) + data


# --- eStargz -------------------------------------------------------------------------------------


class Members:
    """gzip members or zstd frames, one behind the other; what is written goes to the one that is open."""

    def __init__(self, compress):
        self.blob, self.open, self.compress = bytearray(), b"", compress  # of bytes, each += copies all

    def write(self, data):
        self.open += data

    def close(self):
        if self.open:
            self.blob += self.compress(self.open)
        self.open = b""
        return len(self.blob)


def estargz_entry(e):
    seconds = (e.mtime + NS // 2) // NS
    return {
        "name": text(e.name),
        "type": TYPES[e.type],
        "size": len(e.data),
        "modtime": rfc3339(seconds * NS) if seconds else "",
        "linkName": text(e.link),
        "mode": e.mode,
        "uid": e.uid,
        "gid": e.gid,
        "offset": 0,
        "innerOffset": 0,
        "devMajor": e.major,
        "devMinor": e.minor,
        "xattrs": xattrs(e),
        "digest": digest(e.data) if e.type == b"0" else "",
        "chunkOffset": 0,
        "chunkSize": 0,
        "chunkDigest": "",
    }


def estargz_file(out, e, toc, chunk_size, min_chunk, last):
    """Content goes to members of its own, or to the one that is open while that has less than min_chunk plain
    bytes (the writer counts compressed ones, which another compressor has not the same)."""
    entry = toc[-1]
    for at in range(0, len(e.data), chunk_size):
        part = e.data[at : at + chunk_size]
        if at:
            entry = {**estargz_entry(f("")), "name": text(e.name), "type": "chunk", "digest": "", "mode": 0, "modtime": ""}
            toc.append(entry)
        if len(part) == chunk_size:
            entry["chunkSize"] = chunk_size
        if len(out.open) >= min_chunk or text(e.name) in (NO_PREFETCH, PREFETCH) or last is None:
            last = out.close()
        entry |= {"offset": last, "innerOffset": len(out.open), "chunkOffset": at, "chunkDigest": digest(part)}
        out.write(part)
    return last


def estargz_table(toc):
    return go_json({"version": 1, "entries": [without_zeros(e) for e in toc]}, indent="\t")


def estargz_end(table, offset, legacy):
    tail = gzip_member(tar([f("stargz.index.json", table, mode=0, mtime=0)]))
    extra = f"{offset:016x}STARGZ".encode()
    if not legacy:
        extra = b"SG" + struct.pack("<H", len(extra)) + extra
    footer = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H", len(extra)) + extra
    return tail + footer + b"\1\0\0\xff\xff" + bytes(8)


def estargz_content(out, entries, chunk_size, min_chunk, lie=lambda toc: toc, early=()):
    """All but the table, to `out`; the table, which may lie. `early` are entries whose content is wanted first."""
    toc, last = [], None
    landmark = f(PREFETCH if early else NO_PREFETCH, b"\x0f", mode=0, mtime=0)
    for e in [*early, landmark, *entries]:
        whole = member(e)
        padding = -len(e.data) % 512
        out.write(whole[: len(whole) - len(e.data) - padding])
        toc.append(estargz_entry(e))
        last = estargz_file(out, e, toc, chunk_size, min_chunk, last)
        out.write(bytes(padding))
    out.close()
    return estargz_table(lie(toc))


def estargz(entries, chunk_size=4 << 20, min_chunk=0, legacy=False, **how):
    out = Members(gzip_member)
    table = estargz_content(out, entries, chunk_size, min_chunk, **how)
    blob = bytes(out.blob) + estargz_end(table, len(out.blob), legacy)
    notes = {ESTARGZ_DIGEST: digest(table), ESTARGZ_SIZE: str(len(gunzip(blob)))}
    return descriptor(OCI_LAYER + "+gzip", blob, annotations=notes), blob


def estargz_external(entries, chunk_size=4 << 20, min_chunk=0, **how):
    """Without its table, which is another blob: the third of what it gives."""
    out = Members(gzip_member)
    table = estargz_content(out, entries, chunk_size, min_chunk, **how)
    extra = b"SG" + struct.pack("<H", 17) + b"STARGZEXTERNALTOC"
    footer = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H", len(extra)) + extra + b"\1\0\0\xff\xff" + bytes(8)
    blob = out.blob + footer
    notes = {ESTARGZ_DIGEST: digest(table), ESTARGZ_SIZE: str(len(gzip.decompress(blob)))}
    return descriptor(OCI_LAYER + "+gzip", blob, annotations=notes), blob, gzip_member(tar([f("stargz.index.json", table, mode=0, mtime=0)]))


def estargz_zstd(entries, **how):
    """zstd:chunked as stargz-snapshotter writes it: the table of eStargz behind zstd frames."""
    out = Members(zstd_bytes)
    table = estargz_content(out, entries, 4 << 20, 0, **how)
    packed, at = zstd_bytes(table), len(out.blob) + 8
    blob = bytes(out.blob) + skippable(packed)
    blob += skippable(struct.pack("<4Q", at, len(packed), len(table), 1) + b"GnUlInUx")
    notes = {
        ESTARGZ_DIGEST: digest(table),
        ESTARGZ_CHUNKED + "manifest-checksum": digest(packed),
        ESTARGZ_CHUNKED + "manifest-position": f"{at}:{len(packed)}:{len(table)}:1",
    }
    return descriptor(OCI_LAYER + "+zstd", blob, annotations=notes), blob


# --- zstd:chunked --------------------------------------------------------------------------------


class RollSum:
    """Where a chunk ends: a sum over the last 64 bytes (from bup)."""

    def __init__(self):
        self.window, self.at = bytearray(64), 0
        self.s1, self.s2 = 64 * 31, 64 * 63 * 31

    def cuts(self, data):
        """Where in the data chunks end."""
        window, at, s1, s2, found = self.window, self.at, self.s1, self.s2, []
        for i, byte in enumerate(data):
            drop = window[at]
            s1 += byte - drop
            s2 += s1 - 64 * (drop + 31)
            window[at] = byte
            at = (at + 1) & 63
            if s2 & 0xFFFF == 0xFFFF:
                found.append(i + 1)
        self.at, self.s1, self.s2 = at, s1, s2
        return found


def split(data):
    """(offset, end, is a hole) of the chunks: holes are zeros, 1024 of them or more."""
    chunks, sum, begin, at = [], RollSum(), 0, 0

    def cut(end, hole=False):
        nonlocal begin
        if end > begin:
            chunks.append((begin, end, hole))
        begin = end

    def cut_all(end):
        for found in sum.cuts(data[at:end]):
            cut(at + found)
        cut(end)

    for hole in re.finditer(rb"\0{1024,}", data):
        cut_all(hole.start())
        sum.cuts(bytes(64))  # what is behind them changes nothing more
        cut(hole.end(), True)
        at = hole.end()
    cut_all(len(data))
    return chunks


def chunked_entries(e, chunks, offsets, end):
    first = {
        "type": TYPES[e.type],
        "name": text(e.name),
        "linkName": text(e.link),
        "mode": e.mode,
        "size": len(e.data),
        "uid": e.uid,
        "gid": e.gid,
        "modtime": rfc3339(e.mtime),
        "devMajor": e.major,
        "devMinor": e.minor,
        "xattrs": xattrs(e),
        "digest": digest(e.data) if e.data else "",
        "offset": offsets[0] if chunks else 0,
        "endOffset": end if chunks else 0,
    }
    entries = [first] + [{"type": "chunk", "name": text(e.name)} for _ in chunks[1:]]
    for entry, (at, to, hole), offset in zip(entries, chunks, offsets):
        if len(chunks) > 1:
            entry |= {"offset": offset, "chunkSize": to - at, "chunkOffset": at}
            entry |= {"chunkDigest": digest(e.data[at:to]), "chunkType": "zeros" if hole else ""}
    return [without_zeros(entry) for entry in entries]


def chunked(entries):
    blob, pending, toc = bytearray(), b"", []
    for e in entries:
        whole = member(e)
        padding = -len(e.data) % 512
        pending += whole[: len(whole) - len(e.data) - padding]
        offsets = []
        chunks = split(e.data)
        for at, to, _ in chunks:
            blob += zstd_bytes(pending) if pending else b""
            pending = b""
            offsets.append(len(blob))
            blob += zstd_bytes(e.data[at:to])
        toc += chunked_entries(e, chunks, offsets, len(blob))
        pending += bytes(padding)
    blob += zstd_bytes(pending + bytes(1024))
    split_data = zstd_bytes(b"{}\n")
    table = go_json({"version": 1, "entries": toc, "tarSplitDigest": digest(split_data)}, separators=(",", ":"))
    packed, at = zstd_bytes(table), len(blob) + 8
    split_at = at + len(packed) + 8
    footer = struct.pack("<7Q", at, len(packed), len(table), 1, split_at, len(split_data), 3) + b"GNUlInUx"
    blob = bytes(blob) + skippable(packed) + skippable(split_data) + skippable(footer)
    notes = {
        CHUNKED + "manifest-checksum": digest(packed),
        CHUNKED + "manifest-position": f"{at}:{len(packed)}:{len(table)}:1",
        CHUNKED + "tarsplit-position": f"{split_at}:{len(split_data)}:3",
    }
    return descriptor(OCI_LAYER + "+zstd", blob, annotations=notes), blob


# --- the sample ----------------------------------------------------------------------------------


def sample():
    noise = random.Random(3)
    words = b" ".join(b"word%d" % noise.randrange(300) for _ in range(60000))
    holes = words[:3000] + bytes(100000) + words[:90000] + bytes(1023) + words[:10] + bytes(5000)
    return [
        d("etc", mtime=EPOCH + 123456789),
        f("etc/empty"),
        f("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", mode=0o640, uid=0, gid=42, xattrs={"user.note": b"\x00\xff a"}),
        f("etc/html", "<a href=\"?a&b\">", xattrs={"user.empty": b"", "security.x": b"1"}),
        h("etc/hard", "etc/passwd", mode=0o640, gid=42),
        s("etc/soft", "../usr/./bin/"),
        d("usr"),
        f("usr/words", words, mode=0o4755, mtime=EPOCH + 999999999),
        f("usr/holes", holes, mtime=0),
        f("usr/zeros", bytes(50000)),
        f("usr/" + "long" * 60, "a name of 240 bytes"),
        f("usr/d\u00fcnn \u65e5\u672c \"quoted\" \\ \t", "a name with everything"),
        c("usr/null", 1, 3),
        b("usr/disk", 8, 17),
        p("usr/pipe"),
        wh("usr/gone"),
        opq("etc"),
        f("etc/passwd2", words[:70000], uid=70000, gid=100000),
        f("etc/last", b"x"),
    ]


def write(where, form, layer):
    about, blob = layer
    os.makedirs(f"{where}/{form}", exist_ok=True)
    open(f"{where}/{form}/blob", "wb").write(blob)
    open(f"{where}/{form}/descriptor.json", "w").write(json.dumps(about))


# --- images --------------------------------------------------------------------------------------


class TableLayer:
    """A layer as oci.py's Layer is, with a table: form is a key of FORMS."""

    def __init__(self, entries, form="estargz", **how):
        self.about, self.blob = FORMS[form](entries, **how)
        self.type, self.digest = self.about["mediaType"], self.about["digest"]
        self.tar = zstd.decompress(self.blob) if form in ("chunked", "zstd") else gunzip(self.blob)
        self.diff_id = digest(self.tar)


class ExternalLayer(TableLayer):
    """One whose table is another blob: `table`."""

    def __init__(self, entries, **how):
        self.about, self.blob, self.table = estargz_external(entries, **how)
        self.type, self.digest = self.about["mediaType"], self.about["digest"]
        self.tar = gzip.decompress(self.blob)
        self.diff_id = digest(self.tar)


class TocImage(Image):
    """Of other images the tables that their layers do not have."""

    def __init__(self, *images):
        outside = [layer for image in images for layer in image.layers if isinstance(layer, ExternalLayer)]
        super().__init__([Layer(gzip.decompress(layer.table), blob=layer.table) for layer in outside])
        for about, layer in zip(self.manifest_doc["layers"], outside):
            about["annotations"] = {"containerd.io/snapshot/stargz/layer.digest": layer.digest}
        self.manifest = dump(self.manifest_doc)
        self.digest = digest(self.manifest)


class TableImage(Image):
    def seal(self):
        super().seal()
        for at, layer in enumerate(self.layers):
            if isinstance(layer, TableLayer):
                self.manifest_doc["layers"][at] = layer.about
        self.manifest = dump(self.manifest_doc)
        self.digest = digest(self.manifest)
        return self


FORMS = {
    "estargz": estargz,
    "legacy": lambda entries: estargz(entries, legacy=True),
    "parts": lambda entries: estargz(entries, chunk_size=30000),
    "shared": lambda entries: estargz(entries, chunk_size=50000, min_chunk=200000),
    "zstd": estargz_zstd,
    "chunked": chunked,
}

if __name__ == "__main__":
    where, entries = sys.argv[1], sample()
    for form, make in FORMS.items():
        write(where, form, make(entries))
