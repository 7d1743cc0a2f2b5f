#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""syscall.py OPERATION PATH [ARGUMENT]: does it, and prints the name of its errno, or ok.

    read list stat readlink write append create mkdir rmdir unlink symlink rename chmod truncate getxattr
    listxattr PATH SIZE  asks with a list of that size
    request PATH LINE   opens read-write, writes the line, and prints the answer to it; the status is 1, and
                        standard error has the errno's name, where the write failed
"""
import ctypes
import errno
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)


def read(path, _):
    fd = os.open(path, os.O_RDONLY)
    while os.read(fd, 1 << 17):
        pass


def write(path, text, flags=os.O_WRONLY):
    os.write(os.open(path, flags, 0o644), os.fsencode(text + "\n"))


def listxattr(path, size):
    if libc.llistxattr(os.fsencode(path), ctypes.create_string_buffer(int(size)), ctypes.c_size_t(int(size))) < 0:
        raise OSError(ctypes.get_errno(), "llistxattr")


def name(e):
    return {"ENOTSUP": "EOPNOTSUPP"}.get(errno.errorcode[e.errno], errno.errorcode[e.errno])


OPERATIONS = {
    "read": read,
    "list": lambda path, _: os.listdir(path),
    "stat": lambda path, _: os.lstat(path),
    "readlink": lambda path, _: os.readlink(path),
    "write": write,
    "append": lambda path, text: write(path, text, os.O_WRONLY | os.O_APPEND),
    "create": lambda path, _: os.open(path, os.O_CREAT | os.O_WRONLY, 0o644),
    "mkdir": lambda path, _: os.mkdir(path),
    "rmdir": lambda path, _: os.rmdir(path),
    "unlink": lambda path, _: os.unlink(path),
    "symlink": lambda path, target: os.symlink(target, path),
    "rename": lambda path, target: os.rename(path, target),
    "chmod": lambda path, _: os.chmod(path, 0o600),
    "truncate": lambda path, _: os.truncate(path, 0),
    "getxattr": lambda path, name: os.getxattr(path, name, follow_symlinks=False),
    "listxattr": listxattr,
}


def request(path, line):
    fd = os.open(path, os.O_RDWR)
    status = 0
    try:
        os.write(fd, os.fsencode(line + "\n"))
    except OSError as e:
        print(name(e), file=sys.stderr)
        status = 1
    while data := os.read(fd, 1 << 16):
        sys.stdout.buffer.write(data)
    sys.stdout.flush()
    return status


def main():
    operation, path, *more = sys.argv[1:]
    if operation == "request":
        return request(path, *more)
    try:
        OPERATIONS[operation](path, more[0] if more else "")
    except OSError as e:
        print(name(e))
    else:
        print("ok")
    return 0


sys.exit(main())
