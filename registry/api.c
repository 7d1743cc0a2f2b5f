/* SPDX-License-Identifier: MIT */
#include "registry/api.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* A mirror that did not answer is not asked again for so long. */
#define MIRROR_DOWN_MS 60000

/* A server on the loopback that speaks no TLS may also say nothing to a ClientHello. */
#define PROBE_CONNECT_MS 3000

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The host that serves a domain. */
static const char *api_name(const char *domain)
{
	return strcmp(domain, HOSTS_DOCKER_HUB) ? domain : HOSTS_DOCKER_HUB_API;
}

static bool mirror_is_up(const struct mirror *m)
{
	return __atomic_load_n(&m->down_until_ms, __ATOMIC_RELAXED) <= now_ms();
}

static int add_mirror(struct registry *r, struct mirror *m, struct endpoint_list *out,
		      struct err *err)
{
	struct endpoint *e = &out->list[out->count];
	autofree char *name = url_authority(&m->url);
	int n;

	if (!name)
		return err_nomem(err);
	n = hosts_get(r->hosts, name, &e->host, err);
	if (n < 0)
		return n;
	e->mirror = m;
	out->count++;
	return 0;
}

int api_endpoints(struct registry *r, const struct ref *repository, struct endpoint_list *out,
		  struct err *err)
{
	size_t iter = 0, n = 1;
	struct mirror *m;
	int e = 0;

	*out = (struct endpoint_list){0};
	while (hosts_mirror(r->hosts, repository->domain, &iter))
		n++;
	out->list = calloc(n, sizeof(*out->list));
	if (!out->list)
		return err_nomem(err);
	for (iter = 0; e == 0 && (m = hosts_mirror(r->hosts, repository->domain, &iter));)
		if (mirror_is_up(m))
			e = add_mirror(r, m, out, err);
	if (e == 0)
		e = hosts_get(r->hosts, api_name(repository->domain), &out->list[out->count].host,
			      err);
	if (e < 0) {
		api_endpoints_clear(out);
		return e;
	}
	out->count++;
	return 0;
}

void api_endpoints_clear(struct endpoint_list *l)
{
	free(l->list);
	*l = (struct endpoint_list){0};
}

/* The URL of the request at an endpoint, by the scheme that is known or tried now. */
static int make_url(const struct api_request *q, const struct endpoint *e, bool tls,
		    struct url *out, struct err *err)
{
	autobuf b = BUF_INIT;

	buf_puts(&b, tls ? "https://" : "http://");
	buf_puts(&b, e->host->name);
	if (e->mirror)
		buf_puts(&b, e->mirror->url.target);
	buf_printf(&b, "/v2/%s/%s", q->repository->path, q->path);
	if (buf_failed(&b))
		return err_nomem(err);
	return url_parse(b.data, out, err);
}

/* One request along a path of redirects. */
struct hop {
	struct url url;
	struct url origin; /* where the request started: credentials go nowhere else */
	struct host *host;
	enum address_reach reach;
	int connect_ms;
};

static void hop_clear(struct hop *h)
{
	url_clear(&h->url);
	url_clear(&h->origin);
}

void api_fault(enum http_fault fault, struct api_failure *f)
{
	f->cause = RETRY_NEVER;
	f->silent = fault == HTTP_FAULT_UNREACHABLE || fault == HTTP_FAULT_TIMEOUT;
	if (fault == HTTP_FAULT_CUT)
		f->cause = RETRY_CUT;
	else if (fault == HTTP_FAULT_TIMEOUT)
		f->cause = RETRY_TIMEOUT;
}

static int send_hop(const struct api_request *q, const struct hop *h, struct http_answer **out,
		    enum http_fault *fault, struct err *err)
{
	const char *fields[API_FIELDS_MAX + 1] = {NULL};
	autofree char *text = url_text(&h->url);
	size_t n = 0;

	if (!text)
		return err_nomem(err);
	while (n < API_FIELDS_MAX && q->fields && q->fields[n]) {
		fields[n] = q->fields[n];
		n++;
	}
	return http_send(q->registry->http,
			 &(struct http_request){.method = q->method,
						.url = text,
						.headers = fields,
						.tls = host_tls(h->host),
						.reach = h->reach,
						.connect_ms = h->connect_ms,
						.cancel = q->cancel},
			 out, fault, err);
}

/* Whether a registry may lead from one URL to another: never from https to http, and to hosts of
 * the inner network only by its own address (send_hop's reach) or when it is the host itself. */
static int follow(const struct api_request *q, struct hop *h, const struct http_answer *a,
		  struct err *err)
{
	const char *location = header_get(http_headers(a), "Location");
	autourl next = URL_INIT;
	int r;

	if (!location)
		return err_set(err, EPROTO, "%s: a redirect without a Location", h->url.host);
	r = url_resolve(&h->url, location, &next, err);
	if (r < 0)
		return err_context(err, "%s: a redirect", h->url.host);
	if (h->url.tls && !next.tls)
		return err_set(err, EPROTO, "%s: a redirect from https to http is refused",
			       h->url.host);

	autofree char *name = url_authority(&next);

	if (!name)
		return err_nomem(err);
	r = hosts_get(q->registry->hosts, name, &h->host, err);
	if (r < 0)
		return r;
	h->reach = url_same_origin(&next, &h->origin) ? ADDRESS_ANY : http_answer_reach(a);
	h->connect_ms = 0;
	url_clear(&h->url);
	h->url = next;
	next = (struct url)URL_INIT;
	return 0;
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int send_along(const struct api_request *q, struct hop *h, struct http_answer **out,
		      enum http_fault *fault, struct err *err)
{
	for (int i = 0; i <= API_REDIRECTS_MAX; i++) {
		struct http_answer *a = NULL;
		int r = send_hop(q, h, &a, fault, err);

		if (r < 0)
			return r;
		if (!is_redirect(http_status(a))) {
			*out = a;
			return 0;
		}
		*fault = HTTP_FAULT_FATAL;
		r = follow(q, h, a, err);
		http_finish(a);
		if (r < 0)
			return r;
	}
	return err_set(err, EPROTO, "%s: more than %d redirects", h->origin.host,
		       API_REDIRECTS_MAX);
}

/* By one scheme. */
static int send_by(const struct api_request *q, const struct endpoint *e, bool tls, int connect_ms,
		   struct http_answer **out, enum http_fault *fault, struct err *err)
{
	__attribute__((cleanup(hop_clear))) struct hop h = {
	    .host = e->host, .reach = ADDRESS_ANY, .connect_ms = connect_ms};
	int r = make_url(q, e, tls, &h.url, err);

	*fault = HTTP_FAULT_FATAL;
	if (r == 0)
		r = url_copy(&h.origin, &h.url, err);
	return r < 0 ? r : send_along(q, &h, out, fault, err);
}

static enum host_scheme scheme_of(const struct endpoint *e)
{
	if (e->mirror)
		return e->mirror->url.tls ? HOST_SCHEME_TLS : HOST_SCHEME_PLAIN;
	if (!e->host->insecure)
		return HOST_SCHEME_TLS;
	return __atomic_load_n(&e->host->scheme, __ATOMIC_RELAXED);
}

/* Without a port in the name, https and http are two ports: the one may be closed. */
static bool may_be_plain(const struct endpoint *e, enum http_fault fault)
{
	const char *colon = strrchr(e->host->name, ':');
	bool port = colon && !strchr(colon, ']');

	return fault == HTTP_FAULT_TLS || fault == HTTP_FAULT_TIMEOUT ||
	       (fault == HTTP_FAULT_UNREACHABLE && !port);
}

/* https first; http where the host may be spoken to in it and does not speak TLS. Which of them it
 * was is remembered. */
static int send_probing(const struct api_request *q, const struct endpoint *e,
			struct http_answer **out, enum http_fault *fault, struct err *err)
{
	struct host *host = e->host;
	int r = send_by(q, e, true, PROBE_CONNECT_MS, out, fault, err);

	if (r == 0)
		__atomic_store_n(&host->scheme, HOST_SCHEME_TLS, __ATOMIC_RELAXED);
	if (r == 0 || !may_be_plain(e, *fault))
		return r;

	enum http_fault first = *fault;

	r = send_by(q, e, false, 0, out, fault, err);
	if (r == 0 || first == HTTP_FAULT_TLS)
		__atomic_store_n(&host->scheme, HOST_SCHEME_PLAIN, __ATOMIC_RELAXED);
	return r;
}

int api_url(const struct api_request *q, const struct endpoint *e, struct url *out, struct err *err)
{
	return make_url(q, e, scheme_of(e) == HOST_SCHEME_TLS, out, err);
}

int api_send(const struct api_request *q, const struct endpoint *e, struct http_answer **out,
	     struct api_failure *f, struct err *err)
{
	enum host_scheme scheme = scheme_of(e);
	enum http_fault fault;
	int r;

	*f = (struct api_failure){.cause = RETRY_NEVER, .after_ms = -1};
	if (scheme == HOST_SCHEME_UNKNOWN)
		r = send_probing(q, e, out, &fault, err);
	else
		r = send_by(q, e, scheme == HOST_SCHEME_TLS, 0, out, &fault, err);
	if (r < 0)
		api_fault(fault, f);
	return r;
}

static uint32_t random_number(void)
{
	uint32_t value = 0;

	return getrandom(&value, sizeof(value), GRND_NONBLOCK) == sizeof(value) ? value : 0;
}

int64_t api_next_try(struct registry *r, struct retry *retry, enum retry_cause cause,
		     int64_t after_ms, const struct cancel *cancel)
{
	int64_t wait = retry_next(retry, cause, after_ms, random_number());

	if (wait >= 0 && cancel && cancel->deadline_ms && now_ms() + wait >= cancel->deadline_ms)
		wait = -1;
	if (wait >= 0)
		__atomic_add_fetch(&r->retries, 1, __ATOMIC_RELAXED);
	return wait;
}

int api_persist(struct registry *r, const struct endpoint *e, struct retry *retry,
		struct cancel *cancel, api_step step, void *arg, struct err *err)
{
	for (;;) {
		struct api_failure f = {.cause = RETRY_NEVER, .after_ms = -1};
		int n = step(arg, e, &f, err);

		if (n >= 0)
			return n;
		if (e->mirror && f.silent)
			__atomic_store_n(&e->mirror->down_until_ms, now_ms() + MIRROR_DOWN_MS,
					 __ATOMIC_RELAXED);
		if (e->mirror)
			return n;

		int64_t wait = api_next_try(r, retry, f.cause, f.after_ms, cancel);

		if (wait < 0)
			return n;

		int slept = http_sleep(r->http, wait, cancel, err);

		if (slept < 0)
			return slept;
	}
}

int api_everywhere(struct registry *r, const struct ref *repository, struct cancel *cancel,
		   api_step step, void *arg, struct err *err)
{
	autoendpoints all = {0};
	int n = api_endpoints(r, repository, &all, err);

	for (size_t i = 0; n == 0 && i < all.count; i++) {
		struct retry retry = {0};

		n = api_persist(r, &all.list[i], &retry, cancel, step, arg, err);
		if (n >= 0 || cancel_check(cancel, NULL) < 0)
			break;
		if (i + 1 < all.count)
			n = 0;
	}
	return n;
}
