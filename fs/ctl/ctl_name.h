/* SPDX-License-Identifier: MIT */
/*
 * The name of a control file: a verb, and behind a "?" the words that it is asked with, where "%2F"
 * is a slash. This decides who may ask what (verb.h). Pure.
 */
#ifndef FS_CTL_NAME_H
#define FS_CTL_NAME_H

#include "fs/ctl/verb.h"

struct ctl_name {
	const struct verb *verb;
	char *line; /* owned; NULL: no "?" */
};

/* -ENOENT: no such verb. -EACCES: this user may not ask so. -EINVAL: they are malformed, or
 * the verb takes none there; the verb is set then. */
int ctl_name_parse(const char *name, bool owner, struct ctl_name *out, struct err *err);

#endif
