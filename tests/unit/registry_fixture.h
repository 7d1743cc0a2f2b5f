/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the registry client share: a client without any of this machine's
 * credentials, references to a scripted server, and who ends a call from outside.
 */
#ifndef TESTS_REGISTRY_FIXTURE_H
#define TESTS_REGISTRY_FIXTURE_H

#include "registry/api/registry.h"

#include "script_server.h"
#include "store/base/clock.h"
#include "until.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

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

/* Sets a cancel, or closes a client, when that has come so far, and who called it sleeps. */
struct later {
	pthread_t thread;
	struct registry *registry;
	uint64_t requests, bytes, retries; /* at least, of its counters */
	struct sleeper caller;
	struct cancel *cancel; /* or NULL: closes the client */
	int64_t began_ms;
};

static inline bool later_is_due(const struct later *l)
{
	struct registry_stats s;

	registry_stats(l->registry, &s);
	return s.requests >= l->requests && s.bytes_received >= l->bytes && s.retries >= l->retries;
}

static inline void *later_run(void *arg)
{
	struct later *l = arg;

	UNTIL(later_is_due(l));
	sleeper_wait_again(&l->caller);
	if (l->cancel)
		cancel_set(l->cancel);
	else
		registry_close(l->registry);
	return NULL;
}

/* By the thread that makes the call next. */
static inline void later_start(struct later *l)
{
	sleeper_enter(&l->caller);
	l->began_ms = clock_ms();
	pthread_create(&l->thread, NULL, later_run, l);
}

/* Far from the limits that end a call without help, and far from what a slow machine needs. */
static inline bool later_was_soon(const struct later *l)
{
	return clock_ms() - l->began_ms < 20000;
}

static inline void later_join(struct later *l)
{
	pthread_join(l->thread, NULL);
}

#endif
