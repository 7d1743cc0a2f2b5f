/* SPDX-License-Identifier: MIT */
#include "fs/ctl/ctl_name.h"

#include "store/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "%2F" and the like; in place. False where what follows a % is no hexadecimal number, or is 00. */
static bool decode_percent(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		char byte = *from;

		if (byte == '%') {
			char hex[3] = {0};

			if (!isxdigit((unsigned char)from[1]) || !isxdigit((unsigned char)from[2]))
				return false;
			memcpy(hex, from + 1, 2);
			byte = (char)strtoul(hex, NULL, 16);
			if (!byte)
				return false;
			from += 2;
		}
		*to++ = byte;
	}
	*to = '\0';
	return true;
}

int ctl_name_parse(const char *name, bool owner, struct ctl_name *out, struct err *err)
{
	size_t len = strcspn(name, "?");
	autofree char *line = NULL;

	*out = (struct ctl_name){.verb = verb_find(name, len)};
	if (!out->verb)
		return err_set(err, ENOENT, "no such control file");
	if (!name[len])
		return 0;
	if (!verb_may_read(out->verb, owner))
		return err_set(err, EACCES, "%s is for the owner of the mount", out->verb->name);
	if (!verb_takes_line(out->verb))
		return err_set(err, EINVAL, "%s takes no arguments in its name", out->verb->name);
	line = strdup(name + len + 1);
	if (!line)
		return err_nomem(err);
	if (!decode_percent(line) || strchr(line, '\n'))
		return err_set(err, EINVAL, "%s: a %% that is no escape, or a line break",
			       name + len + 1);
	out->line = steal(&line);
	return 0;
}
