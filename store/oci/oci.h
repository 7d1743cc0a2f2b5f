/* SPDX-License-Identifier: MIT */
/*
 * The documents of the OCI image specification 1.1 and their Docker v2 schema 2
 * twins: descriptors, image manifests, image indexes, configs. The bytes that are parsed
 * were verified by their digest, but what they say is a stranger's word. So sizes,
 * counts and types are checked here: -EPROTO. Pure: no files, no network.
 */
#ifndef STORE_OCI_H
#define STORE_OCI_H

#include "store/base/digest.h"
#include "store/base/err.h"
#include "store/base/json.h"
#include "store/base/mem.h"
#include "store/oci/platform.h"

#define OCI_MANIFEST_MAX     (4u << 20) /* bytes of a manifest or an index (distribution-spec) */
#define OCI_CONFIG_MAX	     (4u << 20)
#define OCI_LAYERS_MAX	     1000
#define OCI_INDEX_MAX	     1000
#define OCI_BLOB_SIZE_MAX    (UINT64_C(1) << 50)
#define OCI_CONTAINERD_NAME  "io.containerd.image.name" /* annotation: the full reference */
#define OCI_TYPE_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define OCI_TYPE_INDEX	     "application/vnd.oci.image.index.v1+json"
#define OCI_TYPE_CONFIG	     "application/vnd.oci.image.config.v1+json"
#define OCI_TYPE_EMPTY	     "application/vnd.oci.empty.v1+json"
#define OCI_TYPE_BYTES	     "application/octet-stream" /* docker 1.10's configs */
#define DOCKER_TYPE_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_TYPE_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_TYPE_CONFIG   "application/vnd.docker.container.image.v1+json"
#define DOCKER_TYPE_SCHEMA1                                                                        \
	"application/vnd.docker.distribution.manifest.v1+prettyjws" /* and v1+json: refused */

struct descriptor {
	char *media_type; /* owned */
	struct digest digest;
	uint64_t size;
	bool has_platform;
	struct platform platform;
	bool foreign;	     /* it has `urls` (they are not followed) or a nondistributable type */
	char *artifact_type; /* owned, or NULL */
	struct json_object *annotations; /* owned reference, or NULL */
};
void descriptor_clear(struct descriptor *d);

/* The copy shares nothing with `from`, which other threads may be reading. */
int descriptor_copy(struct descriptor *to, const struct descriptor *from, struct err *err);
int descriptor_parse(const struct json_object *o, struct descriptor *out, struct err *err);

/* The same, but `media_type` stands in for a mediaType that is missing or empty. */
int descriptor_parse_silent(const struct json_object *o, const char *media_type,
			    struct descriptor *out, struct err *err);

/* Parses an array (NULL: an empty one) of at most max descriptors; `what` names it in an error. The
 * caller frees the list. */
int descriptor_parse_list(const struct json_object *array, const char *what, size_t max,
			  struct descriptor **out, size_t *count, struct err *err);
void descriptor_free_list(struct descriptor *list, size_t count);

/* Tells what a document is, by its own members and its mediaType. `declared` is the type by a
 * descriptor or Content-Type; NULL, "" and types that say nothing (application/json, text/html, …)
 * declare nothing. -EPROTO: members, mediaType and `declared` contradict one another
 * (GHSA-77vh-xpmg-72qh: both `manifests` and `layers`, `config` or `fsLayers`). -EOPNOTSUPP: schema 1
 * (with docker's sentence, "schema 1 support has been removed"), or an unknown type. */
enum oci_kind { OCI_KIND_MANIFEST, OCI_KIND_INDEX };
int oci_kind(const struct json_object *doc, const char *declared, enum oci_kind *out,
	     struct err *err);
bool oci_type_is_index(const char *media_type);
bool oci_type_is_manifest(const char *media_type);

struct manifest {
	char *media_type; /* owned; the document's mediaType, else the OCI type of its kind */
	struct descriptor config;
	struct descriptor *layers; /* owned */
	size_t layer_count;
	bool has_subject; /* it refers to another document, `subject` */
	struct digest subject;
	struct json_object *doc; /* owned reference: the whole document */
};

/* -EPROTO: malformed, no manifest, or over a limit above. `declared` and -EOPNOTSUPP as in oci_kind. */
int manifest_parse(const char *data, size_t len, const char *declared, struct manifest **out,
		   struct err *err);
void manifest_free(struct manifest *m);
DEFINE_AUTO(struct manifest, manifest_free)

struct index {
	char *media_type;	      /* as in struct manifest */
	struct descriptor *manifests; /* owned */
	size_t count;
	bool has_subject;
	struct digest subject;
	struct json_object *doc; /* owned reference */
};
int index_parse(const char *data, size_t len, const char *declared, struct index **out,
		struct err *err);
void index_free(struct index *i);
DEFINE_AUTO(struct index, index_free)

/* True for a statement about an image, which buildkit adds beside the images of an index. */
bool index_entry_is_attestation(const struct descriptor *d);

/* False for entries that never run: attestations, and SOCI indexes, which stand beside an image and
 * have its platform. */
bool index_entry_is_image(const struct descriptor *d);
#define OCI_SOCI_INDEX_TYPES                                                                       \
	"application/vnd.amazon.soci.index." /* how their artifactTypes begin */

/* Sets *out to the image that serves the platform best, borrowed from the index: the first of equals,
 * and where none fits, the first without a platform. -ENOENT: there is none ("no matching manifest for
 * linux/arm/v7 in the manifest list entries; it has linux/amd64, …"). */
int index_choose(const struct index *i, const struct platform *wish, const struct descriptor **out,
		 struct err *err);

struct history {
	const char *created;	/* RFC 3339 text or NULL; borrowed from the config's document */
	const char *created_by; /* or NULL; borrowed */
	const char *comment;	/* or NULL; borrowed */
	bool empty_layer;
};

struct config {
	struct digest *diff_ids; /* owned; bottom layer first */
	size_t diff_id_count;
	struct history *history; /* owned; oldest first */
	size_t history_count;
	const char *created;	  /* RFC 3339 text or NULL; borrowed from doc */
	struct platform platform; /* all "" where the document's is invalid */
	struct json_object *doc;  /* owned reference */
};

/* -EPROTO: malformed, or over a limit. A document without rootfs.diff_ids (an artifact's config) gives
 * diff_id_count 0. */
int config_parse(const char *data, size_t len, struct config **out, struct err *err);
void config_free(struct config *c);
DEFINE_AUTO(struct config, config_free)

/* The history line that made layer number `layer` (0: the bottom), or NULL; empty_layer lines made none.
 * Borrowed. */
const struct history *config_layer_history(const struct config *c, size_t layer);

/* Parses a time of RFC 3339, with fraction and offset, into UTC seconds since 1970 and ns. Digits
 * behind the ninth are cut. -EINVAL: it is none. */
int oci_time_parse(const char *text, int64_t *seconds, uint32_t *ns, struct err *err);

#endif
