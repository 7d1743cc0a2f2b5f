/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_notify.h"

#include <assert.h>
#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct fuse_notify {
	struct fuse_session *fuse;
	pthread_mutex_t lock; /* guards what follows; not held while the kernel is told */
	pthread_cond_t ended;
	unsigned storing, forgetting; /* under way */
	bool stopped;
};

int fuse_notify_open(struct fuse_session *fuse, struct fuse_notify **out, struct err *err)
{
	struct fuse_notify *n = calloc(1, sizeof(*n));

	if (!n)
		return err_nomem(err);
	n->fuse = fuse;
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->ended, NULL);
	*out = n;
	return 0;
}

void fuse_notify_close(struct fuse_notify *n)
{
	if (!n)
		return;
	assert(n->storing + n->forgetting == 0);
	pthread_cond_destroy(&n->ended);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

/* Counts one more of a kind, of which there may be `most`. */
static bool fuse_notify_begin(struct fuse_notify *n, unsigned *kind, unsigned most)
{
	bool may;

	pthread_mutex_lock(&n->lock);
	may = !n->stopped && *kind < most;
	*kind += may;
	pthread_mutex_unlock(&n->lock);
	return may;
}

static void fuse_notify_end(struct fuse_notify *n, unsigned *kind)
{
	pthread_mutex_lock(&n->lock);
	assert(*kind > 0);
	--*kind;
	if (n->stopped)
		pthread_cond_broadcast(&n->ended);
	pthread_mutex_unlock(&n->lock);
}

/* Without the copy that libfuse makes of several pieces. */
static int send_store(struct fuse_notify *n, uint64_t ino, uint64_t offset,
		      const struct iovec *data, size_t count)
{
	struct fuse_notify_store_out store = {.nodeid = ino, .offset = offset};
	struct fuse_out_header header = {.error = FUSE_NOTIFY_STORE};
	struct iovec iov[2 + FUSE_NOTIFY_PIECES] = {{&header, sizeof(header)},
						    {&store, sizeof(store)}};

	assert(count <= FUSE_NOTIFY_PIECES);
	for (size_t i = 0; i < count; i++) {
		store.size += (uint32_t)data[i].iov_len;
		iov[2 + i] = data[i];
	}
	header.len = (uint32_t)(sizeof(header) + sizeof(store) + store.size);
	return writev(fuse_session_fd(n->fuse), iov, (int)(2 + count)) < 0 ? -errno : 0;
}

int fuse_notify_store(struct fuse_notify *n, unsigned workers, uint64_t ino, uint64_t offset,
		      const struct iovec *data, size_t count)
{
	int r;

	assert(workers > 0);
	if (!fuse_notify_begin(n, &n->storing, workers - 1))
		return -EAGAIN;
	r = send_store(n, ino, offset, data, count);
	fuse_notify_end(n, &n->storing);
	return r;
}

void fuse_notify_forget_name(struct fuse_notify *n, uint64_t parent, const char *name)
{
	if (!fuse_notify_begin(n, &n->forgetting, UINT32_MAX))
		return;
	fuse_lowlevel_notify_inval_entry(n->fuse, parent, name, strlen(name));
	fuse_notify_end(n, &n->forgetting);
}

/* libfuse's function has other parameters from one version to the next. */
static void send_expire(struct fuse_notify *n, uint64_t parent, const char *name)
{
	struct fuse_notify_inval_entry_out entry = {
	    .parent = parent, .namelen = (uint32_t)strlen(name), .flags = FUSE_EXPIRE_ONLY};
	struct fuse_out_header header = {.error = FUSE_NOTIFY_INVAL_ENTRY};
	const struct iovec iov[] = {
	    {&header, sizeof(header)}, {&entry, sizeof(entry)}, {(char *)name, entry.namelen + 1}};

	header.len = (uint32_t)(sizeof(header) + sizeof(entry) + entry.namelen + 1);
	if (writev(fuse_session_fd(n->fuse), iov, 3) < 0)
		return; /* -ENOENT as a rule: it does not have the name */
}

void fuse_notify_expire_name(struct fuse_notify *n, uint64_t parent, const char *name)
{
	if (!fuse_notify_begin(n, &n->forgetting, UINT32_MAX))
		return;
	send_expire(n, parent, name);
	fuse_notify_end(n, &n->forgetting);
}

void fuse_notify_forget_attributes(struct fuse_notify *n, uint64_t ino)
{
	if (!fuse_notify_begin(n, &n->forgetting, UINT32_MAX))
		return;
	fuse_lowlevel_notify_inval_inode(n->fuse, ino, -1, 0);
	fuse_notify_end(n, &n->forgetting);
}

void fuse_notify_forget_pages(struct fuse_notify *n, uint64_t ino)
{
	if (!fuse_notify_begin(n, &n->forgetting, UINT32_MAX))
		return;
	fuse_lowlevel_notify_inval_inode(n->fuse, ino, 0, 0);
	fuse_notify_end(n, &n->forgetting);
}

void fuse_notify_stop(struct fuse_notify *n)
{
	pthread_mutex_lock(&n->lock);
	n->stopped = true;
	pthread_mutex_unlock(&n->lock);
}

void fuse_notify_wait(struct fuse_notify *n)
{
	pthread_mutex_lock(&n->lock);
	while (n->storing + n->forgetting > 0)
		pthread_cond_wait(&n->ended, &n->lock);
	pthread_mutex_unlock(&n->lock);
}
