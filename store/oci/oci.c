/* SPDX-License-Identifier: MIT */
/*
 * The kind of a document. The same bytes must not be an index to one program and a manifest to
 * another (CVE-2021-41190, GHSA-77vh-xpmg-72qh). So a document that could be read in two ways is
 * refused here, before any other code looks at it.
 */
#include "store/oci/oci.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

bool oci_type_is_index(const char *type)
{
	return strcmp(type, OCI_TYPE_INDEX) == 0 || strcmp(type, DOCKER_TYPE_LIST) == 0;
}

bool oci_type_is_manifest(const char *type)
{
	return strcmp(type, OCI_TYPE_MANIFEST) == 0 || strcmp(type, DOCKER_TYPE_MANIFEST) == 0;
}

static bool is_schema1(const char *type)
{
	return strcmp(type, DOCKER_TYPE_SCHEMA1) == 0 ||
	       strcmp(type, "application/vnd.docker.distribution.manifest.v1+json") == 0;
}

/* Without parameters ("; charset=utf-8"), in lower case. Types that say nothing give "". */
static void clean_type(const char *declared, char type[static 128])
{
	static const char *const silent[] = {"application/json", "application/octet-stream",
					     "binary/octet-stream", "text/plain", "text/html"};
	size_t i;

	for (i = 0; declared && declared[i] && !strchr("; \t", declared[i]) && i < 127; i++)
		type[i] = (char)tolower((unsigned char)declared[i]);
	type[i] = '\0';
	for (i = 0; i < COUNT(silent); i++)
		if (strcmp(type, silent[i]) == 0)
			type[0] = '\0';
}

/* A Go program takes "Layers" for "layers", others do not see it. */
static int check_spelling(const struct json_object *doc, struct err *err)
{
	static const char *const names[] = {"schemaVersion", "mediaType", "config",  "layers",
					    "manifests",     "fsLayers",  "subject", "annotations"};
	struct json_object_iterator i = json_object_iter_begin((struct json_object *)doc);
	struct json_object_iterator end = json_object_iter_end(doc);

	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
		const char *key = json_object_iter_peek_name(&i);

		for (size_t n = 0; n < COUNT(names); n++)
			if (strcmp(key, names[n]) != 0 && json_same_folded(key, names[n]))
				return err_set(err, EPROTO,
					       "ambiguous document: \"%s\" is spelt \"%s\"",
					       names[n], key);
	}
	return 0;
}

static int schema1_error(struct err *err)
{
	return err_set(err, EOPNOTSUPP,
		       "Docker Image Format v1 and Docker Image manifest version 2, schema 1 "
		       "support has been removed. Suggest the author of the image to upgrade it to "
		       "the OCI Format or Docker Image manifest version 2, schema 2");
}

static int check_members(const struct json_object *doc, bool *index, bool *manifest,
			 struct err *err)
{
	bool layers = json_object_object_get_ex(doc, "layers", NULL);
	bool config = json_object_object_get_ex(doc, "config", NULL);
	bool fs_layers = json_object_object_get_ex(doc, "fsLayers", NULL);
	uint64_t schema = 2;

	*index = json_object_object_get_ex(doc, "manifests", NULL);
	*manifest = layers || config;
	if (*index && (*manifest || fs_layers))
		return err_set(err, EPROTO,
			       "ambiguous document: it has both \"manifests\" and \"%s\"",
			       layers	? "layers"
			       : config ? "config"
					: "fsLayers");
	if (*manifest && fs_layers)
		return err_set(err, EPROTO,
			       "ambiguous document: it has both \"%s\" and \"fsLayers\"",
			       layers ? "layers" : "config");
	if (json_member(doc, "schemaVersion") && json_u64(doc, "schemaVersion", 9, &schema, err))
		return -EPROTO;
	if (fs_layers || schema == 1)
		return schema1_error(err);
	if (schema != 2)
		return err_set(err, EOPNOTSUPP, "schema version %" PRIu64 " is not known", schema);
	return 0;
}

int oci_kind(const struct json_object *doc, const char *declared, enum oci_kind *out,
	     struct err *err)
{
	char from_outside[128], body[128];
	const char *type = json_string(doc, "mediaType");
	bool index, manifest;
	int r;

	if (!json_object_is_type(doc, json_type_object))
		return err_set(err, EPROTO, "not a JSON object");
	clean_type(declared, from_outside);
	clean_type(type, body);
	if (json_member(doc, "mediaType") && !type)
		return err_set(err, EPROTO, "\"mediaType\" is no string");
	if (is_schema1(from_outside) || is_schema1(body))
		return schema1_error(err);
	r = check_spelling(doc, err);
	if (!r)
		r = check_members(doc, &index, &manifest, err);
	if (r)
		return r;
	if (body[0] && from_outside[0] && strcmp(body, from_outside) != 0)
		return err_set(err, EPROTO, "it says that it is %s, but was declared to be %s",
			       body, from_outside);
	type = body[0] ? body : from_outside;
	if (type[0] && !oci_type_is_index(type) && !oci_type_is_manifest(type))
		return err_set(err, EOPNOTSUPP, "media type %s is not known", type);
	if (type[0] && (oci_type_is_index(type) ? !index : !manifest))
		return err_set(err, EPROTO, "it is declared to be %s, but has no \"%s\"", type,
			       oci_type_is_index(type) ? "manifests" : "config");
	if (!index && !manifest)
		return err_set(err, EPROTO, "neither an image manifest nor an image index");
	*out = index ? OCI_KIND_INDEX : OCI_KIND_MANIFEST;
	return 0;
}

/* Days since 1970 of a date of the Gregorian calendar: years start in March, so that the leap day
 * is the last day of its year. */
static int64_t days_since_1970(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* `count` digits, then the character `then` (0: none). Advances *p. */
static bool digits(const char **p, int count, char then, int min, int max, int *out)
{
	*out = 0;
	for (int i = 0; i < count; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return false;
		*out = *out * 10 + (**p - '0');
	}
	if (then && **p != then)
		return false;
	*p += then != 0;
	return *out >= min && *out <= max;
}

static bool days_in_month(int year, int month, int day)
{
	static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return day <= days[month - 1] + (month == 2 && leap);
}

/* ".123…" or nothing; digits behind the ninth are cut. */
static bool fraction(const char **p, uint32_t *ns)
{
	uint32_t unit = 100000000;

	*ns = 0;
	if (**p != '.')
		return true;
	(*p)++;
	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); (*p)++, unit /= 10)
		*ns += (uint32_t)(**p - '0') * unit;
	return true;
}

/* "Z", "+hh:mm" or "-hh:mm", and the end. */
static bool zone(const char *p, int *offset)
{
	int sign = *p == '-' ? -1 : 1, hours, minutes;

	*offset = 0;
	if ((*p == 'Z' || *p == 'z') && !p[1])
		return true;
	if (*p != '+' && *p != '-')
		return false;
	p++;
	if (!digits(&p, 2, ':', 0, 23, &hours) || !digits(&p, 2, 0, 0, 59, &minutes) || *p)
		return false;
	*offset = sign * (hours * 3600 + minutes * 60);
	return true;
}

int oci_time_parse(const char *text, int64_t *seconds, uint32_t *ns, struct err *err)
{
	int year, month, day, hour, minute, second, offset;
	const char *p = text;

	if (!digits(&p, 4, '-', 0, 9999, &year) || !digits(&p, 2, '-', 1, 12, &month) ||
	    !digits(&p, 2, 0, 1, 31, &day) || !days_in_month(year, month, day) ||
	    (*p != 'T' && *p != 't' && *p != ' '))
		return err_set(err, EINVAL, "%.64s: not a time of RFC 3339", text);
	p++;
	if (!digits(&p, 2, ':', 0, 23, &hour) || !digits(&p, 2, ':', 0, 59, &minute) ||
	    !digits(&p, 2, 0, 0, 60, &second) || !fraction(&p, ns) || !zone(p, &offset))
		return err_set(err, EINVAL, "%.64s: not a time of RFC 3339", text);
	*seconds =
	    days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
	return 0;
}
