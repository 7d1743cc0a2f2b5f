/* SPDX-License-Identifier: MIT */
#include "store/disk/blob_source.h"

#include "store/base/clock.h"
#include "store/base/io.h"
#include "store/disk/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>

struct blob_source {
	struct held *held; /* owned; NULL: the blob is whole */
	int fd;		   /* of the bytes; owned where the blob is whole */
	uint64_t size;
	_Atomic int64_t touched; /* of a whole one: as io_note_use has it */
};

static int blob_source_new(int fd, uint64_t size, struct held *held, struct blob_source **out,
			   struct err *err)
{
	struct blob_source *b = malloc(sizeof(*b));

	if (!b)
		return err_nomem(err);
	*b = (struct blob_source){held, fd, size, 0};
	*out = b;
	return 0;
}

int blob_source_open(struct store *s, const struct digest *digest, struct blob_source **out,
		     struct err *err)
{
	uint64_t size;
	autoclose int fd = blob_open(s, digest, &size, err);
	int r = fd < 0 ? fd : blob_source_new(fd, size, NULL, out, err);

	if (r)
		return r;
	steal_fd(&fd);
	if (store_writable(s, NULL) < 0)
		atomic_store(&(*out)->touched, INT64_MAX); /* nothing of it is ours to touch */
	return 0;
}

int blob_source_open_held(struct held *held, struct blob_source **out, struct err *err)
{
	int r = blob_source_new(held_fd(held), held_size(held), held, out, err);

	if (r)
		held_close(held);
	return r;
}

void blob_source_close(struct blob_source *b)
{
	if (!b)
		return;
	if (b->held)
		held_close(b->held);
	else
		close(b->fd);
	free(b);
}

struct held *blob_source_held(const struct blob_source *b)
{
	return b->held;
}

uint64_t blob_source_size(const struct blob_source *b)
{
	return b->size;
}

bool blob_source_missing(const struct blob_source *b, struct byte_range *r)
{
	if (b->held)
		return held_missing(b->held, r);
	if (r->first < b->size)
		r->first = r->end < b->size ? r->end : b->size;
	return r->first < r->end;
}

bool blob_source_seen(const struct blob_source *b, struct byte_range r)
{
	return !b->held || held_seen(b->held, r);
}

void blob_source_used(struct blob_source *b, struct byte_range r)
{
	if (b->held)
		held_used(b->held, r);
	else
		io_note_use(b->fd, &b->touched, clock_wall_ms());
}

void blob_source_expect(const struct blob_source *b, size_t len, uint64_t offset)
{
	posix_fadvise(b->fd, (off_t)offset, (off_t)len, POSIX_FADV_WILLNEED);
}

int blob_source_read(const struct blob_source *b, void *data, size_t len, uint64_t offset,
		     struct err *err)
{
	struct byte_range r = {offset, offset + len};

	if (blob_source_missing(b, &r))
		return err_set(err, ENODATA, "bytes %llu to %llu of the blob are not here",
			       (unsigned long long)r.first, (unsigned long long)r.end - 1);
	return io_pread_all(b->fd, data, len, (off_t)offset, err);
}

int blob_source_whole_fd(const struct blob_source *b)
{
	return b->held ? -1 : b->fd;
}
