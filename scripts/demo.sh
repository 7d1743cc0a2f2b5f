#!/bin/bash
# SPDX-License-Identifier: MIT
#
# demo.sh         builds imagefs, serves a small image from a registry on the loopback, mounts it, and shows around
# demo.sh stop    ends the mount and the registry that the demo left, and removes what they wrote
#
# All of it lies below build/demo/. A demo that was stopped in the middle is cleared by the next one.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/common.sh"

demo=$build/demo
mnt=$demo/mnt
image=

end() {
    unmount "$mnt"
    stop_registry "$demo"
}

stop() {
    end
    # The server may still be writing its last when its mount is gone.
    wait_for 5 rm -rf --one-file-system "$demo"
}

# Shows a command as one would type it inside the mount, and what it answers.
show() {
    printf '\n    $ %s\n' "$1"
    if ! (cd "$mnt" && bash -o pipefail -c "$1") 2>&1 | sed 's/^/    /'; then
        tail -n 2 "$mnt/ctl/events" >&2 || true
        die "this should have worked: $1"
    fi
}

tell() { printf '\n%s\n' "$*"; }

tour() {
    local at=images/$image
    tell "The mount is a directory like any other. Images lie below images/, requests go to ctl/:"
    show "ls"
    tell "Nothing has been pulled yet. Opening a name is enough; only what is read is fetched:"
    show "ls -l $at/1/"
    show "cat $at/1/history"
    tell "rootfs/ is what a container would see. Nothing is extracted: the files are read out of the layers."
    show "ls -l $at/1/rootfs $at/1/rootfs/app"
    show "cat $at/1/rootfs/etc/motd"
    show "grep -rn password $at/1/rootfs/app $at/1/rootfs/root || echo 'no password in this image?'"
    tell "A later layer deleted it. The layer that brought it still has it, for everyone who pulls the image:"
    show "find $at/1/layers/*/diff -name '*password*'"
    show "cat $at/1/layers/01/diff/root/password.txt"
    tell "The image is an index of two platforms; the other one is as near:"
    show "ls $at/1/platforms"
    show "cat $at/1/platforms/linux-$other*/rootfs/etc/architecture"
    tell "Requests are lines written to a control file, in docker's words; the answer can be read from it:"
    show "echo $image:1 > ctl/pull && cat ctl/pull"
    show "cat ctl/images"
}

case ${1:-} in
'') ;;
stop)
    stop
    exit
    ;;
*) die "usage: demo.sh [stop]" ;;
esac

need_fuse
"$here/setup.sh" demo
say "Building imagefs ..."
build_imagefs
stop
mkdir -p "$mnt"
trap 'if (($? != 0)); then end; fi' EXIT

say "Making a small image, and a registry on the loopback to serve it ..."
start_registry "$demo"
image=$registry/demo/hello
other=$("$here/demo-image.sh" "$image" "$demo/work")

say "Mounting: build/imagefs build/demo/store build/demo/mnt"
"$build/imagefs" "$demo/store" "$mnt"
tour

tell "That was all of it. The mount stays, to look around in:"
say ""
say "    cd $mnt"
tell "This ends it, the registry too, and removes what they wrote:"
say ""
say "    scripts/demo.sh stop"
