# SPDX-License-Identifier: MIT
"""What goes on while the end comes. Each load starts readers on a stage (see reader.c); LOADS has them by name."""
from dataclasses import dataclass
from typing import Callable

KINDS = ["tar", "walk", "shuffled", "tar", "mapped", "walk", "backwards", "walk"]


@dataclass
class Load:
    start: Callable  # (stage): starts its readers
    warm: bool = False  # everything was read once
    busy: bool = True  # somebody is in the mount: umount has to refuse
    stops: bool = False  # its readers look whether they are told to stop
    early: bool = False  # the end comes at once
    may_end: bool = False  # before the end: a pull that was quick


def readers(count, cold):
    """The first is inside, so that the mount is busy; every fourth is not. Two of the first are a real tar."""

    def start(stage):
        first = stage.dice.randrange(len(KINDS)) if count == 1 else 0
        begin = stage.dice.randrange(1000)
        for number in range(count):
            kind = KINDS[(first + number) % len(KINDS)]
            stage.start("walk" if kind == "tar" and number > 7 else kind, cold=cold, inside=number % 4 != 3, number=begin + number)

    return start


def look_up(stage):
    """Names that a registry is asked for, which never answers; some by several."""
    for number in range(24):
        stage.start("lookup", f"{stage.images}/dead/x{number % 20}", inside=False)


def read_stuck(stage):
    """Layers that never come, by all ways to them."""
    image = f"{stage.images}/stuck/app/1"
    for number in range(24):
        layer = f"{image}/layers/{number // 4 % 3:02}"
        kind, path = [("lookup", f"{image}/rootfs/l0"), ("list", f"{layer}/diff"), ("byte", f"{layer}/blob"), ("page", f"{layer}/blob")][number % 4]
        stage.start(kind, path, inside=False)


def beside(start):
    """With two who read what is local."""

    def both(stage):
        start(stage)
        stage.start("walk")
        stage.start("mapped")

    return both


def pull(stage):
    """With one who comes upon what is being pulled."""
    stage.start("request", f"{stage.mount.point}/ctl/pull", f"{stage.registry.host}/far/app:1")
    stage.start("list", f"{stage.images}/far/app/1/rootfs/l0")


def push(stage):
    stage.start("request", f"{stage.mount.point}/ctl/push", f"{stage.registry.host}/copy/{stage.dice.choice(stage.world.local)}:1")


def load(stage):
    stage.start("feed", f"{stage.mount.point}/ctl/load", stage.world.archive)


def read_lazily(stage):
    """An image that comes as it is read, by four; and two who read what is local."""
    for number in range(4):
        inside = number % 2 == 0
        place = "lazy/app/1/rootfs" if inside else f"{stage.images}/lazy/app/1/rootfs"
        stage.start("once", "4", "lazy", place, inside=inside, number=number, may_end=True)
    stage.start("walk")
    stage.start("mapped")


def attributes(stage):
    stage.start("attributes")
    stage.start("program", "getfattr", "-R", "-h", "-d", "-m", "-", ".")
    stage.start("program", "ls", "-lR", ".")
    stage.start("attributes", number=1)
    stage.start("walk")


def nothing(stage):
    pass


LOADS = {
    "start": Load(nothing, busy=False, early=True),
    "idle": Load(nothing, warm=True, busy=False),
    **{f"{n}-cold": Load(readers(n, True), stops=True) for n in (1, 4, 64)},
    **{f"{n}-warm": Load(readers(n, False), warm=True, stops=True) for n in (1, 4, 64)},
    "lookups": Load(look_up),
    "reads": Load(read_stuck),
    "pull": Load(beside(pull), may_end=True),
    "push": Load(beside(push), may_end=True),
    "load": Load(beside(load), may_end=True),
    "xattrs": Load(attributes),
    "lazy": Load(read_lazily),
}
