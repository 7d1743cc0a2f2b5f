#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""daemons.py PROGRAM SECONDS: four mounts of one store, four clients of each, and each second one of the mounts is killed.

The clients pull, tag, push, load, remove, prune and read, at random. Each has names of its own: what it was told about them is
so, by all mounts (by others a moment later), and no other removal or prune takes a byte of what they name. A mount that was killed
comes back. Afterwards the store is whole, nothing is leased or half done, and fsck finds nothing. SEED repeats the dice.
"""
import errno
import os
import random
import signal
import sys
import threading
import time

import faults
from end import process
from end.mount import Mount
from faults import ENDED, PATIENCE, Failed, answers, check_store, contents, request

DAEMONS = CLIENTS = 4
OTHERS_SEE = PATIENCE / 12  # a mount looks at the store anew a tenth of a second after the last time


class Daemon:
    """A mount of the store, that comes back whenever it is killed."""

    def __init__(self, directory, program, connections, store):
        os.makedirs(f"{directory}/mnt")
        self.directory, self.program, self.connections, self.store = directory, program, connections, store
        self.lives, self.slowest = 0, 0.0
        self.start(1)

    def start(self, life):
        self.mount = Mount(self.directory, self.program, self.connections)
        begin = time.monotonic()
        if not self.mount.start(self.store, PATIENCE, "-o", "lookup=local") or not answers(self.mount.point):
            raise Failed(f"it does not mount: {process.read(self.mount.log)[-500:]}")
        self.slowest = max(self.slowest, time.monotonic() - begin)
        self.lives = life

    def kill(self):
        lives, self.lives = self.lives, -1  # nobody takes what he sees now for an answer
        self.mount.process.kill()
        if not self.mount.process.wait(PATIENCE) or not self.mount.await_gone(PATIENCE) or not self.mount.rescue():
            raise Failed("its guard leaves the mount")
        self.start(lives + 1)

    def end(self):
        self.mount.process.kill(signal.SIGTERM)
        if not self.mount.process.wait(PATIENCE) or self.mount.process.status:
            raise Failed(f"it ended with {self.mount.process.status}")
        self.mount.rescue()


class Client:
    """Its names, and what each may be: an image, or None for none. One after each answer; several while a request got none."""

    def __init__(self, scene, number, dice):
        self.scene, self.home, self.dice = scene, scene.daemons[number % DAEMONS], dice
        self.names = {f"{scene.host}/own/c{number}:{k}": {None} for k in range(3)}
        self.counts, self.found = {}, None

    def path(self, daemon, name):
        return f"{daemon.mount.point}/images/{name.rsplit(':', 1)[0]}/{name.rsplit(':', 1)[1]}/rootfs"

    def note(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def ask(self, verb, line):
        lives = self.home.lives
        code, answer = request(self.home.mount.point, verb, line)
        missing = code == errno.ENOENT and verb in ("tag", "rmi", "push")  # what others have removed
        if code and not missing and code not in ENDED and self.home.lives == lives > 0:
            raise Failed(f"{verb} {line}: {os.strerror(code)}: {answer[-300:]}")
        self.note(f"{verb}: {os.strerror(code) if code else 'done'}")
        return code

    def change(self, name, to, verb, line):
        self.names[name] = self.names[name] | {to}
        if not self.ask(verb, line):
            self.names[name] = {to}

    def look(self, name, daemon):
        """Whether it is what it may be; None where the mount ended meanwhile."""
        lives = daemon.lives
        try:
            found = contents(self.path(daemon, name))
        except FileNotFoundError as e:
            found, self.found = None, e
        except OSError as e:
            found = self.found = e
        if lives < 0 or daemon.lives != lives:
            return None
        if isinstance(found, OSError) and found.errno in ENDED:
            return None
        for image in self.names[name]:
            if found == (self.scene.expected[image] if image else None):
                if daemon is self.home:  # another may still see what was
                    self.names[name] = {image}
                return True
        if isinstance(found, dict):
            self.found = [image for image, content in self.scene.expected.items() if content == found] or found
        return False

    def read(self, name):
        daemon = self.dice.choice(self.scene.daemons)
        end = time.monotonic() + (0 if daemon is self.home else OTHERS_SEE)
        seen = self.look(name, daemon)
        while seen is False and time.monotonic() < end:
            time.sleep(0.02)
            seen = self.look(name, daemon)
        if seen is False:
            raise Failed(f"{name} at {daemon.mount.point} is {self.found}, and was said to be {self.names[name]}")
        self.note("read" if seen else "not read")

    def step(self):
        name, image = self.dice.choice(list(self.names)), self.dice.choice("abc")
        source = f"{self.scene.host}/app:{image}"
        what = self.dice.choice(("pull", "tag", "tag", "read", "read", "read", "remove", "shared", "push", "prune", "load"))
        if what == "pull":
            self.ask("pull", source)
        elif what == "tag":
            self.change(name, image, "tag", f"{source} {name}")
        elif what == "read":
            self.read(name)
        elif what == "remove":
            self.change(name, None, "rmi", f"-f {name}")
        elif what == "shared":
            self.ask("rmi", f"-f {source}")
        elif what == "load":
            self.ask("load", f"-i {self.scene.archive}")
        else:
            self.ask(what, name if what == "push" else "")

    def run(self):
        while not self.scene.stop.is_set():
            if self.home.lives < 0:
                time.sleep(0.01)
                continue
            try:
                self.step()
            except Failed as e:
                self.scene.fail(e)


class Scene(faults.Scene):
    def __init__(self, program, seed):
        super().__init__(program)
        self.stop, self.failures, self.dice = threading.Event(), [], random.Random(seed)
        self.daemons = [Daemon(f"{self.directory}/{k}", program, self.connections, self.store) for k in range(DAEMONS)]
        self.expected = self.learn()
        self.clients = [Client(self, k, random.Random(f"{seed} {k}")) for k in range(DAEMONS * CLIENTS)]

    def fail(self, failure):
        self.failures.append(str(failure))
        self.stop.set()

    def learn(self):
        out, point = {}, self.daemons[0].mount.point
        for image in "abc":
            code, answer = request(point, "pull", f"{self.host}/app:{image}")
            if code:
                raise Failed(answer)
            out[image] = contents(f"{point}/images/{self.host}/app/{image}/rootfs")
        return out

    def run(self, seconds):
        threads = [threading.Thread(target=client.run, daemon=True) for client in self.clients]
        end = time.monotonic() + seconds
        for thread in threads:
            thread.start()
        try:
            while time.monotonic() < end and not self.stop.wait(self.dice.uniform(0.5, 1.5)):
                self.dice.choice(self.daemons).kill()
        except Failed as e:
            self.fail(e)
        self.stop.set()
        for thread in threads:
            thread.join(PATIENCE)
            if thread.is_alive():
                self.fail("a request hangs")

    def check(self):
        for client in self.clients:
            for name in client.names:
                client.read(name)
        last = self.daemons[0].mount.point
        for verb in ("prune", "fsck"):
            code, answer = request(last, verb, "")
            if code:
                raise Failed(f"{verb}: {os.strerror(code)}: {answer[-500:]}")
        if left := self.left():
            raise Failed(f"left: {left}")
        for daemon in self.daemons:
            daemon.end()
        for text in check_store.problems(self.store):
            raise Failed(text)

    def close(self):
        for daemon in self.daemons:
            daemon.mount.rescue()
        super().close()


def main():
    program, seconds = sys.argv[1], float(sys.argv[2])
    seed = faults.begin()
    scene = Scene(program, seed)
    try:
        scene.run(seconds)
        if not scene.failures:
            scene.check()
    except Failed as e:
        scene.fail(e)
    finally:
        scene.close()
    counts = {}
    for client in scene.clients:
        for what, count in client.counts.items():
            counts[what] = counts.get(what, 0) + count
    lives, slowest = sum(d.lives for d in scene.daemons), max(d.slowest for d in scene.daemons)
    print(f"{lives - DAEMONS} kills, the slowest start took {slowest:.2f} s; {dict(sorted(counts.items()))}")
    for needed in ("pull", "tag", "push", "rmi", "prune", "load"):
        if not counts.get(f"{needed}: done"):
            scene.fail(f"no {needed} ended well")
    print("\n".join(scene.failures) or "0 failures")
    return 1 if scene.failures else 0


if __name__ == "__main__":
    sys.exit(main())
