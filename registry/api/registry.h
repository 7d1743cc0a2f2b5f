/* SPDX-License-Identifier: MIT */
/*
 * The client of registries (OCI distribution specification 1.1, Docker registry v2): one context
 * for the process, with its network thread, connections, credentials and tokens. Calls block the
 * calling thread (a job's, never a FUSE worker's) until the answer, the error, or `cancel`. Thread
 * safe.
 *
 * Errors: -EHOSTUNREACH (name or address not found, TLS refused), -ECONNREFUSED, -ETIMEDOUT,
 * -EACCES (401, 403, and what docker calls "pull access denied"), -ENOENT (404), -EDQUOT (429 after
 * the waits), -EPROTO (an answer that breaks the protocol, 5xx after the tries), -ENETUNREACH
 * (offline), -EINTR. Every sentence names the host and the cause, in docker's words where it has
 * some.
 */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include "store/oci/ref.h"
#include "registry/auth/registry_options.h"
#include "store/base/buf.h"
#include "store/base/cancel.h"
#include "store/base/mem.h"
#include "store/base/ranges.h"

#include <sys/types.h>

struct registry;
int registry_open(const struct registry_options *o, struct registry **out, struct err *err);
void registry_close(
    struct registry *r); /* cancels what is under way; no call may be running on it afterwards */
DEFINE_AUTO(struct registry, registry_close)

/* Manifest or index of a tag or digest, as served: its bytes (verified against the digest where the
 * reference has one, and against Docker-Content-Digest where sent), the Content-Type, and the
 * digest of the bytes. At most OCI_MANIFEST_MAX. */
struct manifest_answer {
	struct buf body;
	char *content_type; /* owned, without parameters; "" where not sent */
	struct digest digest;
};
void registry_manifest_clear(struct manifest_answer *a);
int registry_manifest(struct registry *r, const struct ref *ref, struct cancel *cancel,
		      struct manifest_answer *out, struct err *err);

/* The digest that a tag has now, without its body where the registry answers HEAD with
 * Docker-Content-Digest (else by GET). */
int registry_manifest_digest(struct registry *r, const struct ref *ref, struct cancel *cancel,
			     struct digest *out, struct err *err);

struct blob_request {
	const struct ref *repository; /* borrowed during the call, as is digest */
	const struct digest *digest;
	uint64_t size; /* of the blob, as its descriptor says */
	struct byte_range range;
	/* A stream beside another one of the same blob, over a connection of its own. It is tried
	 * once, and gives the range or nothing. -EBUSY: enough are under way, or the registry has
	 * asked for fewer a moment ago. */
	bool extra;
};

/*
 * A range of a blob as a stream, resumed over cuts, short answers, 5xx and 429 by itself (a limited
 * number of tries without progress). Where an answer is no valid one to a range, the whole blob is
 * asked for. *comes is the range that was asked for, or all of the blob where the server ignored that.
 * registry_stream_read gives 1..max bytes, 0 at the end, -errno. Where a stream had to start over in
 * the middle, it gives -ESTALE, and all of the blob comes next. The bytes are not verified: the reader
 * hashes them. One byte too many is -EBADMSG. -EINVAL: a range that the blob does not have. A stream
 * is for one thread.
 */
struct registry_stream;
int registry_blob(struct registry *r, const struct blob_request *q, struct cancel *cancel,
		  struct byte_range *comes, struct registry_stream **out, struct err *err);
ssize_t registry_stream_read(struct registry_stream *s, void *data, size_t max, struct err *err);
void registry_stream_close(struct registry_stream *s);
DEFINE_AUTO(struct registry_stream, registry_stream_close)

/* Whether a reader of a repository's blobs waits for one connection most of the time. What one reader
 * has found holds for a minute, for all readers of the same host. */
bool registry_is_slow(struct registry *r, const struct ref *repository);
void registry_found_slow(struct registry *r, const struct ref *repository);

/* Calls `each` with every tag of a repository, in the registry's order. Pages are followed, up to a
 * bound (api_pages.h). */
int registry_tags(struct registry *r, const struct ref *repository, struct cancel *cancel,
		  int (*each)(void *arg, const char *tag, struct err *err), void *arg,
		  struct err *err);

/* Counters for ctl/stats, since the start. */
struct registry_stats {
	uint64_t requests, bytes_received, retries, errors;
};
void registry_stats(struct registry *r, struct registry_stats *out);

#endif
