# SPDX-License-Identifier: MIT
"""This build beside another one (BEFORE=PROGRAM), in turn: what must not become slower."""

import os
import shutil
import statistics
import sys

from tools import Samples, drop_caches, log, run, seconds

ALL_BY_8 = "find . -type f -print0 | xargs -0 -n 100 -P 8 cat >/dev/null"
TAR = "tar cf - . | cat >/dev/null"
GREP = "grep -r hunter2 usr/include; test $? -le 1"

WARM = {"tar c": TAR, "grep -r usr/include": GREP, "find": "find .", "ls -lR": "ls -lR .",
        "all files by 8 processes": ALL_BY_8}
COLD = {"tar c": TAR, "grep -r usr/include": GREP, "find": "find .", "all files by 8 processes": ALL_BY_8}


class Pairs:
    """What two builds took, pair by pair: the ratio of a pair does not see how the machine drifts."""

    def __init__(self):
        self.ours, self.before = Samples("s"), Samples("s")

    def add(self, build, took):
        (self.ours if build == "ours" else self.before).append(took)

    def into(self, table, what):
        ratios = [a / b for a, b in zip(self.ours, self.before)]
        table.alone(what, self.ours, f"the build before: {self.before}; median of the pairs' ratios "
                                     f"{statistics.median(ratios):.3f} ({min(ratios):.2f} to {max(ratios):.2f})")


def given():
    """Whether there is another build to compare with."""
    program = os.environ.get("BEFORE")
    if program and not os.access(program, os.X_OK):
        sys.exit(f"bench: BEFORE={program}: no program")
    return bool(program)


def both(bench):
    return [("ours", bench.program), ("before", os.environ["BEFORE"])]


def in_turn(bench, measure):
    """measure(build, program) for both builds, RUNS times; which one begins changes."""
    for number in range(bench.runs):
        for build, program in both(bench) if number % 2 else reversed(both(bench)):
            measure(build, program)


def pull(bench, registry, root_of, table):
    pairs, store = Pairs(), bench.path("before-store")

    def once(build, program):
        shutil.rmtree(store, ignore_errors=True)
        os.sync()
        with bench.imagefs(store, program=program) as mount:
            pairs.add(build, seconds(f"echo {registry.reference} > {mount.path}/ctl/pull && ls {root_of(mount)}"))

    in_turn(bench, once)
    pairs.into(table, "pull until rootfs/ answers")


def own_stores(bench, store, root_of):
    """Each build has a store of its own: what one derives is of another version for the other, which makes it anew."""
    stores = {"ours": store, "before": bench.path("store-before")}
    shutil.rmtree(stores["before"], ignore_errors=True)
    run("cp", "-a", store, stores["before"])
    for build, program in both(bench):
        with bench.imagefs(stores[build], program=program) as mount:
            seconds(TAR, cwd=root_of(mount))
    return stores


def warm(bench, stores, root_of, table):
    """Both are mounted at once, and everything is read twice before."""
    pairs = {name: Pairs() for name in WARM}
    with bench.imagefs(stores["before"], program=os.environ["BEFORE"], name="mnt-before") as before, \
            bench.imagefs(stores["ours"]) as ours:
        roots = {"before": root_of(before), "ours": root_of(ours)}
        for name, command in WARM.items():
            for root in 2 * list(roots.values()):
                seconds(command, cwd=root)
            in_turn(bench, lambda build, _: pairs[name].add(build, seconds(command, cwd=roots[build])))
            pairs[name].into(table, f"warm `{name}`")


def cold(bench, stores, root_of, table):
    for name, command in COLD.items():
        pairs = Pairs()

        def once(build, program):
            drop_caches()
            with bench.imagefs(stores[build], program=program) as mount:
                pairs.add(build, seconds(command, cwd=root_of(mount)))

        in_turn(bench, once)
        pairs.into(table, f"cold `{name}`")


def row(bench, pulls, root_of, table):
    if not given():
        log("no BEFORE=PROGRAM is given: nothing to compare with")
        return
    stores = own_stores(bench, pulls.filled_store(), root_of)
    warm(bench, stores, root_of, table)
    cold(bench, stores, root_of, table)
    pull(bench, pulls.registry, root_of, table)
