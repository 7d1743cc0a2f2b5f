/* SPDX-License-Identifier: MIT */
/*
 * Memory that held a password or a token is wiped before it is given back.
 */
#ifndef REGISTRY_SECRET_H
#define REGISTRY_SECRET_H

#include "store/base/buf.h"
#include "store/base/err.h"
#include "store/base/json.h"

void secret_free(char *s);
void secret_buf_free(struct buf *b); /* a buffer that never grew: buf_reserve() came first */
void secret_json_put(struct json_object *o); /* the last reference: wipes every string in it */

static inline void secret_free_at(char **s)
{
	secret_free(*s);
}
static inline void secret_json_put_at(struct json_object **o)
{
	secret_json_put(*o);
}
#define autosecret	__attribute__((cleanup(secret_free_at))) char
#define autosecret_buf	__attribute__((cleanup(secret_buf_free))) struct buf
#define autosecret_json __attribute__((cleanup(secret_json_put_at))) struct json_object

/* Standard base64 with padding (RFC 4648, 4); the caller frees with secret_free(). */
char *secret_encode(const char *data, size_t len); /* NULL: out of memory */
/* Takes lines, too, as base64(1) writes them. The caller frees *out, which has a NUL behind its len
 * bytes, with secret_free(). -EINVAL where the text is no base64, or longer than 1 MiB. */
int secret_decode(const char *text, char **out, size_t *len, struct err *err);

#endif
