/* SPDX-License-Identifier: MIT */
#include "store/images/fsck_private.h"

#include "store/base/io.h"
#include "store/base/map.h"
#include "store/disk/blob.h"
#include "store/images/reach.h"
#include "store/layer/layer_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct fsck {
	struct store *store;	  /* borrowed */
	struct fsck_scope all;	  /* wanted NULL: all */
	struct names *names;	  /* a reference; of the last look */
	struct map *by_digest;	  /* owned; text → struct fsck_blob */
	struct fsck_blob **blobs; /* owned */
	size_t count, room;
	bool lost; /* a document made no sense in the last look */
};

int fsck_open(struct store *s, const struct fsck_scope *scope, struct fsck **out, struct err *err)
{
	struct fsck *f = calloc(1, sizeof(*f));

	if (!f)
		return err_nomem(err);
	f->store = s;
	if (scope)
		f->all = *scope;
	f->by_digest = map_new();
	if (!f->by_digest) {
		free(f);
		return err_nomem(err);
	}
	*out = f;
	return 0;
}

static void fsck_free_blob(struct fsck_blob *b)
{
	if (!b)
		return;
	descriptor_clear(&b->descriptor);
	free(b->names);
	free(b);
}

void fsck_close(struct fsck *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		fsck_free_blob(f->blobs[i]);
	free(f->blobs);
	map_free(f->by_digest);
	names_put(f->names);
	free(f);
}

size_t fsck_count(const struct fsck *f)
{
	return f->count;
}

struct fsck_blob *fsck_at(const struct fsck *f, size_t i)
{
	return f->blobs[i];
}

const struct names *fsck_names(const struct fsck *f)
{
	return f->names;
}

bool fsck_is_document(const struct fsck_blob *b)
{
	const char *type = b->descriptor.media_type;

	return type && (oci_type_is_index(type) || oci_type_is_manifest(type));
}

bool fsck_knows_all(const struct fsck *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (fsck_is_document(f->blobs[i]) &&
		    (f->blobs[i]->state == FSCK_DAMAGED || f->blobs[i]->state == FSCK_MISSING))
			return false;
	return !f->lost;
}

/* ---- what there is ---- */

static struct fsck_blob *new_blob(struct fsck *f, const struct digest *digest, const char *key)
{
	struct fsck_blob *b;

	if (f->count == f->room) {
		size_t room = f->room ? 2 * f->room : 256;
		struct fsck_blob **blobs = reallocarray(f->blobs, room, sizeof(struct fsck_blob *));

		if (!blobs)
			return NULL;
		f->blobs = blobs;
		f->room = room;
	}
	b = calloc(1, sizeof(*b));
	if (!b || map_put(f->by_digest, key, strlen(key), b) < 0) {
		free(b);
		return NULL;
	}
	b->descriptor.digest = *digest;
	f->blobs[f->count++] = b;
	return b;
}

static struct fsck_blob *find_blob(struct fsck *f, const struct digest *digest)
{
	char key[DIGEST_TEXT_MAX];
	struct fsck_blob *b;

	digest_text(digest, key);
	b = map_get(f->by_digest, key, strlen(key));
	return b ? b : new_blob(f, digest, key);
}

static int describe_blob(struct fsck *f, const struct descriptor *d, struct fsck_blob **out,
			 struct err *err)
{
	struct fsck_blob *b = find_blob(f, &d->digest);

	*out = b;
	if (!b)
		return err_nomem(err);
	return b->descriptor.media_type ? 0 : descriptor_copy(&b->descriptor, d, err);
}

static int add_name(struct fsck_blob *b, size_t name, struct err *err)
{
	size_t *names;

	if (b->name_count > 0 && b->names[b->name_count - 1] == name)
		return 0;
	if ((b->name_count & (b->name_count - 1)) == 0) { /* full: it has a power of two */
		names =
		    reallocarray(b->names, b->name_count ? 2 * b->name_count : 1, sizeof(*names));
		if (!names)
			return err_nomem(err);
		b->names = names;
	}
	b->names[b->name_count++] = name;
	return 0;
}

struct fsck_walk {
	struct fsck *fsck;
	size_t name;
};

static int fsck_on_descriptor(void *arg, const struct descriptor *d, const struct manifest *m,
			      struct err *err)
{
	struct fsck_walk *w = arg;
	struct fsck_blob *b;
	int r = describe_blob(w->fsck, d, &b, err);

	if (!r)
		r = add_name(b, w->name, err);
	if (r || !m)
		return r;
	r = describe_blob(w->fsck, &m->config, &b, err);
	if (!r)
		b->required = true; /* a manifest and its config come together */
	return r;
}

/* What cannot be understood, though its digest is right, leads nowhere, as ever. */
static int walk_name(struct fsck *f, size_t i, struct err *err)
{
	const struct name *n = names_at(f->names, i);
	AUTO(reach_close) struct reach *reach = NULL;
	struct fsck_walk w = {f, i};
	struct fsck_blob *top;
	int r = reach_open(f->store, &reach, err);

	if (!r)
		r = describe_blob(f, &n->descriptor, &top, err);
	if (r)
		return r;
	top->required = true;
	reach_pass_damage(reach);
	r = reach_walk(reach, &n->descriptor, fsck_on_descriptor, &w, err);
	f->lost |= r < 0;
	return r == -ENOMEM ? r : 0;
}

static int walk_names(struct fsck *f, struct err *err)
{
	struct names *names;
	int r = names_get(f->store, &names, err);

	if (r)
		return r;
	names_put(f->names);
	f->names = names;
	f->lost = false;
	for (size_t i = 0; i < f->count; i++)
		f->blobs[i]->name_count = 0;
	for (size_t i = 0; !r && i < names_count(names); i++)
		if (!f->all.wanted || f->all.wanted(f->all.arg, names_at(names, i)))
			r = walk_name(f, i, err);
	return r;
}

static int fsck_on_file(void *arg, int dirfd, const char *name, const struct digest *digest,
			struct err *err)
{
	(void)dirfd;
	(void)name;
	return find_blob(arg, digest) ? 0 : err_nomem(err);
}

/* ---- the look ---- */

/* No file: it was here where a manifest needs it beside itself, or an index was made of all of its bytes. */
static bool was_here(struct store *s, const struct fsck_blob *b)
{
	uint64_t size;

	return b->required || layer_index_peek(s, &b->descriptor.digest, &size, NULL) == 0;
}

/* Whether there is something to be read. */
static bool find_file(struct store *s, struct fsck_blob *b)
{
	char path[BLOB_PATH_MAX];
	struct stat st;

	b->size = 0;
	if (fstatat(store_dirfd(s), blob_path(&b->descriptor.digest, path), &st,
		    AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode)) {
		b->size = (uint64_t)st.st_size;
		return true;
	}
	b->state = was_here(s, b) ? FSCK_MISSING : FSCK_ABSENT;
	return false;
}

int fsck_look(struct fsck *f, struct cancel *cancel, const struct fsck_watch *watch,
	      struct err *err)
{
	autofree struct fsck_blob **unread = NULL;
	size_t count = 0;
	int r = walk_names(f, err);

	if (!r && !f->all.wanted)
		r = blob_each(f->store, fsck_on_file, f, err);
	if (r)
		return r;
	unread = calloc(f->count + 1, sizeof(struct fsck_blob *));
	if (!unread)
		return err_nomem(err);
	for (size_t i = 0; i < f->count; i++)
		if (f->blobs[i]->state == FSCK_UNSEEN && find_file(f->store, f->blobs[i]))
			unread[count++] = f->blobs[i];
	return fsck_read(f->store, unread, count, cancel, watch, err);
}
