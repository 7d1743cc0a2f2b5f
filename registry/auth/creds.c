/* SPDX-License-Identifier: MIT */
#include "registry/auth/creds.h"

#include "registry/auth/cred_helper.h"
#include "registry/wire/secret.h"
#include "store/base/io.h"
#include "store/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX    (1u << 20)
#define SOURCES_MAX 6
#define INVALID	    "invalid auth configuration file"

struct source {
	char *path;	      /* owned; NULL: `variable` */
	const char *variable; /* an environment variable that holds the document itself */
};

struct creds {
	struct source list[SOURCES_MAX];
	size_t count;
};

/* A path in front of a name; nothing where the base is not known. What is relative is so to the
 * directory of the start: in the background, imagefs leaves it. */
static int add_file(struct creds *c, const char *base, const char *name, struct err *err)
{
	struct source *s = &c->list[c->count];
	autofree char *here = NULL;

	if (!base || !*base)
		return 0;
	if (*base != '/' && !(here = getcwd(NULL, 0)))
		return err_sys(err, "the working directory, for the credentials in %s", base);
	if (asprintf(&s->path, "%s%s%s%s", here ? here : "", here ? "/" : "", base, name) < 0) {
		s->path = NULL;
		return err_nomem(err);
	}
	c->count++;
	return 0;
}

static int add_usual(struct creds *c, const char *home, struct err *err)
{
	const char *docker = getenv("DOCKER_CONFIG"), *runtime = getenv("XDG_RUNTIME_DIR");
	int r;

	c->list[c->count++].variable = "DOCKER_AUTH_CONFIG";
	r = docker && *docker ? add_file(c, docker, "/config.json", err)
			      : add_file(c, home, "/.docker/config.json", err);
	if (!r)
		r = add_file(c, getenv("REGISTRY_AUTH_FILE"), "", err);
	if (!r && runtime && *runtime == '/') /* others are to be ignored, XDG says */
		r = add_file(c, runtime, "/containers/auth.json", err);
	if (!r)
		r = add_file(c, home, "/.config/containers/auth.json", err);
	return r;
}

static int add_home(struct creds *c, struct err *err)
{
	const char *home = getenv("HOME");
	struct passwd entry, *found = NULL;
	char text[4096];

	if (home && *home)
		return add_usual(c, home, err);
	getpwuid_r(getuid(), &entry, text, sizeof(text), &found);
	return add_usual(c, found ? found->pw_dir : NULL, err);
}

int creds_open(const char *auth_file, const char *store_auth_file, struct creds **out,
	       struct err *err)
{
	struct creds *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_nomem(err);
	if (auth_file)
		r = add_file(c, auth_file, "", err);
	else
		r = add_file(c, store_auth_file, "", err);
	if (!r && !auth_file)
		r = add_home(c, err);
	if (r < 0) {
		creds_close(c);
		return r;
	}
	*out = c;
	return 0;
}

void creds_close(struct creds *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		free(c->list[i].path);
	free(c);
}

uint64_t creds_generation(const struct creds *c)
{
	uint64_t g = 0;

	for (size_t i = 0; i < c->count; i++) {
		struct stat st;

		if (!c->list[i].path || stat(c->list[i].path, &st) < 0)
			st = (struct stat){0};
		const uint64_t parts[] = {st.st_ino, (uint64_t)st.st_size,
					  (uint64_t)st.st_mtim.tv_sec,
					  (uint64_t)st.st_mtim.tv_nsec};

		for (size_t j = 0; j < sizeof(parts) / sizeof(*parts); j++)
			g = (g ^ parts[j]) * UINT64_C(0x9e3779b97f4a7c15) + (g >> 29);
	}
	return g;
}

const char *creds_server_key(const char *registry)
{
	return strcmp(registry, "docker.io") ? registry : CREDS_HUB_KEY;
}

/* The host of a key as docker writes them (https://host/v1/, host/v1/, host), or nothing where it
 * is a namespace (host/team) of containers. */
static size_t key_host(const char *key, const char **host)
{
	const char *scheme = strstr(key, "://");
	size_t len;

	*host = scheme ? scheme + 3 : key;
	len = strcspn(*host, "/");
	if (!scheme && (*host)[len] && strcmp(*host + len, "/v1/") && strcmp(*host + len, "/v1") &&
	    strcmp(*host + len, "/v2/") && strcmp(*host + len, "/v2") && strcmp(*host + len, "/"))
		return 0;
	return len;
}

static bool names_registry(const char *key, const char *registry)
{
	const char *host;
	size_t len = key_host(key, &host);

	if (len == 0)
		return false;
	if (strlen(registry) == len && !strncmp(host, registry, len))
		return true;
	return !strcmp(registry, "docker.io") && len == strlen("index.docker.io") &&
	       !strncmp(host, "index.docker.io", len);
}

/* The member for a repository: registry/path and its parents, the key docker writes, then any key
 * of that host. */
static struct json_object *find_member(const struct json_object *map, const char *registry,
				       const char *path)
{
	autofree char *name = NULL;
	struct json_object *found = NULL;

	if (!map || asprintf(&name, "%s/%s", registry, path) < 0) {
		name = NULL;
		return NULL;
	}
	for (char *slash; !found && (slash = strrchr(name, '/')); *slash = '\0')
		found = json_member(map, name);
	if (!found)
		found = json_member(map, creds_server_key(registry));
	if (!found)
		found = json_member(map, registry);
	if (found)
		return found;
	json_object_object_foreach((struct json_object *)map, key, value)
	{
		if (names_registry(key, registry))
			return value;
	}
	return NULL;
}

static int copy_string(const struct json_object *o, const char *key, char **out, struct err *err)
{
	const char *value = json_string(o, key);

	*out = value && *value ? strdup(value) : NULL;
	return value && *value && !*out ? err_nomem(err) : 0;
}

/* "auth": base64 of name:password. NULs behind the password are padding of old clients. */
static int decode_auth(const char *text, struct credential *out, struct err *err)
{
	autosecret *plain = NULL;
	size_t len;
	char *colon;
	int r = secret_decode(text, &plain, &len, err);

	if (r == -ENOMEM)
		return r;
	colon = r ? NULL : strchr(plain, ':');
	if (!colon)
		return err_set(err, EACCES, INVALID);
	*colon = '\0';
	secret_free(out->username);
	secret_free(out->password);
	out->username = strdup(plain);
	out->password = strdup(colon + 1);
	explicit_bzero(colon + 1, strlen(colon + 1)); /* autosecret stops at the NUL now */
	return out->username && out->password ? 0 : err_nomem(err);
}

static int creds_read_entry(const struct json_object *entry, struct credential *out,
			    struct err *err)
{
	const char *auth = json_string(entry, "auth");
	int r = copy_string(entry, "username", &out->username, err);

	if (!r)
		r = copy_string(entry, "password", &out->password, err);
	if (!r)
		r = copy_string(entry, "identitytoken", &out->identity_token, err);
	if (!r)
		r = copy_string(entry, "registrytoken", &out->registry_token, err);
	if (!r && auth && *auth)
		r = decode_auth(auth, out, err);
	if (!r && out->identity_token) {
		secret_free(out->password);
		out->password = NULL;
	}
	return r;
}

/* What is written in the document itself. */
static int find_written(const struct json_object *doc, const char *registry, const char *path,
			struct credential *out, struct err *err)
{
	struct json_object *entry = find_member(json_map(doc, "auths"), registry, path);

	return json_object_is_type(entry, json_type_object) ? creds_read_entry(entry, out, err) : 0;
}

int creds_find(const struct json_object *doc, const char *registry, const char *path,
	       struct credential *out, char **helper, struct err *err)
{
	struct json_object *named = find_member(json_map(doc, "credHelpers"), registry, path);
	const char *name = json_object_is_type(named, json_type_string)
			       ? json_object_get_string(named)
			       : json_string(doc, "credsStore");

	*helper = NULL;
	if (name && *name) {
		*helper = strdup(name);
		return *helper ? 0 : err_nomem(err);
	}
	return find_written(doc, registry, path, out, err);
}

/* Behind an open that failed: whether there is no such file, or it lies in a directory that is not
 * for us (HOME is the caller's, who has become another user). */
static bool is_elsewhere(const char *path)
{
	struct stat st;
	int code = errno;
	bool unseen = code == EACCES && stat(path, &st) < 0 && errno == EACCES;

	errno = code;
	return unseen || code == ENOENT || code == ENOTDIR;
}

/* The document of a source; *out is NULL where there is none. */
static int creds_read_source(const struct source *s, struct json_object **out, struct err *err)
{
	autosecret_buf text = BUF_INIT;
	autoclose int fd = -1;
	const char *value = s->variable ? getenv(s->variable) : NULL;
	ssize_t n;
	char *room;

	*out = NULL;
	if (s->variable)
		return value && *value ? json_parse(value, strlen(value), out, err) : 0;
	fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return is_elsewhere(s->path) ? 0 : err_sys(err, "cannot be opened");
	room = buf_reserve(&text, FILE_MAX);
	if (!room)
		return err_nomem(err);
	n = io_pread(fd, room, FILE_MAX, 0, err);
	if (n <= 0)
		return (int)n;
	text.len = (size_t)n;
	return json_parse(text.data, text.len, out, err);
}

static void log_fault(const struct err *why)
{
	log_write(LOG_WARNING, "%s", why->text);
}

/* A helper has the first word. Where it is not installed, fails or has nothing, what is written
 * beside it counts. */
static int ask_helper(const char *helper, const struct json_object *doc, const char *registry,
		      const char *path, struct http *http, struct cancel *cancel,
		      struct credential *out, struct err *err)
{
	struct err why = {0};
	int r = cred_helper_get(helper, creds_server_key(registry), http, cancel, out, &why);

	if ((!r || r == -EACCES) && credential_empty(out)) {
		credential_clear(out);
		if (find_written(doc, registry, path, out, NULL) < 0)
			credential_clear(out);
	}
	if (!r || credential_empty(out))
		return r ? err_set(err, -r, "%s", why.text) : 0;
	log_fault(&why);
	return 0;
}

static int ask_source(const struct source *s, const char *registry, const char *path,
		      struct http *http, struct cancel *cancel, struct credential *out,
		      struct err *err)
{
	autosecret_json *doc = NULL;
	autofree char *helper = NULL;
	int r = creds_read_source(s, &doc, err);

	if (!r && doc)
		r = creds_find(doc, registry, path, out, &helper, err);
	if (r < 0 && r != -ENOMEM) {
		err_set(err, EACCES, INVALID);
		return err_context(err, "%s", s->path ? s->path : s->variable);
	}
	if (!r && helper)
		r = ask_helper(helper, doc, registry, path, http, cancel, out, err);
	return r;
}

int creds_get(struct creds *c, const char *registry, const char *path, struct http *http,
	      struct cancel *cancel, struct credential *out, struct err *err)
{
	struct err first = {0};

	*out = (struct credential){0};
	for (size_t i = 0; i < c->count && credential_empty(out); i++) {
		struct err why = {0};
		int r;

		credential_clear(out);
		r = ask_source(&c->list[i], registry, path, http, cancel, out, &why);
		if (r < 0)
			credential_clear(out);
		if (r < 0 && r != -EACCES)
			return err_set(err, -r, "%s", why.text);
		if (r < 0 && !first.code)
			first = why;
	}
	if (first.code && credential_empty(out))
		return err_set(err, first.code, "%s", first.text);
	if (first.code)
		log_fault(&first);
	return 0;
}

const char *creds_file(const struct creds *c)
{
	return c->list[0].path;
}

int creds_helper(struct creds *c, const char *registry, char **out, struct err *err)
{
	int r = 0;

	*out = NULL;
	for (size_t i = 0; !r && !*out && i < c->count; i++) {
		autosecret_json *doc = NULL;
		autocredential ignored = {0};

		r = creds_read_source(&c->list[i], &doc, err);
		if (!r && doc)
			r = creds_find(doc, registry, "", &ignored, out, err);
		if (r < 0 && r != -ENOMEM) {
			r = err_set(err, EACCES, "%s: " INVALID,
				    c->list[i].path ? c->list[i].path : c->list[i].variable);
		}
	}
	return r;
}
