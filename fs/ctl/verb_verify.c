/* SPDX-License-Identifier: MIT */
/*
 * ctl/verify: has the owner of a key signed what a name leads to? What is verified is what is read:
 * the digest that the store has for the name. A name that the store does not know is looked up
 * first, and recorded, as opening it in images/ would.
 *
 * Signatures do not grow old: one that is in the store is as good as one of the registry, which is
 * asked only where the store has none that fits.
 */
#include "fs/ctl/verb.h"

#include "fs/docker/json_text.h"
#include "fs/tree/referrers.h"
#include "registry/transfer/pull_blob.h"
#include "registry/wire/secret.h"
#include "store/disk/blob.h"
#include "store/images/cosign.h"
#include "store/images/cosign_bundle.h"
#include "store/base/io.h"
#include "store/disk/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SIGNATURES_MAX                                                                             \
	100 /* that are looked at, of one image; and of the artifacts that may be some */

struct verify {
	struct fs *fs;
	struct transfer transfer;
	const char *name; /* as the request has it */
	struct ref ref;	  /* owned: by digest, once that is known */
	struct cosign_key *key;
	struct words annotations; /* owned */
	unsigned seen, good;
	struct buf payloads; /* of the good ones: JSON, with commas */
	struct err why;	     /* the last one was not */
};

static void verify_clear(struct verify *v)
{
	ref_clear(&v->ref);
	cosign_key_close(v->key);
	words_clear(&v->annotations);
	buf_free(&v->payloads);
}

/* ---- the key ---- */

/* The path is the user's own, so that it may be a symlink; it is no device or pipe, which could
 * make the job wait. */
static int read_key_file(const char *path, struct buf *out, struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	char *room = buf_reserve(out, COSIGN_KEY_MAX + 1);
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open");
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "not a regular file");
	n = room ? io_pread(fd, room, COSIGN_KEY_MAX + 1, 0, err) : err_nomem(err);
	if (n < 0)
		return (int)n;
	out->len += (size_t)n;
	return 0;
}

static int open_key(const char *path, struct cosign_key **out, struct err *err)
{
	autobuf pem = BUF_INIT;
	struct err why = {0};
	int r;

	if (path[0] != '/')
		return err_set(err, EINVAL, "%s: the key's path must be absolute", path);
	r = read_key_file(path, &pem, &why);
	if (!r)
		r = cosign_key_open(pem.data, pem.len, out, &why);
	return r < 0 ? err_set(err, EINVAL, "loading public key: %s: %s", path, why.text) : 0;
}

/* ---- the digest ---- */

/* What the store has under a name; -ENOENT. */
static int recorded(struct store *s, const struct ref *ref, struct digest *out, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	autofree char *full = ref_full(ref);
	const struct name *name;
	int r = full ? names_get(s, &names, err) : err_nomem(err);

	if (r < 0)
		return r;
	name = names_find(names, full);
	if (!name)
		return err_set(err, ENOENT, "No such image: %s", full);
	*out = name->descriptor.digest;
	return 0;
}

static int verb_verify_find_digest(struct verify *v, struct err *err)
{
	struct descriptor top = {0};
	int r;

	if (v->ref.has_digest)
		return 0;
	r = recorded(v->fs->store, &v->ref, &v->ref.digest, err);
	if (r == -ENOENT && v->fs->lookup_remote && !v->fs->offline) {
		r = pull_manifest(&v->transfer, &v->ref, &top, err);
		v->ref.digest = top.digest;
		descriptor_clear(&top);
	}
	v->ref.has_digest = !r;
	return r;
}

/* ---- signatures ---- */

/* A manifest of the repository, from the store or the registry. */
static int verb_verify_read_manifest(struct verify *v, const struct digest *digest, bool remote,
				     struct buf *body, struct err *err)
{
	struct manifest_answer a = {0};
	struct ref ref = v->ref; /* borrows the strings */
	int r = blob_read(v->fs->store, digest, OCI_MANIFEST_MAX, body, err);

	if (!r || !remote)
		return r;
	buf_reset(body);
	ref.digest = *digest;
	r = registry_manifest(v->fs->registry, &ref, v->transfer.cancel, &a, err);
	if (!r)
		buf_append(body, a.body.data, a.body.len);
	registry_manifest_clear(&a);
	return r;
}

static int check_payload(struct verify *v, const struct descriptor *layer,
			 const struct buf *payload, struct json_object **claim, struct err *err)
{
	const char *text = json_string(layer->annotations, COSIGN_ANNOTATION);
	autofree char *signature = NULL;
	size_t len;
	int r;

	if (!text)
		return err_set(err, EBADMSG, "a payload without a signature");
	if (secret_decode(text, &signature, &len, err) < 0)
		return err_set(err, EBADMSG, "a signature that is malformed base64");
	r = cosign_verify(v->key, payload->data, payload->len, signature, len, err);
	return r < 0 ? r
		     : cosign_claim(payload->data, payload->len, &v->ref.digest, v->annotations.at,
				    claim, err);
}

/* As cosign prints it: the form of its older payloads. */
static int bundle_claim(const struct verify *v, struct json_object *annotations,
			struct json_object **out, struct err *err)
{
	autojson *doc = json_object_new_object();
	struct json_object *critical = json_object_new_object();
	struct json_object *identity = json_object_new_object(), *image = json_object_new_object();
	char digest[DIGEST_TEXT_MAX];
	bool ok =
	    json_add_text(identity, "docker-reference", v->name) &&
	    json_add_text(image, "docker-manifest-digest", digest_text(&v->ref.digest, digest));

	ok = json_add(critical, "identity", identity) && ok;
	ok = json_add(critical, "image", image) && ok;
	ok = json_add_text(critical, "type", COSIGN_TYPE_CLAIM) && ok;
	ok = json_add(doc, "critical", critical) && ok;
	ok = json_add(doc, "optional",
		      annotations ? json_object_get(annotations) : json_object_new_object()) &&
	     ok;
	if (!ok)
		return err_nomem(err);
	*out = steal(&doc);
	return 0;
}

static int check_bundle(struct verify *v, const struct buf *text, struct json_object **claim,
			struct err *err)
{
	AUTO(cosign_bundle_close) struct cosign_bundle *b = NULL;
	autojson *annotations = NULL;
	autobuf document = BUF_INIT;
	int r = cosign_bundle_open(text->data, text->len, &b, err);

	if (!r && cosign_bundle_is_message(b))
		r = verb_verify_read_manifest(v, &v->ref.digest, !v->fs->offline, &document, err);
	if (!r)
		r = cosign_bundle_check(b, v->key, &v->ref.digest, document.data, document.len,
					v->annotations.at, &annotations, err);
	return r ? r : bundle_claim(v, annotations, claim, err);
}

static bool is_bundle(const char *type)
{
	return type && !strncmp(type, COSIGN_TYPE_BUNDLE, strlen(COSIGN_TYPE_BUNDLE));
}

/* A signature that is no good is only remembered; an error is one of the network or the disk. */
static int verb_verify_check_layer(struct verify *v, const struct descriptor *layer,
				   struct err *err)
{
	autojson *claim = NULL;
	autobuf payload = BUF_INIT;
	bool bundle = is_bundle(layer->media_type);
	int r;

	if ((!bundle && strcmp(layer->media_type, COSIGN_TYPE_PAYLOAD)) ||
	    v->seen == SIGNATURES_MAX)
		return 0;
	v->seen++;
	r = pull_blob_small(&v->transfer, &v->ref, layer,
			    bundle ? COSIGN_BUNDLE_MAX : COSIGN_PAYLOAD_MAX, &payload, &v->why);
	if (!r)
		r = bundle ? check_bundle(v, &payload, &claim, &v->why)
			   : check_payload(v, layer, &payload, &claim, &v->why);
	if (!r) {
		buf_puts(&v->payloads, v->payloads.len ? "," : "");
		r = json_text_line(&v->payloads, claim, JSON_TEXT_PLAIN, &v->why);
		v->good += !r;
	}
	if (!r || r == -EBADMSG || r == -EPROTO || r == -ENOENT)
		return 0;
	return err_set(err, -r, "%s", v->why.text);
}

static int check_artifact(struct verify *v, const struct digest *digest, bool remote,
			  struct err *err)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	autobuf body = BUF_INIT;
	int r = verb_verify_read_manifest(v, digest, remote, &body, err);

	if (r < 0)
		return remote && r != -ENOENT ? r : 0;
	if (manifest_parse(body.data, body.len, NULL, &m, NULL) < 0)
		return 0; /* an index, or what else refers to images */
	for (size_t i = 0; !r && i < m->layer_count; i++)
		r = verb_verify_check_layer(v, &m->layers[i], err);
	return r;
}

static int check_local(struct verify *v, struct err *err)
{
	autodigests known = {0};
	int r = referrers_known(v->fs->referrers, &v->ref, &known, err);

	/* What of it is not here is the registry's, below. */
	for (size_t i = 0; !r && i < known.count; i++)
		check_artifact(v, &known.at[i], false, NULL);
	return r;
}

/* The index under the tag schema that cosign 3 writes calls each artifact by the type of its config,
 * which is empty; other indexes say nothing: then the manifest is looked at. */
static bool may_be_signature(const struct referrer *r)
{
	const char *end = r->tag ? strrchr(r->tag, '.') : NULL;
	const char *type = r->descriptor.artifact_type;

	if (end)
		return !strcmp(end, ".sig");
	return !type || is_bundle(type) || !strcmp(type, COSIGN_TYPE_SIGNATURE) ||
	       !strcmp(type, COSIGN_TYPE_PAYLOAD) || !strcmp(type, OCI_TYPE_EMPTY);
}

static int check_remote(struct verify *v, struct err *err)
{
	autoreferrers list = {0};
	unsigned looked = 0;
	int r = registry_referrers(v->fs->registry, &v->ref, v->transfer.cancel, &list, err);

	if (r < 0)
		return r;
	referrers_keep(v->fs->referrers, &v->ref, &list);
	v->seen = 0;
	for (size_t i = 0; !r && i < list.count; i++)
		if (may_be_signature(&list.at[i]) && looked++ < SIGNATURES_MAX)
			r = check_artifact(v, &list.at[i].descriptor.digest, true, err);
	return r;
}

/* ---- the request ---- */

static int nothing_good(const struct verify *v, struct err *err)
{
	autofree char *name = ref_familiar(&v->ref);

	if (v->seen && v->why.code != ENETUNREACH)
		return err_set(err, EBADMSG, "%s: no matching signatures: %s", name ? name : "",
			       v->why.text);
	if (v->fs->offline)
		return err_set(err, ENETUNREACH,
			       "%s: no signature is in the store, and the mount is offline",
			       name ? name : "");
	return err_set(err, ENOENT, "%s: no signatures found", name ? name : "");
}

static int verb_verify_run(struct verify *v, struct err *err)
{
	int r = verb_verify_find_digest(v, err);

	if (!r)
		r = check_local(v, err);
	if (!r && !v->good && !v->fs->offline)
		r = check_remote(v, err);
	if (r < 0)
		return r;
	return v->good ? 0 : nothing_good(v, err);
}

/* As cosign prints it; the digest besides. */
static void verb_verify_print(const struct verify *v, struct buf *answer)
{
	char digest[DIGEST_TEXT_MAX];

	buf_printf(answer,
		   "Verification for %s --\n"
		   "The following checks were performed on each of these signatures:\n"
		   "  - The cosign claims were validated\n"
		   "  - The signatures were verified against the specified public key\n",
		   v->name);
	if (v->annotations.count)
		buf_puts(answer, "  - The specified annotations were verified\n");
	buf_printf(answer, "Digest: %s\n\n[", digest_text(&v->ref.digest, digest));
	buf_append(answer, v->payloads.data, v->payloads.len);
	buf_puts(answer, "]\n");
}

int verb_verify(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
		struct err *err)
{
	struct verify v = {.fs = fs,
			   .transfer = {.registry = fs->registry,
					.store = fs->store,
					.platform = &fs->platform,
					.cancel = job_cancel(j)}};
	const char *key = NULL;
	const struct args_option options[] = {
	    {.name = "key", .value = &key},
	    {.name = "annotations", .letter = 'a', .list = &v.annotations},
	    {0},
	};
	autowords operands = WORDS_INIT;
	int r = args_parse(args, options, &operands, err);

	if (!r)
		r = args_count("verify", &operands, 1, 1, err);
	if (!r && !key)
		r = err_set(err, EINVAL, "verify: --key PATH is missing: the file of a public key");
	if (!r)
		r = ref_parse(operands.at[0], &v.ref, err);
	if (!r)
		r = open_key(key, &v.key, err);
	if (!r) {
		v.name = operands.at[0];
		r = verb_verify_run(&v, err);
	}
	if (!r && buf_failed(&v.payloads))
		r = err_nomem(err);
	if (!r)
		verb_verify_print(&v, answer);
	verify_clear(&v);
	return r;
}
