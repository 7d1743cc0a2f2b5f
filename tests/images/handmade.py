#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Images of hand-made layers, one for every rule of store/tree/tree_merge.c.

    handmade.py --list           the cases, with what umoci and podman do otherwise
    handmade.py OUT [HOST]       writes OUT/CASE (an OCI layout, tag v1) for every case;
                                 pushes it to HOST as cases/CASE:v1

A case is a function that returns its layers, bottom first. The decorator says what the references do not do
as the rules say: umoci="reason" or podman="reason" leaves the case out for that one, podman_before_5="reason" for
its older versions.
"""
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from oci import *  # noqa: the vocabulary of entries

CASES = {}


def case(how="gzip", docker=False, **except_for):
    def add(make):
        name = make.__name__.replace("_", "-")
        layers = lambda: [Layer(entries, how, docker) for entries in links_like_their_targets(make())]
        CASES[name] = (lambda: Image(layers(), docker), except_for)
        return make

    return add


def links_like_their_targets(layers):
    """Gives hard links the metadata of what they lead to, as all archivers do (readers differ where they lie)."""
    plain = lambda name: os.path.normpath(b"/" + name)
    seen = {plain(e.name): e for entries in layers if isinstance(entries, list) for e in reversed(entries) if e.type != b"1"}
    for entries in layers:
        for e in entries if isinstance(entries, list) else []:
            target = seen.get(plain(e.link)) if e.type == b"1" else None
            if target:
                e.mode, e.uid, e.gid, e.mtime = target.mode, target.uid, target.gid, target.mtime
                seen[plain(e.name)] = target
    return layers


def capability(permitted, revision=2):
    return struct.pack("<IIIII", revision << 24 | 1, permitted, 0, 0, 0)


@case()
def basics():
    return [
        [
            d("bin", 0o755),
            f("bin/su", "su", 0o4755, uid=0, gid=42),
            f("bin/wall", "wall", 0o2755, gid=5),
            d("tmp", 0o1777),
            d("home/user", 0o700, uid=1000, gid=1000),
            f("home/user/private", "secret", 0o600, uid=1000, gid=1000, mtime=1_600_000_000 * NS + 123456789),
            f("empty"),
            f("none", "x", 0),
            s("link", "bin/su"),
            s("dangling", "/no/such/place"),
            s("absolute", "/bin/su"),
            h("bin/su2", "bin/su"),
            p("fifo", mode=0o600),
            f("ids", "x", uid=65534, gid=65534),
        ],
    ]


@case()
def whiteouts():
    below = [
        d("a"), f("a/1", "1"), f("a/2", "2"), f("a/3", "3"),
        d("b"), d("b/sub"), f("b/sub/x", "x"), f("b/keep", "k"),
        s("link", "a/1"), f("file", "f"), d("emptied"), f("emptied/only", "o"),
        f("back", "old"),
        f(".hidden", "h"), d("deep/er/est"), f("deep/er/est/file", "d"), f("deep/er/other", "o"),
    ]  # fmt: skip
    above = [
        wh("a/2"), wh("b/sub"), wh("link"), wh("file"), d("emptied"), wh("emptied/only"),
        wh("back"), f("back", "new"),
        wh(".hidden"), wh("deep/er/est"), wh("neither"),
    ]  # fmt: skip
    return [below, above, [f("a/2", "again"), wh("a/1")]]


@case(umoci="does not make the directory")
def a_whiteout_in_a_directory_that_is_not_there():
    return [[f("file", "f")], [wh("not/there")]]


@case(podman="fails: deletes what the same layer brought before the whiteout")
def whiteouts_hide_only_lower_layers():
    below = [d("d"), f("d/x", "old"), f("d/y", "old"), d("d/sub"), f("d/sub/old", "o"), f("z", "old")]
    above = [
        f("z", "new"), wh("z"),
        d("d"), f("d/x", "new"), wh("d/x"), wh("d/y"), f("d/y", "new"),
        d("d/sub"), f("d/sub/new", "n"), wh("d/sub"),
        f("fresh", "new"), wh("fresh"),
    ]  # fmt: skip
    return [below, above]


@case()
def opaque_first():
    return [
        [d("d", 0o750, uid=7), f("d/old", "o"), d("d/sub"), f("d/sub/old", "o"), f("stays", "s")],
        [d("d", 0o755), opq("d"), f("d/new", "n"), d("d/sub", 0o700), f("d/sub/new", "n")],
    ]


@case()
def opaque_last():
    return [
        [d("d"), f("d/old", "o"), d("d/sub"), f("d/sub/old", "o")],
        [d("d"), f("d/new", "n"), d("d/sub"), f("d/sub/new", "n"), opq("d")],
    ]


@case()
def opaque_without_its_directory():
    return [[d("d", 0o700, uid=3, gid=4), f("d/old", "o")], [opq("d"), f("d/new", "n")]]


@case()
def opaque_nested():
    return [
        [d("a"), d("a/b"), d("a/b/c"), f("a/b/c/one", "1"), f("a/b/two", "2"), f("a/three", "3")],
        [d("a"), d("a/b"), opq("a/b"), d("a/b/c"), f("a/b/c/four", "4")],
        [d("a"), opq("a"), d("a/b"), f("a/b/five", "5")],
        [f("a/b/six", "6"), d("a/b/c"), wh("a/b/five")],
    ]


@case(umoci="hides what is below", podman="does so, too, where it stores by vfs")
def opaque_root():
    return [[d("old"), f("old/file", "o"), f("file", "f")], [f(".wh..wh..opq", mode=0), f("new", "n")]]


@case()
def replaced_types():
    return [
        [
            f("file-to-dir", "f"), d("dir-to-file"), f("dir-to-file/x", "x"), s("link-to-dir", "other"),
            d("dir-to-link"), f("dir-to-link/y", "y"), s("link-to-file", "other"), f("file-to-link", "f"),
            d("other"), f("other/z", "z"), p("fifo-to-file"), f("twice", "t"), d("dir-over-dir", 0o700),
            f("dir-over-dir/stays", "s"),
        ],
        [
            d("file-to-dir"), f("file-to-dir/in", "i"), f("dir-to-file", "now"), d("link-to-dir"),
            f("link-to-dir/in", "i"), s("dir-to-link", "other"), f("link-to-file", "now"),
            s("file-to-link", "other/z"), f("fifo-to-file", "f"), d("twice"), f("twice/a", "a"),
            d("dir-over-dir", 0o755, uid=9, mtime=5 * NS),
        ],
        [f("twice", "t"), d("dir-to-file"), f("dir-to-file/new", "n"), wh("file-to-dir")],
    ]  # fmt: skip


@case(podman="refuses them")
def repeated_entries():
    return [
        [
            f("x", "first"), f("x", "second, longer"), d("d", 0o700), f("d/in", "i"), d("d", 0o755, uid=5),
            f("t", "file"), d("t"), f("t/in", "i"), d("u"), f("u/in", "i"), s("u", "x"),
            f("same", "1"), f("same", "2"), f("same", "3", 0o600),
        ],
        [f("x", "third"), f("x", "4"), f("again", "a")],
    ]  # fmt: skip


@case(podman="refuses repeated entries")
def a_link_keeps_what_its_name_had():
    return [[f("a", "one"), h("b", "a"), f("a", "two"), h("c", "a")]]


@case()
def hard_links():
    return [
        [
            d("d"), f("d/a", "data", 0o640, uid=5), h("d/b", "d/a"), h("c", "./d/a"), h("abs", "/d/a"), h("chain", "c"),
            f("p", "p"), h("q", "p"), f("solo", "s"), s("sym", "d/a"),
            f("m1", "m"), h("m2", "m1"), h("m3", "m1"), f("empty"), h("empty2", "empty"),
        ],
        [wh("q"), f("m1", "new m"), wh("chain")],
    ]  # fmt: skip


@case()
def hard_links_to_lower_layers():
    return [
        [d("d"), f("d/low", "low data", 0o640, gid=7, mtime=3 * NS), f("e", "e")],
        [h("up", "d/low"), d("n"), h("n/e", "e")],
        [h("upper", "up"), wh("e")],
    ]


@case(umoci="needs the target first", podman="needs the target first")
def hard_links_before_their_target():
    return [[h("a", "z/target"), h("b", "a"), d("z"), f("z/target", "late", 0o600)]]


@case()
def a_hard_link_to_a_symlink():
    return [[s("sym", "target"), h("same", "sym"), f("target", "t")]]


@case(podman="fails where the target has to be made")
def symlink_parents_of_the_same_layer():
    return [
        [
            d("real"), s("rel", "real"), f("rel/a", "a"), s("abs", "/real"), f("abs/b", "b"), d("x/y"),
            s("x/y/up", "../../real"), f("x/y/up/c", "c"), s("chain", "rel"), f("chain/d", "d"),
            s("out", "../../../real"), f("out/e", "e"), d("real/sub"), s("tosub", "rel/sub"), f("tosub/f", "f"),
            h("tosub/g", "rel/sub/f"), s("fresh", "made/below"), f("fresh/h", "h"),
        ]
    ]  # fmt: skip


@case(umoci="follows a symlink of a lower layer", podman="fails")
def symlink_parents_of_a_lower_layer():
    return [
        [d("real"), f("real/stays", "s"), s("etc", "real"), s("probe", "/tmp/probe"), s("opt", "real")],
        [d("etc", 0o750), f("etc/passwd", "p"), wh("etc/stays"), f("probe/x", "x"), f("opt/y", "y")],
    ]


@case()
def missing_parents():
    return [
        [d("has", 0o700, uid=5, gid=6, mtime=9 * NS), d("has/sub", 0o711, uid=8)],
        [f("has/sub/new", "n"), f("made/by/need", "m"), f("has/other/need", "o")],
    ]


@case()
def children_before_their_directory():
    return [[f("d/file", "f"), f("d/sub/file", "g"), d("d", 0o700, uid=4, mtime=8 * NS), d("d/sub", 0o500)]]


@case()
def the_root_itself():
    return [[d("./", 0o750, uid=11, gid=12, mtime=77 * NS), f("./dot", "d"), f("/slash", "s"), f(".//a//b", "ab")]]


def sparse_files(kind):
    full = [(i * 65536, bytes([65 + i % 26]) * 512) for i in range(60)]
    return [
        entry("sparse/hole", b"0", sparse=kind, size=1 << 20),
        entry("sparse/end", b"0", sparse=kind, extents=[(1 << 20, b"end!" * 128)], size=(1 << 20) + 512),
        entry("sparse/start", b"0", sparse=kind, extents=[(0, b"go" * 256)], size=3_000_000),
        entry("sparse/many", b"0", sparse=kind, extents=full, size=60 * 65536),
        entry("sparse/odd", b"0", sparse=kind, extents=[(4096, b"x" * 1000), (10240, b"tail")], size=10244),
        f("sparse/after", "what follows is in place"),
    ]


@case(umoci="does not know the type", podman="does not either")
def sparse_old_gnu():
    return [[d("sparse")] + sparse_files("old")]


@case()
def sparse_0_0():
    return [[d("sparse")] + sparse_files("0.0")]


@case()
def sparse_0_1():
    return [[d("sparse")] + sparse_files("0.1")]


@case(how="members")
def sparse_1_0():
    return [[d("sparse")] + sparse_files("1.0")]


@case()
def xattrs():
    return [
        [
            d("d", xattrs={"user.dir": "yes"}),
            f("d/caps", "x", 0o755, xattrs={"security.capability": capability(1 << 10)}),
            f("d/user", "x", xattrs={"user.a": "1", "user.b": b"\0\xff\n=\x80"}),
            f("d/long", "x", xattrs={"user." + "n" * 250: "v" * 2000}),
            f("hidden", "x", xattrs={"trusted.overlay.redirect": "/d", "user.overlay.opaque": "y", "user.ok": "1"}),
            d("hidden-dir", xattrs={"trusted.overlay.opaque": "y", "user.overlay.opaque": "y"}),
            f("equal=sign", "x", xattrs={"user.x": "a=b=c"}),
            f("lost", "x", xattrs={"user.lost": "1"}),
        ],
        [f("lost", "now without"), f("hidden-dir/in", "i"), f("d/kept", "k")],
    ]


@case(umoci="drops them", podman_before_5="drops them")
def empty_xattrs():
    return [
        [d("d", xattrs={"user.empty": ""}), f("d/user", "x", xattrs={"user.a": "1", "user.empty": ""}), f("plain", "x")],
        [f("plain", "y", xattrs={"user.empty": ""})],
    ]


@case()
def devices():
    return [
        [
            d("dev"), c("dev/null", 1, 3, mode=0o666), c("dev/tty", 5, 0, mode=0o620, gid=5), b("dev/sda", 8, 0, mode=0o660, gid=6),
            b("dev/nvme", 259, 300, mode=0o660), c("dev/big", 300, 70000, mode=0o600), p("dev/pipe", mode=0o644),
            h("dev/null2", "dev/null"),
        ]
    ]  # fmt: skip


@case()
def names():
    odd = ["with space", "tab\there", "line\nbreak", "back\\slash", "-dash", "ümläut", "日本語", "*?[x]", "a:b@c", "'\"$(x)"]
    odd += [".w", ".who", ".wh", "wh.", "..x", "...", "~", "%2F", "name.", "\x01\x7f"]
    odd += ["x" * 255, "ä" * 127]
    return [
        [d("odd")]
        + [f("odd/" + name, name) for name in odd]
        + [entry(b"odd/\xff\xfe\x80", b"0", data=b"not utf-8"), s("odd/link", "ü" * 200), s("odd/long", "t/" * 2000)]
        + [f("/".join(["dir" * 20] * 40) + "/file", "deep"), f("/".join("d%d" % i for i in range(300)) + "/f", "deeper")],
        [wh("odd/ümläut"), wh("odd/line\nbreak"), f("odd/日本語", "new")],
    ]


@case()
def names_gnu():
    return [
        [
            d("odd", dialect="gnu"),
            f("odd/" + "n" * 200, "long", dialect="gnu"),
            s("odd/" + "l" * 150, "t" * 300, dialect="gnu"),
            h("odd/" + "h" * 120, "odd/" + "n" * 200, dialect="gnu"),
            f("odd/ids", "i", uid=3_000_000, gid=2_500_000, dialect="gnu"),
            f("odd/late", "l", mtime=9_000_000_000 * NS, dialect="gnu"),
            d("odd/" + "d" * 130, dialect="gnu"),
            c("odd/dev", 1, 3, dialect="gnu"),
        ]
    ]


@case(umoci="keeps them")
def times_before_1970():
    return [[f("gnu", "x", mtime=-1_000_000 * NS, dialect="gnu"), f("pax", "x", mtime=-2 * NS + 500_000_000)]]


@case()
def names_ustar():
    long = "/".join(["component%02d" % i for i in range(20)])
    return [
        [
            f(long + "/file", "prefix", dialect="ustar"),
            s("link", "x" * 100, dialect="ustar"),
            f("n" * 100, "exactly 100", dialect="ustar"),
            f("old", "v7", dialect="v7"),
            entry("olddir/", b"5", mode=0o711, dialect="v7"),
            entry("zero", b"\0", data=b"type nul", dialect="v7"),
            entry("zerodir/", b"\0", mode=0o700, dialect="v7"),
        ]
    ]


@case(umoci="does not know the type", podman="does not either")
def contiguous_files():
    return [[entry("contiguous", b"7", data=b"type 7", dialect="ustar"), f("next", "n")]]


@case()
def pax_records_of_all_kinds():
    return [
        [
            f("ids", "x", uid=4_000_000_000, gid=3_000_000_000),
            f("nanoseconds", "x", mtime=1_234_567_890 * NS + 1),
            f("short-fraction", "x", pax={"mtime": "1234567890.5"}),
            f("unknown", "x", pax={"VENDOR.thing": "whatever", "comment": "c", "atime": "1.5", "ctime": "2.5"}),
            f("renamed", "x", pax={"path": "by/pax"}),
            s("relinked", "header", pax={"linkpath": "by pax"}),
            f("binary", "x", pax={"hdrcharset": "BINARY"}),
            entry("sized", b"0", data=b"nine byte", pax={"size": "9"}),
            f("next", "is in place"),
        ]
    ]


@case(umoci="does not know the type", podman="refuses two")
def pax_global_headers():
    return [[global_pax(comment="0123456789abcdef"), f("a", "x"), global_pax(comment="another"), f("b", "x")]]


@case(podman="leaves .wh..wh.plnk out where it stores by vfs")
def what_aufs_kept():
    return [
        [
            f(".wh..wh.aufs", mode=0), d(".wh..wh.plnk", 0o700), f(".wh..wh.plnk/1.2", "x"), d(".wh..wh.orph"),
            f("file", "f"), h("linked", ".wh..wh.plnk/1.2"),
        ],
    ]


@case(umoci="hides what is below", podman="does so, too, where it stores by vfs")
def whiteouts_that_directories_replace():
    return [
        [d("e"), f("e/low", "l"), f("file", "l"), d("opaque"), f("opaque/low", "l")],
        [wh("e"), d("e", 0o711), f("e/new", "n"), wh("file"), d("file"), wh("opaque"), d("opaque"), opq("opaque"), f("opaque/new", "n")],
    ]


@case(umoci="refuses it", podman="refuses it where it stores by vfs")
def links_to_whiteouts():
    return [[f("a", "old"), f("b", "old"), f("z", "z")], [wh("a"), h("b", "a"), h("c", "a")]]


@case()
def links_and_what_comes_behind():
    return [[f("a", "old"), f("c", "old")], [h("b", "a"), f("a", "new"), h("d", "c"), wh("c")]]


@case(umoci="refuses them", podman="refuses them")
def links_to_nothing():
    return [[f("x", "x"), d("d"), h("d/a", "no/thing"), h("to-dir", "d"), h("self", "self"), f("y", "y")]]


@case()
def paths_above_the_root():
    return [[entry("/../b", b"0", data=b"B"), f("c", "C"), f("d/../../e", "E"), h("f", "../../c")]]


@case()
def many_entries():
    names = [f("dir/%05d" % i, str(i), mode=0o600 + i % 64, mtime=(1000 + i) * NS) for i in range(3000)]
    return [[d("dir")] + names, [wh("dir/%05d" % i) for i in range(0, 3000, 3)]]


@case()
def empty_layers():
    return [tar([]), tar([f("a", "a")], end=False), tar([]), tar([wh("nothing")]), tar([f("b", "b")]) + bytes(9000)]


def big():
    dice = random.Random(7)
    words = [dice.randbytes(dice.randrange(2, 12)).hex() for _ in range(2000)]
    text = " ".join(dice.choice(words) for _ in range(900_000)).encode()
    return [
        [d("data"), f("data/random", dice.randbytes(5_000_000)), f("data/text", text), f("data/zeros", bytes(6_000_000))]
        + [f("data/small%03d" % i, text[i * 4000 : i * 4000 + i * 17]) for i in range(400)],
        [f("data/text2", text[3_000_000:4_000_000]), wh("data/small007"), h("data/hard", "data/text2")],
    ]


for how in ("gzip", "members", "flushed", "zstd", "frames", "plain"):
    make = lambda: big()
    make.__name__ = "big_" + how
    case(how, **({"umoci": "does not know zstd"} if how in ("zstd", "frames") else {}))(make)


@case(docker=True, umoci="wants OCI types")
def docker_types():
    return basics() + [[wh("link"), f("docker", "d")]]


def platforms(docker):
    amd64 = Image([Layer([f("arch", "amd64")], docker=docker)], docker)
    arm64 = Image([Layer([f("arch", "arm64")], docker=docker)], docker, architecture="arm64", variant="v8")
    armv6 = Image([Layer([f("arch", "armv6")], docker=docker)], docker, architecture="arm", variant="v6")
    return Index([arm64, amd64, armv6], docker, attestation=not docker)


CASES["index"] = (lambda: platforms(False), {"umoci": "wants one manifest"})
CASES["docker-list"] = (lambda: platforms(True), {"umoci": "wants one manifest"})


def main():
    if sys.argv[1] == "--list":
        for name, (_, except_for) in CASES.items():
            print(name, *(reference.replace("_", "-") for reference in sorted(except_for)))
        return
    out, *host = sys.argv[1:]
    for name, (make, _) in CASES.items():
        image = make()
        write_layout(f"{out}/{name}", {"v1": image})
        if host:
            Registry(host[0]).push(f"cases/{name}", "v1", image)


if __name__ == "__main__":
    main()
