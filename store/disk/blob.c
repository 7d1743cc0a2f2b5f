/* SPDX-License-Identifier: MIT */
#include "store/disk/blob.h"

#include "store/base/io.h"
#include "store/disk/damage.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define CHUNK (1u << 20) /* bytes to hash at once */

const char *blob_path(const struct digest *digest, char path[static BLOB_PATH_MAX])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(path, BLOB_PATH_MAX, "blobs/%s/%s", digest_algorithm_name(digest),
		 digest_hex(digest, hex));
	return path;
}

bool blob_exists(struct store *s, const struct digest *digest, uint64_t size)
{
	char path[BLOB_PATH_MAX];
	struct stat st;

	if (fstatat(store_dirfd(s), blob_path(digest, path), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return S_ISREG(st.st_mode) && (size == BLOB_SIZE_ANY || (uint64_t)st.st_size == size);
}

bool blob_is_sound(struct store *s, const struct digest *digest, uint64_t size)
{
	return blob_exists(s, digest, size) && !damage_is_marked(s, digest);
}

bool blob_is_replaced(struct store *s, const struct digest *digest, int fd)
{
	char path[BLOB_PATH_MAX];
	struct stat held, named;

	return fstat(fd, &held) < 0 ||
	       fstatat(store_dirfd(s), blob_path(digest, path), &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	       held.st_ino != named.st_ino || held.st_dev != named.st_dev;
}

struct blob_list {
	blob_visit each;
	void *arg;
	const char *algorithm; /* whose directory it is */
};

static int list_blob(void *arg, int dirfd, const char *name, struct err *err)
{
	const struct blob_list *l = arg;
	struct digest digest;

	if (strchr(name, '.') || !digest_parse_name(name, &digest) ||
	    strcmp(digest_algorithm_name(&digest), l->algorithm) != 0)
		return 0; /* what is no blob is not ours */
	return l->each(l->arg, dirfd, name, &digest, err);
}

int blob_each(struct store *s, blob_visit each, void *arg, struct err *err)
{
	static const char *const algorithms[] = {"sha256", "sha512"};
	char path[32];
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(algorithms) / sizeof(*algorithms); i++) {
		struct blob_list l = {each, arg, algorithms[i]};

		snprintf(path, sizeof(path), "blobs/%s", algorithms[i]);
		r = io_each_file(store_dirfd(s), path, list_blob, &l, err);
	}
	return r;
}

int blob_open(struct store *s, const struct digest *digest, uint64_t *size, struct err *err)
{
	char path[BLOB_PATH_MAX];
	autoclose int fd = io_open(store_dirfd(s), blob_path(digest, path), O_RDONLY, 0, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(err, "stat %s", path);
	if (size)
		*size = (uint64_t)st.st_size;
	return steal_fd(&fd);
}

static int blob_check_digest(const struct digest *expected, const struct digest *found,
			     struct err *err)
{
	char expected_text[DIGEST_TEXT_MAX], found_text[DIGEST_TEXT_MAX];

	if (digest_equal(expected, found))
		return 0;
	return err_set(err, EBADMSG, "blob %s: its bytes have the digest %s",
		       digest_text(expected, expected_text), digest_text(found, found_text));
}

/* What was appended behind `before` goes again where it is not the blob. */
static int check_body(const struct digest *digest, struct buf *out, size_t before, struct err *err)
{
	struct digest found;
	int r = digest_of(digest->algorithm, out->data + before, out->len - before, &found, err);

	if (!r)
		r = blob_check_digest(digest, &found, err);
	if (r)
		out->len = before;
	return r;
}

int blob_read(struct store *s, const struct digest *digest, size_t max, struct buf *out,
	      struct err *err)
{
	char path[BLOB_PATH_MAX];
	size_t before = out->len;
	int r = io_read_file(store_dirfd(s), blob_path(digest, path), max, out, err);

	return r ? r : check_body(digest, out, before, err);
}

int blob_read_fd(int fd, const struct digest *digest, size_t max, struct buf *out, struct err *err)
{
	size_t before = out->len;
	int r = io_read_fd(fd, "a blob", max, out, err);

	return r ? r : check_body(digest, out, before, err);
}

static int hash_file(int fd, struct hash *hash, struct cancel *cancel, struct err *err)
{
	autofree char *chunk = malloc(CHUNK);
	off_t offset = 0;

	if (!chunk)
		return err_nomem(err);
	for (;;) {
		int r = cancel_check(cancel, err);
		ssize_t n = r ? r : io_pread(fd, chunk, CHUNK, offset, err);

		if (n <= 0)
			return (int)n;
		hash_update(hash, chunk, (size_t)n);
		offset += n;
	}
}

int blob_verify_file(int fd, const struct digest *digest, struct cancel *cancel, struct err *err)
{
	AUTO(hash_close) struct hash *hash = NULL;
	struct digest found;
	int r = hash_open(digest->algorithm, &hash, err);

	if (!r)
		r = hash_file(fd, hash, cancel, err);
	if (r)
		return r;
	hash_final(hash, &found);
	return blob_check_digest(digest, &found, err);
}

int blob_verify(struct store *s, const struct digest *digest, struct cancel *cancel,
		struct err *err)
{
	autoclose int fd = blob_open(s, digest, NULL, err);
	int r = fd < 0 ? fd : blob_verify_file(fd, digest, cancel, err);

	if (fd < 0)
		return r;
	if (r == -EBADMSG || r == -EIO)
		damage_mark(s, digest);
	else if (r == 0)
		damage_clear(s, digest);
	return r;
}

int blob_adopt_path(struct store *s, int fd, const char *from, const struct digest *digest,
		    struct err *err)
{
	char path[BLOB_PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "blobs/%s", digest_algorithm_name(digest));
	r = io_mkdirs(store_dirfd(s), path, 0700, err);
	if (!r)
		r = store_unsynced(s,
				   io_move(store_dirfd(s), fd, from, blob_path(digest, path), err));
	if (!r)
		damage_clear(s, digest);
	return r;
}

int blob_adopt(struct store *s, struct io_tmp *t, const struct digest *digest, struct err *err)
{
	int r = blob_adopt_path(s, t->fd, t->path, digest, err);

	if (r) {
		io_tmp_abort(t);
		return r;
	}
	close(t->fd);
	t->fd = -1;
	return 0;
}

int blob_put(struct store *s, const struct digest *digest, const void *data, size_t len,
	     struct err *err)
{
	autobuf old = BUF_INIT;
	struct digest found;
	struct io_tmp t;
	int r = digest_of(digest->algorithm, data, len, &found, err);

	if (!r)
		r = blob_check_digest(digest, &found, err);
	if (r)
		return r;
	if (blob_read(s, digest, len, &old, NULL) == 0)
		return 0; /* there, and its bytes are right */
	r = store_writable(s, err);
	if (r)
		return r;
	/* In partial/, so that nothing else than blobs ever lies below blobs/. */
	r = io_tmp_open(store_dirfd(s), BLOB_TMP, 0600, &t, err);
	if (r)
		return r;
	r = io_write_all(t.fd, data, len, err);
	if (!r)
		return blob_adopt(s, &t, digest, err);
	io_tmp_abort(&t);
	return r;
}

struct blob_writer {
	struct store *store; /* borrowed */
	struct digest digest;
	uint64_t size;	 /* promised; or BLOB_SIZE_ANY */
	uint64_t offset; /* bytes held, all of them hashed */
	struct hash *hash;
	int fd; /* of the partial blob; its flock makes this the only writer */
	bool committed;
	char path[BLOB_PATH_MAX]; /* partial/HEX */
};

#define LOCK_POLL_NS 20000000 /* flock(2) cannot be cancelled, so it is polled */

/* The file that has the name now is the one that was locked: a writer that completed renamed it
 * away, a sweep removed it. */
static bool still_linked(const struct blob_writer *w, struct stat *held)
{
	struct stat named;

	return fstat(w->fd, held) == 0 &&
	       fstatat(store_dirfd(w->store), w->path, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held->st_ino == named.st_ino && held->st_dev == named.st_dev;
}

/* Removes the partial blob and lets others see that it is free. */
static void drop_partial(struct blob_writer *w)
{
	unlinkat(store_dirfd(w->store), w->path, 0);
}

/* One try for the lock: 0 where it is held, -EAGAIN where another has it. */
static int try_lock(struct blob_writer *w, struct err *err)
{
	struct stat st;

	w->fd = io_open(store_dirfd(w->store), w->path, O_RDWR | O_CREAT, 0600, err);
	if (w->fd == -ENOENT) /* somebody cleaned up below a running program */
		return io_mkdirs(store_dirfd(w->store), "partial", 0700, err) ? -ENOENT : -EAGAIN;
	if (w->fd < 0)
		return w->fd;
	if (flock(w->fd, LOCK_EX | LOCK_NB) == 0 && still_linked(w, &st))
		return 0;
	close(w->fd);
	w->fd = -1;
	return -EAGAIN;
}

static int wait_lock(struct blob_writer *w, struct cancel *cancel, struct err *err)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_NS};
	int r;

	for (;;) {
		r = cancel_check(cancel, err);
		if (r)
			return r;
		r = try_lock(w, err);
		if (r != -EAGAIN)
			return r;
		/* The other writer may have completed the blob: no need to wait for its close. */
		if (blob_is_sound(w->store, &w->digest, w->size))
			return err_set(err, EEXIST, "the blob is there");
		nanosleep(&pause, NULL);
	}
}

/* Hashes what an earlier try left. Unsynced bytes may be wrong after a power cut: the digest at the
 * end finds out. */
static int rehash(struct blob_writer *w, struct cancel *cancel, struct err *err)
{
	autofree char *chunk = NULL;
	struct stat st;
	ssize_t n;
	int r;

	if (fstat(w->fd, &st) < 0)
		return err_sys(err, "stat %s", w->path);
	if ((uint64_t)st.st_size > w->size)
		return blob_writer_restart(w, err);
	if (st.st_size == 0)
		return 0;
	chunk = malloc(CHUNK);
	if (!chunk)
		return err_nomem(err);
	while (w->offset < (uint64_t)st.st_size) {
		r = cancel_check(cancel, err);
		if (r)
			return r;
		n = io_pread(w->fd, chunk, CHUNK, (off_t)w->offset, err);
		if (n < 0)
			return blob_writer_restart(w, err);
		if (n == 0)
			break;
		hash_update(w->hash, chunk, (size_t)n);
		w->offset += (uint64_t)n;
	}
	return 0;
}

/* A writer that is not open yet. */
static void writer_init(struct blob_writer *w, struct store *s, const struct digest *digest,
			uint64_t size)
{
	char hex[DIGEST_HEX_MAX];

	*w = (struct blob_writer){.store = s, .digest = *digest, .size = size, .fd = -1};
	snprintf(w->path, sizeof(w->path), "partial/%s", digest_hex(digest, hex));
}

int blob_writer_open(struct store *s, const struct digest *digest, uint64_t size,
		     struct cancel *cancel, struct blob_writer **out, struct err *err)
{
	AUTO(blob_writer_close) struct blob_writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_nomem(err);
	writer_init(w, s, digest, size);
	if (blob_is_sound(s, digest, size))
		return err_set(err, EEXIST, "the blob is there");
	r = store_writable(s, err);
	if (!r)
		r = hash_open(digest->algorithm, &w->hash, err);
	if (!r)
		r = wait_lock(w, cancel, err);
	if (r)
		return r;
	if (blob_is_sound(s, digest, size)) {
		drop_partial(w);
		return err_set(err, EEXIST, "the blob is there");
	}
	r = rehash(w, cancel, err);
	if (r)
		return r;
	*out = steal(&w);
	return 0;
}

uint64_t blob_writer_offset(const struct blob_writer *w)
{
	return w->offset;
}

ssize_t blob_writer_read(struct blob_writer *w, void *data, size_t max, uint64_t offset,
			 struct err *err)
{
	if (offset >= w->offset)
		return 0;
	if (max > w->offset - offset)
		max = (size_t)(w->offset - offset);
	return io_pread(w->fd, data, max, (off_t)offset, err);
}

int blob_writer_write(struct blob_writer *w, const void *data, size_t len, struct err *err)
{
	char text[DIGEST_TEXT_MAX];
	int r;

	assert(!w->committed && w->offset <= w->size);
	if (len > w->size - w->offset)
		return err_set(err, EBADMSG, "blob %s: more bytes than the promised %" PRIu64,
			       digest_text(&w->digest, text), w->size);
	r = io_pwrite_all(w->fd, data, len, (off_t)w->offset, err);
	if (r) {
		/* A part may be there: what is held stays what was hashed. */
		return ftruncate(w->fd, (off_t)w->offset) < 0 ? -EIO : r;
	}
	io_start_writeback(w->fd, w->offset, len);
	hash_update(w->hash, data, len);
	w->offset += len;
	return 0;
}

int blob_writer_restart(struct blob_writer *w, struct err *err)
{
	struct hash *hash;
	int r = hash_open(w->digest.algorithm, &hash, err);

	if (r)
		return r;
	hash_close(w->hash);
	w->hash = hash;
	w->offset = 0;
	return ftruncate(w->fd, 0) < 0 ? err_sys(err, "truncate %s", w->path) : 0;
}

static int blob_verify_open(struct blob_writer *w, struct err *err)
{
	char text[DIGEST_TEXT_MAX];
	struct digest found;
	struct stat st;

	if (w->size != BLOB_SIZE_ANY && w->offset != w->size)
		return err_set(err, EBADMSG,
			       "blob %s: %" PRIu64 " bytes, not the promised %" PRIu64,
			       digest_text(&w->digest, text), w->offset, w->size);
	if (!still_linked(w, &st) || (uint64_t)st.st_size != w->offset)
		return err_set(err, EIO, "%s: changed by another program", w->path);
	hash_final(w->hash, &found);
	return blob_check_digest(&w->digest, &found, err);
}

/* After a failure nothing is held: bytes that are wrong, or that fsync could not write (the kernel
 * may have dropped them), must not be taken up again. A file that has left partial/ is the blob of
 * all others, and only the fsync of its directory failed. */
int blob_writer_commit(struct blob_writer *w, struct err *err)
{
	int r = blob_verify_open(w, err);
	struct stat st;

	assert(!w->committed);
	if (!r)
		r = blob_adopt_path(w->store, w->fd, w->path, &w->digest, err);
	w->committed = !r || !still_linked(w, &st);
	if (!w->committed)
		blob_writer_restart(w, NULL);
	return r;
}

void blob_writer_close(struct blob_writer *w)
{
	struct stat st;

	if (!w)
		return;
	if (w->fd >= 0) {
		if (!w->committed && still_linked(w, &st) && st.st_size == 0)
			drop_partial(w);
		flock(w->fd, LOCK_UN); /* a child before its exec may hold the descriptor, too */
		close(w->fd);
	}
	hash_close(w->hash);
	free(w);
}

bool blob_drop_partial(struct store *s, const struct digest *digest)
{
	struct blob_writer w;

	writer_init(&w, s, digest, BLOB_SIZE_ANY);
	if (store_writable(s, NULL) < 0 ||
	    faccessat(store_dirfd(s), w.path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ||
	    try_lock(&w, NULL) < 0)
		return false;
	drop_partial(&w);
	close(w.fd);
	return true;
}
