/* SPDX-License-Identifier: MIT */
#include "store/oci/platform.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const systems[] = {
    "aix",   "android", "darwin", "dragonfly", "freebsd", "hurd",    "illumos", "ios", "js",
    "linux", "nacl",	"netbsd", "openbsd",   "plan9",	  "solaris", "windows", "zos"};

static const char *const architectures[] = {
    "386",     "amd64",	 "amd64p32", "arm",	 "armbe",     "arm64",	     "arm64be", "loong64",
    "mips",    "mipsle", "mips64",   "mips64le", "mips64p32", "mips64p32le", "ppc",	"ppc64",
    "ppc64le", "riscv",	 "riscv64",  "s390",	 "s390x",     "sparc",	     "sparc64", "wasm"};

/* Other names of architectures, and the variant that such a name carries. */
static const struct alias {
	const char *from, *architecture, *variant;
} aliases[] = {
    {"x86_64", "amd64", NULL}, {"x86-64", "amd64", NULL},  {"i386", "386", NULL},
    {"i686", "386", NULL},     {"aarch64", "arm64", NULL}, {"armhf", "arm", "v7"},
    {"armel", "arm", "v6"},    {"armv5tel", "arm", "v5"},  {"armv6l", "arm", "v6"},
    {"armv7l", "arm", "v7"},   {"armv8l", "arm", "v8"},	   {"loongarch64", "loong64", NULL},
};

static bool platform_contains(const char *const *list, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

/* Lower case; only what can stand in a file name and in a sentence. */
static int set_part(char part[static PLATFORM_PART_MAX], const char *text, struct err *err)
{
	size_t i;

	for (i = 0; text && text[i]; i++) {
		if (i + 1 == PLATFORM_PART_MAX)
			return err_set(err, EINVAL, "%.80s…: invalid platform: too long", text);
		if (!isalnum((unsigned char)text[i]) && !strchr("_.-", text[i]))
			return err_set(err, EINVAL, "%s: invalid platform: %s", text,
				       "only letters, digits, _, . and - are allowed");
		part[i] = (char)tolower((unsigned char)text[i]);
	}
	part[i] = '\0';
	return 0;
}

static void normalise_arm(struct platform *p)
{
	if (strcmp(p->variant, "") == 0 || strcmp(p->variant, "7") == 0)
		strcpy(p->variant, "v7");
	else if (p->variant[1] == '\0' && strchr("568", p->variant[0]))
		snprintf(p->variant, sizeof(p->variant), "v%c", p->variant[0]);
}

static void normalise_arm64(struct platform *p)
{
	char major;

	if (strcmp(p->variant, "8") == 0 || strcmp(p->variant, "v8") == 0 ||
	    strcmp(p->variant, "v8.0") == 0)
		p->variant[0] = '\0';
	else if (strcmp(p->variant, "9") == 0 || strcmp(p->variant, "v9.0") == 0)
		strcpy(p->variant, "v9");
	else if (sscanf(p->variant, "%c.", &major) == 1 && isdigit((unsigned char)major) &&
		 p->variant[1] == '.' && strlen(p->variant) + 1 < PLATFORM_PART_MAX) {
		memmove(p->variant + 1, p->variant, strlen(p->variant) + 1);
		p->variant[0] = 'v';
	}
}

static void platform_normalise(struct platform *p)
{
	if (strcmp(p->os, "macos") == 0)
		strcpy(p->os, "darwin");
	for (size_t i = 0; i < COUNT(aliases); i++) {
		if (strcmp(aliases[i].from, p->architecture) != 0)
			continue;
		strcpy(p->architecture, aliases[i].architecture);
		if (aliases[i].variant && !p->variant[0])
			strcpy(p->variant, aliases[i].variant);
		break;
	}
	if (strcmp(p->architecture, "amd64") == 0 && strcmp(p->variant, "v1") == 0)
		p->variant[0] = '\0';
	else if (strcmp(p->architecture, "arm") == 0)
		normalise_arm(p);
	else if (strcmp(p->architecture, "arm64") == 0)
		normalise_arm64(p);
}

int platform_set(struct platform *p, const char *os, const char *architecture, const char *variant,
		 struct err *err)
{
	int r = set_part(p->os, os, err);

	if (!r)
		r = set_part(p->architecture, architecture, err);
	if (!r)
		r = set_part(p->variant, variant, err);
	if (!r)
		platform_normalise(p);
	return r;
}

/* One word: a system, or an architecture of the system that this runs on. */
static int parse_word(const char *word, struct platform *out, struct err *err)
{
	struct platform host;
	int r;

	platform_host(&host);
	r = platform_set(out, word, "", "", err);
	if (r)
		return r;
	if (platform_contains(systems, COUNT(systems), out->os)) {
		memcpy(out->architecture, host.architecture, sizeof(host.architecture));
		memcpy(out->variant, host.variant, sizeof(host.variant));
		return 0;
	}
	r = platform_set(out, host.os, word, "", err);
	if (r)
		return r;
	if (!platform_contains(architectures, COUNT(architectures), out->architecture))
		return err_set(err, EINVAL,
			       "\"%s\": unknown operating system or architecture: invalid platform",
			       word);
	if (strcmp(out->architecture, host.architecture) == 0 && !out->variant[0])
		memcpy(out->variant, host.variant, sizeof(host.variant));
	return 0;
}

int platform_parse(const char *text, struct platform *out, struct err *err)
{
	char copy[PLATFORM_TEXT_MAX];
	char *parts[3] = {copy, NULL, NULL};
	size_t count = 1;

	if (strlen(text) >= sizeof(copy))
		return err_set(err, EINVAL, "%.80s…: invalid platform: too long", text);
	if (strchr(text, '*'))
		return err_set(err, EINVAL, "\"%s\": wildcards not yet supported: invalid platform",
			       text);
	strcpy(copy, text);
	for (char *p = copy; (p = strchr(p, '/'));) {
		if (count == COUNT(parts))
			return err_set(err, EINVAL, "\"%s\": cannot parse platform specifier",
				       text);
		*p++ = '\0';
		parts[count++] = p;
	}
	for (size_t i = 0; i < count; i++)
		if (!parts[i][0])
			return err_set(err, EINVAL, "\"%s\": cannot parse platform specifier",
				       text);
	if (count == 1)
		return parse_word(parts[0], out, err);
	return platform_set(out, parts[0], parts[1], parts[2], err);
}

/* The microarchitecture levels of the x86-64 psABI; the features named stand for the others of
 * their level, which every processor that has them has, too. */
static const char *amd64_variant(void)
{
#ifdef __x86_64__
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt"))
		return "";
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") ||
	    !__builtin_cpu_supports("fma"))
		return "v2";
	if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512cd") ||
	    !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
		return "v3";
	return "v4";
#else
	return "";
#endif
}

void platform_host(struct platform *out)
{
	struct utsname u;

	if (uname(&u) < 0 || platform_set(out, "linux", u.machine, "", NULL))
		platform_set(out, "linux", "unknown", "", NULL);
	if (strcmp(out->architecture, "amd64") == 0)
		strcpy(out->variant, amd64_variant());
}

const char *platform_text(const struct platform *p, char text[static PLATFORM_TEXT_MAX])
{
	snprintf(text, PLATFORM_TEXT_MAX, "%s/%s%s%s", p->os, p->architecture,
		 p->variant[0] ? "/" : "", p->variant);
	return text;
}

bool platform_equal(const struct platform *a, const struct platform *b)
{
	return strcmp(a->os, b->os) == 0 && strcmp(a->architecture, b->architecture) == 0 &&
	       strcmp(a->variant, b->variant) == 0;
}

/* A variant "vMAJOR[.MINOR]"; false for anything else. */
static bool variant_numbers(const char *variant, const char *none, int *major, int *minor)
{
	char end;

	*minor = 0;
	if (!variant[0])
		variant = none;
	if (sscanf(variant, "v%2d%c", major, &end) == 1)
		return *major > 0;
	return sscanf(variant, "v%2d.%2d%c", major, minor, &end) == 2 && *major > 0 && *minor >= 0;
}

/* Steps from arm64/vMAJOR.MINOR down to `have`. v9.n contains v8.(n+5); below v8.0 come the 32-bit
 * variants, from arm/v8 on. */
static int arm64_rank(int major, int minor, const struct platform *have)
{
	int have_major, have_minor, below;

	if (!variant_numbers(have->variant, "v8", &have_major, &have_minor))
		return -1;
	if (major == 9)
		below = (minor + 1) + (minor + 6);
	else if (major == 8)
		below = minor + 1;
	else
		return -1;
	if (strcmp(have->architecture, "arm") == 0)
		return have_major >= 5 && have_major <= 8 ? below + 8 - have_major : -1;
	if (strcmp(have->architecture, "arm64") != 0)
		return -1;
	if (have_major == major)
		return have_minor <= minor ? minor - have_minor : -1;
	if (major == 9 && have_major == 8)
		return have_minor <= minor + 5 ? minor + 1 + (minor + 5 - have_minor) : -1;
	return -1;
}

int platform_rank(const struct platform *wish, const struct platform *have)
{
	bool same = strcmp(wish->architecture, have->architecture) == 0;
	int major, minor, have_major, have_minor;

	if (platform_equal(wish, have))
		return 0;
	if (strcmp(wish->os, have->os) != 0)
		return -1;
	if (strcmp(wish->architecture, "arm64") == 0)
		return variant_numbers(wish->variant, "v8", &major, &minor)
			   ? arm64_rank(major, minor, have)
			   : -1;
	if (strcmp(wish->architecture, "amd64") != 0 && strcmp(wish->architecture, "arm") != 0)
		return -1;
	if (!variant_numbers(wish->variant, "v1", &major, &minor))
		return -1;
	if (strcmp(wish->architecture, "amd64") == 0 && strcmp(have->architecture, "386") == 0)
		return major;
	if (!same || !variant_numbers(have->variant, "v1", &have_major, &have_minor))
		return -1;
	return have_major <= major ? major - have_major : -1;
}
