/* SPDX-License-Identifier: MIT */
#include "registry/api/login_file.h"

#include "registry/wire/secret.h"
#include "store/base/io.h"
#include "store/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1u << 20)
#define PRETTY_FLAGS                                                                               \
	(JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_PRETTY_TAB | JSON_C_TO_STRING_NOSLASHESCAPE)

/* A file being changed. */
struct login_change {
	char path[PATH_MAX]; /* symlinks resolved */
	const char *name;    /* in it: the last component */
	int dirfd;	     /* owned, locked */
	struct json_object *doc;
};

static void change_close(struct login_change *c)
{
	secret_json_put(c->doc);
	if (c->dirfd >= 0)
		close(c->dirfd);
}
#define autochange __attribute__((cleanup(change_close))) struct login_change

/* The file need not exist; its directory is made. */
static int login_file_open_directory(const char *path, struct login_change *c, struct err *err)
{
	char *slash;

	if (!realpath(path, c->path) &&
	    snprintf(c->path, sizeof(c->path), "%s", path) >= (int)sizeof(c->path))
		return err_set(err, ENAMETOOLONG, "%s", path);
	slash = strrchr(c->path, '/');
	if (!slash)
		return err_set(err, EINVAL, "%s: not an absolute path", path);
	*slash = '\0';
	mkdir(c->path, 0700);
	c->dirfd = open(*c->path ? c->path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dirfd < 0)
		return err_sys(err, "%s", c->path);
	c->name = slash + 1;
	return flock(c->dirfd, LOCK_EX) < 0 ? err_sys(err, "lock %s", c->path) : 0;
}

static int login_file_read_document(const char *path, struct login_change *c, struct err *err)
{
	autosecret_buf text = BUF_INIT;
	autoclose int fd = openat(c->dirfd, c->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *room;
	ssize_t n;

	if (fd < 0 && errno != ENOENT)
		return err_sys(err, "%s", path);
	if (fd >= 0) {
		room = buf_reserve(&text, FILE_MAX);
		if (!room)
			return err_nomem(err);
		n = io_pread(fd, room, FILE_MAX, 0, err);
		if (n < 0)
			return (int)n;
		text.len = (size_t)n;
	}
	if (text.len == 0)
		c->doc = json_object_new_object();
	else if (json_parse(text.data, text.len, &c->doc, NULL) < 0 ||
		 !json_object_is_type(c->doc, json_type_object))
		return err_set(err, EACCES, "%s: invalid auth configuration file", path);
	return c->doc ? 0 : err_nomem(err);
}

static int change_open(const char *path, struct login_change *c, struct err *err)
{
	int r;

	*c = (struct login_change){.dirfd = -1};
	r = login_file_open_directory(path, c, err);
	return r ? r : login_file_read_document(path, c, err);
}

static int write_document(const char *path, struct login_change *c, struct err *err)
{
	const char *text = json_object_to_json_string_ext(c->doc, PRETTY_FLAGS);
	int r;

	if (!text)
		return err_nomem(err);
	r = io_publish(c->dirfd, c->name, text, strlen(text), 0600, err);
	explicit_bzero((char *)text, strlen(text)); /* json-c keeps it */
	return r ? err_context(err, "%s", path) : 0;
}

/* o[key], an object; made where it is missing. */
static struct json_object *map_in(struct json_object *o, const char *key)
{
	struct json_object *map = json_map(o, key);

	if (!map) {
		map = json_object_new_object();
		if (map && json_object_object_add(o, key, map) < 0)
			return NULL;
	}
	return map;
}

/* {"auth": base64 of name:password}; empty where there are none. */
static struct json_object *entry_of(const struct credential *c)
{
	struct json_object *entry = json_object_new_object();
	size_t len;

	if (!entry || !c)
		return entry;
	len = strlen(c->username) + 1 + strlen(c->password);
	autosecret *plain = malloc(len + 1);
	autosecret *encoded = NULL;

	if (plain) {
		sprintf(plain, "%s:%s", c->username, c->password);
		encoded = secret_encode(plain, len);
	}
	if (!encoded ||
	    json_object_object_add(entry, "auth", json_object_new_string(encoded)) < 0) {
		json_object_put(entry);
		return NULL;
	}
	return entry;
}

/* host, http://host, https://host; true where one was there. */
static bool forget(struct json_object *doc, const char *key)
{
	static const char *const schemes[] = {"", "http://", "https://"};
	struct json_object *entries = json_map(doc, "auths");
	char text[1024];
	bool found = false;

	for (size_t i = 0; entries && i < 3; i++) {
		snprintf(text, sizeof(text), "%s%s", schemes[i], key);
		found = found || json_object_object_get_ex(entries, text, NULL);
		json_object_object_del(entries, text);
	}
	return found;
}

int login_file_set(const char *path, const char *key, const struct credential *c, struct err *err)
{
	autochange change;
	struct json_object *auths, *entry;
	int r = change_open(path, &change, err);

	if (r)
		return r;
	forget(change.doc, key);
	auths = map_in(change.doc, "auths");
	entry = entry_of(c);
	if (!auths || !entry || json_object_object_add(auths, key, entry) < 0) {
		json_object_put(entry);
		return err_nomem(err);
	}
	return write_document(path, &change, err);
}

int login_file_remove(const char *path, const char *key, struct err *err)
{
	autochange change;
	int r = change_open(path, &change, err);

	if (r)
		return r;
	return forget(change.doc, key) ? write_document(path, &change, err) : 0;
}
