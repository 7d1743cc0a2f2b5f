/* SPDX-License-Identifier: MIT */
#include "fs/core/failures.h"

#include "store/base/map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES_MAX 4096

struct failure {
	int64_t until;
	struct err err;
};

struct failures {
	struct map *by_key; /* key → struct failure, owned */
};

struct failures *failures_new(void)
{
	struct failures *f = calloc(1, sizeof(*f));

	if (f)
		f->by_key = map_new();
	if (f && !f->by_key) {
		free(f);
		f = NULL;
	}
	return f;
}

void failures_free(struct failures *f)
{
	if (!f)
		return;
	map_free_all(f->by_key, free);
	free(f);
}

/* When it is full, what is too old goes; if that is not half of them, the rest of a half
 * goes too. */
static void failures_make_room(struct failures *f, int64_t now)
{
	struct map *kept = map_new();
	const void *key;
	size_t iter = 0, len;
	void *value;

	if (!kept)
		return;
	while (map_next(f->by_key, &iter, &key, &len, &value)) {
		struct failure *e = value;

		if (e->until <= now || map_count(kept) >= FAILURES_MAX / 2 ||
		    map_put(kept, key, len, e) < 0)
			free(e);
	}
	map_free(f->by_key);
	f->by_key = kept;
	assert(map_count(kept) < FAILURES_MAX);
}

static void failures_remember(struct failures *f, const char *key, const struct err *err,
			      int64_t now, int64_t until)
{
	struct failure *e = malloc(sizeof(*e));

	assert(err->code > 0);
	if (!e)
		return;
	*e = (struct failure){.until = until, .err = *err};
	if (map_count(f->by_key) >= FAILURES_MAX)
		failures_make_room(f, now);
	free(map_remove(f->by_key, key, strlen(key)));
	if (map_put(f->by_key, key, strlen(key), e) < 0)
		free(e);
}

void failures_note(struct failures *f, const char *key, const char *host, int result,
		   const struct err *err, int64_t now)
{
	if (host && result == -ETIMEDOUT)
		failures_remember(f, host, err, now, now + FAILURES_SILENT_MS);
	else if (host)
		free(map_remove(f->by_key, host, strlen(host)));
	if (key && result < 0)
		failures_remember(f, key, err, now, now + FAILURES_KEPT_MS);
}

static const struct err *recall_key(struct failures *f, const char *key, int64_t now)
{
	struct failure *e = map_get(f->by_key, key, strlen(key));

	if (e && e->until <= now) {
		map_remove(f->by_key, key, strlen(key));
		free(e);
		e = NULL;
	}
	return e ? &e->err : NULL;
}

const struct err *failures_recall(struct failures *f, const char *key, const char *host,
				  int64_t now)
{
	const struct err *e = recall_key(f, key, now);

	return e || !host ? e : recall_key(f, host, now);
}
