/* SPDX-License-Identifier: MIT */
/*
 * One request to one endpoint, up to the answer that counts: by https, or http where that is
 * allowed; along redirects; with what its challenges ask for. Redirects are followed here, not by
 * curl, since every hop is decided anew: what it may carry, and where it may lead.
 */
#include "registry/api/api.h"
#include "registry/wire/secret.h"

#include <errno.h>
#include <string.h>

/* A server on the loopback that speaks no TLS may also say nothing to a ClientHello. */
#define PROBE_CONNECT_MS 3000

/* A token that was refused is fetched anew so often for one request. */
#define REFRESHES_MAX 2

/* The URL of the request at an endpoint, by the scheme that is known or tried now. */
static int make_url(const struct api_request *q, const struct endpoint *e, bool tls,
		    struct url *out, struct err *err)
{
	autobuf b = BUF_INIT;

	buf_puts(&b, tls ? "https://" : "http://");
	buf_puts(&b, e->host->name);
	if (e->mirror)
		buf_puts(&b, e->mirror->url.target);
	if (!q->path || *q->path != '/') {
		buf_puts(&b, "/v2/");
		if (*q->repository->path) /* else the API's own base */
			buf_printf(&b, "%s/", q->repository->path);
	}
	buf_puts(&b, q->path ? q->path : "");
	if (buf_failed(&b))
		return err_nomem(err);
	return url_parse(b.data, out, err);
}

/* A request at the place where it stands by now. */
struct hop {
	struct url url;
	struct host *host; /* of the URL */
	enum address_reach reach;
	int connect_ms;
	bool home; /* no redirect has left the origin: credentials go there alone */
	bool led;  /* by a redirect */
};

static void hop_clear(struct hop *h)
{
	url_clear(&h->url);
}

static int send_hop(const struct api_request *q, const struct hop *h, const char *authorization,
		    struct http_answer **out, enum http_fault *fault, struct err *err)
{
	const char *fields[API_FIELDS_MAX + 2] = {NULL};
	autofree char *text = url_text(&h->url);
	size_t n = 0;

	if (!text)
		return err_nomem(err);
	for (; n < API_FIELDS_MAX && q->fields && q->fields[n]; n++)
		fields[n] = q->fields[n];
	if (h->home)
		fields[n] = authorization;
	return http_send(q->registry->http,
			 &(struct http_request){.method = q->method,
						.url = text,
						.headers = fields,
						.body = strcmp(q->method, "POST") ? NULL : "",
						.upload = q->upload,
						.tls = hosts_tls(h->host),
						.reach = h->reach,
						.connect_ms = h->connect_ms,
						.apart = q->apart,
						.cancel = q->cancel},
			 out, fault, err);
}

/* Whether a registry may lead from one URL to another: never from https to http, and to hosts of
 * the inner network only by its own address or when it is the
 * registry itself. Who was led away is at home no more, also where that leads back: the path is a
 * stranger's then. */
static int api_send_follow(const struct api_request *q, struct hop *h, const struct url *origin,
			   const struct http_answer *a, struct err *err)
{
	const char *location = header_get(http_headers(a), "Location");
	autourl next = URL_INIT;
	bool at_origin;
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
	at_origin = url_same_origin(&next, origin);
	h->home = h->home && at_origin;
	h->reach = at_origin ? ADDRESS_ANY : http_answer_reach(a);
	h->connect_ms = 0;
	h->led = true;
	url_clear(&h->url);
	h->url = next;
	next = (struct url)URL_INIT;
	return 0;
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* From the origin to the answer that is no redirect; *h is where that came from. */
static int send_along(const struct api_request *q, struct hop *h, const struct url *origin,
		      const char *authorization, struct http_answer **out, enum http_fault *fault,
		      struct err *err)
{
	for (int i = 0; i <= API_REDIRECTS_MAX; i++) {
		struct http_answer *a = NULL;
		int r = send_hop(q, h, authorization, &a, fault, err);

		if (r < 0)
			return r;
		if (!is_redirect(http_status(a))) {
			*out = a;
			return 0;
		}
		*fault = HTTP_FAULT_FATAL;
		r = api_send_follow(q, h, origin, a, err);
		http_finish(a);
		if (r < 0)
			return r;
	}
	return err_set(err, EPROTO, "%s: more than %d redirects", origin->host, API_REDIRECTS_MAX);
}

/* By one scheme, and with one Authorization field. */
struct attempt {
	const struct endpoint *endpoint;
	struct url origin;
	int connect_ms;
	char *authorization; /* owned, secret; or NULL */
	bool fresh;	     /* it was had for this very request */
	bool home;	     /* the answer is the origin's own */
	enum http_fault fault;
};

static void attempt_clear(struct attempt *t)
{
	url_clear(&t->origin);
	secret_free(t->authorization);
}

/* An upload goes on where the registry has said. */
static int go_on_at(const struct api_request *q, const struct attempt *t, struct hop *h,
		    struct err *err)
{
	autofree char *name = url_authority(q->url);

	if (t->origin.tls && !q->url->tls)
		return err_set(err, EPROTO, "%s: an upload from https to http is refused",
			       q->url->host);
	h->home = url_same_origin(q->url, &t->origin);
	if (!name)
		return err_nomem(err);
	if (!h->home) {
		int r = hosts_get(q->registry->hosts, name, &h->host, err);

		if (r < 0)
			return r;
		h->reach = q->reach;
	}
	return url_copy(&h->url, q->url, err);
}

/* Where memory is out it has led nowhere. */
static void note_led(struct api_target *led, const struct hop *h)
{
	api_target_clear(led);
	led->reach = h->reach;
	if (url_copy(&led->url, &h->url, NULL) < 0)
		api_target_clear(led);
}

static int send_once(const struct api_request *q, struct attempt *t, struct http_answer **out,
		     struct err *err)
{
	__attribute__((cleanup(hop_clear))) struct hop h = {.host = t->endpoint->host,
							    .reach = ADDRESS_ANY,
							    .connect_ms = t->connect_ms,
							    .home = true};
	int r = q->url ? go_on_at(q, t, &h, err) : url_copy(&h.url, &t->origin, err);

	t->fault = HTTP_FAULT_FATAL;
	if (!r)
		r = send_along(q, &h, &t->origin, t->authorization, out, &t->fault, err);
	t->home = h.home;
	if (!r && q->led && h.led)
		note_led(q->led, &h);
	return r;
}

static struct auth_scope scope_of(const struct api_request *q, const struct endpoint *e)
{
	return (struct auth_scope){.registry = e->mirror ? e->host->name : q->repository->domain,
				   .repository = q->repository->path,
				   .push = q->push,
				   .from = q->from,
				   .credential = q->credential};
}

/* The challenge of a registry that has it at /v2/ alone, where docker asks first. NULL: it has none
 * there, either. */
static struct http_answer *ask_front(const struct api_request *q, const struct attempt *t)
{
	const struct api_request front = {.registry = q->registry,
					  .repository = q->repository,
					  .method = "GET",
					  .path = "/v2/",
					  .cancel = q->cancel};
	__attribute__((cleanup(hop_clear))) struct hop h = {.host = t->endpoint->host,
							    .reach = ADDRESS_ANY,
							    .connect_ms = t->connect_ms,
							    .home = true};
	struct http_answer *a = NULL;
	enum http_fault fault;

	if (make_url(&front, t->endpoint, t->origin.tls, &h.url, NULL) < 0 ||
	    send_hop(&front, &h, NULL, &a, &fault, NULL) < 0)
		return NULL;
	if (http_status(a) == 401)
		return a;
	atomic_store(&t->endpoint->host->open, true);
	http_finish(a);
	return NULL;
}

/* Some registries deny to a stranger, or hide from him, what they would show him to whom he says that
 * he is, and challenge at /v2/ alone (GitHub's first one: 404). So that is asked for, where there is
 * something to answer with. */
static bool may_be_hidden(const struct api_request *q, const struct attempt *t, int status)
{
	const struct auth_scope scope = scope_of(q, t->endpoint);

	return (status == 403 || status == 404) && !t->authorization &&
	       !atomic_load(&t->endpoint->host->open) &&
	       auth_has_stored(q->registry->auth, &scope, q->cancel);
}

/* A 401: true with another field to send, false where the answer stands, -errno. */
static int answer_challenge(const struct api_request *q, struct attempt *t,
			    const struct http_answer *a, struct retry_failure *f, struct err *err)
{
	bool mute = !header_get(http_headers(a), "WWW-Authenticate");
	AUTO(http_end) struct http_answer *front = mute ? ask_front(q, t) : NULL;
	const struct http_answer *asks = front ? front : a;
	struct retry_failure failure;
	char *field;
	int r = auth_answer(q->registry->auth,
			    &(struct auth_question){.scope = scope_of(q, t->endpoint),
						    .url = &t->origin,
						    .reach = http_answer_reach(asks),
						    .headers = http_headers(asks),
						    .rejected = t->authorization,
						    .fresh = t->fresh,
						    .cancel = q->cancel},
			    &field, &failure, err);

	if (r < 0) {
		*f = failure;
		return r == -EINTR ? r : err_context(err, "%s", t->endpoint->host->name);
	}
	if (!field)
		return false;
	secret_free(t->authorization);
	t->authorization = field;
	t->fresh = true;
	return true;
}

static int send_authorized(const struct api_request *q, struct attempt *t, struct http_answer **out,
			   struct retry_failure *f, struct err *err)
{
	const struct auth_scope scope = scope_of(q, t->endpoint);

	t->authorization = auth_field(q->registry->auth, &scope);
	for (int refreshes = 0;; refreshes++) {
		struct http_answer *a = NULL;
		int r = send_once(q, t, &a, err);

		if (r < 0) {
			api_fault(t->fault, f);
			return r;
		}
		if (t->home && refreshes < REFRESHES_MAX &&
		    (http_status(a) == 401 || may_be_hidden(q, t, http_status(a))))
			r = answer_challenge(q, t, a, f, err);
		if (!r) {
			*out = a;
			return 0;
		}
		t->fault = HTTP_FAULT_FATAL;
		http_finish(a);
		if (r < 0)
			return r;
	}
}

static int send_by(const struct api_request *q, const struct endpoint *e, bool tls, int connect_ms,
		   struct http_answer **out, enum http_fault *fault, struct retry_failure *f,
		   struct err *err)
{
	__attribute__((cleanup(attempt_clear))) struct attempt t = {
	    .endpoint = e, .connect_ms = connect_ms, .fault = HTTP_FAULT_FATAL};
	int r = make_url(q, e, tls, &t.origin, err);

	if (!r)
		r = send_authorized(q, &t, out, f, err);
	*fault = t.fault;
	return r;
}

static enum host_scheme api_send_scheme_of(const struct endpoint *e)
{
	if (e->mirror)
		return e->mirror->url.tls ? HOST_SCHEME_TLS : HOST_SCHEME_PLAIN;
	if (!e->host->insecure)
		return HOST_SCHEME_TLS;
	return atomic_load(&e->host->scheme);
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
			struct http_answer **out, struct retry_failure *f, struct err *err)
{
	struct host *host = e->host;
	enum http_fault fault;
	int r = send_by(q, e, true, PROBE_CONNECT_MS, out, &fault, f, err);

	if (!r)
		atomic_store(&host->scheme, HOST_SCHEME_TLS);
	if (!r || !may_be_plain(e, fault))
		return r;

	bool no_tls = fault == HTTP_FAULT_TLS;

	r = send_by(q, e, false, 0, out, &fault, f, err);
	if (!r || no_tls)
		atomic_store(&host->scheme, HOST_SCHEME_PLAIN);
	return r;
}

int api_url(const struct api_request *q, const struct endpoint *e, struct url *out, struct err *err)
{
	return make_url(q, e, api_send_scheme_of(e) == HOST_SCHEME_TLS, out, err);
}

int api_send(const struct api_request *q, const struct endpoint *e, struct http_answer **out,
	     struct retry_failure *f, struct err *err)
{
	enum host_scheme scheme = api_send_scheme_of(e);
	enum http_fault fault;

	*f = RETRY_FAILURE_NONE;
	if (scheme == HOST_SCHEME_UNKNOWN)
		return send_probing(q, e, out, f, err);
	return send_by(q, e, scheme == HOST_SCHEME_TLS, 0, out, &fault, f, err);
}
