/* SPDX-License-Identifier: MIT */
/* A request as curl's options. What curl would do on its own (redirects, credentials from files,
 * other protocols, content codings) is off; see docs of each option for the default. */
#include "registry/http/http_private.h"
#include "registry/wire/url.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define UPLOAD_PATIENCE 10
#define BUFFER_SIZE	(512L << 10) /* curl's largest; one recv() fills it */

static bool address_refused(struct http_answer *a, enum address_reach reach)
{
	if (a->proxied || reach <= a->reach_max)
		return false;
	a->refused_address = true;
	return true;
}

/* The address that the name led to, not the name: what DNS says may change (rebinding). */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct http_answer *a = arg;

	(void)purpose;
	if (address_refused(a, address_reach(&to->addr)))
		return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* The same for a connection that another request, which may have been allowed it, left behind. */
static int before_request(void *arg, char *peer, char *local, int peer_port, int local_port)
{
	(void)local;
	(void)peer_port;
	(void)local_port;
	return address_refused(arg, address_reach_text(peer)) ? CURL_PREREQFUNC_ABORT
							      : CURL_PREREQFUNC_OK;
}

static int add_field(struct http_answer *a, const char *field, struct err *err)
{
	struct curl_slist *list;

	if (strpbrk(field, "\r\n"))
		return err_set(err, EINVAL, "a line end in a request header");
	list = curl_slist_append(a->fields, field);
	if (!list)
		return err_nomem(err);
	a->fields = list;
	return 0;
}

static int add_fields(struct http_answer *a, const struct http_request *q, struct err *err)
{
	int r = add_field(a, "Expect:", err); /* no 100-continue */

	/* Who is told nothing may compress: then the bytes are not those of their digest. */
	if (!r)
		r = add_field(a, "Accept-Encoding: identity", err);
	for (const char *const *h = q->headers; !r && h && *h; h++)
		r = add_field(a, *h, err);
	return r;
}

static bool http_easy_is_loopback(const struct url *u)
{
	return !strcmp(u->host, "localhost") || !strcmp(u->host, "[::1]") ||
	       address_reach_text(u->host) == ADDRESS_LOOPBACK;
}

/* Whether the environment names a proxy; curl reads the same variables. */
static bool environment_proxies(const struct url *u)
{
	const char *names[] = {u->tls ? "https_proxy" : "http_proxy",
			       u->tls ? "HTTPS_PROXY" : "http_proxy", "all_proxy", "ALL_PROXY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return true;
	}
	return false;
}

/* Options after one that failed are passed over; the answer's result tells. */
#define SET(a, option, value)                                                                      \
	((a)->result = (a)->result ? (a)->result : curl_easy_setopt((a)->easy, option, value))

static void set_url(struct http_answer *a, const struct http_request *q, const struct url *u)
{
	SET(a, CURLOPT_URL, q->url);
	SET(a, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(a, CURLOPT_FOLLOWLOCATION, 0L);
	SET(a, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(a, CURLOPT_HTTP_VERSION,
	    (long)(q->apart ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
	SET(a, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(a, CURLOPT_USERAGENT, a->http->user_agent);
	SET(a, CURLOPT_HTTPHEADER, a->fields);
	if (http_easy_is_loopback(u))
		SET(a, CURLOPT_PROXY, "");
	else
		a->proxied = environment_proxies(u);
	if (!strcmp(q->method, "HEAD"))
		SET(a, CURLOPT_NOBODY, 1L);
	if (!strcmp(q->method, "POST")) {
		SET(a, CURLOPT_POST, 1L);
		SET(a, CURLOPT_POSTFIELDS, a->body);
		SET(a, CURLOPT_POSTFIELDSIZE, (long)strlen(a->body));
	}
}

static void set_upload(struct http_answer *a, const struct http_request *q)
{
	if (q->upload) {
		SET(a, CURLOPT_UPLOAD, 1L);
		SET(a, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->upload->size);
		SET(a, CURLOPT_READFUNCTION, http_loop_upload);
		SET(a, CURLOPT_READDATA, a);
		SET(a, CURLOPT_SEEKFUNCTION, http_loop_rewind);
		SET(a, CURLOPT_SEEKDATA, a);
		SET(a, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_SIZE);
		/* What it has got the registry may have to move before it answers. */
		SET(a, CURLOPT_LOW_SPEED_TIME, (long)a->http->limits.stall_s * UPLOAD_PATIENCE);
	}
	if (q->upload || !strcmp(q->method, "DELETE"))
		SET(a, CURLOPT_CUSTOMREQUEST, q->method);
}

static void set_tls(struct http_answer *a, const struct http_tls *t)
{
	SET(a, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(a, CURLOPT_SSL_VERIFYPEER, t->unverified ? 0L : 1L);
	SET(a, CURLOPT_SSL_VERIFYHOST, t->unverified ? 0L : 2L);
	if (t->authorities) {
		/* Replaces the system's bundle, not its directory of hashed certificates. */
		struct curl_blob pem = {t->authorities->data, t->authorities->len,
					CURL_BLOB_NOCOPY};

		SET(a, CURLOPT_CAINFO_BLOB, &pem);
	}
	if (t->certificate) {
		SET(a, CURLOPT_SSLCERT, t->certificate);
		SET(a, CURLOPT_SSLKEY, t->key);
	}
}

static void set_loop(struct http_answer *a, const struct http_request *q)
{
	const struct http_limits *l = &a->http->limits;
	SET(a, CURLOPT_NOSIGNAL, 1L);
	/* A name that is still being looked up is left to its thread, not waited for. */
	SET(a, CURLOPT_QUICK_EXIT, 1L);
	SET(a, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	SET(a, CURLOPT_ERRORBUFFER, a->curl_text);
	SET(a, CURLOPT_PRIVATE, a);
	SET(a, CURLOPT_HEADERFUNCTION, http_loop_header);
	SET(a, CURLOPT_HEADERDATA, a);
	SET(a, CURLOPT_WRITEFUNCTION, http_loop_body);
	SET(a, CURLOPT_WRITEDATA, a);
	SET(a, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(a, CURLOPT_OPENSOCKETDATA, a);
	SET(a, CURLOPT_PREREQFUNCTION, before_request);
	SET(a, CURLOPT_PREREQDATA, a);
	SET(a, CURLOPT_CONNECTTIMEOUT_MS, (long)(q->connect_ms ? q->connect_ms : l->connect_ms));
	SET(a, CURLOPT_LOW_SPEED_TIME, (long)l->stall_s);
	SET(a, CURLOPT_LOW_SPEED_LIMIT, (long)l->stall_rate);
}

int http_easy_setup(struct http_answer *a, const struct http_request *q, struct err *err)
{
	autourl u = URL_INIT;
	int r = url_parse(q->url, &u, err);

	if (r < 0)
		return r;
	a->easy = curl_easy_init();
	a->shown = url_shown(&u);
	a->body = q->body ? strdup(q->body) : NULL;
	if (!a->easy || !a->shown || (q->body && !a->body))
		return err_nomem(err);
	r = add_fields(a, q, err);
	if (r < 0)
		return r;
	set_url(a, q, &u);
	set_tls(a, &q->tls);
	set_loop(a, q);
	set_upload(a, q);
	return a->result == CURLE_OK ? 0 : err_nomem(err);
}
