/* SPDX-License-Identifier: MIT */
#include "registry/auth/token.h"

#include "registry/wire/retry.h"
#include "registry/wire/secret.h"
#include "store/base/json.h"
#include "store/oci/oci.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX (1u << 20)
#define CLIENT_ID  "imagefs"

static bool is_identity(const struct token_request *q)
{
	return q->credential->identity_token != NULL;
}

/* name=value&, encoded; nothing where there is no value. */
static void append_param(struct buf *b, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_puts(b, name);
	buf_putc(b, '=');
	url_append_encoded(b, value);
	buf_putc(b, '&');
}

/* A challenge lists scopes with blanks between them; each is a parameter of its own. */
static void append_scopes(struct buf *b, const char *scopes)
{
	autofree char *copy = strdup(scopes ? scopes : "");
	char *state = NULL;

	for (char *s = copy ? strtok_r(copy, " ", &state) : NULL; s;
	     s = strtok_r(NULL, " ", &state))
		append_param(b, "scope", s);
}

static char *make_get_url(const struct token_request *q)
{
	autofree char *realm = url_text(q->realm);
	autobuf b = BUF_INIT;

	if (!realm)
		return NULL;
	buf_printf(&b, "%s%c", realm, strchr(realm, '?') ? '&' : '?');
	append_param(&b, "service", q->service);
	append_scopes(&b, q->scope);
	append_param(&b, "account", q->credential->username);
	if (!buf_failed(&b))
		b.data[--b.len] = '\0'; /* the last & or ? */
	return buf_steal(&b);
}

static char *make_post_body(const struct token_request *q)
{
	autosecret_buf b = BUF_INIT;

	/* Room for all of it, so that no growing leaves a copy behind. */
	if (!buf_reserve(&b, 3 * (strlen(q->credential->identity_token) +
				  strlen(q->service ? q->service : "") +
				  strlen(q->scope ? q->scope : "")) +
				 256))
		return NULL;
	append_param(&b, "grant_type", "refresh_token");
	append_param(&b, "service", q->service);
	append_param(&b, "client_id", CLIENT_ID);
	append_param(&b, "scope", q->scope);
	append_param(&b, "refresh_token", q->credential->identity_token);
	b.data[--b.len] = '\0';
	return buf_steal(&b);
}

char *token_basic(const struct credential *c)
{
	size_t len = strlen(c->username) + 1 + strlen(c->password);
	autosecret *plain = malloc(len + 1);
	autosecret *encoded = NULL;
	char *field = NULL;

	if (!plain)
		return NULL;
	sprintf(plain, "%s:%s", c->username, c->password);
	encoded = secret_encode(plain, len);
	if (!encoded || asprintf(&field, "Authorization: Basic %s", encoded) < 0)
		return NULL;
	return field;
}

static bool token_valid(const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return len > 0 && len <= TOKEN_MAX;
}

/* Seconds that the token lives on. By the server's clock some of them may have passed already; a
 * clock that disagrees altogether is not believed. */
static int64_t life_left(const struct json_object *doc, time_t now)
{
	const char *issued = json_string(doc, "issued_at");
	uint64_t life = TOKEN_LIFE_DEFAULT;
	int64_t then;
	uint32_t ns;

	if (json_member(doc, "expires_in") &&
	    json_u64(doc, "expires_in", UINT64_MAX >> 1, &life, NULL) < 0)
		life = TOKEN_LIFE_DEFAULT;
	if (life > TOKEN_LIFE_MAX)
		life = TOKEN_LIFE_MAX;
	if (issued && oci_time_parse(issued, &then, &ns, NULL) == 0 && then < now &&
	    now - then < (int64_t)life)
		life -= (uint64_t)(now - then);
	return (int64_t)life;
}

int token_parse(const struct buf *body, time_t now, struct token *out, struct err *err)
{
	autosecret_json *doc = NULL;
	const char *value;
	int r = json_parse(body->data, body->len, &doc, err);

	if (r < 0)
		return r;
	value = json_string(doc, "token");
	if (!value || !*value)
		value = json_string(doc, "access_token");
	if (!value || !token_valid(value))
		return err_set(err, EPROTO, "no usable token in the answer");
	out->life_ms = life_left(doc, now) * 1000;
	out->value = strdup(value);
	return out->value ? 0 : err_nomem(err);
}

/* The words of the token server, as far as they are some. */
static int token_refused(struct http_answer *a, const struct token_request *q,
			 struct retry_failure *f, struct err *err)
{
	int status = http_status(a);

	if (status == 429 || status >= 500) {
		f->cause = RETRY_BUSY;
		f->after_ms = retry_after(header_get(http_headers(a), "Retry-After"), time(NULL));
	}
	if (status == 401 || status == 403)
		return err_set(err, EACCES, "unauthorized: %s",
			       credential_empty(q->credential) ? "authentication required"
							       : "incorrect username or password");
	return err_set(err, status == 429 ? EDQUOT : EPROTO,
		       "failed to fetch a token: unexpected status from %s: %d", q->realm->host,
		       status);
}

static int token_ask(struct http *http, const struct token_request *q, struct http_answer **out,
		     enum http_fault *fault, struct err *err)
{
	const struct credential *c = q->credential;
	autosecret *basic = !is_identity(q) && c->password ? token_basic(c) : NULL;
	autosecret *body = is_identity(q) ? make_post_body(q) : NULL;
	autofree char *url = is_identity(q) ? url_text(q->realm) : make_get_url(q);
	const char *fields[] = {basic, NULL};

	if (!url || (is_identity(q) ? !body : c->password && !basic))
		return err_nomem(err);
	return http_send(http,
			 &(struct http_request){.method = body ? "POST" : "GET",
						.url = url,
						.headers = fields,
						.body = body,
						.tls = q->tls,
						.reach = q->reach,
						.cancel = q->cancel},
			 out, fault, err);
}

int token_fetch(struct http *http, const struct token_request *q, struct token *out,
		struct retry_failure *f, struct err *err)
{
	AUTO(http_end) struct http_answer *a = NULL;
	enum http_fault fault = HTTP_FAULT_FATAL;
	autosecret_buf body = BUF_INIT;
	int r = token_ask(http, q, &a, &fault, err);

	*f = RETRY_FAILURE_NONE;
	f->cause = http_fault_cause(fault);
	if (r < 0)
		return r;
	if (http_status(a) != 200)
		return token_refused(a, q, f, err);
	r = http_read_all(a, ANSWER_MAX, &body, &fault, err);
	f->cause = http_fault_cause(fault);
	if (!r)
		r = token_parse(&body, time(NULL), out, err);
	return r < 0 ? err_context(err, "failed to fetch a token from %s", q->realm->host) : 0;
}
