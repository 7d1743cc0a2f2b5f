/* SPDX-License-Identifier: MIT */
/* ctl/import: `{ echo "team/app:1 -m 'from ci'"; cat rootfs.tar; } > ctl/import`, or with a file:
 * `echo "/path/rootfs.tar team/app:1" > ctl/import`. */
#include "fs/ctl/upload.h"
#include "fs/ctl/verb.h"

#include "store/archive/image_import.h"
#include "store/oci/ref.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct import {
	struct fs *fs;
	struct upload upload;
	struct image_importer *importer; /* owned; NULL before the first bytes of the archive */
};

/* The words that are no options: [FILE|-] [REPOSITORY[:TAG]]; *file and *name are NULL where they
 * are not given. */
static int sort_operands(const struct words *operands, const char **file, const char **name,
			 struct err *err)
{
	char *const *at = operands->at;
	size_t n = operands->count, first = 0;
	int r = args_count("import", operands, 0, 2, err);

	*file = *name = NULL;
	if (r < 0)
		return r;
	if (n && (at[0][0] == '/' || strcmp(at[0], "-") == 0))
		*file = at[first++];
	else if (n && strstr(at[0], "://"))
		return err_set(err, EOPNOTSUPP, "%s: nothing is downloaded: /FILE or - is imported",
			       at[0]);
	if (first + 1 < n)
		return err_set(err, EINVAL, "open %s: the path of a file here must be absolute",
			       at[0]);
	*name = first < n ? at[first] : NULL;
	return 0;
}

static int full_name(const char *name, char **out, struct err *err)
{
	autoref ref = REF_INIT;
	int r = ref_parse(name, &ref, err);

	if (r < 0)
		return r;
	if (ref.has_digest)
		return err_set(err, EINVAL, "cannot import digest reference");
	*out = ref_full(&ref);
	return *out ? 0 : err_nomem(err);
}

static int verb_import_begin(void *arg, const struct words *words, char **path, struct err *err)
{
	struct import *i = arg;
	autowords changes = WORDS_INIT, operands = WORDS_INIT;
	const char *message = NULL, *wish = NULL, *file = NULL, *name = NULL;
	autofree char *full = NULL, *comment = NULL;
	struct platform platform = i->fs->platform;
	const struct args_option options[] = {
	    {.name = "change", .letter = 'c', .list = &changes},
	    {.name = "message", .letter = 'm', .value = &message},
	    {.name = "platform", .value = &wish},
	    {0},
	};
	int r = args_parse(words, options, &operands, err);

	/* What runs on this machine may run on others: docker names no level of amd64 either. */
	if (strcmp(platform.architecture, "amd64") == 0)
		platform.variant[0] = '\0';
	if (!r)
		r = sort_operands(&operands, &file, &name, err);
	if (!r && wish)
		r = platform_parse(wish, &platform, err);
	if (!r && name)
		r = full_name(name, &full, err);
	if (r < 0)
		return r;
	if (asprintf(&comment, "Imported from %s", file ? file : "-") < 0)
		return err_nomem(err);

	const char *const none[] = {NULL};
	struct image_import import = {
	    .store = i->fs->store,
	    .reference = full,
	    .message = message && *message ? message : comment,
	    .changes = changes.count ? (const char *const *)changes.at : none,
	    .platform = &platform,
	};

	if (file && *file == '/' && !(*path = strdup(file)))
		return err_nomem(err);
	return image_importer_open(&import, &i->importer, err);
}

static int verb_import_feed(void *arg, const void *data, size_t len, struct cancel *cancel,
			    size_t *used, struct buf *answer, struct err *err)
{
	struct import *i = arg;
	char text[DIGEST_TEXT_MAX];
	struct digest id;
	int r = image_importer_feed(i->importer, data, len, cancel, used, &id, err);

	if (r == FEED_DONE)
		buf_printf(answer, "%s\n", digest_text(&id, text));
	return r;
}

static int import_open(struct fs *fs, void **state, struct err *err)
{
	struct import *i = calloc(1, sizeof(*i));

	if (!i)
		return err_nomem(err);
	i->fs = fs;
	i->upload = (struct upload){.begin = verb_import_begin, .feed = verb_import_feed, .arg = i};
	*state = i;
	return 0;
}

static int import_write(void *state, struct job *j, const void *data, size_t len, size_t *used,
			struct buf *answer, struct err *err)
{
	struct import *i = state;

	return upload_write(&i->upload, i->fs, j, data, len, used, answer, err);
}

static const char *import_subject(const void *state)
{
	return upload_subject(&((const struct import *)state)->upload);
}

static void import_close(void *state)
{
	struct import *i = state;

	image_importer_close(i->importer);
	upload_clear(&i->upload);
	free(i);
}

const struct verb_stream verb_import = {import_open, import_write, import_subject, import_close};
