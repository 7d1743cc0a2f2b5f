/* SPDX-License-Identifier: MIT */
#include "store/oci/ref.h"

#include "store/base/buf.h"
#include "store/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define REF_DEFAULT_DOMAIN "docker.io"
#define REF_LEGACY_DOMAIN  "index.docker.io"
#define REF_OFFICIAL	   "library/"
#define REF_PATH_MAX	   255 /* the domain is not counted */
#define REF_TAG_MAX	   128

/* The locale has no say in what a reference is. */
static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

static bool is_alpha(char c)
{
	return is_alnum(c) && !(c >= '0' && c <= '9');
}

static bool has_upper(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] >= 'A' && s[i] <= 'Z')
			return true;
	return false;
}

/* component = [a-z0-9]+ ( ("." | "_" | "__" | "-"+) [a-z0-9]+ )* */
static bool component_valid(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && is_lower_or_digit(s[i])) {
		while (i < len && is_lower_or_digit(s[i]))
			i++;
		if (i == len)
			return true;
		if (s[i] == '-')
			while (i < len && s[i] == '-')
				i++;
		else if (s[i] == '_')
			i += (i + 1 < len && s[i + 1] == '_') ? 2 : 1;
		else if (s[i] == '.')
			i++;
	}
	return false;
}

static bool path_valid(const char *s, size_t len)
{
	for (;;) {
		const char *slash = memchr(s, '/', len);
		size_t n = slash ? (size_t)(slash - s) : len;

		if (!component_valid(s, n))
			return false;
		if (!slash)
			return true;
		s += n + 1;
		len -= n + 1;
	}
}

/* "[" 1*(hex | ":") "]": docker checks no more of an IPv6 address than this. */
static size_t ipv6_length(const char *s, size_t len)
{
	size_t i = 1;

	while (i < len && (isxdigit((unsigned char)s[i]) || s[i] == ':'))
		i++;
	return i > 1 && i < len && s[i] == ']' ? i + 1 : 0;
}

/* dns-label *("." dns-label), a label being alnum with "-" inside. */
static size_t dns_length(const char *s, size_t len)
{
	size_t i = 0;

	for (;;) {
		size_t start = i;

		while (i < len && (is_alnum(s[i]) || s[i] == '-'))
			i++;
		if (i == start || s[start] == '-' || s[i - 1] == '-')
			return 0;
		if (i == len || s[i] != '.')
			return i;
		i++;
	}
}

/* domain = host [":" 1*DIGIT] */
static bool domain_valid(const char *s, size_t len)
{
	size_t i = len && s[0] == '[' ? ipv6_length(s, len) : dns_length(s, len);

	if (i == 0)
		return false;
	if (i == len)
		return true;
	if (s[i++] != ':' || i == len)
		return false;
	while (i < len && s[i] >= '0' && s[i] <= '9')
		i++;
	return i == len;
}

/* What docker takes for a host rather than for the first component of a path. */
static bool looks_like_domain(const char *s, size_t len)
{
	return (len == strlen("localhost") && !memcmp(s, "localhost", len)) ||
	       memchr(s, '.', len) || memchr(s, ':', len) || has_upper(s, len);
}

/* algorithm ":" 32*hex; algorithm = alpha alnum* ( [-_+.] alpha alnum* )* */
static bool digest_grammar_valid(const char *s)
{
	do {
		if (!is_alpha(*s++))
			return false;
		while (is_alnum(*s))
			s++;
	} while (*s && strchr("-_+.", *s) && s++);
	if (*s++ != ':')
		return false;
	size_t digits = 0;

	while (isxdigit((unsigned char)s[digits]))
		digits++;
	return digits >= 32 && s[digits] == '\0';
}

/* go-digest's checks behind the grammar, in its order and words. */
static int digest_check(const char *text, struct digest *out, struct err *err)
{
	size_t want;

	if (!strncmp(text, "sha256:", 7))
		want = 64;
	else if (!strncmp(text, "sha512:", 7))
		want = 128;
	else
		return err_set(err, EINVAL, "unsupported digest algorithm");
	if (strlen(text + 7) != want)
		return err_set(err, EINVAL, "invalid checksum digest length");
	if (digest_parse(text, out, NULL) < 0)
		return err_set(err, EINVAL, "invalid checksum digest format");
	return 0;
}

static int invalid_format(struct err *err)
{
	return err_set(err, EINVAL, "invalid reference format");
}

static bool is_identifier(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* Splits at the first slash into domain and what follows, both completed to the normal form. */
static int split_domain(const char *text, char **domain, char **rest, struct err *err)
{
	const char *slash = strchr(text, '/');
	const char *tail = text;
	autobuf host = BUF_INIT;
	autobuf name = BUF_INIT;

	if (slash && looks_like_domain(text, slash - text)) {
		buf_append(&host, text, slash - text);
		tail = slash + 1;
		if (!buf_failed(&host) && !strcmp(host.data ? host.data : "", REF_LEGACY_DOMAIN))
			buf_reset(&host);
	}
	if (host.len == 0)
		buf_puts(&host, REF_DEFAULT_DOMAIN);
	if (!buf_failed(&host) && !strcmp(host.data, REF_DEFAULT_DOMAIN) && !strchr(tail, '/'))
		buf_puts(&name, REF_OFFICIAL);
	buf_puts(&name, tail);
	*domain = buf_steal(&host);
	*rest = buf_steal(&name);
	return *domain && *rest ? 0 : err_nomem(err);
}

/* Cuts "path:tag@digest" into its parts, in place. */
static void cut_parts(char *rest, char **tag, char **digest)
{
	char *at = strchr(rest, '@');

	if (at)
		*at = '\0';
	*digest = at ? at + 1 : NULL;

	char *slash = strrchr(rest, '/');
	char *colon = strchr(slash ? slash : rest, ':');

	if (colon)
		*colon = '\0';
	*tag = colon ? colon + 1 : NULL;
}

static int parse_named(const char *text, struct ref *out, struct err *err)
{
	autofree char *domain = NULL;
	autofree char *rest = NULL;
	char *tag, *digest;

	if (is_identifier(text))
		return err_set(err, EINVAL,
			       "invalid repository name (%s), cannot specify 64-byte hexadecimal "
			       "strings",
			       text);
	if (split_domain(text, &domain, &rest, err) < 0)
		return -ENOMEM;

	size_t remote = strcspn(rest, ":");

	if (has_upper(rest, remote))
		return err_set(err, EINVAL,
			       "invalid reference format: repository name (%.*s) must be lowercase",
			       (int)(remote > 512 ? 512 : remote), rest);
	cut_parts(rest, &tag, &digest);
	if (!domain_valid(domain, strlen(domain)) || !path_valid(rest, strlen(rest)) ||
	    (tag && !ref_is_tag(tag)) || (digest && !digest_grammar_valid(digest)))
		return invalid_format(err);
	if (strlen(rest) > REF_PATH_MAX)
		return err_set(err, EINVAL, "repository name must not be more than %d characters",
			       REF_PATH_MAX);

	struct digest d = {0};
	int r = digest ? digest_check(digest, &d, err) : 0;

	if (r < 0)
		return r;
	autofree char *path = strdup(rest);
	autofree char *own_tag = tag ? strdup(tag) : NULL;

	if (!path || (tag && !own_tag))
		return err_nomem(err);
	*out = (struct ref){.domain = steal(&domain),
			    .path = steal(&path),
			    .tag = steal(&own_tag),
			    .has_digest = digest != NULL,
			    .digest = d};
	return 0;
}

int ref_parse(const char *text, struct ref *out, struct err *err)
{
	autoref ref = REF_INIT;
	int r = parse_named(text, &ref, err);

	if (r < 0)
		return r;
	if (!ref.tag && !ref.has_digest) {
		ref.tag = strdup("latest");
		if (!ref.tag)
			return err_nomem(err);
	}
	*out = ref;
	ref = (struct ref)REF_INIT;
	return 0;
}

int ref_parse_repository(const char *text, struct ref *out, struct err *err)
{
	autoref ref = REF_INIT;
	int r = parse_named(text, &ref, err);

	if (r < 0)
		return r;
	if (ref.tag || ref.has_digest)
		return invalid_format(err);
	*out = ref;
	ref = (struct ref)REF_INIT;
	return 0;
}

int ref_copy(struct ref *to, const struct ref *from, struct err *err)
{
	autoref copy = {.has_digest = from->has_digest, .digest = from->digest};

	copy.domain = strdup(from->domain);
	copy.path = strdup(from->path);
	copy.tag = from->tag ? strdup(from->tag) : NULL;
	if (!copy.domain || !copy.path || (from->tag && !copy.tag))
		return err_nomem(err);
	*to = copy;
	copy = (struct ref)REF_INIT;
	return 0;
}

int ref_copy_by_digest(struct ref *to, const struct ref *from, const struct digest *digest,
		       struct err *err)
{
	int r = ref_copy(to, from, err);

	if (r)
		return r;
	free(to->tag);
	to->tag = NULL;
	to->has_digest = true;
	to->digest = *digest;
	return 0;
}

void ref_clear(struct ref *r)
{
	free(r->domain);
	free(r->path);
	free(r->tag);
	*r = (struct ref)REF_INIT;
}

static void append_version(struct buf *b, const struct ref *r)
{
	char text[DIGEST_TEXT_MAX];

	if (r->has_digest)
		buf_printf(b, "@%s", digest_text(&r->digest, text));
	else if (r->tag)
		buf_printf(b, ":%s", r->tag);
}

/* "library/" goes only where one component follows: docker.io/library/a/b is library/a/b. */
static void append_familiar(struct buf *b, const struct ref *r)
{
	const char *path = r->path;
	size_t official = strlen(REF_OFFICIAL);

	if (strcmp(r->domain, REF_DEFAULT_DOMAIN))
		buf_printf(b, "%s/", r->domain);
	else if (!strncmp(path, REF_OFFICIAL, official) && !strchr(path + official, '/'))
		path += official;
	buf_puts(b, path);
}

char *ref_full(const struct ref *r)
{
	autobuf b = BUF_INIT;

	buf_printf(&b, "%s/%s", r->domain, r->path);
	append_version(&b, r);
	return buf_steal(&b);
}

char *ref_repository(const struct ref *r)
{
	autobuf b = BUF_INIT;

	buf_printf(&b, "%s/%s", r->domain, r->path);
	return buf_steal(&b);
}

char *ref_familiar(const struct ref *r)
{
	autobuf b = BUF_INIT;

	append_familiar(&b, r);
	append_version(&b, r);
	return buf_steal(&b);
}

char *ref_familiar_repository(const struct ref *r)
{
	autobuf b = BUF_INIT;

	append_familiar(&b, r);
	return buf_steal(&b);
}

bool ref_is_tag(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > REF_TAG_MAX || text[0] == '.' || text[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(text[i]) && !strchr("_.-", text[i]))
			return false;
	return true;
}

bool ref_is_path_component(const char *text)
{
	return component_valid(text, strlen(text));
}

bool ref_is_domain(const char *text)
{
	size_t len = strlen(text);

	return looks_like_domain(text, len) && domain_valid(text, len);
}
