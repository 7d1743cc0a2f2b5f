/* SPDX-License-Identifier: MIT */
#include "fs/tree/fresh.h"

#include "fs/core/inode.h"
#include "fs/daemon/process.h"
#include "fs/tree/catalog.h"
#include "fs/tree/vn.h"
#include "store/base/clock.h"
#include "store/base/stamp.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LAST_MS	   ((int64_t)(FS_NAMES_LAST * 1000) + 10) /* the kernel rounds up to its ticks */
#define PARKED_MS  1	/* until the names of a directory with a parked request are tried again, */
#define PARKED_MAX 32	/* and at most */
#define LOOK_MS	   5000 /* between two looks at what others have changed, where nobody asks */

struct fresh {
	struct fs *fs;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows; not held while the kernel is told */
	pthread_cond_t changed;
	/* Changes are counted: those that it shall be told, and those that it was told. */
	uint64_t asked, listings, names;
	struct catalog *listed, *named; /* references: what it was told of; the thread's */
	/* In ms: when names from before the last change have expired; when those that could not be
	 * told are tried again. */
	int64_t expired, again;
	int64_t pause;		   /* between two tries */
	int64_t quiet;		   /* no name before that */
	uint64_t requests, rested; /* how many there were at the last look; when memory went back */
	bool stop, joined;
};

/* ---- what the kernel is told: the difference of two catalogs ---- */

struct comparison {
	struct fs *fs;
	const struct catalog *old, *new;
	bool names;	      /* else listings */
	enum forgotten worst; /* of all names */
	/* of the repository that is compared */
	const char *place;
	size_t below; /* bytes of its path, with the slash behind it */
};

static uint64_t place_number(struct fs *fs, const char *place)
{
	char path[VN_PATH_MAX];

	if (!*place)
		return inodes_number(fs->inodes, INODE_VNODE, "images");
	return vn_join(path, "images", place) ? inodes_number(fs->inodes, INODE_VNODE, path) : 0;
}

static void forget_in(struct comparison *c, uint64_t number, const char *name, bool gone)
{
	const struct kernel *k = c->fs->kernel;
	enum forgotten how;

	if (!number || c->worst == FORGOTTEN_IN_WAY)
		return;
	how = gone ? k->forget_name(k, number, name) : k->expire_name(k, number, name);
	if (how > c->worst)
		c->worst = how;
}

static void fresh_forget(struct comparison *c, const char *place, const char *name, bool gone)
{
	if (c->names)
		forget_in(c, place_number(c->fs, place), name, gone);
}

static void forget_listing(const struct comparison *c, uint64_t number)
{
	if (number && !c->names)
		c->fs->kernel->forget_attributes(c->fs->kernel, number);
}

static bool same_entry(const struct catalog_entry *a, const struct catalog_entry *b)
{
	const struct name *x = a->name, *y = b->name;

	return !strcmp(a->tag, b->tag) &&
	       digest_equal(&x->descriptor.digest, &y->descriptor.digest) &&
	       stamp_is_same(x->pulled, y->pulled);
}

static bool same_repository_entries(const struct catalog_entry *a, size_t count,
				    const struct catalog_entry *b, size_t other)
{
	if (count != other)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!same_entry(&a[i], &b[i]))
			return false;
	return true;
}

/* The tags and digests of `of` that `beside` has otherwise, or not. */
static void forget_differing(struct comparison *c, const struct catalog *of,
			     const struct catalog *beside)
{
	bool old = of == c->old;
	char text[DIGEST_TEXT_MAX];
	size_t count;
	const struct catalog_entry *e = catalog_repository(of, c->place, &count);

	for (size_t i = 0; i < count; i++) {
		const struct catalog_entry *b = catalog_tag(beside, c->place, e[i].tag);
		const struct digest *d = &e[i].name->descriptor.digest;

		if (*e[i].tag && !(b && same_entry(&e[i], b)))
			fresh_forget(c, c->place, e[i].tag, old || b);
		if (!catalog_digest(beside, c->place, d))
			fresh_forget(c, c->place, digest_text(d, text), old);
	}
}

/* What is looked up below the repository: images of an index may have gone with that, and what lies
 * in an image's directory may have changed. */
static void forget_below(void *arg, const char *path)
{
	struct comparison *c = arg;
	const char *name = path + c->below;
	struct digest d;

	if (strchr(name, '/') || digest_parse(name, &d, NULL) < 0)
		return;
	if (catalog_digest(c->new, c->place, &d))
		forget_listing(c, inodes_number(c->fs->inodes, INODE_VNODE, path));
	else
		fresh_forget(c, c->place, name, true);
}

/* The repository's listing, and the places that lead to it: what has come to lead somewhere, or
 * does no more, is another thing now. */
static void forget_way(struct comparison *c)
{
	autofree char *place = strdup(c->place);
	char *slash;

	while (place && *place) {
		bool leads = catalog_leads(c->new, place);
		bool other = leads != catalog_leads(c->old, place);

		forget_listing(c, place_number(c->fs, place));
		slash = strrchr(place, '/');
		if (other && slash)
			*slash = '\0';
		if (other)
			fresh_forget(c, slash ? place : "", slash ? slash + 1 : place, !leads);
		*(slash ? slash : place) = '\0';
	}
	forget_listing(c, place_number(c->fs, ""));
}

static void compare_repository(struct comparison *c, const char *place)
{
	char path[VN_PATH_MAX];

	c->place = place;
	c->below = strlen("images/") + strlen(place) + 1;
	forget_differing(c, c->old, c->new);
	forget_differing(c, c->new, c->old);
	if (vn_join(path, "images", place))
		inodes_each_path(c->fs->inodes, path, forget_below, c);
	forget_way(c);
}

/* What is looked up in sha256/ or sha512/, where no name leads to it any more. */
static void forget_digest(void *arg, const char *path)
{
	struct comparison *c = arg;
	const char *name = strchr(path, '/');
	struct digest d;

	if (!name || !digest_parse_name(name + 1, &d) || catalog_place(c->new, c->fs->store, &d))
		return;
	forget_in(c, inodes_number(c->fs->inodes, INODE_VNODE, digest_algorithm_name(&d)), name + 1,
		  true);
}

/* Both are sorted: the repositories that differ, each once. The worst that became of a name. */
static enum forgotten fresh_compare(struct fs *fs, bool names, const struct catalog *old,
				    const struct catalog *new)
{
	struct comparison c = {.fs = fs, .old = old, .new = new, .names = names};
	size_t i = 0, k = 0;

	while (i < catalog_count(old) || k < catalog_count(new)) {
		const char *a = i < catalog_count(old) ? catalog_at(old, i)->repository : NULL;
		const char *b = k < catalog_count(new) ? catalog_at(new, k)->repository : NULL;
		const char *place = !b || (a && strcmp(a, b) < 0) ? a : b;
		size_t before, after;
		const struct catalog_entry *x = catalog_repository(old, place, &before);
		const struct catalog_entry *y = catalog_repository(new, place, &after);

		if (!same_repository_entries(x, before, y, after))
			compare_repository(&c, place);
		i += before;
		k += after;
	}
	if (names) {
		inodes_each_path(fs->inodes, "sha256", forget_digest, &c);
		inodes_each_path(fs->inodes, "sha512", forget_digest, &c);
	}
	return c.worst;
}

/* ---- its thread ---- */

/* Under the lock. */
static void fresh_wait(struct fresh *f, int64_t until)
{
	struct timespec t = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};

	pthread_cond_timedwait(&f->changed, &f->lock, &t);
}

/* Under the lock, which is let go of meanwhile. */
static void tell_listings(struct fresh *f)
{
	uint64_t change = f->asked;
	struct catalog *c, *old = f->listed;

	pthread_mutex_unlock(&f->lock);
	if (catalog_get(f->fs->catalogs, f->fs->store, &c, NULL) == 0) {
		if (c != old)
			fresh_compare(f->fs, false, old, c);
		f->listed = c;
		catalog_put(old);
	}
	pthread_mutex_lock(&f->lock);
	f->listings = change;
	f->expired = clock_ms() + LAST_MS;
	f->again = f->quiet;
	f->pause = PARKED_MS;
	pthread_cond_broadcast(&f->changed);
}

/* The kernel has no names any more that differ from what was listed. Under the lock. */
static void end_names(struct fresh *f)
{
	catalog_put(f->named);
	f->named = catalog_ref(f->listed);
	f->names = f->listings;
	pthread_cond_broadcast(&f->changed);
}

/* Under the lock, which is let go of meanwhile. Names that could not be told are tried again, or
 * left to expire where a LOOKUP had to give way for one: it comes once more. */
static void tell_names(struct fresh *f)
{
	enum forgotten worst = FORGOTTEN;

	pthread_mutex_unlock(&f->lock);
	if (f->listed != f->named)
		worst = fresh_compare(f->fs, true, f->named, f->listed);
	pthread_mutex_lock(&f->lock);
	if (worst == FORGOTTEN)
		end_names(f);
	f->again = clock_ms() + f->pause;
	if (worst == FORGOTTEN_IN_WAY)
		f->again = f->quiet = clock_ms() + LAST_MS;
	f->pause = f->pause < PARKED_MAX ? 2 * f->pause : PARKED_MAX;
}

/* Where nobody has asked for anything since the last look, what was freed goes back to the system: pieces
 * that live lie between those that do not. */
static void rest(struct fresh *f)
{
	uint64_t requests = stats_requests(&f->fs->stats);

	if (requests == f->requests && requests != f->rested) {
		process_rest();
		f->rested = requests;
	}
	f->requests = requests;
}

/* What another process removes is seen by whoever comes next. Where nobody comes, its files would stay open
 * here, and its space taken: so this looks. Under the lock, which is let go of meanwhile. */
static void fresh_look(struct fresh *f)
{
	int64_t until = clock_ms() + LOOK_MS;
	struct catalog *now = NULL;

	fresh_wait(f, until);
	if (clock_ms() < until)
		return;
	pthread_mutex_unlock(&f->lock);
	catalog_get(f->fs->catalogs, f->fs->store, &now, NULL);
	catalog_put(now);
	rest(f);
	pthread_mutex_lock(&f->lock);
}

static void *fresh_run(void *arg)
{
	struct fresh *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		if (f->listings < f->asked)
			tell_listings(f);
		else if (f->names == f->asked)
			fresh_look(f);
		else if (clock_ms() >= f->expired)
			end_names(f);
		else if (clock_ms() >= f->again)
			tell_names(f);
		else
			fresh_wait(f, f->again < f->expired ? f->again : f->expired);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* ---- what others ask of it ---- */

void fresh_tell(struct fresh *f, enum fresh_what what)
{
	int64_t expired = clock_ms() + LAST_MS;
	uint64_t change;

	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	change = ++f->asked;
	pthread_cond_broadcast(&f->changed);
	while (!f->stop && (what == FRESH_NAMES ? f->names : f->listings) < change &&
	       clock_ms() < expired)
		fresh_wait(f, expired);
	pthread_mutex_unlock(&f->lock);
}

int fresh_open(struct fs *fs, struct fresh **out, struct err *err)
{
	struct fresh *f = calloc(1, sizeof(*f));
	pthread_condattr_t clock;
	int r = f ? catalog_get(fs->catalogs, fs->store, &f->listed, err) : err_nomem(err);

	if (r < 0) {
		free(f);
		return r;
	}
	f->fs = fs;
	f->named = catalog_ref(f->listed);
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&f->changed, &clock);
	pthread_condattr_destroy(&clock);
	r = pthread_create(&f->thread, NULL, fresh_run, f);
	if (r) {
		f->joined = true;
		fresh_close(f);
		return err_set(err, r, "cannot start a thread: %s", strerror(r));
	}
	*out = f;
	return 0;
}

void fresh_stop(struct fresh *f)
{
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	if (!f->joined)
		pthread_join(f->thread, NULL);
	f->joined = true;
}

void fresh_close(struct fresh *f)
{
	if (!f)
		return;
	fresh_stop(f);
	catalog_put(f->listed);
	catalog_put(f->named);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
