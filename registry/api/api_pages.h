/* SPDX-License-Identifier: MIT */
/*
 * Lists that come in pages (distribution specification, "Listing tags" and "Listing referrers"):
 * each page names the next one in Link. Of that the query counts, where its path ends as that of the
 * list does; the page is asked for where the first one was, whatever host, port or prefix stands
 * there: a registry behind a proxy names itself as it is known inside. No page is fetched twice, and
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
	/* 400 to 410 and 501 are -ENOENT, as 404 is, but for what is denied: a registry need not
	 * have this list, and says so in many ways. */
	bool optional;
	/* Something was handed on: no other endpoint may start the list anew. Set by `page`. */
	bool given;
	bool enough; /* no further page is wanted; set by `page` */
	char *path;  /* owned: of the page to fetch; NULL: there is none */
};

/* All pages, from the first endpoint that has the list. Ends the registry's answer with the error
 * of api_status_error() where it is not 200. */
int api_pages(struct api_pages *p, struct err *err);

#endif
