/* SPDX-License-Identifier: MIT */
#include "store/oci/oci.h"

#include <errno.h>
#include <string.h>

#define HISTORY_MAX 10000 /* lines; a layer has one, and what changed no file has one, too */

static int parse_diff_ids(struct config *c, struct err *err)
{
	const struct json_object *ids = json_array(json_map(c->doc, "rootfs"), "diff_ids");
	size_t count = ids ? json_object_array_length(ids) : 0;

	if (count > OCI_LAYERS_MAX)
		return err_set(err, EPROTO, "%zu diff_ids: more than %d", count, OCI_LAYERS_MAX);
	c->diff_ids = calloc(count ? count : 1, sizeof(*c->diff_ids));
	if (!c->diff_ids)
		return err_nomem(err);
	for (size_t i = 0; i < count; i++) {
		const char *id = json_text(json_object_array_get_idx(ids, i));

		if (!id || digest_parse(id, &c->diff_ids[i], NULL))
			return err_set(err, EPROTO, "diff_id %zu is no digest", i);
	}
	c->diff_id_count = count;
	return 0;
}

static int parse_history(struct config *c, struct err *err)
{
	const struct json_object *lines = json_array(c->doc, "history");
	size_t count = lines ? json_object_array_length(lines) : 0;

	if (count > HISTORY_MAX)
		return err_set(err, EPROTO, "%zu history lines: more than %d", count, HISTORY_MAX);
	c->history = calloc(count ? count : 1, sizeof(*c->history));
	if (!c->history)
		return err_nomem(err);
	for (size_t i = 0; i < count; i++) {
		const struct json_object *o = json_object_array_get_idx(lines, i);

		c->history[i] = (struct history){.created = json_string(o, "created"),
						 .created_by = json_string(o, "created_by"),
						 .comment = json_string(o, "comment"),
						 .empty_layer = json_is_true(o, "empty_layer")};
	}
	c->history_count = count;
	return 0;
}

int config_parse(const char *data, size_t len, struct config **out, struct err *err)
{
	AUTO(config_free) struct config *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_nomem(err);
	if (len > OCI_CONFIG_MAX)
		return err_set(err, EPROTO, "image config: larger than %u bytes", OCI_CONFIG_MAX);
	r = json_parse(data, len, &c->doc, err);
	if (!r && !json_object_is_type(c->doc, json_type_object))
		r = err_set(err, EPROTO, "not a JSON object");
	if (!r)
		r = parse_diff_ids(c, err);
	if (!r)
		r = parse_history(c, err);
	if (r)
		return err_context(err, "image config");
	c->created = json_string(c->doc, "created");
	/* One that is none hides no files. */
	if (platform_set(&c->platform, json_string(c->doc, "os"),
			 json_string(c->doc, "architecture"), json_string(c->doc, "variant"), NULL))
		c->platform = (struct platform){0};
	*out = steal(&c);
	return 0;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	free(c->diff_ids);
	free(c->history);
	json_object_put(c->doc);
	free(c);
}

const struct history *config_layer_history(const struct config *c, size_t layer)
{
	for (size_t i = 0; i < c->history_count; i++) {
		if (c->history[i].empty_layer)
			continue;
		if (layer-- == 0)
			return &c->history[i];
	}
	return NULL;
}
