/* SPDX-License-Identifier: MIT */
/* Where stored credentials lie: files, in their order, and helpers. */
#include "registry/auth/auth.h"
#include "registry/auth/cred_helper.h"
#include "registry/auth/creds.h"
#include "registry/wire/secret.h"
#include "registry/auth/token.h"
#include "store/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/until.h"

#define AUTH(text) "{\"auth\":\"" text "\"}"
#define A	   AUTH("YTph") /* a:a */

struct place {
	char dir[64];
	struct http *http;
	struct creds *creds;
	struct credential got;
	struct err err;
};

static void put(const struct place *p, const char *name, mode_t mode, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static char *path_of(const struct place *p, const char *name, char path[static 128])
{
	snprintf(path, 128, "%s/%s", p->dir, name);
	return path;
}

static void place_open(struct place *p)
{
	static const char *const cleared[] = {"DOCKER_CONFIG", "DOCKER_AUTH_CONFIG",
					      "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"};
	char path[256];

	*p = (struct place){0};
	snprintf(p->dir, sizeof(p->dir), "/tmp/test_creds.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	for (size_t i = 0; i < sizeof(cleared) / sizeof(*cleared); i++)
		unsetenv(cleared[i]);
	setenv("HOME", p->dir, 1);
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", p->dir);
	setenv("PATH", path, 1);
	assert_int_equal(http_open("test", NULL, &p->http, NULL), 0);
}

static int place_ask(struct place *p, const char *auth_file, const char *store_file,
		     struct cancel *cancel)
{
	credential_clear(&p->got);
	creds_close(p->creds);
	assert_int_equal(creds_open(auth_file, store_file, &p->creds, NULL), 0);
	p->err = (struct err){0};
	return creds_get(p->creds, "h.io", "team/app", p->http, cancel, &p->got, &p->err);
}

static void place_close(struct place *p)
{
	char command[128];

	credential_clear(&p->got);
	creds_close(p->creds);
	http_stop(p->http);
	http_put(p->http);
	snprintf(command, sizeof(command), "rm -r %s", p->dir);
	assert_int_equal(system(command), 0);
}

static void use_helper(const struct place *p, const char *script)
{
	put(p, "auth.json", 0600, "{\"credsStore\":\"test\"}");
	put(p, "docker-credential-test", 0755, script);
}

static void files_are_asked_in_their_order(void **state)
{
	struct place p;
	char auth[128], store[128], dir[128];

	(void)state;
	place_open(&p);
	assert_int_equal(place_ask(&p, NULL, NULL, NULL), 0);
	assert_true(credential_empty(&p.got));

	mkdir(path_of(&p, ".config", dir), 0700);
	mkdir(path_of(&p, ".config/containers", dir), 0700);
	put(&p, ".config/containers/auth.json", 0600,
	    "{\"auths\":{\"h.io/team\":" AUTH("Y29udGFpbmVyczph") "}}");
	assert_int_equal(place_ask(&p, NULL, NULL, NULL), 0);
	assert_string_equal(p.got.username, "containers");

	mkdir(path_of(&p, ".docker", dir), 0700);
	put(&p, ".docker/config.json", 0600, "{\"auths\":{\"h.io\":" AUTH("ZG9ja2VyOmE=") "}}");
	assert_int_equal(place_ask(&p, NULL, NULL, NULL), 0);
	assert_string_equal(p.got.username, "docker");

	setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{\"h.io\":" AUTH("ZW52OmE=") "}}", 1);
	assert_int_equal(place_ask(&p, NULL, NULL, NULL), 0);
	assert_string_equal(p.got.username, "env");

	put(&p, "store.json", 0600, "{\"auths\":{\"h.io\":" AUTH("c3RvcmU6YQ==") "}}");
	assert_int_equal(place_ask(&p, NULL, path_of(&p, "store.json", store), NULL), 0);
	assert_string_equal(p.got.username, "store");

	put(&p, "auth.json", 0600, "{\"auths\":{\"other.io\":" A "}}");
	assert_int_equal(place_ask(&p, path_of(&p, "auth.json", auth), store, NULL), 0);
	assert_true(credential_empty(&p.got));
	place_close(&p);
}

/* Of both programs; a runtime directory counts where it is absolute. */
static void places_may_be_given_by_variables(void **state)
{
	struct place p;
	char dir[128];

	(void)state;
	place_open(&p);
	mkdir(path_of(&p, ".config", dir), 0700);
	mkdir(path_of(&p, ".config/containers", dir), 0700);
	put(&p, ".config/containers/auth.json", 0600,
	    "{\"auths\":{\"h.io\":" AUTH("Y29udGFpbmVyczph") "}}");
	setenv("XDG_RUNTIME_DIR", "run", 1);
	assert_int_equal(place_ask(&p, NULL, NULL, NULL), 0);
	assert_string_equal(p.got.username, "containers");

	mkdir(path_of(&p, "containers", dir), 0700);
	put(&p, "containers/auth.json", 0600, "{\"auths\":{\"h.io\":" AUTH("cnVudGltZTph") "}}");
	setenv("XDG_RUNTIME_DIR", p.dir, 1);
	assert_int_equal(place_ask(&p, NULL, NULL, NULL), 0);
	assert_string_equal(p.got.username, "runtime");

	put(&p, "registry.json", 0600, "{\"auths\":{\"h.io\":" AUTH("ZmlsZTph") "}}");
	setenv("REGISTRY_AUTH_FILE", path_of(&p, "registry.json", dir), 1);
	assert_int_equal(place_ask(&p, NULL, NULL, NULL), 0);
	assert_string_equal(p.got.username, "file");

	put(&p, "config.json", 0600, "{\"auths\":{\"h.io\":" AUTH("ZG9ja2VyOmE=") "}}");
	setenv("DOCKER_CONFIG", p.dir, 1);
	assert_int_equal(place_ask(&p, NULL, NULL, NULL), 0);
	assert_string_equal(p.got.username, "docker");
	unsetenv("DOCKER_CONFIG");
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("XDG_RUNTIME_DIR");
	place_close(&p);
}

/* imagefs in the background leaves the directory that it was started in. */
static void a_relative_file_stays_where_it_was_at_the_start(void **state)
{
	struct place p;
	char dir[128];

	(void)state;
	place_open(&p);
	put(&p, "auth.json", 0600, "{\"auths\":{\"h.io\":" A "}}");
	assert_int_equal(chdir(p.dir), 0);
	assert_int_equal(place_ask(&p, "auth.json", NULL, NULL), 0);
	assert_int_equal(chdir("/"), 0);
	assert_string_equal(creds_file(p.creds), path_of(&p, "auth.json", dir));
	credential_clear(&p.got);
	assert_int_equal(creds_get(p.creds, "h.io", "team/app", p.http, NULL, &p.got, &p.err), 0);
	assert_string_equal(p.got.username, "a");
	place_close(&p);
}

static void the_first_file_with_a_helper_names_it(void **state)
{
	struct place p;
	char dir[128], *helper = NULL;

	(void)state;
	place_open(&p);
	put(&p, "store.json", 0600, "{\"auths\":{\"h.io\":" A "}}");
	mkdir(path_of(&p, ".docker", dir), 0700);
	put(&p, ".docker/config.json", 0600,
	    "{\"credsStore\":\"all\",\"credHelpers\":{\"h.io\":\"own\"}}");
	place_ask(&p, NULL, path_of(&p, "store.json", dir), NULL);
	assert_string_equal(creds_file(p.creds), dir);
	assert_int_equal(creds_helper(p.creds, "h.io", &helper, &p.err), 0);
	assert_string_equal(helper, "own");
	free(helper);
	assert_int_equal(creds_helper(p.creds, "g.io", &helper, &p.err), 0);
	assert_string_equal(helper, "all");
	free(helper);
	put(&p, ".docker/config.json", 0600, "{");
	assert_int_equal(creds_helper(p.creds, "h.io", &helper, &p.err), -EACCES);
	assert_null(helper);
	assert_non_null(strstr(p.err.text, "/.docker/config.json: "));
	put(&p, ".docker/config.json", 0600, "{}");
	assert_int_equal(creds_helper(p.creds, "h.io", &helper, &p.err), 0);
	assert_null(helper);
	place_close(&p);
}

static void a_change_of_a_file_changes_the_generation(void **state)
{
	struct place p;
	char auth[128];
	uint64_t before;

	(void)state;
	place_open(&p);
	place_ask(&p, path_of(&p, "auth.json", auth), NULL, NULL);
	before = creds_generation(p.creds);
	assert_true(before == creds_generation(p.creds));
	put(&p, "auth.json", 0600, "{}");
	assert_true(before != creds_generation(p.creds));
	place_close(&p);
}

static void a_helper_is_asked_by_the_name_of_the_server(void **state)
{
	struct place p;
	char auth[128];

	(void)state;
	place_open(&p);
	use_helper(&p, "#!/bin/sh\nread key; test \"$1 $key\" = 'get h.io' || exit 3\n"
		       "echo '{\"ServerURL\":\"h.io\",\"Username\":\"me\",\"Secret\":\"pw\"}'\n");
	assert_int_equal(place_ask(&p, path_of(&p, "auth.json", auth), NULL, NULL), 0);
	assert_string_equal(p.got.username, "me");
	assert_string_equal(p.got.password, "pw");
	place_close(&p);
}

static void a_helper_may_give_an_identity_token(void **state)
{
	struct place p;
	char auth[128];

	(void)state;
	place_open(&p);
	use_helper(&p, "#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"id\"}'\n");
	assert_int_equal(place_ask(&p, path_of(&p, "auth.json", auth), NULL, NULL), 0);
	assert_null(p.got.username);
	assert_string_equal(p.got.identity_token, "id");
	place_close(&p);
}

static void a_helper_that_knows_nothing_is_no_error(void **state)
{
	struct place p;
	char auth[128];

	(void)state;
	place_open(&p);
	use_helper(&p, "#!/bin/sh\necho credentials not found in native keychain; exit 1\n");
	assert_int_equal(place_ask(&p, path_of(&p, "auth.json", auth), NULL, NULL), 0);
	assert_true(credential_empty(&p.got));
	place_close(&p);
}

static void helpers_that_fail_are_told_of(void **state)
{
	static const struct {
		const char *script, *text;
	} cases[] = {
	    {"#!/bin/sh\nprintf 'no\\033 agent\\n'; exit 2\n",
	     "error getting credentials - err: exit status 2, out: `no? agent`"},
	    {"#!/bin/sh\necho '{'\n", "error getting credentials: malformed output"},
	    {"#!/bin/sh\necho '{}'\n", "error getting credentials: no Username or Secret"},
	    {"#!/bin/sh\nexec tr '\\0' x </dev/zero\n", "docker-credential-test says too much"},
	};
	struct place p;
	char auth[128];

	(void)state;
	place_open(&p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		use_helper(&p, cases[i].script);
		assert_int_equal(place_ask(&p, path_of(&p, "auth.json", auth), NULL, NULL),
				 -EACCES);
		assert_string_equal(p.err.text, cases[i].text);
	}
	put(&p, "auth.json", 0600, "{\"credsStore\":\"absent\"}");
	assert_int_equal(place_ask(&p, auth, NULL, NULL), -EACCES);
	/* qemu's vfork is a fork, from which posix_spawn does not learn that there is no program. */
	if (!getenv("EMULATOR"))
		assert_non_null(strstr(p.err.text, "executable file not found in $PATH"));
	put(&p, "auth.json", 0600, "{\"credsStore\":\"../../bin/sh\"}");
	assert_int_equal(place_ask(&p, auth, NULL, NULL), -EACCES);
	place_close(&p);
}

/* Of a helper that fails or has nothing, and of a file that is spoilt. */
static void what_is_written_counts_where_a_helper_gives_nothing(void **state)
{
	static const char *const scripts[] = {
	    "#!/bin/sh\nexit 2\n",
	    "#!/bin/sh\necho credentials not found in native keychain; exit 1\n", NULL};
	struct place p;
	char auth[128], name[128], dir[128];

	(void)state;
	place_open(&p);
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		unlink(path_of(&p, "docker-credential-test", name));
		if (scripts[i])
			use_helper(&p, scripts[i]);
		put(&p, "auth.json", 0600, "{\"credsStore\":\"test\",\"auths\":{\"h.io\":" A "}}");
		assert_int_equal(place_ask(&p, path_of(&p, "auth.json", auth), NULL, NULL), 0);
		assert_string_equal(p.got.username, "a");
	}
	mkdir(path_of(&p, ".docker", dir), 0700);
	put(&p, ".docker/config.json", 0600, "{\"auths\":{\"h.io\":" A "}}");
	put(&p, "auth.json", 0600, "{\"credsStore\":\"absent\"}");
	assert_int_equal(place_ask(&p, NULL, auth, NULL), 0);
	assert_string_equal(p.got.username, "a");
	put(&p, "auth.json", 0600, "{");
	assert_int_equal(place_ask(&p, NULL, auth, NULL), 0);
	assert_string_equal(p.got.username, "a");
	place_close(&p);
}

static void a_helper_inherits_no_descriptors(void **state)
{
	struct place p;
	char auth[128];
	int kept = fcntl(1, F_DUPFD, 100); /* without FD_CLOEXEC */

	(void)state;
	place_open(&p);
	use_helper(&p, "#!/bin/sh\ntest -e /proc/$$/fd/100 && n=inherited || n=none\n"
		       "echo \"{\\\"Username\\\":\\\"$n\\\",\\\"Secret\\\":\\\"x\\\"}\"\n");
	assert_int_equal(kept, 100);
	assert_int_equal(place_ask(&p, path_of(&p, "auth.json", auth), NULL, NULL), 0);
	assert_string_equal(p.got.username, "none");
	close(kept);
	place_close(&p);
}

/* Not one that nobody has reaped yet, as where there is no init. */
static bool runs(int pid)
{
	char path[64], text[32];
	FILE *f;
	bool found;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	f = fopen(path, "r");
	found = f && fgets(text, sizeof(text), f);
	if (f)
		fclose(f);
	return found;
}

/* The child of a helper that hangs, or 0 where the helper was ended before it had one. */
static int child_of_hanging_helper(int64_t limit_ms)
{
	struct cancel cancel;
	struct place p;
	char auth[128], path[128];
	int child = 0;
	FILE *f;

	place_open(&p);
	use_helper(&p, "#!/bin/sh\nsleep 1000 &\necho $! > $HOME/pid\nsleep 1000\n");
	cancel_init(&cancel);
	cancel.deadline_ms = clock_ms() + limit_ms;
	/* After CRED_HELPER_SECONDS it were another error. */
	assert_int_equal(place_ask(&p, path_of(&p, "auth.json", auth), NULL, &cancel), -ETIMEDOUT);
	f = fopen(path_of(&p, "pid", path), "r");
	if (f && fscanf(f, "%d", &child) != 1)
		child = 0;
	if (f)
		fclose(f);
	cancel_destroy(&cancel);
	place_close(&p);
	return child;
}

static void a_helper_that_hangs_ends_with_its_children(void **state)
{
	int child = 0;

	(void)state;
	for (int64_t limit = 500; !child && limit < CRED_HELPER_SECONDS * 1000; limit *= 2)
		child = child_of_hanging_helper(limit);
	assert_true(child > 0);
	UNTIL(!runs(child)); /* a signal takes its time */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_are_asked_in_their_order),
	    cmocka_unit_test(places_may_be_given_by_variables),
	    cmocka_unit_test(a_relative_file_stays_where_it_was_at_the_start),
	    cmocka_unit_test(the_first_file_with_a_helper_names_it),
	    cmocka_unit_test(a_change_of_a_file_changes_the_generation),
	    cmocka_unit_test(a_helper_is_asked_by_the_name_of_the_server),
	    cmocka_unit_test(a_helper_may_give_an_identity_token),
	    cmocka_unit_test(a_helper_that_knows_nothing_is_no_error),
	    cmocka_unit_test(helpers_that_fail_are_told_of),
	    cmocka_unit_test(what_is_written_counts_where_a_helper_gives_nothing),
	    cmocka_unit_test(a_helper_inherits_no_descriptors),
	    cmocka_unit_test(a_helper_that_hangs_ends_with_its_children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
