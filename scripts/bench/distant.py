# SPDX-License-Identifier: MIT
"""The row `distant`: a registry that is far away, and gives a connection no more than 20 MB a second (scripts/wan.py)."""

import os
import re
import shutil
from types import SimpleNamespace

import lazily
from peers import REPOSITORY, Containerd, Podman, Umoci
from tools import Process, Samples, seconds, wait_until


class Far(Process):
    """wan.py in front of a registry of this machine: the same images, under a host of its own."""

    def __init__(self, bench, host):
        log = bench.path("wan.log")
        with open(log, "w") as output:
            super().__init__("python3", "-u", f"{bench.top}/scripts/wan.py", host.replace("localhost", "127.0.0.1"),
                             output=output)

        def port():
            with open(log) as f:
                return re.search(r"listening on \S+:(\d+)", f.read())

        wait_until("wan.py listens", port)
        self.host = f"localhost:{port()[1]}"


def pull_of(bench, reference, program=None):
    store = bench.path("far-store")
    shutil.rmtree(store, ignore_errors=True)
    with bench.imagefs(store, program=program) as mount:
        return seconds(f"echo {reference} > {mount.path}/ctl/pull")


def peer_pulls(peer):
    peer.start()
    try:
        return peer.pull()
    finally:
        peer.clear()


def measure_pulls(bench, registry, table):
    with Far(bench, registry.host) as far:
        image = SimpleNamespace(reference=f"{far.host}/{REPOSITORY}:1", host=far.host)
        ours = Samples("s")
        peers = [(peer(bench, image), Samples("s")) for peer in (Podman, Umoci, Containerd)]
        before = os.environ.get("BEFORE")
        others = Samples("s")
        for _ in range(bench.runs):
            ours.append(pull_of(bench, image.reference))
            if before:
                others.append(pull_of(bench, image.reference, before))
            for peer, times in peers:
                times.append(peer_pulls(peer))
    for peer, times in peers:
        table.row("pull, 50 ms away, 20 MB/s a connection", ours, peer.name, times)
    if before:
        table.row("pull, 50 ms away, 20 MB/s a connection", ours, "the build before", others)


def measure_first_file(bench, form, reference, table):
    host, rest = reference.split("/", 1)
    with Far(bench, host) as far:
        took = Samples("s")
        for _ in range(bench.runs):
            store = bench.path("far-store")
            shutil.rmtree(store, ignore_errors=True)
            with bench.imagefs(store) as mount:
                root = lazily.root_of(mount, f"{far.host}/{rest}")
                took.append(seconds(f"cat {root}/etc/os-release"))
    table.alone(f"{form}: `cat` of one file of an unknown image, 50 ms away", took)


def measure(bench, registry, table):
    measure_pulls(bench, registry, table)
    for form, reference in lazily.images().items():
        measure_first_file(bench, form, reference, table)
    shutil.rmtree(bench.path("far-store"), ignore_errors=True)
