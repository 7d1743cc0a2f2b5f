# SPDX-License-Identifier: MIT
"""What is held of a layer that is read before it is here: what its map says (store/disk/held_map.c), and whether it is there."""
import os
import struct

HEADER, RECORD, ADDED, DROPPED = struct.Struct("<8sIIQ"), struct.Struct("<QQQQ"), 1, 2


def named(map, size):
    """The bytes that a map says are there. What a cut has spoilt of it is no record."""
    with open(map, "rb") as file:
        data = file.read()
    if len(data) < HEADER.size or HEADER.unpack_from(data) != (b"imagefsH", 1, 0, size):
        return set()
    data, out = data[HEADER.size :], set()
    for first, end, change, _ in RECORD.iter_unpack(data[: len(data) // RECORD.size * RECORD.size]):
        if first < end <= size and change == ADDED:
            out.update(range(first, end))
        elif first < end <= size and change == DROPPED:
            out.difference_update(range(first, end))
    return out


def problems(store, layers):
    """A sentence for each of these layers whose map names bytes that are others."""
    for layer in layers:
        base = f"{store}/partial/{layer.digest.partition(':')[2]}.{len(layer.blob)}"
        if not os.path.exists(base + ".map") or not os.path.exists(base + ".held"):
            continue
        with open(base + ".held", "rb") as file:
            data = file.read()
        if len(data) != len(layer.blob):
            continue  # cut short: the next program begins anew, whatever the map says
        there = named(base + ".map", len(layer.blob))
        wrong = sum(1 for at in there if data[at : at + 1] != layer.blob[at : at + 1])
        if wrong:
            yield f"the map of {layer.digest[:20]} names {len(there)} bytes, {wrong} of them are not there"


def cut_short(store):
    """What is held of some layer ends earlier than it did: the next program puts it in order."""
    name = min(name for name in os.listdir(f"{store}/partial") if name.endswith(".held"))
    path = f"{store}/partial/{name}"
    os.truncate(path, os.path.getsize(path) * 2 // 3)
