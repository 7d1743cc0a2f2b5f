/* SPDX-License-Identifier: MIT */
#include "store/disk/lease.h"

#include "store/base/buf.h"
#include "store/base/io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "leases"
#define PATH_SIZE 64
#define LEASE_MAX (4u << 20) /* bytes; some 50,000 digests */

struct lease {
	struct store *store; /* borrowed */
	pthread_mutex_t lock;
	int fd;	    /* owned, flock()ed; -1 in a store that may only be read */
	off_t size; /* bytes of whole lines; under lock */
	char path[PATH_SIZE];
};

static int lease_create_file(struct lease *l, struct err *err)
{
	uint64_t number;
	int r = io_mkdirs(store_dirfd(l->store), DIRECTORY, 0700, err);

	if (r)
		return r;
	do {
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return err_sys(err, "a name for a lease");
		snprintf(l->path, sizeof(l->path), DIRECTORY "/%016llx",
			 (unsigned long long)number);
		l->fd =
		    io_open(store_dirfd(l->store), l->path, O_RDWR | O_CREAT | O_EXCL, 0600, err);
	} while (l->fd == -EEXIST);
	return l->fd < 0 ? l->fd : 0;
}

/* Under the store's lock: a sweep would take a file that is not locked yet for a dead lease. */
static int create(struct lease *l, struct err *err)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	int r = store_lock(l->store, &lock, err);

	if (!r)
		r = lease_create_file(l, err);
	if (!r && flock(l->fd, LOCK_EX | LOCK_NB) < 0)
		r = err_sys(err, "lock a lease");
	return r;
}

int lease_open(struct store *s, struct lease **out, struct err *err)
{
	AUTO(lease_close) struct lease *l = calloc(1, sizeof(*l));
	int r = 0;

	if (!l)
		return err_nomem(err);
	l->store = s;
	l->fd = -1;
	pthread_mutex_init(&l->lock, NULL);
	if (store_writable(s, NULL) == 0)
		r = create(l, err);
	if (r)
		return r;
	*out = steal(&l);
	return 0;
}

/* All or nothing: a line that a full disk has cut would spoil the next one. What cannot be cut off
 * is written over. */
static int lease_append(struct lease *l, const struct buf *text, struct err *err)
{
	int r = io_pwrite_all(l->fd, text->data, text->len, l->size, err);

	if (!r)
		l->size += (off_t)text->len;
	else if (ftruncate(l->fd, l->size) < 0)
		return -EIO;
	return r;
}

int lease_add(struct lease *l, const struct digest *digests, size_t count, struct err *err)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	autobuf text = BUF_INIT;
	char digest[DIGEST_TEXT_MAX];
	int r;

	assert(digests || !count);
	if (l->fd < 0 || count == 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s\n", digest_text(&digests[i], digest));
	if (buf_failed(&text))
		return err_nomem(err);
	r = store_lock(l->store, &lock, err);
	if (r)
		return r;
	pthread_mutex_lock(&l->lock);
	r = lease_append(l, &text, err);
	pthread_mutex_unlock(&l->lock);
	return r;
}

void lease_close(struct lease *l)
{
	if (!l)
		return;
	if (l->fd >= 0) {
		unlinkat(store_dirfd(l->store), l->path, 0);
		/* By name: a child between fork and exec may hold a copy of the descriptor. */
		flock(l->fd, LOCK_UN);
		close(l->fd);
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Every whole line of a lease. */
static int each_line(char *text, int (*each)(void *arg, const struct digest *d, struct err *err),
		     void *arg, struct err *err)
{
	char *end;
	int r = 0;

	for (; !r && (end = strchr(text, '\n')); text = end + 1) {
		struct digest digest;

		*end = '\0';
		if (digest_parse(text, &digest, NULL) == 0)
			r = each(arg, &digest, err);
	}
	return r;
}

struct visit {
	int (*each)(void *arg, const struct digest *d, struct err *err);
	void *arg;
};

static int visit_file(void *arg, int dirfd, const char *name, struct err *err)
{
	const struct visit *v = arg;
	autoclose int fd = io_open(dirfd, name, O_RDONLY, 0, err);
	autobuf text = BUF_INIT;
	int r;

	if (fd == -ENOENT)
		return 0; /* it ended just now */
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
		unlinkat(dirfd, name, 0);
		return 0;
	}
	r = io_read_file(dirfd, name, LEASE_MAX, &text, err);
	if (r == -ENOENT)
		return 0;
	buf_putc(&text, '\0');
	if (!r && buf_failed(&text))
		r = err_nomem(err);
	return r ? r : each_line(text.data, v->each, v->arg, err);
}

int lease_each(struct store *s, int (*each)(void *arg, const struct digest *d, struct err *err),
	       void *arg, struct err *err)
{
	struct visit v = {each, arg};

	return io_each_file(store_dirfd(s), DIRECTORY, visit_file, &v, err);
}
