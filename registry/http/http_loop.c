/* SPDX-License-Identifier: MIT */
/*
 * The network thread. It alone touches curl's handles while they are in the multi handle; callers
 * leave orders and wake it. It never waits for a caller: a body whose reader is slow is paused.
 */
#include "registry/http/http_private.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void http_loop_tell(struct http_answer *a)
{
	pthread_cond_broadcast(&a->changed);
}

/* A callback's reason to end the transfer: the first one counts. */
static void set_fault(struct http_answer *a, const struct err *e)
{
	pthread_mutex_lock(&a->lock);
	if (!a->fault_err.code)
		a->fault_err = *e;
	pthread_mutex_unlock(&a->lock);
}

/* The last header: now the caller has its answer. */
static void answer_stands(struct http_answer *a, long status)
{
	char *ip = NULL;
	uint64_t length;

	curl_easy_getinfo(a->easy, CURLINFO_PRIMARY_IP, &ip);
	pthread_mutex_lock(&a->lock);
	a->status = (int)status;
	a->ring.fills =
	    header_number(&a->headers, "Content-Length", &length) && length >= a->ring.size;
	a->reach = ip ? address_reach_text(ip) : ADDRESS_PUBLIC;
	a->answered = true;
	http_loop_tell(a);
	pthread_mutex_unlock(&a->lock);
}

size_t http_loop_header(char *line, size_t size, size_t count, void *arg)
{
	struct http_answer *a = arg;
	size_t len = size * count;
	struct err e = {0};
	long status = 0;
	int r = 0;

	a->header_bytes += len;
	if (a->header_bytes > HTTP_HEADERS_MAX)
		r = err_set(&e, EPROTO, "headers of more than %u bytes", HTTP_HEADERS_MAX);
	else if (a->answered)
		return len; /* trailers say nothing that counts */
	else if (len > 5 && !memcmp(line, "HTTP/", 5))
		header_clear(&a->headers); /* the answer before was an interim one */
	else if (len && line[0] != '\r' && line[0] != '\n')
		r = header_add(&a->headers, line, len, &e);
	else if (!curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status) && status >= 200)
		answer_stands(a, status);
	if (r < 0) {
		set_fault(a, &e);
		return 0;
	}
	return len;
}

size_t http_loop_upload(char *data, size_t size, size_t count, void *arg)
{
	struct http_answer *a = arg;
	uint64_t left = a->upload->size - a->sent;
	size_t max = size * count < left ? size * count : (size_t)left;
	struct err e = {0};
	ssize_t n = max ? a->upload->read(a->upload->arg, a->sent, data, max, &e) : 0;

	assert(a->sent <= a->upload->size && n <= (ssize_t)max);
	if (n < 0) {
		set_fault(a, &e);
		return CURL_READFUNC_ABORT;
	}
	a->sent += (uint64_t)n;
	return (size_t)n;
}

/* When a connection that was used before breaks, curl sends all again by itself. What came before
 * may have been kept, and an upload does not begin twice: it is its sender who asks how far it got.
 */
int http_loop_rewind(void *arg, curl_off_t offset, int origin)
{
	const struct http_answer *a = arg;

	return origin == SEEK_SET && offset == 0 && a->sent == 0 ? CURL_SEEKFUNC_OK
								 : CURL_SEEKFUNC_FAIL;
}

size_t http_loop_body(char *data, size_t size, size_t count, void *arg)
{
	struct http_answer *a = arg;
	size_t len = size * count;
	size_t room;

	pthread_mutex_lock(&a->lock);
	if (ring_used(&a->ring) == 0) /* no more memory than a reader that keeps up needs */
		a->ring.head = a->ring.tail = 0;
	room = a->ring.size - ring_used(&a->ring);
	if (room < len) {
		a->paused = true;
		http_loop_tell(a);
	}
	pthread_mutex_unlock(&a->lock);
	if (room < len)
		return CURL_WRITEFUNC_PAUSE;
	if (ring_copy_in(&a->ring, a->ring.head, data, len) < 0) {
		struct err e;

		err_nomem(&e);
		set_fault(a, &e);
		return 0;
	}
	atomic_fetch_add(&a->http->bytes_received, len);
	pthread_mutex_lock(&a->lock);
	a->ring.head += len;
	assert(ring_used(&a->ring) <= a->ring.size);
	a->fresh = ring_used(&a->ring) < HTTP_QUEUE_WAKE;
	if (!a->fresh)
		http_loop_tell(a);
	pthread_mutex_unlock(&a->lock);
	return len;
}

/* The transfer is over, or must be: out of the multi handle, and back to the caller. */
static void detach(struct http_answer *a, CURLcode result, bool stopped)
{
	struct http *h = a->http;

	curl_multi_remove_handle(h->multi, a->easy);
	if (a->prev)
		a->prev->next = a->next;
	else
		h->active = a->next;
	if (a->next)
		a->next->prev = a->prev;

	pthread_mutex_lock(&a->lock);
	assert(a->in_loop && !a->done);
	curl_easy_getinfo(a->easy, CURLINFO_OS_ERRNO, &a->os_errno);
	curl_easy_getinfo(a->easy, CURLINFO_SSL_VERIFYRESULT, &a->verify_result);
	a->result = result;
	a->stopped = stopped;
	a->done = true;
	a->in_loop = false;
	http_loop_tell(a);
	pthread_mutex_unlock(&a->lock);
}

static void attach(struct http_answer *a)
{
	struct http *h = a->http;

	assert(a->in_loop);
	a->prev = NULL;
	a->next = h->active;
	if (a->next)
		a->next->prev = a;
	h->active = a;
	if (curl_multi_add_handle(h->multi, a->easy) != CURLM_OK)
		detach(a, CURLE_OUT_OF_MEMORY, false);
}

/* An answer that is done may still have RESUME left: it is nothing then. The lock is held, so that
 * http_loop_forget() cannot come between finding an answer here and using it. */
static void obey_orders(struct http *h)
{
	struct http_answer *a;

	pthread_mutex_lock(&h->lock);
	while ((a = h->orders)) {
		unsigned orders = a->orders;

		h->orders = a->next_order;
		a->orders = 0;
		if (orders & HTTP_ORDER_ADD)
			attach(a);
		if ((orders & HTTP_ORDER_REMOVE) && a->in_loop)
			detach(a, CURLE_ABORTED_BY_CALLBACK, false);
		else if ((orders & HTTP_ORDER_RESUME) && a->in_loop)
			curl_easy_pause(a->easy, CURLPAUSE_CONT);
	}
	pthread_mutex_unlock(&h->lock);
}

static void finish_transfers(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_answer *a = NULL;
		CURLcode result = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &a);
		detach(a, result, false);
	}
}

/* Readers are woken once for a burst of small pieces. */
static void tell_fresh(struct http *h)
{
	for (struct http_answer *a = h->active; a; a = a->next)
		if (a->fresh) {
			a->fresh = false;
			pthread_mutex_lock(&a->lock);
			http_loop_tell(a);
			pthread_mutex_unlock(&a->lock);
		}
}

static void *loop(void *arg)
{
	struct http *h = arg;
	int running;

	while (!http_stopped(h)) {
		obey_orders(h);
		curl_multi_perform(h->multi, &running);
		finish_transfers(h);
		tell_fresh(h);
		curl_multi_poll(h->multi, NULL, 0, 1000, NULL);
	}
	obey_orders(h);
	while (h->active)
		detach(h->active, CURLE_ABORTED_BY_CALLBACK, true);
	return NULL;
}

int http_loop_start(struct http *h, struct err *err)
{
	sigset_t all, old;
	int r;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&h->thread, NULL, loop, h);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r ? err_set(err, r, "cannot start the network thread: %s", strerror(r)) : 0;
}

int http_loop_order(struct http_answer *a, enum http_order order, struct err *err)
{
	struct http *h = a->http;

	pthread_mutex_lock(&h->lock);
	bool stop = h->stop;

	/* An answer that was added is detached by the loop in any case; see loop(). */
	if (!stop) {
		if (!a->orders) {
			a->next_order = h->orders;
			h->orders = a;
		}
		a->orders |= order;
		if (order == HTTP_ORDER_ADD)
			a->in_loop = true;
	}
	pthread_mutex_unlock(&h->lock);
	if (stop)
		return err_set(err, EINTR, "interrupted");
	curl_multi_wakeup(h->multi);
	return 0;
}

void http_loop_forget(struct http_answer *a)
{
	struct http *h = a->http;

	pthread_mutex_lock(&h->lock);
	for (struct http_answer **p = &h->orders; *p; p = &(*p)->next_order)
		if (*p == a) {
			*p = a->next_order;
			break;
		}
	a->orders = 0;
	pthread_mutex_unlock(&h->lock);
}
