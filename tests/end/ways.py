# SPDX-License-Identifier: MIT
"""How the end comes, and what has to be gone then. WAYS has them by name."""
import os
import signal
import shutil
import time
from dataclasses import dataclass
from typing import Callable

from end import process


@dataclass
class Way:
    end: Callable  # (stage): brings it about and waits for it
    on_tmpfs: bool = False  # the store is a file system of its own
    store_stays: bool = True  # and can be looked at and mounted again
    registry_dies: bool = False
    status: int = 0  # of the process


def by_signal(number):
    def end(stage):
        since = stage.begin_end()
        stage.mount.process.kill(number)
        stage.expect_end(since)

    return end


def umount(stage, *options):
    """What umount said: nothing where it worked."""
    p, said = stage.mount.run_umount(*options)
    if not p.wait(stage.setting.limit):
        stage.note_stacks([p, stage.mount.process])
        p.kill()
        stage.fail(f"umount does not come back in {stage.setting.limit:g} s")
    return (process.read(said).strip() or f"status {p.status}") if p.status else ""


def by_umount(stage):
    """While somebody is in the mount it is EBUSY, and the mount lives on."""
    if stage.load.busy:
        said = umount(stage)
        if "busy" not in said:
            stage.fail(f"umount of a busy mount: {said or 'works'}")
        stage.go_on(stage.dice.uniform(0, 0.05))
        stage.read(stage.world.local, 100)
        stage.end_load()
    since = stage.begin_end()
    while (said := umount(stage)) and "busy" in said and time.monotonic() < since + stage.setting.limit:
        time.sleep(0.005)  # what the dead had open is closed a moment later
    if said:
        stage.fail(f"umount: {said}")
    stage.expect_end(since)


def by_lazy_umount(stage):
    """Whoever is in reads on, until he goes."""
    stage.allowed_outside = time.monotonic()
    said = umount(stage, "-l")
    if said or stage.mount.is_there():
        stage.fail(f"umount -l: {said or 'the mount is still there'}")
    if stage.load.busy:
        stage.go_on(stage.dice.uniform(0, 0.15), watched=[p for p in stage.readers if p.inside])
        stage.end_load()
        since = stage.begin_end()
    else:
        since = stage.allowed_outside
    stage.expect_end(since)


def by_abort(stage):
    since = stage.begin_end()
    stage.mount.abort()
    stage.expect_end(since)


def by_kill(stage):
    since = stage.begin_end()
    stage.mount.process.kill(signal.SIGKILL)
    stage.expect_end(since)  # the guard has taken the mount away


def then_term(stage):
    stage.go_on(stage.dice.uniform(0, 0.3), watched=[])
    by_signal(signal.SIGTERM)(stage)


def registry_is_killed(stage):
    stage.begin_end()
    stage.registry.stop()
    then_term(stage)


def registry_is_silent(stage):
    stage.begin_end()
    stage.registry.freeze()
    then_term(stage)


def store_is_removed(stage):
    stage.begin_end()
    shutil.rmtree(stage.store, ignore_errors=True)
    then_term(stage)


def store_is_unmounted(stage):
    stage.begin_end()
    stage.system("umount", "-l", stage.store)
    then_term(stage)


def store_is_full(stage):
    """Who only reads notices nothing; what is opened for the first time has to be written down, so all were opened before."""
    for name in stage.world.local:
        stage.do("opens", "look", f"{stage.images}/{name}/1/rootfs/")
    if not stage.load.stops:
        stage.begin_end()
    with open(f"{stage.disk}/filler", "wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 20)):
                pass
        except OSError:
            pass
    if stage.load.stops:
        stage.go_on(stage.dice.uniform(0, 0.3))
    else:
        stage.go_on(stage.dice.uniform(0, 0.3), watched=[])
    by_signal(signal.SIGTERM)(stage)
    os.unlink(f"{stage.disk}/filler")


WAYS = {
    "term": Way(by_signal(signal.SIGTERM)),
    "int": Way(by_signal(signal.SIGINT)),
    "hup": Way(by_signal(signal.SIGHUP)),
    "umount": Way(by_umount),
    "lazy": Way(by_lazy_umount),
    "abort": Way(by_abort),
    "kill": Way(by_kill, status=-signal.SIGKILL),
    "registry-killed": Way(registry_is_killed, registry_dies=True),
    "registry-silent": Way(registry_is_silent, registry_dies=True),
    "store-removed": Way(store_is_removed, store_stays=False),
    "store-unmounted": Way(store_is_unmounted, on_tmpfs=True),
    "store-full": Way(store_is_full, on_tmpfs=True),
}
