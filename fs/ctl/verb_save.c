/* SPDX-License-Identifier: MIT */
/*
 * ctl/save. The archive is the file "save?WORDS", which is made by its lookup (vn_ctl_save.c). A
 * request is answered with the name of that file. So whoever asks gets the sentence of what is
 * wrong, and need not write a name with its escapes.
 *
 * As with docker, NAME:TAG is saved under that name alone, NAME under all its tags, an ID or a
 * digest under none; an image that is asked for in several ways stands in the archive once. Only
 * what the store knows is found: nothing is pulled, but layers that are not here come when they are
 * read.
 */
#include "fs/ctl/saved.h"
#include "fs/ctl/verb.h"
#include "store/base/buf.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define NAME_LENGTH_MAX 1000 /* the kernel takes names of 1024 bytes */

static void put_escaped(struct buf *out, const char *word)
{
	for (const unsigned char *c = (const unsigned char *)word; *c; c++)
		if (isalnum(*c) || strchr("._:@-=", *c))
			buf_putc(out, (char)*c);
		else
			buf_printf(out, "%%%02X", *c);
}

int verb_save(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	      struct err *err)
{
	autosaved s = {0};
	autobuf name = BUF_INIT;
	int r = saved_find(fs, args, &s, err);

	(void)j;
	if (r)
		return r;
	for (size_t i = 0; i < args->count; i++) {
		buf_puts(&name, i ? "%20" : "save?");
		put_escaped(&name, args->at[i]);
	}
	if (buf_failed(&name))
		return err_nomem(err);
	if (name.len > NAME_LENGTH_MAX)
		return err_set(err, ENAMETOOLONG, "save: the names are longer than %d bytes",
			       NAME_LENGTH_MAX);
	buf_printf(answer, "%s\n", name.data);
	return 0;
}
