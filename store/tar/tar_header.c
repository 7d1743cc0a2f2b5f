/* SPDX-License-Identifier: MIT */
#include "store/tar/tar_header.h"

#include <errno.h>
#include <string.h>

/* Where the fields stand, and how long they are. */
enum {
	NAME = 0,
	NAME_LEN = 100,
	MODE = 100,
	UID = 108,
	GID = 116,
	ID_LEN = 8, /* mode, uid, gid and the device numbers alike */
	SIZE = 124,
	MTIME = 136,
	WIDE_LEN = 12, /* size and times */
	CHECKSUM = 148,
	CHECKSUM_LEN = 8,
	TYPE = 156,
	LINK = 157,
	MAGIC = 257,
	DEV_MAJOR = 329,
	DEV_MINOR = 337,
	PREFIX = 345,
	PREFIX_LEN = 155,
	STAR_PREFIX_LEN = 131,
	GNU_ATIME = 345,
	GNU_CTIME = 357,
	STAR_ATIME = 476,
	STAR_CTIME = 488,
	STAR_TRAILER = 508,
};

bool tar_header_is_zero(const uint8_t block[static TAR_BLOCK])
{
	return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

static bool number_base256(const uint8_t *field, size_t len, int64_t *out)
{
	uint8_t invert = field[0] & 0x40 ? 0xff : 0; /* negative: -a - 1 == ~a */
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t byte = field[i] ^ invert;

		if (i == 0)
			byte &= 0x7f; /* the mark of base-256 */
		if (value >> 56)
			return false;
		value = value << 8 | byte;
	}
	if (value >> 63)
		return false;
	*out = invert ? ~(int64_t)value : (int64_t)value;
	return true;
}

static bool tar_header_is_blank(uint8_t c)
{
	return c == ' ' || c == '\0';
}

bool tar_header_number(const uint8_t *field, size_t len, int64_t *out)
{
	const uint8_t *end = field + len;
	uint64_t value = 0;

	if (field[0] & 0x80)
		return number_base256(field, len, out);
	while (field < end && tar_header_is_blank(*field))
		field++;
	while (field < end && tar_header_is_blank(end[-1]))
		end--;
	for (; field < end && *field != '\0'; field++) {
		if (*field < '0' || *field > '7' || value >> 61)
			return false;
		value = value << 3 | (uint64_t)(*field - '0');
	}
	*out = (int64_t)value;
	return true;
}

/* POSIX sums unsigned bytes, some old tars summed signed ones; both count. */
static bool checksum_holds(const uint8_t *block)
{
	int64_t want, sum = 0, high = 0;

	if (!tar_header_number(block + CHECKSUM, CHECKSUM_LEN, &want))
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		sum += block[i];
		high += block[i] >> 7;
	}
	for (size_t i = CHECKSUM; i < CHECKSUM + CHECKSUM_LEN; i++) {
		sum += ' ' - block[i];
		high -= block[i] >> 7;
	}
	return want == sum || want == sum - 256 * high;
}

static enum tar_format find_format(const uint8_t *block)
{
	if (memcmp(block + MAGIC, "ustar\0", 6) == 0)
		return memcmp(block + STAR_TRAILER, "tar\0", 4) == 0 ? TAR_STAR : TAR_USTAR;
	if (memcmp(block + MAGIC, "ustar  \0", 8) == 0)
		return TAR_GNU;
	return TAR_V7;
}

static size_t tar_header_take_string(char *to, const uint8_t *from, size_t max)
{
	size_t len = strnlen((const char *)from, max);

	memcpy(to, from, len);
	to[len] = '\0';
	return len;
}

/*
 * GNU keeps atime and ctime where ustar has the prefix. Go wrote prefixes into GNU headers before
 * its 1.8 (golang.org/issue/12594): where the times make no sense and ASCII stands there, that is a
 * prefix. Go's reader does the same.
 */
static size_t gnu_prefix_len(const uint8_t *block)
{
	const uint8_t *prefix = block + PREFIX;
	size_t len = strnlen((const char *)prefix, PREFIX_LEN);
	int64_t time;

	if ((!block[GNU_ATIME] || tar_header_number(block + GNU_ATIME, WIDE_LEN, &time)) &&
	    (!block[GNU_CTIME] || tar_header_number(block + GNU_CTIME, WIDE_LEN, &time)))
		return 0;
	for (size_t i = 0; i < len; i++)
		if (prefix[i] >= 0x80)
			return 0;
	return len;
}

static size_t prefix_len(const uint8_t *block, enum tar_format format)
{
	switch (format) {
	case TAR_USTAR:
		return strnlen((const char *)block + PREFIX, PREFIX_LEN);
	case TAR_STAR:
		return strnlen((const char *)block + PREFIX, STAR_PREFIX_LEN);
	case TAR_GNU:
		return gnu_prefix_len(block);
	case TAR_V7:
		break;
	}
	return 0;
}

static bool take_numbers(const uint8_t *block, struct tar_header *out)
{
	int64_t time;

	if (!tar_header_number(block + MODE, ID_LEN, &out->mode) ||
	    !tar_header_number(block + UID, ID_LEN, &out->uid) ||
	    !tar_header_number(block + GID, ID_LEN, &out->gid) ||
	    !tar_header_number(block + SIZE, WIDE_LEN, &out->size) ||
	    !tar_header_number(block + MTIME, WIDE_LEN, &out->mtime))
		return false;
	out->dev_major = out->dev_minor = 0;
	if (out->format == TAR_V7)
		return true;
	if (out->format == TAR_STAR && (!tar_header_number(block + STAR_ATIME, WIDE_LEN, &time) ||
					!tar_header_number(block + STAR_CTIME, WIDE_LEN, &time)))
		return false;
	return tar_header_number(block + DEV_MAJOR, ID_LEN, &out->dev_major) &&
	       tar_header_number(block + DEV_MINOR, ID_LEN, &out->dev_minor);
}

int tar_header_parse(const uint8_t block[static TAR_BLOCK], struct tar_header *out, struct err *err)
{
	size_t prefix;

	if (!checksum_holds(block))
		return err_set(err, EBADMSG, "not a tar header, or its checksum is wrong");
	out->format = find_format(block);
	out->type = (char)block[TYPE];
	if (!take_numbers(block, out))
		return err_set(err, EBADMSG, "malformed number in a tar header");
	prefix = prefix_len(block, out->format);
	if (prefix) {
		memcpy(out->name, block + PREFIX, prefix);
		out->name[prefix++] = '/';
	}
	out->name_len = prefix + tar_header_take_string(out->name + prefix, block + NAME, NAME_LEN);
	out->link_len = tar_header_take_string(out->link, block + LINK, TAR_HEADER_LINK);
	return 0;
}
