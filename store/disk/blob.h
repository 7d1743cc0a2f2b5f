/* SPDX-License-Identifier: MIT */
/*
 * Blobs of the store by digest. A blob is there whole and verified, or not at all;
 * one that is being fetched lies in partial/, and survives a kill, so that the next
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

/* True where a regular file of that digest and size is there; one of another size counts as
 * absent. */
bool blob_exists(struct store *s, const struct digest *digest, uint64_t size);

/* The same, and nobody found its bytes wrong (damage.h): else it is to be fetched anew. */
bool blob_is_sound(struct store *s, const struct digest *digest, uint64_t size);

/* True where another file has taken the place of the one that is open, or none is there any more. */
bool blob_is_replaced(struct store *s, const struct digest *digest, int fd);

/* Each file of blobs/ that is named as a blob is, until one gives not 0: `name` in `dirfd`. */
typedef int (*blob_visit)(void *arg, int dirfd, const char *name, const struct digest *digest,
			  struct err *err);
int blob_each(struct store *s, blob_visit each, void *arg, struct err *err);

/* Opens for reading: the descriptor (the caller closes it), *size is set where not NULL;
 * -ENOENT. */
int blob_open(struct store *s, const struct digest *digest, uint64_t *size, struct err *err);

/* Reads a small blob whole and verifies it: -ENOENT, -EFBIG over max, -EBADMSG. Appends to *out. */
int blob_read(struct store *s, const struct digest *digest, size_t max, struct buf *out,
	      struct err *err);

/* The same of one that is open. */
int blob_read_fd(int fd, const struct digest *digest, size_t max, struct buf *out, struct err *err);

/* Stores a small blob under the digest of its bytes, which must equal *digest: else -EBADMSG. */
int blob_put(struct store *s, const struct digest *digest, const void *data, size_t len,
	     struct err *err);

struct io_tmp;

/* Publishes a temporary file that io_tmp_open made in BLOB_TMP, whose bytes the caller has hashed
 * and found to have that digest; a blob that is there is replaced, as it may have rotted. Ends t.
 */
#define BLOB_TMP "partial/"
int blob_adopt(struct store *s, struct io_tmp *t, const struct digest *digest, struct err *err);

/* The same for a file of partial/ that is open as fd, read and write; it is moved. */
int blob_adopt_path(struct store *s, int fd, const char *from, const struct digest *digest,
		    struct err *err);

/* Reads a file through: -EBADMSG where its bytes have another digest. */
int blob_verify_file(int fd, const struct digest *digest, struct cancel *cancel, struct err *err);

/* Reads a blob through: -ENOENT; -EBADMSG where its bytes have rotted, -EIO where the disk does not give them. Then
 * it is marked as damaged; a mark of one that is right goes. */
int blob_verify(struct store *s, const struct digest *digest, struct cancel *cancel,
		struct err *err);

/* Path of a blob below the store, "blobs/sha256/<hex>". */
#define BLOB_PATH_MAX 160
const char *blob_path(const struct digest *digest, char path[static BLOB_PATH_MAX]);

/*
 * Writing a blob as it arrives. Only one writer of a digest exists at a time, in all processes:
 * opening waits (cancel ends the wait) while another has it, and answers -EEXIST when the other has
 * completed the blob meanwhile or when it was there before. One that is marked as damaged is not there: it stays
 * until the new one is whole.
 */
struct blob_writer;
int blob_writer_open(struct store *s, const struct digest *digest, uint64_t size,
		     struct cancel *cancel, struct blob_writer **out, struct err *err);

/* Bytes held so far: those of an earlier try (they are hashed already), then all that was
 * written. */
uint64_t blob_writer_offset(const struct blob_writer *w);

/* Reads held bytes back (for a reader that must see them all again); the count, 0 at the end. */
ssize_t blob_writer_read(struct blob_writer *w, void *data, size_t max, uint64_t offset,
			 struct err *err);

/* Appends. More than `size` bytes in all: -EBADMSG. */
int blob_writer_write(struct blob_writer *w, const void *data, size_t len, struct err *err);

/* Drops all bytes held: the server ignored the range, or they proved wrong. */
int blob_writer_restart(struct blob_writer *w, struct err *err);

/* Verifies size and digest (-EBADMSG: the bytes are dropped), publishes. Then only close. */
int blob_writer_commit(struct blob_writer *w, struct err *err);

/* Without a commit the bytes stay in partial/ for the next try. NULL is allowed. */
void blob_writer_close(struct blob_writer *w);
DEFINE_AUTO(struct blob_writer, blob_writer_close)

/* Removes what tries that failed have left of a blob, unless a writer has it: true where it did. */
bool blob_drop_partial(struct store *s, const struct digest *digest);

/* Errors after which a partial blob is of no use: there is no room to go on with it. */
static inline bool blob_lacks_room(int r)
{
	return r == -ENOSPC || r == -EFBIG;
}

#endif
