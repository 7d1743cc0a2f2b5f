/* SPDX-License-Identifier: MIT */
#include "registry/api/login.h"

#include "registry/api/api.h"
#include "registry/auth/cred_helper.h"
#include "registry/auth/creds.h"
#include "registry/api/login_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HUB "docker.io"

/* What stands in front of an @ may be a password. */
static int not_a_registry(const char *server, struct err *err)
{
	const char *at = strrchr(server, '@');

	return err_set(err, EINVAL, "%s: not a registry's name", at ? at + 1 : server);
}

/* "https://host:5000/v1/" is host:5000; what names Docker Hub is docker.io. */
static int registry_of(const char *server, char **out, struct err *err)
{
	const char *host = server ? server : HUB, *scheme = strstr(host, "://");
	autofree char *name = NULL, *base = NULL;
	autourl url = URL_INIT;

	if (scheme)
		host = scheme + 3;
	name = strndup(host, strcspn(host, "/"));
	if (!name)
		return err_nomem(err);
	if (!strcmp(name, "index.docker.io") || !strcmp(name, "registry-1.docker.io") ||
	    !strcmp(name, HUB))
		return (*out = strdup(HUB)) ? 0 : err_nomem(err);
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("@?#\\\"", *c))
			return not_a_registry(server, err);
	if (asprintf(&base, "https://%s/", name) < 0)
		return err_nomem(err);
	if (url_parse(base, &url, NULL) < 0)
		return not_a_registry(server, err);
	*out = steal(&name);
	return 0;
}

int login_server(const char *server, char **out, struct err *err)
{
	autofree char *registry = NULL;
	int r = registry_of(server, &registry, err);

	if (r)
		return r;
	*out = strdup(creds_server_key(registry));
	return *out ? 0 : err_nomem(err);
}

/* GET /v2/, with these credentials and no others. */
static int step_check(void *arg, const struct endpoint *e, struct retry_failure *f, struct err *err)
{
	const struct api_request *q = arg;
	struct http_answer *a = NULL;
	autourl url = URL_INIT;
	autofree char *shown = NULL;
	int r = api_send(q, e, &a, f, err);
	int status;

	if (r)
		return r;
	status = http_status(a);
	if (status == 401 || status == 403 || status == 404) {
		if (api_url(q, e, &url, NULL) == 0)
			shown = url_shown(&url);
		/* Every registry has this path. */
		r = err_set(err, status == 404 ? EPROTO : EACCES,
			    "login attempt to %s failed with status: %d %s",
			    shown ? shown : q->repository->domain, status,
			    status == 401   ? "Unauthorized"
			    : status == 403 ? "Forbidden"
					    : "Not Found");
	} else if (status >= 300) {
		r = api_status_error(q, a, f, err);
	}
	http_finish(a);
	return r;
}

static int check(struct registry *r, const char *registry, const struct credential *c,
		 struct cancel *cancel, struct err *err)
{
	struct ref base = {.domain = (char *)registry, .path = (char *)""};
	struct api_request q = {.registry = r,
				.repository = &base,
				.method = "GET",
				.path = "",
				.credential = c,
				.cancel = cancel};
	autoendpoints all = {0};
	struct retry retry = {0};
	int e = api_endpoints(r, &base, &all, err);

	return e ? e
		 : api_persist(r, &all.list[all.count - 1], &retry, cancel, step_check, &q, err);
}

static int login_keep(struct registry *r, const char *registry, const struct credential *c,
		      struct cancel *cancel, char **file, struct err *err)
{
	struct creds *creds = auth_creds(r->auth);
	const char *key = creds_server_key(registry);
	autofree char *helper = NULL;
	int e = creds_helper(creds, registry, &helper, err);

	if (!e && helper)
		e = cred_helper_store(helper, key, c, r->http, cancel, err);
	if (!e)
		e = login_file_set(creds_file(creds), key, helper ? NULL : c, err);
	if (!e && !helper) {
		*file = strdup(creds_file(creds));
		e = *file ? 0 : err_nomem(err);
	}
	return e;
}

/* The registry that is meant, entered: *inside is to be put. */
static int login_enter(struct registry *r, const char *server, char **registry,
		       struct registry **inside, struct err *err)
{
	int e = registry_of(server, registry, err);

	if (!e)
		e = registry_enter(r, *registry, err);
	*inside = e ? NULL : r;
	return e;
}

int login(struct registry *r, const char *server, const struct credential *c, struct cancel *cancel,
	  char **file, struct err *err)
{
	AUTO(registry_put) struct registry *inside = NULL;
	autofree char *registry = NULL;
	int e = login_enter(r, server, &registry, &inside, err);

	*file = NULL;
	if (e)
		return e;
	e = check(r, registry, c, cancel, err);
	if (!e)
		e = login_keep(r, registry, c, cancel, file, err);
	return registry_result(inside, e);
}

int login_stored(struct registry *r, const char *server, struct cancel *cancel, char **user,
		 struct err *err)
{
	AUTO(registry_put) struct registry *inside = NULL;
	autofree char *registry = NULL;
	autocredential c = {0};
	int e = login_enter(r, server, &registry, &inside, err);

	if (e)
		return e;
	e = creds_get(auth_creds(r->auth), registry, "", r->http, cancel, &c, err);
	if (!e && (!c.username || !c.password))
		e = err_set(err, ENOENT, "no credentials are kept for %s", registry);
	if (!e)
		e = check(r, registry, &c, cancel, err);
	if (!e) {
		*user = strdup(c.username);
		e = *user ? 0 : err_nomem(err);
	}
	return registry_result(inside, e);
}

int logout(struct registry *r, const char *server, struct cancel *cancel, struct err *err)
{
	struct creds *creds = auth_creds(r->auth);
	autofree char *registry = NULL, *helper = NULL;
	int e = registry_of(server, &registry, err);

	if (!e)
		e = creds_helper(creds, registry, &helper, err);
	if (!e && helper)
		e = cred_helper_erase(helper, creds_server_key(registry), r->http, cancel, err);
	auth_forget(r->auth);
	return e ? e : login_file_remove(creds_file(creds), creds_server_key(registry), err);
}
