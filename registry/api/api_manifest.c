/* SPDX-License-Identifier: MIT */
#include "registry/api/api.h"
#include "store/oci/oci.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Schema 1 comes last: a registry that has nothing else gives it, and its type is refused by name
 * where the document is read, in place of a "not found". */
#define ACCEPT                                                                                     \
	"Accept: " OCI_TYPE_INDEX ", " OCI_TYPE_MANIFEST ", " DOCKER_TYPE_LIST                     \
	", " DOCKER_TYPE_MANIFEST ", " DOCKER_TYPE_SCHEMA1                                         \
	", application/vnd.docker.distribution.manifest.v1+json"

struct manifest_call {
	struct api_request request;
	const struct ref *ref;
	const char *full; /* docker.io/library/redis:7 */
	struct manifest_answer *out;
};

void registry_manifest_clear(struct manifest_answer *a)
{
	buf_free(&a->body);
	free(a->content_type);
	a->content_type = NULL;
}

/* Docker-Content-Digest, where it is one that can be checked. */
static bool sent_digest(const struct http_answer *a, struct digest *out)
{
	const char *text = header_get(http_headers(a), "Docker-Content-Digest");

	return text && digest_parse(text, out, NULL) == 0;
}

static int api_manifest_check_digest(const struct manifest_call *c, const struct digest *want,
				     const char *whose, struct err *err)
{
	const struct buf *body = &c->out->body;
	char text[DIGEST_TEXT_MAX], got_text[DIGEST_TEXT_MAX];
	struct digest got;
	int r = digest_of(want->algorithm, body->data, body->len, &got, err);

	if (r < 0 || digest_equal(&got, want))
		return r;
	return err_set(err, EBADMSG, "the manifest's digest is %s, %s says %s",
		       digest_text(&got, got_text), whose, digest_text(want, text));
}

/* The bytes count, whatever is said of them. */
static int api_manifest_verify(const struct manifest_call *c, const struct http_answer *a,
			       struct err *err)
{
	struct manifest_answer *out = c->out;
	struct digest sent;
	int r = 0;

	if (c->ref->has_digest)
		r = api_manifest_check_digest(c, &c->ref->digest, "the reference", err);
	if (!r && sent_digest(a, &sent))
		r = api_manifest_check_digest(c, &sent, "the registry's header", err);
	if (r < 0)
		return r;
	if (c->ref->has_digest) {
		out->digest = c->ref->digest;
		return 0;
	}
	return digest_of(DIGEST_SHA256, out->body.data, out->body.len, &out->digest, err);
}

static int api_manifest_read_manifest(const struct manifest_call *c, struct http_answer *a,
				      struct retry_failure *f, struct err *err)
{
	const char *type = header_get(http_headers(a), "Content-Type");
	enum http_fault fault;
	uint64_t length;
	int r;

	if (header_number(http_headers(a), "Content-Length", &length) && length > OCI_MANIFEST_MAX)
		return err_set(err, EPROTO, "a manifest of %llu bytes; at most %u are read",
			       (unsigned long long)length, OCI_MANIFEST_MAX);
	r = http_read_all(a, OCI_MANIFEST_MAX, &c->out->body, &fault, err);
	if (r < 0) {
		api_fault(fault, f);
		return r;
	}
	/* Without parameters (charset=…) and the blanks in front of them. */
	c->out->content_type = strndup(type ? type : "", strcspn(type ? type : "", "; \t"));
	if (!c->out->content_type)
		return err_nomem(err);
	return api_manifest_verify(c, a, err);
}

/* Docker's sentences; those for what is denied name the repository themselves. */
static int api_manifest_explain(const struct manifest_call *c, int r, struct err *err)
{
	if (r == -ENOENT)
		return err_set(err, ENOENT, "failed to resolve reference \"%s\": %s: not found",
			       c->full, c->full);
	if (r == -EACCES || r == -EINTR)
		return r;
	return err_context(err, "failed to resolve reference \"%s\"", c->full);
}

static int get_step(void *arg, const struct endpoint *e, struct retry_failure *f, struct err *err)
{
	struct manifest_call *c = arg;
	AUTO(http_end) struct http_answer *a = NULL;
	int r = api_send(&c->request, e, &a, f, err);

	if (r < 0)
		return r;
	if (http_status(a) != 200)
		return api_status_error(&c->request, a, f, err);
	r = api_manifest_read_manifest(c, a, f, err);
	if (r < 0)
		registry_manifest_clear(c->out);
	return r;
}

/* "manifests/7" or "manifests/sha256:…" */
static int make_path(const struct ref *ref, char **out, struct err *err)
{
	char text[DIGEST_TEXT_MAX];
	const char *version = ref->has_digest ? digest_text(&ref->digest, text) : ref->tag;

	if (!version)
		return err_set(err, EINVAL, "invalid reference format");
	if (asprintf(out, "manifests/%s", version) < 0) {
		*out = NULL;
		return err_nomem(err);
	}
	return 0;
}

static int api_manifest_run(struct registry *registry, const char *method, const struct ref *ref,
			    struct cancel *cancel, struct manifest_answer *out, api_step step,
			    struct err *err)
{
	static const char *const fields[] = {ACCEPT, NULL};
	AUTO(registry_put) struct registry *inside = NULL;
	autofree char *full = ref_full(ref);
	autofree char *path = NULL;
	int r = full ? make_path(ref, &path, err) : err_nomem(err);

	if (!r)
		r = registry_enter(registry, ref->domain, err);
	if (r < 0)
		return r;
	inside = registry;

	struct manifest_call c = {.request = {.registry = registry,
					      .repository = ref,
					      .method = method,
					      .path = path,
					      .fields = fields,
					      .cancel = cancel},
				  .ref = ref,
				  .full = full,
				  .out = out};

	r = registry_result(registry, api_everywhere(registry, ref, cancel, step, &c, err));
	return r < 0 ? api_manifest_explain(&c, r, err) : r;
}

int registry_manifest(struct registry *registry, const struct ref *ref, struct cancel *cancel,
		      struct manifest_answer *out, struct err *err)
{
	*out = (struct manifest_answer){.body = BUF_INIT};
	return api_manifest_run(registry, "GET", ref, cancel, out, get_step, err);
}

enum { HEAD_NO_DIGEST = 1 };

/* HEAD_NO_DIGEST: the answer names none, or the registry refuses HEAD. By which status it does (400,
 * 401, 403, 404, 405, 500) says nothing: some refuse it where GET works, and GET tells the reason. */
static int head_step(void *arg, const struct endpoint *e, struct retry_failure *f, struct err *err)
{
	struct manifest_call *c = arg;
	AUTO(http_end) struct http_answer *a = NULL;
	int r = api_send(&c->request, e, &a, f, err);

	if (r < 0)
		return r;
	if (http_status(a) != 200 && e->mirror)
		return api_status_error(&c->request, a, f, err);
	return http_status(a) == 200 && sent_digest(a, &c->out->digest) ? 0 : HEAD_NO_DIGEST;
}

int registry_manifest_digest(struct registry *registry, const struct ref *ref,
			     struct cancel *cancel, struct digest *out, struct err *err)
{
	struct manifest_answer answer = {.body = BUF_INIT};
	int r = api_manifest_run(registry, "HEAD", ref, cancel, &answer, head_step, err);

	if (r == HEAD_NO_DIGEST)
		r = registry_manifest(registry, ref, cancel, &answer, err);
	if (r == 0)
		*out = answer.digest;
	registry_manifest_clear(&answer);
	return r;
}
