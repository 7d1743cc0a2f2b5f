/* SPDX-License-Identifier: MIT */
/* ctl/load: `cat app.tar > ctl/load`, or `echo "-i /path/app.tar" > ctl/load`. */
#include "fs/ctl/upload.h"
#include "fs/ctl/verb.h"

#include "store/archive/archive_load.h"
#include "store/oci/ref.h"

#include <errno.h>
#include <string.h>

struct load {
	struct fs *fs;
	struct upload upload;
	struct platform platform;
	struct archive_loader *loader; /* owned; NULL before the first bytes of the archive */
	bool quiet;
	struct buf *answer; /* while a write runs */
};

static void on_loaded(void *arg, const char *reference, const struct digest *id)
{
	struct load *l = arg;
	char text[DIGEST_TEXT_MAX];
	autoref ref = REF_INIT;
	autofree char *familiar = NULL;

	if (!reference) {
		buf_printf(l->answer, "Loaded image ID: %s\n", digest_text(id, text));
		return;
	}
	if (ref_parse(reference, &ref, NULL) == 0)
		familiar = ref_familiar(&ref);
	buf_printf(l->answer, "Loaded image: %s\n", familiar ? familiar : reference);
}

static void on_skipped(void *arg, const char *what)
{
	struct load *l = arg;

	buf_printf(l->answer, "Skipped: %s\n", what);
}

static int verb_load_begin(void *arg, const struct words *words, char **path, struct err *err)
{
	struct load *l = arg;
	const char *wish = NULL, *input = NULL;
	const struct args_option options[] = {
	    {.name = "input", .letter = 'i', .value = &input},
	    {.name = "quiet", .letter = 'q', .flag = &l->quiet},
	    {.name = "platform", .value = &wish},
	    {0},
	};
	struct archive_load load = {
	    .store = l->fs->store, .loaded = on_loaded, .skipped = on_skipped, .arg = l};
	autowords operands = WORDS_INIT;
	int r = args_parse(words, options, &operands, err);

	if (!r)
		r = args_count("load", &operands, 0, 0, err);
	if (!r && wish)
		r = platform_parse(wish, &l->platform, err);
	if (!r && input && !(*path = strdup(input)))
		r = err_nomem(err);
	if (r < 0)
		return r;
	load.only = wish ? &l->platform : NULL;
	return archive_loader_open(&load, &l->loader, err);
}

static int verb_load_feed(void *arg, const void *data, size_t len, struct cancel *cancel,
			  size_t *used, struct buf *answer, struct err *err)
{
	struct load *l = arg;

	l->answer = answer;
	return archive_loader_feed(l->loader, data, len, cancel, used, err);
}

static int load_open(struct fs *fs, void **state, struct err *err)
{
	struct load *l = calloc(1, sizeof(*l));

	if (!l)
		return err_nomem(err);
	l->fs = fs;
	l->upload = (struct upload){.begin = verb_load_begin, .feed = verb_load_feed, .arg = l};
	*state = l;
	return 0;
}

static int load_write(void *state, struct job *j, const void *data, size_t len, size_t *used,
		      struct buf *answer, struct err *err)
{
	struct load *l = state;

	return upload_write(&l->upload, l->fs, j, data, len, used, answer, err);
}

static const char *load_subject(const void *state)
{
	return upload_subject(&((const struct load *)state)->upload);
}

static void load_close(void *state)
{
	struct load *l = state;

	archive_loader_close(l->loader);
	upload_clear(&l->upload);
	free(l);
}

const struct verb_stream verb_load = {load_open, load_write, load_subject, load_close};
