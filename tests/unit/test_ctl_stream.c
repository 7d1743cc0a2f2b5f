/* SPDX-License-Identifier: MIT */
#include "fs/ctl/ctl_stream.h"
#include "fs/core/events.h"
#include "fs/core/outcomes.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/scratch.h"
#include "tests/unit/until.h"

/* A verb whose request ends with a dot, and fails at an exclamation mark; '#' waits for `gate`. Its
 * answer is all that it was given. */
struct sentence {
	struct buf text;
};

static atomic_int opened, closed, gate;

static int sentence_open(struct fs *fs, void **state, struct err *err)
{
	(void)fs;
	atomic_fetch_add(&opened, 1);
	*state = calloc(1, sizeof(struct sentence));
	return *state ? 0 : err_nomem(err);
}

static int sentence_write(void *state, struct job *j, const void *data, size_t len, size_t *used,
			  struct buf *answer, struct err *err)
{
	struct sentence *s = state;
	const char *text = data;

	if (len == 0)
		return err_set(err, EBADMSG, "no dot behind %zu bytes", s->text.len);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '#')
			UNTIL(atomic_load(&gate) || cancel_check(job_cancel(j), NULL) < 0);
		if (text[i] == '!')
			return err_set(err, EINVAL, "an exclamation");
		buf_putc(&s->text, text[i]);
		if (text[i] != '.')
			continue;
		buf_append(answer, s->text.data, s->text.len);
		*used = i + 1;
		return 1;
	}
	return cancel_check(job_cancel(j), err);
}

static const char *sentence_subject(const void *state)
{
	(void)state;
	return "a sentence";
}

static void sentence_close(void *state)
{
	atomic_fetch_add(&closed, 1);
	buf_free(&((struct sentence *)state)->text);
	free(state);
}

static const struct verb_stream sentence_ops = {sentence_open, sentence_write, sentence_subject,
						sentence_close};
static const struct verb verb = {.name = "say", .kind = VERB_STREAM, .stream = &sentence_ops};

static struct scratch dir;
static struct fs fs;
static struct ctl_stream *stream;

static int setup(void **state)
{
	(void)state;
	dir = scratch_make();
	memset(&fs, 0, sizeof(fs));
	opened = closed = gate = 0;
	assert_int_equal(store_open(dir.path, &fs.store, NULL), 0);
	assert_int_equal(jobs_open(&fs.jobs, NULL), 0);
	assert_int_equal(outcomes_open(&fs.outcomes, NULL), 0);
	assert_int_equal(events_open(fs.store, &fs.events, NULL), 0);
	stream = ctl_stream_new(&fs, &verb);
	assert_non_null(stream);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ctl_stream_close(stream);
	jobs_stop(fs.jobs);
	jobs_close(fs.jobs);
	outcomes_close(fs.outcomes);
	events_close(fs.events);
	store_close(fs.store);
	scratch_drop(&dir);
	assert_int_equal(opened, closed);
	return 0;
}

static atomic_int told;

static void on_done(struct job_waiter *w)
{
	(void)w;
	atomic_fetch_add(&told, 1);
}

static struct request rq;

/* Starts a piece, at the same place as all others; NULL with *result where it does not start. */
static struct job *start(const char *text, size_t len, int *result)
{
	const struct ctl_piece piece = {.data = text, .len = len};

	rq = (struct request){.fs = &fs, .owner = true};
	*result = ctl_stream_write(&rq, stream, &piece, NULL);
	return *result == FS_WAIT ? rq.wait : NULL;
}

/* What the piece came to, as a WRITE finds it that was parked on the job. True: that is its answer. */
static bool ended(struct job *j, const char *text, size_t len, int *result, struct err *err)
{
	const struct ctl_piece piece = {.data = text, .len = len};

	rq.ended = j;
	return ctl_stream_done(&rq, stream, &piece, result, err);
}

static int finish(struct job *j, struct buf *answer, struct err *err)
{
	struct job_waiter w = {.done = on_done};
	int before = atomic_load(&told), r;

	assert_true(job_wait(j, &w));
	UNTIL(atomic_load(&told) != before);
	r = job_outcome(j, err);
	buf_append(answer, job_result(j)->data, job_result(j)->len);
	job_put(j);
	return r;
}

/* A piece from its beginning to its end. */
static int say_bytes(const char *text, size_t len, const char *wanted)
{
	autobuf answer = BUF_INIT;
	struct err err = {0};
	int r;
	struct job *j = start(text, len, &r);

	if (!j)
		return r;
	job_get(j);
	finish(j, &answer, NULL);
	assert_true(ended(j, text, len, &r, &err));
	job_put(j);
	assert_string_equal(answer.data ? answer.data : "", wanted);
	return r;
}

static int say(const char *text, const char *wanted)
{
	return say_bytes(text, strlen(text), wanted);
}

static bool recorded(const char *text)
{
	autobuf out = BUF_INIT;

	outcomes_print(fs.outcomes, "say", &out);
	return out.len && strstr(out.data, text);
}

static void a_request_may_come_in_pieces(void **state)
{
	(void)state;
	assert_int_equal(say("one", ""), 0);
	assert_true(ctl_stream_open(stream));
	assert_int_equal(say(" two", ""), 0);
	assert_int_equal(say(" three.", "one two three."), 0);
	assert_false(ctl_stream_open(stream));
	UNTIL(recorded("a sentence: ok"));
}

static void one_piece_may_hold_several_requests(void **state)
{
	(void)state;
	assert_int_equal(say("a.b.c", "a.b."), 0);
	assert_true(ctl_stream_open(stream));
	assert_int_equal(say(".", "c."), 0);
	assert_int_equal(opened, 3);
}

static void zero_bytes_between_requests_are_padding(void **state)
{
	(void)state;
	assert_int_equal(say_bytes("a.\0\0b.\0\0", 8, "a.b."), 0);
	assert_false(ctl_stream_open(stream));
	assert_int_equal(say_bytes("\0\0\0", 3, ""), 0);
	assert_false(ctl_stream_open(stream));
	assert_int_equal(opened, 2);
}

static void zero_bytes_at_the_beginning_are_a_request(void **state)
{
	(void)state;
	assert_int_equal(say_bytes("\0\0\0", 3, ""), 0);
	assert_true(ctl_stream_open(stream));
	assert_int_equal(opened, 1);
}

static void an_end_too_soon_is_told_to_who_reads_on(void **state)
{
	(void)state;
	assert_int_equal(say("one", ""), 0);
	assert_int_equal(say("", "no dot behind 3 bytes\n"), -EBADMSG);
	assert_false(ctl_stream_open(stream));
	UNTIL(recorded("EBADMSG"));
}

static void an_end_too_soon_is_recorded_when_the_file_is_closed(void **state)
{
	(void)state;
	assert_int_equal(say("one", ""), 0);
	ctl_stream_close(stream);
	stream = NULL;
	UNTIL(recorded("no dot behind 3 bytes"));
}

static void what_follows_a_failure_is_not_looked_at(void **state)
{
	(void)state;
	assert_int_equal(say("a.b!c.", "a.an exclamation\n"), -EINVAL);
	assert_false(ctl_stream_open(stream));
	assert_int_equal(say("d.", "d."), 0);
}

static void two_writers_at_once_are_one_too_many(void **state)
{
	struct job_waiter w = {.done = on_done};
	int before = atomic_load(&told), r, second;
	struct job *j = start("#", 1, &r);

	(void)state;
	assert_non_null(j);
	assert_true(job_wait(j, &w));
	assert_null(start("x", 1, &second));
	assert_int_equal(second, -EBUSY);
	gate = 1;
	UNTIL(atomic_load(&told) != before);
	assert_true(ended(j, "#", 1, &r, NULL));
	assert_int_equal(r, 0);
	job_put(j);
	assert_int_equal(say(".", "#."), 0);
}

static void an_interrupted_piece_ends_its_request(void **state)
{
	struct job_waiter w = {.done = on_done};
	int r;
	struct job *j = start("#", 1, &r);

	(void)state;
	assert_non_null(j);
	assert_true(job_wait(j, &w));
	UNTIL(atomic_load(&opened) > 0);
	assert_true(job_leave(j, &w));
	job_put(j);
	ctl_stream_close(stream); /* while its job still runs */
	stream = NULL;
	UNTIL(recorded("EINTR"));
}

/* Its writer gets a signal while the piece waits for the gate. */
static void interrupt_piece(const char *text)
{
	struct job_waiter w = {.done = on_done};
	int r;
	struct job *j = start(text, strlen(text), &r);

	assert_non_null(j);
	assert_true(job_wait(j, &w));
	assert_true(job_leave(j, &w));
	job_put(j);
}

static void a_piece_that_comes_again_is_taken_once(void **state)
{
	autobuf answer = BUF_INIT;
	struct job *j;
	int r;

	(void)state;
	interrupt_piece("one#");
	j = start("one#", 4, &r);
	assert_non_null(j);
	gate = 1;
	job_get(j);
	finish(j, &answer, NULL);
	assert_true(ended(j, "one#", 4, &r, NULL));
	job_put(j);
	assert_int_equal(r, 0);
	assert_int_equal(say(".", "one#."), 0);
	assert_int_equal(opened, 1);
}

/* It would be taken for the beginning of a request, or of the same one. */
static void what_follows_a_lost_piece_is_refused(void **state)
{
	autobuf answer = BUF_INIT;
	struct err err = {0};
	struct job *j;
	int r;

	(void)state;
	assert_int_equal(say("one", ""), 0);
	interrupt_piece(" two#");
	gate = 1;
	j = start(" three.", 7, &r);
	assert_non_null(j);
	job_get(j);
	finish(j, &answer, NULL);
	assert_true(ended(j, " three.", 7, &r, &err));
	job_put(j);
	assert_int_equal(r, -EBADMSG);
	assert_string_equal(err.text, "say: the request was interrupted");
}

/* Nothing is left of a first piece that was given up. */
static void a_request_begins_anew_behind_one_that_was_given_up(void **state)
{
	autobuf answer = BUF_INIT;
	struct job *j;
	int r;

	(void)state;
	interrupt_piece("one#");
	UNTIL(recorded("EINTR"));
	j = start("two.", 4, &r);
	assert_non_null(j);
	job_get(j);
	finish(j, &answer, NULL);
	assert_false(ended(j, "two.", 4, &r, NULL));
	job_put(j);
	assert_int_equal(say("two.", "two."), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_request_may_come_in_pieces),
	    TEST(one_piece_may_hold_several_requests),
	    TEST(zero_bytes_between_requests_are_padding),
	    TEST(zero_bytes_at_the_beginning_are_a_request),
	    TEST(an_end_too_soon_is_told_to_who_reads_on),
	    TEST(an_end_too_soon_is_recorded_when_the_file_is_closed),
	    TEST(what_follows_a_failure_is_not_looked_at),
	    TEST(two_writers_at_once_are_one_too_many),
	    TEST(an_interrupted_piece_ends_its_request),
	    TEST(a_piece_that_comes_again_is_taken_once),
	    TEST(what_follows_a_lost_piece_is_refused),
	    TEST(a_request_begins_anew_behind_one_that_was_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
