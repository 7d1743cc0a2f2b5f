/* SPDX-License-Identifier: MIT */
#include "store/archive/archive_load.h"

#include "store/archive/archive_docker.h"
#include "store/archive/archive_members.h"
#include "store/archive/archive_oci.h"
#include "store/archive/archive_plan.h"
#include "store/archive/archive_stream.h"

#include <errno.h>

struct archive_loader {
	struct archive_load load;
	struct archive_members *members; /* owned */
	struct archive_stream *stream;	 /* owned; gives to the members */
};

int archive_loader_open(const struct archive_load *load, struct archive_loader **out,
			struct err *err)
{
	AUTO(archive_loader_close) struct archive_loader *l = calloc(1, sizeof(*l));
	int r = l ? store_writable(load->store, err) : err_nomem(err);

	if (r < 0)
		return r;
	l->load = *load;
	r = archive_members_open(load->store, &l->members, err);
	if (!r) {
		struct archive_sink sink = archive_members_sink(l->members);

		r = archive_stream_open(&sink, &l->stream, err);
	}
	if (!r)
		*out = steal(&l);
	return r;
}

static int archive_load_make_plan(struct archive_loader *l, struct archive_plan *p, struct err *err)
{
	bool is_layout = archive_members_find(l->members, "oci-layout");
	int r = is_layout ? archive_oci_plan(p, l->members, l->load.only, err) : 0;

	/* A layout that lists nothing may have them in docker's way. */
	if (is_layout &&
	    (r || archive_plan_images(p) > 0 || !archive_members_find(l->members, "manifest.json")))
		return r;
	if (archive_members_find(l->members, "manifest.json"))
		return archive_docker_plan(p, l->members, l->load.only, err);
	return err_set(err, ENOENT, "unrecognized image format");
}

/* A document that is malformed, and one that is missing, is the archive's fault, here. */
static int blame(const struct archive_loader *l, int r, bool cut, struct err *err)
{
	if (r != -EPROTO && r != -ENOENT)
		return r;
	if (err)
		err->code = EBADMSG;
	if (cut && r == -ENOENT)
		err_context(err, "unexpected EOF, at byte %llu of the archive",
			    (unsigned long long)archive_stream_offset(l->stream));
	return -EBADMSG;
}

static int no_image(const struct archive_loader *l, const struct archive_plan *p, struct err *err)
{
	char text[PLATFORM_TEXT_MAX];

	if (l->load.only)
		return err_set(err, ENOENT, "no image for %s in the archive",
			       platform_text(l->load.only, text));
	if (archive_plan_skipped(p))
		return err_set(err, EOPNOTSUPP, "no image in the archive, but %s",
			       archive_plan_skipped(p));
	return err_set(err, EBADMSG, "no image in the archive");
}

/* All members are in. */
static int archive_load_load(struct archive_loader *l, bool cut, struct cancel *cancel,
			     struct err *err)
{
	AUTO(archive_plan_close) struct archive_plan *p = NULL;
	int r =
	    archive_plan_open(l->load.store, archive_members_memory(l->members), cancel, &p, err);

	if (!r)
		r = blame(l, archive_load_make_plan(l, p, err), cut, err);
	if (!r && archive_plan_images(p) == 0)
		r = no_image(l, p, err);
	if (!r)
		r = archive_plan_publish(p, l->load.loaded, l->load.arg, err);
	if (!r && archive_plan_skipped(p) && l->load.skipped)
		l->load.skipped(l->load.arg, archive_plan_skipped(p));
	return r;
}

/* No more comes: the archive ends here, without its end marker. */
static int archive_load_end(struct archive_loader *l, struct cancel *cancel, struct err *err)
{
	const char *member = archive_members_current(l->members);
	int r = archive_stream_finish(l->stream, err);

	if (r == -EBADMSG && member)
		return err_context(err, "member %.200s", member);
	if (r == 0)
		r = archive_load_load(l, true, cancel, err);
	return r ? r : FEED_DONE;
}

int archive_loader_feed(struct archive_loader *l, const void *data, size_t len,
			struct cancel *cancel, size_t *used, struct err *err)
{
	int r;

	if (len == 0)
		return archive_load_end(l, cancel, err);
	r = archive_stream_feed(l->stream, data, len, cancel, used, err);
	if (r != FEED_DONE)
		return r;
	r = archive_load_load(l, false, cancel, err);
	return r ? r : FEED_DONE;
}

void archive_loader_close(struct archive_loader *l)
{
	if (!l)
		return;
	archive_stream_close(l->stream);
	archive_members_close(l->members);
	free(l);
}
