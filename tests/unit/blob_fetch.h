/* SPDX-License-Identifier: MIT */
/* A blob, or a range of one, read from a scripted registry, and what came of it. */
#ifndef TESTS_BLOB_FETCH_H
#define TESTS_BLOB_FETCH_H

#include "registry_fixture.h"

#define SIZE   (256u << 10)
#define ALL    ((struct byte_range){0, SIZE})
#define LENGTH "Content-Length: 262144\r\n"
#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What came of reading a blob. */
struct outcome {
	int code;
	struct byte_range comes; /* as it was opened */
	uint64_t good;		 /* bytes that were those of the pattern, since the last start */
	int restarts;
	struct err err;
	size_t served;
	struct registry_stats stats;
};

static void drain(struct registry_stream *s, struct outcome *o, size_t piece)
{
	static unsigned char data[1 << 20];
	uint64_t at = o->comes.first;
	ssize_t n;

	while ((n = registry_stream_read(s, data, piece, &o->err)) != 0) {
		if (n == -ESTALE) {
			o->restarts++;
			o->good = 0;
			at = 0;
			continue;
		}
		if (n < 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(data[i], script_byte(at + (uint64_t)i));
		at += (uint64_t)n;
		o->good += (uint64_t)n;
	}
	o->code = (int)n;
}

static int open_range(struct registry *r, const struct ref *ref, uint64_t size,
		      struct byte_range range, struct cancel *cancel, struct byte_range *comes,
		      struct registry_stream **out, struct err *err)
{
	const struct blob_request q = {
	    .repository = ref, .digest = &ref->digest, .size = size, .range = range};

	return registry_blob(r, &q, cancel, comes, out, err);
}

static struct outcome fetch_range(const struct script_step *steps, size_t count, uint64_t size,
				  struct byte_range range)
{
	struct outcome o = {0};
	struct script_server server;
	struct registry_stream *s = NULL;
	struct registry *r = open_client(NULL);

	script_start(&server, steps, count);
	struct ref ref = make_ref(&server, "@" DIGEST);

	o.code = open_range(r, &ref, size, range, NULL, &o.comes, &s, &o.err);
	if (o.code == 0)
		drain(s, &o, 100000);
	registry_stream_close(s);
	o.served = script_served(&server);
	registry_stats(r, &o.stats);
	registry_close(r);
	script_stop(&server);
	ref_clear(&ref);
	return o;
}

static struct outcome fetch(const struct script_step *steps, size_t count, uint64_t size,
			    uint64_t offset)
{
	return fetch_range(steps, count, size, (struct byte_range){offset, size});
}

#endif
