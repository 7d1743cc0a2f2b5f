# SPDX-License-Identifier: MIT
"""What a power cut leaves of a directory, by the log of disk.c: bytes that were written and not synced are there, or not, or
are others; of what changed in a directory since its last fsync the last steps may be undone, as many as the dice say.
"""
import os


class Cut:
    def __init__(self, store, log, kept, dice):
        self.store, self.kept, self.dice = store, kept, dice
        self.size, self.synced, self.dirty, self.changes = {}, {}, {}, []
        with open(log, errors="replace") as file:
            for line in file:
                self.take(line.rstrip("\n").split("\t"))

    def take(self, fields):
        number, name, *what, result = fields
        if result == "?" or result.startswith("-"):
            return
        take = getattr(self, f"on_{name}", None)
        if take:
            take(number, int(result), *what)

    def on_write(self, number, result, inode, offset, length, path):
        self.dirty.setdefault(inode, []).append((int(offset), result))
        self.size[inode] = max(self.size.get(inode, 0), int(offset) + result)

    def on_truncate(self, number, result, inode, length, path):
        length = int(length)
        self.size[inode] = length
        self.dirty[inode] = [(at, min(n, length - at)) for at, n in self.dirty.get(inode, []) if at < length]

    def on_fsync(self, number, result, inode, path):
        self.dirty.pop(inode, None)
        self.synced[inode] = self.size.get(inode, 0)
        self.changes = [change for change in self.changes if change[0] != path]

    def change(self, number, path, *how):
        self.changes.append((os.path.dirname(path), int(number), *how, path))

    def on_rename(self, number, result, old, new):
        self.change(number, new, "rename", old)

    def on_unlink(self, number, result, path):
        self.change(number, path, "unlink", None)

    def on_create(self, number, result, path):
        self.change(number, path, "create", None)

    def on_mkdir(self, number, result, path):
        self.change(number, path, "mkdir", None)

    # --- played back ---

    def files(self):
        for top in (self.store, self.kept):
            for directory, _, names in os.walk(top):
                for name in names:
                    yield os.path.join(directory, name)

    def spoil(self):
        where = {str(os.lstat(path).st_ino): path for path in self.files()}
        for inode, ranges in self.dirty.items():
            path, how = where.get(inode), self.dice.choice(["keep", "drop", "zero", "garble"])
            if not path or how == "keep":
                continue
            if how == "drop":
                os.truncate(path, min(self.synced.get(inode, 0), os.path.getsize(path)))
                continue
            with open(path, "r+b") as file:
                for at, n in ranges:
                    n = min(n, os.path.getsize(path) - at)
                    if n > 0:
                        file.seek(at)
                        file.write(bytes(n) if how == "zero" else self.dice.randbytes(n))

    def undo(self):
        pending, undone = {}, []
        for change in self.changes:
            pending.setdefault(change[0], []).append(change)
        for changes in pending.values():
            undone += changes[len(changes) - self.dice.choice([0, len(changes), self.dice.randint(0, len(changes))]) :]
        for _, number, how, old, path in sorted(undone, key=lambda change: -change[1]):
            try:
                self.undo_one(f"{self.kept}/{number}", how, old, path)
            except OSError:
                pass  # what it was about is undone already

    def undo_one(self, before, how, old, path):
        if how == "rename":
            os.rename(path, old)
        elif how == "create":
            os.unlink(path)
        elif how == "mkdir":
            os.rmdir(path)
        if os.path.exists(before):
            os.rename(before, path)

    def play(self):
        self.spoil()
        self.undo()
