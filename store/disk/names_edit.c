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

/* index.json while it is being changed. */
struct edit {
	struct store *store;
	struct names_index index;
	bool changed;
};

static void edit_remove(struct edit *e, size_t i)
{
	struct names_index *x = &e->index;

	json_object_array_del_idx(x->manifests, i, 1);
	name_clear(&x->names[i]);
	memmove(&x->names[i], &x->names[i + 1], (x->count - i - 1) * sizeof(*x->names));
	x->count--;
	e->changed = true;
}

/* The name borrows. */
static int edit_add(struct edit *e, const struct name *n, struct err *err)
{
	struct json_object *o = names_edit_descriptor_object(n);

	if (!o || json_object_array_add(e->index.manifests, o)) {
		json_object_put(o);
		return err_nomem(err);
	}
	e->changed = true;
	return names_index_push(e->store, &e->index, o, err);
}

/* ---- the changes ---- */

static bool is_named(const struct edit *e, const struct digest *digest)
{
	for (size_t i = 0; i < e->index.count; i++)
		if (digest_equal(&e->index.names[i].descriptor.digest, digest))
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
	for (size_t i = e->index.count; !*r && i-- > 0;) {
		struct name *n = &e->index.names[i];

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
	for (size_t i = e->index.count; !r && i-- > 0;)
		if (e->index.names[i].dangling &&
		    digest_equal(&e->index.names[i].descriptor.digest, &c->set->digest))
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

/* The new file, not yet in its place. */
static int write_text(struct store *s, const char *text, size_t len, const struct stat *old,
		      struct io_tmp *t, struct err *err)
{
	int r = io_tmp_open(store_dirfd(s), NAMES_PATH, old->st_mode ? old->st_mode & 0777 : 0600,
			    t, err);

	if (r)
		return r;
	r = io_write_all(t->fd, text, len, err);
	if (r)
		io_tmp_abort(t);
	return r;
}

/* With its copy, which comes first (names_private.h); but last where it is the only one that is good. */
static int replace_index(struct store *s, const struct names_index *x, const char *text, size_t len,
			 struct err *err)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, later_than(x->file.st_mtim)};
	struct stat now;
	struct io_tmp t;
	bool exact;
	int r = write_text(s, text, len, &x->file, &t, err);

	if (r)
		return r;
	if (futimens(t.fd, times) < 0 || fstat(t.fd, &now) < 0) {
		r = err_sys(err, "set the time of " NAMES_PATH);
		io_tmp_abort(&t);
		return r;
	}
	exact = now.st_mtim.tv_nsec == times[1].tv_nsec; /* a disk may keep whole seconds */
	if (!x->notice.code)
		names_copy_write(s, text, len, &now, exact);
	r = store_unsynced(s, io_tmp_commit(&t, NAMES_PATH, err));
	if (!r && x->notice.code)
		names_copy_write(s, text, len, &now, exact);
	return r;
}

/* In the place of what x was read from. */
static int put_in_place(struct store *s, const struct names_index *x, const char *text, size_t len,
			struct err *err)
{
	struct err mended = {0};
	int r;

	if (x->notice.code)
		names_put_aside(s);
	r = replace_index(s, x, text, len, err);
	if (!r && x->notice.code) {
		snprintf(mended.text, sizeof(mended.text),
			 "%.900s; it was written anew, and the old one is " NAMES_DAMAGED,
			 x->notice.text);
		names_notice_next(s, &mended);
	}
	return r;
}

static int write_index(struct edit *e, struct err *err)
{
	const char *text;
	size_t len;

	text = json_object_to_json_string_length(e->index.doc, JSON_TEXT_FLAGS, &len);
	if (!text)
		return err_nomem(err);
	if (len > LAYOUT_INDEX_MAX)
		return err_set(err, EFBIG, NAMES_PATH " would be larger than %u bytes",
			       LAYOUT_INDEX_MAX);
	return put_in_place(e->store, &e->index, text, len, err);
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

/* skopeo writes index.json in place: what it is about to write must not be lost. */
static int still_written(const struct names_index *x, struct err *err)
{
	return err_set(err, EAGAIN, "%s, if another program is not about to write it",
		       x->notice.text);
}

static int open_edit(struct edit *e, struct err *err)
{
	struct names_index *x = &e->index;
	int r = names_index_read(e->store, x, err);

	if (!r && x->fresh)
		return still_written(x, err);
	if (!r && !x->manifests) {
		x->manifests = json_object_new_array();
		if (!json_add(x->doc, "manifests", x->manifests))
			return err_nomem(err);
	}
	return r;
}

int names_edit_locked(struct store *s, struct names_change *changes, size_t count, struct err *err)
{
	struct edit e = {.store = s};
	int r = 0;

	for (size_t i = 0; !r && i < count; i++)
		r = changes[i].set ? check_reference(changes[i].reference, err) : 0;
	if (!r)
		r = open_edit(&e, err);
	for (size_t i = 0; !r && i < count; i++)
		r = changes[i].set ? apply_set(&e, &changes[i], err)
				   : apply_remove(&e, &changes[i], err);
	if (!r && e.changed)
		r = write_index(&e, err);
	names_index_clear(&e.index);
	return r;
}

int names_edit(struct store *s, struct names_change *changes, size_t count, struct err *err)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	int r = store_lock(s, &lock, err);

	return r ? r : names_edit_locked(s, changes, count, err);
}

int names_settle_locked(struct store *s, bool opening, struct err *err)
{
	autoindex x = {0};
	int r = names_index_read(s, &x, err);

	if (r)
		return r;
	if (x.notice.code) {
		r = x.fresh ? still_written(&x, err)
			    : put_in_place(s, &x, x.text.data, x.text.len, err);
		return opening ? 0 : r;
	}
	if (opening && *x.notice.text)
		names_notice_next(s, &x.notice);
	/* A second change within one tick of the clock has the same time. */
	if (!x.copied)
		names_copy_write(s, x.text.data, x.text.len, &x.file,
				 time(NULL) - x.file.st_mtim.tv_sec >= NAMES_SETTLED_S);
	return 0;
}

int names_settle(struct store *s, struct err *err)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	int r = store_lock(s, &lock, err);

	return r ? r : names_settle_locked(s, false, err);
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
