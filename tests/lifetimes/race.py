#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""race.py PROGRAM SHIM KIND ROUNDS: answers of a kind come late back to those who gave them (late.c), while what they were about goes.

A round: an image is pulled; all of it is listed and read, its links and attributes too, by several at once; and when they
have their answers, or in the midst of that, it is removed by force and pruned. Behind every other round the mount ends: by
umount, or by umount -l while somebody reads. The program must live until then, end with 0 in its time, and leave a valid
store. Readers get the right bytes or, once the image is removed, an errno that says so. SEED repeats a run.
"""
import errno
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import check_store
import hostile
from end import process
from end.mount import Mount
from oci import *

LIMIT = 5 * float(os.environ.get("TIMEOUT_FACTOR", 1))  # seconds until it has ended
PATIENCE = 12 * LIMIT  # for what is no end
LATE_US = 100_000
GONE = (errno.ENOENT, errno.ESTALE, errno.ENOTCONN, errno.ENOTDIR)


class Failed(Exception):
    pass


def make_image(dice):
    """Files of several pieces and small ones, links and attributes in each folder, in layers of all kinds."""
    layers, files = [], {}
    for k, how in enumerate(("gzip", "zstd", "plain")):
        entries = [d(f"d{k}")]
        for n in range(5):
            files[f"d{k}/f{n}"] = dice.randbytes(3000 + 40_000 * n)
            entries += [f(f"d{k}/f{n}", files[f"d{k}/f{n}"], xattrs={"user.kind": b"x" * (10 + n)}), s(f"d{k}/s{n}", f"f{n}")]
        layers.append(Layer(entries, how))
    return Image(layers), files


def serve(listener, image):
    class Quiet(hostile.State):
        def note(self, request):
            pass

    state = Quiet("%s:%d" % listener.getsockname(), os.devnull)
    state.serve("app", "1", image)
    server = hostile.Server(listener.getsockname(), hostile.Connection, bind_and_activate=False)
    server.socket.close()
    server.socket, server.state, server.tls = listener, state, None
    server.serve_forever()


class Race:
    def __init__(self, program, shim, kind, seed):
        self.dice = random.Random(seed)
        self.image, self.files = make_image(self.dice)
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="imagefs-late."))
        self.store = f"{self.directory}/store"
        listener = socket.create_server(("127.0.0.1", 0))
        self.host = "%s:%d" % listener.getsockname()
        self.registry = process.spawn("registry", lambda: serve(listener, self.image))
        listener.close()
        self.mount = self.make_mount(program, shim, kind)

    def make_mount(self, program, shim, kind):
        connections = f"{self.directory}/fusectl"
        for name in ("fusectl", "mnt"):
            os.mkdir(f"{self.directory}/{name}")
        p = process.start("mount", ["mount", "-t", "fusectl", "none", connections])
        if not p.wait(PATIENCE) or p.status:
            raise Failed("fusectl cannot be mounted")
        mount = Mount(self.directory, program, connections)
        mount.environment |= {"LD_PRELOAD": shim, "LATE": kind, "LATE_US": str(LATE_US)}
        mount.environment["MALLOC_PERTURB_"] = "165"  # what is freed is no longer what it was
        mount.environment["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
        return mount

    # --- who uses it: processes of their own, as one that hangs must not be this one ---

    @property
    def root(self):
        return f"{self.mount.point}/images/{self.host}/app/1/rootfs"

    def user(self, name, work):
        def guarded():
            try:
                work()
            except OSError as e:
                if e.errno not in GONE:
                    raise

        return process.spawn(name, guarded)

    def read(self):
        for path in self.dice.sample(sorted(self.files), len(self.files)):
            with open(f"{self.root}/{path}", "rb", buffering=0) as file:
                if file.readall() != self.files[path]:
                    raise Failed(f"{path} has other bytes")

    def list(self):
        for top, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(top, name)
                os.lstat(path)
                if name[0] == "s":
                    os.readlink(path)
                else:
                    os.listxattr(path)
                    os.getxattr(path, "user.kind")

    def ask(self):
        for path in ("ctl/images", "ctl/pull", "ctl/stats", f"images/{self.host}/app/1/inspect.json", f"images/{self.host}/app/1/layers/00/blob"):
            with open(f"{self.mount.point}/{path}", "rb") as file:
                file.read()

    def request(self, verb, line, *allowed):
        """By a process that ends at once: what it held is forgotten then."""

        def work():
            fd = os.open(f"{self.mount.point}/ctl/{verb}", os.O_RDWR)
            try:
                os.write(fd, f"{line}\n".encode())
                while os.read(fd, 4096):
                    pass
            except OSError as e:
                if e.errno not in allowed:
                    raise

        self.expect(process.spawn(f"{verb} {line}", work))

    def expect(self, p):
        if not p.wait(PATIENCE):
            raise Failed("\n".join([f"{p.name} does not come to the end", *process.stacks(p), *process.stacks(self.mount.process)]))
        self.check_alive()
        if p.status:
            raise Failed(f"{p.name} failed: {process.read(self.mount.log)[-500:]}")

    def check_alive(self):
        if self.mount.process.reap():
            raise Failed(f"the program died: {self.mount.process.status}")

    # --- rounds ---

    def round(self):
        self.request("pull", f"{self.host}/app:1")
        users = [self.user(work.__name__, work) for work in (self.read, self.list, self.ask, self.read)]
        if self.dice.random() < 0.5:
            time.sleep(self.dice.uniform(0, 0.15))
        else:
            for p in users:
                self.expect(p)
        self.request("rmi", f"-f {self.host}/app:1", errno.ENOENT)
        self.request("prune", "-a")
        for p in users:
            self.expect(p)

    def end(self):
        """While somebody reads, or behind the last answer."""
        lazy = self.dice.random() < 0.5
        self.request("pull", f"{self.host}/app:1")
        users = [self.user(work.__name__, work) for work in (self.read, self.list, self.ask)]
        for p in [] if lazy else users:
            self.expect(p)
        time.sleep(self.dice.uniform(0, 0.05) if lazy else 0)
        p, said = self.mount.run_umount(*(["-l"] if lazy else []))
        if not p.wait(PATIENCE) or p.status:
            raise Failed(f"umount: {process.read(said)}")
        for p in users:
            if not p.wait(PATIENCE):
                raise Failed("\n".join([f"{p.name} does not come to the end", *process.stacks(p)]))
        if not self.mount.process.wait(LIMIT):
            raise Failed("\n".join([f"it has not ended {LIMIT:g} s after the last user", *process.stacks(self.mount.process)]))
        if self.mount.process.status:
            raise Failed(f"it ended with {self.mount.process.status}")
        self.check_left()

    def check_left(self):
        found = [name for name in os.listdir(self.directory) if name.startswith("sanitizer.")]
        if found:
            raise Failed(process.read(f"{self.directory}/{found[0]}"))
        for text in check_store.problems(self.store):
            raise Failed(text)

    def run(self, rounds):
        for i in range(rounds):
            if self.mount.process is None or self.mount.process.reap():
                if not self.mount.start(self.store, PATIENCE):
                    raise Failed(f"it does not mount: {process.read(self.mount.log)[-500:]}")
            self.round()
            if i % 2 or i == rounds - 1:
                self.end()

    def close(self):
        self.mount.rescue()
        process.end_all()
        process.start("umount", ["umount", f"{self.directory}/fusectl"]).wait(PATIENCE)
        shutil.rmtree(self.directory, ignore_errors=True)


def main():
    program, shim, kind, rounds = sys.argv[1:]
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    print(f"seed {seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    process.leave_namespace()
    race = Race(program, shim, kind, seed)
    try:
        race.run(int(rounds))
    except Failed as e:
        print(e)
        print(process.read(race.mount.log)[-1500:])
        for name in os.listdir(race.directory):
            if name.startswith("sanitizer."):
                print(process.read(f"{race.directory}/{name}")[:6000])
        return 1
    finally:
        race.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
