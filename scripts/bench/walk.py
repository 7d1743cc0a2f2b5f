# SPDX-License-Identifier: MIT
"""walk.py DIR: lstats everything below DIR, each by its full path; the interpreted walker of scripts/bench.sh."""

import os
import sys


def fail(error):
    raise error


seen = 0
for directory, directories, files in os.walk(sys.argv[1], onerror=fail):
    for name in directories + files:
        os.lstat(os.path.join(directory, name))
        seen += 1
print(seen)
