# SPDX-License-Identifier: MIT
"""What the rounds read: a store with its derived files, an archive to be loaded, and every byte of it known.

Built once, below one directory; each round has a copy of the store. Names in its index.json begin with PLACE, which a
round replaces by the host:port of its registry. `known` holds the bytes of all files, `list` says where; reader is the
program that compares with them.
"""
import json
import os
import pickle
import random
import shutil
import struct
import subprocess

from archives import docker_save, save
from lazy import TableImage, TableLayer
from oci import *

PLACE = "host.invalid:1"
LOCAL = 5  # images in the store
SMALL = 2  # the first of them
HOW = ["gzip", "zstd", "members", "frames", "flushed"]
LARGE = ["plain", "zstd", "gzip"]
LOADED = "localhost:1/loaded"  # where no registry answers


# --- the images ---


def image_of(*layers):
    """(entries, how they are compressed) each, the lowest first."""
    image = Image([Layer(entries, how) for entries, how in layers])
    image.entries = [e for entries, _ in layers for e in entries]
    return image


PAGE, PAGE_HEAD = 4096, 16
HALF = 1 << 20
TEXT, NOISE = 0, HALF  # where they lie in the pool: what can be compressed, as programs can, and what cannot
POOL = b"".join(random.Random(1).choices([random.Random(i).randbytes(8) for i in range(60)], k=HALF // 8)) + random.Random(2).randbytes(HALF)


class Content(bytes):
    """Bytes of a file that know where they come from."""

    last = 0

    @classmethod
    def make(cls, dice, size, half=TEXT):
        Content.last += 1
        start, body = dice.randrange(HALF), PAGE - PAGE_HEAD
        at = lambda page: half + (start + page * body) % (HALF - body)
        pages = [struct.pack("<QQ", Content.last, page) + POOL[at(page) : at(page) + body] for page in range(-(-size // PAGE))]
        out = cls(b"".join(pages)[:size])
        out.source = (Content.last, half, start)
        return out


def files(dice, side, count, largest):
    """Many in a folder, as programs and libraries lie: reading ahead goes as far as a folder."""
    out = []
    for k in range(4):
        out.append(d(f"d{k}"))
        for n in range(count):
            notes = {"user.kind": f"{side} {n}".encode()} if n % 3 == 0 else {}
            out.append(f(f"d{k}/{side}{n:03}", Content.make(dice, dice.randrange(largest)), xattrs=notes))
        out.append(s(f"d{k}/link-{side}", f"{side}000"))
    return out


def large_files(dice, megabytes):
    return [d("large")] + [f(f"large/{n}", Content.make(dice, int(megabytes * (1 << 20)) + dice.randrange(9000))) for n in range(2)]


def make_image(i):
    """The first ones are small. In the others reading ahead gets as far ahead as it goes, and the readers of middling
    files, who are faster than it is, come upon it: that is when an end is hard."""
    dice = random.Random(i)
    return image_of(
        (files(dice, "small", 40, 8000), HOW[i % len(HOW)]),
        (large_files(dice, 0.5 + i % 3 / 2), LARGE[i % len(LARGE)]),
        (files(dice, "middling", 6 if i < SMALL else 80, 150_000), HOW[(i + 1) % len(HOW)]),
    )


def make_far(seed):
    """One that is pulled: blobs that take a while at the pace of the registry."""
    dice = random.Random(seed)
    layer = lambda k: [d(f"l{k}"), f(f"l{k}/noise", Content.make(dice, 700_000, NOISE)), f(f"l{k}/text", Content.make(dice, 300_000))]
    return image_of(*[(layer(k), "gzip") for k in range(3)])


def make_lazy():
    """One that is read as it comes."""
    dice = random.Random(102)
    entries = files(dice, "lazy", 20, 100_000) + large_files(dice, 1)
    image = TableImage([TableLayer(entries)])
    image.entries = entries
    return image


def make_loaded():
    """Its first layer is larger than what is kept in memory while an archive comes in."""
    dice = random.Random(99)
    return image_of(([f("noise", Content.make(dice, 4_700_000, NOISE))], "plain"), ([f("text", Content.make(dice, 400_000))], "gzip"))


# --- what is known of them ---


class World:
    def __init__(self, directory):
        self.directory, self.store, self.archive = directory, f"{directory}/store", f"{directory}/archive.tar"
        self.reader = f"{directory}/reader"
        self.local = [f"app{i}" for i in range(LOCAL)]
        self.far = {}  # images that only the registry has, by name


def compile_reader(path):
    here = os.path.dirname(os.path.abspath(__file__))
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-o", path, *[f"{here}/{name}.c" for name in ("reader", "pass", "known")]], check=True)


def note(image, name, listing):
    """A line for each regular file of an image: where its bytes come from, and its attribute."""
    for e in image.entries:
        if e.type == b"0":
            print(name, e.name.decode(), *e.data.source, len(e.data), e.xattrs.get("user.kind", b"-").decode(), sep="\t", file=listing)


def build(directory):
    """The images and the layout. Its derived files come when it was mounted and read; then it is to be kept."""
    world = World(directory)
    os.makedirs(world.store)
    compile_reader(world.reader)
    images = {name: make_image(i) for i, name in enumerate(world.local)}
    loaded = make_loaded()
    world.far = {"far": make_far(100), "stuck": make_far(101), "lazy": make_lazy()}
    with open(f"{directory}/pool", "wb") as file:
        file.write(POOL)
    with open(f"{directory}/list", "w") as listing:
        for name, image in {**images, **world.far, "loaded": loaded}.items():
            note(image, name, listing)
    # Each has a second name, to be pushed.
    tags = {f"{PLACE}/{prefix}{name}:1": image for name, image in images.items() for prefix in ("", "copy/")}
    write_layout(world.store, tags)
    save(world.archive, docker_save([(loaded, [f"{LOADED}:1"])]))
    return world


def keep(world):
    with open(f"{world.directory}/world.pickle", "wb") as file:
        pickle.dump(world, file)


def load(directory):
    with open(f"{directory}/world.pickle", "rb") as file:
        return pickle.load(file)


def copy_store(world, target, host, link=True):
    """A store of one's own: blobs and derived files are never written again, so they may be shared."""
    for top, directories, files in os.walk(world.store):
        there = target + top[len(world.store) :]
        os.makedirs(there, mode=0o700, exist_ok=True)
        for name in files:
            shared = link and ("/blobs" in top or "/derived" in top) and name != "imagefs-version"
            (os.link if shared else shutil.copyfile)(f"{top}/{name}", f"{there}/{name}")
    with open(f"{world.store}/index.json") as file:
        index = file.read().replace(PLACE, host)
    json.loads(index)
    with open(f"{target}/index.json", "w") as file:
        file.write(index)
