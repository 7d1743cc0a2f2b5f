/* SPDX-License-Identifier: MIT */
/*
 * The command line: imagefs [STORE] MOUNTPOINT [-o OPTIONS] [-f] [-d]. Options that imagefs does not
 * know are passed to FUSE. This file knows nothing of what the options do.
 */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include "fs/docker/args.h"
#include "store/base/buf.h"
#include "store/base/err.h"
#include "store/oci/platform.h"

#include <stdbool.h>

/* What is fetched of a layer that has a table of contents: only what is read (LAZY); that first, and
 * then the rest (BACKGROUND); all of it, before anything is read (WHOLE). */
enum fetch_mode { FETCH_LAZY, FETCH_BACKGROUND, FETCH_WHOLE };

#define OPTIONS_CACHE_MIN (16u << 20)

struct options {
	char *store;		/* owned; absolute */
	char *mountpoint;	/* owned; absolute */
	char *mountpoint_given; /* owned; NULL until main has resolved the other */
	bool foreground, debug, help, version;
	struct platform platform;
	bool lookup_remote; /* lookup=remote|local */
	bool offline;
	char *image; /* owned, or NULL: the image whose root filesystem is mounted, read-only */
	enum fetch_mode fetch;
	uint64_t cache_max;   /* bytes; 0: no limit */
	bool index_referrers; /* index=referrers|manifest */
	bool xattr;	      /* xattr=on|off */
	bool allow_other;
	struct words insecure; /* HOST[:PORT] */
	struct words mirrors;  /* HOST=URL */
	char *auth_file;       /* owned, or NULL */
	struct buf fuse;       /* FUSE's own, comma separated */
};

/* 0, -EINVAL with a sentence, or -ENOMEM. Call options_clear in any case. */
int options_parse(int argc, char **argv, struct options *o, struct err *err);
void options_clear(struct options *o);

extern const char options_usage[];

#endif
