/* SPDX-License-Identifier: MIT */
#include "registry/transfer/pull_watch.h"

#include "store/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void pull_watch_line(const struct pull_watch *w, const char *fmt, ...)
{
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

void pull_watch_blob(const struct pull_watch *w, const struct digest *d, const char *what,
		     const char *from)
{
	char hex[DIGEST_HEX_MAX];

	pull_watch_line(w, "%.*s: %s%s", DIGEST_ID_DIGITS, digest_hex(d, hex), what, from);
}

void pull_watch_bytes(const struct pull_watch *w, uint64_t done, uint64_t total)
{
	if (w && w->bytes)
		w->bytes(w->arg, done, total);
}
