# SPDX-License-Identifier: MIT
"""A round's stage: a directory with a store of its own, a mount, and the readers that are its load."""
import json
import mmap
import os
import random
import shutil
import time
from dataclasses import dataclass

from end import process, world
from end.mount import Mount


@dataclass
class Setting:
    """What all rounds share; the registry is that of a cell."""

    world: object
    program: str
    directory: str
    connections: str  # where fusectl is mounted
    limit: float  # seconds, within which everything has to end
    after: tuple  # seconds into the load, between which the end comes
    seed: int
    registry: object = None


STOP, READ, ENTERED = 0, 1, 2
READ_PER_SECOND = 100e6


class Failed(Exception):
    """The round cannot go on; what is wrong was noted."""


class Stage:
    def __init__(self, setting, name, number, load):
        self.setting, self.world, self.registry, self.load = setting, setting.world, setting.registry, load
        self.dice = random.Random(f"{setting.seed} {name} {number}")
        self.directory = f"{setting.directory}/{name.replace('/', '-')}.{number}"
        self.store = f"{self.directory}/store"
        self.disk = None  # where its file system is mounted, too
        self.problems, self.stacks, self.readers = [], [], []
        self.allowed = self.allowed_outside = None  # from when on readers may get an errno
        self.seconds = None
        self.enter = 0  # how many readers will stand in the mount
        os.makedirs(f"{self.directory}/mnt")
        self.mount = Mount(self.directory, setting.program, setting.connections)
        self.results, self.report = map(process.high, os.pipe())
        self.gate, self.key = map(process.high, os.pipe())
        self.shared_fd = process.high(os.memfd_create("shared"))
        os.truncate(self.shared_fd, mmap.PAGESIZE)
        self.shared = memoryview(mmap.mmap(self.shared_fd, mmap.PAGESIZE)).cast("Q")  # struct shared of known.h

    @property
    def images(self):
        return f"{self.mount.point}/images/{self.registry.host}"

    @property
    def patience(self):
        """For what is no end: a start, a reading."""
        return max(30, 5 * self.setting.limit)

    def problem(self, text):
        self.problems.append(text)

    def fail(self, text):
        self.problem(text)
        raise Failed

    # --- the beginning ---

    def open(self, on_tmpfs):
        self.registry.start()
        if on_tmpfs:
            self.make_disk()
        world.copy_store(self.world, self.store, self.registry.host, link=not on_tmpfs)
        if not self.mount.start(self.store, self.patience):
            self.fail("it does not mount")
        if self.load.warm:
            self.read(self.world.local[: world.SMALL])

    def make_disk(self):
        self.disk = f"{self.directory}/disk"
        for place in (self.disk, self.store):
            os.makedirs(place)
        self.system("mount", "-t", "tmpfs", "-o", "size=100m,mode=700", "tmpfs", self.disk)
        self.system("mount", "--bind", self.disk, self.store)

    def system(self, *arguments):
        p = process.start(arguments[0], list(arguments), output=f"{self.directory}/system.log")
        if not p.wait(self.patience) or p.status:
            raise RuntimeError(f"{' '.join(arguments)}: {process.read(f'{self.directory}/system.log')}")

    # --- its readers ---

    def spawn(self, kind, *arguments, cold=True, inside=True, number=0, may_end=False):
        flags = ("c" if cold else "w") + ("i" if inside else "")
        line = [self.world.reader, f"{kind} {len(self.readers)}", str(number), flags, self.images, self.world.directory, kind, *arguments]
        p = process.start(line[1], line, output=f"{self.directory}/readers.log", fds=(self.report, self.gate, self.shared_fd))
        p.inside = inside and not self.load.may_end
        p.may_end = may_end or self.load.may_end
        return p

    def start(self, kind, *arguments, **how):
        """It begins when the gate opens: who comes first would take the processors of those who are to come."""
        self.readers.append(self.spawn(kind, *arguments, **how))
        self.enter += how.get("inside", True)

    def open_gate(self, count=None):
        os.write(self.key, bytes(len(self.readers) if count is None else count))

    def do(self, what, kind, *arguments, number=0):
        """What one reader does before the round goes on; its errno, if it has one, is the round's failure."""
        p = self.spawn(kind, *arguments, cold=False, inside=False, number=number)
        p.name = what
        self.open_gate(1)
        if not p.wait(self.patience):
            self.note_stacks([p, self.mount.process])
            p.kill()
            self.fail(f"who {what} does not come to the end")
        return p.status

    def read(self, names, step=1):
        """Every so many of their files."""
        self.do("reads", "once", str(step), *[word for name in names for word in (name, "-")], number=self.dice.randrange(step))

    def go_on(self, seconds, watched=None):
        """The load runs for a while; nobody of it may end meanwhile, the program least of all."""
        watched = [p for p in (self.readers if watched is None else watched) if not p.may_end]
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.02))
            for p in [self.mount.process, *watched]:
                if p.reap():
                    self.fail(f"{p.name} ended before the end, with {p.status}")

    def get_going(self, seconds):
        """On a machine that has other things to do it takes longer until all have entered, and have read what they else would."""
        self.go_on(seconds)
        end = time.monotonic() + self.setting.limit
        enough = seconds * READ_PER_SECOND if self.load.stops else 0
        while (self.shared[ENTERED] < self.enter or self.shared[READ] < enough) and time.monotonic() < end:
            self.go_on(0.005)

    def end_load(self):
        """The readers go, told to or killed; whoever is blocked can only be killed."""
        self.allowed = self.allowed or time.monotonic()
        self.shared[STOP] = 1
        if not self.load.stops or self.dice.random() < 0.5:
            for p in self.readers:
                p.kill()
        if not process.wait_all(self.readers, self.setting.limit):
            self.note_stacks([*self.left(self.readers), self.mount.process])
            self.fail(f"not gone {self.setting.limit:g} s after they were told to: {self.names(self.left(self.readers))}")
        self.shared[STOP] = 0

    # --- the end ---

    def begin_end(self):
        """From here on an errno is an answer."""
        now = time.monotonic()
        self.allowed = self.allowed or now
        return now

    def expect_end(self, since):
        """Process, readers and mount are gone within the limit."""
        everybody = [self.mount.process] + self.readers
        deadline = since + self.setting.limit
        gone = process.wait_all(everybody, deadline - time.monotonic())
        mount_gone = self.mount.await_gone(deadline - time.monotonic())
        if not gone or not mount_gone:
            self.tell_hang(everybody, mount_gone)
        last = [p.ended for p in everybody] + [self.mount.gone]
        self.seconds = self.seconds or max(last) - since

    def tell_hang(self, everybody, mount_gone):
        left = self.left(everybody)
        names = self.names(left) + ("" if mount_gone else " and the mount" if left else "the mount")
        self.note_stacks(left)
        process.wait_all(everybody, self.setting.limit)
        rest = self.left(everybody)
        self.fail(f"after {self.setting.limit:g} s not gone: {names}; as long again later: {self.names(rest) or 'all processes are'}")

    def left(self, processes):
        return [p for p in processes if not p.reap()]

    def names(self, processes):
        names = [p.name for p in processes]
        return ", ".join(names if len(names) <= 4 else names[:3] + [f"{len(names) - 3} more"])

    def note_stacks(self, processes):
        for p in processes[:6]:
            self.stacks += process.stacks(p)

    def reports(self):
        """What the readers told; the pipe holds all of it, as each tells a line."""
        os.set_blocking(self.results, False)
        data = b""
        try:
            while part := os.read(self.results, 1 << 16):
                data += part
        except BlockingIOError:
            pass
        return [json.loads(line) for line in data.splitlines()]

    def close(self):
        for p in self.readers:
            p.kill()
        if not self.mount.rescue():
            self.problem(f"{self.directory}: cannot be cleaned up")
            return
        process.wait_all(self.readers, 5)
        for place in (self.store, self.disk):
            while place and os.path.ismount(place):
                self.system("umount", "-l", place)
        for fd in (self.results, self.report, self.gate, self.key, self.shared_fd):
            os.close(fd)
        shutil.rmtree(self.directory, ignore_errors=True)
