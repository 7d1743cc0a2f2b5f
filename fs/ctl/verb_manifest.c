/* SPDX-License-Identifier: MIT */
/* ctl/manifest: docker manifest inspect, which asks the registry and not the store. */
#include "fs/docker/json_text.h"
#include "fs/ctl/verb.h"
#include "fs/tree/fetch.h"

#include "registry/api/registry.h"
#include "registry/transfer/pull_blob.h"
#include "registry/wire/secret.h"
#include "store/oci/oci.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct question {
	struct registry *registry;
	struct cancel *cancel;
	const struct ref *ref;
	const struct transfer *transfer;
};

static void set_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

/* Go's MarshalIndent, of a document as it is but for blanks; json-c's layout differs in what is
 * empty alone, so the indentation is made anew. */
static int put_indented(struct buf *out, struct json_object *value, const char *indent,
			struct err *err)
{
	autobuf text = BUF_INIT;
	const char *line;
	int r = json_text_indented(&text, value, JSON_TEXT_PLAIN, err);

	buf_putc(&text, '\0');
	for (line = text.data; !r && line && *line;) {
		size_t blanks = strspn(line, " "), len = strcspn(line, "\n");

		for (size_t i = 0; i < blanks / 4; i++)
			buf_puts(out, indent);
		buf_append(out, line + blanks, len - blanks);
		buf_putc(out, '\n');
		line += len + (line[len] == '\n');
	}
	return r;
}

static struct json_object *verb_manifest_platform_object(const struct json_object *from)
{
	static const char *const keys[] = {"architecture", "os", "os.version", "variant"};
	struct json_object *to = json_object_new_object();

	for (size_t i = 0; from && to && i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *text = json_string(from, keys[i]);

		if (text && *text)
			set_text(to, keys[i], text);
	}
	return to;
}

/* docker rebuilds a list from what it knows of it: annotations are lost. */
static struct json_object *list_object(const struct index *index)
{
	struct json_object *o = json_object_new_object(), *manifests = json_object_new_array();
	struct json_object *entries = json_array(index->doc, "manifests");
	char text[DIGEST_TEXT_MAX];

	if (!o || !manifests)
		return NULL;
	json_object_object_add(o, "schemaVersion", json_object_new_int(2));
	set_text(o, "mediaType", index->media_type);
	json_object_object_add(o, "manifests", manifests);
	for (size_t i = 0; i < index->count; i++) {
		const struct descriptor *d = &index->manifests[i];
		struct json_object *m = json_object_new_object();

		set_text(m, "mediaType", d->media_type);
		json_object_object_add(m, "size", json_object_new_uint64(d->size));
		set_text(m, "digest", digest_text(&d->digest, text));
		json_object_object_add(m, "platform",
				       verb_manifest_platform_object(json_map(
					   json_object_array_get_idx(entries, i), "platform")));
		json_object_array_add(manifests, m);
	}
	return o;
}

/* -v: the manifest with where it was found: in a list by its digest. `platform`: as the list has it, or
 * the config. */
static int verbose_object(const struct question *q, const struct manifest_answer *a,
			  const char *media_type, const struct json_object *platform, bool listed,
			  struct json_object **out, struct err *err)
{
	struct json_object *o = json_object_new_object(), *d = json_object_new_object(), *doc;
	autofree char *full = ref_full(q->ref), *raw = secret_encode(a->body.data, a->body.len);
	autofree char *name = NULL;
	char text[DIGEST_TEXT_MAX];
	int r = json_parse(a->body.data, a->body.len, &doc, err);

	if (r || !o || !d || !full || !raw)
		return r ? r : err_nomem(err);
	listed = listed && !strchr(full, '@');
	if (asprintf(&name, "%s%s%s", full, listed ? "@" : "",
		     listed ? digest_text(&a->digest, text) : "") < 0)
		return err_nomem(err);
	set_text(o, "Ref", name);
	set_text(d, "mediaType", media_type);
	set_text(d, "digest", digest_text(&a->digest, text));
	json_object_object_add(d, "size", json_object_new_uint64(a->body.len));
	if (platform)
		json_object_object_add(d, "platform", verb_manifest_platform_object(platform));
	json_object_object_add(o, "Descriptor", d);
	set_text(o, "Raw", raw);
	json_object_object_add(
	    o, strcmp(media_type, DOCKER_TYPE_MANIFEST) ? "OCIManifest" : "SchemaV2Manifest", doc);
	*out = o;
	return 0;
}

static int verb_manifest_fetch(const struct question *q, const struct digest *digest,
			       struct manifest_answer *a, struct err *err)
{
	autoref ref = REF_INIT;
	autofree char *full = ref_full(q->ref);
	int r = full ? ref_copy(&ref, q->ref, err) : err_nomem(err);

	if (!r && digest) {
		ref.has_digest = true;
		ref.digest = *digest;
	}
	if (!r)
		r = registry_manifest(q->registry, &ref, q->cancel, a, err);
	return r == -ENOENT ? err_set(err, ENOENT, "no such manifest: %s", full) : r;
}

static int print_list(const struct question *q, const struct index *index, bool verbose,
		      struct buf *out, struct err *err)
{
	struct json_object *entries = json_array(index->doc, "manifests");
	autojson *all = verbose ? json_object_new_array() : list_object(index);
	size_t bytes = 0;
	int r = all ? 0 : err_nomem(err);

	for (size_t i = 0; !r && verbose && i < index->count; i++) {
		struct manifest_answer a = {0};
		struct json_object *o = NULL;

		r = verb_manifest_fetch(q, &index->manifests[i].digest, &a, err);
		bytes += a.body.len;
		if (!r && bytes > JSON_TEXT_MAX) /* as their documents take a multiple of that */
			r = err_set(err, EFBIG, "manifests of more than %u bytes", JSON_TEXT_MAX);
		if (!r)
			r = verbose_object(
			    q, &a, index->manifests[i].media_type,
			    json_map(json_object_array_get_idx(entries, i), "platform"), true, &o,
			    err);
		if (o)
			json_object_array_add(all, o);
		registry_manifest_clear(&a);
	}
	return r ? r : put_indented(out, all, verbose ? "\t" : "   ", err);
}

/* Where it says its platform. */
static int manifest_config(const struct question *q, const struct manifest *m, struct json_object **out,
		       struct err *err)
{
	autobuf body = BUF_INIT;
	int r = pull_blob_small(q->transfer, q->ref, &m->config, OCI_CONFIG_MAX, &body, err);

	if (!r && json_parse(body.data, body.len, out, NULL))
		*out = NULL; /* of an artifact it may be anything */
	return r;
}

static int verb_manifest_print(const struct question *q, const struct manifest_answer *a,
			       bool verbose, struct buf *out, struct err *err)
{
	autojson *doc = NULL, *object = NULL, *config = NULL;
	AUTO(index_free) struct index *index = NULL;
	AUTO(manifest_free) struct manifest *m = NULL;
	enum oci_kind kind;
	int r = json_parse(a->body.data, a->body.len, &doc, err);

	if (!r)
		r = oci_kind(doc, a->content_type, &kind, err);
	if (r)
		return r;
	if (kind == OCI_KIND_INDEX) {
		r = index_parse(a->body.data, a->body.len, a->content_type, &index, err);
		return r ? r : print_list(q, index, verbose, out, err);
	}
	r = manifest_parse(a->body.data, a->body.len, a->content_type, &m, err);
	if (!r && verbose)
		r = manifest_config(q, m, &config, err);
	if (!r && verbose)
		r = verbose_object(q, a, m->media_type, config, false, &object, err);
	return r ? r : put_indented(out, verbose ? object : doc, "\t", err);
}

int verb_manifest(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
		  struct err *err)
{
	bool verbose = false, insecure = false;
	const struct args_option options[] = {
	    {.name = "verbose", .letter = 'v', .flag = &verbose},
	    {.name = "insecure", .flag = &insecure}, /* a matter of the mount: -o insecure=HOST */
	    {0},
	};
	autowords operands = WORDS_INIT;
	autoref ref = REF_INIT;
	struct manifest_answer a = {0};
	struct transfer t = fetch_transfer_of(fs, j);
	struct question q = {fs->registry, job_cancel(j), &ref, &t};
	size_t first;
	int r = args_parse(args, options, &operands, err);

	first = operands.count && !strcmp(operands.at[0], "inspect");
	if (!r && operands.count != first + 1)
		r = err_set(err, EINVAL, "'manifest inspect' requires 1 argument");
	if (!r)
		r = ref_parse(operands.at[first], &ref, err);
	if (!r)
		r = verb_manifest_fetch(&q, NULL, &a, err);
	if (!r)
		r = verb_manifest_print(&q, &a, verbose, answer, err);
	registry_manifest_clear(&a);
	return r;
}
