/* SPDX-License-Identifier: MIT */
/*
 * Plain data that compress as layers do, and programs that compress them. For tests of codecs and
 * layers; all of it allocated, freed with free(). Include after cmocka.h.
 */
#ifndef TESTS_SAMPLE_H
#define TESTS_SAMPLE_H

#include "tests/unit/scratch.h"

#include <stdint.h>

struct bytes {
	uint8_t *p;
	size_t n;
};

static inline uint32_t sample_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

/* Stretches of words, of noise, of zeros. */
static inline struct bytes sample_make(size_t n, uint64_t seed)
{
	static const char *words[] = {"layer ",	    "\nstatic int ", "0x1f8b", "digest(",
				      "usr/share/", "lib",	     "\0\0\0", "return 0",
				      ";\n\t",	    "manifest"};
	struct bytes b = {malloc(n + 1), n};
	size_t at = 0;

	while (at < n) {
		size_t end = at + 1 + sample_random(&seed) % 60000;
		uint32_t kind = sample_random(&seed) % 8;

		for (end = end < n ? end : n; at < end;) {
			const char *w = words[sample_random(&seed) % 10];
			size_t len = strlen(w) < end - at ? strlen(w) : end - at;

			if (kind == 0 || len == 0) {
				b.p[at++] = kind == 0 ? (uint8_t)sample_random(&seed) : 0;
			} else if (kind == 1) {
				b.p[at++] = 0;
			} else {
				memcpy(b.p + at, w, len);
				at += len;
				if (sample_random(&seed) % 4 == 0 && at < end)
					b.p[at++] = (uint8_t)sample_random(&seed);
			}
		}
	}
	return b;
}

/* Takes `from`. */
static inline void sample_append(struct bytes *to, struct bytes from)
{
	to->p = realloc(to->p, to->n + from.n);
	memcpy(to->p + to->n, from.p, from.n);
	to->n += from.n;
	free(from.p);
}

static inline void sample_write(const char *path, struct bytes b)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(b.p, 1, b.n, f) != b.n || fclose(f))
		abort();
}

static inline struct bytes sample_read(const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "r");
	struct bytes b;

	if (!f || fstat(fileno(f), &st))
		abort();
	b.n = (size_t)st.st_size;
	b.p = malloc(b.n + 1);
	if (fread(b.p, 1, b.n, f) != b.n)
		abort();
	fclose(f);
	return b;
}

/* Runs a filter; n is 0 where it is not installed. */
static inline struct bytes sample_filter(const char *command, struct bytes in)
{
	struct scratch dir = scratch_make();
	struct bytes b = {NULL, 0};
	char line[2048];

	sample_write(scratch_path(&dir, "in"), in);
	snprintf(line, sizeof(line), "cd %s && (%s) <in >out 2>err", dir.path, command);
	if (system(line) == 0)
		b = sample_read(scratch_path(&dir, "out"));
	else
		fprintf(stderr, "(no output of: %s)\n", command);
	scratch_drop(&dir);
	return b;
}

#endif
