#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What FUSE_NOTIFY_INC_EPOCH (Linux 6.16), which makes the kernel look up every name of a FUSE file system anew, does to what is
# mounted on a directory of it.
#
# Guess: names are asked for once more; where the answer is the same inode, nothing else changes, as when a name's timeout has passed.
# Seen (Linux 6.18, libfuse 3.14.0): the next walk to the directory drops the name before it asks, and the mount on it is gone, without
# a word: what was mounted is not visible any more, in no namespace. A name whose timeout has passed is asked for, and keeps its mount.
# So: a server whose directories people mount on (a sandbox's proc/ over a root filesystem) has to take back names one by one.
# Needs root, cc, and Linux 6.16.
. "$(dirname "$0")/lib.sh"
packages libfuse3-dev=3.14.0-4 libfuse3-3=3.14.0-4 fuse3=3.14.0-4
printf '%s\n6.16\n' "$(uname -r)" | sort -CV && { echo "not run: Linux $(uname -r) does not have it" >&2; exit 2; }
cd "$T"
cat >server.c <<'END'
/* server MOUNTPOINT TIMEOUT: a directory `dir`; a lookup of `epoch` sends the notification first. */
#define FUSE_USE_VERSION 35
#include <fuse_lowlevel.h>
#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INC_EPOCH 8

static struct fuse_session *session;
static double timeout;

static struct stat directory(fuse_ino_t ino)
{
	return (struct stat){.st_ino = ino, .st_mode = S_IFDIR | 0755, .st_nlink = 2};
}

static void get_attributes(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct stat st = directory(ino);

	(void)file;
	fuse_reply_attr(req, &st, 0);
}

static void look_up(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_out_header epoch = {.len = sizeof(epoch), .error = INC_EPOCH};
	struct fuse_entry_param entry = {.ino = 2, .attr = directory(2), .entry_timeout = timeout};

	if (parent == FUSE_ROOT_ID && !strcmp(name, "epoch") && write(fuse_session_fd(session), &epoch, sizeof(epoch)) < 0)
		_exit(1);
	if (parent == FUSE_ROOT_ID && !strcmp(name, "dir"))
		fuse_reply_entry(req, &entry);
	else
		fuse_reply_err(req, ENOENT);
}

int main(int argc, char **argv)
{
	const struct fuse_lowlevel_ops ops = {.lookup = look_up, .getattr = get_attributes};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);

	timeout = atof(argv[argc - 1]);
	session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (!session || fuse_session_mount(session, argv[1]) < 0)
		return 1;
	fuse_session_loop(session);
	fuse_session_unmount(session);
	return 0;
}
END
lib=$T/root/usr/lib/x86_64-linux-gnu
cc -I"$T/root/usr/include/fuse3" -o server server.c -L"$lib" -L"$T/root/lib/x86_64-linux-gnu" -l:libfuse3.so.3
mkdir mnt
visible() { [[ -e mnt/dir/inside ]] && echo visible || echo gone; }
for case in 'epoch 1000' 'timeout 0.1'; do
    ./server mnt "${case#* }" &
    until mountpoint -q mnt; do sleep 0.1; done
    mount -t tmpfs none mnt/dir
    touch mnt/dir/inside
    shows "${case% *}: what is mounted on a name, before" "$(visible)" visible
    if [[ $case == epoch* ]]; then
        stat mnt/epoch >/dev/null 2>&1 || :
    else
        sleep 0.3
    fi
    shows "${case% *}: and after" "$(visible)" "$([[ $case == epoch* ]] && echo gone || echo visible)"
    umount mnt/dir 2>/dev/null || :
    umount mnt
    wait $!
done
