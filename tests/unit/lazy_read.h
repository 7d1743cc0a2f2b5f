/* SPDX-License-Identifier: MIT */
/* Tables of contents as JSON, read without a blob: what they become, or how they are refused. */
#ifndef TESTS_LAZY_READ_H
#define TESTS_LAZY_READ_H

#include "store/lazy/lazy_table.h"
#include "tests/unit/lazy_make.h"

#include <sys/stat.h>

#define LIMIT 10000 /* where the content of the blob ends */

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA "\"sha256:" A64 "\""

#define E(type, rest) "{\"name\":\"f\",\"type\":\"" type "\"" rest "}"
#define REG(rest)     E("reg", rest)
#define CHUNK(rest)   E("chunk", rest)
#define REG_10	      REG(",\"size\":10,\"offset\":100,\"digest\":" SHA)

/* Entries of the index, for tests that look at them. */
static inline struct tar_list *entries_of(const struct digest *blob)
{
	AUTO(layer_index_close) struct layer_index *x = NULL;
	AUTO(toc_reader_close) struct toc_reader *toc = NULL;
	struct tar_list *l = calloc(1, sizeof(*l));
	struct entry e;
	struct err err;

	if (layer_index_open(world.store, blob, LAYER_CHECK_DIGESTS, &x, &err))
		fail_msg("%s", err.text);
	assert_int_equal(layer_index_toc(x, &toc, &err), 0);
	while (toc_reader_next(toc, &e, &err) == TOC_ENTRY) {
		autofree char *path = strndup(e.path, e.path_len);
		autofree char *link = strndup(e.link, e.link_len);

		e.path = path;
		e.link = link;
		list_add(l, &e, &err);
	}
	return l;
}

/* The whole document in pieces of `step`; where `blob` is given, the index is published. */
static inline int read_document(enum lazy_format format, const char *json, size_t step,
				const struct digest *blob, struct err *err)
{
	AUTO(layer_table_close) struct layer_table *index = NULL;
	AUTO(lazy_table_close) struct lazy_table *t = NULL;
	const struct lazy from = {
	    .format = format, .landmarks = format == LAZY_ESTARGZ, .content_end = LIMIT};
	size_t len = strlen(json);
	int r = layer_table_open(world.store, LAYER_CHECK_DIGESTS, &index, err);

	if (!r)
		r = lazy_table_open(index, &from, &t, err);
	for (size_t at = 0; !r && at < len; at += step)
		r = lazy_table_feed(t, json + at, len - at < step ? len - at : step, err);
	if (!r)
		r = lazy_table_finish(t, err);
	if (!r && blob) {
		const struct layer_claim claim = {
		    blob, blob, LIMIT + 100, COMPRESSION_GZIP, NULL, lazy_table_landmark(t)};

		r = layer_table_finish(index, &claim, err);
	}
	return r;
}

static inline int read_entries(enum lazy_format format, const char *entries,
			       const struct digest *blob, struct err *err)
{
	autobuf doc = BUF_INIT;
	int r;

	buf_printf(&doc, "{\"version\":1,\"entries\":[%s]}", entries);
	r = read_document(format, doc.data, doc.len, blob, err);
	assert_int_equal(r, read_document(format, doc.data, 1, NULL, NULL));
	return r;
}

static inline struct tar_list *list_entries(enum lazy_format format, const char *entries)
{
	static int number;
	struct digest blob = sha256(&number, sizeof(number));
	struct err err;

	number++;
	if (read_entries(format, entries, &blob, &err))
		fail_msg("%s", err.text);
	return entries_of(&blob);
}

struct hostile {
	const char *entries;
	const char *why; /* NULL: it is taken */
	int code;
};

static inline void assert_all(enum lazy_format format, const struct hostile *h, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct err err = {0};
		int r = read_entries(format, h[i].entries, NULL, &err);

		if (r != -h[i].code || err.code != h[i].code)
			fail_msg("%.300s: %d \"%s\"", h[i].entries, r, err.text);
		if (h[i].why && !strstr(err.text, h[i].why))
			fail_msg("%.300s: \"%s\" does not say \"%s\"", h[i].entries, err.text,
				 h[i].why);
	}
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
