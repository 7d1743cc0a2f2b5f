/* SPDX-License-Identifier: MIT */
#include "registry/auth/hosts.h"

#include "store/base/io.h"
#include "store/base/map.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CERTS_DIR	"/etc/docker/certs.d"
#define CERTS_MAX	(1u << 20) /* bytes of one file */
#define PEM_CERTIFICATE "-----BEGIN CERTIFICATE-----"

struct named_mirror {
	char *domain;
	struct mirror mirror;
};

struct hosts {
	char *certs_dir;
	char **insecure; /* owned; NULL-terminated */
	struct named_mirror *mirrors;
	size_t mirror_count;
	pthread_mutex_t lock;
	struct map *map; /* lock: name to struct host */
};

static int copy_insecure(struct hosts *h, const char *const *names, struct err *err)
{
	size_t n = 0;

	while (names && names[n])
		n++;
	h->insecure = calloc(n + 1, sizeof(*h->insecure));
	if (!h->insecure)
		return err_nomem(err);
	for (size_t i = 0; i < n; i++) {
		h->insecure[i] = strdup(names[i]);
		if (!h->insecure[i])
			return err_nomem(err);
	}
	return 0;
}

/* "HOST=URL" */
static int parse_mirror(const char *text, struct named_mirror *out, struct err *err)
{
	const char *equals = strchr(text, '=');
	int r;

	if (!equals || equals == text)
		return err_set(err, EINVAL, "mirror=%s: HOST=URL is expected", text);
	r = url_parse(equals + 1, &out->mirror.url, err);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || strchr(out->mirror.url.target, '?'))
		return err_set(err, EINVAL,
			       "mirror=%s: HOST=URL is expected, with an http or "
			       "https URL",
			       text);

	char *target = out->mirror.url.target;

	for (size_t n = strlen(target); n && target[n - 1] == '/';)
		target[--n] = '\0';
	out->domain = strndup(text, (size_t)(equals - text));
	return out->domain ? 0 : err_nomem(err);
}

static int copy_mirrors(struct hosts *h, const char *const *mirrors, struct err *err)
{
	size_t n = 0;

	while (mirrors && mirrors[n])
		n++;
	h->mirrors = calloc(n + 1, sizeof(*h->mirrors));
	if (!h->mirrors)
		return err_nomem(err);
	for (; h->mirror_count < n; h->mirror_count++) {
		int r = parse_mirror(mirrors[h->mirror_count], &h->mirrors[h->mirror_count], err);

		if (r < 0) {
			url_clear(&h->mirrors[h->mirror_count].mirror.url);
			return r;
		}
	}
	return 0;
}

static void host_free(void *value)
{
	struct host *h = value;

	if (!h)
		return;
	free(h->name);
	buf_free(&h->authorities);
	free(h->certificate);
	free(h->key);
	free(h);
}

int hosts_open(const struct registry_options *o, struct hosts **out, struct err *err)
{
	struct hosts *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return err_nomem(err);
	pthread_mutex_init(&h->lock, NULL);
	h->map = map_new();
	h->certs_dir = strdup(o->certs_dir ? o->certs_dir : CERTS_DIR);
	r = h->map && h->certs_dir ? 0 : err_nomem(err);
	if (!r)
		r = copy_insecure(h, o->insecure, err);
	if (!r)
		r = copy_mirrors(h, o->mirrors, err);
	if (r < 0) {
		hosts_close(h);
		return r;
	}
	*out = h;
	return 0;
}

void hosts_close(struct hosts *h)
{
	if (!h)
		return;
	map_free_all(h->map, host_free);
	for (size_t i = 0; i < h->mirror_count; i++) {
		free(h->mirrors[i].domain);
		url_clear(&h->mirrors[i].mirror.url);
	}
	free(h->mirrors);
	for (char **s = h->insecure; s && *s; s++)
		free(*s);
	free(h->insecure);
	free(h->certs_dir);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* The length of the host in "host", "host:port", "[v6]:port". */
static size_t host_part(const char *name)
{
	const char *end = name[0] == '[' ? strchr(name, ']') : NULL;

	return end ? (size_t)(end + 1 - name) : strcspn(name, ":");
}

static bool hosts_is_loopback(const char *name)
{
	size_t len = host_part(name);
	char host[64];

	if (len >= sizeof(host))
		return false;
	memcpy(host, name, len);
	host[len] = '\0';
	return !strcmp(host, "localhost") || !strcmp(host, "[::1]") ||
	       address_reach_text(host) == ADDRESS_LOOPBACK;
}

/* insecure=HOST holds for all its ports, insecure=HOST:PORT for one. */
static bool is_insecure(const struct hosts *h, const char *name)
{
	size_t len = host_part(name);

	if (hosts_is_loopback(name))
		return true;
	for (char **s = h->insecure; *s; s++)
		if (!strcasecmp(*s, name) || (strlen(*s) == len && !strncasecmp(*s, name, len)))
			return true;
	return false;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && !strcmp(name + n - s, suffix);
}

/* A client certificate counts with its key beside it (NAME.cert, NAME.key). */
static int take_certificate(struct host *host, int dir, const char *path, const char *name,
			    struct err *err)
{
	size_t stem = strlen(name) - strlen(".cert");
	autofree char *key = NULL;

	if (host->certificate)
		return 0;
	if (asprintf(&key, "%.*s.key", (int)stem, name) < 0)
		return err_nomem(err);
	if (faccessat(dir, key, R_OK, 0) < 0)
		return err_set(err, EACCES,
			       "missing key %s for client certificate %s. CA certificates must use "
			       "the extension .crt",
			       key, name);
	if (asprintf(&host->certificate, "%s/%s", path, name) < 0 ||
	    asprintf(&host->key, "%s/%s", path, key) < 0)
		return err_nomem(err);
	return 0;
}

static int hosts_read_entry(struct host *host, int dir, const char *path, const char *name,
			    struct err *err)
{
	if (has_suffix(name, ".cert"))
		return take_certificate(host, dir, path, name, err);
	if (!has_suffix(name, ".crt"))
		return 0;

	autoclose int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	char *room;
	ssize_t n;

	if (fd < 0)
		return err_sys(err, "%s/%s", path, name);
	room = buf_reserve(&host->authorities, CERTS_MAX);
	if (!room)
		return err_nomem(err);
	n = io_pread(fd, room, CERTS_MAX, 0, err);
	if (n < 0)
		return (int)n;
	host->authorities.len += (size_t)n;
	buf_putc(&host->authorities, '\n');
	return 0;
}

static int read_certs(struct host *host, const char *certs_dir, struct err *err)
{
	autofree char *path = NULL;
	struct dirent *e;
	int r = 0;

	/* A name is a host by grammar, so it has no slash; "." and ".." are not hosts. */
	if (strchr(host->name, '/') || host->name[0] == '.')
		return 0;
	if (asprintf(&path, "%s/%s", certs_dir, host->name) < 0)
		return err_nomem(err);

	DIR *dir = opendir(path);

	if (!dir)
		return errno == ENOENT ? 0 : err_sys(err, "%s", path);
	while (!r && (e = readdir(dir)))
		r = hosts_read_entry(host, dirfd(dir), path, e->d_name, err);
	closedir(dir);
	if (!r && host->authorities.len && !strstr(host->authorities.data, PEM_CERTIFICATE))
		r = err_set(err, EACCES, "%s: no certificate in its .crt files", path);
	return r;
}

static int host_new(struct hosts *h, const char *name, struct host **out, struct err *err)
{
	struct host *host = calloc(1, sizeof(*host));
	int r = 0;

	if (!host)
		return err_nomem(err);
	host->name = strdup(name);
	if (!host->name)
		r = err_nomem(err);
	else
		r = read_certs(host, h->certs_dir, err);
	if (!r && map_put(h->map, name, strlen(name), host) < 0)
		r = err_nomem(err);
	if (r < 0) {
		host_free(host);
		return r;
	}
	host->insecure = is_insecure(h, name);
	*out = host;
	return 0;
}

int hosts_get(struct hosts *h, const char *name, struct host **out, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&h->lock);
	*out = map_get(h->map, name, strlen(name));
	if (!*out)
		r = host_new(h, name, out, err);
	pthread_mutex_unlock(&h->lock);
	return r;
}

struct mirror *hosts_mirror(struct hosts *h, const char *domain, size_t *iter)
{
	while (*iter < h->mirror_count) {
		struct named_mirror *m = &h->mirrors[(*iter)++];

		if (!strcmp(m->domain, domain))
			return &m->mirror;
	}
	return NULL;
}

struct http_tls hosts_tls(const struct host *h)
{
	return (struct http_tls){.unverified = h->insecure,
				 .authorities = h->authorities.len ? &h->authorities : NULL,
				 .certificate = h->certificate,
				 .key = h->key};
}
