#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rot.py PROGRAM STORE SCRATCH FLIPS [SEED]: no flipped bit of a store is ever served.

Rounds of a few single-bit flips each, over all files of blobs/, derived/ and partial/, each as likely as any other (so small ones
are hit as often as large ones), in a copy of the store. Half of the rounds flip while the mount is there and knows all names. Then all that
the mount has is read, without a network: names, attributes, links, every byte of every file. What differs from what the
sound store gives, and is no error, is served wrong. The end says how many flips were seen as an error.
"""
import os
import random
import re
import shutil
import subprocess
import sys
import time
from stat import S_ISLNK, S_ISREG

AT_ONCE = 5
PARTS = ("blobs", "derived", "partial")


class Mount:
    def __init__(self, program, store, point, log):
        os.makedirs(point, exist_ok=True)
        self.point, self.log = point, open(log, "ab")
        self.process = subprocess.Popen([program, store, point, "-f", "-o", "offline"], stdout=self.log, stderr=self.log)
        while os.stat(point).st_dev == os.stat(point + "/..").st_dev:
            if self.process.poll() is not None:
                raise SystemExit("no mount: " + open(log).read()[-500:])
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self.process.poll() is None:
            subprocess.run(["umount", self.point], stderr=subprocess.DEVNULL)
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                pass
        self.log.close()


def stated(path):
    st = os.lstat(path)
    return st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, st.st_size, st.st_nlink, st.st_rdev


def tried(what, *args):
    try:
        return what(*args)
    except OSError as e:
        return e


def content(path):
    """The bytes up to an error, and whether that was their end."""
    out = b""
    with open(path, "rb", buffering=0) as file:
        try:
            while part := file.read(1 << 20):
                out += part
        except OSError as e:
            return out, e
    return out, None


def tree(top, read=True):
    """path -> (attributes, link or names or content), or the error in its place."""
    found = {}
    for image in sorted(os.listdir(top)):
        todo = [f"{top}/{image}"]
        while todo:
            path = todo.pop()
            attributes = tried(stated, path)
            body = None
            if isinstance(attributes, OSError):
                pass
            elif S_ISLNK(attributes[0]):
                body = tried(os.readlink, path)
            elif S_ISREG(attributes[0]):
                body = tried(content, path) if read else None
                attributes = tried(stated, path)
            elif attributes[0] & 0o170000 == 0o040000:
                body = tried(os.listdir, path)
                if not isinstance(body, OSError):
                    todo += [f"{path}/{name}" for name in body]
                    body = sorted(body)
            found[path[len(top) :]] = attributes, body
    return found


def wrong(right, found):
    """What is served wrong; and how many errors there are."""
    errors = 0
    for path, (attributes, body) in found.items():
        name = path.rsplit("/", 1)[1]
        if name == "status":
            continue  # it says how much is here
        if name in ("history", "inspect.json") and isinstance(body, tuple) and body[1] is None:
            # A layer whose index is gone is as large as its blob, until the index has been made again.
            if re.sub(rb"[0-9.kM ]+", b"", body[0]) == re.sub(rb"[0-9.kM ]+", b"", right[path][1][0]):
                continue
        if name == "size" and isinstance(body, tuple) and body[0].endswith(b"\narchive -\n"):
            # Of a layer whose index is gone the second number is not known, until the index has been made again.
            if body[0].split(b"\n")[0] == right[path][1][0].split(b"\n")[0]:
                continue
        if isinstance(attributes, OSError):
            errors += 1
            continue
        if path not in right:
            yield f"{path}: is not there"
            continue
        its_attributes, its_body = right[path]
        if attributes != its_attributes and not path.endswith("/rootfs.tar") and not stands_in(body):
            yield f"{path}: {attributes}, not {its_attributes}"
        if isinstance(body, OSError):
            errors += 1
        elif isinstance(body, tuple):
            data, e = body
            its_data = its_body[0]
            errors += e is not None
            if data != its_data[: len(data)] or (e is None and len(data) != len(its_data)):
                at = next((i for i, (a, b) in enumerate(zip(data, its_data)) if a != b), min(len(data), len(its_data)))
                yield f"{path}: wrong from byte {at} on, {len(data)} of {len(its_data)} bytes, {e}"
        elif body != its_body and body is not None:
            yield f"{path}: {body}, not {its_body}"
    wrong.errors = errors


def stands_in(body):
    """What cannot be opened as its documents or its tree are damaged: attributes of its own, and every use is an error."""
    return isinstance(body, OSError)


def flip(path, chance):
    size = os.path.getsize(path)
    if size == 0:
        return None
    os.chmod(path, 0o600)
    bit = chance.randrange(size * 8)
    with open(path, "r+b") as file:
        file.seek(bit // 8)
        old = file.read(1)[0]
        file.seek(bit // 8)
        file.write(bytes([old ^ 1 << bit % 8]))
    return f"{path}, bit {bit}"


def main():
    program, store, scratch, flips = sys.argv[1:4] + [int(sys.argv[4])]
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.randrange(1 << 32)
    chance = random.Random(seed)
    copy, point, log = f"{scratch}/copy", f"{scratch}/point", f"{scratch}/rot.log"

    def anew():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(store, copy, symlinks=True)

    anew()
    with Mount(program, copy, point, log):
        right = tree(f"{point}/images")
    # What that has made of the store is flipped, too: indexes of blobs that nobody had read.
    shutil.rmtree(store)
    shutil.copytree(copy, store, symlinks=True)
    files = [os.path.relpath(f"{d}/{n}", store) for p in PARTS for d, _, names in os.walk(f"{store}/{p}") for n in names]
    done = bad = seen = rounds = 0
    while done < flips:
        anew()
        chosen = [chance.choice(files) for _ in range(min(AT_ONCE, flips - done))]
        live = rounds % 2 == 1
        told = []
        if not live:
            told = [flip(f"{copy}/{name}", chance) for name in chosen]
        with Mount(program, copy, point, log):
            if live:
                tree(f"{point}/images", read=False)
                told = [flip(f"{copy}/{name}", chance) for name in chosen if os.path.exists(f"{copy}/{name}")]
            found = tree(f"{point}/images")
        for what in wrong(right, found):
            bad += 1
            print(f"seed {seed}, round {rounds}{', live' if live else ''}: {what}; flipped: {told}", flush=True)
        seen += wrong.errors > 0
        done += len(chosen)
        rounds += 1
    shutil.rmtree(copy)
    print(f"{done} flips of {len(files)} files in {rounds} rounds, {seen} of them with errors: {bad} wrong")
    return bad > 0


sys.exit(main())
