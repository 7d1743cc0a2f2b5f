# SPDX-License-Identifier: MIT
"""The rows: each a function that measures one thing on imagefs and on its peers, and adds lines to the table."""

import os
import random
import re
import shutil
import sys
import time
from array import array

import before
import bypath
import distant
import lazily
import scale
from parked import READERS, Readers
from peers import PEERS, Podman
from tools import FuseMount, Process, Samples, drop_caches, disk, free_port, log, peak, resident, run, seconds, \
    wait_until

READS = {
    "tar c": "tar cf - . | cat >/dev/null",
    "grep -r usr/include": "grep -r hunter2 usr/include; test $? -le 1",
    "grep -r": "grep -r hunter2 .; test $? -le 1",
    "find": "find .",
    "ls -lR": "ls -lR .",
}
SLOW = {"grep -r"}  # of a FUSE peer, minutes
OPERATIONS = ("getattr", "open", "opendir", "read", "readdir", "readdirplus", "readlink", "flush", "release",
              "releasedir", "getxattr")


class Pulls:
    """The image pulled by everybody, RUNS times in turn; measured once, used by several rows."""

    def __init__(self, bench, registry):
        self.bench, self.registry = bench, registry
        self.store = bench.path("store")
        self.records = {}
        self.kept = None

    def record(self, name, first, second, paths, top):
        one = self.records.setdefault(name, {"first": Samples("s"), "second": Samples("s"),
                                             "disk": Samples("B"), "peak": Samples("B")})
        one["first"].append(first)
        if second is not None:
            one["second"].append(second)
        if paths:
            one["disk"].append(disk(*paths))
        if top is not None:
            one["peak"].append(top)

    def ours(self):
        shutil.rmtree(self.store, ignore_errors=True)
        with self.bench.imagefs(self.store) as mount:
            root = rootfs(mount, self.registry)
            pull = f"echo {self.registry.reference} > {mount.path}/ctl/pull"
            first = seconds(f"{pull} && ls {root} && stat {root}/etc/passwd")
            top = peak(mount.pid)
            second = seconds(pull)
        self.record("imagefs", first, second, [self.store], top)

    def all(self):
        if self.records:
            return self.records
        peers = [peer(self.bench, self.registry) for peer in PEERS]
        for number in range(self.bench.runs):
            log(f"pull {number + 1} of {self.bench.runs}")
            drop_caches()
            self.warm_registry()
            self.ours()
            for peer in peers:
                self.theirs(peer, last=number == self.bench.runs - 1)
        return self.records

    def warm_registry(self):
        """All pull from the registry's page cache."""
        run("bash", "-c", f"cat {self.bench.base}/registry/docker/registry/v2/blobs/sha256/*/*/data >/dev/null")

    def theirs(self, peer, last):
        peer.start()
        try:
            os.sync()
            first = peer.pull()
            second = peer.second()
            # The children's peak is the largest of all so far: podman's, as long as podman comes first.
            self.record(peer.name, first, second, peer.paths(), peer.peak())
        finally:
            if last and isinstance(peer, Podman):
                self.kept = peer
            else:
                peer.clear()

    def filled_store(self):
        if not os.path.isdir(self.store):
            self.ours()
        return self.store

    def podman(self):
        """An image in podman's storage: the overlay that others are compared with."""
        if self.kept is None:
            log("pulling with podman, to compare with")
            self.kept = Podman(self.bench, self.registry)
            self.kept.start()
            self.kept.pull()
        return self.kept

    def close(self):
        if self.kept is not None:
            self.kept.clear()


def rootfs(mount, registry):
    return f"{mount.path}/images/{registry.reference.replace(':1', '/1')}/rootfs"


class Trees:
    """The same files as a plain copy on this disk, through overlayfs, and through squashfuse."""

    def __init__(self, bench, pulls):
        self.bench, self.pulls = bench, pulls
        self.native = bench.path("native")
        self.archive = bench.path("native.squashfs")

    def prepare(self):
        self.overlay = self.pulls.podman().files()
        if not os.path.isdir(self.native):
            log("copying the files, and packing them for squashfuse")
            run("cp", "-a", self.overlay + "/.", self.native)
            run("mksquashfs", self.native, self.archive, "-comp", "zstd", "-Xcompression-level", "3", "-quiet",
                "-no-progress")

    def squashfuse(self):
        return FuseMount(self.bench.path("squashfuse"), "squashfuse_ll", "-f", self.archive,
                         self.bench.path("squashfuse"))


def read_samples(bench, tree, command):
    """Warm: the third pass and later ones."""
    for _ in range(2):
        seconds(command, cwd=tree)
    return Samples("s", [seconds(command, cwd=tree) for _ in range(bench.runs)])


def row_pull(bench, pulls, trees, table):
    """pull, verify, index: until rootfs/ answers"""
    records = pulls.all()
    for name, record in records.items():
        if name != "imagefs":
            table.row("pull until rootfs/ answers", records["imagefs"]["first"], name, record["first"])


def row_second(bench, pulls, trees, table):
    """a pull of what is there"""
    records = pulls.all()
    for name, record in records.items():
        if name != "imagefs" and record["second"]:
            table.row("second pull", records["imagefs"]["second"], name, record["second"])


def row_disk(bench, pulls, trees, table):
    """allocated bytes after a pull"""
    records = pulls.all()
    ours = records["imagefs"]["disk"]
    table.row("disk", ours, "the compressed layers", Samples("B", [pulls.registry.compressed]))
    for name, record in records.items():
        if name != "imagefs" and record["disk"]:
            table.row("disk", ours, name, record["disk"])


def row_memory(bench, pulls, trees, table):
    """resident memory at the peak of a pull, and after everything was read once"""
    records = pulls.all()
    for name, record in records.items():
        if name != "imagefs" and record["peak"]:
            table.row("resident, peak of a pull", records["imagefs"]["peak"], name, record["peak"])
    drop_caches()
    with bench.imagefs(pulls.filled_store()) as mount:
        seconds(READS["tar c"], cwd=rootfs(mount, pulls.registry))
        table.alone("resident after reading everything", Samples("B", [resident(mount.pid)]))
        table.alone("of it private", Samples("B", [resident(mount.pid, "Private")]))


def row_warm(bench, pulls, trees, table):
    """reading what the kernel has cached: the third pass and later ones"""
    trees.prepare()
    store = pulls.filled_store()
    ours = {}
    for xattr in ("on", "off"):
        with bench.imagefs(store, f"xattr={xattr}") as mount:
            root = rootfs(mount, pulls.registry)
            for name in READS if xattr == "on" else ["ls -lR"]:
                ours[name, xattr] = read_samples(bench, root, READS[name])
            if xattr == "on":
                table.alone("FUSE messages of a warm `tar c`", messages(mount, root, READS["tar c"]))
    for peer, tree in (("native copy", trees.native), ("overlayfs", trees.overlay)):
        theirs = {name: read_samples(bench, tree, command) for name, command in READS.items()}
        for (name, xattr), samples in ours.items():
            table.row(f"warm `{name}`" + (", xattr=off" if xattr == "off" else ""), samples, peer, theirs[name])
    with trees.squashfuse() as mount:
        for name in READS.keys() - SLOW:
            table.row(f"warm `{name}`", ours[name, "on"], "squashfuse", read_samples(bench, mount.path, READS[name]))


def row_cold(bench, pulls, trees, table):
    """the same after caches were dropped and servers restarted"""
    trees.prepare()
    store = pulls.filled_store()
    for name in READS:
        samples = {who: Samples("s") for who in ("imagefs", "native copy", "overlayfs", "squashfuse")}
        for _ in range(bench.runs):
            drop_caches()
            with bench.imagefs(store) as mount:
                samples["imagefs"].append(seconds(READS[name], cwd=rootfs(mount, pulls.registry)))
            for who, tree in (("native copy", trees.native), ("overlayfs", trees.overlay)):
                drop_caches()
                samples[who].append(seconds(READS[name], cwd=tree))
            if name in SLOW:
                continue
            drop_caches()
            with trees.squashfuse() as mount:
                samples["squashfuse"].append(seconds(READS[name], cwd=mount.path))
        for who in ("native copy", "overlayfs", "squashfuse"):
            if samples[who]:
                table.row(f"cold `{name}`", samples["imagefs"], who, samples[who])


def cold_reads(tree, places):
    """4 KiB each from its own file, caches dropped before each."""
    samples = Samples("s")
    for path, offset in places:
        drop_caches()
        samples.append(read_one(tree, path, offset))
    return samples


def read_one(tree, path, offset):
    start = time.monotonic()
    fd = os.open(os.path.join(tree, path), os.O_RDONLY)
    got = os.pread(fd, 4096, offset)
    took = time.monotonic() - start
    os.close(fd)
    if len(got) != 4096:
        sys.exit(f"bench: short read of {tree}/{path}")
    return took


def sizes(tree):
    """The files that have at least 4 KiB, by name: the same in every run."""
    found = run("find", tree, "-type", "f", "-size", "+4095c", "-printf", "%P\t%s\n").splitlines()
    return [(path, int(size)) for path, size in sorted(line.split("\t") for line in found)]


def places(tree, count):
    """Of large files, each another one."""
    large = [(path, size) for path, size in sizes(tree) if size > 256 << 10]
    dice = random.Random(1)
    return [(path, dice.randrange(size - 4096)) for path, size in dice.sample(large, count)]


def places_by_bytes(tree, count):
    """All over the image: a file is hit as often as it is large."""
    files = sizes(tree)
    dice = random.Random(2)
    hit = dice.choices(files, weights=[size for _, size in files], k=count)
    return [(path, dice.randrange(size - 4095)) for path, size in hit]


def read_all(tree, places, readers):
    """The latencies of so many processes that share the places among them."""
    pipes = []
    for number in range(readers):
        out, into = os.pipe()
        pid = os.fork()
        if pid == 0:
            took = array("d", [read_one(tree, *place) for place in places[number::readers]])
            with os.fdopen(into, "wb") as f:
                f.write(took.tobytes())
            os._exit(0)
        os.close(into)
        pipes.append((pid, out))
    samples = Samples("s")
    for pid, out in pipes:
        with os.fdopen(out, "rb") as f:
            samples.extend(array("d", f.read()))
        if os.waitpid(pid, 0)[1] != 0:
            sys.exit("bench: a reader failed")
    return samples


def row_random(bench, pulls, trees, table):
    """random 4 KiB reads, cold: one at a time with caches dropped before each; 10,000 with one reader and with eight"""
    trees.prepare()
    where = places(trees.native, 10 * bench.runs)
    with bench.imagefs(pulls.filled_store()) as mount:
        ours = cold_reads(rootfs(mount, pulls.registry), where)
    table.row("cold 4 KiB read", ours, "native copy", cold_reads(trees.native, where))
    where = places_by_bytes(trees.native, 10_000)
    for readers in (1, 8):
        drop_caches()
        with bench.imagefs(pulls.filled_store()) as mount:
            ours = read_all(rootfs(mount, pulls.registry), where, readers)
        drop_caches()
        native = read_all(trees.native, where, readers)
        drop_caches()
        with trees.squashfuse() as mount:
            squash = read_all(mount.path, where, readers)
        for percent in (50, 99):
            what = f"10,000 random 4 KiB reads, {readers} reader{'s' * (readers > 1)}, p{percent}"
            table.row(what, ours.percentile(percent), "native copy", native.percentile(percent))
            table.row(what, ours.percentile(percent), "squashfuse", squash.percentile(percent))


def row_readers(bench, pulls, trees, table):
    """64 processes that read different files, beside one: all files, cold"""
    trees.prepare()
    command = "find . -type f -print0 | xargs -0 -n 100 -P {} cat >/dev/null"
    samples = {(who, n): Samples("s") for who in ("imagefs", "native copy") for n in (1, 64)}
    for _ in range(bench.runs):
        for n in (1, 64):
            drop_caches()
            with bench.imagefs(pulls.filled_store()) as mount:
                samples["imagefs", n].append(seconds(command.format(n), cwd=rootfs(mount, pulls.registry)))
            drop_caches()
            samples["native copy", n].append(seconds(command.format(n), cwd=trees.native))
    for n in (1, 64):
        table.row(f"all files by {n} process{'es' * (n > 1)}, cold", samples["imagefs", n], "native copy",
                  samples["native copy", n])
    table.row("all files by 64 processes, cold", samples["imagefs", 64], "by 1", samples["imagefs", 1])


SCALES = (
    ("files", scale.many_files, 1_000_000, "index and `ls`", "ls {images}/{inside}"),
    ("layers", scale.many_layers, 100, "index and `ls`", "ls {images}/{inside}"),
    ("images", scale.many_images, 2000, "`cat ctl/images`", "cat {images}/../ctl/images"),
    ("images", scale.many_images, 2000, "a lookup", "cat {images}/{inside}/config.json"),
)


def row_scale(bench, pulls, trees, table):
    """an image of 1,000,000 files, one of 100 layers, a store of 2,000 images; each beside half as many"""
    for what, make, full, asked, command in SCALES:
        taken = [scaled(bench, what, make, count, command) for count in (full, full // 2)]
        for name, whole, half in zip((asked, "mount", "the same with cold caches", "resident then", "once more"), *taken):
            table.row(f"{full:,} {what}: {name}", whole, f"{full // 2:,}", half)


def scaled(bench, what, make, count, command):
    """Samples of what a command takes on a mount of a layout that was never opened before; of a mount with cold
    caches, of the command then, of what is resident then, and of the command once more."""
    path = bench.path(f"scale-{what}-{count}")
    inside = make(path, count)
    samples = [Samples(unit) for unit in "sssBs"]
    for _ in range(bench.runs):
        shutil.rmtree(f"{path}/derived", ignore_errors=True)
        for sample, figure in zip(samples, first_and_later(bench, path, command, inside)):
            sample.append(figure)
    shutil.rmtree(path)
    return samples


def first_and_later(bench, path, command, inside):
    def ask(mount):
        return seconds(command.format(images=f"{mount.path}/images", inside=inside))

    with bench.imagefs(path) as mount:
        first = ask(mount)
    drop_caches()
    start = time.monotonic()
    with bench.imagefs(path) as mount:
        mounted = time.monotonic() - start
        return first, mounted, ask(mount), resident(mount.pid), ask(mount)


def counters(mount):
    """The daemon's own, by name; those of messages from the kernel by operation."""
    with open(f"{mount.path}/ctl/stats") as f:
        found = re.findall(r'^imagefs_(?:fuse_requests_total\{op=")?(\w+)(?:"\})? (\d+)', f.read(), re.M)
    return {name: int(value) for name, value in found}


def waiting(mount):
    return counters(mount)["jobs_waiting"]


def messages(mount, root, command):
    """What the kernel sends for one more pass of a command, beside the walk that reads the counters."""
    before = counters(mount)
    seconds(command, cwd=root)
    after = counters(mount)
    sent = {op: after[op] - before[op] for op in OPERATIONS if after[op] != before[op]}
    return ", ".join(f"{count} {op.upper()}" for op, count in sent.items()) or "none"


def row_parked(bench, pulls, trees, table):
    """readers that hang on a registry that does not answer, and what local reads lose by them"""
    port = free_port()
    silent = os.path.join(os.path.dirname(__file__), "parked.py")
    with Process(sys.executable, "-B", silent, str(port)), bench.imagefs(pulls.filled_store()) as mount:
        root = rootfs(mount, pulls.registry)
        where = places(root, 10)
        times = 5 * bench.runs

        def measure():
            find = Samples("s", [seconds("find .", cwd=root) for _ in range(times)])
            return find, cold_reads(root, where)

        seconds("find . && find .", cwd=root)
        find, cold = measure()
        readers = Readers(f"{mount.path}/images", f"localhost:{port}")
        try:
            wait_until("the readers are parked", lambda: waiting(mount) >= READERS * 0.9, limit=60)
            seconds("find . && find .", cwd=root)
            parked_find, parked_cold = measure()
            log(f"{waiting(mount)} of {READERS} readers were waiting")
        finally:
            gone = readers.kill()
        table.row(f"warm `find` beside {READERS} parked readers", parked_find, "the same without them", find)
        table.row(f"cold 4 KiB read beside {READERS} parked readers", parked_cold, "the same without them", cold)
        table.alone("killed readers are gone after", Samples("s", [gone]))


def row_walks(bench, pulls, trees, table):
    """tools that look at everything by full path, cold and warm"""
    bypath.row_tools(bypath.walks(bench, table), bypath.Sides(bench, pulls, trees, rootfs), table)


def row_copies(bench, pulls, trees, table):
    """tools that read everything by full path, cold and warm: search, copies, archives, a backup, a scanner"""
    bypath.row_tools(bypath.copies(bench), bypath.Sides(bench, pulls, trees, rootfs), table)


def row_programs(bench, pulls, trees, table):
    """the image's own programs in a container (bwrap), started cold"""
    bypath.row_programs(bypath.Sides(bench, pulls, trees, rootfs), table)


def row_lazy(bench, pulls, trees, table):
    """images with tables of contents (LAZY="NAME=HOST/REPOSITORY:TAG …"), read before they are downloaded"""
    lazily.measure_lazy(bench, table)


def row_distant(bench, pulls, trees, table):
    """pulls, and the first file of the images of LAZY, from a registry that is far away and slow"""
    distant.measure(bench, pulls.registry, table)


def row_before(bench, pulls, trees, table):
    """reading and pulling beside another build of imagefs (BEFORE=PROGRAM), pair by pair"""
    before.row(bench, pulls, lambda mount: rootfs(mount, pulls.registry), table)


ROWS = {name[4:]: function for name, function in globals().items() if name.startswith("row_")}
