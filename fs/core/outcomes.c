/* SPDX-License-Identifier: MIT */
#include "fs/core/outcomes.h"

#include "fs/core/events.h"
#include "fs/core/fs.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEPT 128 /* of all verbs together; one verb shows OUTCOMES_MAX at most */

struct outcome {
	char *verb; /* owned, NULL: none yet */
	char *text;
};

struct outcomes {
	pthread_mutex_t lock;
	struct outcome ring[KEPT];
	size_t next;
};

int outcomes_open(struct outcomes **out, struct err *err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_nomem(err);
	pthread_mutex_init(&(*out)->lock, NULL);
	return 0;
}

static void outcome_clear(struct outcome *o)
{
	free(o->verb);
	free(o->text);
	*o = (struct outcome){0};
}

void outcomes_close(struct outcomes *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < KEPT; i++)
		outcome_clear(&o->ring[i]);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

/* The lines of a text, each with four blanks in front. */
static void print_indented(struct buf *out, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, "\n");

		buf_puts(out, "    ");
		buf_append(out, text, len);
		buf_putc(out, '\n');
		text += len + (text[len] == '\n');
	}
}

void outcomes_add(struct outcomes *o, const char *verb, const char *request, const char *answer,
		  int result, const struct err *err)
{
	struct outcome new = {.verb = strdup(verb)};
	struct buf text = BUF_INIT;
	time_t now = time(NULL);
	struct tm tm;
	char when[32];

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_printf(&text, "%s %s %s: %s\n", when, verb, request,
		   result < 0 ? strerrorname_np(-result) : "ok");
	print_indented(&text, *answer || result == 0 ? answer : err->text);
	new.text = buf_steal(&text);
	if (!new.verb || !new.text) {
		outcome_clear(&new);
		return;
	}
	pthread_mutex_lock(&o->lock);
	assert(o->next < KEPT);
	outcome_clear(&o->ring[o->next]);
	o->ring[o->next] = new;
	o->next = (o->next + 1) % KEPT;
	pthread_mutex_unlock(&o->lock);
}

void outcomes_print(struct outcomes *o, const char *verb, struct buf *out)
{
	size_t shown = 0, skip = 0;

	pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < KEPT; i++)
		shown += o->ring[i].verb && !strcmp(o->ring[i].verb, verb);
	skip = shown > OUTCOMES_MAX ? shown - OUTCOMES_MAX : 0;
	for (size_t i = 0; i < KEPT; i++) {
		const struct outcome *e = &o->ring[(o->next + i) % KEPT];

		if (!e->verb || strcmp(e->verb, verb) != 0)
			continue;
		if (skip > 0)
			skip--;
		else
			buf_puts(out, e->text);
	}
	pthread_mutex_unlock(&o->lock);
}

void outcomes_record(struct fs *fs, const char *verb, const char *request, const char *answer,
		     int result, const struct err *err)
{
	outcomes_add(fs->outcomes, verb, request, answer, result, err);
	events_add(fs->events, verb, request, result, err);
}
