/* SPDX-License-Identifier: MIT */
/*
 * The files derived/layers/HEX, HEX.table, HEX.ztoc, HEX.referred and HEX.raw, for their writers
 * (layer_writer, frames) and readers (layer_index, layer). Code outside of store/layer/ uses only
 * enum layer_check and the limits of spans.
 *
 *	header    layer_header
 *	windows   of the spans that need one, zstd, one behind the other; padded to 8 bytes
 *	spans     layer_span[], ascending, without gaps: together the whole archive
 *	checks    uint64_t[], of the kind that the header says (enum layer_check)
 *	pieces    uint64_t[]: XXH3-64 of each LAYER_PIECE of the blob; none with a table
 *	toc       as store/layer/toc.h has it
 *
 * If spans came out too long, derived/layers/HEX.frames lies beside it: zstd frames of parts of the
 * archive. Numbers have the byte order of the machine. A machine with the other order sees an unknown
 * version, and builds the file again.
 */
#ifndef STORE_LAYER_FORMAT_H
#define STORE_LAYER_FORMAT_H

#include "store/codec/codec.h"
#include "store/base/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYER_MAGIC    "imagefsL"
#define LAYER_VERSION  8
#define LAYER_PATH_MAX 192

#define LAYER_DIRECTORY "derived/layers/"

/* The most plain bytes of a span, and the most that are skipped in front of it. A longer stretch without
 * a seek point (one deflate block, one zstd frame) goes on in HEX.frames. */
#define LAYER_SPAN_MAX (4u << 20)
/* The same with checks over packed bytes. Others made these seek points, as a rule at the first end of a
 * block behind 4 MiB. A block of deflate seldom has more than 4 MiB. */
#define LAYER_PACKED_SPAN_MAX (16u << 20)
#define LAYER_PACKED_MAX      (20u << 20) /* compressed bytes of such a span */
#define LAYER_FRAME_LEN	      (1u << 20)  /* plain bytes of a frame there */
#define LAYER_BLOCK	      (32u << 10) /* plain bytes of a block; a span's last one may be shorter */
/* Bytes of the blob in a piece; the last one may be shorter. It is small, as a read of 4 KiB reads all of
 * it. */
#define LAYER_PIECE (16u << 10)

/* How a layer's spans are verified. Each kind of index has a file of its own (layer_suffix). */
enum layer_check {
	LAYER_CHECK_BLOCKS,   /* XXH3-64 of plain blocks that we saw; each span begins a new one */
	LAYER_CHECK_DIGESTS,  /* the sha256 of a span's plain bytes, from a table of contents */
	LAYER_CHECK_PACKED,   /* the sha256 of a span's compressed bytes, from a zTOC */
	LAYER_CHECK_REFERRED, /* as PACKED, but no manifest vouches for the zTOC */
	LAYER_CHECK_LAST = LAYER_CHECK_REFERRED, /* of the kinds by which a layer is read */
	LAYER_CHECK_RAW, /* pieces alone, of a blob that is no layer or cannot be read as one */
};
#define LAYER_DIGEST_WORDS 4

/* How many checks a span of `len` plain bytes has. */
static inline uint64_t layer_check_count(enum layer_check kind, uint64_t len)
{
	return kind == LAYER_CHECK_BLOCKS ? (len + LAYER_BLOCK - 1) / LAYER_BLOCK
					  : LAYER_DIGEST_WORDS;
}

/* True for an index from a table of contents: the bytes of the blob are not all known. */
static inline bool layer_check_is_table(enum layer_check kind)
{
	return kind != LAYER_CHECK_BLOCKS && kind != LAYER_CHECK_RAW;
}

/* How many pieces the index of a blob of `blob_size` bytes has. */
static inline uint64_t layer_piece_count(enum layer_check kind, uint64_t blob_size)
{
	return layer_check_is_table(kind) ? 0
					  : blob_size / LAYER_PIECE + (blob_size % LAYER_PIECE > 0);
}

static inline bool layer_check_is_packed(enum layer_check kind)
{
	return kind == LAYER_CHECK_PACKED || kind == LAYER_CHECK_REFERRED;
}

/* The most plain bytes of a span of such an index. */
static inline uint64_t layer_span_max(enum layer_check kind)
{
	return layer_check_is_packed(kind) ? LAYER_PACKED_SPAN_MAX : LAYER_SPAN_MAX;
}

/* Bytes of a digest by which a manifest vouches for a table of contents. */
#define LAYER_VOUCHER 32

struct layer_header {
	char magic[8];
	uint32_t version;
	uint32_t header_size;
	uint64_t checksum; /* layer_checksum() */
	uint64_t own;	   /* layer_checksum() of the header alone, for layer_index_peek */

	uint32_t compression;			 /* enum compression */
	uint32_t blob_algorithm, diff_algorithm; /* enum digest_algorithm */
	uint32_t check;				 /* enum layer_check */
	uint8_t blob[64], diff_id[64];
	uint64_t blob_size;
	uint64_t archive_size;
	uint64_t frames_size;  /* of HEX.frames; 0: there is none */
	uint64_t frames_check; /* XXH3-64 of that file */
	uint64_t entries;
	uint64_t windows_size; /* with the padding */
	uint64_t span_count;
	uint64_t check_count;
	uint64_t piece_count;
	uint64_t toc_size;
	uint64_t landmark;		/* layer_claim.landmark */
	uint8_t voucher[LAYER_VOUCHER]; /* the digest by which a table is trusted; else 0 */
};

enum layer_source { LAYER_BLOB, LAYER_FRAMES };

struct layer_span {
	uint64_t out;	      /* offset in the archive; the span ends where the next one begins */
	uint64_t in;	      /* offset in the blob, or in HEX.frames */
	uint64_t check;	      /* the number of its first check */
	uint64_t window;      /* offset in the windows */
	uint32_t window_size; /* compressed; 0: none */
	uint32_t skip; /* plain bytes from `in` on that come before the span; LAYER_CHECK_DIGESTS */
	uint16_t window_len; /* as seek_point.window */
	uint8_t bit;
	uint8_t source;	 /* enum layer_source */
	uint32_t in_len; /* compressed bytes; 0: they end where the next span begins */
};

/* The file is mapped as it lies on the disk. */
_Static_assert(sizeof(struct layer_header) == 296 && offsetof(struct layer_header, blob) == 48 &&
		   offsetof(struct layer_header, blob_size) == 176,
	       "layer_header");
_Static_assert(sizeof(struct layer_span) == 48 && offsetof(struct layer_span, skip) == 36 &&
		   offsetof(struct layer_span, bit) == 42 &&
		   offsetof(struct layer_span, in_len) == 44 && CODEC_WINDOW <= UINT16_MAX,
	       "layer_span");

/* The XXH3-64 of the header behind its field `own`. The seed `body` is the XXH3-64 of all that follows
 * the header; for `own` it is 0. */
uint64_t layer_checksum(const void *header, uint64_t body);

/* The end of an index's name, behind HEX: "", ".table", ".ztoc", ".referred" or ".raw". */
const char *layer_suffix(enum layer_check kind);

/* "derived/layers/HEX" with `suffix` ("", ".table", ".frames") behind it; returns path. */
const char *layer_path(const struct digest *blob, const char *suffix,
		       char path[static LAYER_PATH_MAX]);

#endif
