/* SPDX-License-Identifier: MIT */
/* What curl says of a transfer, as an errno and a sentence in docker's words. */
#include "registry/http/http_private.h"
#include "registry/wire/text.h"

#include <errno.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#define DETAIL_MAX   200
#define MEMORY_PROBE (1u << 20) /* more than curl has asked for */

static int failed(const struct http_answer *a, int code, const char *cause, struct err *err)
{
	/* Go writes the method of a request as Get, Head, Post. */
	return err_set(err, code, "%c%s \"%s\": %s", a->method[0],
		       a->method[0] == 'G'   ? "et"
		       : a->method[0] == 'H' ? "ead"
					     : "ost",
		       a->shown, cause);
}

/* The same with curl's own text behind the cause. */
static int failed_detail(const struct http_answer *a, int code, const char *cause, struct err *err)
{
	autobuf b = BUF_INIT;

	buf_puts(&b, cause);
	if (a->curl_text[0]) {
		buf_puts(&b, ": ");
		text_append_clean(&b, a->curl_text, strlen(a->curl_text), DETAIL_MAX);
	}
	return failed(a, code, buf_failed(&b) ? cause : b.data, err);
}

static int certificate_failed(const struct http_answer *a, struct err *err)
{
	switch (a->verify_result) {
	case X509_V_OK:
	case X509_V_ERR_UNSPECIFIED: /* curl's start value: the name was wrong, by its own check */
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return failed(a, EHOSTUNREACH,
			      "tls: failed to verify certificate: x509: certificate has expired or "
			      "is not yet valid",
			      err);
	default:
		return failed(a, EHOSTUNREACH,
			      "tls: failed to verify certificate: x509: certificate signed by "
			      "unknown authority",
			      err);
	}
	return failed_detail(a, EHOSTUNREACH, "tls: failed to verify certificate: x509", err);
}

static int http_error_cut(const struct http_answer *a, struct err *err)
{
	char cause[DETAIL_MAX];

	if (a->result == CURLE_GOT_NOTHING)
		return failed(a, EPROTO, "EOF", err);
	if (a->result == CURLE_PARTIAL_FILE || !a->os_errno)
		return failed_detail(a, EPROTO, "unexpected EOF", err);
	snprintf(cause, sizeof(cause), "the connection broke: %s",
		 strerrordesc_np((int)a->os_errno));
	return failed(a, EPROTO, cause, err);
}

/* A server that ends may reset what it has not accepted yet: a connection that broke. */
static int connect_failed(const struct http_answer *a, enum http_fault *fault, struct err *err)
{
	char cause[DETAIL_MAX];
	int code = (int)a->os_errno;

	if (code == ECONNRESET) {
		*fault = HTTP_FAULT_CUT;
		return http_error_cut(a, err);
	}
	*fault = HTTP_FAULT_UNREACHABLE;
	if (code == 0)
		return failed_detail(a, EHOSTUNREACH, "dial tcp: connect", err);
	snprintf(cause, sizeof(cause), "dial tcp: connect: %s",
		 code == ECONNREFUSED ? "connection refused" : strerrordesc_np(code));
	if (code != ECONNREFUSED && code != ETIMEDOUT)
		code = EHOSTUNREACH;
	return failed(a, code, cause, err);
}

static int timed_out(const struct http_answer *a, struct err *err)
{
	curl_off_t connected = 0, secured = 0;

	if (a->answered)
		return failed(a, ETIMEDOUT, "the transfer stalled", err);
	curl_easy_getinfo(a->easy, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(a->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	if (!connected)
		return failed(a, ETIMEDOUT, "dial tcp: i/o timeout", err);
	if (!secured && !strncmp(a->shown, "https:", 6))
		return failed(a, ETIMEDOUT, "net/http: TLS handshake timeout", err);
	return failed(a, ETIMEDOUT, "net/http: timeout awaiting response headers", err);
}

/* A server that sends an alert speaks TLS, though not with us; another one may speak http. */
static int tls_failed(const struct http_answer *a, enum http_fault *fault, struct err *err)
{
	if (!strstr(a->curl_text, "alert"))
		*fault = HTTP_FAULT_TLS;
	if (strstr(a->curl_text, "wrong version number"))
		return failed(a, EHOSTUNREACH, "http: server gave HTTP response to HTTPS client",
			      err);
	return failed_detail(a, EHOSTUNREACH, "tls: handshake failure", err);
}

static int http_error_refused(const struct http_answer *a, struct err *err)
{
	return failed(a, EPROTO,
		      "refused: a registry must not lead to an address inside the network", err);
}

static int no_end(const struct http_answer *a, struct err *err)
{
	return failed(a, EPROTO, "malformed HTTP response: a line of its headers has no end", err);
}

/* curl 7.88 says the same where a line of the headers is longer than it takes (100 KB); 8.6 and later have a code for it. */
static int no_memory(const struct http_answer *a, struct err *err)
{
	autofree void *probe = malloc(MEMORY_PROBE);

	if (a->answered || !probe)
		return err_nomem(err);
	return no_end(a, err);
}

int http_error(const struct http_answer *a, enum http_fault *fault, struct err *err)
{
	*fault = HTTP_FAULT_FATAL;
	if (a->stopped)
		return err_set(err, EINTR, "interrupted");
	if (a->fault_err.code)
		return failed(a, a->fault_err.code, a->fault_err.text, err);
	if (a->refused_address && !a->answered)
		return http_error_refused(a, err);
	switch (a->result) {
	case CURLE_COULDNT_RESOLVE_HOST:
		*fault = HTTP_FAULT_UNREACHABLE;
		return failed(a, EHOSTUNREACH, "dial tcp: lookup: no such host", err);
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
		return connect_failed(a, fault, err);
	case CURLE_OPERATION_TIMEDOUT:
		*fault = HTTP_FAULT_TIMEOUT;
		return timed_out(a, err);
	case CURLE_SSL_CONNECT_ERROR:
		return tls_failed(a, fault, err);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		return certificate_failed(a, err);
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return failed_detail(a, EHOSTUNREACH, "tls: a file of certs.d", err);
	case CURLE_SEND_ERROR:
	case CURLE_SEND_FAIL_REWIND: /* http_loop_rewind() */
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		*fault = HTTP_FAULT_CUT;
		return http_error_cut(a, err);
	case CURLE_OUT_OF_MEMORY:
		return no_memory(a, err);
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE:
		return no_end(a, err);
#endif
	default:
		return failed_detail(a, EPROTO, "malformed HTTP response", err);
	}
}
