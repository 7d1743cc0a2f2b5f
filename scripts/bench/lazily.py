# SPDX-License-Identifier: MIT
"""The row `lazy`: images whose layers have tables of contents, read before they are downloaded. They are in registries
already: LAZY="NAME=HOST/REPOSITORY:TAG …"; FIGURES.md says how its own were made."""

import os
import shutil
import time
from types import SimpleNamespace

from peers import Podman
from tools import Process, Samples, drop_caches, resident, run, seconds

STEPS = {
    "`ls rootfs`": "ls {root}",
    "`cat` of one small file": "cat {root}/etc/os-release",
    "`find`": "find {root}",
    "cold `tar c`": "tar cf - -C {root} . | cat >/dev/null",
}


def root_of(mount, reference):
    repository, tag = reference.rsplit(":", 1)
    return f"{mount.path}/images/{repository}/{tag}/rootfs"


def here(root):
    """Bytes of the blobs that are here, and all: the last line of the image's status."""
    words = run("tail", "-1", f"{root}/../status").split()
    return int(words[-4]), int(words[-3])


def one_run(bench, reference, times, counts):
    store = bench.path("lazy-store")
    shutil.rmtree(store, ignore_errors=True)
    with bench.imagefs(store) as mount:
        root = root_of(mount, reference)
        before = 0
        for name, command in STEPS.items():
            times[name].append(seconds(command.format(root=root)))
            now, size = here(root)
            counts[name].append(now - before)
            before = now
        counts["size"].append(size)
        counts["memory"].append(resident(mount.pid, "Private"))
        run("sh", "-c", f"echo {reference} > {mount.path}/ctl/pull")
    with bench.imagefs(store, "offline") as mount:
        drop_caches()
        times["pulled"].append(seconds(STEPS["cold `tar c`"].format(root=root_of(mount, reference))))
    shutil.rmtree(store, ignore_errors=True)


def podman_pulls(bench, reference, times):
    podman = Podman(bench, SimpleNamespace(reference=reference))
    podman.start()
    times["podman"].append(podman.pull())
    podman.clear()


def images():
    """{NAME: REFERENCE} of LAZY."""
    return dict(image.split("=", 1) for image in os.environ.get("LAZY", "").split())


def allocated(*directories):
    """Bytes on the disk, of what may go meanwhile."""
    total = 0
    for directory in directories:
        for entry in os.scandir(directory):
            try:
                total += entry.stat().st_blocks * 512
            except FileNotFoundError:
                pass
    return total


def kept_of_a_tenth(bench, reference, kept):
    """All of the image read with cache_max of a tenth of it: how much of that is on the disk at most."""
    store = bench.path("lazy-store")
    with bench.imagefs(store) as mount:
        root = root_of(mount, reference)
        os.listdir(root)
        limit = here(root)[1] // 10
    with bench.imagefs(store, f"cache_max={limit}") as mount:
        reader = Process("sh", "-c", STEPS["cold `tar c`"].format(root=root_of(mount, reference)))
        most = 0
        while not reader.ended():
            most = max(most, allocated(f"{store}/partial", f"{store}/blobs/sha256"))
            time.sleep(0.1)
    kept["most"].append(most)
    kept["limit"].append(limit)
    shutil.rmtree(store, ignore_errors=True)


def measure_lazy(bench, table):
    if not images():
        table.without("images that are read before they are downloaded", "LAZY names none")
    for form, reference in images().items():
        times = {name: Samples("s") for name in (*STEPS, "pulled", "podman")}
        counts = {name: Samples("B") for name in (*STEPS, "size", "memory", "most", "limit")}
        for _ in range(bench.runs):
            one_run(bench, reference, times, counts)
            kept_of_a_tenth(bench, reference, counts)
            podman_pulls(bench, reference, times)
        for name in STEPS:
            peer = ("the same, pulled", times["pulled"]) if "tar" in name else ("podman pull", times["podman"])
            table.row(f"{form}: {name}", times[name], *peer)
            table.row(f"{form}: bytes for {name}", counts[name], "all layers", counts["size"])
        table.row(f"{form}: kept while all is read, cache_max of a tenth", counts["most"], "the limit", counts["limit"])
        table.alone(f"{form}: private memory behind it", counts["memory"])
