/* SPDX-License-Identifier: MIT */
#include "store/disk/layout.h"

#include "store/base/io.h"
#include "store/base/json.h"
#include "store/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define FORMAT_VERSION 1 /* of derived/: what derived/imagefs-version names */
#define VERSION_PATH   "derived/imagefs-version"
#define SMALL_FILE_MAX 4096
#define FILE_MODE      0600
#define PART_KEPT_S    (7 * 24 * 3600)

static const char oci_layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
static const char empty_index[] = "{\"schemaVersion\":2,\"manifests\":[]}";

static void dir_close(DIR **d)
{
	if (*d)
		closedir(*d);
}
#define autodir __attribute__((cleanup(dir_close))) DIR

static int dir_open(int dirfd, const char *path, DIR **out, struct err *err)
{
	int fd = io_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0, err);

	if (fd < 0)
		return fd;
	*out = fdopendir(fd);
	if (*out)
		return 0;
	close(fd);
	return err_nomem(err);
}

/* What a creation that was killed may have left, or one that goes on meanwhile makes, which ends
 * with oci-layout; and what a fresh disk holds. */
static bool may_be_ours(const char *name)
{
	static const char *const names[] = {"blobs",	  "derived", "partial",	   "leases",
					    "lock",	  ".",	     "index.json", "oci-layout",
					    "lost+found", ".."};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, IO_TMP_PREFIX, strlen(IO_TMP_PREFIX)) == 0;
}

static int check_empty(int dirfd, struct err *err)
{
	autodir *d = NULL;
	struct dirent *e;
	int r = dir_open(dirfd, ".", &d, err);

	if (r)
		return r;
	while ((e = readdir(d)))
		if (!may_be_ours(e->d_name))
			return err_set(err, ENOTEMPTY,
				       "not a store: it has no oci-layout, but holds %s",
				       e->d_name);
	return 0;
}

/* A JSON object; what cannot be read as one is -EBADMSG, what the disk says stays. */
static int read_object(int dirfd, const char *path, size_t max, struct json_object **out,
		       struct err *err)
{
	autobuf text = BUF_INIT;
	autojson *doc = NULL;
	struct err why = {0};
	int r = io_read_file(dirfd, path, max, &text, &why);

	if (!r)
		r = json_parse(text.data, text.len, &doc, &why);
	if (r == -EFBIG || r == -EPROTO)
		return err_set(err, EBADMSG, "%s: %s", path, why.text);
	if (r)
		return err_set(err, -r, "%s", why.text);
	if (!json_object_is_type(doc, json_type_object))
		return err_set(err, EBADMSG, "%s: not a JSON object", path);
	*out = steal(&doc);
	return 0;
}

static int check_layout(int dirfd, struct err *err)
{
	autojson *doc = NULL;
	const char *version;
	int r = read_object(dirfd, "oci-layout", SMALL_FILE_MAX, &doc, err);

	if (r)
		return r;
	version = json_string(doc, "imageLayoutVersion");
	if (version && strcmp(version, "1.0.0") == 0)
		return 0;
	return err_set(err, EOPNOTSUPP, "oci-layout: image layout version %.40s, not 1.0.0",
		       version ? version : "unknown");
}

int layout_check(int dirfd, bool *complete, struct err *err)
{
	int r = check_layout(dirfd, err);

	*complete = !r;
	return r == -ENOENT ? check_empty(dirfd, err) : r;
}

/* For people alone: each derived file carries its own version, and one that does not fit is as good as missing. So a flipped
 * digit here is no reason to refuse the store. */
static int create_version(int dirfd, struct err *err)
{
	static const char text[] = {'0' + FORMAT_VERSION, '\n'};
	autobuf old = BUF_INIT;

	if (io_read_file(dirfd, VERSION_PATH, sizeof(text), &old, NULL) == 0 &&
	    old.len == sizeof(text) && memcmp(old.data, text, sizeof(text)) == 0)
		return 0;
	return io_publish(dirfd, VERSION_PATH, text, sizeof(text), FILE_MODE, err);
}

static int layout_create_file(int dirfd, const char *path, const char *text, struct err *err)
{
	if (faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return io_publish(dirfd, path, text, strlen(text), FILE_MODE, err);
}

int layout_create(int dirfd, bool complete, struct err *err)
{
	static const char *const dirs[] = {"blobs/sha256", "partial", "derived/layers",
					   "derived/trees"};
	static const char *const written[] = {
	    ".", "blobs", "blobs/sha256", "partial", "derived", "derived/layers", "derived/trees"};
	int r;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		r = io_mkdirs(dirfd, dirs[i], 0700, err);
		if (r)
			return r;
	}
	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++)
		if (faccessat(dirfd, written[i], W_OK | X_OK, AT_EACCESS) < 0)
			return err_sys(err, "write in %s", written[i]);
	r = create_version(dirfd, err);
	if (r || complete)
		return r;
	r = layout_create_file(dirfd, "index.json", empty_index, err);
	return r ? r : layout_create_file(dirfd, "oci-layout", oci_layout, err);
}

/* What can be locked has no owner any more: every writer holds its file's lock as long as it lives,
 * and looks, once it has it, whether the file still has its name. */
static void sweep_file(DIR *d, const char *name, bool (*goes)(const struct stat *st))
{
	autoclose int fd = io_open(dirfd(d), name, O_RDONLY, 0, NULL);
	struct stat st;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	if (fstat(fd, &st) == 0 && goes(&st))
		unlinkat(dirfd(d), name, 0);
}

static bool any_goes(const struct stat *st)
{
	(void)st;
	return true;
}

static bool empty_goes(const struct stat *st)
{
	return st->st_size == 0;
}

/* A part of a blob that nobody has gone on with: empty, or of a pull that failed long ago. What is
 * held of one (HEX.SIZE.held) belongs to an image, and goes with that. */
static bool part_goes(const struct stat *st)
{
	return empty_goes(st) || st->st_mtim.tv_sec < time(NULL) - PART_KEPT_S;
}

void layout_sweep(int dirfd)
{
	static const char *const dirs[] = {
	    ".", "partial", "derived", "derived/layers", "derived/trees", "derived/damaged"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		autodir *d = NULL;
		bool partial = strcmp(dirs[i], "partial") == 0;
		struct dirent *e;

		if (dir_open(dirfd, dirs[i], &d, NULL))
			continue;
		while ((e = readdir(d))) {
			if (strncmp(e->d_name, IO_TMP_PREFIX, strlen(IO_TMP_PREFIX)) == 0)
				sweep_file(d, e->d_name, any_goes);
			else if (partial && e->d_name[0] != '.')
				sweep_file(d, e->d_name,
					   strchr(e->d_name, '.') ? empty_goes : part_goes);
		}
	}
}
