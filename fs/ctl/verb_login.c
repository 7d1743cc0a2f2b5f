/* SPDX-License-Identifier: MIT */
/*
 * ctl/login: a line of options and, on the next, the secret, so that it stands in no argument, no
 * title, and in nothing that is kept.
 */
#include "fs/ctl/porcelain.h"
#include "fs/ctl/verb.h"

#include "registry/api/login.h"
#include "registry/wire/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES	 4096
#define SECRET_MAX_BYTES 16384 /* some passwords are tokens */
#define ROOM		 (LINE_MAX_BYTES + SECRET_MAX_BYTES + 2)

struct login_request {
	struct fs *fs;
	char *text; /* owned, ROOM bytes: what has come so far; wiped */
	size_t len;
	char subject[LINE_MAX_BYTES + 1]; /* the first line, once it is known to hold no secret */
};

static int stream_open(struct fs *fs, void **state, struct err *err)
{
	struct login_request *q = calloc(1, sizeof(*q));

	if (q)
		q->text = malloc(ROOM + 1);
	if (!q || !q->text) {
		free(q);
		return err_nomem(err);
	}
	q->fs = fs;
	*state = q;
	return 0;
}

static void stream_close(void *state)
{
	struct login_request *q = state;

	explicit_bzero(q->text, ROOM + 1);
	free(q->text);
	free(q);
}

static const char *stream_subject(const void *state)
{
	return ((const struct login_request *)state)->subject;
}

/* What is shown of a line: only what is known to be no secret. */
static int set_subject(struct login_request *q, const char *user, const char *server,
		       struct err *err)
{
	autofree char *known = NULL;
	int r = login_server(server, &known, err);

	if (r)
		return r;
	snprintf(q->subject, sizeof(q->subject), "%s%s%s%s", user ? "-u " : "--stored",
		 user ? user : "", server ? " " : "", server ? server : "");
	return 0;
}

/*
 * The options of the first line. Who mistakes its form may have written the secret anywhere in it
 * (-u NAME:SECRET, -pSECRET, one word too many, or the two lines in the wrong order), so the
 * sentence about a mistake has nothing of the line.
 */
static int parse_line(struct login_request *q, const char *line, const char **user,
		      const char **server, struct words *words, struct words *operands,
		      struct err *err)
{
	bool from_stdin = false, stored = false;
	const char *password = NULL;
	const struct args_option options[] = {
	    {.name = "username", .letter = 'u', .value = user},
	    {.name = "password", .letter = 'p', .value = &password},
	    {.name = "password-stdin", .flag = &from_stdin},
	    {.name = "stored", .flag = &stored},
	    {0},
	};
	int r = words_split(line, words, err);

	if (!r && args_parse(words, options, operands, NULL) < 0)
		r = err_set(err, EINVAL, "an option that login does not know");
	if (!r && password)
		r = err_set(err, EINVAL,
			    "--password is not taken, as a line is shown to others: the secret "
			    "comes on the next line");
	if (!r)
		r = args_count("login", operands, 0, 1, err);
	*server = operands->count ? operands->at[0] : NULL;
	if (!r && stored && !*user)
		return set_subject(q, NULL, *server, err);
	if (!r && !*user)
		r = err_set(err, EINVAL,
			    "the --password-stdin option requires --username to be set");
	if (!r && !**user)
		r = err_set(err, EINVAL, "username is empty");
	if (!r && strchr(*user, ':'))
		r = err_set(err, EINVAL,
			    "a username has no colon: the secret comes on the next line");
	return r ? r : set_subject(q, *user, *server, err);
}

/* "--stored [SERVER]": what is kept already is tried, and no secret follows. */
static int run_stored(struct login_request *q, struct job *j, const char *server,
		      struct buf *answer, struct err *err)
{
	autofree char *user = NULL;
	autobuf text = BUF_INIT;
	int r = login_stored(q->fs->registry, server, job_cancel(j), &user, err);

	if (r)
		return r;
	buf_printf(&text,
		   "Authenticating with existing credentials... [Username: %s]\n\n Info -> To login "
		   "with a different account, run 'img logout' followed by 'img login'\n\n",
		   user);
	if (!buf_failed(&text))
		porcelain_error(j, answer, text.data);
	buf_puts(answer, "Login Succeeded\n");
	return FEED_DONE;
}

/* A line that came without its secret: what is wrong with it is told at once. */
static int check_line(struct login_request *q, struct job *j, struct buf *answer, struct err *err)
{
	autowords words = WORDS_INIT, operands = WORDS_INIT;
	autofree char *line = strndup(q->text, strcspn(q->text, "\r\n"));
	const char *user = NULL, *server = NULL;

	int r = line ? parse_line(q, line, &user, &server, &words, &operands, err) : err_nomem(err);

	return r || user ? r : run_stored(q, j, server, answer, err);
}

static int verb_login_run(struct login_request *q, struct job *j, const char *line,
			  const char *secret, struct buf *answer, struct err *err)
{
	autowords words = WORDS_INIT, operands = WORDS_INIT;
	autofree char *file = NULL;
	autobuf warning = BUF_INIT;
	const char *user = NULL, *server = NULL;
	int r = parse_line(q, line, &user, &server, &words, &operands, err);

	if (!r && !user)
		return run_stored(q, j, server, answer, err);
	if (!r && !*secret)
		r = err_set(err, EINVAL, "password is empty");
	if (!r)
		r = login(
		    q->fs->registry, server,
		    &(struct credential){.username = (char *)user, .password = (char *)secret},
		    job_cancel(j), &file, err);
	if (r)
		return r;
	if (file)
		buf_printf(&warning,
			   "WARNING! Your credentials are stored unencrypted in '%s'.\n"
			   "Configure a credential helper to remove this warning. See\n"
			   "https://docs.docker.com/go/credential-store/\n",
			   file);
	if (warning.len)
		porcelain_error(j, answer, warning.data);
	buf_puts(answer, "Login Succeeded\n");
	return FEED_DONE;
}

/* The end of a line: a line break, taken away with a carriage return before it. NULL: not yet. */
static char *end_line(char *text)
{
	char *end = strchr(text, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	if (end > text && end[-1] == '\r')
		end[-1] = '\0';
	return end + 1;
}

static int stream_write(void *state, struct job *j, const void *data, size_t len, size_t *used,
			struct buf *answer, struct err *err)
{
	struct login_request *q = state;
	size_t before = q->len;
	char *secret, *rest;

	if (memchr(data, '\0', len))
		return err_set(err, EINVAL, "a NUL byte in a request");
	if (len > ROOM - q->len)
		return err_set(err, EINVAL, "a request of more than %d bytes", ROOM);
	memcpy(q->text + q->len, data, len);
	q->len += len;
	q->text[q->len] = '\0';
	if (!strchr(q->text, '\n'))
		return len ? FEED_MORE : err_set(err, EINVAL, "password is empty");
	secret = strchr(q->text, '\n') + 1;
	if (!*secret && len)
		return check_line(q, j, answer, err);
	rest = strchr(secret, '\n');
	*used = rest ? (size_t)(rest + 1 - q->text) - before : len;
	end_line(q->text);
	if (rest)
		end_line(secret);
	return verb_login_run(q, j, q->text, secret, answer, err);
}

const struct verb_stream verb_login = {stream_open, stream_write, stream_subject, stream_close};
