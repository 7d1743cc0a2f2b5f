/* SPDX-License-Identifier: MIT */
#include "store/disk/names.h"
#include "store/disk/names_private.h"

#include "store/base/stamp.h"
#include "store/disk/store_private.h"

#include <stdatomic.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct names {
	atomic_uint references;
	struct stat file; /* of the index.json that it was read from */
	struct err notice;
	struct name *items; /* owned; sorted by reference, equal ones in the file's order */
	size_t count;
};

static void names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		name_clear(&n->items[i]);
	free(n->items);
	free(n);
}

void names_put(struct names *n)
{
	if (n && atomic_fetch_sub(&n->references, 1) == 1)
		names_free(n);
}

static void names_release(void *n)
{
	names_put(n);
}

static struct names *names_ref(struct names *n)
{
	atomic_fetch_add(&n->references, 1);
	return n;
}

/* Several descriptors may carry one reference where others wrote the file: their digests decide, so
 * that every snapshot has them in one order. */
static int names_compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = strcmp(x->reference, y->reference);

	if (order)
		return order;
	return memcmp(x->descriptor.digest.bytes, y->descriptor.digest.bytes,
		      sizeof(x->descriptor.digest.bytes));
}

static int names_load(struct store *s, struct names **out, struct err *err)
{
	autoindex x = {0};
	struct names *n = calloc(1, sizeof(*n));
	int r = n ? names_index_read(s, &x, err) : err_nomem(err);

	if (r) {
		free(n);
		return r;
	}
	n->references = 1;
	n->file = x.file;
	n->notice = x.notice;
	n->items = x.names;
	n->count = x.count;
	x.names = NULL;
	x.count = 0;
	if (n->count)
		qsort(n->items, n->count, sizeof(*n->items), names_compare_names);
	*out = n;
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       stamp_is_same(a->st_mtim, b->st_mtim);
}

/* With the cache's lock held, so that a change is parsed once, not by every reader at once. */
static int refresh(struct store *s, struct err *err)
{
	struct names *held = s->names, *fresh;
	struct stat st;
	int r;

	if (fstatat(store_dirfd(s), NAMES_PATH, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "stat " NAMES_PATH);
	if (held && same_file(&held->file, &st))
		return 0;
	r = names_load(s, &fresh, err);
	if (r)
		return r;
	names_put(held);
	if (!*fresh->notice.text)
		fresh->notice = s->names_notice;
	s->names_notice = (struct err){0};
	s->names = fresh;
	s->names_release = names_release;
	return 0;
}

int names_get(struct store *s, struct names **out, struct err *err)
{
	int r;

	pthread_mutex_lock(&s->names_lock);
	r = refresh(s, err);
	if (!r)
		*out = names_ref(s->names);
	pthread_mutex_unlock(&s->names_lock);
	return r ? err_context(err, "store %s", store_path(s)) : 0;
}

size_t names_count(const struct names *n)
{
	return n->count;
}

const struct name *names_at(const struct names *n, size_t i)
{
	return i < n->count ? &n->items[i] : NULL;
}

size_t names_lower_bound(const struct names *n, const char *text)
{
	size_t low = 0, high = n->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(n->items[middle].reference, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct name *names_find(const struct names *n, const char *reference)
{
	const struct name *found = names_at(n, names_lower_bound(n, reference));

	return found && strcmp(found->reference, reference) == 0 ? found : NULL;
}

const struct err *names_notice(const struct names *n)
{
	return *n->notice.text ? &n->notice : NULL;
}

int names_check(struct store *s, struct err *err)
{
	autoindex x = {0};
	int r = names_index_read(s, &x, err);

	return r || !x.notice.code ? r : err_set(err, x.notice.code, "%s", x.notice.text);
}

void names_notice_next(struct store *s, const struct err *notice)
{
	pthread_mutex_lock(&s->names_lock);
	s->names_notice = *notice;
	pthread_mutex_unlock(&s->names_lock);
}

struct timespec names_changed(const struct names *n)
{
	return n->file.st_mtim;
}
