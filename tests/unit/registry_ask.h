/* SPDX-License-Identifier: MIT */
/*
 * One call of the client against one scripted server, and what came of it.
 */
#ifndef TESTS_REGISTRY_ASK_H
#define TESTS_REGISTRY_ASK_H

#include "registry_fixture.h"

#include "store/base/mem.h"

#define BODY	     "{\"schemaVersion\":2}"
#define BODY_LENGTH  "Content-Length: 19\r\n"
#define OTHER_DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TYPE	     "Content-Type: application/vnd.oci.image.manifest.v1+json ; charset=utf-8\r\n"
#define NOT_FOUND    "HTTP/1.1 404 Not Found\r\n" NOTHING

struct outcome {
	int code;
	struct err err;
	char text[DIGEST_TEXT_MAX]; /* the digest */
	char body[64];
	char type[64];
	size_t served;
	char log[SCRIPT_LOG];
	int64_t ms;
};

static inline struct outcome ask(void (*call)(struct registry *, const struct ref *,
					      struct cancel *, struct outcome *),
				 const char *version, int64_t deadline_ms,
				 const struct script_step *steps, size_t count)
{
	static struct outcome o; /* large */
	struct script_server server;
	struct cancel cancel;
	struct registry *r = open_client(NULL);
	int64_t began = clock_ms();

	o = (struct outcome){0};
	cancel_init(&cancel);
	cancel.deadline_ms = deadline_ms ? began + deadline_ms : 0;
	script_start(&server, steps, count);
	struct ref ref = make_ref(&server, version);

	call(r, &ref, &cancel, &o);
	o.ms = clock_ms() - began;
	o.served = script_served(&server);
	registry_close(r);
	script_stop(&server);
	memcpy(o.log, server.log, sizeof(o.log));
	ref_clear(&ref);
	cancel_destroy(&cancel);
	return o;
}

#endif
