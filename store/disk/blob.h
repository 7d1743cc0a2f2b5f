/* SPDX-License-Identifier: MIT */
/*
 * Blobs of the store by digest. A blob is there whole and verified, or not at all.
 * While it is fetched it lies in partial/. It survives a kill there, so that the next
 * fetch goes on where this one ended. Thread safe, except that one writer belongs to
 * one thread at a time.
 */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include "store/base/buf.h"
#include "store/base/cancel.h"
#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/disk/store.h"

#include <errno.h>

#define BLOB_SIZE_ANY UINT64_MAX

/* True if the digest has a regular file of that size (or BLOB_SIZE_ANY). Its bytes are not read. */
bool blob_exists(struct store *s, const struct digest *digest, uint64_t size);

/* True if it exists and nobody has found its bytes wrong (damage.h). Else it has to be fetched. */
bool blob_is_sound(struct store *s, const struct digest *digest, uint64_t size);

/* True if the blob's name leads to another file than the one that is open as fd, or to none. */
bool blob_is_replaced(struct store *s, const struct digest *digest, int fd);

/* Visits each file of blobs/ whose name is a digest: `name` in `dirfd`. A visit that returns something
 * other than 0 ends the walk with that. */
typedef int (*blob_visit)(void *arg, int dirfd, const char *name, const struct digest *digest,
			  struct err *err);
int blob_each(struct store *s, blob_visit each, void *arg, struct err *err);

/* Opens a blob for reading. Returns the descriptor, which the caller closes; sets *size unless NULL.
 * -ENOENT: there is none. */
int blob_open(struct store *s, const struct digest *digest, uint64_t *size, struct err *err);

/* Appends a small blob to *out and verifies it. -ENOENT; -EFBIG: over max bytes; -EBADMSG: it has other
 * bytes than its digest says (*out is as before). */
int blob_read(struct store *s, const struct digest *digest, size_t max, struct buf *out,
	      struct err *err);

/* The same for a blob that is open. */
int blob_read_fd(int fd, const struct digest *digest, size_t max, struct buf *out, struct err *err);

/* Stores a small blob. -EBADMSG: *digest is not that of the bytes. A good blob that is there stays; one
 * that has rotted is replaced. */
int blob_put(struct store *s, const struct digest *digest, const void *data, size_t len,
	     struct err *err);

struct io_tmp;

/* Publishes a temporary file that io_tmp_open made in BLOB_TMP. The caller has hashed its bytes, and
 * they have that digest. It replaces a blob that is there, as that may have rotted. Ends t.
 */
#define BLOB_TMP "partial/"
int blob_adopt(struct store *s, struct io_tmp *t, const struct digest *digest, struct err *err);

/* The same for the file `from` of partial/, which is open as fd for reading and writing. */
int blob_adopt_path(struct store *s, int fd, const char *from, const struct digest *digest,
		    struct err *err);

/* Reads a whole file. -EBADMSG: its bytes have another digest; or the error of cancel_check. */
int blob_verify_file(int fd, const struct digest *digest, struct cancel *cancel, struct err *err);

/* Reads a whole blob. -ENOENT; -EBADMSG: its bytes have rotted; -EIO: the disk does not give them. After
 * these two it is marked as damaged. If the blob is right, its mark is removed. */
int blob_verify(struct store *s, const struct digest *digest, struct cancel *cancel,
		struct err *err);

/* Path of a blob below the store, "blobs/sha256/<hex>". */
#define BLOB_PATH_MAX 160
const char *blob_path(const struct digest *digest, char path[static BLOB_PATH_MAX]);

/*
 * Writing a blob as it arrives. Only one writer of a digest exists at a time, in all processes:
 * opening waits while another one has it (cancel ends the wait). -EEXIST: the blob is there, or was
 * completed during the wait. A blob that is marked as damaged counts as missing, but stays until the
 * new one is whole. `size` may be BLOB_SIZE_ANY. What an earlier try left is hashed here.
 */
struct blob_writer;
int blob_writer_open(struct store *s, const struct digest *digest, uint64_t size,
		     struct cancel *cancel, struct blob_writer **out, struct err *err);

/* Bytes held so far, from earlier tries and this one: the offset of the next write. */
uint64_t blob_writer_offset(const struct blob_writer *w);

/* Reads held bytes back, for a reader that must see them all again. Returns the count, 0 at the end. */
ssize_t blob_writer_read(struct blob_writer *w, void *data, size_t max, uint64_t offset,
			 struct err *err);

/* Appends all bytes or none. -EBADMSG: there would be more than `size`. */
int blob_writer_write(struct blob_writer *w, const void *data, size_t len, struct err *err);

/* Drops all bytes held, when the server ignored the range or the bytes proved wrong. */
int blob_writer_restart(struct blob_writer *w, struct err *err);

/* Verifies size and digest and publishes. -EBADMSG: they do not fit. After any failure before the rename
 * the bytes are dropped. Then only close. */
int blob_writer_commit(struct blob_writer *w, struct err *err);

/* Without a commit the bytes stay in partial/ for the next try. NULL is allowed. */
void blob_writer_close(struct blob_writer *w);
DEFINE_AUTO(struct blob_writer, blob_writer_close)

/* Removes the partial blob that failed tries have left, unless a writer has it. True: it was removed. */
bool blob_drop_partial(struct store *s, const struct digest *digest);

/* True for errors after which a partial blob is of no use, as there is no room to go on with it. */
static inline bool blob_lacks_room(int r)
{
	return r == -ENOSPC || r == -EFBIG;
}

#endif
