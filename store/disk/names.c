/* SPDX-License-Identifier: MIT */
#include "store/disk/names.h"
#include "store/disk/names_private.h"

#include "store/base/io.h"
#include "store/disk/layout.h"
#include "store/disk/layout_name.h"
#include "store/oci/ref.h"
#include "store/disk/store_private.h"

#include <stdatomic.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define READ_TRIES    5
#define READ_PAUSE_NS 10000000

struct names {
	atomic_uint references;
	struct stat file;   /* of the index.json that it was read from */
	struct name *items; /* owned; sorted by reference, equal ones in the file's order */
	size_t count;
};

void name_clear(struct name *n)
{
	free(n->reference);
	descriptor_clear(&n->descriptor);
}

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

/* Out of memory says nothing of the file. */
static int not_understood(int r, const struct err *why, struct err *err)
{
	return err_set(err, r == -ENOMEM ? ENOMEM : EBADMSG, NAMES_PATH ": %s", why->text);
}

/* The document and its array of descriptors (NULL where Go wrote null for an empty one). What
 * cannot be understood is -EBADMSG: never an empty store. */
int names_read_index(struct store *s, struct json_object **doc, struct json_object **manifests,
		     struct stat *file, struct err *err)
{
	autoclose int fd = io_open(store_dirfd(s), NAMES_PATH, O_RDONLY, 0, err);
	autobuf text = BUF_INIT;
	autojson *o = NULL;
	struct err why = {0};
	ssize_t n;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, file) < 0)
		return err_sys(err, "stat " NAMES_PATH);
	if (file->st_size > (off_t)LAYOUT_INDEX_MAX)
		return err_set(err, EBADMSG, NAMES_PATH " is larger than %u bytes",
			       LAYOUT_INDEX_MAX);
	if (!buf_reserve(&text, (size_t)file->st_size))
		return err_nomem(err);
	n = io_pread(fd, text.data, (size_t)file->st_size, 0, err);
	if (n < 0)
		return (int)n;
	r = json_parse(text.data, (size_t)n, &o, &why);
	if (r)
		return not_understood(r, &why, err);
	*manifests = json_array(o, "manifests");
	if (!*manifests &&
	    (json_member(o, "manifests") || !json_object_object_get_ex(o, "manifests", NULL)))
		return err_set(err, EBADMSG, NAMES_PATH ": \"manifests\" is missing or no array");
	*doc = steal(&o);
	return 0;
}

int name_parse(struct store *s, const struct json_object *o, struct name *out, struct err *err)
{
	const char *pulled;
	int64_t seconds;
	uint32_t ns;
	struct err why = {0};
	int r;

	r = descriptor_parse(o, &out->descriptor, &why);
	if (r)
		return not_understood(r, &why, err);
	pulled = json_string(out->descriptor.annotations, NAMES_PULLED);
	r = layout_name(out->descriptor.annotations, &out->descriptor.digest, store_path(s),
			&out->reference, err);
	if (r) {
		descriptor_clear(&out->descriptor);
		return r;
	}
	out->dangling = json_string(out->descriptor.annotations, NAMES_DANGLING) != NULL;
	out->looked_up = json_string(out->descriptor.annotations, NAMES_LOOKED_UP) != NULL;
	if (pulled && oci_time_parse(pulled, &seconds, &ns, NULL) == 0)
		out->pulled = (struct timespec){.tv_sec = seconds, .tv_nsec = ns};
	return 0;
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

static int load_once(struct store *s, struct names **out, struct err *err)
{
	AUTO(names_put) struct names *n = calloc(1, sizeof(*n));
	autojson *doc = NULL;
	struct json_object *manifests;
	size_t count;
	int r;

	if (!n)
		return err_nomem(err);
	n->references = 1;
	r = names_read_index(s, &doc, &manifests, &n->file, err);
	if (r)
		return r;
	count = manifests ? json_object_array_length(manifests) : 0;
	n->items = calloc(count ? count : 1, sizeof(*n->items));
	if (!n->items)
		return err_nomem(err);
	for (; n->count < count; n->count++) {
		r = name_parse(s, json_object_array_get_idx(manifests, n->count),
			       &n->items[n->count], err);
		if (r)
			return r;
	}
	qsort(n->items, n->count, sizeof(*n->items), names_compare_names);
	*out = steal(&n);
	return 0;
}

/* skopeo rewrites index.json in place: a moment in which it is cut short is no damage. */
static int names_load(struct store *s, struct names **out, struct err *err)
{
	const struct timespec pause = {.tv_nsec = READ_PAUSE_NS};
	int r = load_once(s, out, err);

	for (int tries = 1; r == -EBADMSG && tries < READ_TRIES; tries++) {
		nanosleep(&pause, NULL);
		r = load_once(s, out, err);
	}
	return r;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
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

struct timespec names_changed(const struct names *n)
{
	return n->file.st_mtim;
}
