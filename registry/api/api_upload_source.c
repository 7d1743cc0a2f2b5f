/* SPDX-License-Identifier: MIT */
#include "registry/api/api_upload_source.h"

#include "store/disk/damage.h"

#include <errno.h>
#include <unistd.h>

#define PIECE (256u << 10)

static int source_restart(struct api_upload_source *s, struct err *err)
{
	hash_close(s->hash);
	s->hash = NULL;
	s->hashed = 0;
	return hash_open(s->digest.algorithm, &s->hash, err);
}

/* Hashes what lies before the offset. */
static int source_seek(struct api_upload_source *s, uint64_t offset, struct err *err)
{
	char data[16384];
	int r = offset < s->hashed || !s->hash ? source_restart(s, err) : 0;

	while (!r && s->hashed < offset) {
		uint64_t left = offset - s->hashed;
		ssize_t n =
		    pread(s->fd, data, left < sizeof(data) ? left : sizeof(data), (off_t)s->hashed);

		if (n <= 0)
			return n < 0 ? err_sys(err, "read a blob")
				     : err_set(err, EBADMSG, "the blob in the store is too short");
		hash_update(s->hash, data, (size_t)n);
		s->hashed += (uint64_t)n;
	}
	return r;
}

static int check_hash(struct api_upload_source *s, struct err *err)
{
	struct digest is;
	char text[DIGEST_TEXT_MAX];

	hash_final(s->hash, &is);
	hash_close(steal(&s->hash));
	if (digest_equal(&is, &s->digest))
		return 0;
	damage_mark(s->store, &s->digest);
	return err_set(err, EBADMSG, "the blob in the store is damaged: its digest is %s",
		       digest_text(&is, text));
}

ssize_t api_upload_source_read(void *arg, uint64_t offset, void *data, size_t max, struct err *err)
{
	struct api_upload_source *s = arg;
	uint64_t at = s->start + offset;
	ssize_t n;
	int r = source_seek(s, at, err);

	if (r)
		return r;
	n = pread(s->fd, data, max < PIECE ? max : PIECE, (off_t)at);
	if (n <= 0)
		return n < 0 ? err_sys(err, "read a blob")
			     : err_set(err, EBADMSG, "the blob in the store is too short");
	hash_update(s->hash, data, (size_t)n);
	s->hashed += (uint64_t)n;
	if (s->hashed == s->size)
		r = check_hash(s, err);
	if (!r && s->upload->bytes)
		s->upload->bytes(s->upload->arg, s->hashed);
	return r ? r : n;
}

int api_upload_source_open(struct api_upload_source *s, const struct api_upload *u,
			   struct store *store, const struct digest *digest, uint64_t size,
			   struct err *err)
{
	uint64_t is;

	*s = (struct api_upload_source){
	    .upload = u, .store = store, .digest = *digest, .size = size};
	s->fd = blob_open(store, digest, &is, err);
	if (s->fd < 0)
		return s->fd;
	if (is != size)
		return err_set(err, EBADMSG, "the blob in the store has %llu bytes, not %llu",
			       (unsigned long long)is, (unsigned long long)size);
	return 0;
}

void api_upload_source_close(struct api_upload_source *s)
{
	hash_close(s->hash);
	if (s->fd >= 0)
		close(s->fd);
}
