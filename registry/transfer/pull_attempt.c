/* SPDX-License-Identifier: MIT */
#include "registry/transfer/pull_attempt.h"

#include "store/disk/blob.h"
#include "store/disk/damage.h"

#include <errno.h>

#define TRIES 2	 /* of a blob whose bytes prove wrong */
#define RACES 10 /* rounds in which another process completes, and prune removes */

/* Whether it is as bad as a reader found it; one that is right after all loses its mark. */
static int look_at_mark(const struct pull_attempt *a, struct err *err)
{
	struct store *s = a->transfer->store;

	if (!damage_is_marked(s, &a->blob->digest))
		return 0;
	return blob_verify(s, &a->blob->digest, a->transfer->cancel, err) == -EINTR ? -EINTR : 0;
}

static int run_attempts(const struct pull_attempt *a, struct err *err)
{
	int r = transfer_hold(a->transfer, &a->blob->digest, err);

	if (!r)
		r = look_at_mark(a, err);
	for (int tries = TRIES, races = RACES; r == 0;) {
		bool spoilt = false;

		r = a->run(a, &spoilt, err);
		if (!r)
			return 0;
		if ((r == -EEXIST && --races > 0) || (spoilt && --tries > 0))
			r = 0;
	}
	return r;
}

int pull_attempt(const struct pull_attempt *a, struct err *err)
{
	char text[DIGEST_TEXT_MAX];
	int r = run_attempts(a, err);

	if (!r)
		return 0;
	/* Its urls lead anywhere. */
	if (a->blob->foreign && (r == -ENOENT || r == -EACCES))
		r = err_set(err, EOPNOTSUPP,
			    "a foreign %s (%s), which the registry does not give, and whose urls "
			    "are not followed",
			    a->kind, a->blob->media_type);
	if (blob_lacks_room(r))
		blob_drop_partial(a->transfer->store, &a->blob->digest);
	err_context(err, "%s %s", a->kind, digest_text(&a->blob->digest, text));
	return r;
}
