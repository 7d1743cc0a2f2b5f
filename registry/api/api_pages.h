/* SPDX-License-Identifier: MIT */
/*
 * Lists that come in pages (distribution specification, "Listing tags" and "Listing referrers"):
 * each page names the next one in Link. Only the query of that counts, and only where its path ends as
 * the list's does. Its host, port and prefix do not count, as a registry behind a proxy names itself
 * as it is known inside: the page is asked for where the first one was. No page is fetched twice, and
 * their number is bounded. Blocks; thread safe.
 */
#ifndef REGISTRY_API_PAGES_H
#define REGISTRY_API_PAGES_H

#include "registry/api/api.h"

#define API_PAGES_MAX 1000
#define API_PAGE_MAX  (4u << 20) /* bytes of one page */

struct api_pages {
	struct api_request request; /* its path is that of the page that is fetched */
	const char *first;	    /* the first page: "tags/list?n=1000" */
	const char *what;	    /* in errors: "tag list" */
	/* Takes the body of a page with status 200. */
	int (*page)(void *arg, const struct http_answer *a, const struct buf *body,
		    struct err *err);
	void *arg;
	/* 400 to 410 and 501 are -ENOENT, as 404 is, but for denials: a registry need not have this
	 * list, and says so in many ways. */
	bool optional;
	/* Set by `page` when it has handed on something: no other endpoint may start the list anew. */
	bool given;
	bool enough; /* no further page is wanted; set by `page` */
	char *path;  /* owned: of the page to fetch; NULL: there is none */
};

/* Fetches all pages, from the first endpoint that has the list. A status other than 200 gives the error
 * of api_status_error(). */
int api_pages(struct api_pages *p, struct err *err);

#endif
