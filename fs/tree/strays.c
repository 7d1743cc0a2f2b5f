/* SPDX-License-Identifier: MIT */
#include "fs/tree/strays.h"

#include "fs/core/inode.h"
#include "fs/core/job.h"
#include "fs/tree/catalog.h"

#include <string.h>

#define STRAYS_MAX 1024 /* some hundred bytes each, here and in the kernel */
#define TOP	   "images/"

struct stray_search {
	struct fs *fs;
	const struct catalog *names;
};

/* What lies below a repository that is known is an image, or a tag: it belongs to that. */
static bool is_stray(const struct catalog *names, const char *place)
{
	autofree char *above = strdup(place);
	char *slash;

	if (!above || catalog_leads(names, above))
		return false;
	while ((slash = strrchr(above, '/'))) {
		size_t count;

		*slash = '\0';
		catalog_repository(names, above, &count);
		if (count)
			return false;
	}
	return true;
}

static void forget_stray(void *arg, const char *path)
{
	const struct stray_search *s = arg;
	const char *name = strrchr(path, '/') + 1;
	autofree char *parent = strndup(path, (size_t)(name - path - 1));
	uint64_t number;

	if (s->fs->ending || !parent || strncmp(path, TOP, strlen(TOP)) != 0 ||
	    !is_stray(s->names, path + strlen(TOP)))
		return;
	number = inodes_number(s->fs->inodes, INODE_VNODE, parent);
	if (number && s->fs->kernel)
		s->fs->kernel->forget_name(s->fs->kernel, number, name);
}

static int run_strays(struct job *j, void *arg, struct err *err)
{
	AUTO(catalog_put) struct catalog *names = NULL;
	struct stray_search s = {.fs = arg};
	int r = catalog_get(s.fs->catalogs, s.fs->store, &names, err);

	(void)j;
	s.names = names;
	if (!r)
		inodes_each_path(s.fs->inodes, "images", forget_stray, &s);
	atomic_store(&s.fs->strays_new, 0);
	return r;
}

/* Not for each one that comes, where those that are there are all held. */
void strays_came(struct fs *fs)
{
	const struct job_spec spec = {.key = {.kind = "strays"},
				      .shared = true,
				      .title = "forget names that lead nowhere",
				      .class = "names",
				      .run = run_strays,
				      .arg = fs};
	size_t live = atomic_fetch_add(&fs->strays, 1) + 1;
	size_t new = atomic_fetch_add(&fs->strays_new, 1) + 1;

	if (live > STRAYS_MAX && new >= STRAYS_MAX / 2)
		job_start(fs->jobs, &spec, NULL, NULL);
}

void strays_went(struct fs *fs)
{
	atomic_fetch_sub(&fs->strays, 1);
}
