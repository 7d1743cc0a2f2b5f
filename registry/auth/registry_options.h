/* SPDX-License-Identifier: MIT */
/*
 * The options of registry_open(). Borrowed for that call alone.
 */
#ifndef REGISTRY_REGISTRY_OPTIONS_H
#define REGISTRY_REGISTRY_OPTIONS_H

#include <stdbool.h>

struct registry_options {
	bool offline;
	const char *const *insecure; /* NULL-terminated "HOST[:PORT]": plain http or unverified TLS;
					localhost, 127/8, ::1 always may */
	const char *const *mirrors;  /* NULL-terminated "HOST=URL", tried first, in order */
	const char *auth_file; /* auth=FILE, or NULL: the store's, docker's, containers' files, in
				  this order */
	const char *store_auth_file; /* STORE/auth.json, or NULL */
	const char *certs_dir;	     /* NULL: /etc/docker/certs.d */
	const char *user_agent;
};

#endif
