/* SPDX-License-Identifier: MIT */
#include "fs/ctl/ctl_request.h"

#include "fs/core/outcomes.h"
#include "fs/ctl/ctl_again.h"
#include "fs/ctl/porcelain.h"
#include "fs/tree/fresh.h"
#include "registry/wire/text.h"
#include "store/oci/ref.h"

#include <errno.h>
#include <string.h>

/* The lines of one write. */
struct requests {
	struct fs *fs;
	const struct verb *verb;
	char *text; /* owned */
	bool porcelain;
	struct board board;
};

static void requests_free(void *arg)
{
	struct requests *q = arg;

	free(q->text);
	board_destroy(&q->board);
	free(q);
}

void ctl_request_ended(struct job *j, struct fs *fs, const struct verb *verb, const char *subject,
		       struct buf *answer, int result, struct err *err)
{
	if (result < 0)
		porcelain_error(j, answer, err->text);
	if (result < 0 || verb->kind != VERB_TABLE)
		outcomes_record(fs, verb->name, subject, answer->data ? answer->data : "", result,
				err);
}

/* Empty lines are nothing; `bare`: where there is nothing else, they are one request without
 * arguments. */
static int run_line(struct requests *q, struct job *j, const char *line, bool bare, struct err *err)
{
	autowords args = WORDS_INIT;
	autobuf answer = BUF_INIT;
	int r = words_split(line, &args, err);

	if (!r && args.count == 0 && !bare)
		return 0;
	if (!r)
		r = q->verb->run(q->fs, j, &args, &answer, err);
	if (!r && buf_failed(&answer))
		r = err_nomem(err);
	ctl_request_ended(j, q->fs, q->verb, line, &answer, r, err);
	porcelain_end(j, q->porcelain, &answer, r, err);
	text_make_harmless(&answer, 0);
	buf_append(job_result(j), answer.data, answer.len);
	return r;
}

static int run_requests(struct job *j, void *arg, struct err *err)
{
	struct requests *q = arg;
	bool bare = q->verb->bare && !q->text[strspn(q->text, " \t\r\n")];
	char *rest = q->text, *line;
	int first = 0;

	if (bare)
		q->text[0] = '\0';

	while ((line = strsep(&rest, "\n"))) {
		struct err e = {0};
		size_t len = strlen(line);
		int r;

		if (len && line[len - 1] == '\r')
			line[len - 1] = '\0';
		r = run_line(q, j, line, bare, &e);
		if (r < 0 && !first) {
			first = r;
			if (err)
				*err = e;
		}
		if (r == -EINTR) /* who gives up wants the rest of them no more */
			break;
	}
	fresh_tell(q->fs->fresh, FRESH_NAMES);
	return first;
}

/* Jobs that ask one registry are of one class: a dead one takes no more than its share. */
static void class_of(const struct verb *verb, const char *text, struct buf *out)
{
	autofree char *line = strndup(text, strcspn(text, "\n"));
	autowords words = WORDS_INIT;
	autoref ref = REF_INIT;

	if (verb->remote && line && !words_split(line, &words, NULL) && words.count &&
	    !ref_parse(words.at[words.count - 1], &ref, NULL))
		buf_puts(out, ref.domain);
	else
		buf_puts(out, verb->name);
}

static struct requests *requests_new(struct fs *fs, const struct verb *verb, const char *text,
				     size_t len)
{
	struct requests *q = calloc(1, sizeof(*q));

	if (q)
		q->text = strndup(text, len);
	if (!q || !q->text) {
		free(q);
		return NULL;
	}
	board_init(&q->board);
	q->fs = fs;
	q->verb = verb;
	return q;
}

/* rq NULL: nobody waits. */
static int ctl_request_begin(struct fs *fs, struct request *rq, const struct job_key *key,
			     const struct verb *verb, const char *text, size_t len, struct err *err)
{
	char token[BOARD_TOKEN_MAX];
	size_t asked = porcelain_asked(text, len, token);
	struct requests *q = requests_new(fs, verb, text + asked, len - asked);
	autobuf title = BUF_INIT, class = BUF_INIT;

	if (!q)
		return err_nomem(err);
	q->porcelain = asked > 0;
	strcpy(q->board.token, token);
	buf_printf(&title, "%s %.*s", verb->name, (int)strcspn(q->text, "\n"), q->text);
	class_of(verb, q->text, &class);
	if (buf_failed(&title) || buf_failed(&class)) {
		requests_free(q);
		return err_nomem(err);
	}
	struct job_spec spec = {
	    .key = *key,
	    .title = title.data,
	    .class = class.data,
	    .grace_ms = CTL_GRACE_MS,
	    .board = &q->board,
	    .limit_ms = JOB_NO_DEADLINE,
	    .run = run_requests,
	    .arg = q,
	    .free_arg = requests_free,
	};

	return rq ? request_wait(rq, &spec, err) : job_start(fs->jobs, &spec, NULL, err);
}

int ctl_request_start(struct request *rq, const struct job_key *key, const struct verb *verb,
		      const char *text, size_t len, struct err *err)
{
	return ctl_request_begin(rq->fs, rq, key, verb, text, len, err);
}

static int run_look(struct job *j, void *arg, struct err *err)
{
	struct requests *q = arg;
	autowords args = WORDS_INIT;
	int r = words_split(q->text, &args, err);

	if (!r)
		r = q->verb->run(q->fs, j, &args, job_result(j), err);
	text_make_harmless(job_result(j), 0);
	return !r && buf_failed(job_result(j)) ? err_nomem(err) : r;
}

int ctl_request_look(struct request *rq, const struct job_key *key, const struct verb *verb,
		     const char *line, struct err *err)
{
	struct requests *q = requests_new(rq->fs, verb, line, strlen(line));
	autobuf title = BUF_INIT;

	buf_printf(&title, "%s %s (of another user)", verb->name, line);
	if (!q || buf_failed(&title)) {
		if (q)
			requests_free(q);
		return err_nomem(err);
	}
	return request_wait(rq,
			    &(struct job_spec){.key = *key,
					       .title = title.data,
					       .class = "other users",
					       .at_once = CTL_OTHERS_AT_ONCE,
					       .limit_ms = JOB_NO_DEADLINE,
					       .run = run_look,
					       .arg = q,
					       .free_arg = requests_free},
			    err);
}

void ctl_request_detach(struct fs *fs, const struct verb *verb, const char *text, size_t len)
{
	ctl_request_begin(fs, NULL, &(struct job_key){0}, verb, text, len, NULL);
}
