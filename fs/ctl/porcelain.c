/* SPDX-License-Identifier: MIT */
#include "fs/ctl/porcelain.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What is of standard error: bytes of the answer, in their order. The job keeps them. */
struct error_part {
	size_t from, to;
};

size_t porcelain_asked(const char *text, size_t len, char *token)
{
	static const char word[] = "--porcelain";
	size_t n = sizeof(word) - 1, from;

	if (token)
		*token = '\0';
	if (len <= n || memcmp(text, word, n) != 0)
		return 0;
	if (text[n] == '=') {
		from = ++n;
		while (n < len && (isalnum((unsigned char)text[n]) || strchr("._-", text[n])))
			n++;
		if (n == from || n - from >= BOARD_TOKEN_MAX)
			return 0;
		if (token)
			snprintf(token, BOARD_TOKEN_MAX, "%.*s", (int)(n - from), text + from);
	}
	return n < len && text[n] && strchr(" \t\r\n", text[n]) ? n : 0;
}

void porcelain_error(struct job *j, struct buf *answer, const char *lines)
{
	struct error_part part = {.from = answer->len};

	buf_puts(answer, lines);
	buf_putc(answer, '\n');
	part.to = answer->len;
	if (j)
		buf_append(job_marks(j), &part, sizeof(part));
}

/* The lines of data[0, len), each with the mark. */
static void print_marked(struct buf *out, const char *mark, const char *data, size_t len)
{
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;

		buf_puts(out, mark);
		buf_append(out, data, n);
		buf_putc(out, '\n');
		n += end != NULL;
		data += n;
		len -= n;
	}
}

void porcelain_end(struct job *j, bool asked, struct buf *answer, int result, const struct err *err)
{
	struct buf *marks = job_marks(j), out = BUF_INIT;
	const char *data = answer->data ? answer->data : "";
	size_t at = 0;

	assert(result <= 0 && marks->len % sizeof(struct error_part) == 0);
	for (size_t i = 0; asked && i < marks->len; i += sizeof(struct error_part)) {
		struct error_part part;

		memcpy(&part, marks->data + i, sizeof(part));
		assert(at <= part.from && part.from <= part.to && part.to <= answer->len);
		print_marked(&out, "out ", data + at, part.from - at);
		print_marked(&out, "err ", data + part.from, part.to - part.from);
		at = part.to;
	}
	if (asked) {
		print_marked(&out, "out ", data + at, answer->len - at);
		buf_printf(&out, "end %s %d\n", result ? strerrorname_np(-result) : "ok",
			   result && !err->exit_status ? 1
			   : result || !err->code      ? err->exit_status
						       : 0); /* of a failure that did no harm */
		out.failed |= buf_failed(answer) || buf_failed(marks);
		buf_free(answer);
		*answer = out;
	}
	buf_reset(marks);
}
