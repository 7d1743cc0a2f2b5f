# SPDX-License-Identifier: MIT
"""What users do with a whole image from outside of it: tools that are given the full path of rootfs/, and the image's
own programs. Each beside the native copy and, where BEFORE=PROGRAM is given, beside that build."""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass

import before
from coreutils import newer_ls
from tools import Samples, disk, drop_caches, log, run, seconds, unmount

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass
class Task:
    """A command on {root}. It may write into {scratch}, which is emptied before; then `prepare` is run, not measured."""

    name: str
    why: str  # the row is there for
    command: str
    program: str = ""  # has to be installed
    prepare: str = ""
    warm_up: str = ""  # loads the program; the command itself on an empty tree where it is not given


def walks(bench, table):
    walk = bench.path("walk")
    run(os.environ.get("CC", "cc"), "-O2", "-o", walk, f"{HERE}/walk.c")
    yield Task("os.walk and os.lstat ROOTFS (Python)", "scripts: a LOOKUP for each part of each path, unless it is kept",
               f"{sys.executable} -B {HERE}/walk.py {{root}}")
    yield Task("readdir and lstat ROOTFS (C)", "the same without an interpreter's time", f"{walk} {{root}}")
    yield Task("find ROOTFS", "names alone", "find {root}", "find")
    yield Task("ls -lR ROOTFS", "attributes of each entry, and single extended ones", "ls -lR {root}", "ls")
    newer, why_not = newer_ls(bench)
    if newer:
        yield Task("ls -lR ROOTFS (Debian 13's ls)", "a list of extended attributes for each entry",
                   f"{newer} -lR {{root}}")
    else:
        table.without("Debian 13's ls", why_not)
    yield Task("tree -a ROOTFS", "lstat by full path, in order of names", "tree -a {root}", "tree")
    yield Task("du -s ROOTFS", "fstatat of each entry, by descriptors below the first path", "du -s {root}", "du")
    yield Task("rsync -an ROOTFS/ EMPTY/", "what a mirror asks before it copies", "rsync -an {root}/ {empty}/", "rsync")


# One signature that nothing has, so that each file is read to its end.
SIGNATURE = "imagefs.bench:0:*:" + b"nothing has these bytes in it".hex()
BORG = "BORG_BASE_DIR={scratch}/home borg"


def copies(bench):
    yield Task("rg -uuu ROOTFS", "a search by several threads at once", "rg -uuu hunter2 {root}; test $? -le 1", "rg")
    yield Task("cp -a ROOTFS", "bytes, owners, times, links and extended attributes", "cp -a {root} {scratch}/copy", "cp")
    yield Task("tar --xattrs -c ROOTFS", "an archive with extended attributes",
               "tar --xattrs -cPf - {root} | cat >/dev/null", "tar")
    yield Task("bsdtar -c ROOTFS", "another archiver: extended attributes, ACLs and holes of each file",
               "bsdtar -cPf - {root} | cat >/dev/null", "bsdtar")
    yield Task("borg create ROOTFS", "a backup: a fresh repository, no encryption",
               BORG + " create {scratch}/repo::one {root}", "borg", prepare=BORG + " init -e none {scratch}/repo")
    signatures = bench.path("bench.ndb")
    with open(signatures, "w") as f:
        f.write(SIGNATURE + "\n")
    yield Task("clamscan -r ROOTFS/usr/include", "a scanner that opens each file by its path; one signature",
               f"clamscan -r -i --no-summary -d {signatures} {{root}}/usr/include", "clamscan")


IN_IMAGE = ("bwrap --clearenv --setenv HOME /tmp --setenv PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            " --ro-bind {root} / --proc /proc --dev /dev --tmpfs /tmp ")
PROGRAMS = {
    "java -version": "pages of few, large files",
    "python3 -c 'import numpy'": "many small files, each looked for in several places",
    "gcc --version": "one program and its libraries",
    "gcc -c -x c /dev/null -o /tmp/empty.o": "three programs, one of them large",
    "npm --version": "a large program that reads many small files",
}


def programs():
    for words, why in PROGRAMS.items():
        yield Task(words, why, IN_IMAGE + words, warm_up=IN_IMAGE.format(root="/") + "true")


class Took(before.Pairs):
    """What a task took on each side."""

    def __init__(self):
        super().__init__()
        self.native = Samples("s")

    def add(self, side, took):
        if side == "native":
            self.native.append(took)
        else:
            super().add(side, took)

    def into(self, table, what):
        table.row(what, self.ours, "native copy", self.native)
        if self.before:
            super().into(table, what)


class Sides:
    """The trees that a task is measured on, in turn; by a tag, as users write it. Ends what it mounts with its block."""

    def __init__(self, bench, pulls, trees, rootfs):
        trees.prepare()
        self.bench, self.native, store = bench, trees.native, pulls.filled_store()
        self.root_of = lambda mount: rootfs(mount, pulls.registry)
        self.programs, self.stores = {"ours": bench.program, "native": None}, {"ours": store}
        if before.given():
            self.programs["before"] = os.environ["BEFORE"]
            self.stores = before.own_stores(bench, store, self.root_of)
        self.empty, self.scratch = bench.path("empty"), bench.path("scratch")
        os.makedirs(self.empty + "/usr/include", exist_ok=True)
        os.makedirs(self.scratch, exist_ok=True)

    def __enter__(self):
        """What is copied goes into memory where there is room, so that no disk is measured that is written to."""
        if available_memory() > 4 * disk(self.native):
            run("mount", "-t", "tmpfs", "-o", "size=100%", "imagefs-bench", self.scratch)
        else:
            log("there is little memory: what is copied goes to the disk")
        return self

    def __exit__(self, *_):
        unmount(self.scratch)
        shutil.rmtree(self.scratch)

    @contextlib.contextmanager
    def tree(self, side, name):
        if side == "native":
            yield self.native
            return
        with self.bench.imagefs(self.stores[side], program=self.programs[side], name=name) as mount:
            yield self.root_of(mount)

    def in_turn(self, measure):
        """measure(side), RUNS times; which one begins changes."""
        sides = list(self.programs)
        for number in range(self.bench.runs):
            first = number % len(sides)
            for side in sides[first:] + sides[:first]:
                measure(side)

    def seconds(self, task, root):
        words = {name: shlex.quote(path) for name, path in
                 (("root", root), ("empty", self.empty), ("scratch", self.scratch))}
        run("find", self.scratch, "-mindepth", "1", "-delete")
        if task.prepare:
            run("bash", "-c", task.prepare.format(**words))
        return seconds(task.command.format(**words), cwd="/")

    def cold(self, task):
        """The tree is cold, the tool is not: its own program and libraries lie on this disk for all sides."""
        took = Took()

        def once(side):
            drop_caches()
            with self.tree(side, "mnt") as root:
                seconds(task.warm_up) if task.warm_up else self.seconds(task, self.empty)
                took.add(side, self.seconds(task, root))

        self.in_turn(once)
        return took

    def warm(self, task):
        """The third pass and later ones; all sides are mounted at once."""
        took = Took()
        with contextlib.ExitStack() as mounts:
            roots = {side: mounts.enter_context(self.tree(side, f"mnt-{side}")) for side in self.programs}
            for root in 2 * list(roots.values()):
                self.seconds(task, root)
            self.in_turn(lambda side: took.add(side, self.seconds(task, roots[side])))
        return took


def available_memory():
    with open("/proc/meminfo") as f:
        return 1024 * next(int(line.split()[1]) for line in f if line.startswith("MemAvailable:"))


def row_tools(tasks, sides, table):
    with sides:
        for task in tasks:
            if task.program and not shutil.which(task.program):
                table.without(f"`{task.name}`", f"{task.program} is not installed")
                continue
            log(f"{task.name}: {task.why}")
            sides.cold(task).into(table, f"cold `{task.name}`")
            sides.warm(task).into(table, f"warm `{task.name}`")


def fails(command):
    """The last words of a command that fails, or None."""
    done = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return (done.stdout.strip().splitlines() or ["it does not say why"])[-1] if done.returncode else None


def row_programs(sides, table):
    if not shutil.which("bwrap"):
        table.without("the image's programs", "bwrap is not installed")
        return
    with sides:
        for task in programs():
            why_not = fails(task.command.format(root=shlex.quote(sides.native)))
            if why_not:
                table.without(f"`{task.name}`", f"in the native copy: {why_not}")
                continue
            log(f"{task.name}: {task.why}")
            sides.cold(task).into(table, f"cold start of `{task.name}`")
