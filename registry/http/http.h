/* SPDX-License-Identifier: MIT */
/*
 * HTTP requests over one network thread (curl_multi; handles of several threads could not share
 * connections): keep-alive, HTTP/2 where TLS offers it, many transfers side by side. It sends one
 * request and gives its answer: it follows no redirect, answers no challenge, tries nothing again. It
 * limits what strangers choose: the size of headers (HTTP_HEADERS_MAX), the time of each phase, the
 * addresses that may be reached. Nothing is read from .netrc, .curlrc, or cookies; proxies come from
 * the environment, except for loopback names.
 *
 * Thread safe; one http_answer is used by one thread. Every answer is ended with http_end(), also
 * after http_stop().
 */
#ifndef REGISTRY_HTTP_H
#define REGISTRY_HTTP_H

#include "registry/wire/address.h"
#include "registry/wire/header.h"
#include "registry/wire/retry.h"
#include "store/base/buf.h"
#include "store/base/cancel.h"
#include "store/base/err.h"
#include "store/base/mem.h"

#include <sys/types.h>

#define HTTP_HEADERS_MAX                                                                           \
	(64u << 10) /* bytes of one answer's headers, interim ones and trailers too */
#define HTTP_QUEUE_SIZE (2u << 20)   /* bytes of a body that wait for their reader */
#define HTTP_QUEUE_WAKE (256u << 10) /* bytes that wake a reader in the midst of a burst */

struct http_limits {
	int connect_ms; /* name, connection, and TLS */
	int headers_ms; /* from the start to the last header */
	int stall_s;	/* how long a body may come slower than stall_rate */
	int stall_rate; /* bytes a second */
};

/* connect 10 s, headers 30 s, 30 s below 1,024 bytes a second */
extern const struct http_limits http_limits_default;

struct http;
int http_open(const char *user_agent, const struct http_limits *limits, struct http **out,
	      struct err *err);
struct http *http_get(struct http *h);
void http_put(struct http *h); /* the last one frees; http_stop() comes first */

/* Ends every transfer and every wait (-EINTR), now and from now on, and the thread. */
void http_stop(struct http *h);
bool http_stopped(struct http *h);

/* Whether TLS is verified, and with which certificates. All borrowed until http_end(). */
struct http_tls {
	bool unverified;
	const struct buf *authorities; /* PEM, beside the system's; NULL: none */
	const char *certificate, *key; /* paths of the client's, or NULL */
};

/* A body that is sent as it is read. It and its source must live until http_end(). */
struct http_upload {
	uint64_t size; /* bytes */
	/* Called on the network thread: reads bytes from an offset on, 1..max of them, or gives
	 * -errno with a sentence. Where the body has to be sent anew, offsets start at 0 again. */
	ssize_t (*read)(void *arg, uint64_t offset, void *data, size_t max, struct err *err);
	void *arg;
};

struct http_request {
	const char *method;		  /* GET, HEAD, POST, PUT, PATCH, DELETE */
	const char *url;		  /* checked by url_parse() */
	const char *const *headers;	  /* NULL-terminated "Name: value", or NULL */
	const char *body;		  /* of a POST; a string; copied and wiped */
	const struct http_upload *upload; /* of a PUT or PATCH; or NULL */
	struct http_tls tls;
	enum address_reach reach; /* no connection to an address further inside */
	int connect_ms;		  /* 0: that of the limits */
	bool apart;		  /* a connection that carries one request at a time (HTTP/1.1) */
	struct cancel *cancel;	  /* or NULL; lives until http_end() */
};

/* What a failure was, for the caller's decision whether to ask again. */
enum http_fault {
	HTTP_FAULT_NONE,
	HTTP_FAULT_FATAL,	/* a second try would fail, too; or it was interrupted */
	HTTP_FAULT_UNREACHABLE, /* no such name, no route, refused */
	HTTP_FAULT_TIMEOUT,
	HTTP_FAULT_TLS, /* no handshake, and no sign that the server speaks TLS */
	HTTP_FAULT_CUT	/* the connection broke */
};
enum retry_cause http_fault_cause(enum http_fault fault);

/* Sends, and waits for the final status and headers. 0, or -errno with *fault set. The sentence is
 * docker's: Get "https://host/v2/…": dial tcp: lookup host: no such host. */
struct http_answer;
int http_send(struct http *h, const struct http_request *q, struct http_answer **out,
	      enum http_fault *fault, struct err *err);
int http_status(const struct http_answer *a);
const struct header_list *http_headers(const struct http_answer *a);
enum address_reach http_answer_reach(const struct http_answer *a); /* of the peer's address */

/* 1..max bytes of the body, 0 at its end, -errno. */
ssize_t http_read(struct http_answer *a, void *data, size_t max, enum http_fault *fault,
		  struct err *err);
/* The rest of the body, appended; -EPROTO where it is longer than max. */
int http_read_all(struct http_answer *a, size_t max, struct buf *out, enum http_fault *fault,
		  struct err *err);
/* Ends the transfer, finished or not. NULL is allowed. */
void http_end(struct http_answer *a);
/* The same where the body is not wanted: lets a small one come in first, which keeps the connection. */
void http_finish(struct http_answer *a);
DEFINE_AUTO(struct http_answer, http_end)

/* Waits so many ms: 0. `cancel` or http_stop() end it at once: -EINTR, -ETIMEDOUT. */
int http_sleep(struct http *h, int64_t ms, struct cancel *cancel, struct err *err);

struct http_counters {
	uint64_t requests, bytes_received;
};
void http_counters(struct http *h, struct http_counters *out);

#endif
