/* SPDX-License-Identifier: MIT */
#include "registry/http/http_private.h"

#include "store/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

/* How long a wait sleeps at most before it looks at its cancel again: the wake-up of a cancel
 * belongs to one wait, and jobs with several threads share one. */
#define POLL_MS 200

/* How long a body that nobody wants may take to end, so that its connection can be used again. */
#define FINISH_MS 100

const struct http_limits http_limits_default = {
    .connect_ms = 10000, .headers_ms = 30000, .stall_s = 30, .stall_rate = 1024};

/* Waits for the condition, no longer than to the given time and POLL_MS. */
static void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms)
{
	int64_t limit = clock_ms() + POLL_MS;

	clock_cond_wait(cond, lock, until_ms < limit ? until_ms : limit);
}

static int64_t deadline_of(const struct cancel *c)
{
	return c && c->deadline_ms ? c->deadline_ms : INT64_MAX;
}

int http_open(const char *user_agent, const struct http_limits *limits, struct http **out,
	      struct err *err)
{
	/* Counted by curl; thread safe since 7.84. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_nomem(err);

	struct http *h = calloc(1, sizeof(*h));

	if (!h) {
		curl_global_cleanup();
		return err_nomem(err);
	}
	h->refs = 1;
	h->limits = limits ? *limits : http_limits_default;
	pthread_mutex_init(&h->lock, NULL);
	clock_cond_init(&h->changed);
	h->multi = curl_multi_init();
	h->user_agent = strdup(user_agent ? user_agent : "imagefs");

	int r = h->multi && h->user_agent ? http_loop_start(h, err) : err_nomem(err);

	if (r < 0) {
		h->joined = true;
		http_put(h);
		return r;
	}
	*out = h;
	return 0;
}

struct http *http_get(struct http *h)
{
	atomic_fetch_add(&h->refs, 1);
	return h;
}

void http_put(struct http *h)
{
	unsigned before = h ? atomic_fetch_sub(&h->refs, 1) : 0;

	assert(!h || before > 0);
	if (before != 1)
		return;
	assert(h->joined && !h->active);
	curl_multi_cleanup(h->multi);
	pthread_mutex_destroy(&h->lock);
	pthread_cond_destroy(&h->changed);
	free(h->user_agent);
	free(h);
	curl_global_cleanup();
}

void http_stop(struct http *h)
{
	pthread_mutex_lock(&h->lock);
	bool joined = h->joined;

	h->stop = true;
	h->joined = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	if (joined)
		return;
	curl_multi_wakeup(h->multi);
	pthread_join(h->thread, NULL);
}

bool http_stopped(struct http *h)
{
	pthread_mutex_lock(&h->lock);
	bool stop = h->stop;

	pthread_mutex_unlock(&h->lock);
	return stop;
}

static void wake_answer(void *arg)
{
	struct http_answer *a = arg;

	pthread_mutex_lock(&a->lock);
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

static bool answer_ready(const struct http_answer *a)
{
	return a->answered || a->done;
}

static bool bytes_ready(const struct http_answer *a)
{
	return ring_used(&a->ring) || a->done;
}

static bool transfer_done(const struct http_answer *a)
{
	return a->done;
}

/* Waits until the condition holds. 0, or -EINTR, or -ETIMEDOUT by the cancel or `until_ms`. */
static int http_wait_for(struct http_answer *a, bool (*ready)(const struct http_answer *),
			 int64_t until_ms, struct err *err)
{
	int64_t limit = deadline_of(a->cancel);
	int r = 0;

	pthread_mutex_lock(&a->lock);
	bool now = ready(a);

	pthread_mutex_unlock(&a->lock);
	if (now)
		return 0;
	if (until_ms < limit)
		limit = until_ms;
	if (a->cancel)
		cancel_on_set(a->cancel, wake_answer, a);
	pthread_mutex_lock(&a->lock);
	while (!ready(a)) {
		r = cancel_check(a->cancel, err);
		if (!r && clock_ms() >= until_ms)
			r = err_set(err, ETIMEDOUT, "%s \"%s\": timeout awaiting response headers",
				    a->method, a->shown);
		if (r < 0)
			break;
		cond_wait_until(&a->changed, &a->lock, limit);
	}
	pthread_mutex_unlock(&a->lock);
	if (a->cancel)
		cancel_on_set(a->cancel, NULL, NULL);
	return r;
}

/* The fault of a wait that failed: the caller's own limit or wish is nobody's fault. */
static enum http_fault fault_of_wait(const struct http_answer *a, int r)
{
	if (r == -ETIMEDOUT && cancel_check(a->cancel, NULL) == 0)
		return HTTP_FAULT_TIMEOUT;
	return HTTP_FAULT_FATAL;
}

static struct http_answer *answer_new(struct http *h, const struct http_request *q)
{
	struct http_answer *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->http = http_get(h);
	a->cancel = q->cancel;
	a->method = q->method;
	a->reach_max = q->reach;
	a->upload = q->upload;
	pthread_mutex_init(&a->lock, NULL);
	clock_cond_init(&a->changed);
	ring_init(&a->ring, HTTP_QUEUE_SIZE);
	return a;
}

int http_send(struct http *h, const struct http_request *q, struct http_answer **out,
	      enum http_fault *fault, struct err *err)
{
	AUTO(http_end) struct http_answer *a = answer_new(h, q);
	int r;

	*fault = HTTP_FAULT_FATAL;
	if (!a)
		return err_nomem(err);
	r = http_easy_setup(a, q, err);
	if (r < 0)
		return r;
	atomic_fetch_add(&h->requests, 1);
	r = http_loop_order(a, HTTP_ORDER_ADD, err);
	if (r < 0)
		return r;
	/* A body may take its time; curl sees to it that it moves. */
	r = http_wait_for(a, answer_ready,
			  q->upload ? INT64_MAX : clock_ms() + h->limits.headers_ms, err);
	if (r < 0) {
		*fault = fault_of_wait(a, r);
		return r;
	}
	pthread_mutex_lock(&a->lock);
	bool answered = a->answered;

	pthread_mutex_unlock(&a->lock);
	if (!answered)
		return http_error(a, fault, err);
	*fault = HTTP_FAULT_NONE;
	*out = steal(&a);
	return 0;
}

enum retry_cause http_fault_cause(enum http_fault fault)
{
	return fault == HTTP_FAULT_CUT	     ? RETRY_CUT
	       : fault == HTTP_FAULT_TIMEOUT ? RETRY_TIMEOUT
					     : RETRY_NEVER;
}

int http_status(const struct http_answer *a)
{
	return a->status;
}

const struct header_list *http_headers(const struct http_answer *a)
{
	return &a->headers;
}

enum address_reach http_answer_reach(const struct http_answer *a)
{
	return a->reach;
}

ssize_t http_read(struct http_answer *a, void *data, size_t max, enum http_fault *fault,
		  struct err *err)
{
	int r = http_wait_for(a, bytes_ready, INT64_MAX, err);

	*fault = HTTP_FAULT_NONE;
	if (r < 0) {
		*fault = fault_of_wait(a, r);
		return r;
	}
	pthread_mutex_lock(&a->lock);
	size_t len = ring_used(&a->ring);

	pthread_mutex_unlock(&a->lock);
	if (len == 0) /* done */
		return a->result == CURLE_OK && !a->stopped ? 0 : http_error(a, fault, err);
	if (len > max)
		len = max;
	ring_copy_out(&a->ring, a->ring.tail, data, len);

	pthread_mutex_lock(&a->lock);
	assert(len <= ring_used(&a->ring));
	a->ring.tail += len;
	bool resume = a->paused && ring_used(&a->ring) <= a->ring.size / 2;

	if (resume)
		a->paused = false;
	pthread_mutex_unlock(&a->lock);
	if (resume)
		http_loop_order(a, HTTP_ORDER_RESUME, NULL); /* after a stop `done` tells */
	return (ssize_t)len;
}

int http_read_all(struct http_answer *a, size_t max, struct buf *out, enum http_fault *fault,
		  struct err *err)
{
	const size_t piece = 64 << 10;
	size_t total = 0;
	ssize_t n;

	do {
		char *room = buf_reserve(out, piece + 1);

		*fault = HTTP_FAULT_FATAL;
		if (!room)
			return err_nomem(err);
		n = http_read(a, room, piece, fault, err);
		if (n < 0)
			return (int)n;
		out->len += (size_t)n;
		out->data[out->len] = '\0';
		total += (size_t)n;
		if (total > max) {
			*fault = HTTP_FAULT_FATAL;
			return err_set(err, EPROTO, "%s \"%s\": an answer of more than %zu bytes",
				       a->method, a->shown, max);
		}
	} while (n > 0);
	return 0;
}

/* Header fields and bodies carry credentials. */
static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
}

void http_end(struct http_answer *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	bool in_loop = a->in_loop;

	pthread_mutex_unlock(&a->lock);
	if (in_loop)
		http_loop_order(a, HTTP_ORDER_REMOVE, NULL); /* after a stop the loop knows */
	pthread_mutex_lock(&a->lock);
	while (a->in_loop)
		pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
	http_loop_forget(a);

	curl_easy_cleanup(a->easy);
	for (struct curl_slist *f = a->fields; f; f = f->next)
		wipe(f->data);
	curl_slist_free_all(a->fields);
	wipe(a->body);
	free(a->body);
	free(a->shown);
	header_clear(&a->headers);
	ring_free(&a->ring);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->changed);
	http_put(a->http);
	free(a);
}

void http_finish(struct http_answer *a)
{
	if (a)
		http_wait_for(a, transfer_done, clock_ms() + FINISH_MS, NULL);
	http_end(a);
}

static void wake_sleeper(void *arg)
{
	struct http *h = arg;

	pthread_mutex_lock(&h->lock);
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}

int http_sleep(struct http *h, int64_t ms, struct cancel *cancel, struct err *err)
{
	int64_t until = clock_ms() + ms;
	int64_t limit = deadline_of(cancel);
	int r = 0;

	if (cancel)
		cancel_on_set(cancel, wake_sleeper, h);
	pthread_mutex_lock(&h->lock);
	while (clock_ms() < until) {
		r = h->stop ? err_set(err, EINTR, "interrupted") : cancel_check(cancel, err);
		if (r < 0)
			break;
		cond_wait_until(&h->changed, &h->lock, until < limit ? until : limit);
	}
	pthread_mutex_unlock(&h->lock);
	if (cancel)
		cancel_on_set(cancel, NULL, NULL);
	return r;
}

void http_counters(struct http *h, struct http_counters *out)
{
	out->requests = atomic_load(&h->requests);
	out->bytes_received = atomic_load(&h->bytes_received);
}
