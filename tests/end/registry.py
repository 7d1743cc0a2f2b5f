# SPDX-License-Identifier: MIT
"""The registry of a cell: a process of its own, so that it can be killed or frozen. It is hostile.py with these habits:

    far/app     its blobs drip, so that a pull takes a second or two, but where it is told to be quick; as do those of
    lazy/app    which has a table of contents
    stuck/app   its layers never come
    dead/...    nothing is ever answered
    copy/...    takes what is pushed, sip by sip
"""
import mmap
import os
import signal
import socket

import hostile
from end import process


class State(hostile.State):
    def __init__(self, host):
        super().__init__(host, os.devnull)

    def note(self, request):  # bodies are large, and nobody reads the log
        pass


def accept_uploads(state):
    location = lambda request: {"Location": f"/v2/copy/app/blobs/uploads/1?{len(request['body'])}", "Range": f"0-{len(request['body'])}"}
    state.on("HEAD /v2/copy/", status=404)
    state.on("POST /v2/copy/", call=lambda request: {"status": 202, "headers": location(request)})
    state.on("PATCH /v2/copy/", sip=(32768, 0.02), call=lambda request: {"status": 202, "headers": location(request)})
    state.on("PUT /v2/copy/", status=201)


def serve(listener, far, quick):
    state = State("%s:%d" % listener.getsockname())
    for name, image in far.items():
        state.serve(f"{name}/app", "1", image)
    state.on("/v2/dead/", stall="request")
    for layer in far["stuck"].layers:
        state.on(f"GET /v2/stuck/app/blobs/{layer.digest}", stall="request")
    for name in ("far", "lazy"):
        state.on(f"GET /v2/{name}/app/blobs/", call=lambda request: None if quick[0] else {"drip": (8192, 0.012)})
    accept_uploads(state)
    server = hostile.Server(listener.getsockname(), hostile.Connection, bind_and_activate=False)
    server.socket.close()
    server.socket, server.state, server.tls = listener, state, None
    server.serve_forever()


class Registry:
    def __init__(self, far):
        self.far, self.port, self.child = far, 0, None
        self.quick = mmap.mmap(-1, mmap.PAGESIZE)

    def start(self, quick=False):
        """Where it does not run already."""
        self.quick[0] = quick
        if self.child:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(1024)
        self.port = listener.getsockname()[1]
        self.child = process.spawn("registry", lambda: serve(listener, self.far, self.quick))
        listener.close()

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def freeze(self):
        """It answers nothing more, and refuses nobody; until it is stopped."""
        self.child.kill(signal.SIGSTOP)

    def stop(self):
        if self.child:
            self.child.kill()
            self.child.wait(10)
        self.child = None
