/* SPDX-License-Identifier: MIT */
/* ctl/prune: docker image prune. What docker asks of containers is asked of open files. */
#include "fs/docker/filter.h"
#include "fs/tree/in_use.h"
#include "fs/docker/units.h"
#include "fs/ctl/verb.h"
#include "store/images/gc.h"
#include "store/images/image.h"
#include "store/oci/ref.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct prune {
	struct fs *fs;
	bool all; /* tagged images, too */
	bool has_until;
	int64_t until;	      /* pulled or tagged before this */
	struct words labels;  /* owned; an image must have all of them */
	struct words without; /* owned; an image may have none of them */
};

static int verb_prune_add_filter(struct prune *p, const char *text, struct err *err)
{
	autofilter f = {0};
	bool dangling;
	int r = filter_parse(text, &f, err);

	if (r < 0)
		return r;
	if (!strcmp(f.key, "label"))
		return words_add(&p->labels, f.value, strlen(f.value), err);
	if (!strcmp(f.key, "label!"))
		return words_add(&p->without, f.value, strlen(f.value), err);
	if (!strcmp(f.key, "dangling")) {
		r = filter_bool(&f, &dangling, err);
		p->all = !r && !dangling;
		return r;
	}
	if (strcmp(f.key, "until") != 0)
		return filter_unknown(&f, err);
	if (p->has_until)
		return err_set(err, EINVAL, "more than one until filter specified");
	p->has_until = true;
	return filter_time(&f, time(NULL), &p->until, err);
}

static int verb_prune_parse(struct prune *p, const struct words *args, struct err *err)
{
	autowords filters = WORDS_INIT, operands = WORDS_INIT;
	bool force = false; /* nobody is asked here */
	const struct args_option options[] = {
	    {.name = "all", .letter = 'a', .flag = &p->all},
	    {.name = "force", .letter = 'f', .flag = &force},
	    {.name = "filter", .list = &filters},
	    {0},
	};
	int r = args_parse(args, options, &operands, err);

	if (!r)
		r = args_count("prune", &operands, 0, 0, err);
	for (size_t i = 0; !r && i < filters.count; i++)
		r = verb_prune_add_filter(p, filters.at[i], err);
	return r;
}

static int has_labels(const struct prune *p, const struct name *n, struct err *err)
{
	AUTO(image_close) struct image *image = NULL;
	const struct json_object *config = NULL;
	int r;

	if (!p->labels.count && !p->without.count)
		return true;
	r = image_open(p->fs->store, &n->descriptor, &p->fs->platform, IMAGE_LOCAL, &image, err);
	if (r == -ENOMEM)
		return r;
	if (!r)
		config = image->config->doc;
	for (size_t i = 0; i < p->labels.count; i++)
		if (!config || !filter_label(config, p->labels.at[i]))
			return false;
	for (size_t i = 0; i < p->without.count; i++)
		if (config && filter_label(config, p->without.at[i]))
			return false;
	return true;
}

/* A name of which nobody knows when it came (other programs do not write it) may be new. */
static bool is_old(const struct prune *p, const struct name *n)
{
	return !p->has_until || (n->pulled.tv_sec && n->pulled.tv_sec < p->until);
}

/* Whether the name is to go: 1, 0, or -errno. */
static int verb_prune_is_wanted(const struct prune *p, const struct name *n, struct err *err)
{
	int r = (p->all || n->dangling) && is_old(p, n) ? has_labels(p, n, err) : 0;
	int used = r > 0 ? in_use(p->fs, &n->descriptor.digest, false, err) : 0;

	return used < 0 ? used : used ? 0 : r;
}

/* The names that go: none of an image that is in use. */
static int verb_prune_choose(const struct prune *p, const struct names *names, struct job *j,
			     struct names_change *out, size_t *count, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < names_count(names); i++) {
		const struct name *n = names_at(names, i);

		r = cancel_check(job_cancel(j), err);
		if (!r)
			r = verb_prune_is_wanted(p, n, err);
		if (r > 0)
			out[(*count)++] = (struct names_change){.reference = n->reference,
								.only = &n->descriptor.digest};
		r = r < 0 ? r : 0;
	}
	return r;
}

/* What was told under the store's lock. */
static void on_deleted(void *arg, const struct digest *digest, uint64_t size)
{
	char text[DIGEST_TEXT_MAX];

	(void)size;
	buf_printf(arg, "deleted: %s\n", digest_text(digest, text));
}

static int verb_prune_put_lines(const struct gc *gc, const struct buf *deleted, struct buf *answer,
				struct err *err)
{
	autobuf untagged = BUF_INIT;
	char size[UNITS_TEXT_MAX];

	for (size_t i = 0; i < gc->count; i++) {
		autoref ref = REF_INIT;
		autofree char *familiar = NULL;

		if (!gc->names[i].done)
			continue;
		if (ref_parse(gc->names[i].reference, &ref, NULL) == 0)
			familiar = ref_familiar(&ref);
		buf_printf(&untagged, "untagged: %s\n",
			   familiar ? familiar : gc->names[i].reference);
	}
	if (untagged.len || deleted->len) {
		buf_puts(answer, "Deleted Images:\n");
		buf_append(answer, untagged.data, untagged.len);
		buf_append(answer, deleted->data, deleted->len);
		buf_putc(answer, '\n');
	}
	buf_printf(answer, "Total reclaimed space: %s\n", units_size(gc->bytes, 4, size));
	return buf_failed(&untagged) || buf_failed(deleted) ? err_nomem(err) : 0;
}

static int prune(struct prune *p, struct job *j, struct buf *answer, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	autofree struct names_change *changes = NULL;
	autobuf deleted = BUF_INIT;
	struct gc gc = {.partial = true, .deleted = on_deleted, .arg = &deleted};
	int r = names_get(p->fs->store, &names, err);

	if (r < 0)
		return r;
	changes = calloc(names_count(names) + 1, sizeof(*changes));
	if (!changes)
		return err_nomem(err);
	r = verb_prune_choose(p, names, j, changes, &gc.count, err);
	gc.names = changes;
	if (!r)
		r = gc_run(p->fs->store, &gc, err);
	return r < 0 ? r : verb_prune_put_lines(&gc, &deleted, answer, err);
}

int verb_prune(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	       struct err *err)
{
	struct prune p = {.fs = fs};
	int r = verb_prune_parse(&p, args, err);

	if (!r)
		r = prune(&p, j, answer, err);
	words_clear(&p.labels);
	words_clear(&p.without);
	return r;
}
