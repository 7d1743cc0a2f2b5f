/* SPDX-License-Identifier: MIT */
/* Tag lists (distribution specification, "Listing tags"). */
#include "registry/api/api_pages.h"
#include "store/base/json.h"

#include <errno.h>

struct tags_call {
	struct api_pages pages;
	int (*each)(void *arg, const char *tag, struct err *err);
	void *arg;
};

static int give_tags(void *arg, const struct http_answer *a, const struct buf *body,
		     struct err *err)
{
	struct tags_call *c = arg;
	autojson *doc = NULL;
	struct json_object *list;
	int r = json_parse(body->data, body->len, &doc, err);

	(void)a;
	if (r < 0)
		return r;
	list = json_array(doc, "tags"); /* null where all were deleted */
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		const char *text = json_text(json_object_array_get_idx(list, i));

		/* What is no tag can name nothing. */
		if (!text || !ref_is_tag(text))
			continue;
		c->pages.given = true;
		r = c->each(c->arg, text, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int registry_tags(struct registry *registry, const struct ref *repository, struct cancel *cancel,
		  int (*each)(void *arg, const char *tag, struct err *err), void *arg,
		  struct err *err)
{
	AUTO(registry_put) struct registry *inside = NULL;
	autofree char *name = ref_repository(repository);
	int r = name ? registry_enter(registry, repository->domain, err) : err_nomem(err);

	if (r < 0)
		return r;
	inside = registry;

	struct tags_call c = {.pages = {.request = {.registry = registry,
						    .repository = repository,
						    .method = "GET",
						    .cancel = cancel},
					.first = "tags/list?n=1000",
					.what = "tag list",
					.page = give_tags},
			      .each = each,
			      .arg = arg};

	c.pages.arg = &c;
	r = registry_result(registry, api_pages(&c.pages, err));
	if (r < 0 && r != -EACCES && r != -EINTR)
		err_context(err, "tags of %s", name);
	return r;
}
