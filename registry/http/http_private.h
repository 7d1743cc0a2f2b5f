/* SPDX-License-Identifier: MIT */
/*
 * Inside http: what the network thread (http_loop.c) and the caller (http.c) share of one request
 * and of the client. Lock order: struct http's lock, then an answer's. A `struct cancel`'s lock
 * comes before both: its wake-up takes them.
 */
#ifndef REGISTRY_HTTP_PRIVATE_H
#define REGISTRY_HTTP_PRIVATE_H

#include "registry/http/http.h"
#include "registry/wire/ring.h"

#include <stdatomic.h>
#include <curl/curl.h>
#include <pthread.h>

enum http_order { HTTP_ORDER_ADD = 1, HTTP_ORDER_RESUME = 2, HTTP_ORDER_REMOVE = 4 };

struct http_answer {
	struct http *http; /* counted */
	struct cancel *cancel;
	CURL *easy;		   /* owned; the loop's while in_loop */
	struct curl_slist *fields; /* owned; wiped */
	char *body;		   /* owned; wiped */
	char *shown;		   /* owned: the URL for errors */
	const char *method;
	enum address_reach reach_max;
	bool proxied;
	int64_t headers_deadline_ms;
	char curl_text[CURL_ERROR_SIZE];

	unsigned orders;		/* http->lock: enum http_order, for the loop */
	struct http_answer *next_order; /* http->lock */

	struct http_answer *prev, *next; /* the loop's list of answers under way */
	bool fresh;	      /* the loop's: bytes came that the reader was not told of */
	bool refused_address; /* the loop's until `done` */
	size_t header_bytes;  /* the loop's */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool in_loop;  /* lock: the loop may use it */
	bool answered; /* lock: status and headers stand */
	bool done;     /* lock: the transfer ended; result and os_errno stand */
	bool stopped;  /* lock: it ended by http_stop() */
	bool paused;   /* lock: the ring was full */
	CURLcode result;
	long os_errno;
	long verify_result;
	int status;
	const struct http_upload *upload; /* borrowed, or NULL */
	uint64_t sent;			  /* the loop's: of the upload */
	enum address_reach reach;
	struct header_list headers; /* the loop's until `answered` */
	struct err fault_err;	    /* lock: why a callback ended the transfer; code 0: none did */
	struct ring ring;	    /* see ring.h; its lock is `lock` */
};

struct http {
	atomic_uint refs;
	CURLM *multi; /* the loop's; curl_multi_wakeup from all */
	pthread_t thread;
	char *user_agent;
	struct http_limits limits;

	pthread_mutex_t lock;
	pthread_cond_t changed;	    /* lock: `stop` was set, or a sleeper's cancel */
	bool stop;		    /* lock: no order is taken any more */
	bool joined;		    /* lock: by the first http_stop() */
	struct http_answer *orders; /* lock: a list by next_order */

	struct http_answer *active;		   /* the loop's */
	_Atomic uint64_t requests, bytes_received; /* http_counters */
};

/* http_loop.c: the thread, and what curl calls on it. */
int http_loop_start(struct http *h, struct err *err);
/* Leaves an order; -EINTR after http_stop(). */
int http_loop_order(struct http_answer *a, enum http_order order, struct err *err);
/* Takes back the orders that the loop has not seen. */
void http_loop_forget(struct http_answer *a);
size_t http_loop_header(char *line, size_t size, size_t count, void *arg);
size_t http_loop_upload(char *data, size_t size, size_t count, void *arg);
int http_loop_rewind(void *arg, curl_off_t offset, int origin);
size_t http_loop_body(char *data, size_t size, size_t count, void *arg);

/* http_error.c: errno and sentence of a transfer that failed (lock held, or done and out of the
 * loop). */
int http_error(const struct http_answer *a, enum http_fault *fault, struct err *err);

/* http_easy.c: a request as curl's options. */
int http_easy_setup(struct http_answer *a, const struct http_request *q, struct err *err);

#endif
