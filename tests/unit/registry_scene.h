/* SPDX-License-Identifier: MIT */
/*
 * Two scripted servers, so that one may lead to the other, and a client with a password for the
 * first.
 */
#ifndef TESTS_REGISTRY_SCENE_H
#define TESTS_REGISTRY_SCENE_H

#include "registry_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

/* user:s3cret, base64 */
#define BASIC	  "dXNlcjpzM2NyZXQ="
#define CANARY	  "s3cret"
#define BODY	  "{}"
#define GOOD	  OK "Content-Length: 2\r\n"
#define DENIED	  "HTTP/1.1 401 Unauthorized\r\n"
#define ASK_BASIC DENIED "WWW-Authenticate: Basic realm=\"x\"\r\n" NOTHING

struct scene {
	struct script_server a, b;
	char file[64];
	struct registry *r;
	struct ref ref;
	int code;
	struct err err;
};

static inline void write_auth(struct scene *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline void write_auth(struct scene *s, const char *fmt, ...)
{
	char text[1024], name[80];
	va_list ap;
	int fd;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(name, sizeof(name), "%s.new", s->file);
	fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	rename(name, s->file);
}

/* Steps hold the ports of both servers as %A and %B; they are put in once those are known. */
static inline char *fill(const char *text, const struct scene *s)
{
	char *out = calloc(1, 4096);
	char *q = out;

	for (const char *p = text; *p; p++)
		if (p[0] == '%' && (p[1] == 'A' || p[1] == 'B'))
			q += sprintf(q, "%u", *++p == 'A' ? s->a.port : s->b.port);
		else
			*q++ = *p;
	return out;
}

static inline struct script_step *fill_all(const struct script_step *steps, size_t count,
					   const struct scene *s)
{
	struct script_step *out = calloc(count + 1, sizeof(*out));

	for (size_t i = 0; i < count; i++) {
		out[i] = steps[i];
		out[i].head = fill(steps[i].head, s);
	}
	return out;
}

static inline void fill_free(const struct script_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((char *)steps[i].head);
	free((struct script_step *)steps);
}

static inline void scene_open(struct scene *s, const struct script_step *a, size_t na,
			      const struct script_step *b, size_t nb)
{
	memset(s, 0, sizeof(*s));
	script_start(&s->a, NULL, 0);
	script_start(&s->b, NULL, 0);
	s->a.steps = fill_all(a, na, s);
	s->a.count = na;
	s->b.steps = fill_all(b, nb, s);
	s->b.count = nb;
	snprintf(s->file, sizeof(s->file), "/tmp/test_registry_auth.XXXXXX");
	close(mkstemp(s->file));
	write_auth(s, "{\"auths\":{\"localhost:%u\":{\"auth\":\"" BASIC "\"}}}", s->a.port);
	s->r = open_client(&(struct registry_options){.auth_file = s->file});
	s->ref = make_ref(&s->a, ":v1");
}

static inline void scene_ask(struct scene *s)
{
	struct manifest_answer m = {.body = BUF_INIT};

	s->err = (struct err){0};
	s->code = registry_manifest(s->r, &s->ref, NULL, &m, &s->err);
	registry_manifest_clear(&m);
	/* Whatever comes of it, an error holds no secret. */
	assert_null(strstr(s->err.text, CANARY));
	assert_null(strstr(s->err.text, BASIC));
}

static inline void scene_close(struct scene *s)
{
	registry_close(s->r);
	script_stop(&s->a);
	script_stop(&s->b);
	fill_free(s->a.steps, s->a.count);
	fill_free(s->b.steps, s->b.count);
	ref_clear(&s->ref);
	unlink(s->file);
}

#define AUTHORIZED "Authorization: "

#endif
