#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""interrupted.py HOW TIMES FILE LINE [ARCHIVE]: writes to a control file TIMES times, by a process that gets a signal every 3 ms.

HOW: restart (the kernel's SA_RESTART), or retry (the write fails with EINTR, and comes again). With ARCHIVE its bytes follow the
line, in pieces. Prints what each attempt came to, and how often: "ok" or the errno's name.
"""
import collections
import errno
import os
import signal
import sys

PIECE = 50_000


def write(fd, data):
    """All of it. Python writes once more where a signal has interrupted it, as a C program in a loop does."""
    while data:
        data = data[os.write(fd, data) :]


def attempt(path, line, archive):
    fd = os.open(path, os.O_RDWR)
    try:
        if not archive:
            write(fd, line)
        for at in range(0, len(archive), PIECE):
            write(fd, (b"" if at else line) + archive[at : at + PIECE])
        return "ok"
    except OSError as e:
        return errno.errorcode[e.errno]
    finally:
        os.close(fd)


def main():
    how, times, path, line, *more = sys.argv[1:]
    archive = open(more[0], "rb").read() if more else b""
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, how == "retry")
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    line = os.fsencode(line + "\n") if line else b""
    said = collections.Counter(attempt(path, line, archive) for _ in range(int(times)))
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(" ".join(f"{name} {count}" for name, count in sorted(said.items())))


main()
