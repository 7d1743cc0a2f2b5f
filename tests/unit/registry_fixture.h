/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the registry client share: a client without any of this machine's
 * credentials, references to a scripted server, and clocks.
 */
#ifndef TESTS_REGISTRY_FIXTURE_H
#define TESTS_REGISTRY_FIXTURE_H

#include "registry/registry.h"

#include "script_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#define STEPS(...)                                                                                 \
	(const struct script_step[]){__VA_ARGS__},                                                 \
	    sizeof((const struct script_step[]){__VA_ARGS__}) / sizeof(struct script_step)

#define OK	"HTTP/1.1 200 OK\r\n"
#define PART	"HTTP/1.1 206 Partial Content\r\n"
#define NOTHING "Content-Length: 0\r\n"

static inline struct registry *open_client(const struct registry_options *given)
{
	struct registry_options o = given ? *given : (struct registry_options){0};
	struct registry *r = NULL;
	struct err err = {0};

	if (!o.auth_file)
		o.auth_file = "/nonexistent";
	if (!o.certs_dir)
		o.certs_dir = "/nonexistent";
	if (registry_open(&o, &r, &err) < 0)
		fail_msg("%s", err.text);
	return r;
}

/* localhost:PORT/team/app and what follows (":v1", "@sha256:…"). */
static inline struct ref make_ref(const struct script_server *s, const char *version)
{
	char text[256];
	struct ref ref = REF_INIT;

	snprintf(text, sizeof(text), "localhost:%u/team/app%s", s->port, version);
	assert_int_equal(ref_parse(text, &ref, NULL), 0);
	return ref;
}

static inline int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Sets a cancel, or closes a client, a little later. */
struct later {
	pthread_t thread;
	int ms;
	struct cancel *cancel;
	struct registry *close;
};

static inline void *later_run(void *arg)
{
	struct later *l = arg;

	usleep((useconds_t)l->ms * 1000);
	if (l->cancel)
		cancel_set(l->cancel);
	registry_close(l->close);
	return NULL;
}

static inline void later_start(struct later *l)
{
	pthread_create(&l->thread, NULL, later_run, l);
}

static inline void later_join(struct later *l)
{
	pthread_join(l->thread, NULL);
}

#endif
