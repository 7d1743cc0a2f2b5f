/* SPDX-License-Identifier: MIT */
#include "registry/api/api_pages.h"

#include "store/base/map.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The list without the query of its first page. */
static int list_length(const struct api_pages *p)
{
	return (int)strcspn(p->first, "?");
}

/* "?n=…&last=…" of a target of the same list, or NULL: "/v2/team/app/tags/list", with whatever a
 * proxy has in front of it. */
static const char *query_of_list(const struct api_pages *p, const char *target, struct err *err)
{
	const char *repository = p->request.repository->path;
	size_t len = strcspn(target, "?"), n;
	autofree char *list = NULL;

	if (asprintf(&list, "/v2/%s%s%.*s", repository, *repository ? "/" : "", list_length(p),
		     p->first) < 0) {
		list = NULL;
		err_nomem(err);
		return NULL;
	}
	n = strlen(list);
	if (len >= n && !strncmp(target + len - n, list, n) && target[len] == '?')
		return target + len;
	err_set(err, EPROTO, "the next page of the %s lies elsewhere", p->what);
	return NULL;
}

/* The page that Link names. */
static int take_next(struct api_pages *p, const struct endpoint *e, const struct http_answer *a,
		     struct err *err)
{
	autofree char *link = NULL;
	autourl here = URL_INIT;
	autourl next = URL_INIT;
	const char *query = NULL;
	char *path = NULL;
	int r = header_link_next(http_headers(a), &link, err);

	if (!r && link)
		r = api_url(&p->request, e, &here, err);
	if (!r && link)
		r = url_resolve(&here, link, &next, err);
	if (!r && link && !(query = query_of_list(p, next.target, err)))
		r = -EPROTO;
	if (r < 0)
		return r;
	if (query && asprintf(&path, "%.*s%s", list_length(p), p->first, query) < 0)
		return err_nomem(err);
	free(p->path);
	p->path = path;
	return 0;
}

static int page_refused(struct api_pages *p, struct http_answer *a, struct retry_failure *f,
			struct err *err)
{
	int status = http_status(a);
	int r = api_status_error(&p->request, a, f, err);

	if (p->optional && r != -EACCES && ((status >= 400 && status <= 410) || status == 501) &&
	    status != 408)
		return err_set(err, ENOENT, "the registry has no %s", p->what);
	return r;
}

static int page_step(void *arg, const struct endpoint *e, struct retry_failure *f, struct err *err)
{
	struct api_pages *p = arg;
	AUTO(http_end) struct http_answer *a = NULL;
	autobuf body = BUF_INIT;
	enum http_fault fault;
	int r;

	p->request.path = p->path;
	r = api_send(&p->request, e, &a, f, err);
	if (r < 0)
		return r;
	/* A registry may refuse a limit that is above its own (distribution 3.1): it is left out. */
	if (http_status(a) == 400 && p->path[list_length(p)] && !strcmp(p->path, p->first)) {
		p->path[list_length(p)] = '\0';
		return 0;
	}
	if (http_status(a) != 200)
		return page_refused(p, a, f, err);
	r = http_read_all(a, API_PAGE_MAX, &body, &fault, err);
	if (r < 0) {
		api_fault(fault, f);
		return r;
	}
	r = p->page(p->arg, a, &body, err);
	if (r < 0 || !p->enough)
		return r < 0 ? r : take_next(p, e, a, err);
	free(p->path);
	p->path = NULL;
	return 0;
}

static int list_at(struct api_pages *p, const struct endpoint *e, struct err *err)
{
	/* Not NULL: map_put takes no NULL value apart from "not there". */
	static char there;
	struct map *seen = map_new();
	int r = seen ? 0 : err_nomem(err);

	free(p->path);
	p->path = strdup(p->first);
	if (!r && !p->path)
		r = err_nomem(err);
	for (int page = 0; !r && p->path; page++) {
		struct retry retry = {0};

		if (page == API_PAGES_MAX || map_get(seen, p->path, strlen(p->path)))
			r = err_set(err, EPROTO, "the %s has no end", p->what);
		else if (map_put(seen, p->path, strlen(p->path), &there) < 0)
			r = err_nomem(err);
		else
			r = api_persist(p->request.registry, e, &retry, p->request.cancel,
					page_step, p, err);
	}
	map_free(seen);
	return r;
}

int api_pages(struct api_pages *p, struct err *err)
{
	autoendpoints all = {0};
	int r = api_endpoints(p->request.registry, p->request.repository, &all, err);

	for (size_t i = 0; i < all.count; i++) {
		r = list_at(p, &all.list[i], err);
		if (!r || p->given || cancel_check(p->request.cancel, NULL) < 0)
			break;
	}
	free(p->path);
	p->path = NULL;
	return r;
}
