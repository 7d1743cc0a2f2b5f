# SPDX-License-Identifier: MIT
"""The others: how each of them pulls the image from the same registry, and how its files are reached."""

import json
import os
import resource
import shutil
import subprocess
import tempfile

from tools import Process, free_port, peak, run, seconds, unmount_below, wait_until

REPOSITORY = "bench/dev"


class Registry:
    """docker-registry on the loopback with the reference image; what it stores is kept for the next run."""

    def __init__(self, bench):
        port = free_port()
        data = os.path.join(bench.base, "registry")
        config = bench.path("registry.yml")
        with open(config, "w") as f:
            json.dump({"version": "0.1", "log": {"level": "error", "accesslog": {"disabled": True}},
                       "storage": {"filesystem": {"rootdirectory": data}},
                       "http": {"addr": f"127.0.0.1:{port}", "secret": "bench"}}, f)
        self.host = f"localhost:{port}"
        self.reference = f"{self.host}/{REPOSITORY}:1"
        self.process = Process("docker-registry", "serve", config)
        answers = ["curl", "-sf", "--noproxy", "*", "-o", "/dev/null", f"http://{self.host}/v2/"]
        wait_until("docker-registry answers", lambda: subprocess.run(answers).returncode == 0)
        run("skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", f"oci:{bench.image}:dev",
            f"docker://{self.reference}")
        raw = run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{self.reference}")
        manifest = json.loads(raw)
        self.layers = [layer["digest"] for layer in manifest["layers"]]
        self.compressed = sum(layer["size"] for layer in manifest["layers"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()


class Peer:
    """pull() is measured; second() is a pull of what is there; paths() is what it takes on disk."""

    def __init__(self, bench, registry):
        self.registry = registry
        self.root = bench.path(self.name.split()[0])

    def start(self):
        os.makedirs(self.root)

    def second(self):
        return self.pull()

    def paths(self):
        return [self.root]

    def peak(self):
        return None

    def clear(self):
        unmount_below(self.root)
        shutil.rmtree(self.root, ignore_errors=True)


class Podman(Peer):
    name = "podman pull"

    def command(self, *words):
        # The run root holds sockets, whose paths have to be short.
        return ["podman", "--root", self.root, "--runroot", self.runroot, "--storage-driver", "overlay", *words]

    def start(self):
        super().start()
        self.runroot = tempfile.mkdtemp(prefix="imagefs-bench-podman-")

    def pull(self):
        return seconds(" ".join(self.command("pull", "-q", "--tls-verify=false", self.registry.reference)))

    def peak(self):
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024

    def files(self):
        """The image through overlayfs."""
        return run(*self.command("image", "mount", self.registry.reference))

    def clear(self):
        super().clear()
        unmount_below(self.runroot)
        shutil.rmtree(self.runroot, ignore_errors=True)


class Umoci(Peer):
    name = "umoci (skopeo copy, umoci unpack)"

    def copy(self):
        return (f"skopeo --insecure-policy copy -q --src-tls-verify=false docker://{self.registry.reference} "
                f"oci:{self.root}/oci:dev")

    def pull(self):
        return seconds(f"{self.copy()} && umoci unpack --image {self.root}/oci:dev {self.root}/bundle")

    def second(self):
        return seconds(self.copy())


class Containerd(Peer):
    name = "containerd (ctr images pull)"

    def start(self):
        super().start()
        self.state = tempfile.mkdtemp(prefix="imagefs-bench-containerd-")
        config = os.path.join(self.state, "config.toml")
        with open(config, "w") as f:
            f.write(f'version = 2\nroot = "{self.root}"\nstate = "{self.state}/state"\n'
                    'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
                    f'[grpc]\n  address = "{self.state}/sock"\n')
        self.daemon = Process("containerd", "--config", config)
        wait_until("containerd answers", lambda: os.path.exists(f"{self.state}/sock"))

    def pull(self):
        return seconds(f"ctr -a {self.state}/sock images pull --plain-http {self.registry.reference}")

    def peak(self):
        return peak(self.daemon.pid)

    def clear(self):
        self.daemon.stop()
        super().clear()
        unmount_below(self.state)
        shutil.rmtree(self.state, ignore_errors=True)


class Floor(Peer):
    """The same bytes through these programs, two layers at a time: transfer, hash, inflate, list."""

    name = "curl, sha256sum, igzip and tar t"
    each = "tee >(sha256sum >/dev/null) | igzip -dc - | tar tf -"

    def pull(self):
        url = f"http://{self.registry.host}/v2/{REPOSITORY}/blobs"
        digests = "\\n".join(self.registry.layers)
        return seconds(f"printf '{digests}\\n' | xargs -P 2 -I@ bash -o pipefail -c "
                       f"\"curl -sf --noproxy '*' {url}/@ | {self.each} >/dev/null\"")

    def second(self):
        return None

    def paths(self):
        return []


class HashFloor(Floor):
    name = "curl and sha256sum"
    each = "sha256sum"


PEERS = [Podman, Umoci, Containerd, Floor, HashFloor]


def version(*command):
    words = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.split()
    return next((w.lstrip("v") for w in words if w[:1].isdigit() or w[:2] in ("v1", "v2")), "?")


def versions():
    programs = ["podman", "skopeo", "umoci", "containerd", "docker-registry", "igzip", "fusermount3"]
    found = [f"{p} {version(p, '--version')}" for p in programs]
    return ", ".join([*found, f"squashfuse {version('squashfuse_ll')}"])
