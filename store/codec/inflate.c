/* SPDX-License-Identifier: MIT */
#include "store/codec/inflate.h"

const struct inflate_ops *inflate_default(void)
{
#ifdef HAVE_ISAL
	return &inflate_isal;
#else
	return &inflate_zlib;
#endif
}
