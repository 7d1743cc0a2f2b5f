/* SPDX-License-Identifier: MIT */
#include "registry/transfer/pull_receive.h"

#include "registry/transfer/pull_pieces.h"

#include <errno.h>

#define BUFFER_SIZE (512u << 10)

int pull_receive(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
		 struct byte_range range, const struct pull_sink *sink, struct err *err)
{
	AUTO(pull_pieces_close) struct pull_pieces *pieces = NULL;
	autofree char *buffer = malloc(BUFFER_SIZE);
	struct byte_range comes = {0};
	uint64_t at;
	int r = buffer ? 0 : err_nomem(err);

	if (!r)
		r = pull_pieces_open(t, repository, d, range, &comes, &pieces, err);
	if (!r && comes.first != range.first)
		r = sink->restart(sink->arg, err);
	at = comes.first;
	while (!r) {
		ssize_t n = pull_pieces_read(pieces, buffer, BUFFER_SIZE, err);

		if (n == 0)
			return 0;
		if (n == -ESTALE)
			r = sink->restart(sink->arg, err);
		else
			r = n < 0 ? (int)n : sink->put(sink->arg, buffer, (size_t)n, err);
		at = n == -ESTALE ? 0 : at + (uint64_t)n;
		if (!r)
			transfer_bytes(t, at, d->size);
	}
	return r;
}
