#!/bin/bash
# SPDX-License-Identifier: MIT
# The README's walk through, each command of it, at a registry with TLS and a password; and at each step what skopeo, podman and
# umoci say of the same.
. "$(dirname "$0")/lib.sh"
need_fuse
have getfattr || skip_all "getfattr is not installed"
TOP=$(cd "$HERE/.." && pwd)
PASSWORD=canary-secret
start_registry registry tls htpasswd
R=localhost:${R##*:}
AUTH=ann:$PASSWORD
mkdir -p "$T/bin" "$T/walk"
ln -s "$TOP/scripts/img" "$T/bin/img"
ln -s "$M" "$T/walk/mnt"
PATH=$T/bin:$PATH
IMAGEFS_MOUNT=$M
SKOPEO="--tls-verify=false --creds ann:$PASSWORD"

# The demo: an index of two platforms in two versions, an SBOM, and a signature of version 1.
cat >"$T/app.py" <<'P'
def version(n):
    return Index([Image([Layer([d("etc"), f("etc/motd", f"hello {n}\n"), f("secret", "hunter2")]),
                         Layer([wh("secret"), f("new", f"{n} {a}\n")])],
                        architecture=a, created=f"202{n}-01-01T00:00:00Z") for a in ("amd64", "arm64")])
P
openssl ecparam -name prime256v1 -genkey -noout -out "$T/cosign.key" 2>/dev/null
openssl ec -in "$T/cosign.key" -pubout -out "$T/walk/cosign.pub" 2>/dev/null
build "
import subprocess
exec(open(T + '/app.py').read())
registry = Registry(R, '$AUTH', tls=True)
one = version(1)
registry.push('demo/app', '1', one)
registry.push('demo/app', '2', version(2))
sbom = Artifact([('application/spdx+json', b'{\"spdxVersion\": \"SPDX-2.3\"}\n', {'org.opencontainers.image.title': 'sbom.spdx.json'})],
                'application/spdx+json', one)
registry.push('demo/app', sbom.digest, sbom)
registry.push('demo/app', schema_tag(one), Referrers([sbom]))
registry.push('demo/app', schema_tag(one, '.sig'), cosign(T + '/cosign.key', (one.digest, None)))
"
mount_store
cd "$T/walk"

# Each block of the README as one check, in the order in which they stand there.
python3 - "$TOP/README.md" "$T/blocks" "$R" <<'P'
import os, re, sys
readme, out, registry = sys.argv[1:]
os.mkdir(out)
section = open(readme).read().split("## A walk through\n")[1].split("\n## ")[0]
for i, block in enumerate(re.findall(r"^```sh\n(.*?)^```$", section, re.S | re.M)):
    open(f"{out}/{i:02}", "w").write(block.replace("localhost:5000", registry))
P
walk() { (cd "$T/walk" && bash -euo pipefail "$T/blocks/$1") >"$T/walk.$1" 2>&1 || { cat "$T/walk.$1"; return 1; }; }
I=$M/images/$R/demo/app

it "log in, search, pull" '
    walk 00
    has "$(cat "$T/walk.00")" "Login Succeeded"
    has "$(cat "$T/walk.00")" "$R/demo/app"
    eq "$(readlink "$I/1")" "$(skopeo inspect --raw $SKOPEO "docker://$R/demo/app:1" | sha256sum | sed "s/^/sha256:/; s/ .*//")"
'
it "list, filter, inspect" '
    walk 01
    has "$(cat "$T/walk.01")" "$R/demo/app:2 "
    has "$(cat "$T/walk.01")" "linux/amd64 [\"/bin/sh\"]"
    eq "$(img inspect "$R/demo/app:1" | jq -c ".[0].RootFS.Layers")" "$(skopeo inspect --config $SKOPEO "docker://$R/demo/app:1" | jq -c .rootfs.diff_ids)"
'
it "read" '
    walk 02
    has "$(cat "$T/walk.02")" "hello 1"
    has "$(cat "$T/walk.02")" "layers/00/diff/secret"
    has "$(cat "$T/walk.02")" "ADD layer 1"
'
it "tag, push, and by hand" '
    walk 03
    eq "$(skopeo inspect --raw $SKOPEO "docker://$R/team/app:stable" | sha256sum)" "$(skopeo inspect --raw $SKOPEO "docker://$R/demo/app:1" | sha256sum)"
    eq "$(ls "$M/images/$R/team/app" | grep -v sha256)" stable
'
it "referrers and signatures" '
    walk 04
    has "$(cat "$T/walk.04")" "Verification for"
    has "$(cat "$T/walk.04")" "spdxVersion"
'
it "archives" '
    walk 05
    cmp "$T/walk/app.tar" "$T/walk/copy.tar"
    eq "$(cat "$M/images/local/imported/1/rootfs/etc/motd")" "hello 1"
    eq "$(jq -c .config.Cmd "$M/images/local/imported/1/config.json")" "[\"/bin/sh\"]"
    id=sha256:$(sha "$I/1/config.json")
    skopeo copy -q --insecure-policy "docker-archive:$T/walk/app.tar" "dir:$T/saved"
    eq "$(jq -r .config.digest "$T/saved/manifest.json")" "$id"
    if have podman && [[ $EUID == 0 ]]; then
        podman="podman --root $T/podman --runroot $T/podrun --storage-driver vfs --events-backend none"
        $podman load -q -i "$T/walk/app.tar" >/dev/null
        eq "$($podman images -q --no-trunc)" "$id"
        mounted=$($podman unshare true 2>/dev/null; $podman image mount "$R/demo/app:1")
        diff -r "$mounted" "$I/1/rootfs"
        $podman image umount -a >/dev/null
    fi
    if have umoci && [[ $EUID == 0 ]]; then
        mkdir "$T/layout"
        tar xf "$T/walk/app.tar" -C "$T/layout"
        umoci unpack --image "$T/layout:1" "$T/bundle" >/dev/null
        diff -r "$T/bundle/rootfs" "$I/1/rootfs"
    fi
'
it "what it costs, and cleaning up" '
    walk 06
    has "$(cat "$T/walk.06")" "RECLAIMABLE"
    has "$(cat "$T/walk.06")" "Total reclaimed space"
    [ ! -L "$I/2" ] || fail "it is still here"
    has "$(cat "$T/walk.06")" "Removing login credentials for $R"
'
it "no block of the README is left out" 'eq "$(ls "$T/blocks" | wc -l)" 7'
if have clamscan; then
    it "a scanner finds what is planted in an image" '
        signature() { printf "%s:0:*:%s\n" "$1" "$(printf %s "$2" | od -An -tx1 | tr -d " \n")"; }
        { signature Planted.Secret hunter2; signature Planted.Text "hello 1"; } >"$T/planted.ndb"
        scan() { clamscan --infected --no-summary -d "$T/planted.ndb" -r "$1" >"$T/scan" || eq $? 1; }
        scan "$I/1/rootfs"
        eq "$(sed "s/.*rootfs/rootfs/" "$T/scan")" "rootfs/etc/motd: Planted.Text.UNOFFICIAL FOUND"
        scan "$I/1/layers/00/diff"
        has "$(cat "$T/scan")" "diff/secret: Planted.Secret"
    '
fi
it "the secret is in none of the mount s files" '! cat "$M"/ctl/* | grep -F "$PASSWORD"'
finish
