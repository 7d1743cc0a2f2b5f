# SPDX-License-Identifier: MIT
"""Measures the rows that are asked for and prints them as a table; started by scripts/bench.sh."""

import os
import platform
import signal
import sys
import time

from peers import Registry, versions
from rows import ROWS, Pulls, Trees
from tools import Bench, Table, log, run


def machine(bench):
    with open("/proc/cpuinfo") as f:
        models = [line.split(":")[1].strip() for line in f if line.startswith(("model name", "Model"))]
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) / 1e6
    filesystem = run("df", "--output=fstype", bench.dir).split()[-1]
    return (f"{os.cpu_count()} x {models[0] if models else platform.machine()}, {memory:.0f} GB, "
            f"{filesystem}, Linux {platform.release()}")


def revision(bench):
    return run("git", "-C", bench.top, "describe", "--always", "--dirty")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is cleaned up
    top, directory, image, program, runs, *names = sys.argv[1:]
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        sys.exit("bench: rows are " + ", ".join(f"{name} ({row.__doc__})" for name, row in ROWS.items()))
    bench = Bench(top, directory, image, program, int(runs))
    table = Table()
    pulls = None
    try:
        with Registry(bench) as registry:
            pulls = Pulls(bench, registry)
            trees = Trees(bench, pulls)
            for name in names or ROWS:
                log(f"--- {name}: {ROWS[name].__doc__}")
                ROWS[name](bench, pulls, trees, table)
            print(f"imagefs {revision(bench)}, {time.strftime('%Y-%m-%d')}, {machine(bench)}; medians of "
                  f"{runs} runs, lowest and highest behind. Peers: {versions()}.\n\n{table}")
    finally:
        if pulls:
            pulls.close()
        bench.cleanup()


try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
