/* SPDX-License-Identifier: MIT */
/*
 * ctl/fsck: is all that the store has right? With --repair a damaged blob is fetched again, from the
 * repositories of all names that need it, until one has it. Damaged derived files are removed, to be
 * made again.
 */
#include "fs/ctl/verb.h"
#include "fs/docker/resolve.h"
#include "fs/docker/units.h"
#include "registry/transfer/repair.h"
#include "store/base/map.h"
#include "store/base/mem.h"
#include "store/disk/blob.h"
#include "store/disk/damage.h"
#include "store/disk/lease.h"
#include "store/images/fsck.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 10 /* documents that are mended lead to others; indexes are nested less deep */

struct fsck_request {
	struct fs *fs;
	struct job *job;
	struct buf *answer;
	bool repair;
	struct map *wanted; /* owned: full references; NULL: all */
	struct fsck *fsck;  /* owned */
	struct transfer transfer;
	bool names_damaged;
	unsigned mended, derived; /* blobs; files that are derived */
};

static void verb_fsck_on_bytes(void *arg, uint64_t done, uint64_t total)
{
	job_progress(arg, done, total);
}

static bool verb_fsck_wanted(void *arg, const struct name *n)
{
	return map_get(arg, n->reference, strlen(n->reference)) != NULL;
}

/* Each word is a name, or the ID of an image with all of its names. */
static int choose_names(struct fsck_request *q, const struct words *operands, struct err *err)
{
	int r = 0;

	if (operands->count == 0)
		return 0;
	q->wanted = map_new();
	if (!q->wanted)
		return err_nomem(err);
	for (size_t i = 0; !r && i < operands->count; i++) {
		struct resolved found = {0};

		r = resolve(q->fs->store, &q->fs->platform, operands->at[i], &found, err);
		for (size_t k = 0; !r && k < found.count; k++) {
			const char *name = found.list[k]->reference;

			if (map_put(q->wanted, name, strlen(name), q) < 0)
				r = err_nomem(err);
		}
		resolved_clear(&found);
	}
	return r;
}

/* ---- telling ---- */

static bool is_damage(const struct fsck_blob *b)
{
	return b->state == FSCK_DAMAGED || b->state == FSCK_MISSING;
}

static void put_familiar(struct buf *out, const char *reference)
{
	autoref ref = REF_INIT;
	autofree char *familiar = NULL;

	if (ref_parse(reference, &ref, NULL) == 0)
		familiar = ref_familiar(&ref);
	buf_puts(out, familiar ? familiar : reference);
}

static void put_blob(struct fsck_request *q, const struct fsck_blob *b, const char *what,
		     const char *why)
{
	const struct names *names = fsck_names(q->fsck);
	char text[DIGEST_TEXT_MAX];

	buf_printf(q->answer, "%s: %s", digest_text(&b->descriptor.digest, text), what);
	for (size_t i = 0; i < b->name_count; i++) {
		buf_puts(q->answer, i ? ", " : ", needed by ");
		put_familiar(q->answer, names_at(names, b->names[i])->reference);
	}
	if (b->name_count == 0)
		buf_puts(q->answer,
			 fsck_knows_all(q->fsck)
			     ? ", needed by no image"
			     : ", it is not known by which image, as manifests are damaged");
	if (why)
		buf_printf(q->answer, ": %s", why);
	buf_putc(q->answer, '\n');
}

static const char *state_text(const struct fsck_blob *b)
{
	return b->state == FSCK_MISSING ? "missing" : "damaged";
}

/* ---- mending ---- */

/* From the first repository that has it. */
static int fetch_again(struct fsck_request *q, const struct fsck_blob *b, struct err *err)
{
	const struct names *names = fsck_names(q->fsck);
	int r = -ENOENT;

	for (size_t i = 0; r && i < b->name_count; i++) {
		autoref ref = REF_INIT;

		r = cancel_check(job_cancel(q->job), err);
		if (r)
			return r;
		r = ref_parse(names_at(names, b->names[i])->reference, &ref, err);
		if (!r && q->fs->offline)
			r = err_set(err, ENETUNREACH, "the mount is offline");
		if (!r)
			r = repair_blob(&q->transfer, &ref, &b->descriptor, err);
	}
	return r;
}

/* What no image needs is of no use, and would be taken for the blob that it is named after. */
static int drop_blob(struct fsck_request *q, struct fsck_blob *b, struct err *err)
{
	char path[BLOB_PATH_MAX];

	if (unlinkat(store_dirfd(q->fs->store), blob_path(&b->descriptor.digest, path), 0) < 0 &&
	    errno != ENOENT)
		return err_sys(err, "remove %s", path);
	damage_clear(q->fs->store, &b->descriptor.digest);
	b->state = FSCK_ABSENT;
	b->size = 0;
	return 0;
}

/* Of the request itself: nothing is tried after these. */
static bool ends_request(int r)
{
	return r == -EINTR || r == -ENOSPC || r == -ENOMEM || r == -EROFS;
}

static int mend_blob(struct fsck_request *q, struct fsck_blob *b, struct err *err)
{
	struct err why = {0};
	int r;

	b->tried = true;
	if (b->name_count)
		r = fetch_again(q, b, &why);
	else if (fsck_knows_all(q->fsck))
		r = drop_blob(q, b, &why);
	else
		r = err_set(&why, EBADMSG, "it stays until they have been mended");
	if (ends_request(r)) {
		*err = why;
		return r;
	}
	if (r) {
		put_blob(q, b, state_text(b), why.text);
		return 0;
	}
	q->mended++;
	put_blob(q, b, b->name_count ? "fetched again" : "removed", NULL);
	if (b->name_count) {
		b->state = FSCK_SOUND;
		b->size = b->descriptor.size;
	}
	return 0;
}

/* Documents alone, or the rest. *count: of those that are whole now. */
static int mend_kind(struct fsck_request *q, bool documents, unsigned *count, struct err *err)
{
	unsigned before = q->mended;
	int r = 0;

	for (size_t i = 0; !r && i < fsck_count(q->fsck); i++) {
		struct fsck_blob *b = fsck_at(q->fsck, i);

		if (is_damage(b) && !b->tried && fsck_is_document(b) == documents)
			r = mend_blob(q, b, err);
	}
	*count = q->mended - before;
	return r;
}

static int fsck_look_again(struct fsck_request *q, struct err *err)
{
	const struct fsck_watch watch = {q->job, verb_fsck_on_bytes};

	return fsck_look(q->fsck, job_cancel(q->job), &watch, err);
}

/* Documents first, as only they say who needs what. */
static int mend_all(struct fsck_request *q, struct err *err)
{
	unsigned count = 1;
	int r = store_writable(q->fs->store, err);

	for (int round = 0; !r && count > 0 && round < ROUNDS; round++) {
		r = mend_kind(q, true, &count, err);
		if (!r && count > 0)
			r = fsck_look_again(q, err);
	}
	return r ? r : mend_kind(q, false, &count, err);
}

static int verb_fsck_on_derived(void *arg, const char *path, struct err *err)
{
	struct fsck_request *q = arg;

	q->derived++;
	if (!q->repair) {
		buf_printf(q->answer, "%s: damaged, is made again when it is needed\n", path);
		return 0;
	}
	if (unlinkat(store_cachefd(q->fs->store), path, 0) < 0 && errno != ENOENT)
		return err_sys(err, "remove %s", path);
	buf_printf(q->answer, "%s: removed, is made again when it is needed\n", path);
	return 0;
}

/* index.json itself. */
static int look_at_names(struct fsck_request *q, struct err *err)
{
	struct err why = {0};
	int r = names_check(q->fs->store, &why);

	if (r != -EBADMSG)
		return r ? err_set(err, -r, "%s", why.text) : 0;
	buf_printf(q->answer, "%s\n", why.text);
	if (!q->repair) {
		q->names_damaged = true;
		return 0;
	}
	r = names_settle(q->fs->store, err);
	if (!r)
		buf_puts(q->answer, NAMES_PATH ": mended, what it was is " NAMES_DAMAGED "\n");
	return r;
}

/* ---- all of it ---- */

static int sum_up(struct fsck_request *q, struct err *err)
{
	size_t blobs = 0, damaged = 0;
	char size[UNITS_TEXT_MAX];
	uint64_t bytes = 0;

	for (size_t i = 0; i < fsck_count(q->fsck); i++) {
		const struct fsck_blob *b = fsck_at(q->fsck, i);

		blobs += b->state != FSCK_ABSENT;
		bytes += b->size;
		damaged += is_damage(b);
	}
	buf_printf(q->answer, "Total: %zu blobs, %s; %zu damaged, %u mended\n", blobs,
		   units_size(bytes, 4, size), damaged, q->mended);
	if (damaged == 0 && q->names_damaged)
		return err_set(err, EBADMSG, NAMES_PATH " is damaged; fsck --repair mends it");
	if (damaged == 0)
		return 0;
	return err_set(err, EBADMSG, "damaged: %zu of %zu blobs%s", damaged, blobs,
		       q->repair ? ", and no registry gave them"
				 : "; fsck --repair fetches them again");
}

static int verb_fsck_run(struct fsck_request *q, struct err *err)
{
	const struct fsck_scope scope = {q->wanted, verb_fsck_wanted};
	int r = fsck_open(q->fs->store, q->wanted ? &scope : NULL, &q->fsck, err);

	if (!r && !q->wanted)
		r = look_at_names(q, err);
	if (!r)
		r = fsck_look_again(q, err);
	if (!r && q->repair)
		r = mend_all(q, err);
	for (size_t i = 0; !r && !q->repair && i < fsck_count(q->fsck); i++)
		if (is_damage(fsck_at(q->fsck, i)))
			put_blob(q, fsck_at(q->fsck, i), state_text(fsck_at(q->fsck, i)), NULL);
	if (!r && !q->wanted)
		r = fsck_derived(q->fs->store, job_cancel(q->job), verb_fsck_on_derived, q, err);
	return r ? r : sum_up(q, err);
}

int verb_fsck(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	      struct err *err)
{
	struct fsck_request q = {.fs = fs, .job = j, .answer = answer};
	const struct args_option options[] = {{.name = "repair", .flag = &q.repair}, {0}};
	AUTO(lease_close) struct lease *lease = NULL;
	autowords operands = WORDS_INIT;
	int r = args_parse(args, options, &operands, err);

	if (!r)
		r = choose_names(&q, &operands, err);
	if (!r && q.repair)
		r = lease_open(fs->store, &lease, err);
	q.transfer = (struct transfer){.registry = fs->registry,
				       .store = fs->store,
				       .platform = &fs->platform,
				       .cancel = job_cancel(j),
				       .lease = lease};
	if (!r)
		r = verb_fsck_run(&q, err);
	fsck_close(q.fsck);
	if (q.wanted)
		map_free(q.wanted);
	return r;
}
