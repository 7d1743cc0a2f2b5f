/* SPDX-License-Identifier: MIT */
#include "fs/core/caller.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/until.h"

static const char *behind(const char *path, const char *dir, const char *name)
{
	static struct caller c;

	snprintf(c.path, sizeof(c.path), "%s", path);
	return caller_behind(&c, dir, name);
}

static void what_stands_behind_a_name(void **state)
{
	(void)state;
	assert_string_equal(behind("/m/images/h/org/app", "h/org", "app"), "");
	assert_string_equal(behind("/m/images/h/org/app/", "h/org", "app"), "");
	assert_string_equal(behind("/m/images/h/org/app/.", "h/org", "app"), "");
	assert_string_equal(behind("/m/images/h/org//./app///v1/x", "h/org", "app"), "v1/x");
	assert_string_equal(behind("app/v1", "h/org", "app"), "v1");
	assert_string_equal(behind("../../app", "h/org", "app"), "");
	assert_string_equal(behind("v1/rootfs", "h/org/app", "v1"), "rootfs");
}

static void a_name_that_comes_twice_is_that_of_its_directory(void **state)
{
	(void)state;
	assert_string_equal(behind("/m/images/h/app/app/v1", "h", "app"), "app/v1");
	assert_string_equal(behind("/m/images/h/app/app/v1", "h/app", "app"), "v1");
	assert_string_equal(behind("/m/app/images/app/x", "images", "app"), "x");
	assert_string_equal(behind("app/v1/rootfs/opt/app", "h", "app"), "v1/rootfs/opt/app");
	assert_string_equal(behind("/m/images/h/app/v1/opt/app", "h", "app"), "v1/opt/app");
	assert_null(behind("/link/app/v1/opt/app", "h", "app"));
}

static void a_name_with_a_plus_is_that_with_a_colon(void **state)
{
	(void)state;
	assert_string_equal(behind("/m/images/h+50/app/v1", "images", "h:50"), "app/v1");
	assert_string_equal(behind("/m/images/h+50/app/v1", "h:50", "app"), "v1");
	assert_string_equal(behind("/m/images/app/+v1", "app", "v1"), "");
	assert_string_equal(behind("/m/images/app/+v1/rootfs", "app", "v1"), "rootfs");
}

static void a_reference_that_was_pasted_goes_on_with_its_tag(void **state)
{
	(void)state;
	assert_string_equal(behind("/m/images/h/app:v1/rootfs", "h", "app"), ":v1/rootfs");
}

static void of_a_name_that_is_not_in_the_path_nothing_is_known(void **state)
{
	(void)state;
	assert_null(behind("/m/images/h/app/v1", "h/app", "v2"));
	assert_null(behind("/m/images/h/app/v10", "h/app", "v1"));
	assert_null(behind("", "h", "app"));
	assert_null(behind("///", "h", "app"));
}

/* A process that waits in open(2) of a FIFO: `flags` has it stand in that call. */
static pid_t waits_in_open(const char *path, int flags)
{
	pid_t child = fork();

	if (child == 0) {
		open(path, flags, 0600);
		_exit(0);
	}
	return child;
}

static bool knows_path(pid_t pid, struct caller *c)
{
	caller_read(pid, c);
	return *c->path;
}

static void a_process_in_its_system_call(void **state)
{
	char path[128];
	struct caller c;
	pid_t child;

	(void)state;
	/* The system call that the kernel tells of is qemu's. */
	if (getenv("EMULATOR"))
		skip();
	snprintf(path, sizeof(path), "/tmp/imagefs-caller.%d", (int)getpid());
	assert_int_equal(mkfifo(path, 0600), 0);
	child = waits_in_open(path, O_RDONLY);
	UNTIL(knows_path(child, &c));
	assert_string_equal(c.path, path);
	assert_true(c.looks);
	assert_false(c.creates);
	assert_false(caller_was_told(&c));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	child = waits_in_open(path, O_RDONLY | O_CREAT);
	UNTIL(knows_path(child, &c));
	assert_true(c.creates);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(path);
	caller_read(child, &c);
	assert_string_equal(c.path, "");
	assert_false(c.looks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_stands_behind_a_name),
	    cmocka_unit_test(a_name_that_comes_twice_is_that_of_its_directory),
	    cmocka_unit_test(a_name_with_a_plus_is_that_with_a_colon),
	    cmocka_unit_test(a_reference_that_was_pasted_goes_on_with_its_tag),
	    cmocka_unit_test(of_a_name_that_is_not_in_the_path_nothing_is_known),
	    cmocka_unit_test(a_process_in_its_system_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
