/* SPDX-License-Identifier: MIT */
#include "fs/core/options.h"

#include "store/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

const char options_usage[] =
    "usage: imagefs [STORE] MOUNTPOINT [-o OPTION[,OPTION]...] [-f] [-d]\n"
    "\n"
    "Shows container images as files: MOUNTPOINT/images/redis/7/rootfs/etc/...\n"
    "STORE is a directory, an OCI image layout; it is made where it does not exist.\n"
    "Default: $XDG_DATA_HOME/imagefs (~/.local/share/imagefs), for root /var/lib/imagefs.\n"
    "\n"
    "  -f              stay in the foreground, with the log on standard error\n"
    "  -d              the same, with FUSE's debug output\n"
    "  -h, --help      this text\n"
    "  -V, --version   the version\n"
    "\n"
    "  -o platform=OS/ARCH[/VARIANT]  what is shown of an index (default: the host's)\n"
    "  -o fetch=lazy|background|whole what comes of layers that have a table of contents: what is\n"
    "                                 read; that, and then the rest; or all at once\n"
    "  -o cache_max=SIZE              what is kept of images that were looked at, and not pulled\n"
    "  -o index=manifest|referrers    whose tables of contents count: those that an image's "
    "manifest\n"
    "                                 names; or also those that were attached to it\n"
    "  -o image=REF                   the image's root filesystem alone, read-only\n"
    "  -o ro                          nothing can be opened for writing, ctl/ neither\n"
    "  -o lookup=remote|local         whether names that the store lacks reach a registry\n"
    "  -o offline                     nothing reaches a registry\n"
    "  -o xattr=on|off                whether extended attributes are answered\n"
    "  -o insecure=HOST[:PORT]        plain http, or TLS without verification (repeatable)\n"
    "  -o mirror=HOST=URL             tried first for HOST (repeatable)\n"
    "  -o auth=FILE                   credentials, in docker's config.json format\n"
    "  -o allow_other                 other users may read\n"
    "\n"
    "End it with: fusermount3 -u MOUNTPOINT\n";

static int choice(const char *name, const char *value, const char *yes, const char *no, bool *out,
		  struct err *err)
{
	if (!strcmp(value, yes))
		*out = true;
	else if (!strcmp(value, no))
		*out = false;
	else
		return err_set(err, EINVAL, "%s=%s: it is %s or %s", name, value, yes, no);
	return 0;
}

static int parse_fetch(const char *value, enum fetch_mode *out, struct err *err)
{
	static const char *const modes[] = {
	    [FETCH_LAZY] = "lazy", [FETCH_BACKGROUND] = "background", [FETCH_WHOLE] = "whole"};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(value, modes[i])) {
			*out = (enum fetch_mode)i;
			return 0;
		}
	return err_set(err, EINVAL, "fetch=%s: it is lazy, background or whole", value);
}

/* Bytes, or with K, M, G or T (of 1024). */
static int parse_cache_max(const char *value, uint64_t *out, struct err *err)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned shift;
	char *end;

	errno = 0;
	*out = strtoull(value, &end, 10);
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	if (errno || !isdigit((unsigned char)value[0]) || (*end && (!unit || end[1])) ||
	    *out > UINT64_MAX >> shift)
		return err_set(err, EINVAL,
			       "cache_max=%s: it is a number of bytes, or 10G, 500M, ...", value);
	*out <<= shift;
	if (*out < OPTIONS_CACHE_MIN)
		return err_set(err, EINVAL, "cache_max=%s: it is 16M at least", value);
	return 0;
}

/* The value behind "name=", or NULL where the option is another one. */
static const char *value_of(const char *option, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(option, name, len) && option[len] == '=' ? option + len + 1 : NULL;
}

static int add_absolute(char **to, const char *path, struct err *err)
{
	char cwd[PATH_MAX];
	int n;

	free(*to);
	*to = NULL;
	if (path[0] == '/')
		n = asprintf(to, "%s", path);
	else if (!getcwd(cwd, sizeof(cwd)))
		return err_sys(err, "the working directory");
	else
		n = asprintf(to, "%s/%s", cwd, path);
	if (n < 0)
		*to = NULL;
	return *to ? 0 : err_nomem(err);
}

static int parse_option(struct options *o, const char *option, struct err *err)
{
	const char *v;

	if ((v = value_of(option, "platform")))
		return platform_parse(v, &o->platform, err);
	if ((v = value_of(option, "lookup")))
		return choice("lookup", v, "remote", "local", &o->lookup_remote, err);
	if ((v = value_of(option, "fetch")))
		return parse_fetch(v, &o->fetch, err);
	if ((v = value_of(option, "cache_max")))
		return parse_cache_max(v, &o->cache_max, err);
	if ((v = value_of(option, "index")))
		return choice("index", v, "referrers", "manifest", &o->index_referrers, err);
	if ((v = value_of(option, "xattr")))
		return choice("xattr", v, "on", "off", &o->xattr, err);
	if ((v = value_of(option, "insecure")))
		return words_add(&o->insecure, v, strlen(v), err);
	if ((v = value_of(option, "mirror"))) {
		if (!strchr(v, '='))
			return err_set(err, EINVAL, "mirror=%s: it is mirror=HOST=URL", v);
		return words_add(&o->mirrors, v, strlen(v), err);
	}
	if ((v = value_of(option, "image"))) {
		free(o->image);
		o->image = strdup(v);
		return o->image ? 0 : err_nomem(err);
	}
	if ((v = value_of(option, "auth")))
		return add_absolute(&o->auth_file, v, err);
	if (!strcmp(option, "offline")) {
		o->offline = true;
		return 0;
	}
	if (!strcmp(option, "allow_other"))
		o->allow_other = true; /* and FUSE's */
	if (o->fuse.len)
		buf_putc(&o->fuse, ',');
	buf_puts(&o->fuse, option);
	return buf_failed(&o->fuse) ? err_nomem(err) : 0;
}

/* Comma separated; a value that holds a comma cannot be given, as with mount(8). */
static int parse_options(struct options *o, const char *text, struct err *err)
{
	autofree char *copy = strdup(text);
	char *rest = copy, *option;
	int r = copy ? 0 : err_nomem(err);

	while (!r && (option = strsep(&rest, ",")))
		if (*option)
			r = parse_option(o, option, err);
	return r;
}

static int default_store(struct options *o, struct err *err)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int n;

	if (geteuid() == 0)
		n = asprintf(&o->store, "/var/lib/imagefs");
	else if (data && data[0] == '/')
		n = asprintf(&o->store, "%s/imagefs", data);
	else if (home && home[0] == '/')
		n = asprintf(&o->store, "%s/.local/share/imagefs", home);
	else
		return err_set(err, EINVAL,
			       "no STORE given, and neither XDG_DATA_HOME nor HOME is set");
	if (n < 0)
		o->store = NULL;
	return o->store ? 0 : err_nomem(err);
}

static int take_operands(struct options *o, int count, char **operands, struct err *err)
{
	int r;

	if (count < 1 || count > 2)
		return err_set(err, EINVAL, "%s",
			       count < 1 ? "no MOUNTPOINT given"
					 : "more than STORE and MOUNTPOINT given");
	r = add_absolute(&o->mountpoint, operands[count - 1], err);
	if (!r)
		r = count == 2 ? add_absolute(&o->store, operands[0], err) : default_store(o, err);
	return r;
}

int options_parse(int argc, char **argv, struct options *o, struct err *err)
{
	static const struct option long_options[] = {
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {0},
	};
	int c, r = 0;

	*o = (struct options){.lookup_remote = true, .xattr = true};
	platform_host(&o->platform);
	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, "o:fdhV", long_options, NULL)) != -1) {
		if (c == 'o')
			r = parse_options(o, optarg, err);
		else if (c == 'f' || c == 'd')
			o->foreground = true;
		else if (c == 'h')
			o->help = true;
		else if (c == 'V')
			o->version = true;
		else
			r = err_set(err, EINVAL, "%s: no such option, or its value is missing",
				    argv[optind - 1]);
		o->debug |= c == 'd';
	}
	if (r || o->help || o->version)
		return r;
	return take_operands(o, argc - optind, argv + optind, err);
}

void options_clear(struct options *o)
{
	free(o->store);
	free(o->mountpoint);
	free(o->mountpoint_given);
	free(o->auth_file);
	free(o->image);
	words_clear(&o->insecure);
	words_clear(&o->mirrors);
	buf_free(&o->fuse);
}
