/* SPDX-License-Identifier: MIT */
#include "registry/api/search.h"

#include "registry/api/api_pages.h"
#include "store/base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HUB_SEARCH "index.docker.io"
#define ANSWER_MAX (4u << 20)

struct search {
	struct registry *registry;
	struct ref host;  /* the domain alone; borrowed */
	const char *term; /* behind the host */
	unsigned left;	  /* results that are still wanted */
	int (*each)(void *arg, const struct search_result *result, struct err *err);
	void *arg;
	struct cancel *cancel;
	struct api_pages pages; /* of a catalog */
};

static int search_give(struct search *s, const struct search_result *result, struct err *err)
{
	if (!s->left)
		return 0;
	s->left--;
	return s->each(s->arg, result, err);
}

/* ---- the search API ---- */

static int give_results(struct search *s, const struct buf *body, struct err *err)
{
	autojson *doc = NULL;
	struct json_object *list;
	int r = json_parse(body->data ? body->data : "", body->len, &doc, err);

	list = r ? NULL : json_array(doc, "results");
	if (!r && !list)
		r = err_set(err, EPROTO, "%s: a search without results", s->host.domain);
	for (size_t i = 0; !r && i < json_object_array_length(list); i++) {
		const struct json_object *o = json_object_array_get_idx(list, i);
		struct search_result result = {.name = json_string(o, "name"),
					       .description = json_string(o, "description")};

		json_u64(o, "star_count", UINT64_MAX >> 1, &result.stars, NULL);
		result.official = json_object_get_boolean(json_member(o, "is_official"));
		if (result.name && *result.name)
			r = search_give(s, &result, err);
	}
	return r;
}

/* -ENOENT where the host has no such API. */
static int step_search(void *arg, const struct endpoint *e, struct retry_failure *f,
		       struct err *err)
{
	static const char *const fields[] = {"X-Docker-Token: true", NULL};
	struct search *s = arg;
	struct api_request q = {.registry = s->registry,
				.repository = &s->host,
				.method = "GET",
				.fields = fields,
				.cancel = s->cancel};
	autobuf path = BUF_INIT, body = BUF_INIT;
	struct http_answer *a = NULL;
	enum http_fault fault;
	int r;

	buf_puts(&path, "/v1/search?q=");
	url_append_encoded(&path, s->term);
	buf_printf(&path, "&n=%u", s->left);
	if (buf_failed(&path))
		return err_nomem(err);
	q.path = path.data;
	r = api_send(&q, e, &a, f, err);
	if (r)
		return r;
	if (http_status(a) == 200) {
		r = http_read_all(a, ANSWER_MAX, &body, &fault, err);
		if (!r)
			r = give_results(s, &body, err);
	} else if (http_status(a) == 405 || http_status(a) == 410 || http_status(a) == 400) {
		r = err_set(err, ENOENT, "%s has no search", s->host.domain);
	} else {
		r = api_status_error(&q, a, f, err);
	}
	http_finish(a);
	return r;
}

/* ---- the catalog ---- */

static int give_names(void *arg, const struct http_answer *a, const struct buf *body,
		      struct err *err)
{
	struct search *s = arg;
	autojson *doc = NULL;
	struct json_object *list;
	int r = json_parse(body->data ? body->data : "", body->len, &doc, err);

	(void)a;
	list = r ? NULL : json_array(doc, "repositories");
	for (size_t i = 0; !r && list && i < json_object_array_length(list); i++) {
		const char *name = json_text(json_object_array_get_idx(list, i));
		autofree char *full = NULL;

		if (!name || !strstr(name, s->term))
			continue;
		s->pages.given = true;
		if (asprintf(&full, "%s/%s", s->host.domain, name) < 0)
			return err_nomem(err);
		r = search_give(s, &(struct search_result){.name = full}, err);
	}
	s->pages.enough = !s->left;
	return r;
}

static int search_catalog(struct search *s, struct err *err)
{
	s->pages = (struct api_pages){.request = {.registry = s->registry,
						  .repository = &s->host,
						  .method = "GET",
						  .cancel = s->cancel},
				      .first = "_catalog?n=1000",
				      .what = "catalog",
				      .page = give_names,
				      .arg = s};
	return api_pages(&s->pages, err);
}

/* ---- both ---- */

static int search(struct search *s, bool hub, struct err *err)
{
	autoendpoints all = {0};
	struct retry retry = {0};
	int r = api_endpoints(s->registry, &s->host, &all, err);

	if (!r)
		r = api_persist(s->registry, &all.list[all.count - 1], &retry, s->cancel,
				step_search, s, err);
	return r == -ENOENT && !hub ? search_catalog(s, err) : r;
}

int registry_search(struct registry *registry, const char *term, unsigned limit,
		    struct cancel *cancel,
		    int (*each)(void *arg, const struct search_result *result, struct err *err),
		    void *arg, struct err *err)
{
	AUTO(registry_put) struct registry *inside = NULL;
	const char *slash = strchr(term, '/');
	autofree char *host = slash ? strndup(term, (size_t)(slash - term)) : NULL;
	bool hub = !host || !ref_is_domain(host) || !strcmp(host, "docker.io");
	struct search s = {.registry = registry,
			   .host = {.domain = hub ? (char *)HUB_SEARCH : host, .path = (char *)""},
			   .term = host && (!hub || !strcmp(host, "docker.io")) ? slash + 1 : term,
			   .left = limit,
			   .each = each,
			   .arg = arg,
			   .cancel = cancel};
	int r;

	if (strstr(term, "://"))
		return err_set(err, EINVAL,
			       "invalid repository name: repository name (%s) should not have a "
			       "scheme",
			       term);
	if (hub && !strncmp(s.term, "library/", 8))
		s.term += 8;
	r = registry_enter(registry, s.host.domain, err);
	if (r)
		return r;
	inside = registry;
	return registry_result(inside, search(&s, hub, err));
}
