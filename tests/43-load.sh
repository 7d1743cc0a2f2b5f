#!/bin/bash
# SPDX-License-Identifier: MIT
# ctl/load: archives of images as other programs write them, and as nobody should.
. "$(dirname "$0")/lib.sh"
need_fuse
A=$T/archives
mkdir "$A"
archives() { # PYTHON: with archives.py in reach, and three images
    PYTHONPATH=$HERE python3 -c "from archives import *; import random
A = '$A/'
noise = random.Random(1).randbytes(5 << 20)
one = Image([Layer([d('etc'), f('etc/motd', 'hi'), f('big', noise)]), Layer([wh('big'), f('x', 'y')])])
two = Image([Layer([d('etc'), f('etc/motd', 'hi'), f('big', noise)]), Layer([f('b', 'b')]), Layer([f('b', 'b')])], docker=True)
arm = Image([Layer([f('c', 'arm')])], architecture='arm64')
$1"
}
archives '
print("ONE=%s\nTWO=%s\nARM=%s" % tuple(hexof(i.config) for i in (one, two, arm)))' >"$T/ids"
. "$T/ids"
# load FILE: through ctl/load as cat does it, in pieces, and then reads the answer
load() { python3 - "$M/ctl/load" "$1" "${2:-131072}" <<'P'
import errno, os, sys
out, data, piece = os.open(sys.argv[1], os.O_RDWR), open(sys.argv[2], "rb").read(), int(sys.argv[3])
try:
    for at in range(0, len(data), piece):
        os.write(out, data[at:at + piece])
    answer = b"".join(iter(lambda: os.read(out, 1 << 16), b""))
except OSError as e:
    sys.exit(errno.errorcode[e.errno])
sys.stdout.buffer.write(answer)
P
}
by_path() { ctl load "-i $1"; }
images() { ctl images "--no-trunc --format json" | jq -r '"\(.Repository):\(.Tag) \(.ID)"'; }
refuses() { # LINE ERRNO TEXT
    local out
    out=$(ctl load "$1" 2>&1) && fail "it was taken: $out"
    has "${out/ENOTSUP/EOPNOTSUPP}" "$2"
    has "$out" "$3"
}
nothing_left() { # no file of a load that failed
    eq "$(ls -A "$STORE/partial" "$STORE/leases" 2>/dev/null | grep -v : | xargs)" ""
    eq "$(cd "$STORE" && find blobs derived/layers -type f | sort)" "$(cat "$T/files")"
}
state() { (cd "$STORE" && find blobs derived/layers -type f | sort) >"$T/files"; }
mount_store

# --- what docker save, skopeo and podman write ---
archives '
save(A + "docker.tar", docker_save([(one, ["app:1", "team/app:v2"]), (two, None)]))
save(A + "blobs.tar", docker_save([(one, ["gz:1"])], raw=False, manifest="first", prefix="./"))
save(A + "legacy.tar", legacy([(one, ["legacy:1"]), (two, ["legacy:2"])]))
save(A + "hard.tar", legacy([(two, ["hard:2"])], link=h), end=False)
save(A + "oci.tar.gz", oci_save([(one, {NAME: "docker.io/library/oci:1", TAG: "1"}), (two, {TAG: "latest"}),
                                 (Index([one, arm]), {TAG: "multi/arch:1"})]), wrap=gzip_bytes)
save(A + "oci.tar.zst", oci_save([(one, {TAG: "localhost:5000/x/y:1"})]), wrap=zstd_bytes)
save(A + "both.tar", oci_save([(one, {NAME: "docker.io/library/both:oci"})]) + [manifest_json([("nowhere", ["both:docker"], [])])])
save(A + "part.tar", oci_save([(Index([one, arm]), {TAG: "part:1"})], without=[arm.layers[0].digest]))
save(A + "last.tar", docker_save([(two, ["last:1"])]) + docker_save([(one, ["last:1"])]))'

it "an archive of several images by cat: tags and IDs, in docker's lines" '
    eq "$(load "$A/docker.tar")" "Loaded image: app:1"$'"'\n'"'"Loaded image: team/app:v2"$'"'\n'"'"Loaded image ID: sha256:$TWO"
    has "$(images)" "app:1 sha256:$ONE"
    has "$(images)" "team/app:v2 sha256:$ONE"
    has "$(images)" "sha256:$TWO"
    eq "$(cat "$M/images/app/1/rootfs/etc/motd")" hi
    eq "$(ls "$M/images/app/1/rootfs" | xargs)" "etc x"
    eq "$(sha "$M/images/app/1/config.json")" "$ONE"
'
it "layers come indexed: rootfs/ answers without reading a blob again" '
    eq "$(ls "$STORE/derived/layers" | wc -l)" 3
'
it "an image without a tag dangles" '
    eq "$(jq "[.manifests[] | select(.annotations[\"org.imagefs.dangling\"])] | length" "$STORE/index.json")" 1
'
it "layers that are compressed stay so, manifest.json comes first, names begin with ./" '
    eq "$(by_path "$A/blobs.tar")" "Loaded image: gz:1"
    has "$(cat "$M/images/gz/1/manifest.json")" diff.tar.gzip
    eq "$(sha "$M/images/gz/1/config.json")" "$ONE"
'
it "archives of docker before 25: layer.tar links to another one, by symlink and by hard link" '
    eq "$(load "$A/legacy.tar" 1000000)" "Loaded image: legacy:1"$'"'\n'"'"Loaded image: legacy:2"
    eq "$(by_path "$A/hard.tar")" "Loaded image: hard:2"
    eq "$(sha "$M/images/hard/2/config.json")" "$TWO"
    eq "$(cat "$M/images/hard/2/rootfs/b")" b
'
it "one without its end marker ends where the input does" '
    ctl rmi hard:2 >/dev/null
    eq "$(load "$A/hard.tar")" "Loaded image: hard:2"
'
it "an OCI layout, gzip: containerd's name first, a bare tag is none, an index" '
    eq "$(load "$A/oci.tar.gz" 7001)" "Loaded image: oci:1"$'"'\n'"'"Loaded image ID: sha256:$TWO"$'"'\n'"'"Loaded image: multi/arch:1"
    eq "$(jq -r ".manifests|length" "$M/images/multi/arch/1/index.json" 2>/dev/null || jq -r ".manifests|length" "$M/images/multi/arch/$(readlink "$M/images/multi/arch/1")/index.json")" 2
'
it "… zstd" 'eq "$(load "$A/oci.tar.zst")" "Loaded image: localhost:5000/x/y:1"'
it "an archive of both kinds is the OCI layout" 'eq "$(by_path "$A/both.tar")" "Loaded image: both:oci"'
it "of an index one platform is enough" 'eq "$(by_path "$A/part.tar")" "Loaded image: part:1"'
it "the last of two members of a name counts" '
    eq "$(by_path "$A/last.tar")" "Loaded image: last:1"
    eq "$(sha "$M/images/last/1/config.json")" "$ONE"
'
it "--platform takes one of several" '
    eq "$(ctl load "--platform linux/arm64 -i $A/oci.tar.gz")" "Loaded image: multi/arch:1"
    refuses "--platform linux/s390x -i $A/oci.tar.gz" ENOENT "no image for linux/s390x"
'
it "a tag that moves leaves its image dangling" '
    archives "save(A + \"moved.tar\", docker_save([(arm, [\"last:1\"])]))"
    by_path "$A/moved.tar" >/dev/null
    eq "$(sha "$M/images/last/1/config.json")" "$ARM"
'
it "two archives behind one another, with padding between them" '
    { cat "$A/docker.tar"; head -c 9728 /dev/zero; cat "$A/legacy.tar"; } >"$T/two.tar"
    eq "$(load "$T/two.tar" 5000000 | tail -1)" "Loaded image: legacy:2"
'
it "padding that comes in writes of its own does not take the answer with it" '
    { cat "$A/docker.tar"; head -c 300000 /dev/zero; } >"$T/padded.tar"
    eq "$(load "$T/padded.tar")" "$(load "$A/docker.tar")"
    { cat "$T/padded.tar" "$A/legacy.tar"; head -c 300000 /dev/zero; } >"$T/padded-two.tar"
    eq "$(load "$T/padded-two.tar")" "$(load "$A/docker.tar"; load "$A/legacy.tar")"
'
it "an answer that was read is not given again" '
    exec 3<>"$M/ctl/load"
    cat "$A/docker.tar" >&3
    eq "$(cat <&3 | wc -l)" 3
    cat "$A/legacy.tar" >&3
    eq "$(cat <&3 | wc -l)" 2
'
it "the store is a valid layout" 'valid_store'

# --- by other programs ---
. "$HERE/images/all.sh" >/dev/null
if have skopeo; then
    it "skopeo: docker-archive and oci-archive, the same files as the image that was pulled" '
        pull "$R/cases/basics:v1" >/dev/null
        skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$R/cases/basics:v1" "docker-archive:$A/sk.tar:sk/basics:1"
        skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$R/cases/basics:v1" "oci-archive:$A/sko.tar:latest"
        eq "$(load "$A/sk.tar")" "Loaded image: sk/basics:1"
        matches "$(load "$A/sko.tar")" "^Loaded image ID: sha256:[0-9a-f]{64}$"
        python3 "$HERE/compare.py" "$T/cases/basics:v1" "$M/images/sk/basics/1/rootfs"
    '
fi
if have umoci && [[ -d $T/cases/umoci ]]; then
    it "a layout of umoci, archived by GNU tar" '
        tar cf "$A/um.tar" -C "$T/cases/umoci" .
        matches "$(load "$A/um.tar")" "^Loaded image ID: sha256:[0-9a-f]{64}$"
    '
fi
if have podman && [[ $EUID == 0 ]]; then
    it "podman save, both formats: podman's own IDs" '
        podman="podman --root $T/podman --runroot $T/podrun --storage-driver vfs --events-backend none"
        $podman load -q -i "$A/docker.tar" >/dev/null
        $podman save -q --format docker-archive -o "$A/pod.tar" app:1
        $podman save -q --format oci-archive -o "$A/podo.tar" app:1
        id=$($podman images -q --no-trunc app:1)
        eq "$(load "$A/pod.tar")" "Loaded image: localhost/app:1"
        eq "sha256:$(sha "$M/images/localhost/app/1/config.json")" "$id"
        ctl rmi -f localhost/app:1 >/dev/null
        has "$(load "$A/podo.tar")" "Loaded image"
        rm -rf "$T/podman"
    '
fi

# --- what is wrong ---
archives '
c1 = hexof(one.config) + ".json"
whole = docker_save([(one, ["bad:1"])])
one_tar = lambda i, n: i.layers[n].diff_id[7:] + ".tar"
def manifest(*entries): return whole[:-1] + [manifest_json(entries)]
bad = {
    "swapped": manifest((c1, ["bad:1"], [one_tar(one, 1), one_tar(one, 0)])),
    "fewer": manifest((c1, ["bad:1"], [one_tar(one, 0)])),
    "missing": manifest((c1, ["bad:1"], [one_tar(one, 0), "nowhere.tar"])),
    "tag": manifest((c1, ["Bad:1"], [one_tar(one, 0), one_tar(one, 1)])),
    "object": whole[:-1] + [f("manifest.json", "{}")],
    "twice": whole[:-1] + [f("manifest.json", "[{\"Config\":\"a\",\"config\":\"b\",\"Layers\":[]}]")],
    "empty": [f("manifest.json", "[]")],
    "leaves": [f("../evil", "x")] + whole,
    "link": [s("out", "../../etc/passwd")] + whole,
    "loop": [s("a", "b"), s("b", "a"), manifest_json([("a", None, [])])],
    "rootfs": [d("etc"), f("etc/passwd", "root")],
    "lie": oci_save([(one, {TAG: "x:1"})], without=[one.layers[1].digest]) + [f("blobs/sha256/" + one.layers[1].digest[7:], "liar")],
    "version": oci_save([(one, {TAG: "x:1"})], version="2.0.0"),
    "torn": oci_save([(one, {TAG: "x:1"})], without=[one.layers[1].digest]),
    "notar": manifest((c1, ["bad:1"], [c1, c1])),
}
import subprocess
two_kinds = Image(one.layers); two_kinds.manifest_doc["manifests"] = []; two_kinds.seal()
bad["kinds"] = oci_save([(two_kinds, {TAG: "x:1"})])
for name, members in bad.items(): save(A + "bad-" + name + ".tar", members)
save(A + "bad-xz.tar", whole, wrap=lambda data: b"\xfd7zXZ\0" + data)
save(A + "bad-bz.tar", whole, wrap=lambda data: b"BZh9" + data)
open(A + "bad-noise.tar", "wb").write(noise[:100000])
open(A + "bad-quote.tar", "wb").write(b"it\x27s\1noise\n" + noise[:100000])
open(A + "bad-zeros.tar", "wb").write(bytes(100000))
flipped = bytearray(gzip_bytes(tar(whole))); flipped[len(flipped) // 2] ^= 1; open(A + "bad-flip.tar", "wb").write(flipped)'
ctl rmi -f $(ctl images -q) >/dev/null 2>&1 || :
ctl prune -a >/dev/null
state
while read -r name code text; do
    it "refused, and nothing is left: $name ($code)" '
        for how in load by_path; do
            out=$($how "$A/bad-'"$name"'.tar" 2>&1) && fail "it was taken: $out"
            has "${out/ENOTSUP/EOPNOTSUPP}" '"$code"'
        done
        grep -qF "'"$text"'" "$M/ctl/load" || fail "$(tail -3 "$M/ctl/load")"
        nothing_left
    '
done <<'E2'
swapped EBADMSG invalid diffID for layer 0: expected
fewer EBADMSG invalid manifest, layers length mismatch: expected 1, got 2
missing EBADMSG layer nowhere.tar is not in the archive
tag EINVAL repository name (library/Bad) must be lowercase
object EBADMSG manifest.json: not a list of images
twice EBADMSG manifest.json
empty EBADMSG no image in the archive
leaves EBADMSG it leads out of the archive
link EBADMSG it leads out of the archive
loop EBADMSG image config a is not in the archive
rootfs EBADMSG unrecognized image format
lie EBADMSG its 4 bytes have the digest
version EOPNOTSUPP unsupported OCI version 2.0.0
torn EBADMSG is neither in the archive nor in the store
notar EBADMSG layer
kinds EBADMSG
xz EOPNOTSUPP compression xz is not supported
bz EOPNOTSUPP compression bzip2 is not supported
noise EBADMSG tar archive
quote EBADMSG tar archive
zeros EBADMSG unrecognized image format
flip EBADMSG gzip
E2
it "what follows a failure fails with it, until the answer is read" '
    head -c 1000000 "$A/docker.tar" >"$T/broken.tar" # as a disk that is full in the middle of a write
    cat "$A/bad-noise.tar" "$A/legacy.tar" >>"$T/broken.tar"
    python3 - "$M/ctl/load" "$T/broken.tar" "$A/legacy.tar" <<P
import errno, os, sys
out, broken, good = os.open(sys.argv[1], os.O_RDWR), open(sys.argv[2], "rb").read(), open(sys.argv[3], "rb").read()
def fails(data):
    try:
        while data:
            data = data[os.write(out, data):]
    except OSError as e:
        return errno.errorcode[e.errno]
assert fails(broken) == "EBADMSG"
assert fails(good) == "EBADMSG"
answer = os.read(out, 1 << 16).decode()
assert answer.count("\n") == 1, answer
assert fails(good) is None
assert os.read(out, 1 << 16) == b"Loaded image: legacy:1\nLoaded image: legacy:2\n"
P
    ctl rmi -f legacy:1 legacy:2 >/dev/null
    nothing_left
'
it "requests that are none, and files that cannot be" '
    refuses "-i relative" EINVAL "absolute"
    refuses "-i $M/README" EINVAL "this mount"
    ln -s "$M/README" "$T/in"
    refuses "-i $T/in" EINVAL "this mount"
    refuses "-i /dev/stdin" EINVAL ""
    refuses "-i $T" EINVAL "not a regular file"
    refuses "-i $T/nothing" ENOENT ""
    mkfifo "$T/fifo"
    refuses "-i $T/fifo" EINVAL "not a regular file"
    refuses "app.tar" EINVAL "accepts no arguments"
    nothing_left
'
archives '
small = Image([Layer([f("a", "1" * 700)], how="plain"), Layer([f("b", "2")])])
save(A + "small.tar", docker_save([(small, ["cut:1"])]))
save(A + "small.oci.tar", oci_save([(small, {TAG: "cut/oci:1"})]))
save(A + "small.gz", docker_save([(small, ["cut:1"])]), wrap=gzip_bytes)'
it "cut anywhere: unexpected EOF, and nothing is left; or nothing is missing" '
    for a in small.tar small.oci.tar small.gz; do
        size=$(stat -c %s "$A/$a")
        for at in $(seq 512 512 $((size - 1))) 1 100 511 513 1025 $((size - 1)) $((size - 700)); do
            ((at < size)) || continue
            head -c $at "$A/$a" >"$T/cut"
            out=$(by_path "$T/cut" 2>&1) && { has "$out" "Loaded image: cut"; ctl rmi -f ${out##* } >/dev/null; continue; }
            has "$out" EBADMSG
            has "$out" "unexpected EOF"
            nothing_left
        done
    done
'
it "who reads behind what is not complete is told by the errno, and then by the sentence" '
    head -c 5000 "$A/docker.tar" >"$T/cut"
    for n in 1 2; do
        exec 3<>"$M/ctl/load"
        cat "$T/cut" >&3
        errno=$(cat <&3 2>&1 >/dev/null) && fail "no errno"
        has "$errno" "Bad message"
        has "$(cat <&3)" "unexpected EOF"
        exec 3<&-
    done
'
it "a writer that is killed in the midst leaves nothing" '
    mkfifo "$T/pipe"
    cat <"$T/pipe" >"$M/ctl/load" & w=$!
    { head -c 3000000 "$A/docker.tar"; until_true 10 "[[ \$(ls -A $STORE/partial) ]]"; kill -KILL $w; } >"$T/pipe"
    wait $w || :
    until_true 10 "[[ ! \$(ls -A $STORE/partial) ]]"
    nothing_left
'
it "a bomb costs the bytes that it decodes to, and is interrupted" '
    PYTHONPATH=$HERE python3 -c "
from archives import *
import zlib
z = zlib.compressobj(9, zlib.DEFLATED, 31)
def piece(data): return z.compress(data) + z.flush(zlib.Z_FULL_FLUSH)
with open(\"$A/bomb.gz\", \"wb\") as out:
    out.write(piece(header(f(\"x\"), b\"x\", b\"\", 6 << 30, False)))
    out.write(piece(bytes(16 << 20)) * (6 << 6))
"
    python3 "$HERE/syscall.py" request "$M/ctl/load" "-i $A/bomb.gz" >"$T/bomb.out" 2>&1 & w=$!
    until_true 10 "[[ \$(ls -A $STORE/partial) ]]"
    kill -INT $w; kill -TERM $w; wait $w || :
    until_true 10 "[[ ! \$(ls -A $STORE/partial) ]]"
    nothing_left
'
it "the store is still a valid layout" 'valid_store'
if [[ $EUID == 0 ]] && mkdir "$T/full" && mount -t tmpfs -o size=8m tmpfs "$T/full" 2>/dev/null; then
    mkdir "$T/mfull"
    NAME=full mount_store -s "$T/full/store" -m "$T/mfull"
    it "a full disk: ENOSPC, nothing left; with room it succeeds" '
        archives "save(A + \"large.tar\", docker_save([(Image([Layer([f(\"a\", noise), f(\"b\", noise[::-1])])]), [\"large:1\"])]))"
        out=$(POINT=$T/mfull ctl load "-i $A/large.tar" 2>&1) && fail "$out"
        has "$out" ENOSPC
        eq "$(cd "$T/full/store" && find blobs derived/layers partial -type f)" ""
        mount -o remount,size=32m "$T/full"
        eq "$(POINT=$T/mfull ctl load "-i $A/large.tar")" "Loaded image: large:1"
        cmp <(head -c 1000 "$T/mfull/images/large/1/rootfs/a") <(archives "import sys; sys.stdout.buffer.write(noise[:1000])")
    '
    NAME=full unmount_store -m "$T/mfull"
    umount "$T/full"
else
    skip "a full disk" "no tmpfs to be mounted"
fi
finish
