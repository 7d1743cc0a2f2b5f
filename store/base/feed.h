/* SPDX-License-Identifier: MIT */
/* The result of a function that is fed bytes as they come; it returns -errno where it fails. */
#ifndef STORE_FEED_H
#define STORE_FEED_H

enum feed {
	FEED_MORE = 0, /* all bytes are taken, and more are wanted */
	FEED_DONE = 1, /* the thing that the bytes make is whole */
};

#endif
