/* SPDX-License-Identifier: MIT */
/* Pulling from a real docker-registry on the loopback, where skopeo has put an image. */
#include "registry/transfer/pull.h"
#include "store/disk/blob.h"
#include "store/disk/names.h"
#include "tests/unit/sample_image.h"
#include "tests/unit/scratch.h"
#include "tests/unit/until.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct scene {
	struct scratch dir;
	pid_t server;
	int port;
	struct sample_image image; /* team/app:1 there */
	struct store *store;
	struct registry *registry;
	struct buf lines;
	struct err err;
};

static bool have(const char *program)
{
	char command[100];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", program);
	return system(command) == 0;
}

static int connect_to(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = connect(fd, (struct sockaddr *)&a, sizeof(a));

	close(fd);
	return r;
}

static int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static void start_server(struct scene *s)
{
	char config[1024], path[512];

	s->port = free_port();
	snprintf(config, sizeof(config),
		 "version: 0.1\nstorage: {filesystem: {rootdirectory: %s/data}}\n"
		 "http: {addr: 127.0.0.1:%d}\n",
		 s->dir.path, s->port);
	scratch_puts(&s->dir, "config.yml", config);
	snprintf(path, sizeof(path), "%s", scratch_path(&s->dir, "config.yml"));
	s->server = fork();
	if (s->server == 0) {
		int log = openat(s->dir.fd, "log", O_WRONLY | O_CREAT | O_APPEND, 0600);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(log, 1);
		dup2(log, 2);
		execlp("docker-registry", "docker-registry", "serve", path, (char *)NULL);
		_exit(127);
	}
	UNTIL(connect_to(s->port) == 0);
}

static void stop_server(struct scene *s)
{
	if (s->server > 0) {
		kill(s->server, SIGKILL);
		waitpid(s->server, NULL, 0);
	}
	s->server = 0;
}

static void put(struct store *store, const struct sample *x)
{
	assert_int_equal(blob_put(store, &x->digest, x->body.data, x->body.len, NULL), 0);
}

/* Our own layout is what skopeo takes the image from. */
static void push_image(struct scene *s)
{
	AUTO(store_close) struct store *source = NULL;
	struct descriptor d = {.media_type = OCI_TYPE_MANIFEST};
	char command[1500];

	assert_int_equal(store_open(scratch_path(&s->dir, "source"), &source, NULL), 0);
	sample_image_make(&s->image, "file", 3, "");
	for (size_t n = 0; n < 3; n++)
		put(source, &s->image.layers[n].blob);
	put(source, &s->image.config);
	put(source, &s->image.manifest);
	d.digest = s->image.manifest.digest;
	d.size = s->image.manifest.body.len;
	assert_int_equal(names_set(source, "docker.io/library/app:1", &d, NULL), 0);
	snprintf(command, sizeof(command),
		 "skopeo copy -q --insecure-policy --dest-tls-verify=false "
		 "oci:%s/source:docker.io/library/app:1 "
		 "docker://127.0.0.1:%d/team/app:1 2>>%s/log",
		 s->dir.path, s->port, s->dir.path);
	assert_int_equal(system(command), 0);
}

static int scene_open(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	const struct registry_options options = {.user_agent = "imagefs-test"};

	*state = s;
	s->dir = scratch_make();
	if (!have("docker-registry") || !have("skopeo"))
		return 0;
	start_server(s);
	push_image(s);
	assert_int_equal(store_open(scratch_path(&s->dir, "store"), &s->store, NULL), 0);
	assert_int_equal(registry_open(&options, &s->registry, NULL), 0);
	return 0;
}

static int scene_close(void **state)
{
	struct scene *s = *state;

	registry_close(s->registry);
	store_close(s->store);
	stop_server(s);
	sample_image_free(&s->image);
	buf_free(&s->lines);
	scratch_drop(&s->dir);
	free(s);
	return 0;
}

static void on_line(void *arg, const char *line)
{
	buf_printf(arg, "%s\n", line);
}

static int pull(struct scene *s, const char *name)
{
	const struct transfer_watch watch = {.arg = &s->lines, .line = on_line};
	struct platform platform;
	struct cancel cancel;
	struct transfer p = {.registry = s->registry,
			     .store = s->store,
			     .platform = &platform,
			     .cancel = &cancel,
			     .watch = &watch};
	char text[200];
	autoref ref = REF_INIT;
	int r;

	platform_parse("linux/amd64", &platform, NULL);
	cancel_init(&cancel);
	buf_reset(&s->lines);
	snprintf(text, sizeof(text), "127.0.0.1:%d/%s", s->port, name);
	assert_int_equal(ref_parse(text, &ref, NULL), 0);
	r = pull_image(&p, &ref, &s->err);
	cancel_destroy(&cancel);
	return r;
}

static size_t count_in_log(struct scene *s, const char *part)
{
	autofree char *log = scratch_read(&s->dir, "log", NULL);
	size_t count = 0;

	for (const char *at = log; (at = strstr(at, part)); at++)
		count++;
	return count;
}

static void an_image_is_pulled_once(void **state)
{
	struct scene *s = *state;
	char digest[DIGEST_TEXT_MAX], name[160];
	size_t blobs;

	if (!s->store)
		skip();
	if (pull(s, "team/app:1") < 0)
		fail_msg("%s", s->err.text);
	assert_non_null(strstr(s->lines.data, "Status: Downloaded newer image"));
	for (size_t n = 0; n < 3; n++)
		assert_true(blob_exists(s->store, &s->image.layers[n].blob.digest,
					s->image.layers[n].blob.body.len));
	blobs = count_in_log(s, "\"GET /v2/team/app/blobs/");
	assert_true(blobs >= 4);

	assert_int_equal(pull(s, "team/app:1"), 0);
	assert_non_null(strstr(s->lines.data, "Status: Image is up to date"));
	assert_int_equal(count_in_log(s, "\"GET /v2/team/app/blobs/"), blobs);

	assert_int_equal(pull(s, "team/app:2"), -ENOENT);
	digest_text(&s->image.manifest.digest, digest);
	snprintf(name, sizeof(name), "team/app@%s", digest);
	assert_int_equal(pull(s, name), 0);
	stop_server(s);
	assert_int_equal(pull(s, name), 0);
	assert_int_equal(pull(s, "team/app:1"), -ECONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_image_is_pulled_once, scene_open, scene_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
