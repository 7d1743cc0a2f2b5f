# SPDX-License-Identifier: MIT
"""Readers that hang: a registry that accepts and does not answer, and processes that wait for it."""

import asyncio
import hashlib
import json
import os
import signal
import time

READERS = 500


def silent_image():
    """A manifest and a config that can be had; the layer never comes."""
    layer = "sha256:" + "11" * 32
    config = json.dumps({"architecture": os.environ["BENCH_ARCHITECTURE"], "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "22" * 32]},
                         "history": [{"created_by": "never"}]}).encode()
    config_digest = "sha256:" + hashlib.sha256(config).hexdigest()
    oci = "application/vnd.oci.image."
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": oci + "manifest.v1+json",
        "config": {"mediaType": oci + "config.v1+json", "digest": config_digest, "size": len(config)},
        "layers": [{"mediaType": oci + "layer.v1.tar+gzip", "digest": layer, "size": 1000000}]}).encode()
    return manifest, config, config_digest


async def serve(port):
    manifest, config, config_digest = silent_image()

    async def answer(writer, method, body, kind):
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        head = (f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                f"Docker-Content-Digest: {digest}\r\n\r\n")
        writer.write(head.encode() + (b"" if method == "HEAD" else body))
        await writer.drain()

    async def connection(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path = head.split(b" ", 2)[:2]
                method, path = method.decode(), path.decode()
                if path == "/v2/":
                    await answer(writer, method, b"{}", "application/json")
                elif path.startswith("/v2/half/") and "/manifests/" in path:
                    await answer(writer, method, manifest, "application/vnd.oci.image.manifest.v1+json")
                elif path.endswith(config_digest):
                    await answer(writer, method, config, "application/octet-stream")
                # Anything else, and all of /v2/dead/, is heard and never answered.
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


class Readers:
    """Half of them wait in a lookup of a name, half below an image whose layer does not come."""

    def __init__(self, images, host):
        self.pids = []
        for i in range(READERS):
            kind = ("dead", "1/config.json") if i % 2 else ("half", "1/layers/00/blob")
            path = f"{images}/{host}/{kind[0]}/{i}/{kind[1]}"
            pid = os.fork()
            if pid == 0:
                self.read_for_ever(path)
            self.pids.append(pid)

    @staticmethod
    def read_for_ever(path):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while True:
            try:
                with open(path, "rb") as f:
                    f.read(1)
            except OSError:
                time.sleep(0.2)

    def kill(self):
        """Seconds until the last of them is gone."""
        start = time.monotonic()
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
        for pid in self.pids:
            os.waitpid(pid, 0)
        self.pids = []
        return time.monotonic() - start


if __name__ == "__main__":
    import sys
    asyncio.run(serve(int(sys.argv[1])))
