#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Whether LOOKUPs of one directory come side by side, of a server that says nothing about it.
#
# Guess: libfuse 3 turns FUSE_CAP_PARALLEL_DIROPS on by default, as its release notes say, and `conn->want` tells the truth.
# Seen: libfuse 3.14.0 (Debian 12) has the capability in `want` before init() is called, but its answer to FUSE_INIT is without
# FUSE_PARALLEL_DIROPS, whatever init() does: the kernel sends one LOOKUP at a time. 3.17.2 (Debian 13) hands the flag on, but
# no longer has it in `want`: a server that relied on the default never gets it.
# So: set it in init() for new libraries; for old ones nothing in the interface helps.
# The kernel is played by a socket. Needs cc. What is said of 3.17.2 was seen with the same program in Debian 13; this script runs 3.14.0.
. "$(dirname "$0")/lib.sh"
packages libfuse3-dev=3.14.0-4 libfuse3-3=3.14.0-4
cd "$T"
cat >asks.c <<'END'
#define FUSE_USE_VERSION 35
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static int ask, wanted;

static void init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	wanted = (conn->want & FUSE_CAP_PARALLEL_DIROPS) != 0;
	if (ask)
		conn->want |= FUSE_CAP_PARALLEL_DIROPS;
}

int main(int argc, char **argv)
{
	const struct fuse_lowlevel_ops ops = {.init = init};
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct {
		struct fuse_in_header header;
		struct fuse_init_in init;
	} request = {{.len = sizeof(request), .opcode = FUSE_INIT, .unique = 2},
		     {.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .flags = FUSE_PARALLEL_DIROPS}};
	struct fuse_buf buf = {.mem = &request, .size = sizeof(request)};
	struct {
		struct fuse_out_header header;
		struct fuse_init_out init;
	} reply;
	struct fuse_session *session;
	char path[32];
	int ends[2];

	(void)argv;
	ask = argc > 1;
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
	fuse_opt_add_arg(&args, "asks");
	session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	fuse_session_mount(session, path);
	fuse_session_process_buf(session, &buf);
	recv(ends[0], &reply, sizeof(reply), 0);
	printf("%s: wanted before init %d, in the answer %d\n", fuse_pkgversion(), wanted, (reply.init.flags & FUSE_PARALLEL_DIROPS) != 0);
}
END
lib=$T/root/usr/lib/x86_64-linux-gnu
cc -I"$T/root/usr/include/fuse3" -o asks asks.c -L"$lib" -L"$T/root/lib/x86_64-linux-gnu" -l:libfuse3.so.3
shows "init() says nothing" "$(./asks)" "3.14.0: wanted before init 1, in the answer 0"
shows "init() asks for it" "$(./asks x)" "3.14.0: wanted before init 1, in the answer 0"
