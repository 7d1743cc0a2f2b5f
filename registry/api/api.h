/* SPDX-License-Identifier: MIT */
/*
 * A request to a registry's API (distribution specification, "Endpoints") and all that surrounds
 * it: mirrors before the registry itself, https before http where that is allowed, challenges,
 * redirects, tries. The caller knows what an answer means. Blocks; thread safe.
 */
#ifndef REGISTRY_API_H
#define REGISTRY_API_H

#include "registry/api/registry_private.h"
#include "registry/wire/retry.h"

#define API_REDIRECTS_MAX 10
#define API_ERROR_MAX	  (1u << 20) /* bytes of an error's body that are read */
#define API_FIELDS_MAX	  4	     /* header fields of a request's own */

/* A server that answers for a repository. */
struct endpoint {
	struct host *host;
	struct mirror *mirror; /* NULL: the registry itself */
};

struct endpoint_list {
	struct endpoint *list; /* owned; the registry itself is the last */
	size_t count;
};

/* Mirrors that did not answer a moment ago are left out. */
int api_endpoints(struct registry *r, const struct ref *repository, struct endpoint_list *out,
		  struct err *err);
void api_endpoints_clear(struct endpoint_list *l);
#define autoendpoints __attribute__((cleanup(api_endpoints_clear))) struct endpoint_list

struct api_request {
	struct registry *registry;
	const struct ref *repository;
	const char *method; /* GET, HEAD, POST, PUT, PATCH, DELETE */
	const char *path;   /* behind /v2/<repository>/: "manifests/7"; or from a slash on */
	/* Where an upload goes on, instead of the path; or NULL. On another origin than the registry's
	 * it gets no credentials, and may lie no further inside the network than `reach`. */
	const struct url *url;
	enum address_reach reach;
	const struct http_upload *upload; /* or NULL */
	bool push;			  /* it changes the repository */
	const char *from;		  /* the repository that a blob is mounted from; or NULL */
	const struct credential *credential; /* as in struct auth_scope */
	const char *const *fields;	     /* NULL-terminated, at most API_FIELDS_MAX; or NULL */
	bool apart;			     /* over a connection that no other request uses */
	struct api_target *led; /* out: where redirects led, if they did; empty before; or NULL */
	struct cancel *cancel;
};

/* The URL that the request had at an endpoint that answered. */
int api_url(const struct api_request *q, const struct endpoint *e, struct url *out,
	    struct err *err);

/* Fills f by the fault that a transfer had. */
void api_fault(enum http_fault fault, struct retry_failure *f);

/* One answer, whatever its status: challenges are answered and redirects followed, nothing is tried
 * again. The caller ends it. */
int api_send(const struct api_request *q, const struct endpoint *e, struct http_answer **out,
	     struct retry_failure *f, struct err *err);

/* As retry_next(): ms to wait, or -1. Counts the try. -1, too, where the wait would end beyond the
 * cancel's deadline. */
int64_t api_next_try(struct registry *r, struct retry *retry, enum retry_cause cause,
		     int64_t after_ms, const struct cancel *cancel);

/* One attempt at one endpoint, and what its answer means. Fills f where it fails. */
typedef int (*api_step)(void *arg, const struct endpoint *e, struct retry_failure *f,
			struct err *err);

/* Tries again as retry.h says, waiting in between, until the step succeeds, fails for good, is
 * cancelled, or would wait beyond the cancel's deadline. A mirror gets one try. */
int api_persist(struct registry *r, const struct endpoint *e, struct retry *retry,
		struct cancel *cancel, api_step step, void *arg, struct err *err);

/* api_persist() at each endpoint in turn, the registry itself last, until one succeeds. */
int api_everywhere(struct registry *r, const struct ref *repository, struct cancel *cancel,
		   api_step step, void *arg, struct err *err);

/* Turns an answer of status >= 300 into errno, sentence (docker's words) and what to
 * do next; reads its body. 404 is -ENOENT with the registry's own words. */
int api_status_error(const struct api_request *q, struct http_answer *a, struct retry_failure *f,
		     struct err *err);

#endif
