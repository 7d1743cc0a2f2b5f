#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A registry that misbehaves as it is told.

    hostile.py --port N --requests LOG [--tls CERT KEY] SCENARIO.py

A scenario is Python with everything of oci.py in reach, and:

    HOST                       this server's host:port
    serve(repository, tag, image)
    on(PATTERN, …)             what happens to requests whose "METHOD path" the pattern finds; the last rule
                               that matches wins. times=N: only N times; skip=N: not the first N times.

Without a rule a request gets a correct answer (manifests, blobs with Range, tags/list, pushes). A rule changes it:

    status=503 headers={…} body=b"…"   another answer (a header of None is left out)
    redirect=URL                       307
    delay=S                            seconds before the answer
    stall="request" | "headers" | N    never answers | stops after the headers | after N bytes of the body
    drip=(N, S)                        N bytes of the body every S seconds
    gate=(N, FILE)                     N bytes of the body; what is more of it when the file is there
    after=PATTERN                      answers when a request that the pattern finds has been answered
    cut=N  reset=N                     closes, or resets, after N bytes of the body
    take=N                             resets after N bytes of the request's body
    sip=(N, S)                         takes N bytes of the request's body every S seconds
    flip=N                             inverts byte N of the body
    length=N | None                    another Content-Length, or none
    chunked=True  http10=True          other framings
    ignore_range=True  range_header="…"
    endless="body" | "headers"
    call=f                             f(request) gives such a rule as a dict, or None for a correct answer

Every request is a line of JSON in LOG: time, method, path, headers (lower case), body.
"""
import argparse
import itertools
import json
import os
import re
import select
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oci


class Rule:
    def __init__(self, pattern, times=None, skip=0, **how):
        self.pattern, self.times, self.skip, self.how = re.compile(pattern), times, skip, how


class State:
    """What is served, the rules, and the log; shared by all connections."""

    def __init__(self, host, log):
        self.host, self.log, self.lock = host, open(log, "a"), threading.Lock()
        self.documents, self.blobs, self.tags, self.rules, self.answered = {}, {}, {}, [], []
        self.uploads, self.numbers = {}, itertools.count()

    def serve(self, repository, tag, image):
        for type, data in image.documents():
            self.documents[repository, oci.digest(data)] = (type, data)
        self.documents[repository, tag] = image.documents()[-1]
        self.tags.setdefault(repository, []).append(tag)
        for data in image.blobs():
            self.blobs[repository, oci.digest(data)] = data

    def on(self, pattern, **how):
        self.rules.insert(0, Rule(pattern, **how))

    def note(self, request):
        with self.lock:
            print(json.dumps({"time": time.time(), **request}), file=self.log, flush=True)

    def rule(self, request):
        line = f"{request['method']} {request['path']}"
        with self.lock:
            for rule in self.rules:
                if not rule.pattern.search(line) or rule.times == 0:
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return rule.how
        return {}


def error(status, code, message):
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return status, {"Content-Type": "application/json"}, body


def upload(state, request, repository, name):
    """POST, PATCH, PUT: a blob comes. GET: how much has."""
    body, query = request["body"].encode("latin-1"), request["path"].partition("?")[2]
    if request["method"] == "POST":
        name = str(next(state.numbers))
        state.uploads[name] = b""
    if name not in state.uploads:
        return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    state.uploads[name] += body
    headers = {"Location": f"/v2/{repository}/blobs/uploads/{name}", "Range": f"0-{max(len(state.uploads[name]) - 1, 0)}"}
    if request["method"] != "PUT":
        return 204 if request["method"] == "GET" else 202, headers, b""
    digest = re.search("digest=([^&]+)", query)[1].replace("%3A", ":")
    if oci.digest(state.uploads[name]) != digest:
        return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    state.blobs[repository, digest] = state.uploads[name]
    return 201, {"Location": f"/v2/{repository}/blobs/{digest}"}, b""


def correct(state, request, ranges=True):
    """(status, headers, body) of a registry that behaves."""
    path = request["path"].split("?")[0]
    if found := re.fullmatch(r"/v2/(.+)/blobs/uploads/([^/]*)", path):
        return upload(state, request, *found.groups())
    if path in ("/v2", "/v2/"):
        return 200, {"Content-Type": "application/json"}, b"{}"
    found = re.fullmatch(r"/v2/(.+)/(manifests|blobs|tags)/([^/]+)", path)
    if not found:
        return error(404, "UNSUPPORTED", "no such endpoint")
    repository, kind, what = found.groups()
    if kind == "tags":
        names = state.tags.get(repository)
        if names is None:
            return error(404, "NAME_UNKNOWN", "repository name not known to registry")
        return 200, {"Content-Type": "application/json"}, json.dumps({"name": repository, "tags": names}).encode()
    if kind == "manifests" and request["method"] == "PUT":
        data = request["body"].encode("latin-1")
        state.documents[repository, what] = state.documents[repository, oci.digest(data)] = (request["headers"].get("content-type"), data)
        return 201, {"Docker-Content-Digest": oci.digest(data), "Location": path}, b""
    if kind == "manifests":
        if (repository, what) not in state.documents:
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        type, data = state.documents[repository, what]
        return 200, {"Content-Type": type, "Docker-Content-Digest": oci.digest(data)}, data
    data = state.blobs.get((repository, what))
    if data is None:
        return error(404, "BLOB_UNKNOWN", "blob unknown to registry")
    headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request["headers"].get("range", ""))
    if not wanted or not ranges:
        return 200, headers, data
    start, end = int(wanted[1]), min(int(wanted[2] or len(data) - 1), len(data) - 1)
    if start >= len(data):
        return 416, {**headers, "Content-Range": f"bytes */{len(data)}"}, b""
    return 206, {**headers, "Content-Range": f"bytes {start}-{end}/{len(data)}"}, data[start : end + 1]


class Closed(Exception):
    pass


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.tls:
            try:
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            except (OSError, ssl.SSLError):
                return
        self.input = self.request.makefile("rb")
        try:
            while self.one():
                pass
        except (Closed, OSError, ValueError):
            pass
        finally:
            self.request.close()

    def one(self):
        line = self.input.readline(65536).split()
        if len(line) != 3 or not line[2].startswith(b"HTTP/"):  # TLS may look like three words, and then no header would come
            return False
        headers = {}
        while (text := self.input.readline(65536).strip()) != b"":
            key, _, value = text.decode("latin-1").partition(":")
            headers[key.strip().lower()] = value.strip()
        request = {"method": line[0].decode(), "path": line[1].decode(), "headers": headers}
        how = self.server.state.rule(request)
        length = int(headers.get("content-length", 0))
        request["body"] = self.receive(min(length, how.get("take", length)), how).decode("latin-1")
        self.server.state.note(request)
        if how.get("take", length) < length:
            self.end(True)
        kept = self.answer(request, how)
        self.server.state.answered.append(f"{request['method']} {request['path']}")
        return kept

    def receive(self, length, how):
        if "sip" not in how:
            return self.input.read(length)
        count, seconds = how["sip"]
        body = b""
        while len(body) < length and (part := self.input.read(min(count, length - len(body)))):
            body += part
            time.sleep(seconds)
        return body

    def answer(self, request, how):
        if "call" in how:
            how = how["call"](request) or {}
        if how.get("delay"):
            time.sleep(how["delay"])
        if "after" in how:
            self.hang(lambda: any(re.search(how["after"], line) for line in self.server.state.answered))
        if how.get("stall") == "request":
            self.hang()
        status, headers, body = 0, {}, b""
        if "status" not in how:  # else a push that is refused would be stored
            status, headers, body = correct(self.server.state, request, not how.get("ignore_range"))
        headers = dict(headers)
        if "redirect" in how:
            status, headers, body = 307, {"Location": how["redirect"]}, b""
        if "status" in how:
            status, body = how["status"], how.get("body", b"")
            headers = {"Content-Type": "application/json"}
        body = how.get("body", body)
        headers.update(how.get("headers", {}))
        if "range_header" in how:
            headers["Content-Range"] = how["range_header"]
        if "flip" in how and len(body) > how["flip"]:
            body = body[: how["flip"]] + bytes([body[how["flip"]] ^ 0xFF]) + body[how["flip"] + 1 :]
        http10 = how.get("http10", False)
        if how.get("chunked"):
            headers["Transfer-Encoding"] = "chunked"
        elif not http10 and how.get("endless") != "body":
            headers["Content-Length"] = how.get("length", len(body))
        text = f"HTTP/1.{0 if http10 else 1} {status} Whatever\r\n"
        text += "".join(f"{k}: {v}\r\n" for k, v in headers.items() if v is not None)
        if how.get("endless") == "headers":
            self.send(text.encode())
            while True:
                self.send(b"X-Filler: " + b"x" * 8000 + b"\r\n")
        self.send(text.encode() + b"\r\n")
        if how.get("stall") == "headers":
            self.hang()
        if request["method"] == "HEAD":
            return not http10
        if how.get("endless") == "body":
            while True:
                self.send(b" " * 65536)
        self.send_body(body, how)
        return not http10 and headers.get("Content-Length", 0) is not None and "length" not in how

    def send_body(self, body, how):
        for key in ("cut", "reset", "stall"):
            if isinstance(how.get(key), int) and len(body) >= how[key]:
                self.send(body[: how[key]])
                self.hang() if key == "stall" else self.end(key == "reset")
        if "gate" in how and len(body) > how["gate"][0]:
            count, file = how["gate"]
            self.send(body[:count])
            self.hang(lambda: os.path.exists(file))
            self.send(body[count:])
        elif "drip" in how:
            count, seconds = how["drip"]
            for i in range(0, len(body), count):
                self.send(body[i : i + count])
                time.sleep(seconds)
        elif how.get("chunked"):
            for i in range(0, len(body), 10000):
                part = body[i : i + 10000]
                self.send(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            self.send(b"0\r\n\r\n")
        else:
            self.send(body)

    def send(self, data):
        self.request.sendall(data)

    def hang(self, until=None):
        """Until it holds, or the client gives up."""
        while not (until and until()):
            ready, _, _ = select.select([self.request], [], [], 0.02 if until else 3600)
            if ready and not self.request.recv(65536):
                raise Closed

    def end(self, reset):
        if reset:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.request.shutdown(socket.SHUT_RDWR)
        raise Closed


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests", required=True)
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("scenario")
    args = parser.parse_args()
    state = State(f"127.0.0.1:{args.port}", args.requests)
    names = {k: v for k, v in vars(oci).items() if not k.startswith("__")}
    names |= {"HOST": state.host, "serve": state.serve, "on": state.on, "state": state, "env": os.environ}
    with open(args.scenario) as file:
        exec(compile(file.read(), args.scenario, "exec"), names)
    server = Server(("127.0.0.1", args.port), Connection)
    server.state, server.tls = state, None
    if args.tls:
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(*args.tls)
    server.serve_forever()


if __name__ == "__main__":
    main()
