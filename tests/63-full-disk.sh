#!/bin/bash
# SPDX-License-Identifier: MIT
# A full disk, by every way to bytes that are not there: ENOSPC, a sentence that names the layer, and the room is there again.
. "$(dirname "$0")/lib.sh"
need_fuse
((EUID == 0)) || skip_all "only root can mount a tmpfs"
start_registry
build "
noise = __import__('random').Random(11).randbytes(12000000)
two = Image([Layer([f('a', noise)]), Layer([f('b', noise[::-1])])])
Registry(R).push('two', 'v1', two)
Registry(R).push('small', 'v1', Image([Layer([f('new', 'new')])]))
Registry(R).push('art', 'v1', Artifact([('application/vnd.example.noise', noise, {'org.opencontainers.image.title': 'noise'})]))
for i in (0, 1): print(two.layers[i].digest, file=open(T + '/layer.%d' % i, 'w'))
from lazy import *
Registry(R).push('lazy', 'v1', TableImage([TableLayer([f('small', noise[:5000]), f('big', noise)])]))
from archives import *
save(T + '/two.tar', docker_save([(two, ['two:1'])]))
open(T + '/root.tar', 'wb').write(Layer([f('a', noise)], how='plain').blob)
"
mkdir "$T/disk"
mount -t tmpfs -o size=8m,mode=700 tmpfs "$T/disk"
mount_store -s "$T/disk/store"
pull "$R/small:v1" >/dev/null
cat "$M/images/$R/two/v1/config.json" "$M/images/$R/art/v1/manifest.json" >/dev/null
room() { df --output=avail -k "$T/disk" | tail -1; }
BEFORE=$(room)

# full COMMAND…: it says ENOSPC; what it took is free again, but for what a directory or a name takes; and nobody else notices.
full() {
    local said
    said=$("$@" 2>&1) && fail "it worked: $said"
    matches "$said" "ENOSPC|No space left on device"
    until_true 5 "((\$(room) >= BEFORE - 64))" || fail "$(room) KiB are free, $BEFORE were; $(find "$T/disk" -size +100k -ls)"
    eq "$(find "$T/disk/store/partial" -type f -size +0)" ""
    eq "$(cat "$M/images/$R/small/v1/rootfs/new")" new
}
# names WHAT: the newest failure that is told names it.
names() { matches "$(grep "No space left" "$M/ctl/events" | tail -1)" "$1"; }
any_layer="layer ($(cat "$T/layer.0")|$(cat "$T/layer.1"))"

it "rootfs/" '
    full ls "$M/images/$R/two/v1/rootfs/"
    names "$any_layer"
'
it "the changes of one layer" '
    full ls "$M/images/$R/two/v1/layers/01/diff"
    names "layer $(cat "$T/layer.1")"
'
it "the blob of one layer" '
    full head -c 1 "$M/images/$R/two/v1/layers/00/blob"
    names "layer $(cat "$T/layer.0")"
'
it "some layers of an image" '
    full ls "$M/images/$R/two/v1/layers/00/rootfs"
    names "layer $(cat "$T/layer.0")"
'
it "ctl/pull" '
    full pull "$R/two:v1"
    names "$any_layer"
'
it "a file of an artifact" '
    full head -c 1 "$M/images/$R/art/v1/blobs/noise"
    names "blob sha256:"
'
it "ctl/pull of an artifact" '
    full pull "$R/art:v1"
    names "blob sha256:"
'
it "ctl/load" '
    full ctl load "-i $T/two.tar"
    names "member [0-9a-f]*"
'
it "ctl/load as a stream" 'full cp "$T/two.tar" "$M/ctl/load"'
it "ctl/import" '
    full ctl import "$T/root.tar imported:1"
    names "root.tar"
'
it "ctl/pull of an image that is read already, which goes on" '
    small() { head -c 4000 "$M/images/$R/lazy/v1/rootfs/small" | sha256sum; }
    before=$(small)
    read -r _ _ here size _ < <(grep "^00" "$M/images/$R/lazy/v1/status")
    room=$(room)
    said=$(pull "$R/lazy:v1" 2>&1) && fail "it worked: $said"
    has "$said" ENOSPC
    until_true 5 "((\$(room) >= $room - 64))"
    eq "$(small)" "$before"
    names "layer sha256:"
    matches "$(cat "$M/images/$R/lazy/v1/status")" "00 *table *$here *$size"
'
it "with room again, all of it goes through" '
    mount -o remount,size=200m "$T/disk"
    pull "$R/two:v1" >/dev/null
    pull "$R/art:v1" >/dev/null
    pull "$R/lazy:v1" >/dev/null
    ctl load "-i $T/two.tar" >/dev/null
    ctl import "$T/root.tar imported:1" >/dev/null
    cmp <(cat "$M/images/$R/two/v1/rootfs/a") "$M/images/imported/1/rootfs/a"
    valid_store "$T/disk/store"
'
unmount_store
umount "$T/disk"
finish
