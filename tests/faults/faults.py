#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""faults.py PROGRAM SHIMS KIND [SAMPLE]: pulls, tags, pushes, removes, prunes and loads, with a fault at one call of the program.

Each run has the fault at another call: at SAMPLE of them, or all. KIND says what comes there:

    kill              SIGKILL in front of a call that changes the store
    power             the same, and then what was not synced is lost (power.py)
    lazy              the same while an image is read before it is here: what a map says is held (held.py) is held
    once ever         such a call fails with EIO, and all behind it
    full              ENOSPC, and all behind it
    directory         an fsync of a directory fails
    memory memories   an allocation fails, and all behind it

The program neither dies nor hangs. What it said to be done is there afterwards, whole, for a program without a fault, which
goes on with whatever was left: pulls and loads all, prunes, and leaves a valid store with nothing in partial/ or leases/.
SEED repeats a run; AT=N,M has these calls alone.
"""
import errno
import hashlib
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), HERE]
import check_store
import held
import hostile
from archives import docker_save, save
from end import process
from end.mount import Mount
from lazy import TableImage, TableLayer
from oci import *
from power import Cut

PATIENCE = 60 * float(os.environ.get("TIMEOUT_FACTOR", 1))
ENDED = (errno.ENOTCONN, errno.ECONNABORTED)
POWER = ("power", "lazy")
DISK = {"kill": "kill", "power": "kill", "lazy": "kill", "once": "once", "ever": "ever", "full": "ever", "directory": "directory"}


class Failed(Exception):
    pass


def make_images(dice):
    def layer(name, how, count=3):
        return Layer([d(name), *[f(f"{name}/{k}", dice.randbytes(3000) + b"x" * 5000) for k in range(count)]], how)

    shared, zstd = layer("g", "gzip"), layer("z", "zstd")
    return {
        "a": Image([shared, zstd, layer("p", "plain")]),
        "b": Image([shared, layer("b", "gzip", 2), Layer([wh("g/0"), f("g/new", "n")])]),
        "c": Image([layer("c", "zstd", 2)], docker=True),
        "d": Image([layer("d", "gzip", 2), zstd]),
        "e": TableImage([TableLayer([d(form), *[f(f"{form}/{k}", dice.randbytes(20000)) for k in range(12)]], form)
                         for form in ("estargz", "chunked")]),
    }


def serve(listener, images):
    class Quiet(hostile.State):
        def note(self, request):
            pass

    state = Quiet("%s:%d" % listener.getsockname(), os.devnull)
    for tag in "abce":
        state.serve("app", tag, images[tag])
    server = hostile.Server(listener.getsockname(), hostile.Connection, bind_and_activate=False)
    server.socket.close()
    server.socket, server.state, server.tls = listener, state, None
    server.serve_forever()


def request(point, verb, line):
    """(errno, answer)"""
    code, answer = 0, b""
    try:
        fd = os.open(f"{point}/ctl/{verb}", os.O_RDWR)
    except OSError as e:
        return e.errno, ""
    try:
        try:
            os.write(fd, os.fsencode(line + "\n"))
        except OSError as e:
            code = e.errno
        while piece := os.read(fd, 1 << 16):
            answer += piece
    except OSError as e:
        code = code or e.errno
    try:
        os.close(fd)
    except OSError:
        pass  # of a mount that has gone
    return code, answer.decode(errors="replace")


def answers(point):
    """Whether there is a program behind it; that it has no memory for the answer is one, too."""
    try:
        os.lstat(f"{point}/ctl")
    except OSError as e:
        return e.errno not in (errno.ENOENT, *ENDED)
    return True


def content(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


OWN = {".no.prefetch.landmark", "stargz.index.json"}  # the writer's of eStargz: seen when the layer is whole


def contents(root):
    def failed(e):
        raise e

    out = {}
    for top, _, names in os.walk(root, onerror=failed):
        for name in set(names) - OWN:
            out[os.path.relpath(os.path.join(top, name), root)] = content(os.path.join(top, name))
    return out


class Run:
    """The requests, what they were said to have done, and what of that may have been undone by one that failed."""

    def __init__(self, faults, mount):
        self.faults, self.mount, self.done, self.codes = faults, mount, {}, []

    def ask(self, verb, line, name=None, image=None):
        """True where the program is gone."""
        code, answer = request(self.mount.point, verb, line)
        gone = code in ENDED or (code != 0 and self.mount.process.reap())
        self.codes.append(f"{verb}: {errno.errorcode.get(code, code) if code else 'ok'}")
        wanted = {image} if name else set()
        if name and code:
            wanted |= self.done.get(name, {None})
        if name:
            self.done[name] = wanted
        if code and not gone:
            self.faults.check_store(f"when {verb} had failed")
        return gone

    def run(self):
        host = self.faults.host
        app, new = f"{host}/app", f"{host}/new:t"
        steps = [
            ("pull", f"{app}:a", f"{app}:a", "a"),
            ("tag", f"{app}:a {new}", new, "a"),
            ("push", new),
            ("pull", f"{app}:b", f"{app}:b", "b"),
            ("rmi", f"{app}:b", f"{app}:b", None),
            ("pull", f"{app}:c", f"{app}:c", "c"),
            ("prune", ""),
            ("load", f"-i {self.faults.archive}", "local/loaded:1", "d"),
            ("tag", f"{app}:c {new}", new, "c"),
            ("prune", "-a --filter until=1h"),
        ]
        for step in steps:
            if self.ask(*step):
                break


class LazyRun(Run):
    """Two thirds of the files of an image, and then the pull of it. What can be read is right."""

    def run(self):
        (name, image), = self.faults.names.items()
        wanted = self.faults.expected[image]
        files = random.Random(f"{self.faults.seed}.files").sample(sorted(wanted), len(wanted) * 2 // 3)
        for file in files:
            try:
                found = content(f"{self.faults.root(self.mount, name)}/{file}")
            except OSError as e:
                if e.errno in ENDED or self.mount.process.reap():
                    return
                raise Failed(f"{file}: {e}")
            if found != wanted[file]:
                raise Failed(f"{file} is read as another one")
        self.ask("pull", name, name, image)


class Scene:
    """A directory for a store and its mounts, with an archive of image d, a registry of the others, and the kernel's list of connections."""

    def __init__(self, program):
        self.program, self.directory = program, os.path.realpath(tempfile.mkdtemp(prefix="imagefs-faults."))
        self.store, self.archive, self.connections = (f"{self.directory}/{name}" for name in ("store", "archive.tar", "fusectl"))
        self.images = make_images(random.Random(7))
        save(self.archive, docker_save([(self.images["d"], ["local/loaded:1"])]))
        listener = socket.create_server(("127.0.0.1", 0))
        self.host = "%s:%d" % listener.getsockname()
        process.spawn("registry", lambda: serve(listener, self.images))
        listener.close()
        os.mkdir(self.connections)
        subprocess.run(["mount", "-t", "fusectl", "none", self.connections], check=True)

    def close(self):
        process.end_all()
        subprocess.run(["umount", self.connections])
        shutil.rmtree(self.directory, ignore_errors=True)

    def left(self):
        """What stays of jobs: leases, and blobs that are here in part."""
        return [f"{place}/{name}" for place in ("partial", "leases") if os.path.isdir(f"{self.store}/{place}")
                for name in os.listdir(f"{self.store}/{place}")]


def begin():
    """The seed of the dice, which SEED gives; in a namespace of its own from here on."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    print(f"seed {seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    process.leave_namespace()
    return seed


class Faults(Scene):
    def __init__(self, program, shims, kind, seed):
        super().__init__(program)
        self.kind, self.seed = kind, seed
        self.memory = kind.startswith("memor")
        self.shim = f"{shims}/{'memory' if self.memory else 'disk'}.so"
        self.first, self.kept, self.log = (f"{self.directory}/{name}" for name in ("first", "kept", "log"))
        self.mount = None
        os.mkdir(f"{self.directory}/mnt")
        self.lazy = kind == "lazy"
        self.names = {f"{self.host}/app:{tag}": tag for tag in ("e" if self.lazy else "abc")}
        if not self.lazy:
            self.names["local/loaded:1"] = "d"
        self.expected = self.learn()
        if self.lazy:
            self.begin_lazily()

    def clear(self):
        """Of a run that failed: its mount, whichever of the two it was. The guard may be quicker."""
        if self.mount and not self.mount.rescue() and not self.mount.await_gone(PATIENCE):
            raise SystemExit("a mount cannot be taken away")

    def close(self):
        self.clear()
        super().close()

    # --- mounts ---

    def start(self, **environment):
        """(the mount, whether it answers)"""
        self.mount = mount = Mount(self.directory, self.program, self.connections)
        mount.environment |= environment
        lookup = "remote" if self.lazy else "local"
        return mount, mount.start(self.store, PATIENCE, "-o", f"lookup={lookup}") and answers(mount.point)

    def end(self, mount):
        p, said = mount.run_umount()
        if not p.wait(PATIENCE) or p.status:
            raise Failed(f"umount: {process.read(said)}")
        if not mount.process.wait(PATIENCE):
            raise Failed("\n".join(["it does not end", *process.stacks(mount.process)]))
        mount.release()
        if mount.process.status:
            raise Failed(f"it ended with {mount.process.status}")

    def root(self, mount, name):
        place, tag = name.rsplit(":", 1)
        return f"{mount.point}/images/{place}/{tag}/rootfs"

    def learn(self):
        """What each image holds, by a program without a fault; an empty store is where each run begins."""
        mount, _ = self.start()
        shutil.copytree(self.store, self.first)
        self.take_all(mount)
        out = {image: contents(self.root(mount, name)) for name, image in self.names.items()}
        self.end(mount)
        return out

    def begin_lazily(self):
        """Each run begins with a layer of which something is held, which is to be put in order, and one that is new."""
        self.renew(self.first, self.store)
        mount, _ = self.start()
        (name, image), = self.names.items()
        for file in sorted(self.expected[image])[-6:]:
            content(f"{self.root(mount, name)}/{file}")
        self.end(mount)
        held.cut_short(self.store)
        self.renew(self.store, self.first)

    @staticmethod
    def renew(source, to):
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(source, to)

    def take_all(self, mount):
        for name in self.names:
            verb, line = ("load", f"-i {self.archive}") if name.startswith("local/") else ("pull", name)
            code, answer = request(mount.point, verb, line)
            if code:
                raise Failed(f"the next {verb} of {name}: {errno.errorcode[code]} {answer[-300:]}")

    # --- a run ---

    def environment(self, at):
        out = {"LD_PRELOAD": self.shim, "FAULT_AT": str(at)}
        if self.memory:
            out |= {"FAULT_COUNT": self.log, "FAULT_STACK": f"{self.directory}/stack"}
            return out | ({"FAULT_FOR_EVER": "1"} if self.kind == "memories" else {})
        code = errno.ENOSPC if self.kind == "full" else errno.EIO
        out |= {"FAULT_ROOT": self.store, "FAULT_LOG": self.log, "FAULT_HOW": DISK[self.kind], "FAULT_ERRNO": str(code)}
        return out | ({"FAULT_KEPT": self.kept} if self.kind in POWER else {})

    def count(self):
        if self.memory:
            with open(self.log, "rb") as file:
                return struct.unpack("q", file.read(8))[0]
        with open(self.log, errors="replace") as file:
            return sum(1 for _ in file)

    def where(self, at):
        if self.memory:
            lines = process.read(f"{self.directory}/stack").split()
            out = subprocess.run(["addr2line", "-fs", "-e", self.program, *lines], stdout=subprocess.PIPE, text=True).stdout
            return " < ".join(line for line in out.split("\n")[::2] if line and "?" not in line)
        return process.read(self.log).split("\n")[at - 1].replace(self.directory, "")[:200] if at else ""

    def run(self, at):
        """Of one fault: what was asked, and how many calls there were."""
        shutil.rmtree(self.kept, ignore_errors=True)
        self.renew(self.first, self.store)
        os.makedirs(self.kept, exist_ok=True)
        for path in (self.log, f"{self.directory}/stack"):
            if os.path.exists(path):
                os.unlink(path)
        mount, up = self.start(**self.environment(at))
        run = (LazyRun if self.lazy else Run)(self, mount)
        if up:
            run.run()
        self.after_fault(mount, up)
        count = self.count() if os.path.exists(self.log) else 0
        if self.kind in POWER:
            Cut(self.store, self.log, self.kept, random.Random(f"{self.seed}.{at}")).play()
        self.check(run)
        return count

    def after_fault(self, mount, up):
        if DISK.get(self.kind) == "kill":
            mount.process.kill()
            if not mount.process.wait(PATIENCE) or not mount.await_gone(PATIENCE):
                raise Failed("its guard leaves the mount")
        elif up:
            if mount.process.reap():
                raise Failed(f"it died: {mount.process.status}")
            self.end(mount)
        else:
            if not mount.process.wait(PATIENCE):
                raise Failed("it hangs at its start")
            if mount.process.status != 1:
                raise Failed(f"its start ended with {mount.process.status}")
        if not mount.rescue():
            raise Failed("something of it stays")

    def check(self, run):
        if os.path.exists(f"{self.store}/oci-layout"):
            self.check_store("after the fault")
        for text in held.problems(self.store, self.images["e"].layers):
            raise Failed(text)
        mount, up = self.start()
        if not up:
            raise Failed(f"it does not mount: {process.read(mount.log)[-500:]}")
        for name, wanted in run.done.items():
            self.check_name(mount, name, wanted)
        for name, image in self.names.items() if self.lazy else ():
            self.check_name(mount, name, {image})  # as far as it is here, and the rest lazily
        self.take_all(mount)
        for name, image in self.names.items():
            if contents(self.root(mount, name)) != self.expected[image]:
                raise Failed(f"{name} is another image after the next pull")
        code, answer, left = self.prune(mount)
        if code or left:
            raise Failed(f"the next prune: {code} {answer[-300:]} {left}")
        self.check_store("at the end")
        self.end(mount)

    def prune(self, mount):
        """What it answers, and what it leaves: a job that has just told its readers of its end may still have its lease."""
        end = time.monotonic() + PATIENCE / 12
        while True:
            code, answer = request(mount.point, "prune", "")
            left = self.left()
            if code or not left or time.monotonic() > end:
                return code, answer, left
            time.sleep(0.01)

    def check_store(self, when):
        """Looks again where something is wrong: a job whose reader was told of an error may still be at work."""
        end = time.monotonic() + PATIENCE / 12
        while True:
            try:
                found = list(check_store.problems(self.store))
            except FileNotFoundError as e:
                found = [str(e)]
            if not found:
                return
            if time.monotonic() > end:
                raise Failed(f"{when}: {found[0]}")
            time.sleep(0.01)

    def check_name(self, mount, name, wanted):
        try:
            found = contents(self.root(mount, name))
        except FileNotFoundError:
            found = None
        except OSError as e:
            raise Failed(f"{name}: {e}")
        if not any(found == (self.expected[image] if image else None) for image in wanted):
            is_image = [image for image, content in self.expected.items() if content == found]
            raise Failed(f"{name} should be {wanted}, as was said, and is {is_image or found}")


def choose(faults, sample, seed):
    if "AT" in os.environ:
        return [int(at) for at in os.environ["AT"].split(",")]
    count = faults.run(0)
    print(f"{faults.kind}: {count} calls", flush=True)
    calls = range(1, count + 1)
    first = {3} if faults.lazy else set()  # what is held is being put in order
    return sorted(first | set(random.Random(seed).sample(calls, min(sample, count)))) if sample else calls


def main():
    program, shims, kind, *more = sys.argv[1:]
    seed = begin()
    faults, failures = Faults(program, shims, kind, seed), 0
    try:
        for at in choose(faults, int(more[0]) if more else 0, seed):
            try:
                faults.run(at)
            except Failed as e:
                failures += 1
                print(f"{kind}, call {at}: {e}\n    at {faults.where(at)}", flush=True)
                faults.clear()
    finally:
        faults.close()
    print(f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
