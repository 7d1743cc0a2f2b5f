/* SPDX-License-Identifier: MIT */
#include "store/archive/archive_members.h"

#include "store/base/map.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define MEMORY_MAX  (32u << 20) /* of all small members */
#define MEMBERS_MAX 100000
#define NAMES_MAX   (16u << 20) /* bytes of all names and link targets */
#define LINKS_MAX   32		/* links that lead to one file */

/* A file or a link. */
struct member {
	struct quarantine *file; /* owned, or NULL */
	char *target;		 /* owned: of a link, a path in the archive */
	char name[];
};

struct archive_members {
	struct store *store; /* borrowed */
	struct map *map;     /* owned: name → struct member, owned */
	struct member *current;
	size_t memory; /* what quarantines may still keep there */
	size_t names;  /* bytes of names and targets */
};

static void member_free(void *value)
{
	struct member *f = value;

	if (!f)
		return;
	quarantine_close(f->file);
	free(f->target);
	free(f);
}

int archive_members_open(struct store *s, struct archive_members **out, struct err *err)
{
	struct archive_members *m = calloc(1, sizeof(*m));

	if (m)
		m->map = map_new();
	if (!m || !m->map) {
		free(m);
		return err_nomem(err);
	}
	m->store = s;
	m->memory = MEMORY_MAX;
	*out = m;
	return 0;
}

void archive_members_close(struct archive_members *m)
{
	if (!m)
		return;
	map_free_all(m->map, member_free);
	free(m);
}

/*
 * `path` as seen from `directory` (a path in the archive, or "" for its top) in normal form, for
 * the caller to free. Absolute ones begin at the top. -EBADMSG where it leaves the archive.
 */
static int archive_members_resolve(const char *directory, const char *path, size_t len, char **out,
				   struct err *err)
{
	autobuf at = BUF_INIT;
	const char *end = path + len;

	if (len && *path != '/')
		buf_puts(&at, directory);
	while (path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		size_t n = (size_t)((slash ? slash : end) - path);

		if (n == 2 && memcmp(path, "..", 2) == 0) {
			const char *last = at.data ? memrchr(at.data, '/', at.len) : NULL;

			if (at.len == 0)
				return err_set(err, EBADMSG, "it leads out of the archive");
			at.len = last ? (size_t)(last - at.data) : 0;
		} else if (n > 0 && !(n == 1 && *path == '.')) {
			if (at.len)
				buf_putc(&at, '/');
			buf_append(&at, path, n);
		}
		path += n + 1;
	}
	*out = buf_steal(&at);
	return *out ? 0 : err_nomem(err);
}

static int resolve_beside(const char *name, const char *target, size_t len, char **out,
			  struct err *err)
{
	const char *slash = strrchr(name, '/');
	autofree char *directory = strndup(name, slash ? (size_t)(slash - name) : 0);

	return directory ? archive_members_resolve(directory, target, len, out, err)
			 : err_nomem(err);
}

/* The names of entries are clean but for "..", which no program that writes images has there. */
static int archive_members_check_name(struct archive_members *m, const struct entry *e,
				      struct err *err)
{
	autofree char *clean = NULL;

	m->names += e->path_len + e->link_len;
	if (map_count(m->map) >= MEMBERS_MAX || m->names > NAMES_MAX)
		return err_set(err, EBADMSG, "more than %d members, or %u bytes of names",
			       MEMBERS_MAX, NAMES_MAX);
	if (memchr(e->path, '\0', e->path_len) || memchr(e->link, '\0', e->link_len))
		return err_set(err, EBADMSG, "a NUL in a name");
	if (archive_members_resolve("", e->path, e->path_len, &clean, err) < 0)
		return err_context(err, "member %.200s", e->path);
	if (strcmp(clean, e->path) != 0)
		return err_set(err, EBADMSG, "member %.200s: \"..\" in its name", e->path);
	return 0;
}

static enum digest_algorithm algorithm_of(const char *name)
{
	return strncmp(name, "blobs/sha512/", 13) == 0 ? DIGEST_SHA512 : DIGEST_SHA256;
}

static int archive_members_fill(struct archive_members *m, struct member *f, const struct entry *e,
				struct err *err)
{
	int r = 0;

	if (S_ISLNK(e->mode))
		r = resolve_beside(f->name, e->link, e->link_len, &f->target, err);
	else if (!(e->mode & S_IFMT)) /* a hard link: a path from the top */
		r = archive_members_resolve("", e->link, e->link_len, &f->target, err);
	else if (e->extent_count)
		r = err_set(err, EOPNOTSUPP, "a sparse file");
	else
		r = quarantine_open(m->store, algorithm_of(f->name), e->size, &m->memory, &f->file,
				    err);
	return r < 0 ? err_context(err, "member %.200s", f->name) : 0;
}

static int archive_members_on_member(void *arg, const struct entry *e, struct err *err)
{
	struct archive_members *m = arg;
	struct member *f;
	int r = archive_members_check_name(m, e, err);

	m->current = NULL;
	if (r < 0)
		return r;
	if (!S_ISREG(e->mode) && !S_ISLNK(e->mode) && (e->mode & S_IFMT))
		return 0; /* directories, and what no image is made of */
	f = calloc(1, sizeof(*f) + e->path_len + 1);
	if (!f)
		return err_nomem(err);
	memcpy(f->name, e->path, e->path_len);
	member_free(map_remove(m->map, f->name, e->path_len));
	if (map_put(m->map, f->name, e->path_len, f) < 0) {
		member_free(f);
		return err_nomem(err);
	}
	m->current = f;
	return archive_members_fill(m, f, e, err);
}

static int archive_members_on_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct archive_members *m = arg;
	int r = 0;

	if (m->current && m->current->file)
		r = quarantine_write(m->current->file, data, len, err);
	return r < 0 ? err_context(err, "member %.200s", m->current->name) : 0;
}

static int on_end(void *arg, struct err *err)
{
	struct archive_members *m = arg;
	struct member *f = m->current;
	int r = f && f->file ? quarantine_end(f->file, err) : 0;

	m->current = NULL;
	return r < 0 ? err_context(err, "member %.200s", f->name) : 0;
}

struct archive_sink archive_members_sink(struct archive_members *m)
{
	return (struct archive_sink){m, archive_members_on_member, archive_members_on_data, on_end};
}

const char *archive_members_current(const struct archive_members *m)
{
	return m->current ? m->current->name : NULL;
}

struct quarantine *archive_members_find(const struct archive_members *m, const char *path)
{
	autofree char *clean = NULL;
	const struct member *f;
	const char *name;

	if (archive_members_resolve("", path, strlen(path), &clean, NULL) < 0)
		return NULL;
	name = clean;
	for (int links = 0; links <= LINKS_MAX; links++) {
		f = map_get(m->map, name, strlen(name));
		if (!f || f->file)
			return f ? f->file : NULL;
		name = f->target;
	}
	return NULL;
}

int archive_members_read(const struct archive_members *m, const char *path, struct buf *out,
			 struct err *err)
{
	const struct quarantine *q = archive_members_find(m, path);
	int r;

	if (!q)
		return err_set(err, ENOENT, "%.200s is not in the archive", path);
	r = quarantine_read(q, ARCHIVE_DOCUMENT_MAX, out, err);
	if (r == -EFBIG)
		return err_set(err, EBADMSG, "%.200s is larger than %u bytes", path,
			       ARCHIVE_DOCUMENT_MAX);
	return r;
}

size_t *archive_members_memory(struct archive_members *m)
{
	return &m->memory;
}
