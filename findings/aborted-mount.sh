#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What libfuse leaves when a connection is aborted (/sys/fs/fuse/connections/N/abort) and the server ends by itself.
#
# Guess: the server sees the end, unmounts as it does at every other end, and the mount is gone.
# Seen (libfuse 3.14.0, squashfuse 0.1.105, Debian 12, Linux 6.18): the server ends with status 0, and the mount stays, dead:
# every call in it is ENOTCONN until somebody unmounts it. libfuse looks with poll(2) whether it is still mounted, and takes the error
# event of an aborted connection for "no".
# So: a server that wants to leave nothing has to look into /proc/self/mountinfo itself. Needs root.
. "$(dirname "$0")/lib.sh"
packages squashfuse=0.1.105-1 libsquashfuse0=0.1.105-1 squashfs-tools=1:4.5.1-1 libfuse3-3=3.14.0-4 liblzo2-2=2.10-2 liblz4-1=1.9.4-1
cd "$T"
mkdir src mnt
echo text >src/file
mksquashfs src image -quiet -no-progress >/dev/null
mounted() { grep -c " $T/mnt fuse" /proc/mounts || :; }
connections=/sys/fs/fuse/connections
for end in umount abort; do
    squashfuse_ll -f image mnt 2>/dev/null &
    until [[ $(mounted) == 1 ]]; do sleep 0.1; done
    cat mnt/file >/dev/null
    if [[ $end == umount ]]; then
        umount mnt
    else
        mountpoint -q $connections || mount -t fusectl none $connections
        echo 1 >"$connections/$(mountpoint -d mnt | cut -d: -f2)/abort"
    fi
    status=0
    wait $! || status=$?
    shows "$end: status of the server" $status 0
    shows "$end: mounts that are left" "$(mounted)" "$([[ $end == umount ]] && echo 0 || echo 1)"
done
shows "ls of what is left" "$(LC_ALL=C ls mnt 2>&1 || :)" "ls: cannot open directory 'mnt': Transport endpoint is not connected"
