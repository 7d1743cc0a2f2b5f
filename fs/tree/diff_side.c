/* SPDX-License-Identifier: MIT */
#include "fs/tree/diff_side.h"

#include "fs/core/fs.h"
#include "fs/core/job_sit.h"
#include "fs/docker/resolve.h"
#include "fs/tree/vn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES (256u << 10) /* of a file, read at a time */

struct diff_side {
	struct request rq; /* the job's own */
	struct cancel *cancel;
	struct repo_image *image; /* a reference */
	struct view *view;	  /* a lookup of it is counted */
	bool by_digest;		  /* some files were compared so */
	char piece[PIECE_BYTES];
};

void diff_side_close(struct diff_side *s)
{
	if (!s)
		return;
	request_leave(&s->rq);
	if (s->view)
		inodes_forget(s->rq.fs->inodes, view_ino(s->view, TREE_ROOT), 1);
	repo_image_put(s->image);
	free(s);
}

/* Who has not got the image is told how to get it. */
static int needs_pull(const char *word, const char *platform, struct err *err)
{
	struct err why = err ? *err : (struct err){0};

	return err_set(err, ENOENT, "%s: img pull %s%s%s%s first", why.text,
		       platform ? "--platform " : "", platform ? platform : "", platform ? " " : "",
		       word);
}

/* The image, and the repository in which it was found. */
static int side_image(struct fs *fs, const char *word, const char *platform, struct ref *ref,
		      struct image **out, struct err *err)
{
	autoresolved found = {0};
	int r = resolve(fs->store, &fs->platform, word, &found, err);

	if (r)
		return r == -ENOENT ? needs_pull(word, platform, err) : r;
	r = ref_parse(found.list[0]->reference, ref, err);
	if (!r)
		r = resolve_image(fs->store, &fs->platform, word, platform, NULL, out, err);
	return r == -ENOENT && platform ? needs_pull(word, platform, err) : r;
}

static int check_part(const struct diff_side *s, const char *word, const struct diff_part *part,
		      struct err *err)
{
	size_t count = repo_image_image(s->image)->manifest->layer_count;

	if (part->what == DIFF_IMAGE || part->layer < count)
		return 0;
	if (!count)
		return err_set(err, EINVAL, "%s has no layers", word);
	return err_set(err, EINVAL, "%s has no layer %zu: its layers are 0 to %zu", word,
		       part->layer, count - 1);
}

/* The view that images/ has, or would have, at the path of that name. */
static int find_view(struct diff_side *s, const struct diff_part *part, struct err *err)
{
	const struct ref *ref = repo_image_ref(s->image);
	size_t count = repo_image_image(s->image)->manifest->layer_count;
	bool own = part->what == DIFF_LAYER;
	autofree char *repository = ref_familiar_repository(ref);
	autobuf path = BUF_INIT;
	char text[DIGEST_TEXT_MAX], layer[VN_LAYER_NAME_MAX];
	struct found found = {0};
	int r;

	if (!repository)
		return err_nomem(err);
	buf_printf(&path, "images/%s/%s", repository, digest_text(&ref->digest, text));
	if (part->what != DIFF_IMAGE)
		buf_printf(&path, "/layers/%s", vn_layer_name(part->layer, count, layer));
	buf_puts(&path, own ? "/diff" : "/rootfs");
	if (buf_failed(&path))
		return err_nomem(err);
	r = view_find(&s->rq, path.data, s->image, own ? TREE_DIFF : TREE_MERGED,
		      own ? part->layer : 0,
		      own			 ? 1
		      : part->what == DIFF_UP_TO ? part->layer + 1
						 : count,
		      &found, err);
	s->view = found.view;
	return r;
}

int diff_side_open(struct fs *fs, struct job *j, const char *word, const struct diff_part *part,
		   struct diff_side **out, struct err *err)
{
	AUTO(diff_side_close) struct diff_side *s = calloc(1, sizeof(*s));
	AUTO(image_close) struct image *image = NULL;
	autoref ref = REF_INIT;
	int r;

	if (!s)
		return err_nomem(err);
	s->rq = (struct request){.fs = fs, .owner = true};
	s->cancel = job_cancel(j);
	r = side_image(fs, word, part->platform, &ref, &image, err);
	if (!r)
		r = repo_image_open(fs, &ref, &image->descriptor.digest, &s->image, err);
	if (!r)
		r = repo_image_load(fs, s->image, err);
	if (!r)
		r = check_part(s, word, part, err);
	if (!r)
		r = find_view(s, part, err);
	if (!r)
		r = diff_side_ready(s, err);
	if (r)
		return r;
	*out = steal(&s);
	return 0;
}

int diff_side_ready(struct diff_side *s, struct err *err)
{
	int r = FS_WAIT;

	request_leave(&s->rq); /* what was fetched for an earlier tree is no answer for this one */
	while (r == FS_WAIT)
		r = request_sit(&s->rq, s->cancel, view_ready(&s->rq, s->view, err), err);
	return r;
}

const struct tree *diff_side_tree(const struct diff_side *s)
{
	return view_tree(s->view);
}

const struct image *diff_side_image(const struct diff_side *s)
{
	return repo_image_image(s->image);
}

ssize_t diff_side_layer(const struct diff_side *s, uint32_t node)
{
	return view_layer(s->view, node);
}

/* All of the bytes, what is not here of them fetched. */
static int diff_side_read(struct diff_side *s, uint32_t node, uint64_t offset, size_t len,
			  struct err *err)
{
	int r = FS_WAIT;

	while (r == FS_WAIT) {
		ssize_t n = view_read(s->view, node, offset, s->piece, len, err);

		if (n >= 0) {
			s->rq.gaps = 0;
			return (size_t)n == len ? 0
						: err_set(err, EIO, "it is shorter than it says");
		}
		if (n != -ENODATA)
			return (int)n;
		r = request_sit(&s->rq, s->cancel,
				view_fetch(&s->rq, s->view, node, offset, len, err), err);
	}
	return r;
}

int diff_sides_same(struct diff_side *a, uint32_t a_node, struct diff_side *b, uint32_t b_node,
		    uint64_t size, struct err *err)
{
	enum layer_sameness same;
	int r = 0;

	if (view_same_entry(a->view, a_node, b->view, b_node))
		return 1;
	same = view_compare(a->view, a_node, b->view, b_node, size);
	if (same != LAYER_MAYBE_SAME) {
		a->by_digest = b->by_digest = true;
		return same == LAYER_SAME;
	}
	for (uint64_t at = 0; at < size; at += PIECE_BYTES) {
		size_t len = size - at < PIECE_BYTES ? (size_t)(size - at) : PIECE_BYTES;

		r = cancel_check(a->cancel, err);
		if (!r)
			r = diff_side_read(a, a_node, at, len, err);
		if (!r)
			r = diff_side_read(b, b_node, at, len, err);
		if (r)
			return r;
		if (memcmp(a->piece, b->piece, len) != 0)
			return 0;
	}
	return 1;
}

int diff_side_check(struct diff_side *s, struct err *err)
{
	if (!tree_intact(view_tree(s->view)))
		return err_set(err, EIO, "a merged tree was damaged while it was read");
	return s->by_digest ? view_check_digests(s->view, err) : 0;
}
