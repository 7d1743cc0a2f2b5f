/* SPDX-License-Identifier: MIT */
/* Tag lists (distribution specification, "Listing tags"), page by page. */
#include "registry/api.h"
#include "store/json.h"
#include "store/map.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PAGES_MAX 1000
#define PAGE_MAX  (4u << 20) /* bytes of one page */
#define FIRST	  "tags/list?n=1000"

struct tags_call {
	struct api_request request; /* its path is `path` */
	int (*each)(void *arg, const char *tag, struct err *err);
	void *arg;
	char *path; /* owned: of the page to fetch */
	bool more;  /* there is one */
	bool given; /* a tag was handed out: no other endpoint may start the list anew */
};

static int give_tags(struct tags_call *c, const struct buf *body, struct err *err)
{
	autojson *doc = NULL;
	struct json_object *list;
	int r = json_parse(body->data, body->len, &doc, err);

	if (r < 0)
		return r;
	list = json_array(doc, "tags"); /* null where all were deleted */
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *tag = json_object_array_get_idx(list, i);
		const char *text = json_object_get_string(tag);

		/* What is no tag can name nothing. */
		if (!json_object_is_type(tag, json_type_string) || !ref_is_tag(text))
			continue;
		c->given = true;
		r = c->each(c->arg, text, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What follows the prefix in the text, or NULL where it does not start with it. */
static const char *behind(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) ? NULL : text + n;
}

/* The page that Link names: of the same origin, and of the same list. */
static int take_next(struct tags_call *c, const struct endpoint *e, const struct http_answer *a,
		     struct err *err)
{
	autofree char *link = NULL;
	autourl here = URL_INIT;
	autourl next = URL_INIT;
	const char *query;
	int r = header_link_next(http_headers(a), &link, err);

	c->more = false;
	if (r < 0 || !link)
		return r;
	r = api_url(&c->request, e, &here, err);
	if (r == 0)
		r = url_resolve(&here, link, &next, err);
	if (r < 0)
		return r;
	here.target[strcspn(here.target, "?")] = '\0';
	query = behind(next.target, here.target);
	if (!url_same_origin(&here, &next) || !query || query[0] != '?')
		return err_set(err, EPROTO, "the next page of the tag list lies elsewhere");
	free(c->path);
	if (asprintf(&c->path, "tags/list%s", query) < 0) {
		c->path = NULL;
		return err_nomem(err);
	}
	c->more = true;
	return 0;
}

static int page_step(void *arg, const struct endpoint *e, struct api_failure *f, struct err *err)
{
	struct tags_call *c = arg;
	struct http_answer *a AUTO(http_end) = NULL;
	autobuf body = BUF_INIT;
	enum http_fault fault;
	int r;

	c->request.path = c->path;
	r = api_send(&c->request, e, &a, f, err);
	if (r < 0)
		return r;
	if (http_status(a) != 200)
		return api_status_error(&c->request, a, f, err);
	r = http_read_all(a, PAGE_MAX, &body, &fault, err);
	if (r < 0) {
		api_fault(fault, f);
		return r;
	}
	r = give_tags(c, &body, err);
	return r < 0 ? r : take_next(c, e, a, err);
}

static int list_at(struct tags_call *c, const struct endpoint *e, struct err *err)
{
	/* Not NULL: map_put takes no NULL value apart from "not there". */
	static char there;
	struct map *seen = map_new();
	int r = seen ? 0 : err_nomem(err);

	free(c->path);
	c->path = strdup(FIRST);
	if (r == 0 && !c->path)
		r = err_nomem(err);
	c->more = true;
	for (int page = 0; r == 0 && c->more; page++) {
		struct retry retry = {0};

		if (page == PAGES_MAX || map_get(seen, c->path, strlen(c->path)))
			r = err_set(err, EPROTO, "the tag list has no end");
		else if (map_put(seen, c->path, strlen(c->path), &there) < 0)
			r = err_nomem(err);
		else
			r = api_persist(c->request.registry, e, &retry, c->request.cancel,
					page_step, c, err);
	}
	map_free(seen);
	return r;
}

static int list_tags(struct tags_call *c, struct err *err)
{
	autoendpoints all = {0};
	int r = api_endpoints(c->request.registry, c->request.repository, &all, err);

	for (size_t i = 0; i < all.count; i++) {
		r = list_at(c, &all.list[i], err);
		if (r == 0 || c->given || cancel_check(c->request.cancel, NULL) < 0)
			break;
	}
	return r;
}

int registry_tags(struct registry *registry, const struct ref *repository, struct cancel *cancel,
		  int (*each)(void *arg, const char *tag, struct err *err), void *arg,
		  struct err *err)
{
	struct registry *inside AUTO(registry_put) = NULL;
	autofree char *name = ref_repository(repository);
	int r = name ? registry_enter(registry, repository->domain, err) : err_nomem(err);

	if (r < 0)
		return r;
	inside = registry;

	struct tags_call c = {.request = {.registry = registry,
					  .repository = repository,
					  .method = "GET",
					  .cancel = cancel},
			      .each = each,
			      .arg = arg};

	r = registry_result(registry, list_tags(&c, err));
	free(c.path);
	if (r < 0 && r != -EACCES && r != -EINTR)
		err_context(err, "tags of %s", name);
	return r;
}
