/* SPDX-License-Identifier: MIT */
#include "store/disk/blob_source.h"

#include "store/base/io.h"
#include "store/disk/blob.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

struct blob_source {
	int fd; /* owned */
	uint64_t size;
	struct ranges held;
};

static int blob_source_new(int fd, uint64_t size, struct ranges *held, struct blob_source **out,
			   struct err *err)
{
	struct blob_source *b = calloc(1, sizeof(*b));

	if (!b) {
		close(fd);
		ranges_clear(held);
		return err_nomem(err);
	}
	*b = (struct blob_source){fd, size, *held};
	*held = (struct ranges)RANGES_INIT;
	*out = b;
	return 0;
}

int blob_source_open(struct store *s, const struct digest *digest, struct blob_source **out,
		     struct err *err)
{
	struct ranges held = RANGES_INIT;
	uint64_t size;
	autoclose int fd = blob_open(s, digest, &size, err);
	int r;

	if (fd < 0)
		return fd;
	r = ranges_add(&held, (struct byte_range){0, size}, err);
	return r ? r : blob_source_new(steal_fd(&fd), size, &held, out, err);
}

int blob_source_open_part(int fd, uint64_t size, struct ranges *held, struct blob_source **out,
			  struct err *err)
{
	assert(held->count == 0 || held->list[held->count - 1].end <= size);
	return blob_source_new(fd, size, held, out, err);
}

void blob_source_close(struct blob_source *b)
{
	if (!b)
		return;
	close(b->fd);
	ranges_clear(&b->held);
	free(b);
}

uint64_t blob_source_size(const struct blob_source *b)
{
	return b->size;
}

bool blob_source_missing(const struct blob_source *b, struct byte_range *r)
{
	return ranges_missing(&b->held, r);
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
	struct byte_range r = {0, b->size};

	return blob_source_missing(b, &r) ? -1 : b->fd;
}
