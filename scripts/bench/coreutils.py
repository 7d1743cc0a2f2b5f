# SPDX-License-Identifier: MIT
"""Debian 13's ls (coreutils 9.7): `ls -l` asks llistxattr of every entry, where Debian 12's asks for single attributes
and stops once it hears that there are none of a kind. Its packages are unpacked, not installed."""

import glob
import os
import shutil
import subprocess

from tools import log

SUITE = "trixie"


def ours_already():
    with open("/etc/os-release") as f:
        return f"VERSION_CODENAME={SUITE}\n" in f


def unpack(root):
    """What apt fetches as coreutils, with all that it depends on; no script of a package runs. Returns what went wrong."""
    log(f"unpacking coreutils of {SUITE}")
    shutil.rmtree(root + ".new", ignore_errors=True)
    done = subprocess.run(["mmdebstrap", "--quiet", "--variant=extract", "--include=coreutils", SUITE, root + ".new"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode == 0:
        os.rename(root + ".new", root)
        return None
    shutil.rmtree(root + ".new", ignore_errors=True)
    why = [line for line in done.stderr.splitlines() if line.startswith("E:")]  # later ones follow from the first
    return "mmdebstrap: " + (why or ["it does not say why"])[0]


def newer_ls(bench):
    """The words that start it, and why it cannot be had; one of both is None. What is unpacked stays for the next run."""
    if ours_already():
        return None, "it is this machine's"
    if not shutil.which("mmdebstrap"):
        return None, "mmdebstrap is not installed"
    root = os.path.join(bench.base, f"coreutils-{SUITE}")
    failure = None if os.path.isdir(root) else unpack(root)
    if failure:
        return None, failure
    # By its own loader, as it wants a newer libc than this machine's. In a chroot it would not see the mounts.
    loaders = glob.glob(f"{root}/usr/lib/*/ld*.so.[0-9]")
    if not loaders:
        return None, "its loader is not where it is looked for"
    return f"{loaders[0]} --library-path {os.path.dirname(loaders[0])} {root}/usr/bin/ls", None
