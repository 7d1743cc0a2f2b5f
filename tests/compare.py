#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare.py WANTED FOUND [--ignore FIELD[:TYPE],…] [--no-root]: the differences of two listings of oracle.py.

WANTED and FOUND: such a listing; a directory, as `oracle.py list` has it; or LAYOUT:TAG, as `oracle.py merge` does.

A field that is null on either side is not specified and not compared. Status 1 where something differs.
"""
import json
import os
import sys

import oracle


def by_path(records):
    return {record["path"]: record for record in records}


def load(place):
    if os.path.isdir(place):
        return by_path(oracle.list_disk(place))
    if not os.path.exists(place):
        return by_path(oracle.merge(place))
    with open(place) as file:
        return by_path(map(json.loads, file))


def differences(wanted, found, ignore):
    for path in sorted(wanted.keys() | found.keys()):
        if path not in found:
            yield f"{path!r}: missing ({wanted[path]['type']})"
        elif path not in wanted:
            yield f"{path!r}: should not be there ({found[path]['type']})"
        else:
            a, b = wanted[path], found[path]
            for key in a:
                skip = key in ignore or f"{key}:{a['type']}" in ignore or None in (a[key], b[key])
                if not skip and a[key] != b[key]:
                    yield f"{path!r}: {key} is {b[key]!r}, should be {a[key]!r}"


def report(wanted, found, ignore=(), root=True):
    """Prints what differs, and whether nothing does."""
    nothing = not wanted
    if not root:
        wanted.pop(".", None), found.pop(".", None)
    lines = list(differences(wanted, found, ignore))
    for line in lines[:50]:
        print(line)
    if len(lines) > 50:
        print(f"… and {len(lines) - 50} more")
    if not lines:
        print(f"{len(wanted)} entries are equal")
    return not lines and not nothing


def main():
    wanted, found, *options = sys.argv[1:]
    root, ignore = True, ""
    while options:
        option, *options = options
        if option == "--no-root":
            root = False
        elif option == "--ignore" and options:
            ignore, *options = options
        else:
            sys.exit(__doc__)
    equal = report(load(wanted), load(found), set(ignore.split(",")), root)
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
