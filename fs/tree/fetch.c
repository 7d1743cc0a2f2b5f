/* SPDX-License-Identifier: MIT */
#include "fs/tree/fetch.h"

#include "fs/core/events.h"
#include "fs/core/fs.h"
#include "fs/tree/cache_limit.h"
#include "fs/tree/fresh.h"
#include "fs/tree/referrers.h"
#include "fs/tree/vn.h"
#include "registry/transfer/pull.h"
#include "registry/transfer/pull_blob.h"
#include "registry/transfer/pull_manifest.h"
#include "registry/transfer/pull_merge.h"
#include "registry/transfer/pull_soci.h"
#include "registry/transfer/pull_table.h"
#include "registry/transfer/toc_image.h"
#include "store/layer/raw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A kind of fetching job. */
struct fetch_kind {
	const char *key; /* job_key.kind; the reference, and the layers, are the rest of the key */
	int64_t limit_ms;
	int (*run)(struct job *j, void *arg, struct err *err);
};

/* What a fetching job needs, copied: the request that started it may be gone before it ends. */
struct fetch {
	struct fs *fs;
	struct ref ref;		      /* a repository, or a name in it */
	struct descriptor descriptor; /* fetch_child */
	struct repo_image *image;     /* a reference: fetch_layer, fetch_tree */
	enum tree_kind kind;
	size_t first, count;
	struct lease *lease; /* owned: of what its job fetches */
};

static void fetch_free(void *arg)
{
	struct fetch *f = arg;

	if (!f)
		return;
	ref_clear(&f->ref);
	descriptor_clear(&f->descriptor);
	repo_image_put(f->image);
	lease_close(f->lease);
	free(f);
}
DEFINE_AUTO(struct fetch, fetch_free)

static struct fetch *fetch_new(struct request *rq, const struct ref *ref, struct err *err)
{
	struct fetch *f = calloc(1, sizeof(*f));

	if (!f || ref_copy(&f->ref, ref, err) < 0) {
		err_nomem(err);
		free(f);
		return NULL;
	}
	f->fs = rq->fs;
	return f;
}

void fetch_ended(void *arg, const char *title, int result, const struct err *err)
{
	struct fs *fs = arg;

	events_add(fs->events, "fetch", title, result, err);
}

static void fetch_on_bytes(void *arg, uint64_t done, uint64_t total)
{
	job_progress(arg, done, total);
}

static void fetch_on_refused(void *arg, const struct digest *layer, int result,
			     const struct err *why)
{
	struct fs *fs = arg;
	char text[DIGEST_TEXT_MAX];

	events_add(fs->events, "fetch", digest_text(layer, text), result, why);
}

struct transfer fetch_transfer_of(struct fs *fs, struct job *j)
{
	return (struct transfer){
	    .registry = fs->registry,
	    .store = fs->store,
	    .platform = &fs->platform,
	    .cancel = job_cancel(j),
	};
}

static int fetch_transfer(struct fetch *f, struct job *j, const struct transfer_watch *watch,
			  struct transfer *out, struct err *err)
{
	int r = f->lease ? 0 : lease_open(f->fs->store, &f->lease, err);

	*out = fetch_transfer_of(f->fs, j);
	out->watch = watch;
	out->lease = f->lease;
	return r;
}

/* Starts the job, or gives what it came to. Takes f. `what` and the reference make its title. */
static int fetch_start(struct request *rq, struct fetch *f, const struct fetch_kind *kind,
		       const char *what, struct err *err)
{
	autofree char *full = ref_full(&f->ref), *name = ref_familiar(&f->ref);
	autobuf title = BUF_INIT;

	buf_printf(&title, "%s %s", what, name ? name : "");
	if (!full || !name || buf_failed(&title)) {
		fetch_free(f);
		return err_nomem(err);
	}
	struct job_spec spec = {
	    .key = {kind->key, full, f->first, f->first + f->count},
	    .shared = true,
	    .title = title.data,
	    .class = f->ref.domain,
	    .asks_class = kind->limit_ms != JOB_NO_DEADLINE,
	    .limit_ms = kind->limit_ms,
	    .run = kind->run,
	    .arg = f,
	    .free_arg = fetch_free,
	    .ended = fetch_ended,
	    .ended_arg = rq->fs,
	};

	return request_await(rq, &spec, err);
}

/* Names reach a registry only for the user who mounted, and where it was mounted so; what an index
 * of the store names, for the owner of the mount. */
static int may_ask(const struct request *rq, bool may, const struct ref *ref, struct err *err)
{
	autofree char *name = NULL;

	if (may && !rq->fs->offline)
		return 0;
	name = ref_familiar(ref);
	if (!name)
		return err_nomem(err);
	if (may)
		return err_set(err, ENETUNREACH, "%s: not in the store, and the mount is offline",
			       name);
	return err_set(err, ENOENT, "No such image: %s", name);
}

static int run_name(struct job *j, void *arg, struct err *err)
{
	struct fetch *f = arg;
	struct descriptor top = {0};
	struct transfer t;
	int r = fetch_transfer(f, j, NULL, &t, err);

	if (!r)
		r = pull_manifest(&t, &f->ref, &top, err);
	descriptor_clear(&top);
	fresh_tell(f->fs->fresh, FRESH_LISTINGS);
	return r;
}

int fetch_name(struct request *rq, const struct ref *ref, struct err *err)
{
	static const struct fetch_kind kind = {"name", FS_LOOKUP_LIMIT, run_name};
	struct fetch *f;
	int r = may_ask(rq, rq->may_fetch, ref, err);

	if (r < 0)
		return r;
	f = fetch_new(rq, ref, err);
	return f ? fetch_start(rq, f, &kind, "manifest", err) : -ENOMEM;
}

static int run_descriptor(struct job *j, void *arg, struct err *err)
{
	struct fetch *f = arg;
	struct transfer t;
	int r = fetch_transfer(f, j, NULL, &t, err);

	return r ? r : pull_manifest_by_descriptor(&t, &f->ref, &f->descriptor, err);
}

int fetch_child(struct request *rq, const struct ref *repository, const struct descriptor *d,
		struct err *err)
{
	static const struct fetch_kind kind = {"child", FS_LOOKUP_LIMIT, run_descriptor};
	AUTO(fetch_free) struct fetch *f = fetch_new(rq, repository, err);
	int r;

	if (!f)
		return -ENOMEM;
	r = may_ask(rq, rq->owner, repository, err);
	if (r < 0)
		return r;
	if (descriptor_copy(&f->descriptor, d, err) < 0)
		return -ENOMEM;
	f->ref.has_digest = true;
	f->ref.digest = d->digest;
	return fetch_start(rq, steal(&f), &kind, "manifest", err);
}

/* A failure that no job has told of. */
static int tell_failure(struct fs *fs, const struct ref *ref, int result, const struct err *err)
{
	autofree char *name = ref_familiar(ref);

	events_add(fs->events, "lookup", name ? name : "", result, err);
	return result;
}

int fetch_image(struct request *rq, struct repo_image *i, struct err *err)
{
	const struct index *index = repo_image_index(i);
	int r = repo_image_load(rq->fs, i, err);

	if (r != -ENOENT)
		return r;
	if (index) { /* a platform that the index does not have is an answer, missing blobs are
			fetched */
		const struct descriptor *d;

		r = index_choose(index, &rq->fs->platform, &d, err);
		if (r < 0)
			return tell_failure(rq->fs, repo_image_ref(i), r, err);
	}
	r = fetch_child(rq, repo_image_ref(i), repo_image_top(i), err);
	return r ? r : repo_image_load(rq->fs, i, err);
}

/* `tree`: of layers that have a table of contents, that does. */
static int fetch_layers_of(struct fetch *f, struct job *j, bool tree, struct err *err)
{
	struct transfer_watch watch = {.arg = j, .bytes = fetch_on_bytes};
	struct transfer_lazy lazy = {.arg = f->fs, .refused = fetch_on_refused};
	AUTO(soci_close) struct soci *soci = NULL;
	AUTO(toc_image_close) struct toc_image *toc_image = NULL;
	struct transfer t;
	const struct image *image = repo_image_image(f->image);
	const struct manifest *m = image->manifest;
	const struct config *c = image->config;
	int r = fetch_transfer(f, j, &watch, &t, err);

	for (size_t i = f->first; image->artifact && !r && i < f->first + f->count; i++)
		r = pull_blob(&t, &f->ref, &m->layers[i], err);
	if (r || image->artifact)
		return r;
	if (tree && f->fs->fetch != FETCH_WHOLE) {
		t.lazy = &lazy;
		r = pull_soci(&t, &f->ref, image, &soci, err);
		lazy.soci = soci;
		if (!r)
			r = toc_image_open(repo_image_ref(f->image), &toc_image, err);
		lazy.toc_image = toc_image;
	}
	if (r)
		return r;
	if (f->count == m->layer_count)
		return pull_layers(&t, &f->ref, m, c, tree && f->kind == TREE_MERGED, err);
	for (size_t i = f->first; !r && i < f->first + f->count; i++)
		r = pull_table_or_layer(&t, &f->ref, &m->layers[i],
					i < c->diff_id_count ? &c->diff_ids[i] : NULL, err);
	return r;
}

/* Blobs that are read as they are. One that is here is read also where it is no layer that can be shown. */
static int run_layer(struct job *j, void *arg, struct err *err)
{
	const struct fetch *f = arg;
	const struct manifest *m = repo_image_image(f->image)->manifest;
	int r = fetch_layers_of(arg, j, false, err);

	cache_limit_look(f->fs->cache_limit);
	for (size_t i = f->first;
	     (!r || r == -EBADMSG || r == -EOPNOTSUPP) && i < f->first + f->count; i++) {
		struct err why = {0};
		int raw = raw_prepare(f->fs->store, &m->layers[i].digest, job_cancel(j), &why);

		if (raw == 0)
			r = 0;
		else if (!r)
			r = err_set(err, -raw, "%s", why.text);
	}
	return r;
}

/* A layer that is marked as damaged (store/disk/damage.h), and does not come: what is right of it is shown. */
static bool can_be_shown(const struct fetch *f)
{
	const struct manifest *m = repo_image_image(f->image)->manifest;

	for (size_t i = f->first; i < f->first + f->count; i++) {
		AUTO(layer_index_close) struct layer_index *index = NULL;

		if (!image_layers_local(f->fs->store, m, i, 1) ||
		    layer_index_open(f->fs->store, &m->layers[i].digest, LAYER_CHECK_BLOCKS, &index,
				     NULL) < 0)
			return false;
	}
	return true;
}

static int run_tree(struct job *j, void *arg, struct err *err)
{
	struct fetch *f = arg;
	const struct manifest *m = repo_image_image(f->image)->manifest;
	AUTO(tree_close) struct tree *tree = NULL;
	autofree struct layer_name *layers = NULL;
	struct transfer t;
	int r = fetch_layers_of(f, j, true, err);

	cache_limit_look(f->fs->cache_limit);
	if (r && r != -EINTR && can_be_shown(f))
		r = 0;
	if (!r)
		r = fetch_transfer(f, j, NULL, &t, err);
	if (r)
		return r;
	/* Only now it is known by what each of them is read. */
	layers = image_layer_names(f->fs->store, m, f->first, f->count);
	if (!layers)
		return err_nomem(err);
	return pull_merge_tree(&t, f->kind, layers, f->count, &tree, err);
}

static struct fetch *fetch_of_image(struct request *rq, struct repo_image *i, struct err *err)
{
	struct fetch *f = fetch_new(rq, repo_image_ref(i), err);

	if (f)
		f->image = repo_image_get(i);
	return f;
}

int fetch_layer(struct request *rq, struct repo_image *i, size_t layer, struct err *err)
{
	static const struct fetch_kind kind = {"layer", JOB_NO_DEADLINE, run_layer};
	struct fetch *f = fetch_of_image(rq, i, err);
	char what[32];

	if (!f)
		return -ENOMEM;
	f->first = layer;
	f->count = 1;
	snprintf(what, sizeof(what), "%s %zu of", repo_image_image(i)->artifact ? "blob" : "layer",
		 layer);
	return fetch_start(rq, f, &kind, what, err);
}

int fetch_tree(struct request *rq, struct repo_image *i, enum tree_kind kind, size_t first,
	       size_t count, struct err *err)
{
	static const struct fetch_kind kinds[] = {
	    [TREE_MERGED] = {"rootfs", JOB_NO_DEADLINE, run_tree},
	    [TREE_DIFF] = {"diff", JOB_NO_DEADLINE, run_tree},
	};
	struct fetch *f = fetch_of_image(rq, i, err);
	const struct manifest *m = repo_image_image(i)->manifest;
	char what[64];

	if (!f)
		return -ENOMEM;
	f->kind = kind;
	f->first = first;
	f->count = count;
	if (count == m->layer_count && kind == TREE_MERGED)
		snprintf(what, sizeof(what), "rootfs of");
	else
		snprintf(what, sizeof(what), "layers %zu to %zu (%s) of", first, first + count - 1,
			 kind == TREE_DIFF ? "diff" : "rootfs");
	return fetch_start(rq, f, &kinds[kind], what, err);
}

bool fetch_referrers_due(const struct request *rq, const struct repo_image *i)
{
	return rq->may_fetch && !rq->fs->offline &&
	       !referrers_fresh(rq->fs->referrers, repo_image_ref(i));
}

/* The image's directory has one name more, it may be: its mtime and listing are others then. */
static void fetch_forget_directory(struct fs *fs, const struct ref *ref)
{
	autofree char *repository = ref_familiar_repository(ref);
	char place[VN_PATH_MAX], path[VN_PATH_MAX], text[DIGEST_TEXT_MAX];
	uint64_t number;

	if (!repository || !fs->kernel || !vn_join(place, "images", repository) ||
	    !vn_join(path, place, digest_text(&ref->digest, text)))
		return;
	number = inodes_number(fs->inodes, INODE_VNODE, path);
	if (number)
		fs->kernel->forget_attributes(fs->kernel, number);
}

static int run_referrers(struct job *j, void *arg, struct err *err)
{
	struct fetch *f = arg;
	autoreferrers list = {0};
	int r = registry_referrers(f->fs->registry, &f->ref, job_cancel(j), &list, err);

	if (r == 0) {
		referrers_keep(f->fs->referrers, &f->ref, &list);
		fetch_forget_directory(f->fs, &f->ref);
	}
	return r;
}

int fetch_referrers(struct request *rq, struct repo_image *i, struct err *err)
{
	static const struct fetch_kind kind = {"referrers", FS_LOOKUP_LIMIT, run_referrers};
	struct fetch *f;

	if (!fetch_referrers_due(rq, i))
		return 0;
	f = fetch_new(rq, repo_image_ref(i), err);
	return f ? fetch_start(rq, f, &kind, "referrers of", err) : -ENOMEM;
}

static int append_tag(void *arg, const char *tag, struct err *err)
{
	struct buf *out = arg;

	buf_printf(out, "%s\n", tag);
	return buf_failed(out) ? err_nomem(err) : 0;
}

static int run_tags(struct job *j, void *arg, struct err *err)
{
	struct fetch *f = arg;

	return registry_tags(f->fs->registry, &f->ref, job_cancel(j), append_tag, job_result(j),
			     err);
}

int fetch_tags(struct request *rq, const struct ref *repository, struct err *err)
{
	static const struct fetch_kind kind = {"tags", FS_LOOKUP_LIMIT, run_tags};
	struct fetch *f;
	int r = may_ask(rq, rq->may_fetch, repository, err);

	if (r < 0)
		return r;
	f = fetch_new(rq, repository, err);
	return f ? fetch_start(rq, f, &kind, "tags of", err) : -ENOMEM;
}
