#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""zTOCs and SOCI indexes, from the schema (soci-snapshotter ztoc/fbs/ztoc.fbs) and nothing of ours: a builder of
flatbuffers, a decoder of deflate that tells where blocks end, and the rules by which spans are cut.

    soci.py read ZTOC BLOB       fails where a zTOC says something else than the blob
    soci.py zinfo BLOB SPAN      prints the checkpoints of a gzip file
    soci.py ztoc DIR             writes DIR/{blob,ztoc} of the sample
"""
import os
import struct
import sys

from lazy import *

SOCI = "application/vnd.amazon.soci.index."
NOTES = "com.amazon.soci."
WINDOW = 32768
SPAN = 1 << 22

# --- flatbuffers ---------------------------------------------------------------------------------


class Flat:
    """Written from the end to the front, as the public builders do: what is referred to is there already. A place is
    the distance from the end."""

    def __init__(self):
        self.out = b""

    def push(self, data, align):
        self.out = bytes(data) + self.align(len(data), align) + self.out
        return len(self.out)

    def align(self, more, align):
        return bytes(-(len(self.out) + more) % align)

    def offset(self, to):
        """The four bytes in front of what was written so far that lead to a place."""
        assert len(self.out) % 4 == 0
        return struct.pack("<I", len(self.out) + 4 - to)

    def string(self, text):
        data = encode(text)
        return self.push(struct.pack("<I", len(data)) + data + b"\0" + self.align(len(data) + 5, 4), 1)

    def bytes(self, data):
        return self.push(struct.pack("<I", len(data)) + data + self.align(len(data) + 4, 4), 1)

    def vector(self, places):
        self.push(b"", 4)
        for place in reversed(places):
            self.out = self.offset(place) + self.out
        return self.push(struct.pack("<I", len(places)), 1)

    def table(self, *fields):
        """fields: None, ("to", place), or (format, number), by their number in the schema. Zeros are left out."""
        at, end = {}, None
        self.push(b"", 8)
        start = len(self.out)
        for number, field in sorted(enumerate(fields), key=lambda x: -struct.calcsize("<" + x[1][0]) if x[1] and x[1][0] != "to" else -4):
            if not field or (field[0] != "to" and not field[1]):
                continue
            if field[0] == "to":
                self.push(b"", 4)
                self.out = self.offset(field[1]) + self.out
            else:
                self.push(struct.pack("<" + field[0], field[1]), struct.calcsize("<" + field[0]))
            at[number] = len(self.out)
        self.push(b"", 4)
        place = len(self.out) + 4
        vtable = struct.pack("<HH", 4 + 2 * len(fields), place - start)
        vtable += b"".join(struct.pack("<H", place - at[n] if n in at else 0) for n in range(len(fields)))
        self.out = struct.pack("<i", len(vtable)) + self.out
        self.out = vtable + self.out
        return place

    def finish(self, root):
        while (len(self.out) + 4) % 8:
            self.out = b"\0" + self.out
        return self.offset_any(root) + self.out

    def offset_any(self, to):
        return struct.pack("<I", len(self.out) + 4 - to)


# --- deflate -------------------------------------------------------------------------------------


class Bits:
    def __init__(self, data, at):
        self.data, self.at, self.have, self.bits = data, at, 0, 0

    def take(self, n):
        while self.have < n:
            self.bits |= self.data[self.at] << self.have
            self.at += 1
            self.have += 8
        value = self.bits & ((1 << n) - 1)
        self.bits >>= n
        self.have -= n
        return value


def huffman(lengths):
    codes, code = {}, 0
    for length in range(1, 16):
        code <<= 1
        for symbol, l in enumerate(lengths):
            if l == length:
                codes[length, code] = symbol
                code += 1
    return codes


def symbol(bits, codes):
    code = length = 0
    while True:
        code, length = code << 1 | bits.take(1), length + 1
        if (length, code) in codes:
            return codes[length, code]


BASE = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258]
EXTRA = [0] * 8 + [n for n in range(1, 6) for _ in range(4)] + [0]
DISTANCE = [1, 2, 3, 4] + [(2 + n % 2) * (1 << n // 2) + 1 for n in range(2, 28)]
ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
FIXED = huffman([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8), huffman([5] * 30)


def dynamic(bits):
    literals, distances, count = bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4
    first = [0] * 19
    for place in ORDER[:count]:
        first[place] = bits.take(3)
    codes, lengths = huffman(first), []
    while len(lengths) < literals + distances:
        one = symbol(bits, codes)
        if one < 16:
            lengths.append(one)
        elif one == 16:
            lengths += [lengths[-1]] * (3 + bits.take(2))
        else:
            lengths += [0] * (3 + bits.take(3) if one == 17 else 11 + bits.take(7))
    return huffman(lengths[:literals]), huffman(lengths[literals:])


def block(bits, out):
    """Decodes one; true where it is the last."""
    last, kind = bits.take(1), bits.take(2)
    if kind == 0:
        bits.take(bits.have % 8)
        size = bits.take(16)
        bits.take(16)
        for _ in range(size):
            out.append(bits.take(8))
        return last
    literals, distances = FIXED if kind == 1 else dynamic(bits)
    while (one := symbol(bits, literals)) != 256:
        if one < 256:
            out.append(one)
            continue
        length = BASE[one - 257] + bits.take(EXTRA[one - 257])
        one = symbol(bits, distances)
        distance = DISTANCE[one] + bits.take(max(0, one // 2 - 1))
        for _ in range(length):
            out.append(out[-distance])
    return last


def header_end(blob, at):
    flags, at = blob[at + 3], at + 10
    if flags & 4:
        at += 2 + struct.unpack("<H", blob[at : at + 2])[0]
    for flag in 8, 16:
        if flags & flag:
            at = blob.index(b"\0", at) + 1
    return at + (2 if flags & 2 else 0)


def boundaries(blob, out):
    """(first whole byte, bits before it, plain bytes) of each end of a block but a member's last, and of each end of a
    member's header."""
    at = 0
    while at < len(blob) and blob[at]:
        bits = Bits(blob, header_end(blob, at))
        yield bits.at, 0, len(out)
        while not block(bits, out):
            yield bits.at, bits.have, len(out)
        at = bits.at + 8


def checkpoints(blob, span):
    """(in, out, bits, window): the first, and each more than span plain bytes behind the one before."""
    out, found = bytearray(), []
    for at, bits, plain in boundaries(blob, out):
        if not plain or plain - found[-1][1] > span:
            window = bytes(out[max(0, plain - WINDOW) :])
            found.append((at, plain, bits, window.rjust(WINDOW, b"\0")))
    return found, bytes(out)


# --- zTOCs ---------------------------------------------------------------------------------------


def pax_of(e):
    return {"SCHILY.xattr." + k: encode(v) for k, v in e.xattrs.items()} | e.pax


def flat_entry(flat, e, at):
    records = []
    for key, value in sorted(pax_of(e).items()):
        k, v = flat.string(key), flat.string(value)
        records.append(flat.table(("to", k), ("to", v)))
    records = flat.vector(records)
    name, kind, link, time = flat.string(e.name), flat.string(TYPES[e.type]), flat.string(e.link), flat.string(rfc3339(e.mtime))
    user = flat.string("")
    return flat.table(
        ("to", name), ("to", kind), ("q", at), ("q", len(e.data)), ("to", link), ("q", e.mode), ("I", e.uid), ("I", e.gid),
        ("to", user), ("to", user), ("to", time), ("q", e.major), ("q", e.minor), ("to", records),
    )  # fmt: skip


def places(entries):
    """Where the content of each begins in the archive."""
    at = 0
    for e in entries:
        whole = member(e)
        yield at + len(whole) - len(e.data) - -len(e.data) % 512 if e.type == b"0" else at + len(whole)
        at += len(whole)


class Ztoc:
    """What a zTOC says; a test may change it before it is written."""

    def __init__(self, entries, blob, span=SPAN, compressed=True, first=False):
        self.entries, self.places = entries, list(places(entries))
        self.version, self.tool, self.packed, self.algorithm = "0.9", "tests", len(blob), 1 if compressed else 2
        if compressed:
            found, plain = checkpoints(blob, span)
            self.plain = len(plain)
            starts, outs = [at - (bits > 0) for at, _, bits, _ in found], [out for _, out, *_ in found]
            ends = [at for at, *_ in found[1:]] + [len(blob)]
            left_out = found[1:] if first else found  # the older form has no first one
            self.zinfo = struct.pack("<iq", len(found), span)
            self.zinfo += b"".join(struct.pack("<qqB", i, o, b) + w for i, o, b, w in left_out)
        else:
            self.plain = len(blob)
            starts = outs = list(range(0, len(blob), span))
            ends = starts[1:] + [len(blob)]
            flat = Flat()
            self.zinfo = flat.finish(flat.table(("i", 2), ("q", span), ("q", len(blob))))
        self.spans = list(zip(starts, ends, outs))
        self.digests = [digest(blob[a:b]) for a, b, _ in self.spans]

    def bytes(self):
        flat = Flat()
        version, tool = flat.string(self.version), flat.string(self.tool)
        toc = flat.table(("to", flat.vector([flat_entry(flat, e, at) for e, at in zip(self.entries, self.places)])))
        zinfo = flat.bytes(self.zinfo)
        digests = flat.vector([flat.string(d) for d in self.digests])
        # The algorithm has a default, which is left out; it is 1, so that 0 would be no other way to say so.
        algorithm = ("b", self.algorithm) if self.algorithm != 1 else None
        info = flat.table(algorithm, ("i", len(self.digests) - 1), ("to", digests), ("to", zinfo))
        root = flat.table(("to", version), ("to", tool), ("q", self.packed), ("q", self.plain), ("to", toc), ("to", info))
        return flat.finish(root)


# --- reading -------------------------------------------------------------------------------------


class Table:
    def __init__(self, data, at):
        self.data, self.at = data, at
        vtable = at - struct.unpack_from("<i", data, at)[0]
        size = struct.unpack_from("<H", data, vtable)[0]
        self.fields = struct.unpack_from(f"<{size // 2 - 2}H", data, vtable + 4)

    def place(self, n):
        return self.at + self.fields[n] if n < len(self.fields) and self.fields[n] else None

    def number(self, n, format, absent=0):
        at = self.place(n)
        if at is None:
            return absent
        assert at % struct.calcsize("<" + format) == 0, "numbers are aligned"
        return struct.unpack_from("<" + format, self.data, at)[0]

    def to(self, at):
        return at + struct.unpack_from("<I", self.data, at)[0]

    def table(self, n):
        return Table(self.data, self.to(self.place(n)))

    def bytes(self, n):
        at = self.place(n)
        return bytes_at(self.data, self.to(at)) if at else b""

    def places(self, n):
        at = self.to(self.place(n))
        return [at + 4 + 4 * i for i in range(struct.unpack_from("<I", self.data, at)[0])]

    def tables(self, n):
        return [Table(self.data, self.to(at)) for at in self.places(n)]

    def strings(self, n):
        return [bytes_at(self.data, self.to(at)) for at in self.places(n)]


def bytes_at(data, at):
    size = struct.unpack_from("<I", data, at)[0]
    assert at + 4 + size <= len(data)
    return data[at + 4 : at + 4 + size]


def root(data):
    return Table(data, struct.unpack_from("<I", data)[0])


def inflate(blob, span, at, bits, window, size):
    """From a checkpoint on, with zlib: the bits of the byte before come as a stored block would end there."""
    reader, out = Bits(blob, at - (bits > 0)), bytearray(window)
    reader.take(8 - bits if bits else 0)
    while len(out) - len(window) < size:
        if block(reader, out) and len(out) - len(window) < size:
            reader = Bits(blob, header_end(blob, reader.at + 8))
    return bytes(out[len(window) :][:size])


def read(ztoc, blob):
    """Checks all that a zTOC says against the blob."""
    top = root(ztoc)
    toc, info = top.table(4), top.table(5)
    gz = info.number(0, "b", 1) == 1
    plain = gunzip(blob) if gz else blob
    assert top.bytes(0) == b"0.9" and top.number(2, "q") == len(blob) and top.number(3, "q") == len(plain)
    zinfo, digests = info.bytes(3), [x.decode() for x in info.strings(2)]
    assert info.number(1, "i") + 1 == len(digests)
    if gz:
        count, span = struct.unpack_from("<iq", zinfo)
        points = [struct.unpack_from("<qqB", zinfo, 12 + i * (17 + WINDOW)) for i in range(count)]
        windows = [zinfo[12 + i * (17 + WINDOW) + 17 :][:WINDOW] for i in range(count)]
        assert len(zinfo) == 12 + count * (17 + WINDOW)
    else:
        span, size = root(zinfo).number(1, "q"), root(zinfo).number(2, "q")
        points = [(at, at, 0) for at in range(0, size, span)]
        assert size == len(blob)
    assert span == SPAN and len(points) == len(digests)
    ends = [p[0] for p in points[1:]] + [len(blob)]
    for (at, out, bits), end, wanted, after in zip(points, ends, digests, points[1:] + [(0, len(plain), 0)]):
        assert digest(blob[at - (bits > 0) : end]) == wanted
        assert after[1] - out >= SPAN + gz or out < after[1] == len(plain)
        if gz:
            size = min(3000, after[1] - out)
            window = windows[points.index((at, out, bits))]
            assert inflate(blob, span, at, bits, window, size) == plain[out : out + size]
    import io, tarfile
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        members = archive.getmembers()
    entries = toc.tables(0)
    assert len(members) == len(entries)
    for m, e in zip(members, entries):
        name = m.name + "/" * m.isdir()
        assert (e.bytes(0), e.number(5, "q"), e.number(6, "I"), e.number(7, "I")) == (encode(name), m.mode, m.uid, m.gid), name
        seconds, _, part = m.pax_headers.get("mtime", str(int(m.mtime))).partition(".")
        assert e.bytes(10).decode() == rfc3339(int(seconds) * NS + int(part.ljust(9, "0"))), name
        assert (e.number(2, "q"), e.number(3, "q")) == (m.offset_data, m.size if m.isreg() else 0), name
        assert e.bytes(4) == encode(m.linkname) and e.bytes(1).decode() == TYPES[m.type if m.type != b"\0" else b"0"]
        records = {encode(k): encode(v) for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr.")}
        assert {t.bytes(0): t.bytes(1) for t in e.tables(13)} == records, name


# --- images --------------------------------------------------------------------------------------


class PlainLayer(Layer):
    """An ordinary layer with its zTOC."""

    def __init__(self, entries, span=1 << 15, compressed=True, change=lambda z: z, first=False, members=1):
        super().__init__(entries)
        self.tar = tar(entries)
        self.diff_id = digest(self.tar)
        self.blob = gzip_bytes(self.tar, members) if compressed else self.tar
        self.type = OCI_LAYER + ("+gzip" if compressed else "")
        self.digest = digest(self.blob)
        ztoc = Ztoc(entries, self.blob, span, compressed, first)
        self.spans, self.places = ztoc.spans, {e.name: at for e, at in zip(entries, ztoc.places)}
        self.ztoc = change(ztoc).bytes()

    def span_of(self, name):
        """(first, end) in the blob of the span in which a file's content begins."""
        return [(a, b) for a, b, out in self.spans if out <= self.places[encode(name)]][-1]

    def ztoc_notes(self):
        return {NOTES + "image-layer-digest": self.digest, NOTES + "image-layer-mediaType": self.type}


class GivenLayer(Layer):
    """A blob and its zTOC as another program has written them."""

    def __init__(self, where):
        blob, ztoc = open(where + "/blob", "rb").read(), gzip.open(where + "/ztoc.gz").read()
        super().__init__(gzip.decompress(blob), blob=blob)
        self.ztoc = ztoc

    def ztoc_notes(self):
        return {NOTES + "image-layer-digest": self.digest, NOTES + "image-layer-mediaType": self.type}


class SociIndex(Artifact):
    """Of the layers that have a zTOC; of version 1 with a subject."""

    def __init__(self, layers, version=2, subject=None):
        files = [("application/octet-stream", l.ztoc, l.ztoc_notes()) for l in layers if hasattr(l, "ztoc")]
        # What to fetch first is no zTOC, though it names a layer.
        files.append((f"{SOCI[:-6]}prefetch.v1+json", b"{}", {NOTES + "image-layer-digest": layers[0].digest}))
        more = {"annotations": {NOTES + "build-tool-identifier": "tests"}}
        super().__init__(files, subject=subject, config_type=f"{SOCI}v{version}+json", **more)


class SociImage(Index):
    """An image, and behind it the SOCI index that its manifest names, with the same platform."""

    def __init__(self, layers):
        self.image, self.soci = Image(layers), SociIndex(layers)
        self.image.manifest_doc["annotations"] = {NOTES + "index-digest": self.soci.digest}
        self.image.seal()
        super().__init__([self.image])
        self.layers, self.images = layers, [self.image, self.soci]
        doc = json.loads(self.manifest)
        doc["manifests"].insert(0, self.soci.descriptor() | {"platform": self.image.platform()})
        self.manifest = dump(doc)
        self.digest = digest(self.manifest)


if __name__ == "__main__":
    if sys.argv[1] == "zinfo":
        for at, out, bits, window in checkpoints(open(sys.argv[2], "rb").read(), int(sys.argv[3]))[0]:
            print(at, out, bits, digest(window))
    elif sys.argv[1] == "read":
        read(open(sys.argv[2], "rb").read(), open(sys.argv[3], "rb").read())
    else:
        layer = PlainLayer(sample())
        os.makedirs(sys.argv[2], exist_ok=True)
        open(sys.argv[2] + "/blob", "wb").write(layer.blob)
        open(sys.argv[2] + "/ztoc", "wb").write(layer.ztoc)
        print(json.dumps(descriptor(layer.type, layer.blob)))
