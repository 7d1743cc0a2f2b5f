/* SPDX-License-Identifier: MIT */
#include "store/layer/frames.h"

#include "store/base/io.h"
#include "store/base/xxh.h"

#include <errno.h>
#include <zstd.h>

/* They are written during a pull, so fast; the disk cost is about that of the blob. */
#define LEVEL 1

struct frames {
	struct io_tmp tmp;
	ZSTD_CCtx *cctx;   /* owned */
	XXH3_state_t *sum; /* owned */
	uint64_t size;
	uint8_t buf[128 << 10];
};

int frames_open(struct store *s, struct frames **out, struct err *err)
{
	AUTO(frames_close) struct frames *f = malloc(sizeof(*f));
	int r;

	if (!f)
		return err_nomem(err);
	f->tmp.fd = -1;
	f->size = 0;
	f->cctx = ZSTD_createCCtx();
	f->sum = XXH3_createState();
	if (!f->cctx || !f->sum)
		return err_nomem(err);
	XXH3_64bits_reset(f->sum);
	ZSTD_CCtx_setParameter(f->cctx, ZSTD_c_compressionLevel, LEVEL);
	r = io_tmp_open(store_cachefd(s), LAYER_DIRECTORY, 0600, &f->tmp, err);
	if (!r)
		*out = steal(&f);
	return r;
}

uint64_t frames_size(const struct frames *f)
{
	return f->size;
}

uint64_t frames_check(const struct frames *f)
{
	return XXH3_64bits_digest(f->sum);
}

int frames_write(struct frames *f, const void *data, size_t len, bool end_of_frame, struct err *err)
{
	ZSTD_EndDirective mode = end_of_frame ? ZSTD_e_end : ZSTD_e_continue;
	ZSTD_inBuffer in = {data, len, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {f->buf, sizeof(f->buf), 0};
		int r;

		left = ZSTD_compressStream2(f->cctx, &out, &in, mode);
		if (ZSTD_isError(left))
			return err_set(err, ENOMEM, "compress a frame: %s",
				       ZSTD_getErrorName(left));
		r = io_write_all(f->tmp.fd, f->buf, out.pos, err);
		if (r)
			return r;
		XXH3_64bits_update(f->sum, f->buf, out.pos);
		f->size += out.pos;
	} while (end_of_frame ? left > 0 : in.pos < in.size);
	return 0;
}

int frames_publish(struct frames *f, const struct digest *blob, struct err *err)
{
	char path[LAYER_PATH_MAX];

	return io_tmp_commit(&f->tmp, layer_path(blob, ".frames", path), err);
}

void frames_close(struct frames *f)
{
	if (!f)
		return;
	io_tmp_abort(&f->tmp);
	ZSTD_freeCCtx(f->cctx);
	XXH3_freeState(f->sum);
	free(f);
}
