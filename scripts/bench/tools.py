# SPDX-License-Identifier: MIT
"""What every row needs: timing, servers and mounts that end with the run, memory, disk, and tables."""

import ctypes
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time


def log(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, **options):
    """Runs a command quietly; its output is shown where it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} failed:\n{done.stdout[-2000:]}")
    return done.stdout.strip()


def seconds(command, cwd=None):
    """How long a shell command takes; what it prints is thrown away."""
    start = time.monotonic()
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=cwd,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    took = time.monotonic() - start
    if done.returncode != 0:
        sys.exit(f"bench: {command} failed in {cwd}:\n{done.stderr[-2000:]}")
    return took


def wait_until(what, condition, limit=15):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench: {what}: not after {limit} s")
        time.sleep(0.02)


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3\n")


def disk(*paths):
    """Allocated bytes, of that filesystem alone (podman's storage has mounts inside)."""
    return sum(int(run("du", "-sxB1", p).split()[0]) for p in paths)


def resident(pid, key="Rss"):
    """Bytes of smaps_rollup: Rss, or Private (clean and dirty)."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if re.match(rf"{key}(_Clean|_Dirty)?:", line):
                total += int(line.split()[1]) * 1024
    return total


def peak(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]) * 1024


def free_port():
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) != 0:
                return port


def is_mounted(path):
    with open("/proc/self/mounts") as f:
        return any(line.split()[1] == path for line in f)


def unmount(path):
    if is_mounted(path) and subprocess.run(["umount", path], stderr=subprocess.DEVNULL).returncode:
        subprocess.run(["umount", "-l", path], check=False)


def unmount_below(path):
    """Also what a run that was killed has left."""
    with open("/proc/self/mounts") as f:
        below = [line.split()[1] for line in f if line.split()[1].startswith(path + "/")]
    for mount in reversed(below):
        unmount(mount)


def die_with_parent():
    """In the child: a run that is killed takes its servers along (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Process:
    """A server in the foreground, ended with its block."""

    def __init__(self, *command, output=None):
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output or subprocess.DEVNULL,
                                      stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        self.pid = self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ended(self):
        return self.child.poll() is not None

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class FuseMount(Process):
    """A FUSE program in the foreground and its mount."""

    def __init__(self, path, *command):
        self.path = path
        os.makedirs(path, exist_ok=True)
        super().__init__(*command)
        wait_until(f"{command[0]} mounts", lambda: is_mounted(path) or self.ended())
        if self.ended():
            sys.exit(f"bench: {' '.join(command)} ended at once")

    def stop(self):
        unmount(self.path)
        super().stop()


class Bench:
    """A run: where it writes (and what it removes at its end), the image, the program, and how often."""

    def __init__(self, top, directory, image, program, runs):
        self.top, self.image, self.program, self.runs = top, image, program, runs
        self.base = directory
        self.dir = os.path.join(directory, "run")
        self.cleanup()
        os.makedirs(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def cleanup(self):
        unmount_below(self.dir)
        shutil.rmtree(self.dir, ignore_errors=True)

    def imagefs(self, store, options="", program=None, name="mnt"):
        mount = self.path(name)
        return FuseMount(mount, program or self.program, "-f", *(["-o", options] if options else []), store, mount)


class Samples(list):
    """Measurements of one thing; shown as median and range."""

    def __init__(self, unit, values=()):
        super().__init__(values)
        self.unit = unit

    def median(self):
        return statistics.median(self)

    def percentile(self, percent):
        return Samples(self.unit, [sorted(self)[len(self) * percent // 100]])

    def show(self, value):
        if self.unit == "B":
            return f"{value / 1e6:.0f} MB" if value < 1e9 else f"{value / 1e9:.2f} GB"
        if value < 0.1:
            return f"{value * 1000:.{1 if value > 0.001 else 3}f} ms"
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"

    def __str__(self):
        text = self.show(self.median())
        if len(self) > 1:
            text += f" ({self.show(min(self))} to {self.show(max(self))})"
        return text


class Table:
    """The rows as markdown: each figure beside one peer's."""

    def __init__(self):
        self.lines, self.missing = [], []

    def row(self, what, ours, peer, theirs):
        ratio = ours.median() / theirs.median() if theirs.median() else float("nan")
        words = f"{ratio:.2f}"
        if ours.unit == "s" and ratio < 0.67:
            words += f" ({1 / ratio:.1f} times as fast)"
        self.lines.append(f"| {what} | {ours} | {peer} | {theirs} | {words} |")
        log(self.lines[-1])

    def alone(self, what, ours, note=""):
        self.lines.append(f"| {what} | {ours} | {note} | | |")
        log(self.lines[-1])

    def without(self, what, why):
        """Says below the table that this is not in it."""
        self.missing.append(f"\n\nLeft out: {what} ({why}).")
        log(self.missing[-1].strip())

    def __str__(self):
        head = "| what | imagefs | beside | theirs | imagefs : theirs |\n|---|---|---|---|---|\n"
        return head + "\n".join(self.lines) + "".join(self.missing)
