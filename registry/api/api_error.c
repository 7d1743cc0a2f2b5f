/* SPDX-License-Identifier: MIT */
/* What a registry refuses, in docker's words. */
#include "registry/api/api.h"
#include "registry/wire/text.h"
#include "store/base/json.h"

#include <errno.h>
#include <string.h>

#define TEXT_MAX 300 /* bytes of a stranger's words in one sentence */

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} table[] = {
	    {301, "Moved Permanently"},
	    {302, "Found"},
	    {304, "Not Modified"},
	    {307, "Temporary Redirect"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {406, "Not Acceptable"},
	    {408, "Request Timeout"},
	    {410, "Gone"},
	    {416, "Requested Range Not Satisfiable"},
	    {429, "Too Many Requests"},
	    {500, "Internal Server Error"},
	    {501, "Not Implemented"},
	    {502, "Bad Gateway"},
	    {503, "Service Unavailable"},
	    {504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].status == status)
			return table[i].text;
	return "";
}

/* "name unknown: repository name not known to registry", of the first entry of {"errors":[…]};
 * nothing where the body is no such document. */
static void append_registry_text(struct buf *b, const struct buf *body)
{
	autojson *doc = NULL;
	struct json_object *list, *first;
	const char *code, *message;

	if (json_parse(body->data, body->len, &doc, NULL) < 0)
		return;
	list = json_array(doc, "errors");
	first = list ? json_object_array_get_idx(list, 0) : NULL;
	code = first ? json_string(first, "code") : NULL;
	message = first ? json_string(first, "message") : NULL;
	if (code) {
		size_t start = b->len;

		text_append_clean(b, code, strlen(code), 64);
		for (size_t i = start; i < b->len; i++)
			if (b->data[i] == '_')
				b->data[i] = ' ';
			else if (b->data[i] >= 'A' && b->data[i] <= 'Z')
				b->data[i] += 'a' - 'A';
	}
	if (message && *message) {
		buf_puts(b, code ? ": " : "");
		text_append_clean(b, message, strlen(message), TEXT_MAX);
	}
}

/* The registry's own words, or what its status says; never empty. */
static void api_error_describe(const struct api_request *q, struct http_answer *a, struct buf *b)
{
	autobuf body = BUF_INIT;
	enum http_fault fault;
	size_t start = b->len;

	if (http_read_all(a, API_ERROR_MAX, &body, &fault, NULL) == 0 && body.len)
		append_registry_text(b, &body);
	if (b->len == start)
		buf_printf(b, "unexpected status from %s request to %s: %d %s", q->method,
			   q->repository->domain, http_status(a), reason(http_status(a)));
}

static int set_failure(struct err *err, int code, const char *prefix, struct buf *text)
{
	if (buf_failed(text))
		return err_nomem(err);
	return err_set(err, code, "%s%s", prefix, text->data);
}

static int denied(const struct api_request *q, struct buf *text, struct err *err)
{
	autofree char *name = ref_familiar_repository(q->repository);

	if (!name || buf_failed(text))
		return err_nomem(err);
	if (q->push)
		return err_set(err, EACCES,
			       "push access denied, repository does not exist or may require "
			       "authorization: server message: %s",
			       text->data);
	return err_set(err, EACCES,
		       "pull access denied for %s, repository does not exist or may require "
		       "'docker login': %s",
		       name, text->data);
}

int api_status_error(const struct api_request *q, struct http_answer *a, struct retry_failure *f,
		     struct err *err)
{
	autobuf text = BUF_INIT;
	int status = http_status(a);

	*f = RETRY_FAILURE_NONE;
	api_error_describe(q, a, &text);
	if (status == 401 || status == 403)
		return denied(q, &text, err);
	if (status == 404)
		return set_failure(err, ENOENT, "", &text);
	if (status == 429 || (status >= 500 && status != 501)) {
		f->cause = RETRY_BUSY;
		f->after_ms = retry_after(header_get(http_headers(a), "Retry-After"), time(NULL));
	}
	return set_failure(err, status == 429 ? EDQUOT : EPROTO, "error from registry: ", &text);
}
