/* SPDX-License-Identifier: MIT */
/*
 * What a registry says in headers and small documents: no crash, and what was taken keeps its
 * promises. The first byte chooses the parser.
 *
 *     build/fuzz/fuzz_answer CORPUS
 */
#include "registry/wire/challenge.h"
#include "registry/auth/creds.h"
#include "store/oci/ref.h"
#include "registry/wire/retry.h"
#include "registry/wire/secret.h"
#include "registry/wire/text.h"
#include "registry/auth/token.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

/* Lines of a header, and all that is read out of them. */
static void fuzz_headers(const char *text)
{
	struct header_list h = HEADER_LIST_INIT;
	autochallenges challenges = CHALLENGE_LIST_INIT;
	autofree char *link = NULL;
	uint64_t first, last, size;

	while (*text) {
		size_t n = strcspn(text, "\n");

		header_add(&h, text, n + (text[n] == '\n'), NULL);
		text += n + (text[n] == '\n');
	}
	require(challenge_parse(&h, &challenges, NULL) == 0);
	require(challenges.count <= CHALLENGE_MAX);
	require(header_link_next(&h, &link, NULL) == 0);
	if (header_content_range(&h, &first, &last, &size))
		require(first <= last && last < size);
	header_unsatisfied_size(&h, &size);
	header_number(&h, "Content-Length", &size);

	int64_t wait = retry_after(header_get(&h, "Retry-After"), 1700000000);

	require(wait >= -1 && wait <= RETRY_AFTER_MAX_MS);
	header_clear(&h);
}

/* What is taken comes back the same from its own text. */
static void fuzz_url(const char *text)
{
	autourl base = URL_INIT;
	autourl u = URL_INIT;
	autourl again = URL_INIT;

	require(url_parse("https://h:444/a/b?c", &base, NULL) == 0);
	if (url_resolve(&base, text, &u, NULL) < 0)
		return;
	autofree char *whole = url_text(&u);

	require(url_parse(whole, &again, NULL) == 0);
	require(url_same_origin(&u, &again) && !strcmp(u.target, again.target));
	require(!strpbrk(whole, " \r\n@\\") || strchr(u.target, '@'));
}

static void fuzz_ref(const char *text)
{
	autoref ref = REF_INIT;
	autoref again = REF_INIT;

	if (ref_parse(text, &ref, NULL) < 0)
		return;
	autofree char *full = ref_full(&ref);

	require(ref_parse(full, &again, NULL) == 0);
	require(!strcmp(ref.domain, again.domain) && !strcmp(ref.path, again.path));
	require(!strstr(ref.path, "..") && !strchr(ref.path, '%') && ref.path[0] != '/');
}

static void fuzz_documents(const char *text, size_t len)
{
	autojson *doc = NULL;
	autocredential c = {0};
	autofree char *helper = NULL;
	autobuf body = BUF_INIT;
	struct token token = {0};

	buf_append(&body, text, len);
	if (token_parse(&body, 1700000000, &token, NULL) == 0)
		require(!strpbrk(token.value, " \r\n") && token.life_ms >= 0);
	secret_free(token.value);
	if (json_parse(text, len, &doc, NULL) == 0)
		creds_find(doc, "docker.io", "library/redis", &c, &helper, NULL);
}

static void fuzz_text(const char *text, size_t len)
{
	autobuf b = BUF_INIT;

	text_append_clean(&b, text, len, 100);
	require(b.len <= 100 + strlen("…"));
	for (size_t i = 0; i < b.len; i++)
		require((unsigned char)b.data[i] >= ' ' && b.data[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 1)
		return 0;
	autofree char *text = strndup((const char *)data + 1, len - 1);

	switch (data[0] % 5) {
	case 0:
		fuzz_headers(text);
		break;
	case 1:
		fuzz_url(text);
		break;
	case 2:
		fuzz_ref(text);
		break;
	case 3:
		fuzz_documents(text, strlen(text));
		break;
	default:
		fuzz_text((const char *)data + 1, len - 1);
	}
	return 0;
}
