# SPDX-License-Identifier: MIT
"""Processes of a round: forked or started, ended with their parent, waited for with a time limit; and what they hang in."""
import ctypes
import fcntl
import os
import select
import signal
import sys
import time
import traceback

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE, MNT_DETACH = 0x4000, 1 << 18, 2


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def leave_namespace():
    """Mounts from now on are ours alone. A namespace that somebody makes meanwhile (podman, unshare) has a copy of every mount
    that it finds, and such a copy keeps a mount alive that was unmounted here. None is left behind either. Nor do we keep
    those of the tests beside us."""
    if libc.unshare(CLONE_NEWNS) < 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) < 0:
        sys.exit("no mount namespace of one's own: this needs root")
    with open("/proc/self/mounts", "rb") as file:
        for _, point, kind, *_ in map(bytes.split, file):
            if kind.startswith(b"fuse"):
                libc.umount2(point.decode("unicode_escape").encode("latin-1"), MNT_DETACH)


living = set()


class Process:
    """A child. status: None while it lives, then as returncode of subprocess has it."""

    def __init__(self, name, pid):
        self.name, self.pid, self.status, self.ended = name, pid, None, None
        self.fd = os.pidfd_open(pid)
        living.add(self)

    def reap(self):
        """True where it has ended."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status, self.ended = os.waitstatus_to_exitcode(status), time.monotonic()
                os.close(self.fd)
                living.discard(self)
        return self.status is not None

    def kill(self, number=signal.SIGKILL):
        if not self.reap():
            os.kill(self.pid, number)

    def wait(self, seconds):
        return wait_all([self], seconds)


def end_all():
    for p in list(living):
        p.kill()
    wait_all(list(living), 5)


def wait_all(processes, seconds):
    """True where all have ended within that time."""
    end = time.monotonic() + seconds
    poll = select.poll()
    left = [p for p in processes if not p.reap()]
    for p in left:
        poll.register(p.fd, select.POLLIN)
    while left:
        rest = end - time.monotonic()
        if rest <= 0:
            return False
        for fd, _ in poll.poll(rest * 1000):
            poll.unregister(fd)
            next(p for p in left if p.fd == fd).reap()
        left = [p for p in left if p.status is None]
    return True


def go_first():
    """Who drives the rounds comes before those whom it drives, however many these are."""
    os.setpriority(os.PRIO_PROCESS, 0, -10)


def spawn(name, work):
    """A fork that does the work and ends with 0, or with 1 where that raises something."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return Process(name, pid)
    code = 1
    try:
        living.clear()
        die_with_parent()
        os.setpriority(os.PRIO_PROCESS, 0, 0)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def start(name, arguments, output=None, fds=()):
    """A program, quickly: there may be many, and a fork of this one costs more than they do. Its output goes into a file;
    the descriptors, which are high ones, are 3 and so on there. It is not ended with its parent, but where it sees to that."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, output or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        *[(os.POSIX_SPAWN_DUP2, fd, 3 + i) for i, fd in enumerate(fds)],
    ]
    return Process(name, os.posix_spawnp(arguments[0], arguments, os.environ, file_actions=actions, setsigdef=[signal.SIGTERM, signal.SIGINT]))


def high(fd):
    """The descriptor above all that a started program gets."""
    out = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100)
    os.close(fd)
    return out


def run(name, arguments, env, output):
    """A program that is ended with its parent; its output goes into a file."""

    def work():
        null = os.open(os.devnull, os.O_RDONLY)
        out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for number, fd in enumerate([null, out, out]):
            os.dup2(fd, number)
        os.execvpe(arguments[0], arguments, env)

    return spawn(name, work)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError as e:
        return f"({e.strerror})"


def stacks(p):
    """What each thread waits in, as lines."""
    try:
        threads = sorted(os.listdir(f"/proc/{p.pid}/task"), key=int)
    except OSError:
        return [f"{p.name} ({p.pid}) is gone"]
    out = []
    for thread in threads:
        at = f"/proc/{p.pid}/task/{thread}"
        fields = dict(line.split(":", 1) for line in read(f"{at}/status").splitlines() if ":" in line)
        out.append(f"{p.name} {p.pid}/{thread} {fields.get('Name', '').strip()} {fields.get('State', '').strip()} in {read(f'{at}/wchan')}")
        out += ["    " + line for line in read(f"{at}/stack").splitlines()]
    return out
