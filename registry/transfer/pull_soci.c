/* SPDX-License-Identifier: MIT */
#include "registry/transfer/pull_soci.h"

#include "registry/api/api_referrers.h"
#include "registry/transfer/pull_blob.h"
#include "registry/transfer/pull_attempt.h"
#include "store/base/budget.h"
#include "store/disk/blob.h"
#include "store/layer/layer_name.h"
#include "store/lazy/ztoc.h"
#include "store/lazy/ztoc_build.h"

#include <errno.h>
#include <string.h>

/* ---- the index ---- */

/* The store's, else the repository's, which is not kept: it would be a manifest without its config. */
static int read_index(const struct transfer *t, const struct ref *repository,
		      const struct digest *digest, struct buf *body, struct err *err)
{
	struct manifest_answer a = {0};
	autoref ref = REF_INIT;
	int r = blob_read(t->store, digest, OCI_MANIFEST_MAX, body, NULL);

	if (!r)
		return 0;
	buf_reset(body);
	r = ref_copy_by_digest(&ref, repository, digest, err);
	if (!r)
		r = registry_manifest(t->registry, &ref, t->cancel, &a, err);
	if (!r)
		buf_append(body, a.body.data, a.body.len);
	registry_manifest_clear(&a);
	return !r && buf_failed(body) ? err_nomem(err) : r;
}

/* `image`: of version 1, to which it has to refer; or NULL. */
static int get_index(const struct transfer *t, const struct ref *repository,
		     const struct digest *digest, const struct digest *image, struct soci **out,
		     struct err *err)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	autobuf body = BUF_INIT;
	char text[DIGEST_TEXT_MAX];
	int r = read_index(t, repository, digest, &body, err);

	if (!r)
		r = manifest_parse(body.data, body.len, OCI_TYPE_MANIFEST, &m, err);
	if (!r)
		r = soci_open(m, digest, image, out, err);
	return r ? err_context(err, "SOCI index %s", digest_text(digest, text)) : 0;
}

/* The image is shown without it then. */
static bool is_no_good(int r)
{
	return r == -EBADMSG || r == -EPROTO || r == -EOPNOTSUPP || r == -ENOENT;
}

/* 0 also where it is no good: *out stays NULL. */
static int try_index(const struct transfer *t, const struct ref *repository,
		     const struct digest *digest, const struct digest *image, struct soci **out,
		     struct err *err)
{
	struct err why = {0};
	int r = get_index(t, repository, digest, image, out, &why);

	if (is_no_good(r)) {
		t->lazy->refused(t->lazy->arg, digest, r, &why);
		return 0;
	}
	return r ? err_set(err, -r, "%s", why.text) : 0;
}

static int find_referrer(const struct transfer *t, const struct ref *repository,
			 const struct digest *image, struct soci **out, struct err *err)
{
	autoreferrers list = {0};
	autoref ref = REF_INIT;
	int r = ref_copy_by_digest(&ref, repository, image, err);

	if (r)
		return r;
	r = registry_referrers(t->registry, &ref, t->cancel, &list, err);
	for (size_t i = 0; !r && !*out && i < list.count; i++) {
		const struct descriptor *d = &list.at[i].descriptor;

		if (d->artifact_type && strcmp(d->artifact_type, SOCI_TYPE_V1) == 0)
			r = try_index(t, repository, &d->digest, image, out, err);
	}
	return r;
}

int pull_soci(const struct transfer *t, const struct ref *repository, const struct image *image,
	      struct soci **out, struct err *err)
{
	const struct manifest *m = image->manifest;
	struct digest digest;

	*out = NULL;
	if (image_layers_shown(t->store, m, 0, m->layer_count))
		return 0;
	if (soci_index_digest(m, &digest))
		return try_index(t, repository, &digest, NULL, out, err);
	if (!store_trusts_referrers(t->store))
		return 0;
	return find_referrer(t, repository, &image->descriptor.digest, out, err);
}

/* ---- a zTOC ---- */

struct ztoc_fetch {
	const struct descriptor *ztoc;
	const struct digest *diff_id;
};

/* In memory: what is made of it stays, and has its windows. */
static int fetch_ztoc(const struct pull_attempt *a, bool *spoilt, struct err *err)
{
	const struct transfer *t = a->transfer;
	const struct ztoc_fetch *f = a->arg;
	autobuf body = BUF_INIT;
	int r = pull_blob_small(t, a->repository, f->ztoc, ZTOC_MAX, &body, err);

	*spoilt = r == -EBADMSG;
	return r ? r
		 : ztoc_build(t->store, body.data, body.len, a->blob, f->diff_id,
			      soci_check(t->lazy->soci), soci_voucher(t->lazy->soci), t->cancel,
			      err);
}

static int pull_ztoc_run(const struct pull_attempt *a, bool *spoilt, struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	const struct transfer *t = a->transfer;
	const struct ztoc_fetch *f = a->arg;
	size_t memory = 2 * (size_t)f->ztoc->size; /* it is copied on the way */
	struct layer_name name = {.blob = a->blob->digest, .check = soci_check(t->lazy->soci)};
	const struct digest *voucher = soci_voucher(t->lazy->soci);
	int r;

	if (voucher)
		memcpy(name.vouchers.soci, voucher->bytes, LAYER_VOUCHER);
	r = layer_name_index(t->store, &name, &index, err);
	if (r != -ENOENT) /* one of another image is replaced */
		return r;
	r = budget_take(store_windows(t->store), memory, t->cancel, err);
	if (r)
		return r;
	r = fetch_ztoc(a, spoilt, err);
	budget_give(store_windows(t->store), memory);
	return r;
}

int pull_ztoc(const struct transfer *t, const struct ref *repository,
	      const struct descriptor *layer, const struct descriptor *ztoc,
	      const struct digest *diff_id, struct err *err)
{
	const struct ztoc_fetch fetch = {ztoc, diff_id};
	const struct pull_attempt attempt = {.transfer = t,
					     .repository = repository,
					     .blob = layer,
					     .kind = "zTOC of layer",
					     .run = pull_ztoc_run,
					     .arg = &fetch};

	if (ztoc->size > ZTOC_MAX)
		return err_set(err, EOPNOTSUPP, "a zTOC of %llu bytes",
			       (unsigned long long)ztoc->size);
	return pull_attempt(&attempt, err);
}
