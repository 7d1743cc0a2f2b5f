/* SPDX-License-Identifier: MIT */
/*
 * The documents of an image, as a stranger wrote them: no crash, and what was taken keeps its
 * promises. The first byte chooses the parser.
 *
 *     build/fuzz/fuzz_document CORPUS tests/fuzz/document -dict=tests/fuzz/document.dict
 */
#include "store/images/cosign.h"
#include "store/lazy/lazy.h"
#include "store/lazy/soci.h"
#include "store/oci/oci.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static void look_at_descriptor(const struct descriptor *d)
{
	struct descriptor copy = {0};
	struct lazy lazy;

	require(d->media_type && d->size <= OCI_BLOB_SIZE_MAX);
	require(descriptor_copy(&copy, d, NULL) == 0);
	require(copy.size == d->size && digest_equal(&copy.digest, &d->digest));
	descriptor_clear(&copy);
	if (lazy_find(d, &lazy, NULL) == 0 && lazy.format != LAZY_NONE)
		require(lazy.next.first < lazy.next.end && lazy.next.end <= d->size);
}

static void fuzz_manifest(const char *text, size_t len)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	AUTO(soci_close) struct soci *soci = NULL;
	struct digest self, image;

	if (manifest_parse(text, len, NULL, &m, NULL) < 0)
		return;
	require(m->layer_count <= OCI_LAYERS_MAX);
	look_at_descriptor(&m->config);
	for (size_t i = 0; i < m->layer_count; i++)
		look_at_descriptor(&m->layers[i]);
	soci_index_digest(m, &image);
	digest_of(DIGEST_SHA256, "self", 4, &self, NULL);
	digest_of(DIGEST_SHA256, "image", 5, &image, NULL);
	if (soci_open(m, &self, &image, &soci, NULL) == 0)
		for (size_t i = 0; i < m->layer_count; i++)
			soci_ztoc(soci, &m->layers[i]);
}

static void fuzz_index(const char *text, size_t len)
{
	AUTO(index_free) struct index *x = NULL;
	struct platform wish;
	const struct descriptor *chosen;
	int r;

	if (index_parse(text, len, NULL, &x, NULL) < 0)
		return;
	require(x->count <= OCI_INDEX_MAX);
	for (size_t i = 0; i < x->count; i++)
		look_at_descriptor(&x->manifests[i]);
	require(platform_parse("linux/arm64/v8", &wish, NULL) == 0);
	r = index_choose(x, &wish, &chosen, NULL);
	require(r == -ENOENT || (r == 0 && index_entry_is_image(chosen)));
}

static void fuzz_config(const char *text, size_t len)
{
	AUTO(config_free) struct config *c = NULL;
	int64_t seconds;
	uint32_t ns;

	if (config_parse(text, len, &c, NULL) < 0)
		return;
	for (size_t i = 0; i <= c->diff_id_count; i++)
		config_layer_history(c, i);
	if (c->created && oci_time_parse(c->created, &seconds, &ns, NULL) == 0)
		require(ns < 1000000000);
}

/* A claim is right about one manifest alone. */
static void fuzz_claim(const char *text, size_t len)
{
	static char word[] = "a=b";
	static char *const wanted[] = {word, NULL};
	autojson *one = NULL, *two = NULL;
	struct digest right, wrong;

	digest_of(DIGEST_SHA256, "", 0, &right, NULL);
	digest_of(DIGEST_SHA256, "other", 5, &wrong, NULL);
	cosign_claim(text, len, &right, wanted, &one, NULL);
	if (cosign_claim(text, len, &right, NULL, &two, NULL) == 0)
		require(cosign_claim(text, len, &wrong, NULL, &one, NULL) == -EBADMSG);
}

static void fuzz_key(const char *text, size_t len)
{
	AUTO(cosign_key_close) struct cosign_key *key = NULL;

	if (cosign_key_open(text, len, &key, NULL) == 0)
		require(cosign_verify(key, "payload", 7, text, len, NULL) < 0);
}

/* What is taken comes back the same from its own text. */
static void fuzz_platform(const char *text)
{
	struct platform p, again;
	char out[PLATFORM_TEXT_MAX];

	if (platform_parse(text, &p, NULL) < 0)
		return;
	require(platform_parse(platform_text(&p, out), &again, NULL) == 0);
	require(platform_equal(&p, &again) && platform_rank(&p, &again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data + 1;
	autofree char *line = len ? strndup(text, len - 1) : NULL;

	if (!line)
		return 0;
	switch (data[0] % 6) {
	case 0:
		fuzz_manifest(text, len - 1);
		break;
	case 1:
		fuzz_index(text, len - 1);
		break;
	case 2:
		fuzz_config(text, len - 1);
		break;
	case 3:
		fuzz_claim(text, len - 1);
		break;
	case 4:
		fuzz_key(text, len - 1);
		break;
	default:
		fuzz_platform(line);
	}
	return 0;
}
