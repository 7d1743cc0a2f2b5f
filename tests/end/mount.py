# SPDX-License-Identifier: MIT
"""A mount under test: its process, its place in the table of mounts, its end, and its rescue.

Nothing here walks into the mount: whoever does may never come back.
"""
import os
import signal
import time

from end import process

POLL = 0.002


def mounts(point):
    """(device number's minor, type) of what is mounted there, from below to above."""
    out = []
    with open("/proc/self/mountinfo") as file:
        for line in file:
            fields = line.split()
            if fields[4] == point:
                out.append((int(fields[2].split(":")[1]), fields[fields.index("-") + 1]))
    return out


def environment(directory):
    """Everything that the program may write to lies below the round's directory."""
    keep = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and not k.startswith("XDG_")}
    for name in ("home", "run", "tmp"):
        os.makedirs(f"{directory}/{name}", exist_ok=True)
    out = {**keep, "HOME": f"{directory}/home", "XDG_RUNTIME_DIR": f"{directory}/run", "TMPDIR": f"{directory}/tmp"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        out[name] = f"{out.get(name, '')}:log_path={directory}/sanitizer"
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "DOCKER_AUTH_CONFIG"):
        out.pop(name, None)
    return out


class Mount:
    def __init__(self, directory, program, connections):
        self.point, self.log = f"{directory}/mnt", f"{directory}/imagefs.log"
        self.environment, self.program, self.connections = environment(directory), program, connections
        self.process = self.gone = None
        self.abort_fd = -1

    def start(self, store, seconds, *options):
        """False where it is not mounted in that time. Requests wait in the kernel until it answers."""
        end = time.monotonic() + seconds
        before = mounts(self.point)
        self.process = process.run("imagefs", [self.program, store, self.point, "-f", *options], self.environment, self.log)
        while time.monotonic() < end and not self.process.reap():
            now = mounts(self.point)
            if now and now[-1:] != before[-1:]:
                self.hold_abort(now[-1][0])
                return True
            time.sleep(POLL)
        return False

    def places(self):
        return mounts(self.point)

    def is_there(self):
        return bool(self.places())

    def await_gone(self, seconds):
        end = time.monotonic() + seconds
        while self.is_there():
            if time.monotonic() >= end:
                return False
            time.sleep(POLL)
        self.gone = time.monotonic()
        return True

    def hold_abort(self, connection):
        """Opened early, it is the file of this connection for ever: its number may soon be that of a stranger's."""
        self.release()
        self.abort_fd = os.open(f"{self.connections}/{connection}/abort", os.O_WRONLY)

    def release(self):
        if self.abort_fd >= 0:
            os.close(self.abort_fd)
        self.abort_fd = -1

    def abort(self):
        """What frees everybody, whatever the program does."""
        if self.abort_fd >= 0:
            os.write(self.abort_fd, b"1")

    def run_umount(self, *options):
        """Its process, and the file with what it says."""
        said = f"{self.log}.umount"
        if os.path.exists(said):
            os.unlink(said)
        p = process.start("umount", ["umount", *options, self.point], output=said)
        return p, said

    def rescue(self):
        """Ends it and takes it away by all means. False where something stays."""
        if self.process and not self.process.reap():
            self.abort()
            self.process.kill(signal.SIGKILL)
            if not self.process.wait(10):
                return False
        while self.is_there():
            p, _ = self.run_umount("-l")
            if not p.wait(10) or p.status:
                return False
        self.release()
        return True
