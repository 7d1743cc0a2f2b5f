#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A network between imagefs and a registry on the loopback: far away, and no faster than it is told.

    wan.py [--delay MS] [--rate MB] [--port N] HOST:PORT

It listens on 127.0.0.1 (a free port where none is given), prints "listening on 127.0.0.1:N", and passes HTTP/1.1 on to
HOST:PORT until SIGTERM. Names stay as they are: the registry sees the Host that the client sent.

    --delay MS   a round trip (50): each connection waits for one before its first request is looked at, each request
                 for one before it is passed on
    --rate MB    of answers, each connection has so many megabytes (10^6 bytes) a second (20; 0: no limit)

    curl -s http://127.0.0.1:N/wan/stats      what moved since the start, or the last reset, as JSON:
        connections, requests
        sent, received       bytes of requests, and of answers: headers and bodies
        round_trips          that were waited for one after the other: a connection or a request is one more than
                             those that had ended when it began. Those that are under way together are one.
        open_most            connections that had an answer under way at the same time, at most
        paths                {PATH: [requests, bytes of bodies]}, without the query
        log                  [["METHOD PATH", Range or "", STATUS, BEGAN, HEADERS, ENDED], …], as they ended, with
                             the query; seconds since the start or the last reset
    curl -s http://127.0.0.1:N/wan/reset      the same, and counts from nothing again

The two are not counted. Who tries TLS finds his connection closed.
"""
import argparse
import json
import signal
import socket
import socketserver
import sys
import threading
import time

PIECE = 256 << 10


class Counts:
    """Of all connections; what `round_trips` says stands in the head of this file."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        self.connections = self.requests = self.sent = self.received = 0
        self.round_trips = self.open = self.open_most = 0
        self.paths, self.log, self.since = {}, [], time.monotonic()

    def begin_wait(self):
        with self.lock:
            return self.round_trips + 1

    def end_wait(self, depth):
        with self.lock:
            self.round_trips = max(self.round_trips, depth)

    def answer(self, step):
        with self.lock:
            self.open += step
            self.open_most = max(self.open_most, self.open)

    def note(self, line, wanted, status, sent, head, body, times):
        path = line.split(" ", 1)[1].partition("?")[0]
        with self.lock:
            self.requests += 1
            self.sent += sent
            self.received += head + body
            of_path = self.paths.setdefault(path, [0, 0])
            of_path[0] += 1
            of_path[1] += body
            self.log.append([line, wanted, status, *(round(t - self.since, 3) for t in (*times, time.monotonic()))])

    def text(self, reset):
        with self.lock:
            names = "connections requests sent received round_trips open_most paths log".split()
            out = json.dumps({name: getattr(self, name) for name in names}, indent=1)
            if reset:
                self.reset()
        return out.encode() + b"\n"


class Ended(Exception):
    pass


class Link:
    """What comes in on a socket, by lines and pieces; and how fast it may go out of it."""

    def __init__(self, sock, rate=0):
        self.sock, self.rate, self.left, self.free_at = sock, rate, b"", 0.0
        self.room = memoryview(bytearray(PIECE))  # used again: new memory costs more than the copy
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def more(self):
        data = self.sock.recv(16384)
        if not data:
            raise Ended
        return data

    def head(self):
        while b"\r\n\r\n" not in self.left:
            self.left += self.more()
        head, _, self.left = self.left.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def line(self):
        while b"\r\n" not in self.left:
            self.left += self.more()
        line, _, self.left = self.left.partition(b"\r\n")
        return line + b"\r\n"

    def piece(self, most):
        """Bytes, until the next call."""
        if self.left:
            data, self.left = self.left[:most], self.left[most:]
            return data
        count = self.sock.recv_into(self.room, min(PIECE, most))
        if not count:
            raise Ended
        return self.room[:count]

    def send(self, data):
        if self.rate:
            now = time.monotonic()
            self.free_at = max(self.free_at, now - 0.02) + len(data) / self.rate
            if self.free_at > now:
                time.sleep(self.free_at - now)
        self.sock.sendall(data)


def fields_of(head):
    lines = head.decode("latin-1").split("\r\n")
    return lines[0], {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}


def pass_body(source, to, fields, until_end):
    """Bytes of the body. `until_end`: without a length it ends with the connection."""
    count = 0
    if "chunked" in fields.get("transfer-encoding", ""):
        while True:
            size = source.line()
            to.send(size)
            left = int(size.split(b";")[0], 16) + 2
            count += left - 2
            last = left == 2
            while left:
                data = source.piece(left)
                to.send(data)
                left -= len(data)
            if last:
                return count
    left = int(fields.get("content-length", 1 << 60 if until_end else 0))
    try:
        while left:
            data = source.piece(left)
            to.send(data)
            left -= len(data)
            count += len(data)
    except Ended:
        if "content-length" in fields:
            raise
    return count


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        if self.request.recv(1, socket.MSG_PEEK) == b"\x16":  # a ClientHello
            return
        self.client, self.upstream, self.fresh = Link(self.request, self.server.rate), None, True
        try:
            while self.one():
                pass
        except (Ended, OSError, ValueError):
            pass
        finally:
            if self.upstream:
                self.upstream.sock.close()

    def one(self):
        head = self.client.head()
        line, fields = fields_of(head)
        method, path = line.split(" ")[:2]
        counts = self.server.counts
        if path in ("/wan/stats", "/wan/reset"):
            body = counts.text(path == "/wan/reset")
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return True
        if self.fresh:
            with counts.lock:
                counts.connections += 1
            self.wait()
        self.fresh = False
        began = time.monotonic()
        depth = counts.begin_wait()
        time.sleep(self.server.delay)
        return self.forward(head, f"{method} {path}", fields, depth, began)

    def wait(self):
        depth = self.server.counts.begin_wait()
        time.sleep(self.server.delay)
        self.server.counts.end_wait(depth)

    def forward(self, head, line, fields, depth, began):
        counts = self.server.counts
        if not self.upstream:
            self.upstream = Link(socket.create_connection(self.server.upstream))
        self.upstream.sock.sendall(head)
        sent = len(head) + pass_body(self.client, self.upstream, fields, False)
        answer = self.upstream.head()
        status, of_answer = fields_of(answer)
        code = int(status.split(" ")[1])
        counts.end_wait(depth)
        counts.answer(1)
        body, times = 0, (began, time.monotonic())
        try:
            self.client.send(answer)
            if not line.startswith("HEAD ") and code >= 200 and code not in (204, 304):
                before = self.client
                self.client = Counted(before)
                try:
                    pass_body(self.upstream, self.client, of_answer, True)
                finally:
                    body, self.client = self.client.bytes, before
        finally:
            counts.answer(-1)
            counts.note(line, fields.get("range", ""), code, sent, len(answer), body, times)
        ends = "close" in (fields.get("connection", "") + of_answer.get("connection", "")).lower()
        return not ends and ("content-length" in of_answer or "chunked" in of_answer.get("transfer-encoding", ""))


class Counted:
    """A link, and what went out of it, also where it broke."""

    def __init__(self, link):
        self.link, self.bytes = link, 0

    def send(self, data):
        self.link.send(data)
        self.bytes += len(data)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


def main():
    parser = argparse.ArgumentParser(usage="wan.py [--delay MS] [--rate MB] [--port N] HOST:PORT")
    parser.add_argument("--delay", type=float, default=50)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("upstream")
    args = parser.parse_args()
    server = Server(("127.0.0.1", args.port), Connection)
    host, _, port = args.upstream.rpartition(":")
    server.upstream, server.counts = (host, int(port)), Counts()
    server.delay, server.rate = args.delay / 1000, args.rate * 1e6
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"listening on 127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
