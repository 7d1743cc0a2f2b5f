/* SPDX-License-Identifier: MIT */
#include "store/disk/names_private.h"

#include "store/base/io.h"
#include "store/base/json.h"
#include "store/base/map.h"
#include "store/base/stamp.h"
#include "store/disk/layout.h"
#include "store/disk/layout_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READ_TRIES    5
#define READ_PAUSE_NS 10000000
#define GONE_SAID     3 /* names in one notice */

void name_clear(struct name *n)
{
	free(n->reference);
	descriptor_clear(&n->descriptor);
}

static void clear_names(struct names_index *x)
{
	for (size_t i = 0; i < x->count; i++)
		name_clear(&x->names[i]);
	free(x->names);
	json_object_put(x->doc);
	x->names = NULL;
	x->doc = x->manifests = NULL;
	x->count = x->room = 0;
}

void names_index_clear(struct names_index *x)
{
	clear_names(x);
	buf_free(&x->text);
}

/* ---- the text ---- */

/* Out of memory says nothing of the file. */
static int not_understood(int r, const struct err *why, struct err *err)
{
	return err_set(err, r == -ENOMEM ? ENOMEM : EBADMSG, NAMES_PATH ": %s", why->text);
}

static int name_parse(struct store *s, const struct json_object *o, struct name *out,
		      struct err *err)
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

int names_index_push(struct store *s, struct names_index *x, const struct json_object *o,
		     struct err *err)
{
	int r;

	if (x->count == x->room) {
		size_t room = x->room ? 2 * x->room : 64;
		struct name *names = reallocarray(x->names, room, sizeof(*names));

		if (!names)
			return err_nomem(err);
		x->names = names;
		x->room = room;
	}
	x->names[x->count] = (struct name){0};
	r = name_parse(s, o, &x->names[x->count], err);
	x->count += !r;
	return r;
}

static int parse_text(struct store *s, struct names_index *x, struct err *err)
{
	struct err why = {0};
	size_t count;
	int r = json_parse(x->text.data, x->text.len, &x->doc, &why);

	if (r)
		return not_understood(r, &why, err);
	x->manifests = json_array(x->doc, "manifests");
	if (!x->manifests && (json_member(x->doc, "manifests") ||
			      !json_object_object_get_ex(x->doc, "manifests", NULL)))
		return err_set(err, EBADMSG, NAMES_PATH ": \"manifests\" is missing or no array");
	count = x->manifests ? json_object_array_length(x->manifests) : 0;
	for (size_t i = 0; !r && i < count; i++)
		r = names_index_push(s, x, json_object_array_get_idx(x->manifests, i), err);
	return r;
}

/* ---- the file ---- */

static int read_once(struct store *s, struct names_index *x, struct err *err)
{
	autoclose int fd = io_open(store_dirfd(s), NAMES_PATH, O_RDONLY, 0, err);
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &x->file) < 0)
		return err_sys(err, "stat " NAMES_PATH);
	clear_names(x);
	buf_reset(&x->text);
	r = io_read_fd(fd, NAMES_PATH, LAYOUT_INDEX_MAX, &x->text, err);
	if (r == -EFBIG)
		return err_set(err, EBADMSG, NAMES_PATH " is larger than %u bytes",
			       LAYOUT_INDEX_MAX);
	return r ? r : parse_text(s, x, err);
}

/* skopeo rewrites index.json in place: a moment in which it is cut short is no damage. */
static int read_index_file(struct store *s, struct names_index *x, struct err *err)
{
	const struct timespec pause = {.tv_nsec = READ_PAUSE_NS};
	int r = read_once(s, x, err);

	for (int tries = 1; r == -EBADMSG && tries < READ_TRIES; tries++) {
		nanosleep(&pause, NULL);
		r = read_once(s, x, err);
	}
	return r;
}

/* ---- beside its copy ---- */

static struct buf steal_text(struct names_copy *copy)
{
	struct buf text = copy->text;

	copy->text = (struct buf)BUF_INIT;
	return text;
}

/* The references of x, as keys. */
static struct map *references_of(struct names_index *x)
{
	struct map *m = map_new();

	for (size_t i = 0; m && i < x->count; i++)
		if (map_put(m, x->names[i].reference, strlen(x->names[i].reference), x) < 0) {
			map_free(m);
			return NULL;
		}
	return m;
}

/* "; gone since: …": names that the copy has, and the file of another program has not. */
static void list_gone(struct store *s, struct names_index *x, struct names_copy *copy,
		      struct buf *out)
{
	autoindex old = {.text = steal_text(copy)};
	struct map *has = references_of(x);
	size_t count = 0;

	if (has && parse_text(s, &old, NULL) == 0)
		for (size_t i = 0; i < old.count; i++) {
			const char *reference = old.names[i].reference;

			if (!map_get(has, reference, strlen(reference)) && count++ < GONE_SAID)
				buf_printf(out, "%s%s",
					   out->len ? ", " : "; gone since: ", reference);
		}
	if (count > GONE_SAID)
		buf_printf(out, " and %zu more", count - GONE_SAID);
	map_free(has);
}

static void notice_rewritten(struct store *s, struct names_index *x, struct names_copy *copy)
{
	autobuf gone = BUF_INIT;

	list_gone(s, x, copy, &gone);
	snprintf(x->notice.text, sizeof(x->notice.text),
		 NAMES_PATH " was written by another program: its names count%s",
		 gone.len ? gone.data : "");
}

static bool same_bytes(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

/* What was read can be understood. -EBADMSG: it is not what was written. */
static int compare_copy(struct store *s, struct names_index *x, struct names_copy *copy,
			struct err *err)
{
	bool at_once = stamp_is_same(x->file.st_mtim, copy->mtime);

	if (same_bytes(&x->text, &copy->text)) {
		x->copied = at_once && copy->exact;
		return 0;
	}
	if (at_once && copy->exact)
		return err_set(err, EBADMSG,
			       NAMES_PATH ": its bytes are not those that were written");
	if (!stamp_is_later(copy->mtime, x->file.st_mtim))
		notice_rewritten(s, x, copy);
	return 0;
}

static int take_copy(struct store *s, struct names_index *x, struct names_copy *copy,
		     const struct err *why, struct err *err)
{
	struct err again = {0};
	time_t age = time(NULL) - x->file.st_mtim.tv_sec;
	int r;

	/* What rots keeps its time. */
	x->fresh =
	    !stamp_is_same(x->file.st_mtim, copy->mtime) && age >= 0 && age < NAMES_SETTLED_S;
	clear_names(x);
	buf_free(&x->text);
	x->text = steal_text(copy);
	r = parse_text(s, x, &again);
	if (r == -ENOMEM)
		return err_nomem(err);
	if (r)
		return err_set(err, why->code, "%s", why->text);
	err_set(&x->notice, EBADMSG, "%s; the names are those of its copy in derived/", why->text);
	return 0;
}

/* Others are failures of this moment: too many open files, for one. */
static bool is_damage_of_file(int r)
{
	return r == -EBADMSG || r == -EIO || r == -ENOENT;
}

int names_index_read(struct store *s, struct names_index *out, struct err *err)
{
	autoindex x = {0};
	autocopy copy = {0};
	struct err why = {0};
	int r = read_index_file(s, &x, &why), copied;

	/* Read after the file, as a writer of both begins with the copy. */
	copied = r == -ENOMEM ? r : names_copy_read(s, &copy);
	if (copied == -ENOMEM)
		return err_nomem(err);
	if (!r && !copied)
		r = compare_copy(s, &x, &copy, &why);
	if (r && (copied || !is_damage_of_file(r)))
		return err_set(err, -r, "%s", why.text);
	if (r)
		r = take_copy(s, &x, &copy, &why, err);
	if (r)
		return r;
	*out = x;
	x = (struct names_index){0};
	return 0;
}
