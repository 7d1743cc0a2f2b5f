/* SPDX-License-Identifier: MIT */
#include "store/base/io.h"
#include "store/base/stamp.h"
#include "store/disk/layout.h"
#include "store/disk/layout_name.h"
#include "store/disk/names_private.h"
#include "store/oci/ref.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- one descriptor ---- */

static struct json_object *names_edit_platform_object(const struct platform *p)
{
	autojson *o = json_object_new_object();

	if (!o || !json_add_text(o, "architecture", p->architecture) ||
	    !json_add_text(o, "os", p->os) ||
	    (p->variant[0] && !json_add_text(o, "variant", p->variant)))
		return NULL;
	return steal(&o);
}

static struct json_object *annotations_object(const struct name *n)
{
	autojson *o = json_object_new_object();
	char text[64], seconds[32];
	struct tm tm;

	gmtime_r(&n->pulled.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%09ldZ", seconds, n->pulled.tv_nsec);
	if (!o || !json_add_text(o, LAYOUT_REFERENCE, n->reference) ||
	    !json_add_text(o, NAMES_PULLED, text) ||
	    (n->dangling && !json_add_text(o, NAMES_DANGLING, "true")) ||
	    (n->looked_up && !json_add_text(o, NAMES_LOOKED_UP, "true")))
		return NULL;
	return steal(&o);
}

static struct json_object *names_edit_descriptor_object(const struct name *n)
{
	autojson *o = json_object_new_object();
	const struct descriptor *d = &n->descriptor;
	char text[DIGEST_TEXT_MAX];

	if (!o || !json_add_text(o, "mediaType", d->media_type) ||
	    !json_add_text(o, "digest", digest_text(&d->digest, text)) ||
	    !json_add(o, "size", json_object_new_uint64(d->size)) ||
	    (d->has_platform &&
	     !json_add(o, "platform", names_edit_platform_object(&d->platform))) ||
	    !json_add(o, "annotations", annotations_object(n)))
		return NULL;
	return steal(&o);
}

/* ---- the list ---- */

/* index.json while it is being changed: the names beside the array's elements, in its order. */
struct edit {
	struct store *store;
	struct json_object *manifests; /* borrowed */
	struct name *names;	       /* owned */
	size_t count, room;
	struct stat file; /* as it was read */
	bool changed;
};

static void edit_clear(struct edit *e)
{
	for (size_t i = 0; i < e->count; i++)
		name_clear(&e->names[i]);
	free(e->names);
}

static int edit_push(struct edit *e, const struct json_object *o, struct err *err)
{
	int r;

	if (e->count == e->room) {
		size_t room = e->room ? 2 * e->room : 64;
		struct name *names = reallocarray(e->names, room, sizeof(*names));

		if (!names)
			return err_nomem(err);
		e->names = names;
		e->room = room;
	}
	e->names[e->count] = (struct name){0};
	r = name_parse(e->store, o, &e->names[e->count], err);
	e->count += !r;
	return r;
}

static void edit_remove(struct edit *e, size_t i)
{
	json_object_array_del_idx(e->manifests, i, 1);
	name_clear(&e->names[i]);
	memmove(&e->names[i], &e->names[i + 1], (e->count - i - 1) * sizeof(*e->names));
	e->count--;
	e->changed = true;
}

/* The name borrows. */
static int edit_add(struct edit *e, const struct name *n, struct err *err)
{
	struct json_object *o = names_edit_descriptor_object(n);

	if (!o || json_object_array_add(e->manifests, o)) {
		json_object_put(o);
		return err_nomem(err);
	}
	e->changed = true;
	return edit_push(e, o, err);
}

/* ---- the changes ---- */

static bool is_named(const struct edit *e, const struct digest *digest)
{
	for (size_t i = 0; i < e->count; i++)
		if (digest_equal(&e->names[i].descriptor.digest, digest))
			return true;
	return false;
}

/* An image that has just lost a name of that repository to another one. */
static int leave_dangling(struct edit *e, const struct name *old, struct err *err)
{
	autoref ref = REF_INIT;
	autofree char *reference = NULL;
	struct name dangling = *old;
	int r;

	if (is_named(e, &old->descriptor.digest))
		return 0;
	r = ref_parse(old->reference, &ref, err);
	if (r)
		return r;
	ref.has_digest = true;
	ref.digest = old->descriptor.digest;
	dangling.reference = reference = ref_full(&ref);
	dangling.dangling = true;
	return reference ? edit_add(e, &dangling, err) : err_nomem(err);
}

/* A removal is for that name only. */
static bool is_meant(const struct names_change *c, const struct name *n)
{
	return strcmp(n->reference, c->reference) == 0 &&
	       (!c->only || digest_equal(&n->descriptor.digest, c->only)) &&
	       (!c->only_looked_up || n->looked_up);
}

/* Takes the name's descriptors away; the last one goes to *old, which the caller clears. */
static bool names_edit_take(struct edit *e, const struct names_change *c, struct name *old,
			    struct err *err, int *r)
{
	bool found = false;

	*r = 0;
	for (size_t i = e->count; !*r && i-- > 0;) {
		struct name *n = &e->names[i];

		if (!is_meant(c, n))
			continue;
		name_clear(old);
		*old = (struct name){.pulled = n->pulled, .looked_up = n->looked_up};
		old->reference = strdup(n->reference);
		*r = old->reference ? descriptor_copy(&old->descriptor, &n->descriptor, err)
				    : err_nomem(err);
		edit_remove(e, i);
		found = true;
	}
	return found;
}

static int apply_set(struct edit *e, const struct names_change *c, struct err *err)
{
	struct name old = {0}, new = {.reference = (char *)c->reference,
				      .descriptor = *c->set,
				      .dangling = c->dangling,
				      .looked_up = c->looked_up};
	bool replaced;
	int r;

	if (c->dangling && is_named(e, &c->set->digest))
		return 0;
	if (c->named && !is_named(e, &c->set->digest))
		return err_set(err, ENOENT, "what %s is to name has been removed", c->reference);
	replaced = names_edit_take(e, c, &old, err, &r);
	for (size_t i = e->count; !r && i-- > 0;)
		if (e->names[i].dangling &&
		    digest_equal(&e->names[i].descriptor.digest, &c->set->digest))
			edit_remove(e, i);
	if (replaced && !old.looked_up)
		new.looked_up = false;
	clock_gettime(CLOCK_REALTIME, &new.pulled);
	if (!r)
		r = edit_add(e, &new, err);
	if (!r && replaced)
		r = leave_dangling(e, &old, err);
	name_clear(&old);
	return r;
}

static int apply_remove(struct edit *e, struct names_change *c, struct err *err)
{
	struct name old = {0};
	int r;

	c->done = names_edit_take(e, c, &old, err, &r);
	name_clear(&old);
	return r;
}

/* ---- the file ---- */

static struct timespec later_than(struct timespec old)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return stamp_behind(old, now);
}

static int write_index(struct store *s, struct json_object *doc, const struct stat *old,
		       struct err *err)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, later_than(old->st_mtim)};
	const char *text;
	struct io_tmp t;
	size_t len;
	int r;

	text = json_object_to_json_string_length(doc, JSON_TEXT_FLAGS, &len);
	if (!text)
		return err_nomem(err);
	if (len > LAYOUT_INDEX_MAX)
		return err_set(err, EFBIG, NAMES_PATH " would be larger than %u bytes",
			       LAYOUT_INDEX_MAX);
	r = io_tmp_open(store_dirfd(s), NAMES_PATH, old->st_mode & 0777, &t, err);
	if (r)
		return r;
	r = io_write_all(t.fd, text, len, err);
	if (!r && futimens(t.fd, times) < 0)
		r = err_sys(err, "set the time of " NAMES_PATH);
	if (r) {
		io_tmp_abort(&t);
		return r;
	}
	return store_unsynced(s, io_tmp_commit(&t, NAMES_PATH, err));
}

/* A name that is written is a full reference, so that it is read as what it was set to. */
static int check_reference(const char *reference, struct err *err)
{
	autoref ref = REF_INIT;
	autofree char *full = NULL;
	int r = ref_parse(reference, &ref, err);

	if (r < 0)
		return err_context(err, "name \"%.80s\"", reference);
	full = ref_full(&ref);
	if (!full)
		return err_nomem(err);
	return strcmp(full, reference) == 0
		   ? 0
		   : err_set(err, EINVAL, "name \"%.80s\": not a full reference", reference);
}

static int open_edit(struct edit *e, struct json_object **doc, struct err *err)
{
	int r = names_read_index(e->store, doc, &e->manifests, &e->file, err);

	if (!r && !e->manifests) {
		e->manifests = json_object_new_array();
		if (!json_add(*doc, "manifests", e->manifests))
			return err_nomem(err);
	}
	for (size_t i = 0; !r && i < json_object_array_length(e->manifests); i++)
		r = edit_push(e, json_object_array_get_idx(e->manifests, i), err);
	return r;
}

int names_edit_locked(struct store *s, struct names_change *changes, size_t count, struct err *err)
{
	struct edit e = {.store = s};
	autojson *doc = NULL;
	int r = 0;

	for (size_t i = 0; !r && i < count; i++)
		r = changes[i].set ? check_reference(changes[i].reference, err) : 0;
	if (!r)
		r = open_edit(&e, &doc, err);
	for (size_t i = 0; !r && i < count; i++)
		r = changes[i].set ? apply_set(&e, &changes[i], err)
				   : apply_remove(&e, &changes[i], err);
	if (!r && e.changed)
		r = write_index(s, doc, &e.file, err);
	edit_clear(&e);
	return r;
}

int names_edit(struct store *s, struct names_change *changes, size_t count, struct err *err)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	int r = store_lock(s, &lock, err);

	return r ? r : names_edit_locked(s, changes, count, err);
}

int names_set(struct store *s, const char *reference, const struct descriptor *d, struct err *err)
{
	struct names_change c = {.reference = reference, .set = d};

	return names_edit(s, &c, 1, err);
}

int names_remove(struct store *s, const char *reference, struct err *err)
{
	struct names_change c = {.reference = reference};
	int r = names_edit(s, &c, 1, err);

	if (!r && !c.done)
		return err_set(err, ENOENT, "no such name: %s", reference);
	return r;
}
