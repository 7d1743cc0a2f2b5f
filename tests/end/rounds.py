# SPDX-License-Identifier: MIT
"""The cells of the matrix, and a round of one: the load, the end, and what must hold behind it."""
import glob
import os
import signal
import struct
import traceback
from dataclasses import dataclass, field

import check_store
from end import process, world
from end.loads import LOADS
from end.stage import Failed, Stage
from end.ways import WAYS, umount

WITH_REGISTRY = ["lookups", "reads", "pull", "push", "4-cold", "lazy"]
WITH_STORE = ["idle", "4-cold", "64-cold", "pull", "load", "lazy"]


def cells():
    """way/load, in the order of the table."""
    out = []
    for way in WAYS:
        loads = WITH_REGISTRY if way.startswith("registry") else WITH_STORE if way.startswith("store") else LOADS
        out += [f"{way}/{load}" for load in loads]
    return out


@dataclass
class Outcome:
    seconds: float = None  # from the end's trigger until everything was gone; None: it did not come to that
    problems: list = field(default_factory=list)
    stacks: list = field(default_factory=list)
    log: str = ""


def play(setting, cell, number):
    way_name, load_name = cell.split("/")
    way, load = WAYS[way_name], LOADS[load_name]
    stage = Stage(setting, cell, number, load)
    try:
        act(stage, way, load)
    except Failed:
        pass
    except Exception:  # of the check itself
        stage.problem(traceback.format_exc())
    log = process.read(stage.mount.log)[-2000:] + process.read(f"{stage.directory}/readers.log")[-500:]
    stage.close()
    return Outcome(stage.seconds, stage.problems, stage.stacks, log)


def act(stage, way, load):
    stage.open(way.on_tmpfs)
    load.start(stage)
    stage.open_gate()
    stage.get_going(stage.dice.uniform(0, 0.03) if load.early else stage.dice.uniform(*stage.setting.after))
    try:
        way.end(stage)
    finally:
        check_reports(stage)
    check_status(stage, way)
    if not way.status:  # what a killed process left goes with the next prune
        check_left(stage, way)
    if way.store_stays:
        mount_again(stage, way)


# --- what must hold ---


def check_reports(stage):
    """Nobody read what is wrong, and nobody had an errno before the end."""
    outside = {p.name for p in stage.readers if not p.inside}
    for told in stage.reports():
        who, what = told["who"], f"{told['who']}: {told['what']} {told['text']}"
        allowed = [t for t in (stage.allowed, stage.allowed_outside if who in outside else None) if t is not None]
        if told["what"] == "wrong":
            stage.problem(what)
        elif not allowed or told["at"] < min(allowed):
            stage.problem(f"before the end: {what}")
        elif told["what"] == "short":
            stage.problem(f"without an errno: {what}")


def never_began(stage):
    """The connection was gone before imagefs read the kernel's first message: a start that failed, and it says so."""
    return stage.load.early and stage.mount.process.status == 1 and "the first message of the kernel" in process.read(stage.mount.log)


def check_status(stage, way):
    if stage.mount.process.status != way.status and not never_began(stage):
        stage.problem(f"it ended with {stage.mount.process.status}")
    for p in stage.readers:
        if p.status not in (0, -signal.SIGKILL, -signal.SIGBUS):
            stage.problem(f"{p.name} ended with {p.status}")
    for path in glob.glob(f"{stage.directory}/sanitizer.*"):
        stage.problem(f"a sanitizer found something:\n{process.read(path)[:4000]}")


def files_below(directory):
    return [os.path.join(top, name) for top, _, names in os.walk(directory) for name in names]


def check_left(stage, way):
    """No temporary file, nothing half-written but what can be resumed; and the store is valid."""
    for place in ("home", "run", "tmp"):
        for path in files_below(f"{stage.directory}/{place}"):
            stage.problem(f"it left {path}")
    store = stage.disk or stage.store
    if not way.store_stays:
        return
    for path in files_below(store):
        if os.path.basename(path).startswith(".tmp-") or "/leases/" in path:
            stage.problem(f"it left {path}")
        elif "/partial/" in path:
            check_partial(stage, path)
    for text in check_store.problems(store):
        stage.problem(text)


def held_ranges(path):
    """What a map says is there (store/disk/held_map.c): records of first, end, added (1) or dropped, check."""
    with open(path, "rb") as file:
        data = file.read()
    here = set()
    for first, end, change, _ in struct.iter_unpack("=QQQQ", data[24 : 24 + (len(data) - 24) // 32 * 32]):
        here = here | set(range(first, end)) if change == 1 else here - set(range(first, end))
    return here


def check_held(stage, path, blob):
    """Each byte that its map names is there, and right."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) != len(blob) or any(data[at] != blob[at] for at in held_ranges(path.removesuffix(".held") + ".map")):
        stage.problem(f"it left {path}, which is not what its map says")


def check_partial(stage, path):
    blobs = {layer.digest[7:]: layer.blob for image in stage.world.far.values() for layer in image.layers}
    hex, _, kind = os.path.basename(path).partition(".")
    if kind:
        return check_held(stage, path, blobs[hex]) if kind.endswith(".held") else None
    with open(path, "rb") as file:
        data = file.read()
    if not data or not blobs.get(os.path.basename(path), b"").startswith(data):
        stage.problem(f"it left {path} of {len(data)} bytes, which nobody can resume")


# --- and then ---


def mount_again(stage, way):
    """A new start at the same place reads the right bytes, goes on with what was begun, and ends when nobody is there."""
    before = len(stage.problems)
    try:
        use_again(stage, way)
    finally:
        stage.problems[before:] = [f"the next mount: {text}" for text in stage.problems[before:]]


def use_again(stage, way):
    if way.registry_dies:
        stage.registry.stop()
    stage.registry.start(quick=True)
    if not stage.mount.start(stage.disk or stage.store, stage.patience):
        stage.fail("it does not mount again")
    if len(places := stage.mount.places()) != 1:
        stage.problem(f"a new start does not clear the dead mount: {places}")
    stage.allowed = stage.allowed_outside = None
    stage.readers = []
    stage.read(stage.world.local, 8)
    check_transfers(stage)
    check_reports(stage)
    if way.status:
        stage.do("prunes", "request", f"{stage.mount.point}/ctl/prune", "")
    since = stage.begin_end()
    if said := umount(stage):
        stage.fail(f"umount: {said}")
    stage.expect_end(since)
    check_status(stage, WAYS["umount"])
    check_left(stage, way)


def check_transfers(stage):
    """What was being pulled can be; what was loaded is there whole or not at all."""
    if stage.load is LOADS["pull"]:
        stage.do("pulls again", "request", f"{stage.mount.point}/ctl/pull", f"{stage.registry.host}/far/app:1")
        stage.do("reads it", "once", "1", "far", f"{stage.images}/far/app/1/rootfs")
    if stage.load is LOADS["lazy"]:
        stage.do("reads it", "once", "1", "lazy", f"{stage.images}/lazy/app/1/rootfs")
    if stage.load is LOADS["load"]:
        place = f"{stage.mount.point}/images/{world.LOADED}/1"
        if stage.do("looks", "look", place) == 0:
            stage.do("reads what was loaded", "once", "1", "loaded", f"{place}/rootfs")
