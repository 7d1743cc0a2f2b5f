/* SPDX-License-Identifier: MIT */
#include "fs/core/failures.h"

#include "store/base/expiring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES_MAX 4096

struct failures {
	struct expiring *by_key; /* to struct err, owned */
};

struct failures *failures_new(void)
{
	struct failures *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->by_key = expiring_new(FAILURES_MAX, free);
	if (!f->by_key) {
		free(f);
		return NULL;
	}
	return f;
}

void failures_free(struct failures *f)
{
	if (!f)
		return;
	expiring_free(f->by_key);
	free(f);
}

static void failures_remember(struct failures *f, const char *key, const struct err *err,
			      int64_t now, int64_t until)
{
	struct err *copy = malloc(sizeof(*copy));

	assert(err->code > 0);
	if (!copy)
		return;
	*copy = *err;
	expiring_put(f->by_key, key, strlen(key), copy, until, now);
}

void failures_note(struct failures *f, const char *key, const char *host, int result,
		   const struct err *err, int64_t now)
{
	if (host && result == -ETIMEDOUT)
		failures_remember(f, host, err, now, now + FAILURES_SILENT_MS);
	else if (host)
		expiring_remove(f->by_key, host, strlen(host));
	if (key && result < 0)
		failures_remember(f, key, err, now, now + FAILURES_KEPT_MS);
}

const struct err *failures_recall(struct failures *f, const char *key, const char *host,
				  int64_t now)
{
	const struct err *e = expiring_get(f->by_key, key, strlen(key), now);

	return e || !host ? e : expiring_get(f->by_key, host, strlen(host), now);
}
