/* SPDX-License-Identifier: MIT */
/*
 * The name of a control file: a verb, and behind a "?" the words that it is asked with. There %XX
 * stands for a byte, so "%2F" for a slash. This decides who may ask what (verb.h). Pure.
 */
#ifndef FS_CTL_NAME_H
#define FS_CTL_NAME_H

#include "fs/ctl/verb.h"

struct ctl_name {
	const struct verb *verb;
	char *line; /* owned; NULL: no "?" */
};

/* -ENOENT: no such verb; else out->verb is set. -EACCES: this user may not ask so. -EINVAL: the words are
 * malformed (a bad escape, %00, a line break), or the verb takes none there. The caller frees out->line. */
int ctl_name_parse(const char *name, bool owner, struct ctl_name *out, struct err *err);

#endif
