/* SPDX-License-Identifier: MIT */
#include "registry/api/api.h"

#include "store/base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* A mirror that did not answer is not asked again for so long. */
#define MIRROR_DOWN_MS 60000

/* The host that serves a domain. */
static const char *api_name(const char *domain)
{
	return strcmp(domain, HOSTS_DOCKER_HUB) ? domain : HOSTS_DOCKER_HUB_API;
}

static bool mirror_is_up(const struct mirror *m)
{
	return atomic_load(&m->down_until_ms) <= clock_ms();
}

static int add_mirror(struct registry *r, struct mirror *m, struct endpoint_list *out,
		      struct err *err)
{
	struct endpoint *e = &out->list[out->count];
	autofree char *name = url_authority(&m->url);
	int n;

	if (!name)
		return err_nomem(err);
	n = hosts_get(r->hosts, name, &e->host, err);
	if (n < 0)
		return n;
	e->mirror = m;
	out->count++;
	return 0;
}

int api_endpoints(struct registry *r, const struct ref *repository, struct endpoint_list *out,
		  struct err *err)
{
	size_t iter = 0, n = 1;
	struct mirror *m;
	int e = 0;

	*out = (struct endpoint_list){0};
	while (hosts_mirror(r->hosts, repository->domain, &iter))
		n++;
	out->list = calloc(n, sizeof(*out->list));
	if (!out->list)
		return err_nomem(err);
	for (iter = 0; e == 0 && (m = hosts_mirror(r->hosts, repository->domain, &iter));)
		if (mirror_is_up(m))
			e = add_mirror(r, m, out, err);
	if (e == 0)
		e = hosts_get(r->hosts, api_name(repository->domain), &out->list[out->count].host,
			      err);
	if (e < 0) {
		api_endpoints_clear(out);
		return e;
	}
	out->count++;
	return 0;
}

void api_endpoints_clear(struct endpoint_list *l)
{
	free(l->list);
	*l = (struct endpoint_list){0};
}

void api_fault(enum http_fault fault, struct retry_failure *f)
{
	f->cause = http_fault_cause(fault);
	f->silent = fault == HTTP_FAULT_UNREACHABLE || fault == HTTP_FAULT_TIMEOUT;
}

static uint32_t random_number(void)
{
	uint32_t value = 0;

	return getrandom(&value, sizeof(value), GRND_NONBLOCK) == sizeof(value) ? value : 0;
}

int64_t api_next_try(struct registry *r, struct retry *retry, enum retry_cause cause,
		     int64_t after_ms, const struct cancel *cancel)
{
	int64_t wait = retry_next(retry, cause, after_ms, random_number());

	if (wait >= 0 && cancel && cancel->deadline_ms && clock_ms() + wait >= cancel->deadline_ms)
		wait = -1;
	if (wait >= 0)
		atomic_fetch_add(&r->retries, 1);
	return wait;
}

int api_persist(struct registry *r, const struct endpoint *e, struct retry *retry,
		struct cancel *cancel, api_step step, void *arg, struct err *err)
{
	for (;;) {
		struct retry_failure f = RETRY_FAILURE_NONE;
		int n = step(arg, e, &f, err);

		if (n >= 0)
			return n;
		if (e->mirror && f.silent)
			atomic_store(&e->mirror->down_until_ms, clock_ms() + MIRROR_DOWN_MS);
		if (e->mirror)
			return n;

		int64_t wait = api_next_try(r, retry, f.cause, f.after_ms, cancel);

		if (wait < 0)
			return n;

		int slept = http_sleep(r->http, wait, cancel, err);

		if (slept < 0)
			return slept;
	}
}

int api_everywhere(struct registry *r, const struct ref *repository, struct cancel *cancel,
		   api_step step, void *arg, struct err *err)
{
	autoendpoints all = {0};
	int n = api_endpoints(r, repository, &all, err);

	for (size_t i = 0; n == 0 && i < all.count; i++) {
		struct retry retry = {0};

		n = api_persist(r, &all.list[i], &retry, cancel, step, arg, err);
		if (n >= 0 || cancel_check(cancel, NULL) < 0)
			break;
		if (i + 1 < all.count)
			n = 0;
	}
	return n;
}
