#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""race.py STORE PULLING-MOUNT REMOVING-MOUNT ROUNDS REFERENCE…: one process of imagefs pulls and tags, another removes.

Each round of the one pulls an image and reads it, beside tags that it gives; each round of the other removes one, or prunes. Meanwhile the store is looked at
under its own lock, where nothing changes: every blob that a name needs is there, and whole. A pull must end well; a reader sees the
right bytes, or that the image is gone. Prints what was done; fails at the first thing that is wrong.
"""

import errno
import fcntl
import hashlib
import json
import os
import random
import sys
import threading

store, pulling, removing, rounds, *references = sys.argv[1:]
rounds = int(rounds)
seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
stop = threading.Event()
wrong = []
counts = {"pulled": 0, "tagged": 0, "read": 0, "gone": 0, "removed": 0, "busy": 0, "missing": 0, "pruned": 0, "checked": 0}


def request(mount, verb, line):
    fd = os.open(f"{mount}/ctl/{verb}", os.O_RDWR)
    try:
        os.write(fd, f"{line}\n".encode())
        return 0
    except OSError as e:
        return e.errno
    finally:
        os.close(fd)


def guarded(f):
    def run():
        try:
            f(random.Random(f"{seed}{f.__name__}"))
        except Exception as e:  # noqa: BLE001
            wrong.append(f"{f.__name__}: {e!r} {e}")
        if f is pull or wrong:
            stop.set()

    return run


def pull(r):
    for _ in range(rounds):
        if stop.is_set():
            return
        reference = r.choice(references)
        code = request(pulling, "pull", reference)
        if code:
            raise AssertionError(f"pull {reference}: {errno.errorcode[code]}")
        counts["pulled"] += 1
        repository, tag = reference.rsplit(":", 1)
        try:
            with open(f"{pulling}/images/{repository}/{tag}/rootfs/name") as f:
                text = f.read()
            if text != f"{repository.rsplit('/', 1)[-1]}:{tag}":
                raise AssertionError(f"{reference} reads {text!r}")
            counts["read"] += 1
        except OSError as e:
            if e.errno != errno.ENOENT:
                raise
            counts["gone"] += 1


def tag(r):
    while not stop.is_set():
        reference = r.choice(references)
        code = request(pulling, "tag", f"{reference} {reference}-too")
        counts["tagged"] += not code
        if code not in (0, errno.ENOENT):
            raise AssertionError(f"tag {reference}: {errno.errorcode[code]}")


def remove(r):
    while not stop.is_set():
        if r.random() < 0.3:
            code = request(removing, "prune", r.choice(["", "-a"]))
            counts["pruned"] += 1
        else:
            code = request(removing, "rmi", r.choice(["", "-f "]) + r.choice(references) + r.choice(["", "-too"]))
            counts["removed" if not code else "busy" if code == errno.EBUSY else "missing"] += 1
        if code not in (0, errno.ENOENT, errno.EBUSY):
            raise AssertionError(f"remove: {errno.errorcode[code]}")


def blob(digest):
    algorithm, digits = digest.split(":")
    with open(f"{store}/blobs/{algorithm}/{digits}", "rb") as f:
        data = f.read()
    if hashlib.new(algorithm, data).hexdigest() != digits:
        raise AssertionError(f"{digest} is damaged")
    return data


def check_names():
    for name in json.loads(open(f"{store}/index.json").read())["manifests"]:
        manifest = json.loads(blob(name["digest"]))
        blob(manifest["config"]["digest"])
        for layer in manifest["layers"]:
            blob(layer["digest"])


def check(_):
    lock = os.open(f"{store}/lock", os.O_RDWR)
    while not stop.is_set():
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            check_names()
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
        counts["checked"] += 1
        stop.wait(0.01)


threads = [threading.Thread(target=guarded(f)) for f in (pull, tag, remove, check)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(f"# seed {seed}", *(f"{k} {v}" for k, v in counts.items()))
for w in wrong:
    print(f"# {w}")
sys.exit(bool(wrong))
