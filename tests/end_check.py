#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""end_check.py [OPTIONS] [CELL…]: every way to end, under every load. A cell is WAY/LOAD, also as a pattern: 'term/*'.

    --program FILE   what is tested (build/imagefs)
    --rounds N       of each cell (100)
    --jobs N         cells side by side (2)
    --seed N         of all dice; printed, so that a round can be repeated:
    --only N         the round of that number alone
    --after A B      the end comes between A and B seconds into the load (0.05 0.6)
    --limit S        seconds in which everything has to be gone (2), times $TIMEOUT_FACTOR
    --world DIR      where what is read was built, or will be; to be used again
    --list           the cells

What must hold in a round: in the limit, counted from the trigger of the end, the process, the mount and every reader are
gone (kill -9: the mount is dead, ENOTCONN); who read got the right bytes, or after the trigger an errno; no temporary file
is left, what is in partial/ can be resumed, the store is valid; and a new mount at the same place reads the right bytes.
The end of umount and umount -l begins when the last reader goes: before, the one is EBUSY and the other lets them read on.

A failing round says which of it does not hold, and what the processes wait in. Then the connection is aborted by fusectl,
so that one that hangs does not stop the others. The status is 1 where a round failed.
"""
import argparse
import fnmatch
import os
import random
import select
import shutil
import signal
import statistics
import sys
import tempfile
from dataclasses import replace
from types import SimpleNamespace

from end import process, rounds, world
from end.loads import LOADS
from end.registry import Registry
from end.stage import Failed, Setting, Stage

SHOWN = 3  # failing rounds of a cell whose stacks are shown


def arguments():
    here = os.path.dirname(os.path.abspath(__file__))
    build = os.path.join(here, "..", os.environ.get("BUILD", "build"))
    p = argparse.ArgumentParser()
    p.add_argument("--program", default=os.path.normpath(f"{build}/imagefs"))
    p.add_argument("--rounds", type=int, default=100)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    p.add_argument("--only", type=int)
    p.add_argument("--after", type=float, nargs=2, default=(0.05, 0.6))
    p.add_argument("--limit", type=float, default=2)
    p.add_argument("--world")
    p.add_argument("--list", action="store_true")
    p.add_argument("cells", nargs="*")
    return p.parse_args()


def chosen(patterns):
    all_cells = rounds.cells()
    for pattern in patterns:
        if not fnmatch.filter(all_cells, pattern):
            sys.exit(f"no cell is like {pattern}")
    return [c for c in all_cells if not patterns or any(fnmatch.fnmatch(c, p) for p in patterns)]


# --- the world and its surroundings ---


def mount_fusectl(directory):
    """It is one file system, wherever it is mounted: so it needs no place that is the machine's."""
    os.makedirs(directory)
    p = process.start("mount", ["mount", "-t", "fusectl", "none", directory])
    if not p.wait(10) or p.status:
        sys.exit("fusectl cannot be mounted: this needs root, and a kernel with FUSE")


def settle(setting):
    """Mounts the new store once and reads all images, so that its derived files are there."""
    registry = SimpleNamespace(host=world.PLACE)
    stage = Stage(replace(setting, registry=registry), "settle", 0, LOADS["idle"])
    try:
        if stage.mount.start(setting.world.store, stage.patience, "-o", "offline"):
            stage.read(setting.world.local)
        problems = [told["text"] for told in stage.reports()]
    except Failed:
        problems = stage.problems
    if stage.mount.process.status is not None or problems:
        sys.exit(f"the images cannot be read: {problems} {process.read(stage.mount.log)}")
    stage.mount.process.kill(signal.SIGTERM)
    stage.mount.process.wait(setting.limit)
    stage.close()


def prepare(options, directory):
    path = options.world or f"{directory}/world"
    setting = Setting(
        None, options.program, directory, f"{directory}/fusectl", options.limit * float(os.environ.get("TIMEOUT_FACTOR", 1)), options.after, options.seed
    )
    mount_fusectl(setting.connections)
    if os.path.exists(f"{path}/world.pickle"):
        setting.world = world.load(path)
    else:
        setting.world = world.build(path)
        settle(setting)
        world.keep(setting.world)
    return setting


# --- cells ---


def play_cell(setting, cell, numbers, out):
    """In a process of its own: prints the rounds that fail, and writes a line with what came of all."""
    process.go_first()
    setting = replace(setting, registry=Registry(setting.world.far))
    times, failed = [], 0
    for number in numbers:
        o = rounds.play(setting, cell, number)
        if o.seconds is not None:
            times.append(o.seconds)
        if o.problems:
            failed += 1
            tell(setting, cell, number, o, failed <= SHOWN)
    setting.registry.stop()
    median, longest = (statistics.median(times), max(times)) if times else (-1, -1)
    os.write(out, f"{cell} {len(numbers)} {len(numbers) - failed} {failed} {median:.3f} {longest:.3f}\n".encode())


def tell(setting, cell, number, outcome, whole):
    lines = [f"# {cell}, round {number} of seed {setting.seed}: {outcome.problems[0].strip()}"]
    lines += [f"#   {line}" for text in outcome.problems[1:8] for line in text.strip().splitlines()]
    if whole:
        lines += [f"#     {line}" for line in outcome.stacks[:150]]
        lines += [f"#     log: {line}" for line in outcome.log.strip().splitlines()[-5:]]
    print("\n".join(lines), flush=True)


FORMAT = "%-24s %6s %6s %6s %8s %8s"


def show(line):
    fields = line.split()
    print(FORMAT % tuple(fields[:4] + [f if float(f) >= 0 else "-" for f in fields[4:]]), flush=True)


def play_all(setting, cells, numbers, jobs):
    """Some cells side by side; the lines of all, in the order in which they came."""
    waiting, running, lines = list(cells), {}, []
    poll = select.poll()
    while waiting or running:
        while waiting and len(running) < jobs:
            cell = waiting.pop(0)
            end, out = os.pipe()
            p = process.spawn(cell, lambda: play_cell(setting, cell, numbers, out))
            os.close(out)
            running[end] = p
            poll.register(end, select.POLLIN)
        for fd, _ in poll.poll():
            line = os.read(fd, 1000).decode() or f"{running[fd].name} {len(numbers)} 0 {len(numbers)} -1 -1"
            poll.unregister(fd)
            os.close(fd)
            running.pop(fd).wait(60)
            show(line)
            lines.append(line)
    return lines


def clean_up(directory):
    """What a cell may have left that was killed: its processes end with it, if their connections let them, but not its mounts."""
    for number in os.listdir(f"{directory}/fusectl") if os.path.ismount(f"{directory}/fusectl") else []:
        if any(number == str(minor) for minor, place in fuse_mounts() if place.startswith(f"{directory}/")):
            with open(f"{directory}/fusectl/{number}/abort", "w") as file:
                file.write("1")
    with open("/proc/self/mounts") as file:
        places = [line.split()[1] for line in file if line.split()[1].startswith(f"{directory}/")]
    for place in reversed(places):
        process.start("umount", ["umount", "-l", place]).wait(10)
    shutil.rmtree(directory, ignore_errors=True)


def fuse_mounts():
    with open("/proc/self/mountinfo") as file:
        lines = [line.split() for line in file]
    return [(line[2].split(":")[1], line[4]) for line in lines if line[line.index("-") + 1].startswith("fuse.")]


def main():
    options = arguments()
    cells = chosen(options.cells)
    if options.list:
        return print("\n".join(cells))
    numbers = range(options.rounds) if options.only is None else [options.only]
    process.leave_namespace()
    directory = os.path.realpath(tempfile.mkdtemp(prefix="imagefs-end."))
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:  # as nohup and background jobs of a shell have it: imagefs would, too
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        setting = prepare(options, directory)
        print(f"# seed {options.seed}: {len(cells)} cells of {len(numbers)} rounds", flush=True)
        header = FORMAT % ("cell", "rounds", "ok", "failed", "median", "max")
        print(header)
        lines = play_all(setting, cells, numbers, options.jobs)
    finally:
        process.end_all()
        clean_up(directory)
    print(f"\n{header}")
    for cell in cells:
        show(next(line for line in lines if line.split()[0] == cell))
    failed = sum(int(line.split()[3]) for line in lines)
    print(f"{len(cells) * len(numbers) - failed} rounds ok, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
