/* SPDX-License-Identifier: MIT */
#include "store/disk/layout_name.h"

#include "store/base/buf.h"
#include "store/base/json.h"
#include "store/oci/oci.h"
#include "store/oci/ref.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* A word of a repository's grammar: lower-case letters and digits, single hyphens in between. */
static void put_directory(struct buf *out, const char *path)
{
	const char *slash = strrchr(path, '/');
	bool gap = false;
	size_t first = out->len;

	for (const char *c = slash ? slash + 1 : path; *c; c++) {
		if (!isascii(*c) || !isalnum((unsigned char)*c)) {
			gap = true;
			continue;
		}
		if (gap && out->len > first)
			buf_putc(out, '-');
		gap = false;
		buf_putc(out, (char)tolower((unsigned char)*c));
	}
	if (out->len == first)
		buf_puts(out, "layout");
}

/* In full, or *out stays NULL where the text is no reference. "redis" alone is a bare tag, here. */
static int full_reference(const char *text, char **out, struct err *err)
{
	autoref ref = REF_INIT;
	int r = text && !ref_is_tag(text) ? ref_parse(text, &ref, NULL) : -EINVAL;

	if (r == -EINVAL)
		return 0;
	*out = r ? NULL : ref_full(&ref);
	return *out ? 0 : err_nomem(err);
}

int layout_reference(const struct json_object *annotations, char **out, struct err *err)
{
	const char *theirs = json_string(annotations, OCI_CONTAINERD_NAME);
	const char *ours = json_string(annotations, LAYOUT_REFERENCE);

	int r;

	*out = NULL;
	r = full_reference(theirs, out, err);
	return r || *out ? r : full_reference(ours, out, err);
}

int layout_name(const struct json_object *annotations, const struct digest *digest,
		const char *path, char **out, struct err *err)
{
	const char *ours = json_string(annotations, LAYOUT_REFERENCE);
	char text[DIGEST_TEXT_MAX];
	autobuf name = BUF_INIT;
	int r = layout_reference(annotations, out, err);

	if (r < 0 || *out)
		return r;
	buf_puts(&name, "localhost/");
	put_directory(&name, path);
	if (ours && ref_is_tag(ours))
		buf_printf(&name, ":%s", ours);
	else
		buf_printf(&name, "@%s", digest_text(digest, text));
	*out = buf_steal(&name);
	return *out ? 0 : err_nomem(err);
}
