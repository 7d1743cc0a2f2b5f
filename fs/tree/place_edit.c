/* SPDX-License-Identifier: MIT */
#include "fs/tree/place_edit.h"

#include "fs/tree/catalog.h"
#include "fs/core/fs.h"
#include "fs/tree/fresh.h"
#include "fs/core/job.h"
#include "fs/daemon/mount_point.h"
#include "fs/tree/naming.h"
#include "fs/core/outcomes.h"
#include "fs/tree/vn.h"
#include "store/oci/ref.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum edit_kind { EDIT_REMOVE, EDIT_TAG, EDIT_RENAME };

static const struct job_key edit_key = {.kind = "edit"};

/* One change, on its way through a job. The words are those of ctl/rmi and ctl/tag. */
struct place_edit {
	struct fs *fs;
	enum edit_kind kind;
	char *source, *target; /* owned; target NULL: none */
};

static void edit_free(void *arg)
{
	struct place_edit *e = arg;

	free(e->source);
	free(e->target);
	free(e);
}

/* As in the kernel's eyes it happens within one call, so it does in the store's. */
static int place_edit_run_rename(struct place_edit *e, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	autoref from = REF_INIT, to = REF_INIT;
	autofree char *old = NULL, *new = NULL;
	const struct name *n;
	int r = ref_parse(e->source, &from, err);

	if (!r)
		r = ref_parse(e->target, &to, err);
	if (!r)
		r = names_get(e->fs->store, &names, err);
	if (r < 0)
		return r;
	old = ref_full(&from);
	new = ref_full(&to);
	n = old && new ? names_find(names, old) : NULL;
	if (!n)
		return old && new ? err_set(err, ENOENT, "No such image: %s", e->source)
				  : err_nomem(err);
	struct names_change changes[] = {
	    {.reference = new, .set = &n->descriptor, .named = true},
	    {.reference = old, .only = &n->descriptor.digest},
	};

	return strcmp(old, new) ? names_edit(e->fs->store, changes, 2, err) : 0;
}

static int run_edit(struct job *j, void *arg, struct err *err)
{
	static const struct removal how = {.locked = true};
	static const char *const verbs_of[] = {"rmi", "tag", "tag"};
	struct place_edit *e = arg;
	autobuf subject = BUF_INIT, answer = BUF_INIT;
	int r;

	(void)j;
	assert(e->kind < sizeof(verbs_of) / sizeof(*verbs_of));
	assert(e->kind == EDIT_REMOVE || e->target);
	if (e->kind == EDIT_REMOVE)
		r = naming_remove(e->fs, e->source, &how, &answer, err);
	else if (e->kind == EDIT_TAG)
		r = naming_tag(e->fs, e->source, e->target, err);
	else
		r = place_edit_run_rename(e, err);
	buf_printf(&subject, "%s%s%s", e->source, e->target ? " " : "", e->target ? e->target : "");
	if (r < 0)
		buf_printf(&answer, "%s\n", err->text);
	fresh_tell(e->fs->fresh, FRESH_LISTINGS);
	outcomes_record(e->fs, verbs_of[e->kind], subject.data ? subject.data : "",
			answer.data ? answer.data : "", r, err);
	return r;
}

/* Takes both texts. */
static int place_edit_start(struct request *rq, enum edit_kind kind, char *source, char *target,
			    struct err *err)
{
	struct place_edit *e = calloc(1, sizeof(*e));

	if (!e || !source || (kind != EDIT_REMOVE && !target)) {
		free(e);
		free(source);
		free(target);
		return err_nomem(err);
	}
	*e = (struct place_edit){rq->fs, kind, source, target};
	struct job_spec spec = {
	    .key = edit_key,
	    .title = source,
	    .class = "names",
	    .limit_ms = JOB_NO_DEADLINE,
	    .run = run_edit,
	    .arg = e,
	    .free_arg = edit_free,
	};

	return request_wait(rq, &spec, err);
}

/* "redis" and "7" are redis:7; a digest goes behind an @. NULL: no such name can be. */
static char *word_of(const char *place, const char *name)
{
	bool tag = ref_is_tag(name);
	struct digest digest;
	autoref ref = REF_INIT;
	autobuf text = BUF_INIT;

	if (!*place || (!tag && digest_parse(name, &digest, NULL) < 0))
		return NULL;
	buf_printf(&text, "%s%c%s", place, tag ? ':' : '@', name);
	if (buf_failed(&text) || ref_parse(text.data, &ref, NULL) < 0)
		return NULL;
	return buf_steal(&text);
}

static int place_edit_check_owner(const struct request *rq, struct err *err)
{
	return rq->owner ? 0 : err_set(err, EACCES, "only the owner of the mount may change names");
}

/* True for what can only have been a tag: others may have taken it since the kernel looked
 * it up. */
static bool was_tag(const struct catalog *c, const char *place, const char *name)
{
	char below[VN_PATH_MAX];

	return *place && ref_is_tag(name) && vn_join(below, place, name) &&
	       !catalog_leads(c, below);
}

/* 0 where the repository has that tag or digest; -EROFS for all else that a directory shows. */
static int place_edit_check_name(struct request *rq, const char *place, const char *name,
				 struct err *err)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	struct digest digest;
	int r = place_edit_check_owner(rq, err);

	if (!r)
		r = catalog_get(rq->fs->catalogs, rq->fs->store, &c, err);
	if (r < 0)
		return r;
	if (catalog_tag(c, place, name) ||
	    (digest_parse(name, &digest, NULL) == 0 && catalog_digest(c, place, &digest)))
		return 0;
	if (was_tag(c, place, name))
		return err_set(err, ENOENT, "No such image: %s:%s", place, name);
	return err_set(err, EROFS, "images/%s/%s is no tag", place, name);
}

int place_remove(struct request *rq, const char *place, const char *name, bool directory,
		 struct err *err)
{
	int r;

	if (request_done(rq, &edit_key, &r, err))
		return r;
	r = place_edit_check_name(rq, place, name, err);
	if (r == -ENOENT && directory) /* a place that leads to what is not local */
		r = err_set(err, EROFS, "images/%s/%s", place, name);
	if (!r && directory != !ref_is_tag(name))
		r = err_set(err, directory ? ENOTDIR : EISDIR, "images/%s/%s", place, name);
	return r < 0 ? r : place_edit_start(rq, EDIT_REMOVE, word_of(place, name), NULL, err);
}

/* Takes "." and ".." and empty components out of a path below the mount point; NULL: it
 * leads out. */
static char *place_edit_normalise(const char *path)
{
	autobuf out = BUF_INIT;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && !strncmp(path, "..", 2)) {
			if (!out.len)
				return NULL;
			while (out.len && out.data[--out.len] != '/')
				;
		} else if (len && !(len == 1 && *path == '.')) {
			if (out.len)
				buf_putc(&out, '/');
			buf_append(&out, path, len);
		}
		path += len + (path[len] == '/');
	}
	buf_putc(&out, '\0');
	return buf_failed(&out) ? NULL : buf_steal(&out);
}

/* The word for a path of the tree, "images/redis/7" or "images/redis:7"; NULL: it is none. */
static char *word_of_path(const char *path)
{
	autofree char *p = place_edit_normalise(path);
	autoref ref = REF_INIT;
	char *name, *word = NULL;

	if (!p || strncmp(p, "images/", 7) != 0)
		return NULL;
	name = strrchr(p, '/');
	*name = '\0';
	if (name > p + 6)
		word = word_of(p + 7, name + 1);
	*name = '/';
	if (!word && strpbrk(name, ":@") && ref_parse(p + 7, &ref, NULL) == 0)
		word = strdup(p + 7);
	return word;
}

/* What a link's target means: a path from the root, or relative to the link; a name of the same
 * repository; or a reference. */
static char *word_of_target(struct request *rq, const char *place, const char *target)
{
	autobuf path = BUF_INIT;
	const char *below;
	char *word;

	if (*target == '/') {
		below = mount_point_below(rq->fs->mountpoint, target);
		if (!below) /* it was mounted by way of a symlink */
			below = mount_point_below(rq->fs->mountpoint_given, target);
		return below ? word_of_path(below) : NULL;
	}
	if (!strncmp(target, "images/", 7))
		return word_of_path(target);
	buf_printf(&path, "images/%s/%s", place, target);
	if (buf_failed(&path))
		return NULL;
	if (!strncmp(target, "../", 3) || !strncmp(target, "./", 2))
		return word_of_path(path.data);
	if (place_edit_check_name(rq, place, target, NULL) == 0 && (word = word_of_path(path.data)))
		return word;
	return strdup(target);
}

int place_tag(struct request *rq, const char *place, const char *name, const char *target,
	      struct err *err)
{
	autofree char *word = NULL, *source = NULL;
	int r;

	if (request_done(rq, &edit_key, &r, err))
		return r;
	r = place_edit_check_owner(rq, err);
	if (r < 0)
		return r;
	word = ref_is_tag(name) ? word_of(place, name) : NULL;
	if (!word)
		return err_set(err, EROFS, "images/%s/%s can be no tag", place, name);
	source = word_of_target(rq, place, target);
	if (!source)
		return err_set(err, EINVAL, "%s: neither an image's path nor a reference", target);
	return place_edit_start(rq, EDIT_TAG, steal(&source), steal(&word), err);
}

int place_rename(struct request *rq, const char *place, const char *name, const char *to,
		 const char *new_name, struct err *err)
{
	autofree char *word = NULL;
	int r;

	if (request_done(rq, &edit_key, &r, err))
		return r;
	r = place_edit_check_name(rq, place, name, err);
	if (r < 0)
		return r;
	word = ref_is_tag(new_name) ? word_of(to, new_name) : NULL;
	if (!word || !ref_is_tag(name))
		return err_set(err, EROFS, "images/%s/%s can be no tag", to, new_name);
	return place_edit_start(rq, EDIT_RENAME, word_of(place, name), steal(&word), err);
}
