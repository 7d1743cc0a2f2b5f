# SPDX-License-Identifier: MIT
"""Registries that are not like the one beside the other tests: what was reported of each, played by hostile.py.

ZOO is one table: registry; where it was reported (a public issue or pull request); what it does; what works even so; how it is
played. What works:

    pull       twice, and a file is read
    private    the same, for who has logged in
    tags       both pages of the list: a, b
    referrers  its signature (cosign's tag) and its SBOM (the tag of the tag schema), and nothing else
    verify     the signature
    push       to it, where all is then
    refused    a push to it fails, with the registry's words

Each row has a repository of its own: zoo0, zoo1, … A scenario of hostile.py calls play(), and 37-zoo.sh asks for all of them.
"""
from oci import *

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


class Cage:
    """One row, and what its repository has."""

    def __init__(self, number, row, scenario):
        self.registry, self.thread, self.does, works, self.how = row
        self.name, self.works = f"zoo{number}", works.split()
        self.host, self.state, self.rule, self.env = (scenario[k] for k in ("HOST", "state", "on", "env"))
        self.image = Image([Layer([f("file", self.name)])])
        self.referrers = []

    def on(self, pattern, **how):
        """A rule for requests below the repository: METHOD and what stands behind its path."""
        method, _, path = pattern.partition(" ")
        self.rule(f"^{method} /v2/{self.name}/{path}", **how)

    def answer(self, what, image):
        return dict(status=200, body=image.manifest, headers={"Content-Type": image.type, "Docker-Content-Digest": image.digest})

    def fill(self):
        if "push" in self.works or "refused" in self.works:
            return
        for tag in "ab":
            self.state.serve(self.name, tag, self.image)
        if "referrers" in self.works:
            signature = cosign(self.env["T"] + "/cosign.key", (self.image.digest, None))
            self.state.serve(self.name, schema_tag(self.image, ".sig"), signature)
            self.referrers.append(signature)
        if "referrers" in self.works and self.registry != "GitLab":
            sbom = Artifact([("application/spdx+json", b"{}", None)], artifact_type="application/spdx+json", subject=self.image)
            self.state.serve(self.name, schema_tag(self.image), Referrers([sbom]))
            self.referrers.append(sbom)


def simple(pattern, **how):
    return lambda z: z.on(pattern, **how)


def denies_tags(z):
    def call(r):
        if (z.name, r["path"].split("/")[-1]) not in z.state.documents:
            return dict(status=403, body=dump({"errors": [{"code": "UNAUTHORIZED", "message": "no permission for manifest"}]}))
    z.on("(GET|HEAD) manifests/", call=call)


def takes_tags_for_digests(z):
    """And the image is an index: its own images would stand there."""
    z.image = Index([z.image, Image([Layer([f("file", "arm")])], architecture="arm64")])
    z.on(f"GET manifests/{schema_tag(z.image)}$", **z.answer("", z.image))


def pages(link):
    def how(z):
        text = link.replace("HOST", z.host).replace("PORT", z.host.split(":")[1]).replace("LIST", f"/v2/{z.name}/tags/list?last=a&n=1")
        z.on("GET tags/list", status=200, body=b'{"tags": ["a"]}', headers={"Link": text})
        z.on("GET tags/list.last=a&n=1", status=200, body=b'{"tags": ["b"]}')
    return how


def lacks_what_is_not_accepted(z):
    z.on(".* manifests/", call=lambda r: None if OCI_MANIFEST in r["headers"].get("accept", "") else dict(status=404))


def packs_unless_told(z):
    def call(r):
        data = z.state.blobs[z.name, r["path"].split("/")[-1]]
        if r["headers"].get("accept-encoding") != "identity":
            return dict(body=gzip_bytes(data), headers={"Content-Encoding": "gzip"})
    z.on("GET blobs/", call=call)


def challenges_at_the_front(z):
    right = "Basic " + base64.b64encode(b"ann:canary-secret").decode()
    mine = lambda r: r["headers"].get("authorization") == right
    z.on(".*", call=lambda r: None if mine(r) else dict(status=404))
    z.rule("GET /v2/$", call=lambda r: None if mine(r) else dict(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}))


def has_a_scope_for_all(z):
    challenge = f'Bearer realm="http://{z.host}/v2/token",service="container_registry",scope="*"'
    z.on(".*", call=lambda r: None if r["headers"].get("authorization") == "Bearer any" else dict(status=401, headers={"WWW-Authenticate": challenge}))
    z.rule("GET /v2/token", status=401)
    z.rule(r"GET /v2/token\?.*scope=(\*|%2A)", status=200, body=b'{"token": "any"}')


def has_foreign_layers(z):
    z.image.manifest_doc["layers"][0].update(mediaType=FOREIGN, urls=["http://127.0.0.1:1/layer"])
    z.image.seal()


def patch(status, range):
    """The blob comes in one PATCH, which is answered with that."""
    def how(z):
        def call(r):
            z.state.uploads[r["path"].split("/")[-1]] = r["body"].encode("latin-1")
            return dict(status=status, headers={"Location": r["path"], "Range": range % (len(r["body"]) - 1)})
        z.on("PATCH blobs/uploads/", call=call)
    return how


def put(status):
    """A manifest is stored, and that said of it."""
    def how(z):
        def call(r):
            data = r["body"].encode("latin-1")
            for what in (r["path"].split("/")[-1], digest(data)):
                z.state.documents[z.name, what] = (r["headers"]["content-type"], data)
            return dict(status=status)
        z.on("PUT manifests/", call=call)
    return how


def refuses_docker(z):
    body = dump({"errors": [{"code": "MANIFEST_INVALID", "message": "manifest invalid"}]})
    z.on("PUT manifests/", call=lambda r: dict(status=400, body=body) if "docker" in r["headers"]["content-type"] else None)


ZOO = [
    ("Artifactory", "sigstore/cosign#2973", "403 for a tag that is not there", "pull referrers verify", denies_tags),
    ("Artifactory", "google/go-containerregistry#2026", "406 for the list of referrers", "referrers", simple("GET referrers/", status=406)),
    ("quay", "quay/quay#3071", "400 for the list of referrers", "referrers verify", simple("GET referrers/", status=400)),
    ("ghcr", "artifact-keeper/artifact-keeper#3559", "404 for every list of referrers", "referrers", simple("GET referrers/", status=404)),
    ("GitLab", "oras-project/oras-go#1396", "the tag sha256-HEX is the digest", "pull referrers verify", takes_tags_for_digests),
    ("Harbor", "goharbor/harbor#13740", "no Content-Type from a proxy cache", "pull", simple(".* manifests/", headers={"Content-Type": None})),
    ("ECR", "jdx/mise#11376", "201 for a PATCH", "push", patch(201, "0-%d")),
    ("pulp", "pulp/pulp_container#2199", "204 for a PATCH", "push", patch(204, "0-%d")),
    ("quay", "helm/helm#30987", "a unit in the Range of an upload", "push", patch(200, "bytes=0-%d")),
    ("quay", "containers/image#381", "202 for the PUT of a manifest", "push", put(202)),
    ("quay", "kubevirt/kubevirt#17064", "200 for a POST, from what stands in front", "refused", simple("POST blobs/uploads", status=200, body=b"Healthcheck")),
    ("distribution 2.0", "distribution/distribution#142", "202 for the PUT of a manifest", "push", put(202)),
    ("distribution 2.6", "moby/moby#33151", "foreign layers that were pushed", "pull", has_foreign_layers),
    ("distribution 3.1", "distribution/distribution#4844", "400 for a page that is too long", "tags", simple(r"GET tags/list\?n=", status=400)),
    ("Nexus", "sonatype/nexus-public#1011", "the prefix of another port in Link", "tags", pages('<http://HOST/repository/docker-hubLIST>; rel="next"')),
    ("quay", "TritonDataCenter/node-docker-registry-client#12", "a whole URL in Link", "tags", pages('<https://quay.example:PORTLIST>; rel="next"')),
    ("ghcr", "neuvector/neuvector#2799", "a path in Link", "tags", pages('<LIST>; rel="next"')),
    ("registry.centos.org", "containerd/containerd#6684", "403 for HEAD", "pull", simple("HEAD manifests/", status=403)),
    ("Docker Hub", "fossas/fossa-cli#1309", "404 where Accept lacks the type", "pull", lacks_what_is_not_accepted),
    ("registry.access.redhat.com", "quay/quay#1310", "gzip for who does not refuse it", "pull", packs_unless_told),
    ("httpd before pulp", "moby/moby#17595", "x-gzip for what is a .tar.gz", "pull", simple("GET blobs/", headers={"Content-Encoding": "x-gzip"})),
    ("GitHub Packages", "containerd/containerd#3291", "404 for a stranger, the challenge at /v2/ alone", "private", challenges_at_the_front),
    ("Gitea", "go-gitea/gitea#36907", "a star for a scope", "pull", has_a_scope_for_all),
    ("zot", "project-zot/zot#3104", "400 for manifests of Docker's types", "refused", refuses_docker),
]


def play(scenario, private):
    """All rows, or those that are for one who has logged in. $T/zoo has a line for each: name, what works, its referrers, registry."""
    scenario["state"].serve("source", "v1", Image([Layer([f("pushed", "yes")], docker=True)], docker=True))
    with open(scenario["env"]["T"] + "/zoo", "a") as table:
        for number, row in enumerate(ZOO):
            z = Cage(number, row, scenario)
            if ("private" in z.works) == private:
                z.how(z)
                z.fill()
                digests = ",".join(sorted(r.digest for r in z.referrers))
                print(z.name, ",".join(z.works), digests or "-", f"{z.registry}: {z.does} ({z.thread})", file=table)
