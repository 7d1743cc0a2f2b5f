/* SPDX-License-Identifier: MIT */
/*
 * Blobs as streams that survive their connections. A stream knows how far it is; where a transfer
 * ends too early it asks for the rest by Range. An answer is used only if it is exactly a part of
 * what was asked for: spliced bytes would cost a whole download before the digest tells. Where an
 * answer to a range is none (it lies elsewhere, comes in several parts, does not say where it lies,
 * 416) the whole blob is asked for at once. Else a blob that is here in part would meet the same
 * answer at every pull.
 */
#include "registry/api/api.h"

#include "store/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define STREAMS_MAX 8	  /* of one registry, beyond which no extra one begins */
#define CROWDED_MS  30000 /* nor does one for so long after 429 or 5xx */
#define SHORT_MIN   1024  /* bytes; an answer that is a part and shorter counts as one that broke */

struct registry_stream {
	struct registry *registry; /* counted */
	struct ref repository;
	char *name; /* owned: "blob sha256:… of ghcr.io/org/app", for errors */
	char *path; /* owned: "blobs/sha256:…" */
	struct cancel *cancel;
	struct endpoint_list endpoints;
	size_t endpoint; /* the one in use */
	struct retry retry;
	uint64_t size;		/* of the blob */
	uint64_t end;		/* bytes are wanted up to here */
	uint64_t position;	/* of the next byte that is read */
	uint64_t high;		/* the furthest so far: only what lies behind it is progress */
	bool extra;		/* as in struct blob_request */
	struct host *host;	/* among whose streams it is counted; or NULL */
	bool restarted;		/* the position was set to 0, and the reader does not know yet */
	bool moved;		/* bytes came */
	bool ranged;		/* the last request had a Range, */
	bool odd;		/* and its answer was none to that */
	struct byte_range part; /* of the blob, that the answer is */
	bool length_known;	/* the answer ends with it by its own headers */
	struct http_answer *answer; /* NULL: none under way */
};

static int wrong_size(const struct registry_stream *s, uint64_t size, struct err *err)
{
	return err_set(err, EBADMSG, "the registry has %llu bytes, the manifest says %llu",
		       (unsigned long long)size, (unsigned long long)s->size);
}

static bool asks_for_all(const struct registry_stream *s)
{
	return s->position == 0 && s->end == s->size;
}

/* 206: what was asked for or its beginning, of a blob of this size. A part of what is encoded is no
 * part of the blob. (Of all of it the digest tells: storage that keeps a .tar.gz as "gzip" sends the
 * blob even so.) */
static int check_partial(struct registry_stream *s, const struct header_list *h, struct err *err)
{
	const char *type = header_get(h, "Content-Type");
	uint64_t first, last, size;

	if (!s->ranged)
		return err_set(err, EPROTO, "a part (206) was sent where all was asked for");
	if (type && !strncasecmp(type, "multipart/", 10))
		return err_set(err, EPROTO, "several parts were sent where one was asked for");
	if (header_is_encoded(h))
		return err_set(err, EPROTO, "a part was sent with a Content-Encoding");
	if (!header_content_range(h, &first, &last, &size))
		return err_set(err, EPROTO, "a part (206) without a valid Content-Range");
	if (size != UINT64_MAX && size != s->size)
		return wrong_size(s, size, err);
	if (first != s->position || last >= s->end)
		return err_set(err, EPROTO,
			       "bytes %llu to %llu were sent, %llu to %llu were asked for",
			       (unsigned long long)first, (unsigned long long)last,
			       (unsigned long long)s->position, (unsigned long long)s->end - 1);
	s->part = (struct byte_range){first, last + 1};
	return 0;
}

/* 200: from the first byte on, whatever was asked for. */
static int check_whole(struct registry_stream *s, struct err *err)
{
	if (!asks_for_all(s) && s->extra)
		return err_set(err, EPROTO, "all was sent (200) where a part was asked for");
	if (!asks_for_all(s)) {
		s->position = 0;
		s->end = s->size;
		s->restarted = true;
	}
	s->part = (struct byte_range){0, s->size};
	return 0;
}

/* 416: the registry's blob ends before the position, or it takes no ranges. */
static int unsatisfied(const struct registry_stream *s, const struct header_list *h,
		       struct err *err)
{
	uint64_t size;

	if (header_unsatisfied_size(h, &size) && size != s->size)
		return wrong_size(s, size, err);
	return err_set(err, EPROTO, "the registry refuses the range from %llu on (416)",
		       (unsigned long long)s->position);
}

/* The answer's own length, which must be that of its part. */
static int check_length(struct registry_stream *s, const struct header_list *h, struct err *err)
{
	uint64_t length, expected = s->part.end - s->part.first;

	s->length_known = header_number(h, "Content-Length", &length);
	if (!s->length_known || length == expected)
		return 0;
	return expected == s->size
		   ? wrong_size(s, length, err)
		   : err_set(err, EPROTO, "a part of %llu bytes, which says %llu",
			     (unsigned long long)length, (unsigned long long)expected);
}

static int check_answer(struct registry_stream *s, const struct api_request *q,
			struct http_answer *a, struct retry_failure *f, struct err *err)
{
	const struct header_list *h = http_headers(a);
	int status = http_status(a);
	int r;

	if (status >= 300 && status != 416)
		return api_status_error(q, a, f, err);
	if (status == 416)
		r = unsatisfied(s, h, err);
	else if (status == 206)
		r = check_partial(s, h, err);
	else if (status == 200)
		r = check_whole(s, err);
	else
		r = err_set(err, EPROTO, "unexpected status %d", status);
	if (!r)
		r = check_length(s, h, err);
	s->odd = r < 0 && s->ranged && status != 200;
	return r;
}

/* ---- one request ---- */

/* An extra stream begins only where there is room. */
static int join_host(struct registry_stream *s, struct host *host, struct err *err)
{
	unsigned others;

	if (s->host == host)
		return 0;
	if (s->host)
		atomic_fetch_sub(&s->host->streams, 1);
	s->host = NULL;
	if (s->extra && atomic_load(&host->crowded_until_ms) > clock_ms())
		return err_set(err, EBUSY, "%s has asked for fewer requests", host->name);
	others = atomic_fetch_add(&host->streams, 1);
	s->host = host;
	return s->extra && others >= STREAMS_MAX
		   ? err_set(err, EBUSY, "%u blobs come from %s already", others, host->name)
		   : 0;
}

/* It asked for fewer requests, or cannot do what it is asked. */
static void note_crowded(struct host *host, const struct retry_failure *f)
{
	int64_t ms = f->after_ms > CROWDED_MS ? f->after_ms : CROWDED_MS;

	if (f->cause == RETRY_BUSY)
		atomic_store(&host->crowded_until_ms, clock_ms() + ms);
}

/* Statuses by which storage says that the permission in a URL has ended, or the URL is no more. */
static bool target_has_ended(int status)
{
	return status == 400 || status == 401 || status == 403 || status == 404 || status == 410;
}

/* Asks where redirects have led before. 0 with *out NULL: the registry is to be asked. */
static int ask_target(const struct registry_stream *s, struct api_request q,
		      const struct endpoint *e, const char *key, struct http_answer **out,
		      struct err *err)
{
	struct registry *registry = s->registry;
	struct retry_failure f;
	autotarget kept = {0};
	int r;

	if (!api_target_get(registry->targets, key, auth_generation(registry->auth), &kept))
		return 0;
	q.url = &kept.url;
	q.reach = kept.reach;
	r = api_send(&q, e, out, &f, err);
	if (!r && !target_has_ended(http_status(*out)))
		return 0;
	api_target_drop(registry->targets, key);
	http_finish(steal(out));
	return cancel_check(s->cancel, NULL) < 0 || r == -EINTR ? r : 0;
}

static char *target_key(const struct registry_stream *s, const struct endpoint *e)
{
	char *key;

	return asprintf(&key, "%s%s\n%s\n%s", e->host->name, e->mirror ? e->mirror->url.target : "",
			s->repository.path, s->path) < 0
		   ? NULL
		   : key;
}

static int ask(struct registry_stream *s, const struct endpoint *e, const char *range,
	       struct retry_failure *f, struct err *err)
{
	AUTO(http_end) struct http_answer *a = NULL;
	autotarget led = {0};
	autofree char *key = target_key(s, e);
	const char *fields[] = {range, NULL};
	struct api_request q = {.registry = s->registry,
				.repository = &s->repository,
				.method = "GET",
				.path = s->path,
				.fields = fields,
				.apart = s->extra,
				.led = &led,
				.cancel = s->cancel};
	uint64_t generation = auth_generation(s->registry->auth);
	int r = key ? ask_target(s, q, e, key, &a, err) : err_nomem(err);

	s->ranged = range != NULL;
	s->odd = false;
	if (!r && !a)
		r = api_send(&q, e, &a, f, err);
	if (!r)
		r = check_answer(s, &q, a, f, err);
	if (!r)
		s->answer = steal(&a);
	if (!r && led.url.host)
		api_target_keep(s->registry->targets, key, generation, &led);
	else if (r && key)
		api_target_drop(s->registry->targets, key);
	return r;
}

static int open_step(void *arg, const struct endpoint *e, struct retry_failure *f, struct err *err)
{
	struct registry_stream *s = arg;
	char range[64];
	int r = join_host(s, e->host, err);

	if (r < 0)
		return r;
	snprintf(range, sizeof(range), "Range: bytes=%llu-", (unsigned long long)s->position);
	if (s->end < s->size)
		snprintf(range + strlen(range), sizeof(range) - strlen(range), "%llu",
			 (unsigned long long)s->end - 1);
	r = ask(s, e, asks_for_all(s) ? NULL : range, f, err);
	if (r < 0 && s->odd && !s->extra)
		r = ask(s, e, NULL, f, err);
	if (r < 0)
		note_crowded(e->host, f);
	/* A registry that was there a moment ago may be starting again. */
	if (r < 0 && f->silent && f->cause == RETRY_NEVER && s->moved)
		f->cause = RETRY_CUT;
	return r;
}

/* ---- tries ---- */

/* An extra stream has no try to spare. */
static struct retry new_retry(const struct registry_stream *s)
{
	return (struct retry){.spent = s->extra ? RETRY_TRIES - 1 : 0};
}

/* Leaves an endpoint that has failed. False: it was the last. */
static bool next_endpoint(struct registry_stream *s)
{
	if (s->endpoint + 1 >= s->endpoints.count || cancel_check(s->cancel, NULL) < 0)
		return false;
	s->endpoint++;
	s->retry = new_retry(s);
	return true;
}

static int open_answer(struct registry_stream *s, struct err *err)
{
	int r;

	do
		r = api_persist(s->registry, &s->endpoints.list[s->endpoint], &s->retry, s->cancel,
				open_step, s, err);
	while (r < 0 && r != -EBUSY && next_endpoint(s));
	return r;
}

/* A transfer broke: waits before the next one. `r` is the error if there is to be none. */
static int prepare_resume(struct registry_stream *s, enum retry_cause cause, int r, struct err *err)
{
	int64_t wait;

	http_end(steal(&s->answer));
	wait = api_next_try(s->registry, &s->retry, cause, -1, s->cancel);
	if (wait < 0)
		return cause != RETRY_NEVER && next_endpoint(s) ? 0 : r;
	return http_sleep(s->registry->http, wait, s->cancel, err);
}

/* What one transfer gives next: > 0 bytes, 0 for its end, -errno with the cause. */
static ssize_t read_answer(struct registry_stream *s, void *data, size_t max,
			   enum retry_cause *cause, struct err *err)
{
	struct retry_failure f;
	enum http_fault fault;
	ssize_t n = http_read(s->answer, data, max, &fault, err);

	*cause = RETRY_NEVER;
	if (n < 0) {
		api_fault(fault, &f);
		*cause = f.cause;
	} else if (n == 0 && s->position < s->part.end) {
		*cause = RETRY_CUT;
		return err_set(err, EBADMSG, "ended after %llu of %llu bytes",
			       (unsigned long long)s->position, (unsigned long long)s->part.end);
	} else if ((uint64_t)n > s->part.end - s->position) {
		return err_set(err, EBADMSG, "more than its %llu bytes were sent",
			       (unsigned long long)s->part.end);
	}
	return n;
}

static void api_blob_advance(struct registry_stream *s, uint64_t n)
{
	s->position += n;
	s->moved = s->moved || n;
	if (s->position > s->high && !s->extra) {
		retry_progress(&s->retry, s->position - s->high);
		s->high = s->position;
	}
}

/* The answer was the beginning of what was asked for: the rest is asked for. */
static int ask_rest(struct registry_stream *s, struct err *err)
{
	uint64_t n = s->part.end - s->part.first;

	if (n < SHORT_MIN)
		return prepare_resume(s, RETRY_CUT,
				      err_set(err, EPROTO, "a part of %llu bytes, not the rest",
					      (unsigned long long)n),
				      err);
	http_end(steal(&s->answer));
	return 0;
}

static ssize_t stream_read(struct registry_stream *s, void *data, size_t max, struct err *err)
{
	for (;;) {
		enum retry_cause cause;
		ssize_t n;
		int r;

		if (s->position == s->end && (!s->answer || s->length_known))
			return 0;
		r = s->answer ? 0 : open_answer(s, err);
		if (r < 0)
			return r;
		if (s->restarted) {
			s->restarted = false;
			return err_set(err, ESTALE, "the registry started over");
		}
		n = read_answer(s, data, max, &cause, err);
		/* All bytes are there; how the connection ended is of no interest. */
		if (n < 0 && s->position == s->part.end && cause != RETRY_NEVER)
			n = 0;
		if (n > 0 || (n == 0 && s->position == s->end)) {
			api_blob_advance(s, (uint64_t)n);
			return n;
		}
		r = n == 0 ? ask_rest(s, err) : prepare_resume(s, cause, (int)n, err);
		if (r < 0)
			return r;
	}
}

/* What is denied names the repository already. */
static ssize_t api_blob_explain(struct registry_stream *s, ssize_t r, struct err *err)
{
	if (r < 0 && r != -ESTALE)
		registry_result(s->registry, (int)r);
	if (r == -ENOENT)
		return err_set(err, ENOENT, "%s: not found", s->name);
	if (r < 0 && r != -EACCES && r != -EINTR && r != -ESTALE)
		err_context(err, "%s", s->name);
	return r;
}

static int stream_new(struct registry *registry, const struct ref *repository,
		      const struct digest *digest, struct registry_stream **out, struct err *err)
{
	AUTO(registry_stream_close) struct registry_stream *s = calloc(1, sizeof(*s));
	autofree char *name = ref_repository(repository);
	char text[DIGEST_TEXT_MAX];
	int r;

	if (!s || !name)
		return err_nomem(err);
	digest_text(digest, text);
	if (asprintf(&s->name, "blob %s of %s", text, name) < 0)
		s->name = NULL;
	if (asprintf(&s->path, "blobs/%s", text) < 0)
		s->path = NULL;
	if (!s->name || !s->path)
		return err_nomem(err);
	r = registry_enter(registry, repository->domain, err);
	if (r < 0)
		return r;
	s->registry = registry;
	r = ref_copy(&s->repository, repository, err);
	if (!r)
		r = api_endpoints(registry, repository, &s->endpoints, err);
	if (!r)
		*out = steal(&s);
	return r;
}

int registry_blob(struct registry *registry, const struct blob_request *q, struct cancel *cancel,
		  struct byte_range *comes, struct registry_stream **out, struct err *err)
{
	AUTO(registry_stream_close) struct registry_stream *s = NULL;
	int r;

	if (q->range.first > q->range.end || q->range.end > q->size)
		return err_set(err, EINVAL, "a range that the blob does not have");
	r = stream_new(registry, q->repository, q->digest, &s, err);
	if (r < 0)
		return r;
	s->cancel = cancel;
	s->extra = q->extra;
	s->retry = new_retry(s);
	s->size = q->size;
	s->end = q->range.end;
	s->position = s->high = q->range.first;
	if (q->range.first < q->range.end || q->size == 0)
		r = open_answer(s, err);
	if (r < 0)
		return (int)api_blob_explain(s, r, err);
	s->restarted = false;
	*comes = (struct byte_range){s->position, s->end};
	*out = steal(&s);
	return 0;
}

ssize_t registry_stream_read(struct registry_stream *s, void *data, size_t max, struct err *err)
{
	return api_blob_explain(s, stream_read(s, data, max, err), err);
}

void registry_stream_close(struct registry_stream *s)
{
	if (!s)
		return;
	http_end(s->answer);
	if (s->host)
		atomic_fetch_sub(&s->host->streams, 1);
	api_endpoints_clear(&s->endpoints);
	ref_clear(&s->repository);
	free(s->name);
	free(s->path);
	registry_put(s->registry);
	free(s);
}
