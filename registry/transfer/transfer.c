/* SPDX-License-Identifier: MIT */
#include "registry/transfer/transfer.h"

#include <stdarg.h>
#include <stdio.h>

void transfer_line(const struct transfer *t, const char *fmt, ...)
{
	const struct transfer_watch *w = t->watch;
	autofree char *line = NULL;
	va_list ap;
	int n;

	if (!w || !w->line)
		return;
	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		line = NULL;
	else
		w->line(w->arg, line);
}

void transfer_blob_line(const struct transfer *t, const struct digest *d, const char *what,
			const char *from)
{
	char hex[DIGEST_HEX_MAX];

	transfer_line(t, "%.*s: %s%s", DIGEST_ID_DIGITS, digest_hex(d, hex), what, from);
}

void transfer_bytes(const struct transfer *t, uint64_t done, uint64_t total)
{
	if (t->watch && t->watch->bytes)
		t->watch->bytes(t->watch->arg, done, total);
}

void transfer_blob(const struct transfer *t, const struct digest *digest, uint64_t done,
		   uint64_t total)
{
	if (t->watch && t->watch->blob)
		t->watch->blob(t->watch->arg, digest, done, total);
}

int transfer_hold(const struct transfer *t, const struct digest *digest, struct err *err)
{
	return t->lease ? lease_add(t->lease, digest, 1, err) : 0;
}
