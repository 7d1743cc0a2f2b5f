/* SPDX-License-Identifier: MIT */
/*
 * What a LOOKUP wants to know of a name in images/ that the store does not know. Programs that walk
 * upwards look for their files in every directory above (package.json, node_modules, go.mod): such
 * a name is no question to a registry, and a directory of that name must not be there.
 */
#ifndef FS_QUESTION_H
#define FS_QUESTION_H

#include "fs/core/vnode.h"

struct lookup_question {
	bool asks;  /* it may be a tag that the registry is to be asked for */
	bool image; /* a part of an image stands behind it, so it can be nothing but a tag */
	bool walks; /* it may be a place that the caller only walks through */
};

/*
 *	what stands behind the name		asks		walks
 *	nothing; the caller creates it		no		no
 *	nothing; the caller looks at it		yes		no: it would be the end of the path
 *	nothing; the caller goes on from it	yes		yes
 *	a part of an image			yes		yes
 *	something else				no		yes
 *	not known				yes		yes (no, no for a caller that creates it)
 *
 * A process that works below an image (its directory, its program, or an argument of it lies there)
 * asks only for parts of other images, and for paths that are its arguments.
 */
void question_read(const struct request *rq, const char *place, const char *name,
		   struct lookup_question *out);

#endif
