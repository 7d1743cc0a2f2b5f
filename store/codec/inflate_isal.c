/* SPDX-License-Identifier: MIT */
/*
 * ISA-L as an inflater. It cannot stop at a block boundary (zlib's Z_BLOCK); that is added here.
 *
 * ISA-L's decoder stops where a block with BFINAL ends. That flag can be set: it is the field
 * `bfinal` while a block's body is decoded, and the next bit of the input before its header. So,
 * near a wanted boundary, every block is made the last one: first the block that the decoder is in,
 * through the field; then, boundary by boundary, the next one, through its first bit. The real flag
 * is kept aside, and the decoder is put back to "before a header" when it stops. The input is not
 * touched.
 *
 * Two more details of isal_inflate() (2.30 to 2.32, igzip_inflate.c):
 * - A call decodes into tmp_out_buffer first (up to 32 KiB ahead of what the caller gets, which is
 *   why the search starts INFLATE_NEAR before the boundary), then into the caller's output.
 * - When the last block has ended and all of it was given to the caller, the state becomes
 *   ISAL_BLOCK_FINISH; history is not kept any more and newer versions drop the bit position. So
 *   while searching no output is offered: all goes through tmp_out_buffer, and the byte before
 *   what is new there counts as not given yet, so that this never is the case.
 */
#include "store/codec/inflate.h"

#include "store/base/mem.h"

#include <assert.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <string.h>

/* The counts of inflate_state have 32 bits, and some of them are ints. */
#define STEP_MAX (1u << 30)

struct inflate {
	struct inflate_state state;
	bool armed; /* the present block is made to look like the last one … */
	bool last;  /* … and whether it is */
	/* Bytes of this call's input that the decoder has taken; less than none where it gave back
	 * what an earlier call brought. */
	ptrdiff_t taken;
	/* The last bytes of earlier calls' input: the end of the stream may turn out to lie
	 * there, as the decoder reads up to 8 bytes ahead. */
	uint8_t tail[INFLATE_UNREAD_MAX];
};

static struct inflate *isal_open(void)
{
	struct inflate *z = calloc(1, sizeof(*z));

	if (z)
		isal_inflate_init(&z->state);
	return z;
}

static void isal_close(struct inflate *z)
{
	free(z);
}

static void isal_reset(struct inflate *z)
{
	isal_inflate_reset(&z->state);
	z->armed = z->last = false;
}

static void isal_resume(struct inflate *z, const void *window, size_t len, unsigned bits,
			unsigned value)
{
	isal_inflate_set_dict(&z->state, (uint8_t *)window, (uint32_t)len);
	z->state.read_in = value;
	z->state.read_in_length = (int32_t)bits;
}

static void put_out(struct inflate_io *io, size_t n)
{
	io->out += n;
	io->out_len -= n;
	if (io->boundary != UINT64_MAX)
		io->boundary -= n < io->boundary ? n : io->boundary;
}

/* Runs the decoder on what there is; false where the stream is corrupt. *moved tells whether
 * anything happened: an empty block may change nothing but the decoder's state, as its bits were
 * read before. Where the stream ends the input is left to find_end(). */
static bool inflate_isal_step(struct inflate *z, struct inflate_io *io, size_t out_len, bool *moved)
{
	struct inflate_state *s = &z->state;
	uint32_t in_len = io->in_len < STEP_MAX ? (uint32_t)io->in_len : STEP_MAX;
	int32_t valid = s->tmp_out_valid, processed = s->tmp_out_processed;
	enum isal_block_state state = s->block_state;
	int r;

	s->next_in = (uint8_t *)io->in;
	s->avail_in = in_len;
	s->next_out = io->out;
	s->avail_out = (uint32_t)out_len;
	r = isal_inflate(s);
	if (r < 0)
		return false; /* the counts cannot be relied on now */
	*moved = s->avail_in != in_len || s->avail_out != out_len || s->tmp_out_valid != valid ||
		 s->tmp_out_processed != processed || s->block_state != state;
	z->taken += (ptrdiff_t)in_len - (ptrdiff_t)s->avail_in;

	put_out(io, out_len - s->avail_out);
	if (s->block_state != ISAL_BLOCK_FINISH) {
		io->in += in_len - s->avail_in;
		io->in_len -= in_len - s->avail_in;
	}
	return true;
}

/* Straight to the output, up to INFLATE_NEAR before a wanted boundary. */
static enum inflate_result run_freely(struct inflate *z, struct inflate_io *io)
{
	bool moved = true;

	while (moved && io->out_len > 0 && io->boundary > INFLATE_NEAR) {
		uint64_t room = io->boundary - INFLATE_NEAR;

		if (room > io->out_len)
			room = io->out_len;
		if (!inflate_isal_step(z, io, room < STEP_MAX ? room : STEP_MAX, &moved))
			return INFLATE_CORRUPT;
		if (z->state.block_state == ISAL_BLOCK_FINISH)
			return INFLATE_END;
	}
	return INFLATE_MORE;
}

/* Makes the block that is being decoded, or comes next, the last one; false where not even its
 * first bit is here yet. */
static bool inflate_isal_arm(struct inflate *z, struct inflate_io *io)
{
	struct inflate_state *s = &z->state;

	if (s->block_state != ISAL_BLOCK_NEW_HDR && s->block_state != ISAL_BLOCK_HDR) {
		z->last = s->bfinal;
		s->bfinal = 1;
	} else if (s->read_in_length > 0) {
		z->last = s->read_in & 1;
		s->read_in |= 1;
	} else if (s->tmp_in_size > 0) {
		z->last = s->tmp_in_buffer[0] & 1;
		s->tmp_in_buffer[0] |= 1;
	} else if (io->in_len > 0) {
		z->last = *io->in & 1;
		s->read_in = *io->in | 1;
		s->read_in_length = 8;
		io->in++;
		io->in_len--;
		z->taken++;
	} else {
		return false;
	}
	z->armed = true;
	return true;
}

/* Gives what tmp_out_buffer holds; false where the output is full before all is given. */
static bool drain(struct inflate *z, struct inflate_io *io)
{
	struct inflate_state *s = &z->state;
	size_t n = (size_t)(s->tmp_out_valid - s->tmp_out_processed);

	if (n > io->out_len)
		n = io->out_len;
	memcpy(io->out, s->tmp_out_buffer + s->tmp_out_processed, n);
	s->tmp_out_processed += (int32_t)n;
	put_out(io, n);
	return s->tmp_out_processed == s->tmp_out_valid;
}

/* A faked end is undone: the decoder is before a header again. At an end isal_inflate() does not
 * shift its history down, and without that the next call would not see all of it. */
static void undo_end(struct inflate *z)
{
	struct inflate_state *s = &z->state;
	int32_t excess = s->tmp_out_valid - ISAL_DEF_HIST_SIZE;

	if (excess > 0) {
		memmove(s->tmp_out_buffer, s->tmp_out_buffer + excess, ISAL_DEF_HIST_SIZE);
		s->tmp_out_valid = s->tmp_out_processed = ISAL_DEF_HIST_SIZE;
	}
	s->bfinal = 0;
	s->block_state = ISAL_BLOCK_NEW_HDR;
	z->armed = false;
}

/* From block end to block end, through tmp_out_buffer. */
static enum inflate_result run_to_boundary(struct inflate *z, struct inflate_io *io)
{
	struct inflate_state *s = &z->state;
	bool moved;

	do {
		if (!drain(z, io))
			return INFLATE_MORE;
		if (s->block_state == ISAL_BLOCK_INPUT_DONE) {
			if (!z->armed || z->last)
				return INFLATE_END;
			undo_end(z);
			if (io->boundary == 0) {
				io->unread_bits = (unsigned)s->read_in_length;
				return INFLATE_BOUNDARY;
			}
		}
		if (!z->armed && !inflate_isal_arm(z, io))
			return INFLATE_MORE;

		s->tmp_out_processed--; /* something was given before, so there is one */
		if (!inflate_isal_step(z, io, 0, &moved))
			return INFLATE_CORRUPT;
		s->tmp_out_processed++;
	} while (moved);
	return INFLATE_MORE;
}

/* The stream has ended: puts io->in where that was. */
static void find_end(struct inflate *z, struct inflate_io *io, const uint8_t *base, size_t base_len)
{
	/* 2.30 leaves the whole bytes that it read ahead in read_in; 2.32 has taken them back
	 * already, if need be to before the input of this call. */
	ptrdiff_t used = z->taken - z->state.read_in_length / 8;

	io->unread_bits = 0;
	io->unread_len = 0;
	assert(used >= -INFLATE_UNREAD_MAX && used <= (ptrdiff_t)base_len);
	if (used < 0) {
		io->unread_len = (unsigned)-used;
		memcpy(io->unread, z->tail + INFLATE_UNREAD_MAX - io->unread_len, io->unread_len);
		used = 0;
	}
	io->in = base + used;
	io->in_len = base_len - (size_t)used;
}

static void keep_tail(struct inflate *z, const uint8_t *in, size_t len)
{
	size_t n = len < INFLATE_UNREAD_MAX ? len : INFLATE_UNREAD_MAX;

	memmove(z->tail, z->tail + n, INFLATE_UNREAD_MAX - n);
	memcpy(z->tail + INFLATE_UNREAD_MAX - n, in + len - n, n);
}

static enum inflate_result isal_run(struct inflate *z, struct inflate_io *io)
{
	const uint8_t *base = io->in;
	size_t base_len = io->in_len;
	enum inflate_result result = INFLATE_MORE;

	z->taken = 0;
	if (io->boundary > INFLATE_NEAR)
		result = run_freely(z, io);
	if (result == INFLATE_MORE && io->boundary <= INFLATE_NEAR)
		result = run_to_boundary(z, io);

	if (result == INFLATE_END)
		find_end(z, io, base, base_len);
	else if (result != INFLATE_CORRUPT)
		keep_tail(z, base, base_len - io->in_len);
	return result;
}

static uint32_t isal_crc32(uint32_t crc, const void *data, size_t len)
{
	return crc32_gzip_refl(crc, data, len);
}

const struct inflate_ops inflate_isal = {
    .name = "ISA-L",
    .open = isal_open,
    .close = isal_close,
    .reset = isal_reset,
    .resume = isal_resume,
    .run = isal_run,
    .crc32 = isal_crc32,
};
