#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare.py WANTED FOUND [--ignore FIELD[:TYPE],…] [--no-root]: the differences of two listings of oracle.py.

A field that is null on either side is not specified and not compared. Status 1 where something differs.
"""
import argparse
import json
import sys


def load(path):
    with open(path) as file:
        return {record["path"]: record for record in map(json.loads, file)}


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wanted")
    parser.add_argument("found")
    parser.add_argument("--ignore", default="")
    parser.add_argument("--no-root", action="store_true")
    args = parser.parse_args()
    wanted, found = load(args.wanted), load(args.found)
    nothing = not wanted
    if args.no_root:
        wanted.pop(".", None), found.pop(".", None)
    lines = list(differences(wanted, found, set(args.ignore.split(","))))
    for line in lines[:50]:
        print(line)
    if len(lines) > 50:
        print(f"… and {len(lines) - 50} more")
    if not lines:
        print(f"{len(wanted)} entries are equal")
    sys.exit(1 if lines or nothing else 0)


if __name__ == "__main__":
    main()
