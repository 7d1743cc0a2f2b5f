#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a root filesystem should look like, and what one does look like, as JSON lines.

    oracle.py list DIR              what is on disk (or on the mount) below DIR
    oracle.py merge LAYOUT[:TAG]    what a container sees of an image: its layers merged in memory
    oracle.py diff LAYOUT[:TAG] N   what layer N itself brings, whiteouts shown as files (hard links to files of
                                    lower layers are left out: there is nothing that they could lead to)

One line an entry: path, type, mode, uid, gid, size, mtime (ns), rdev, target, nlink, links (the first path
of the inode), xattrs (base64), sha256. A null is "not specified": compare.py passes over it.

`merge` shares nothing with the program: the archives are read by Python's tarfile, the merge is written
as a sequence of extractions: every layer is extracted by itself, with the whiteouts set
aside, and then laid over what is below.
"""
import base64
import gzip
import hashlib
import io
import json
import os
import stat
import sys
import tarfile
from decimal import Decimal

import zstd

TYPES = {
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}


def shown_xattr(name):
    """trusted.overlay.* and user.overlay.* would steer an overlay above the mount: never shown."""
    return ".overlay." not in name and name != "security.selinux"


# --- on disk -------------------------------------------------------------------------------------


def file_sha(path):
    sha = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(1 << 20):
            sha.update(chunk)
    return sha.hexdigest()


def disk_record(path, name, first):
    st = os.lstat(path)
    kinds = {"dir": stat.S_ISDIR, "symlink": stat.S_ISLNK, "char": stat.S_ISCHR, "block": stat.S_ISBLK}
    kinds |= {"fifo": stat.S_ISFIFO, "socket": stat.S_ISSOCK, "file": stat.S_ISREG}
    kind = next(k for k, test in kinds.items() if test(st.st_mode))
    names = [x for x in os.listxattr(path, follow_symlinks=False) if shown_xattr(x)]
    return {
        "path": os.fsdecode(name),
        "type": kind,
        "mode": stat.S_IMODE(st.st_mode),
        "uid": st.st_uid,
        "gid": st.st_gid,
        "size": None if kind == "dir" else st.st_size,
        "mtime": st.st_mtime_ns,
        "rdev": f"{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}" if kind in ("char", "block") else "",
        "target": os.fsdecode(os.readlink(path)) if kind == "symlink" else "",
        "nlink": st.st_nlink,
        "links": first.setdefault((st.st_dev, st.st_ino), os.fsdecode(name)),
        "xattrs": {x: base64.b64encode(os.getxattr(path, x, follow_symlinks=False)).decode() for x in sorted(names)},
        "sha256": file_sha(path) if kind == "file" else "",
    }


def list_disk(root):
    root = os.fsencode(root)
    first = {}

    def visit(path, name):
        yield disk_record(path, name, first)
        if stat.S_ISDIR(os.lstat(path).st_mode):
            for child in sorted(os.listdir(path)):
                yield from visit(path + b"/" + child, child if name == b"." else name + b"/" + child)

    yield from visit(root, b".")


# --- the merge -----------------------------------------------------------------------------------


class Node:
    def __init__(self, type, **meta):
        self.type = type
        self.meta = meta  # mode uid gid mtime, None where not specified
        self.target = ""
        self.rdev = ""
        self.size = 0
        self.sha = ""
        self.xattrs = {}
        self.children = {}
        # Of a directory while its layer is extracted:
        self.implicit = False  # the layer has no entry for it
        self.whiteouts = set()
        self.opaque = False


def implied():
    node = Node("dir", mode=0o755, uid=0, gid=0, mtime=None)
    node.implicit = True
    return node


def mtime_of(member):
    """Runtimes know no time before 1970."""
    mtime = Decimal(member.pax_headers["mtime"]) if "mtime" in member.pax_headers else int(member.mtime)
    return max(0, int(mtime * 1_000_000_000))


def node_of(archive, member):
    node = Node(
        TYPES.get(member.type, "file"), mode=member.mode & 0o7777, uid=member.uid, gid=member.gid, mtime=mtime_of(member)
    )
    prefix = "SCHILY.xattr."
    for key, value in member.pax_headers.items():
        if key.startswith(prefix) and shown_xattr(key):
            node.xattrs[key[len(prefix) :]] = base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()
    if node.type == "file":
        sha = hashlib.sha256()
        with archive.extractfile(member) as file:
            while chunk := file.read(1 << 20):
                sha.update(chunk)
        node.sha, node.size = sha.hexdigest(), member.size
    elif node.type == "symlink":
        node.target, node.size = member.linkname, len(os.fsencode(member.linkname))
    elif node.type in ("char", "block"):
        node.rdev = f"{member.devmajor}:{member.devminor}"
    return node


def components(path):
    """Above the root lies the root."""
    parts = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def resolve_dir(root, parts, create=True, hops=0):
    """The directory at parts, symlinks of this tree followed inside the root; what lacks is made."""
    here, trail = root, []
    parts = list(parts)
    while parts:
        part = parts.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            here = trail.pop() if trail else root
            continue
        node = here.children.get(part)
        if node is None and create:
            node = here.children[part] = implied()
        if node is None:
            return None
        if node.type == "symlink":
            hops += 1
            if hops > 255:
                raise ValueError("too many symlinks")
            if node.target.startswith("/"):
                here, trail = root, []
            parts = node.target.split("/") + parts
            continue
        if node.type != "dir":
            raise ValueError(f"{part}: a parent that is no directory")
        trail.append(here)
        here = node
    return here


def extract(archive, bottom=None, whiteouts_as_files=False):
    """One layer by itself; bottom: the tree of those below, for hard links."""
    root, late = implied(), []
    for member in archive:
        parts = components(member.name)
        if not parts:
            meta = node_of(archive, member)
            root.meta, root.xattrs, root.implicit = meta.meta, meta.xattrs, False
            continue
        *parents, name = parts
        where = resolve_dir(root, parents)
        if not whiteouts_as_files and name == ".wh..wh..opq":
            where.opaque = where is not root  # overlayfs does not look there
        elif not whiteouts_as_files and name.startswith(".wh."):
            if name[4:] not in ("", ".", ".."):
                where.whiteouts.add(name[4:])
        elif member.islnk():
            target = components(member.linkname)
            node = linked(root, target)
            if node is None and is_hidden(root, target):
                where.children.pop(name, None)
                where.whiteouts.add(name)  # another name of a whiteout
            elif found := node or walk(bottom, target):
                if found.type != "dir":
                    where.children[name] = found
            else:
                late.append((where, name, target))
        else:
            place(where, name, node_of(archive, member))
    for _ in range(len(late)):  # some wait for others
        for where, name, target in late:
            node = linked(root, target)
            if name not in where.children and node and node.type != "dir":
                where.children[name] = node
    return root


def place(where, name, node):
    old = where.children.get(name)
    if old and old.type == "dir" and node.type == "dir":
        old.meta, old.xattrs, old.implicit = node.meta, node.xattrs, False
        return
    where.children[name] = node
    if node.type == "dir":
        where.whiteouts.discard(name)  # it has taken its place


def linked(root, target):
    """What a hard link leads to in this layer."""
    above = resolve_dir(root, target[:-1], create=False) if target else None
    return above.children.get(target[-1]) if above else None


def is_hidden(root, parts):
    """The layer has taken away what lies there below it."""
    for part in parts:
        if root is None or root.type != "dir":
            return False
        if root.opaque or part in root.whiteouts:
            return True
        root = root.children.get(part)
    return False


def walk(root, parts):
    for part in parts:
        root = root.children.get(part) if root and root.type == "dir" else None
    return root


def overlay(lower, upper):
    """The directory `upper` over `lower` (or None)."""
    out = Node("dir", **upper.meta)
    out.xattrs = upper.xattrs
    if upper.implicit and lower:
        out.meta, out.xattrs = lower.meta, lower.xattrs
    if lower and not upper.opaque:
        out.children = {n: c for n, c in lower.children.items() if n not in upper.whiteouts}
    for name, node in upper.children.items():
        old = out.children.get(name)
        if node.type == "dir":
            node = overlay(old if old and old.type == "dir" else None, node)
        out.children[name] = node
    return out


def records(root):
    counts, first = {}, {}

    def count(node):
        for child in node.children.values():
            counts[id(child)] = counts.get(id(child), 0) + 1
            count(child)

    def visit(node, name):
        is_dir = node.type == "dir"
        yield {
            "path": name,
            "type": node.type,
            **{key: node.meta[key] for key in ("mode", "uid", "gid", "mtime")},
            "size": None if is_dir else node.size,
            "rdev": node.rdev,
            "target": node.target,
            "nlink": 2 + sum(c.type == "dir" for c in node.children.values()) if is_dir else counts[id(node)],
            "links": first.setdefault(id(node), name),
            "xattrs": dict(sorted(node.xattrs.items())),
            "sha256": node.sha,
        } | ({"mode": 0o777} if node.type == "symlink" else {})
        for child in sorted(node.children, key=os.fsencode):
            yield from visit(node.children[child], child if name == "." else name + "/" + child)

    count(root)
    yield from visit(root, ".")


# --- images --------------------------------------------------------------------------------------


def layout_layers(place):
    """The layers' blobs of an image in a layout, bottom first."""
    path, _, tag = place.partition(":")
    blob = lambda digest: f"{path}/blobs/{digest.replace(':', '/')}"
    with open(f"{path}/index.json") as file:
        entries = json.load(file)["manifests"]
    note = "org.opencontainers.image.ref.name"
    chosen = [e for e in entries if not tag or e.get("annotations", {}).get(note) == tag]
    with open(blob(chosen[0]["digest"])) as file:
        doc = json.load(file)
    if "manifests" in doc:
        amd64 = [e for e in doc["manifests"] if e["platform"]["architecture"] == "amd64"]
        with open(blob(amd64[0]["digest"])) as file:
            doc = json.load(file)
    return [blob(layer["digest"]) for layer in doc["layers"]]


def open_layer(path):
    with open(path, "rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\x1f\x8b":
        stream = gzip.open(path)
    elif magic == b"\x28\xb5\x2f\xfd":
        with open(path, "rb") as file:
            stream = io.BytesIO(zstd.decompress(file.read()))
    else:
        stream = open(path, "rb")
    return tarfile.open(fileobj=stream, mode="r:", errors="surrogateescape", encoding="utf-8")


def merge(layout):
    tree = None
    for path in layout_layers(layout):
        with open_layer(path) as archive:
            tree = overlay(tree, extract(archive, tree))
    return records(tree)


def diff(layout, number):
    with open_layer(layout_layers(layout)[number]) as archive:
        return records(extract(archive, whiteouts_as_files=True))


def main():
    command, *args = sys.argv[1:]
    found = {"list": list_disk, "merge": merge, "diff": lambda layout, n: diff(layout, int(n))}[command](*args)
    for record in found:
        print(json.dumps(record))


if __name__ == "__main__":
    main()
