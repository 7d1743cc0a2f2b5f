/* SPDX-License-Identifier: MIT */
#include "registry/wire/url.h"

#include "store/base/mem.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_';
}

/* The length of a host at the head of an authority; 0: none that is valid. */
static size_t host_length(const char *s, size_t len)
{
	size_t i = 0;

	if (len && s[0] == '[') {
		for (i = 1; i < len && strchr("0123456789abcdefABCDEF:.", s[i]);)
			i++;
		return i > 1 && i < len && s[i] == ']' ? i + 1 : 0;
	}
	while (i < len && is_host_char(s[i]))
		i++;
	return i;
}

static char *lower_copy(const char *s, size_t len)
{
	char *copy = strndup(s, len);

	for (char *p = copy; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return copy;
}

static int parse_port(const char *s, size_t len, uint16_t *port)
{
	unsigned value = 0;

	if (len == 0 || len > 5)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		value = value * 10 + (unsigned)(s[i] - '0');
	}
	if (value == 0 || value > 65535)
		return -1;
	*port = (uint16_t)value;
	return 0;
}

/* What no URL may hold, wherever it stands: it could end a request line or confuse a log. */
static int check_characters(const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (len > URL_MAX)
		return err_set(err, EPROTO, "a URL of %zu bytes is too long", len);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '\\')
			return err_set(err, EPROTO, "a URL holds a character that it must not");
	return 0;
}

static int parse_authority(const char *s, size_t len, struct url *out, struct err *err)
{
	if (memchr(s, '@', len))
		return err_set(err, EPROTO, "a URL with a user name in it is refused");

	size_t host = host_length(s, len);

	out->port = out->tls ? 443 : 80;
	if (host == 0 || (host < len &&
			  (s[host] != ':' || parse_port(s + host + 1, len - host - 1, &out->port))))
		return err_set(err, EPROTO, "a URL whose host is malformed");
	out->host = lower_copy(s, host);
	return out->host ? 0 : err_nomem(err);
}

/* Path and query behind an authority; the fragment is nobody's business but the browser's. */
static char *make_target(const char *s)
{
	size_t len = strcspn(s, "#");
	autobuf b = BUF_INIT;

	if (len == 0 || s[0] != '/')
		buf_putc(&b, '/');
	buf_append(&b, s, len);
	return buf_steal(&b);
}

int url_parse(const char *text, struct url *out, struct err *err)
{
	autourl u = URL_INIT;
	int r = check_characters(text, err);

	if (r < 0)
		return r;
	if (!strncasecmp(text, "https://", 8))
		u.tls = true;
	else if (strncasecmp(text, "http://", 7))
		return err_set(err, EPROTO, "a URL that is neither http nor https is refused");

	const char *authority = text + (u.tls ? 8 : 7);
	size_t len = strcspn(authority, "/?#");

	r = parse_authority(authority, len, &u, err);
	if (r < 0)
		return r;
	u.target = make_target(authority + len);
	if (!u.target)
		return err_nomem(err);
	*out = u;
	u = (struct url)URL_INIT;
	return 0;
}

static bool has_scheme(const char *s)
{
	size_t i = strcspn(s, ":/?#");

	return i > 0 && s[i] == ':';
}

int url_resolve(const struct url *base, const char *reference, struct url *out, struct err *err)
{
	autobuf b = BUF_INIT;
	int r = check_characters(reference, err);

	if (r < 0)
		return r;
	if (has_scheme(reference))
		return url_parse(reference, out, err);
	buf_puts(&b, base->tls ? "https:" : "http:");
	if (strncmp(reference, "//", 2)) {
		size_t path = strcspn(base->target, "?");

		buf_printf(&b, "//%s:%u", base->host, base->port);
		if (reference[0] == '\0' || reference[0] == '#')
			path = strlen(base->target);
		else if (reference[0] == '/')
			path = 0;
		else if (reference[0] != '?')
			while (path && base->target[path - 1] != '/')
				path--;
		buf_append(&b, base->target, path);
	}
	buf_puts(&b, reference);
	if (buf_failed(&b))
		return err_nomem(err);
	return url_parse(b.data, out, err);
}

int url_copy(struct url *to, const struct url *from, struct err *err)
{
	autourl u = {.tls = from->tls, .port = from->port};

	u.host = strdup(from->host);
	u.target = strdup(from->target);
	if (!u.host || !u.target)
		return err_nomem(err);
	*to = u;
	u = (struct url)URL_INIT;
	return 0;
}

void url_clear(struct url *u)
{
	free(u->host);
	free(u->target);
	*u = (struct url)URL_INIT;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->tls == b->tls && a->port == b->port && !strcmp(a->host, b->host);
}

static void append_authority(struct buf *b, const struct url *u)
{
	buf_puts(b, u->host);
	if (u->port != (u->tls ? 443 : 80))
		buf_printf(b, ":%u", u->port);
}

static char *make_text(const struct url *u, size_t target)
{
	autobuf b = BUF_INIT;

	buf_puts(&b, u->tls ? "https://" : "http://");
	append_authority(&b, u);
	buf_append(&b, u->target, target);
	return buf_steal(&b);
}

char *url_text(const struct url *u)
{
	return make_text(u, strlen(u->target));
}

char *url_shown(const struct url *u)
{
	return make_text(u, strcspn(u->target, "?"));
}

char *url_authority(const struct url *u)
{
	autobuf b = BUF_INIT;

	append_authority(&b, u);
	return buf_steal(&b);
}

void url_append_encoded(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (is_host_char((char)c) || c == '~')
			buf_putc(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}
