/* SPDX-License-Identifier: MIT */
/*
 * What is known of each host: whether it may be spoken to in plain http or with unverified TLS,
 * which scheme it turned out to speak, its certificates (certs.d), its mirrors. Owns all of it;
 * thread safe. A `struct host` lives as long as its table.
 */
#ifndef REGISTRY_HOSTS_H
#define REGISTRY_HOSTS_H

#include "registry/http/http.h"
#include "registry/auth/registry_options.h"
#include "registry/wire/url.h"

#include <stdatomic.h>

#define HOSTS_DOCKER_HUB     "docker.io"
#define HOSTS_DOCKER_HUB_API "registry-1.docker.io"

enum host_scheme { HOST_SCHEME_UNKNOWN, HOST_SCHEME_TLS, HOST_SCHEME_PLAIN };

struct host {
	char *name;    /* "ghcr.io", "localhost:5000" */
	bool insecure; /* a loopback name, or named by insecure=: as docker does, TLS is
				    not verified and plain http is spoken where TLS is not */
	_Atomic enum host_scheme scheme;  /* set once it is known */
	_Atomic bool open;		  /* it asks for no credentials at /v2/ */
	_Atomic unsigned streams;	  /* streams of blobs that are under way */
	_Atomic int64_t slow_until_ms;	  /* CLOCK_MONOTONIC; readers outrun one connection */
	_Atomic int64_t crowded_until_ms; /* CLOCK_MONOTONIC; it asked for fewer requests */
	struct buf authorities;		  /* certs.d: its *.crt, joined */
	char *certificate, *key;	  /* certs.d: the first *.cert that has its .key */
};

/* A registry that serves another's repositories. */
struct mirror {
	struct url url;
	_Atomic int64_t down_until_ms; /* CLOCK_MONOTONIC; it did not answer a moment ago */
};

struct hosts;
int hosts_open(const struct registry_options *o, struct hosts **out, struct err *err);
void hosts_close(struct hosts *h);

/* The host of that name; its certificates are read at the first time. */
int hosts_get(struct hosts *h, const char *name, struct host **out, struct err *err);

/* The mirrors of a domain, in order: start with *iter = 0; NULL at the end. */
struct mirror *hosts_mirror(struct hosts *h, const char *domain, size_t *iter);

struct http_tls hosts_tls(const struct host *h);

#endif
