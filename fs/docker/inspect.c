/* SPDX-License-Identifier: MIT */
#include "fs/docker/inspect.h"

#include "fs/docker/json_text.h"
#include "fs/docker/template_value.h"
#include "store/oci/ref.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NEVER "0001-01-01T00:00:00Z" /* Go's zero time */

static struct json_object *text(const char *s)
{
	return json_object_new_string(s);
}

/* Go leaves out what is empty ("omitempty"). */
static bool is_empty(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_object:
		return json_object_object_length(value) == 0;
	case json_type_array:
		return json_object_array_length(value) == 0;
	case json_type_string:
		return json_object_get_string_len(value) == 0;
	case json_type_boolean:
		return !json_object_get_boolean(value);
	default:
		return value == NULL;
	}
}

static void inspect_add_text(struct json_object *o, const char *key, const char *s)
{
	if (s && *s)
		json_object_object_add(o, key, text(s));
}

static void add_digest(struct json_object *o, const char *key, const struct digest *d)
{
	char s[DIGEST_TEXT_MAX];

	json_object_object_add(o, key, text(digest_text(d, s)));
}

static int inspect_compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A copy: the config is shared by threads, and json-c counts references without atomics. NULL:
 * null, or out of memory. */
static struct json_object *inspect_copy(struct json_object *shared)
{
	struct json_object *own = NULL;

	if (shared)
		json_object_deep_copy(shared, &own, NULL);
	return own;
}

/* Go writes maps sorted by key. NULL: out of memory. */
static struct json_object *sorted_map(struct json_object *map)
{
	struct json_object *sorted = json_object_new_object();
	size_t count = (size_t)json_object_object_length(map), i = 0;
	autofree const char **keys = calloc(count + 1, sizeof(*keys));

	if (!keys || !sorted) {
		json_object_put(sorted);
		return NULL;
	}
	json_object_object_foreach(map, key, value)
	{
		(void)value;
		keys[i++] = key;
	}
	qsort(keys, count, sizeof(*keys), inspect_compare_keys);
	for (i = 0; i < count; i++)
		json_object_object_add(sorted, keys[i], inspect_copy(json_member(map, keys[i])));
	return sorted;
}

/* The part of the config that says how to run it. */
static struct json_object *run_config(const struct config *c)
{
	static const struct {
		const char *key;
		bool map;
	} members[] = {
	    {"User", false},	    {"ExposedPorts", true}, {"Env", false},
	    {"Entrypoint", false},  {"Cmd", false},	    {"Volumes", true},
	    {"WorkingDir", false},  {"Labels", true},	    {"StopSignal", false},
	    {"ArgsEscaped", false}, {"Healthcheck", false}, {"OnBuild", false},
	    {"Shell", false},
	};
	struct json_object *from = json_map(c->doc, "config");
	struct json_object *to = json_object_new_object();

	for (size_t i = 0; from && i < sizeof(members) / sizeof(members[0]); i++) {
		struct json_object *value = json_member(from, members[i].key);
		bool map = members[i].map && json_object_is_type(value, json_type_object);

		if (!is_empty(value))
			json_object_object_add(to, members[i].key,
					       map ? sorted_map(value) : inspect_copy(value));
	}
	return to;
}

/* docker takes the newest history line's comment where the image has none. */
static const char *comment_of(const struct config *c)
{
	const char *comment = json_string(c->doc, "comment");

	if ((!comment || !*comment) && c->history_count)
		comment = c->history[c->history_count - 1].comment;
	return comment;
}

/* Names are sorted, so that equal ones come one behind the other. */
static void array_add_once(struct json_object *array, const char *s)
{
	size_t count = json_object_array_length(array);
	const char *last = count ? json_text(json_object_array_get_idx(array, count - 1)) : NULL;

	if (s && (!last || strcmp(last, s) != 0))
		json_object_array_add(array, text(s));
}

/* "redis@sha256:…" */
static char *familiar_digest(const struct ref *r, const struct digest *d)
{
	autofree char *repository = ref_familiar_repository(r);
	char digest[DIGEST_TEXT_MAX];
	char *s = NULL;

	if (!repository || asprintf(&s, "%s@%s", repository, digest_text(d, digest)) < 0)
		return NULL;
	return s;
}

/* The names of the image, and when the last of them was given. */
static void add_names(struct json_object *o, const struct image *i, const struct names *names,
		      struct timespec *last)
{
	struct json_object *tags = json_object_new_array();
	struct json_object *digests = json_object_new_array();

	for (size_t n = 0; names && n < names_count(names); n++) {
		const struct name *name = names_at(names, n);
		autoref r = REF_INIT;

		if (name->dangling || !digest_equal(&name->descriptor.digest, &i->top.digest) ||
		    ref_parse(name->reference, &r, NULL) < 0)
			continue;
		autofree char *familiar = ref_familiar(&r);
		autofree char *by_digest = familiar_digest(&r, &i->top.digest);

		if (!r.has_digest)
			array_add_once(tags, familiar);
		array_add_once(digests, by_digest);
		if (name->pulled.tv_sec >= last->tv_sec)
			*last = name->pulled;
	}
	json_object_object_add(o, "RepoTags", tags);
	json_object_object_add(o, "RepoDigests", digests);
}

static struct json_object *rootfs(const struct config *c)
{
	struct json_object *o = json_object_new_object();
	struct json_object *layers = json_object_new_array();
	char s[DIGEST_TEXT_MAX];

	for (size_t i = 0; i < c->diff_id_count; i++)
		json_object_array_add(layers, text(digest_text(&c->diff_ids[i], s)));
	json_object_object_add(o, "Type", text("layers"));
	if (c->diff_id_count)
		json_object_object_add(o, "Layers", layers);
	else
		json_object_put(layers);
	return o;
}

static struct json_object *inspect_metadata(const struct timespec *last)
{
	struct json_object *o = json_object_new_object();
	char day[40], when[64] = NEVER;
	struct tm tm;

	if (last->tv_sec && gmtime_r(&last->tv_sec, &tm) &&
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm))
		snprintf(when, sizeof(when), "%s.%09ldZ", day, last->tv_nsec);
	json_object_object_add(o, "LastTagTime", text(when));
	return o;
}

static struct json_object *inspect_descriptor(const struct descriptor *d)
{
	struct json_object *o = json_object_new_object();

	inspect_add_text(o, "mediaType", d->media_type);
	add_digest(o, "digest", &d->digest);
	json_object_object_add(o, "size", json_object_new_uint64(d->size));
	return o;
}

/* What -f may ask for though it is left out where it is empty. */
static void add_zeros(struct json_object *o, const char *const *keys, enum json_type type)
{
	for (; *keys; keys++)
		if (!json_member(o, *keys))
			json_object_object_add(o, *keys, template_zero(type));
}

static const struct template_mark struct_of_image = {MARK_STRUCT, "image.InspectResponse", false};
static const struct template_mark struct_of_config = {MARK_STRUCT,
						      "*dockerspec.DockerOCIImageConfig", false};
static const struct template_mark struct_of_rootfs = {MARK_STRUCT, "image.RootFS", false};
static const struct template_mark struct_of_metadata = {MARK_STRUCT, "image.Metadata", false};
static const struct template_mark struct_of_descriptor = {MARK_STRUCT, "*v1.Descriptor", false};
static const struct template_mark struct_of_health = {MARK_STRUCT, "*dockerspec.HealthcheckConfig",
						      false};
static const struct template_mark no_health = {MARK_NIL, "*dockerspec.HealthcheckConfig", true};
static const struct template_mark unit = {MARK_UNIT, "struct {}", false};
static const struct template_mark duration = {MARK_DURATION, "time.Duration", false};
static const struct template_mark no_duration = {MARK_DURATION, "time.Duration", true};
static const struct template_mark time_of_go = {MARK_TIME, "time.Time", false};
static const struct template_mark alias = {MARK_ALIAS, NULL, true};

/* One more name of a member. */
static void add_alias(struct json_object *o, const char *name, const char *of)
{
	struct json_object *copy = inspect_copy(json_member(o, of));

	template_mark(copy, &alias);
	json_object_object_add(o, name, copy);
}

/* What JSON leaves out. */
static void add_left_out(struct json_object *o, const char *name, struct json_object *value,
			 const struct template_mark *mark)
{
	if (json_member(o, name)) {
		json_object_put(value);
		return;
	}
	template_mark(value, mark);
	json_object_object_add(o, name, value);
}

static void mark_units(struct json_object *map)
{
	if (!json_object_is_type(map, json_type_object))
		return;
	json_object_object_foreach(map, key, value)
	{
		(void)key;
		if (json_object_is_type(value, json_type_object) &&
		    json_object_object_length(value) == 0)
			template_mark(value, &unit);
	}
}

static void mark_health(struct json_object *config)
{
	static const char *const durations[] = {"Interval", "Timeout", "StartPeriod",
						"StartInterval"};
	static const char *const lists[] = {"Test", NULL};
	struct json_object *health = json_member(config, "Healthcheck");

	if (!json_object_is_type(health, json_type_object)) {
		add_left_out(config, "Healthcheck", json_object_new_object(), &no_health);
		return;
	}
	template_mark(health, &struct_of_health);
	add_zeros(health, lists, json_type_array);
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		struct json_object *value = json_member(health, durations[i]);

		if (json_object_is_type(value, json_type_int))
			template_mark(value, &duration);
		else
			add_left_out(health, durations[i], json_object_new_int(0), &no_duration);
	}
	add_left_out(health, "Retries", json_object_new_int(0), &alias);
}

static void mark_config(struct json_object *config)
{
	static const char *const texts[] = {"User", "WorkingDir", "StopSignal", NULL};
	static const char *const lists[] = {"Env", "Entrypoint", "Cmd", "OnBuild", "Shell", NULL};
	static const char *const maps[] = {"ExposedPorts", "Volumes", "Labels", NULL};

	template_mark(config, &struct_of_config);
	mark_units(json_member(config, "ExposedPorts"));
	mark_units(json_member(config, "Volumes"));
	add_zeros(config, texts, json_type_string);
	add_zeros(config, lists, json_type_array);
	add_zeros(config, maps, json_type_object);
	add_left_out(config, "ArgsEscaped", json_object_new_boolean(false), &alias);
	mark_health(config);
}

void inspect_as_struct(struct json_object *o)
{
	static const char *const texts[] = {"Parent",	     "Comment", "Created",   "Author",
					    "DockerVersion", "Variant", "OsVersion", NULL};
	static const char *const layers[] = {"Layers", NULL};
	struct json_object *descriptor = json_member(o, "Descriptor");
	struct json_object *metadata = json_member(o, "Metadata");

	add_zeros(o, texts, json_type_string);
	add_zeros(json_member(o, "RootFS"), layers, json_type_array);
	add_alias(o, "ID", "Id");
	add_alias(descriptor, "MediaType", "mediaType");
	add_alias(descriptor, "Digest", "digest");
	add_alias(descriptor, "Size", "size");
	mark_config(json_member(o, "Config"));
	template_mark(o, &struct_of_image);
	template_mark(json_member(o, "RootFS"), &struct_of_rootfs);
	template_mark(metadata, &struct_of_metadata);
	template_mark(descriptor, &struct_of_descriptor);
	template_mark(json_member(metadata, "LastTagTime"), &time_of_go);
}

/* Of a platform; one that is none is shown as the config has it. */
static struct json_object *platform_part(const struct config *c, const char *part, const char *key)
{
	const char *odd = json_string(c->doc, key);

	return text(*part ? part : odd ? odd : "");
}

struct json_object *inspect_object(struct store *s, const struct image *i,
				   const struct names *names)
{
	struct json_object *o = json_object_new_object();
	const struct config *c = i->config;
	struct timespec last = {0};

	if (!o)
		return NULL;
	add_digest(o, "Id", &i->manifest->config.digest);
	add_names(o, i, names, &last);
	inspect_add_text(o, "Comment", comment_of(c));
	inspect_add_text(o, "Created", c->created);
	inspect_add_text(o, "Author", json_string(c->doc, "author"));
	json_object_object_add(o, "Config", run_config(c));
	json_object_object_add(o, "Architecture",
			       platform_part(c, c->platform.architecture, "architecture"));
	inspect_add_text(o, "Variant", c->platform.variant);
	json_object_object_add(o, "Os", platform_part(c, c->platform.os, "os"));
	inspect_add_text(o, "OsVersion", json_string(c->doc, "os.version"));
	json_object_object_add(o, "Size", json_object_new_uint64(image_size(s, i, NULL)));
	json_object_object_add(o, "RootFS", rootfs(c));
	json_object_object_add(o, "Metadata", inspect_metadata(&last));
	json_object_object_add(o, "Descriptor", inspect_descriptor(&i->top));
	return o;
}

int inspect_json(struct store *s, const struct image *i, const struct names *names, struct buf *out,
		 struct err *err)
{
	autojson *array = json_object_new_array();
	struct json_object *o = inspect_object(s, i, names);
	int r;

	if (!array || !o || json_object_array_add(array, o) < 0) {
		json_object_put(o);
		return err_nomem(err);
	}
	r = json_text_indented(out, array, JSON_TEXT_PLAIN, err);
	buf_putc(out, '\n');
	return !r && buf_failed(out) ? err_nomem(err) : r;
}
