/* SPDX-License-Identifier: MIT */
#include "registry/auth/auth.h"

#include "registry/wire/challenge.h"
#include "registry/auth/creds.h"
#include "registry/wire/secret.h"
#include "registry/auth/token.h"
#include "store/base/clock.h"
#include "store/base/expiring.h"
#include "store/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HUB_REALM     "auth.docker.io"
#define HELD_MAX      4096
#define BASIC_LIFE_MS 300000 /* then the credential's source is asked again */
#define MARGIN_MS     10000 /* a token is not used in its last seconds, at most a quarter of them */

struct auth {
	struct http *http;   /* borrowed */
	struct hosts *hosts; /* borrowed */
	struct creds *creds;
	pthread_mutex_t lock;
	struct expiring *held; /* lock: key of a scope to its field, owned, secret */
	uint64_t generation;   /* lock: of the files by which they were had */
	uint64_t forgotten;    /* lock: how often */
};

static void free_secret(void *field)
{
	secret_free(field);
}

void auth_forget(struct auth *a)
{
	pthread_mutex_lock(&a->lock);
	expiring_clear(a->held);
	a->forgotten++;
	pthread_mutex_unlock(&a->lock);
}

uint64_t auth_generation(struct auth *a)
{
	uint64_t generation = creds_generation(a->creds);

	pthread_mutex_lock(&a->lock);
	generation += a->forgotten;
	pthread_mutex_unlock(&a->lock);
	return generation;
}

int auth_open(const struct registry_options *o, struct http *http, struct hosts *hosts,
	      struct auth **out, struct err *err)
{
	struct auth *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_nomem(err);
	a->http = http;
	a->hosts = hosts;
	pthread_mutex_init(&a->lock, NULL);
	a->held = expiring_new(HELD_MAX, free_secret);
	r = a->held ? creds_open(o->auth_file, o->store_auth_file, &a->creds, err) : err_nomem(err);
	if (r < 0) {
		auth_close(a);
		return r;
	}
	a->generation = creds_generation(a->creds);
	*out = a;
	return 0;
}

void auth_close(struct auth *a)
{
	if (!a)
		return;
	expiring_free(a->held);
	creds_close(a->creds);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static char *auth_make_key(const struct auth_scope *s)
{
	char *key;

	return asprintf(&key, "%s\n%s\n%d\n%s", s->registry, s->repository, s->push,
			s->from ? s->from : "") < 0
		   ? NULL
		   : key;
}

/* A login or logout since then makes all that is held void. Lock held. */
static void check_generation(struct auth *a, uint64_t now)
{
	if (a->generation != now)
		expiring_clear(a->held);
	a->generation = now;
}

char *auth_field(struct auth *a, const struct auth_scope *s)
{
	autofree char *key = auth_make_key(s);
	uint64_t generation = creds_generation(a->creds);
	char *field = NULL;

	if (!key || s->credential)
		return NULL;
	pthread_mutex_lock(&a->lock);
	check_generation(a, generation);

	const char *held = expiring_get(a->held, key, strlen(key), clock_ms());

	if (held)
		field = strdup(held);
	pthread_mutex_unlock(&a->lock);
	return field;
}

/* Keeps a field; where memory is out it is merely not kept. */
static void hold(struct auth *a, const struct auth_scope *s, const char *field, int64_t life_ms,
		 uint64_t generation)
{
	int64_t margin = life_ms / 4 < MARGIN_MS ? life_ms / 4 : MARGIN_MS, now = clock_ms();
	autofree char *key = s->credential ? NULL : auth_make_key(s);
	char *copy = key ? strdup(field) : NULL;

	if (!copy)
		return;
	pthread_mutex_lock(&a->lock);
	check_generation(a, generation);
	expiring_put(a->held, key, strlen(key), copy, now + life_ms - margin, now);
	pthread_mutex_unlock(&a->lock);
}

static bool is_below(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	return n > d && name[n - d - 1] == '.' && !strcmp(name + n - d, domain);
}

/* Digits and dots, or brackets: no domain to share. */
static bool is_address(const char *host)
{
	return host[0] == '[' || strspn(host, "0123456789.") == strlen(host);
}

bool auth_trusts(const struct url *registry, const struct url *realm)
{
	const char *parent = strchr(registry->host, '.');

	if (registry->tls && !realm->tls)
		return false;
	if (!strcmp(registry->host, realm->host))
		return true;
	if (is_address(registry->host) || is_address(realm->host) || !parent)
		return false;
	if (!strcmp(registry->host, HOSTS_DOCKER_HUB_API) && !strcmp(realm->host, HUB_REALM))
		return true;
	if (is_below(realm->host, registry->host))
		return true;
	parent++;
	return strchr(parent, '.') &&
	       (!strcmp(realm->host, parent) || is_below(realm->host, parent));
}

struct creds *auth_creds(struct auth *a)
{
	return a->creds;
}

bool auth_has_stored(struct auth *a, const struct auth_scope *s, struct cancel *cancel)
{
	autocredential c = {0};

	return !s->credential &&
	       creds_get(a->creds, s->registry, s->repository, a->http, cancel, &c, NULL) == 0 &&
	       !credential_empty(&c);
}

static int find_credential(struct auth *a, const struct auth_question *q, struct credential *out,
			   struct err *err)
{
	const struct credential *given = q->scope.credential;

	if (!given)
		return creds_get(a->creds, q->scope.registry, q->scope.repository, a->http,
				 q->cancel, out, err);
	*out = (struct credential){.username = strdup(given->username),
				   .password = strdup(given->password)};
	return out->username && out->password ? 0 : err_nomem(err);
}

/* Where the token is asked for, by which TLS. */
static int find_realm(struct auth *a, const struct auth_question *q, const char *text,
		      struct url *realm, struct host **host, struct err *err)
{
	autofree char *name = NULL;
	int r;

	if (!text)
		return err_set(err, EPROTO, "a Bearer challenge without a realm");
	r = url_parse(text, realm, err);
	if (r < 0)
		return err_context(err, "the realm of its challenge");
	if (q->url->tls && !realm->tls)
		return err_set(err, EPROTO, "a token server in plain http is refused");
	name = url_authority(realm);
	return name ? hosts_get(a->hosts, name, host, err) : err_nomem(err);
}

static int make_bearer(const char *token, char **field, struct err *err)
{
	if (asprintf(field, "Authorization: Bearer %s", token) >= 0)
		return 0;
	*field = NULL;
	return err_nomem(err);
}

/* The scope of a token: what a challenge asks for, but for pushes, which need the same for all of
 * their requests. NULL: out of memory. */
static char *scope_text(const struct auth_scope *s, const struct challenge *c)
{
	char *text = NULL;
	int n;

	if (!*s->repository)
		return strdup(c->scope ? c->scope : ""); /* a login is for no repository */
	if (s->push && s->from)
		n = asprintf(&text, "repository:%s:pull,push repository:%s:pull", s->repository,
			     s->from);
	else if (!s->push && c->scope && *c->scope)
		return strdup(c->scope);
	else
		n = asprintf(&text, "repository:%s:pull%s", s->repository, s->push ? ",push" : "");
	return n < 0 ? NULL : text;
}

static int auth_fetch(struct auth *a, const struct auth_question *q, const struct challenge *c,
		      const struct credential *credential, struct token *out,
		      struct retry_failure *f, struct err *err)
{
	static const struct credential anonymous;
	autofree char *scope = scope_text(&q->scope, c);
	autourl realm = URL_INIT;
	struct host *host;
	int r = find_realm(a, q, c->realm, &realm, &host, err);

	if (r < 0)
		return r;
	if (!scope)
		return err_nomem(err);
	return token_fetch(a->http,
			   &(struct token_request){
			       .realm = &realm,
			       .service = c->service,
			       .scope = scope,
			       .credential = auth_trusts(q->url, &realm) ? credential : &anonymous,
			       .tls = hosts_tls(host),
			       .reach = url_same_origin(q->url, &realm) ? ADDRESS_ANY : q->reach,
			       .cancel = q->cancel},
			   out, f, err);
}

/* As find_credential(). A fault of a file or a helper is no reason not to ask anonymously, as docker
 * does: the image may be public. *without has it then, for the case that the image is not. Who has
 * asked in this way already is told at once. */
static int find_or_go_without(struct auth *a, const struct auth_question *q, struct credential *out,
			      struct err *without, struct err *err)
{
	int r = find_credential(a, q, out, without);

	if (r == -EACCES && !q->fresh) {
		log_write(LOG_WARNING, "%s: asked without credentials: %s", q->scope.registry,
			  without->text);
		return 0;
	}
	return r < 0 ? err_set(err, -r, "%s", without->text) : 0;
}

static int answer_bearer(struct auth *a, const struct auth_question *q, const struct challenge *c,
			 char **field, struct retry_failure *f, struct err *err)
{
	uint64_t generation = creds_generation(a->creds);
	autocredential credential = {0};
	struct token token = {.life_ms = BASIC_LIFE_MS};
	struct err without = {0};
	int r = find_or_go_without(a, q, &credential, &without, err);

	if (!r && credential.registry_token)
		token.value = steal(&credential.registry_token);
	else if (!r)
		r = auth_fetch(a, q, c, &credential, &token, f, err);
	if (r == -EACCES && without.code)
		err_set(err, EACCES, "%s", without.text);
	if (!r)
		r = make_bearer(token.value, field, err);
	if (!r)
		hold(a, &q->scope, *field, token.life_ms, generation);
	secret_free(token.value);
	return r;
}

static int answer_basic(struct auth *a, const struct auth_question *q, char **field,
			struct err *err)
{
	uint64_t generation = creds_generation(a->creds);
	autocredential credential = {0};
	int r = find_credential(a, q, &credential, err);

	if (r < 0 || !credential.username || !credential.password)
		return r;
	*field = token_basic(&credential);
	if (!*field)
		return err_nomem(err);
	hold(a, &q->scope, *field, BASIC_LIFE_MS, generation);
	return 0;
}

/* Behind a refusal that stands: whether a file or a helper is at fault. */
static int check_credential(struct auth *a, const struct auth_question *q, struct err *err)
{
	autocredential credential = {0};

	return find_credential(a, q, &credential, err);
}

int auth_answer(struct auth *a, const struct auth_question *q, char **field,
		struct retry_failure *f, struct err *err)
{
	autochallenges all = CHALLENGE_LIST_INIT;
	const struct challenge *bearer;
	int r = challenge_parse(q->headers, &all, err);

	*field = NULL;
	*f = RETRY_FAILURE_NONE;
	if (r < 0)
		return r;
	bearer = challenge_find(&all, CHALLENGE_BEARER);
	/* A new token that does not suffice is not had better by asking again. */
	if (bearer && q->fresh && bearer->error && !strcmp(bearer->error, "insufficient_scope"))
		r = check_credential(a, q, err);
	else if (bearer)
		r = answer_bearer(a, q, bearer, field, f, err);
	else if (challenge_find(&all, CHALLENGE_BASIC))
		r = answer_basic(a, q, field, err);
	/* The same again would be refused again. */
	if (!r && *field && q->rejected && !strcmp(*field, q->rejected)) {
		secret_free(*field);
		*field = NULL;
	}
	return r;
}
