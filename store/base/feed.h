/* SPDX-License-Identifier: MIT */
/* What a function that takes bytes as they come returns where it does not fail. */
#ifndef STORE_FEED_H
#define STORE_FEED_H

enum feed {
	FEED_MORE = 0, /* all is taken, and more is wanted */
	FEED_DONE = 1, /* what the bytes made is whole */
};

#endif
