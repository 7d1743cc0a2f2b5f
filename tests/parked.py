#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""parked.py COUNT OPERATION PATH STATS: COUNT processes that do it again and again.

In the path, {n} is the number of the process, {layer} one of 50.

Prints "parked" when $MINIMUM (COUNT) requests wait in the mount (imagefs_jobs_waiting in STATS); when its
standard input ends, kills all of them and prints how many looks, 10 ms apart, it took until the last one was gone:
a busy machine takes longer for each.
"""
import os
import signal
import sys
import time

count, operation, path, stats = int(sys.argv[1]), *sys.argv[2:5]
minimum = int(os.environ.get("MINIMUM", count))


def work(name):
    while True:
        try:
            if operation == "stat":
                os.lstat(name)
            else:
                os.read(os.open(name, os.O_RDONLY), 1)
        except OSError:
            time.sleep(0.2)


def waiting():
    with open(stats) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("imagefs_jobs_waiting "))


# All begin at once, when all are there: nobody waits for a registry for ever.
begin, go = os.pipe()
pids = []
for n in range(count):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.close(go)
        os.read(begin, 1)
        work(path.replace("{n}", str(n)).replace("{layer}", f"{n % 50:02}"))
    pids.append(pid)

os.close(go)
looks = 0
while waiting() < minimum and looks < 600:
    time.sleep(0.1)
    looks += 1
print("parked" if waiting() >= minimum else f"only {waiting()} wait", flush=True)
sys.stdin.read()
for pid in pids:
    os.kill(pid, signal.SIGKILL)
looks = 0
while pids := [pid for pid in pids if os.waitpid(pid, os.WNOHANG) == (0, 0)]:
    time.sleep(0.01)
    looks += 1
print(looks, flush=True)
