/* SPDX-License-Identifier: MIT */
#include "store/images/gc.h"

#include "store/disk/blob.h"
#include "store/disk/damage.h"
#include "store/disk/held.h"
#include "store/images/image.h"
#include "store/base/io.h"
#include "store/disk/layout.h"
#include "store/disk/lease.h"
#include "store/images/reach.h"
#include "store/tree/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is needed. */
struct marks {
	struct store *store;
	struct reach *reach; /* owned: digests of blobs, and those that name trees */
};

/* ---- mark ---- */

/* The trees of an image: of its layers up to each, and of each by itself. */
static int mark_trees(struct marks *m, const struct manifest *manifest, struct err *err)
{
	autofree struct layer_name *layers =
	    image_layer_names(m->store, manifest, 0, manifest->layer_count);
	struct digest name;
	int r = layers ? 0 : err_nomem(err);

	for (size_t i = 0; !r && i < manifest->layer_count; i++) {
		r = tree_digest(TREE_MERGED, layers, i + 1, &name, err);
		if (!r)
			r = reach_mark(m->reach, &name, err);
		if (!r)
			r = tree_digest(TREE_DIFF, &layers[i], 1, &name, err);
		if (!r)
			r = reach_mark(m->reach, &name, err);
	}
	return r;
}

static int gc_on_descriptor(void *arg, const struct descriptor *d, const struct manifest *m,
			    struct err *err)
{
	(void)d;
	return m ? mark_trees(arg, m, err) : 0;
}

static int on_leased(void *arg, const struct digest *digest, struct err *err)
{
	return reach_mark(((struct marks *)arg)->reach, digest, err);
}

/* Names first: what a lease holds is not looked into. */
static int mark(struct marks *m, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	int r = names_get(m->store, &names, err);

	for (size_t i = 0; !r && i < names_count(names); i++) {
		const struct name *n = names_at(names, i);

		r = reach_walk(m->reach, &n->descriptor, gc_on_descriptor, m, err);
		if (r)
			err_context(err, "nothing is deleted, as what %s needs is not known",
				    n->reference);
	}
	return r ? r : lease_each(m->store, on_leased, m, err);
}

static int marks_open(struct store *s, struct marks *m, struct err *err)
{
	*m = (struct marks){.store = s};
	return reach_open(s, &m->reach, err);
}

/* ---- sweep ---- */

struct sweep {
	struct gc *gc;
	const struct marks *marks;
	bool counts; /* what is derived does not, as in usage.h */
};

/* Unlinks; true where it was there. */
static bool drop(int dirfd, const char *name, struct stat *st)
{
	return fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st->st_mode) &&
	       unlinkat(dirfd, name, 0) == 0;
}

static int sweep_blob(void *arg, int dirfd, const char *name, const struct digest *digest,
		      struct err *err)
{
	struct sweep *s = arg;
	struct stat st;

	(void)err;
	if (reach_seen(s->marks->reach, digest))
		return 0;
	if (drop(dirfd, name, &st)) {
		s->gc->blobs++;
		s->gc->bytes += (uint64_t)st.st_size;
		if (s->gc->deleted)
			s->gc->deleted(s->gc->arg, digest, (uint64_t)st.st_size);
	}
	return 0;
}

/* HEX or HEX.SUFFIX, of a layer or tree whose digest has these digits. */
static int sweep_derived(void *arg, int dirfd, const char *name, struct err *err)
{
	struct sweep *s = arg;
	struct digest digest;
	struct stat st;

	(void)err;
	if (digest_parse_name(name, &digest) && reach_seen(s->marks->reach, &digest))
		return 0;
	if (drop(dirfd, name, &st) && s->counts)
		s->gc->bytes += (uint64_t)st.st_blocks * 512;
	return 0;
}

static int sweep_partial(void *arg, int dirfd, const char *name, struct err *err)
{
	struct sweep *s = arg;
	struct digest digest;
	struct stat st;

	(void)err;
	if (strchr(name, '.'))
		return 0; /* held, which is swept as what names need */
	if (digest_parse_name(name, &digest) &&
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    blob_drop_partial(s->marks->store, &digest))
		s->gc->bytes += (uint64_t)st.st_blocks * 512;
	return 0;
}

/* Of blobs that are here in part. */
static int sweep_held(void *arg, int dirfd, const char *name, struct err *err)
{
	struct stat st;

	if (held_map_is_alone(dirfd, name)) {
		drop(dirfd, name, &st);
		return 0;
	}
	return strchr(name, '.') ? sweep_derived(arg, dirfd, name, err) : 0;
}

static int sweep(struct sweep *s, struct err *err)
{
	int dirfd = store_dirfd(s->marks->store);
	int r = blob_each(s->marks->store, sweep_blob, s, err);

	if (!r)
		r = io_each_file(dirfd, "derived/layers", sweep_derived, s, err);
	if (!r)
		r = io_each_file(dirfd, "derived/trees", sweep_derived, s, err);
	if (!r)
		r = io_each_file(dirfd, DAMAGE_DIRECTORY, sweep_derived, s, err);
	s->counts = true;
	if (!r)
		r = io_each_file(dirfd, "partial", sweep_held, s, err);
	if (r || !s->gc->partial)
		return r;
	layout_sweep(dirfd);
	return io_each_file(dirfd, "partial", sweep_partial, s, err);
}

/* ---- all of it ---- */

static int mark_and_sweep(struct store *s, struct gc *gc, struct err *err)
{
	struct marks marks;
	struct sweep work = {.gc = gc, .marks = &marks};
	int r = marks_open(s, &marks, err);

	if (!r)
		r = mark(&marks, err);
	if (!r)
		r = sweep(&work, err);
	reach_close(marks.reach);
	return r;
}

/* Room for a new index.json: garbage first; then trees, which are quickly made again. */
static int gc_make_room(struct store *s, struct gc *gc, struct err *err)
{
	struct marks none;
	struct sweep work = {.gc = gc, .marks = &none};
	int r = mark_and_sweep(s, gc, err);

	if (r)
		return r;
	r = marks_open(s, &none, err);
	if (!r)
		r = io_each_file(store_dirfd(s), "derived/trees", sweep_derived, &work, err);
	reach_close(none.reach);
	return r;
}

static int remove_names(struct store *s, struct gc *gc, struct err *err)
{
	int r = gc->count ? names_edit_locked(s, gc->names, gc->count, err) : 0;

	if (r != -ENOSPC)
		return r;
	r = gc_make_room(s, gc, err);
	return r ? r : names_edit_locked(s, gc->names, gc->count, err);
}

int gc_run(struct store *s, struct gc *gc, struct err *err)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	int r = store_lock(s, &lock, err);

	if (!r)
		r = remove_names(s, gc, err);
	return r || gc->only_names ? r : mark_and_sweep(s, gc, err);
}
