/* SPDX-License-Identifier: MIT */
#include "registry/api/registry_private.h"

#include "store/base/clock.h"

#include <errno.h>

static void registry_free(struct registry *r)
{
	auth_close(r->auth);
	http_put(r->http);
	hosts_close(r->hosts);
	api_targets_free(r->targets);
	free(r);
}

int registry_open(const struct registry_options *o, struct registry **out, struct err *err)
{
	struct registry *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return err_nomem(err);
	r->refs = 1;
	r->offline = o->offline;
	r->targets = api_targets_new();
	e = r->targets ? hosts_open(o, &r->hosts, err) : err_nomem(err);
	if (e == 0)
		e = http_open(o->user_agent, NULL, &r->http, err);
	if (e == 0)
		e = auth_open(o, r->http, r->hosts, &r->auth, err);
	if (e < 0) {
		if (r->http)
			http_stop(r->http);
		registry_free(r);
		return e;
	}
	*out = r;
	return 0;
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	http_stop(r->http); /* ends every wait, and every call that comes now */
	registry_put(r);
}

int registry_enter(struct registry *r, const char *host, struct err *err)
{
	if (r->offline)
		return err_set(err, ENETUNREACH, "%s is not asked: the mount is offline", host);
	atomic_fetch_add(&r->refs, 1);
	return 0;
}

int registry_result(struct registry *r, int result)
{
	if (result < 0)
		atomic_fetch_add(&r->errors, 1);
	return result;
}

void registry_put(struct registry *r)
{
	if (r && atomic_fetch_sub(&r->refs, 1) == 1)
		registry_free(r);
}

#define SLOW_MS 60000 /* how long it counts as slow behind the last one who waited */

/* By the registry itself, also where mirrors are asked first. */
static struct host *host_of(struct registry *r, const struct ref *repository)
{
	struct host *host;

	return hosts_get(r->hosts, repository->domain, &host, NULL) < 0 ? NULL : host;
}

bool registry_is_slow(struct registry *r, const struct ref *repository)
{
	struct host *host = host_of(r, repository);

	return host && clock_ms() < atomic_load(&host->slow_until_ms);
}

void registry_found_slow(struct registry *r, const struct ref *repository)
{
	struct host *host = host_of(r, repository);

	if (host)
		atomic_store(&host->slow_until_ms, clock_ms() + SLOW_MS);
}

void registry_stats(struct registry *r, struct registry_stats *out)
{
	struct http_counters c;

	http_counters(r->http, &c);
	*out = (struct registry_stats){.requests = c.requests,
				       .bytes_received = c.bytes_received,
				       .retries = atomic_load(&r->retries),
				       .errors = atomic_load(&r->errors)};
}
