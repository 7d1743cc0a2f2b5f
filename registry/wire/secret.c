/* SPDX-License-Identifier: MIT */
#include "registry/wire/secret.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

void secret_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void secret_buf_free(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->len);
	buf_free(b);
}

static void wipe_json(struct json_object *o)
{
	if (json_object_is_type(o, json_type_string)) {
		explicit_bzero((char *)json_object_get_string(o),
			       (size_t)json_object_get_string_len(o));
	} else if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			wipe_json(json_object_array_get_idx(o, i));
	} else if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, value)
		{
			(void)key;
			wipe_json(value);
		}
	}
}

void secret_json_put(struct json_object *o)
{
	wipe_json(o);
	json_object_put(o);
}

char *secret_encode(const char *data, size_t len)
{
	char *out = malloc((len + 2) / 3 * 4 + 1);

	if (out)
		EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)data, (int)len);
	return out;
}

/* Without its line ends; what is left over behind the new end is wiped. */
static size_t join_lines(char *s)
{
	size_t n = 0, len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if (s[i] != '\n' && s[i] != '\r')
			s[n++] = s[i];
	explicit_bzero(s + n, len - n);
	return n;
}

int secret_decode(const char *text, char **out, size_t *len, struct err *err)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	autosecret *joined = strdup(text);
	size_t n, digits, padding;

	if (!joined)
		return err_nomem(err);
	n = join_lines(joined);
	digits = strspn(joined, alphabet);
	padding = strspn(joined + digits, "=");
	/* EVP_DecodeBlock would pass over blanks, and padding anywhere. */
	if (n == 0 || n % 4 || n > (1 << 20) || digits + padding != n || padding > 2)
		return err_set(err, EINVAL, "malformed base64");
	*out = malloc(n / 4 * 3 + 1);
	if (!*out)
		return err_nomem(err);
	EVP_DecodeBlock((unsigned char *)*out, (const unsigned char *)joined, (int)n);
	*len = n / 4 * 3 - padding;
	(*out)[*len] = '\0';
	return 0;
}
