/* SPDX-License-Identifier: MIT */
#include "registry/auth/cred_helper.h"

#include "registry/wire/secret.h"
#include "registry/wire/text.h"
#include "store/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define PREFIX	  "docker-credential-"
#define NOT_FOUND "credentials not found in native keychain"
#define POLL_MS	  100
#define REAP_MS	  10

extern char **environ;

struct helper {
	const char *action; /* get, store, erase */
	const char *name;
	const char *input;
	pid_t pid;
	int in, out; /* owned: our ends */
	int64_t deadline_ms;
	struct http *http;
	struct cancel *cancel;
};

/* Of docker's sentences. */
static const char *doing(const struct helper *h)
{
	return !strcmp(h->action, "store")   ? "storing"
	       : !strcmp(h->action, "erase") ? "erasing"
					     : "getting";
}

/* What a helper is called must not be a path to somewhere else. */
static bool name_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= 64 && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		   len;
}

static int cred_helper_start(struct helper *h, int child_in, int child_out, struct err *err)
{
	char program[96];
	char *argv[] = {program, (char *)h->action, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	snprintf(program, sizeof(program), PREFIX "%s", h->name);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, child_in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, child_out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	posix_spawnattr_init(&attr);
	/* A group of its own, so that what it starts can be ended with it. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
					    POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	r = posix_spawnp(&h->pid, program, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (r)
		return err_set(err, EACCES, "error %s credentials - err: exec: \"%s\": %s, out: ``",
			       doing(h), program,
			       r == ENOENT ? "executable file not found in $PATH"
					   : strerrordesc_np(r));
	return 0;
}

/* 0, or why it must end now. */
static int check_time(const struct helper *h, struct err *err)
{
	if (http_stopped(h->http))
		return err_set(err, EINTR, "interrupted");
	if (clock_ms() >= h->deadline_ms)
		return err_set(err, EACCES, PREFIX "%s does not answer", h->name);
	return cancel_check(h->cancel, err);
}

/* All that it says, into a buffer of fixed size (it holds a secret). */
static int read_output(const struct helper *h, struct buf *out, struct err *err)
{
	char *room = buf_reserve(out, CRED_HELPER_OUTPUT + 1);

	if (!room)
		return err_nomem(err);
	for (;;) {
		struct pollfd p = {.fd = h->out, .events = POLLIN};
		ssize_t n;
		int r = check_time(h, err);

		if (r < 0)
			return r;
		if (poll(&p, 1, POLL_MS) <= 0)
			continue;
		n = read(h->out, out->data + out->len, CRED_HELPER_OUTPUT + 1 - out->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, PREFIX "%s", h->name);
		out->len += (size_t)n;
		if (out->len > CRED_HELPER_OUTPUT)
			return err_set(err, EACCES, PREFIX "%s says too much", h->name);
		if (n == 0)
			return 0;
	}
}

static int reap(const struct helper *h, int *status, struct err *err)
{
	for (;;) {
		const struct timespec pause = {.tv_nsec = REAP_MS * 1000000L};
		pid_t done = waitpid(h->pid, status, WNOHANG);
		int r;

		if (done == h->pid)
			return 0;
		if (done < 0 && errno != EINTR)
			return err_sys(err, PREFIX "%s", h->name);
		r = check_time(h, err);
		if (r < 0)
			return r;
		nanosleep(&pause, NULL);
	}
}

static int cred_helper_converse(const struct helper *h, struct buf *out, int *status,
				struct err *err)
{
	int r;

	/* A socket, since a helper that reads nothing must not raise SIGPIPE. What is written fits
	 * its buffer. */
	(void)!send(h->in, h->input, strlen(h->input), MSG_NOSIGNAL);
	shutdown(h->in, SHUT_WR);
	r = read_output(h, out, err);
	if (!r)
		r = reap(h, status, err);
	if (r < 0) {
		kill(-h->pid, SIGKILL);
		waitpid(h->pid, NULL, 0);
	}
	return r;
}

static int cred_helper_run(struct helper *h, struct buf *out, int *status, struct err *err)
{
	int in[2], pipe_out[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) < 0)
		return err_sys(err, PREFIX "%s", h->name);
	autoclose int in_ours = in[0];
	autoclose int in_theirs = in[1];

	if (pipe2(pipe_out, O_CLOEXEC) < 0)
		return err_sys(err, PREFIX "%s", h->name);
	autoclose int out_ours = pipe_out[0];
	autoclose int out_theirs = pipe_out[1];

	r = cred_helper_start(h, in_theirs, out_theirs, err);
	if (r < 0)
		return r;
	close(steal_fd(&in_theirs));
	close(steal_fd(&out_theirs));
	h->in = in_ours;
	h->out = out_ours;
	return cred_helper_converse(h, out, status, err);
}

/* Whether a helper repeats the secret that it was told to store, as it is or as JSON writes it. */
static bool repeats_secret(const struct helper *h, const struct buf *out)
{
	autosecret_json *told = NULL;
	const char *secret, *written;

	if (strcmp(h->action, "store") != 0 || !out->len)
		return false;
	if (json_parse(h->input, strlen(h->input), &told, NULL) < 0 ||
	    !(secret = json_string(told, "Secret")))
		return true; /* nobody knows */
	written = strstr(h->input, "\"Secret\":\"");
	if (memmem(out->data, out->len, secret, strlen(secret)) || !written)
		return true;
	written += strlen("\"Secret\":\"");
	return memmem(out->data, out->len, written, strlen(written) - strlen("\"}")) != NULL;
}

/* Docker's sentence, with what the helper printed. */
static int helper_failed(const struct helper *h, const struct buf *out, int status, struct err *err)
{
	autobuf text = BUF_INIT;

	if (!repeats_secret(h, out))
		text_append_clean(&text, out->data, out->len, 200);
	if (buf_failed(&text))
		return err_nomem(err);
	return err_set(err, EACCES, "error %s credentials - err: exit status %d, out: `%s`",
		       doing(h), WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		       text.len ? text.data : "");
}

static int parse_answer(const struct buf *out, struct credential *c, struct err *err)
{
	autosecret_json *doc = NULL;
	const char *name, *secret;

	if (json_parse(out->data, out->len, &doc, NULL) < 0)
		return err_set(err, EACCES, "error getting credentials: malformed output");
	name = json_string(doc, "Username");
	secret = json_string(doc, "Secret");
	if (!name || !secret)
		return err_set(err, EACCES, "error getting credentials: no Username or Secret");
	if (!strcmp(name, "<token>")) {
		c->identity_token = strdup(secret);
		return c->identity_token ? 0 : err_nomem(err);
	}
	c->username = strdup(name);
	c->password = strdup(secret);
	return c->username && c->password ? 0 : err_nomem(err);
}

/* One run with its input: 0, -EACCES with its words, or -ENOENT where it has nothing of that. */
static int cred_helper_ask(const char *name, const char *action, const char *input,
			   struct http *http, struct cancel *cancel, struct buf *out,
			   struct err *err)
{
	struct helper h = {.action = action,
			   .name = name,
			   .input = input,
			   .deadline_ms = clock_ms() + CRED_HELPER_SECONDS * 1000,
			   .http = http,
			   .cancel = cancel};
	int status = 0;
	int r;

	if (!name_valid(name))
		return err_set(err, EACCES, "a credential helper with an invalid name");
	r = cred_helper_run(&h, out, &status, err);
	if (r < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return r;
	if (out->len && memmem(out->data, out->len, NOT_FOUND, strlen(NOT_FOUND)))
		return -ENOENT;
	return helper_failed(&h, out, status, err);
}

int cred_helper_get(const char *name, const char *server, struct http *http, struct cancel *cancel,
		    struct credential *out, struct err *err)
{
	autosecret_buf text = BUF_INIT;
	int r = cred_helper_ask(name, "get", server, http, cancel, &text, err);

	return r ? (r == -ENOENT ? 0 : r) : parse_answer(&text, out, err);
}

int cred_helper_store(const char *name, const char *server, const struct credential *c,
		      struct http *http, struct cancel *cancel, struct err *err)
{
	autosecret_buf text = BUF_INIT;
	autosecret_json *doc = json_object_new_object();
	const char *input;
	int r;

	if (!doc)
		return err_nomem(err);
	json_object_object_add(doc, "ServerURL", json_object_new_string(server));
	json_object_object_add(doc, "Username", json_object_new_string(c->username));
	json_object_object_add(doc, "Secret", json_object_new_string(c->password));
	input = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN |
							JSON_C_TO_STRING_NOSLASHESCAPE);
	r = input ? cred_helper_ask(name, "store", input, http, cancel, &text, err)
		  : err_nomem(err);
	if (input) /* json-c keeps the text until the document goes */
		explicit_bzero((char *)input, strlen(input));
	return r;
}

int cred_helper_erase(const char *name, const char *server, struct http *http,
		      struct cancel *cancel, struct err *err)
{
	autosecret_buf text = BUF_INIT;
	int r = cred_helper_ask(name, "erase", server, http, cancel, &text, err);

	return r == -ENOENT ? 0 : r;
}
