/* SPDX-License-Identifier: MIT */
/*
 * A blob: HEAD; then POST, which mounts or opens an upload; PATCH with the bytes; PUT with the
 * digest. Each answer says where the upload goes on (Location), which may be elsewhere and change.
 * When a PATCH breaks, GET says how much has come (Range), and another PATCH goes on from there. Where
 * GET does not say so, the upload begins anew. It does, too, on 404 and 416: the registry has lost the
 * upload (docker-registry forgets one whose PATCH broke), or stands elsewhere than it told.
 */
#include "registry/api/api_upload.h"

#include "registry/api/api_upload_source.h"
#include "registry/api/api.h"
#include "store/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- requests ---- */

/* An upload that is open at the registry. */
struct upload_session {
	const struct api_upload *upload;
	const char *from;
	struct endpoint endpoint;
	struct url location; /* where it goes on; host NULL: not open */
	enum address_reach reach;
	uint64_t offset; /* what the registry has */
};

static struct api_request request(const struct upload_session *s, const char *method,
				  const char *path)
{
	return (struct api_request){.registry = s->upload->registry,
				    .repository = s->upload->repository,
				    .method = method,
				    .path = path,
				    .push = true,
				    .from = s->from,
				    .cancel = s->upload->cancel};
}

static struct api_request request_on(const struct upload_session *s, const char *method)
{
	struct api_request q = request(s, method, NULL);

	q.url = &s->location;
	q.reach = s->reach;
	return q;
}

/* How much the registry says that it has: "0-499", or "bytes=0-499" (quay). Of nothing some say
 * "0-0", quay "bytes=0--1". */
static bool range_offset(const struct http_answer *a, uint64_t *out)
{
	const char *range = header_get(http_headers(a), "Range");
	unsigned long long last;

	if (range && !strncasecmp(range, "bytes=", 6))
		range += 6;
	if (!range || sscanf(range, "0-%llu", &last) != 1)
		return false;
	*out = last && strcmp(range, "0--1") ? last + 1 : 0;
	return true;
}

/* The Location of an answer, against where its request went. */
static int take_location(struct upload_session *s, const struct api_request *q,
			 const struct http_answer *a, struct err *err)
{
	const char *location = header_get(http_headers(a), "Location");
	autourl base = URL_INIT, next = URL_INIT;
	int r = 0;

	if (!location)
		return err_set(err, EPROTO, "the answer to an upload has no Location");
	r = q->url ? url_copy(&base, q->url, err) : api_url(q, &s->endpoint, &base, err);
	if (!r)
		r = url_resolve(&base, location, &next, err);
	if (r)
		return err_context(err, "the Location of an upload");
	url_clear(&s->location);
	s->location = next;
	next = (struct url)URL_INIT;
	s->reach = http_answer_reach(a);
	return 0;
}

/* Sends, and takes a status that is not among the wanted as an error. The caller ends *out. */
static int send_for(const struct upload_session *s, const struct api_request *q, const int *wanted,
		    struct http_answer **out, struct retry_failure *f, struct err *err)
{
	int r = api_send(q, &s->endpoint, out, f, err);

	if (r < 0)
		return r;
	for (size_t i = 0; wanted[i]; i++)
		if (http_status(*out) == wanted[i])
			return 0;
	r = http_status(*out) < 300
		? err_set(err, EPROTO, "unexpected status from %s request to %s: %d", q->method,
			  s->upload->repository->domain, http_status(*out))
		: api_status_error(q, *out, f, err);
	if (q->url && (http_status(*out) == 404 || http_status(*out) == 416))
		f->cause = RETRY_CUT;
	http_finish(*out);
	*out = NULL;
	return r;
}

/* ---- steps, each tried again as retry.h says ---- */

enum { BLOB_EXISTS = 1 };

/* BLOB_EXISTS: the registry has it. */
static int step_head(void *arg, const struct endpoint *e, struct retry_failure *f, struct err *err)
{
	struct {
		struct upload_session *session;
		char path[DIGEST_TEXT_MAX + 16];
	} *c = arg;
	struct api_request q = request(c->session, "HEAD", c->path);
	struct http_answer *a = NULL;
	int r = send_for(c->session, &q, (const int[]){200, 404, 0}, &a, f, err);

	(void)e;
	if (!r)
		r = http_status(a) == 200 ? BLOB_EXISTS : 0;
	http_finish(a);
	return r;
}

static int exists(struct upload_session *s, const struct digest *digest, struct err *err)
{
	struct {
		struct upload_session *session;
		char path[DIGEST_TEXT_MAX + 16];
	} c = {.session = s};
	struct retry retry = {0};
	char text[DIGEST_TEXT_MAX];
	int r;

	snprintf(c.path, sizeof(c.path), "blobs/%s", digest_text(digest, text));
	r = api_persist(s->upload->registry, &s->endpoint, &retry, s->upload->cancel, step_head, &c,
			err);
	/* A registry that refuses HEAD may take the blob even so; if not, POST tells why. */
	return r == -EACCES || r == -EPROTO ? 0 : r;
}

enum { POST_MOUNTED = 1 };

/* Opens an upload; POST_MOUNTED where the registry has mounted the blob instead. */
static int post(struct upload_session *s, const struct digest *digest, struct retry_failure *f,
		struct err *err)
{
	char text[DIGEST_TEXT_MAX];
	autobuf path = BUF_INIT;
	struct http_answer *a = NULL;
	struct api_request q;
	int r;

	buf_puts(&path, "blobs/uploads/");
	if (s->from)
		buf_printf(&path, "?mount=%s&from=%s", digest_text(digest, text), s->from);
	if (buf_failed(&path))
		return err_nomem(err);
	q = request(s, "POST", path.data);
	r = send_for(s, &q, (const int[]){201, 202, 0}, &a, f, err);
	if (!r && http_status(a) == 201)
		r = POST_MOUNTED;
	else if (!r)
		r = take_location(s, &q, a, err);
	s->offset = 0;
	http_finish(a);
	return r;
}

/* The other repository may be one that its registry does not show us; that is no reason not to
 * send. */
static int open_session(struct upload_session *s, const struct digest *digest,
			struct retry_failure *f, struct err *err)
{
	int r = post(s, digest, f, err);

	if ((r != -EACCES && r != -ENOENT) || !s->from)
		return r;
	s->from = NULL;
	return post(s, digest, f, err);
}

/* How much the registry has of an upload that broke. */
static int ask_offset(struct upload_session *s, struct err *err)
{
	struct api_request q = request_on(s, "GET");
	struct http_answer *a = NULL;
	struct retry_failure f;
	int r = send_for(s, &q, (const int[]){204, 0}, &a, &f, err);
	bool known = !r && range_offset(a, &s->offset);

	if (!r && header_get(http_headers(a), "Location"))
		r = take_location(s, &q, a, err);
	if (!r && !known)
		r = err_set(err, EPROTO, "an upload without a Range");
	http_finish(a);
	return r;
}

static int send_bytes(struct upload_session *s, struct api_upload_source *source,
		      struct retry_failure *f, struct err *err)
{
	char range[96];
	const char *fields[] = {"Content-Type: application/octet-stream", range, NULL};
	struct http_upload upload = {source->size - s->offset, api_upload_source_read, source};
	struct api_request q = request_on(s, "PATCH");
	struct http_answer *a = NULL;
	uint64_t has;
	int r;

	source->start = s->offset;
	snprintf(range, sizeof(range), "Content-Range: %llu-%llu", (unsigned long long)s->offset,
		 (unsigned long long)source->size - 1);
	if (s->offset == 0)
		fields[1] = NULL;
	q.upload = &upload;
	q.fields = fields;
	r = send_for(s, &q, (const int[]){202, 204, 201, 200, 0}, &a, f, err);
	/* 200 comes from what is no registry, too (a health check in front of one). */
	if (!r && http_status(a) == 200 && (!range_offset(a, &has) || has < source->size))
		r = err_set(err, EPROTO, "status 200 from a PATCH that has not stored all");
	if (!r)
		r = take_location(s, &q, a, err);
	if (!r)
		s->offset = source->size;
	http_finish(a);
	return r;
}

static int close_session(struct upload_session *s, const struct digest *digest,
			 struct retry_failure *f, struct err *err)
{
	static const struct http_upload nothing;
	char text[DIGEST_TEXT_MAX];
	autofree char *at = url_text(&s->location);
	autofree char *full = NULL;
	autourl url = URL_INIT;
	struct api_request q = request_on(s, "PUT");
	struct http_answer *a = NULL;
	int r;

	if (!at || asprintf(&full, "%s%cdigest=%s", at, strchr(at, '?') ? '&' : '?',
			    digest_text(digest, text)) < 0)
		return err_nomem(err);
	r = url_parse(full, &url, err);
	q.url = &url;
	q.upload = &nothing;
	if (!r)
		r = send_for(s, &q, (const int[]){201, 204, 202, 0}, &a, f, err);
	http_finish(a);
	return r;
}

/* for a registry that does not answer: the mount may be waiting for its end */
#define DROP_MS 500

/* What is not wanted any more; best effort. */
static void drop_session(struct upload_session *s)
{
	struct api_request q = request_on(s, "DELETE");
	struct http_answer *a = NULL;
	struct retry_failure f;
	struct cancel soon;

	if (!s->location.host)
		return;
	cancel_init(&soon);
	soon.deadline_ms = clock_ms() + DROP_MS;
	q.cancel = &soon;
	if (api_send(&q, &s->endpoint, &a, &f, NULL) == 0)
		http_finish(a);
	cancel_destroy(&soon);
}

/* ---- a blob ---- */

/* One try, from where the registry stands. */
static int try_upload(struct upload_session *s, struct api_upload_source *source,
		      struct retry_failure *f, struct err *err)
{
	int r = 0;

	*f = RETRY_FAILURE_NONE;
	if (!s->location.host) {
		r = open_session(s, &source->digest, f, err);
		if (r)
			return r;
	}
	if (s->offset < source->size)
		r = send_bytes(s, source, f, err);
	return r ? r : close_session(s, &source->digest, f, err);
}

/* Before another try: the registry may have part of it. */
static void look_again(struct upload_session *s)
{
	struct err why;

	if (s->location.host && ask_offset(s, &why) == 0)
		return;
	url_clear(&s->location);
	s->location = (struct url)URL_INIT;
	s->offset = 0;
}

static int send_blob(struct upload_session *s, struct api_upload_source *source, struct err *err)
{
	struct registry *registry = s->upload->registry;
	struct retry retry = {0};

	for (;;) {
		struct retry_failure f;
		uint64_t before = s->offset;
		int64_t wait;
		int r = try_upload(s, source, &f, err);

		if (r >= 0)
			return r;
		wait = f.cause == RETRY_NEVER
			   ? -1
			   : api_next_try(registry, &retry, f.cause, f.after_ms, s->upload->cancel);
		if (wait >= 0 && http_sleep(registry->http, wait, s->upload->cancel, err) < 0)
			wait = -1;
		if (wait < 0) {
			drop_session(s);
			return r;
		}
		look_again(s);
		if (s->offset > before)
			retry_progress(&retry, s->offset - before);
	}
}

static int api_upload_session_open(const struct api_upload *u, const char *from,
				   struct upload_session *out, struct err *err)
{
	autoendpoints all = {0};
	int r = api_endpoints(u->registry, u->repository, &all, err);

	*out = (struct upload_session){.upload = u, .from = from, .location = URL_INIT};
	if (!r)
		out->endpoint = all.list[all.count - 1]; /* the registry itself */
	return r;
}

static int blob_counted(const struct api_upload *u, struct store *store,
			const struct digest *digest, uint64_t size, const char *from,
			enum upload_result *result, struct err *err)
{
	struct upload_session s;
	struct api_upload_source source;
	int r = api_upload_session_open(u, from, &s, err);

	*result = UPLOAD_EXISTS;
	if (r == 0)
		r = exists(&s, digest, err);
	if (r)
		return r == BLOB_EXISTS ? 0 : r;
	r = api_upload_source_open(&source, u, store, digest, size, err);
	if (r == 0)
		r = send_blob(&s, &source, err);
	*result = r == POST_MOUNTED ? UPLOAD_MOUNTED : UPLOAD_SENT;
	api_upload_source_close(&source);
	url_clear(&s.location);
	return r < 0 ? r : 0;
}

int api_upload_blob(const struct api_upload *u, struct store *s, const struct digest *digest,
		    uint64_t size, const char *from, enum upload_result *result, struct err *err)
{
	AUTO(registry_put) struct registry *registry = NULL;
	char text[DIGEST_TEXT_MAX];
	int r = registry_enter(u->registry, u->repository->domain, err);

	if (r < 0)
		return r;
	registry = u->registry;
	r = blob_counted(u, s, digest, size, from, result, err);
	if (r < 0)
		err_context(err, "blob %s", digest_text(digest, text));
	return registry_result(registry, r);
}

/* ---- a manifest ---- */

struct manifest_put {
	struct api_request request;
	const struct buf *body;
	const struct digest *digest;
};

static ssize_t read_body(void *arg, uint64_t offset, void *data, size_t max, struct err *err)
{
	const struct buf *body = arg;
	size_t left = body->len - (size_t)offset;

	(void)err;
	max = max < left ? max : left;
	memcpy(data, body->data + offset, max);
	return (ssize_t)max;
}

static int step_put(void *arg, const struct endpoint *e, struct retry_failure *f, struct err *err)
{
	struct manifest_put *p = arg;
	struct http_upload upload = {p->body->len, read_body, (void *)p->body};
	struct http_answer *a = NULL;
	struct digest theirs;
	const char *sent;
	char text[DIGEST_TEXT_MAX];
	int r;

	p->request.upload = &upload;
	r = api_send(&p->request, e, &a, f, err);
	if (r < 0)
		return r;
	sent = header_get(http_headers(a), "Docker-Content-Digest");
	/* 201 is right; quay and the first registries gave 202. */
	if (http_status(a) > 202 && http_status(a) != 204)
		r = http_status(a) < 300
			? err_set(err, EPROTO, "unexpected status from PUT: %d", http_status(a))
			: api_status_error(&p->request, a, f, err);
	else if (sent && digest_parse(sent, &theirs, NULL) == 0 &&
		 !digest_equal(&theirs, p->digest))
		r = err_set(err, EPROTO, "the registry has stored the manifest as %s",
			    digest_text(&theirs, text));
	http_finish(a);
	return r;
}

int api_upload_manifest(const struct api_upload *u, const struct ref *ref, const char *media_type,
			const struct digest *digest, const struct buf *body, struct err *err)
{
	AUTO(registry_put) struct registry *registry = NULL;
	char path[DIGEST_TEXT_MAX + 160], type[256], text[DIGEST_TEXT_MAX];
	const char *fields[] = {type, NULL};
	struct retry retry = {0};
	struct upload_session s;
	struct manifest_put p = {.body = body, .digest = digest};
	int r = registry_enter(u->registry, u->repository->domain, err);

	if (r < 0)
		return r;
	registry = u->registry;
	snprintf(path, sizeof(path), "manifests/%s",
		 ref->has_digest || !ref->tag ? digest_text(digest, text) : ref->tag);
	snprintf(type, sizeof(type), "Content-Type: %.200s", media_type);
	r = api_upload_session_open(u, NULL, &s, err);
	p.request = request(&s, "PUT", path);
	p.request.fields = fields;
	if (!r)
		r = api_persist(registry, &s.endpoint, &retry, u->cancel, step_put, &p, err);
	if (r < 0)
		err_context(err, "manifest %s", digest_text(digest, text));
	return registry_result(registry, r);
}
