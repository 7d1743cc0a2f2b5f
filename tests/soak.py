#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""soak.py MOUNT REGISTRY SECONDS PID: what a mount is asked for in months, at random, by four threads; and its memory meanwhile.

The images v0 … v7 of REGISTRY/soak are there. A crowd of readers goes before it. Prints a line for each quarter of the time: how much was done,
and what the process PID has of private memory, descriptors (medians of looks a second apart) and threads (the least: jobs come and go). Fails
where a thing was never done, where one was done that cannot be, where an errno comes that says neither that something is not there nor that it is
in use, or where ten minutes and more end with over 2 % more memory in the last quarter than in the first, or with more descriptors or threads.
"""
import contextlib
import errno
import os
import random
import statistics
import sys
import threading
import time

mount, registry, seconds, pid = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
images = [f"{registry}/soak:v{i}" for i in range(8)]
done, errors, wrong, stop = {}, {}, [], threading.Event()
# ESTALE: a name that was removed while the kernel walked through it.
EXPECTED = (errno.ENOENT, errno.EBUSY, errno.ESTALE)


def ask(verb, line):
    """Writes a request, and reads all of its answer."""
    fd = os.open(f"{mount}/ctl/{verb}", os.O_RDWR)
    try:
        os.write(fd, f"{line}\n".encode())
        while os.read(fd, 1 << 16):
            pass
    finally:
        os.close(fd)


def path(r):
    return f"{mount}/images/{r.choice(images).replace(':v', '/v')}"


def read(name):
    with open(name, "rb") as f:
        while f.read(1 << 17):
            pass


def read_files(r):
    root = path(r) + "/rootfs"
    for directory, _, names in os.walk(root):
        for name in r.sample(names, min(len(names), 3)):
            read(f"{directory}/{name}")


def missing_names(r):
    for _ in range(20):
        with contextlib.suppress(FileNotFoundError):
            os.lstat(f"{path(r)}/rootfs/{r.choice(('', 'dir/'))}none{r.randrange(1 << 30)}")


def fails(action):
    """An action that must end in an errno."""
    def run(r):
        try:
            action(r)
        except OSError:
            return
        raise AssertionError("what cannot be was done")
    return run


def documents(r):
    for name in ("manifest.json", "config.json", "history", "inspect.json", "Dockerfile"):
        read(f"{path(r)}/{name}")


def layers(r):
    read(f"{path(r)}/layers/{r.choice(('00', '01', '02'))}/{r.choice(('blob', 'size', 'digest'))}")


def tables(_):
    for name in ("images", "df", "df?-v", "jobs", "stats", "events"):
        read(f"{mount}/ctl/{name}")


ACTIONS = {
    "read": read_files,
    "missing": missing_names,
    "unknown": fails(lambda r: os.lstat(f"{mount}/images/{registry}/soak/none{r.randrange(1 << 30)}/config.json")),
    "documents": documents,
    "layers": layers,
    "tables": tables,
    "list": lambda r: [os.listdir(f"{mount}/images/{registry}{name}") for name in ("", "/soak")],
    "pull": lambda r: ask("pull", r.choice(images)),
    "pull of none": fails(lambda r: ask("pull", f"{registry}/soak:none{r.randrange(1 << 30)}")),
    "tag": lambda r: ask("tag", f"{r.choice(images)} {registry}/tags:t{r.randrange(20)}"),
    "rmi": lambda r: ask("rmi", f"-f {r.choice(images)}"),
    "rmi of a tag": lambda r: ask("rmi", f"{registry}/tags:t{r.randrange(20)}"),
    "push": lambda r: ask("push", f"{registry}/tags:t{r.randrange(20)}"),
    "prune": lambda r: ask("prune", r.choice(("", "-a", "--filter until=1h"))),
    "inspect": lambda r: ask("inspect", f"-f '{{{{json .Config}}}} {{{{.ID}}}}' {r.choice(images)}"),
    "verify": lambda r: ask("fsck", r.choice(images)),
    "export": lambda r: read(f"{path(r)}/export/image.tar"),
    "diff": lambda r: ask("diff", f"{r.choice(images)} {r.choice(images)}"),
    "nonsense": fails(lambda r: ask("tag", "%s" % r.randrange(1 << 30))),
}


def work(number):
    r = random.Random(f"{seed} {number}")
    names = list(ACTIONS)
    r.shuffle(names)  # each once; then at random
    while not stop.is_set():
        name = names.pop() if names else r.choice(list(ACTIONS))
        try:
            ACTIONS[name](r)
            done[name] = done.get(name, 0) + 1
        except OSError as e:
            errors[e.strerror] = errors.get(e.strerror, 0) + 1
            if e.errno not in EXPECTED:
                wrong.append(f"{name}: {e}")
        except AssertionError as e:
            wrong.append(f"{name}: {e}")


def crowd():
    """More readers at once than there are workers: these come as they are needed, and stay."""
    threads = [threading.Thread(target=read_files, args=(random.Random(k),), daemon=True) for k in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def look():
    with open(f"/proc/{pid}/smaps_rollup") as f:
        memory = sum(int(line.split()[1]) for line in f if line.startswith("Private_"))
    return memory, len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


def main():
    for name in images:
        ask("pull", name)
    crowd()
    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 20)  # what is cached has its size then
    quarters = []
    for number in range(4):
        end, looks = time.monotonic() + seconds / 4, []
        while time.monotonic() < end:
            looks.append(look())
            time.sleep(1)
        memory, descriptors, running = zip(*looks)
        quarters.append((statistics.median(memory), statistics.median(descriptors), min(running)))
        print("quarter {}: {:.0f} kB private, {:.0f} descriptors, {:.0f} threads; {} things done, {} ended in an errno".format(
            number + 1, *quarters[-1], sum(done.values()), sum(errors.values())), flush=True)
    end = time.monotonic() + 120  # on a busy machine some things were never done yet
    while set(ACTIONS) - set(done) and time.monotonic() < end:
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join(60)
    print(f"seed {seed}; done: {done}; errors: {errors}")
    growth = quarters[-1][0] / quarters[0][0] - 1
    print(f"memory of the last quarter beside the first: {100 * growth:+.1f} %")
    if wrong:
        sys.exit("\n".join(wrong[:10]))
    never = set(ACTIONS) - set(done)
    if never:
        sys.exit(f"never done: {', '.join(sorted(never))}")
    if seconds >= 600 and (growth > 0.02 or quarters[-1][1] > quarters[0][1] + 16 or quarters[-1][2] > quarters[0][2]):
        sys.exit("it grows")


main()
