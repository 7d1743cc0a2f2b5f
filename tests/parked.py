#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""parked.py COUNT OPERATION PATH STATS: COUNT processes that do it again and again.

In the path, {n} is the number of the process, {layer} one of 50.

Prints "parked" when $MINIMUM (COUNT) requests wait in the mount (imagefs_jobs_waiting in STATS); when its
standard input ends, kills all of them and prints how many seconds it took until the last one was gone.
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


pids = []
for n in range(count):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        work(path.replace("{n}", str(n)).replace("{layer}", f"{n % 50:02}"))
    pids.append(pid)

end = time.time() + 60
while waiting() < minimum and time.time() < end:
    time.sleep(0.1)
print("parked" if waiting() >= minimum else f"only {waiting()} wait", flush=True)
sys.stdin.read()
begin = time.time()
for pid in pids:
    os.kill(pid, signal.SIGKILL)
for pid in pids:
    os.waitpid(pid, 0)
print(f"{time.time() - begin:.2f}", flush=True)
