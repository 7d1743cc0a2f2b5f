/* SPDX-License-Identifier: MIT */
#include "fs/core/outcomes.h"

#include "fs/core/events.h"
#include "fs/core/fs.h"
#include "registry/wire/text.h"
#include "store/base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OUTCOME_BYTES (64u << 10) /* that are kept of one: an answer may have many megabytes */

/* Those of one verb. */
struct outcomes_verb {
	char *texts[OUTCOMES_MAX]; /* owned, a ring; NULL: none yet */
	size_t next;
};

struct outcomes {
	pthread_mutex_t lock;
	struct map *by_verb; /* name → struct outcomes_verb, owned; both under lock */
};

int outcomes_open(struct outcomes **out, struct err *err)
{
	AUTO(outcomes_close) struct outcomes *o = calloc(1, sizeof(*o));

	if (!o)
		return err_nomem(err);
	pthread_mutex_init(&o->lock, NULL);
	o->by_verb = map_new();
	if (!o->by_verb)
		return err_nomem(err);
	*out = steal(&o);
	return 0;
}

static void outcomes_verb_free(void *verb)
{
	struct outcomes_verb *v = verb;

	for (size_t i = 0; i < OUTCOMES_MAX; i++)
		free(v->texts[i]);
	free(v);
}

void outcomes_close(struct outcomes *o)
{
	if (!o)
		return;
	map_free_all(o->by_verb, outcomes_verb_free);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

/* Under the lock. NULL: out of memory. */
static struct outcomes_verb *outcomes_of(struct outcomes *o, const char *verb)
{
	struct outcomes_verb *v = map_get(o->by_verb, verb, strlen(verb));

	if (v)
		return v;
	v = calloc(1, sizeof(*v));
	if (v && map_put(o->by_verb, verb, strlen(verb), v) < 0) {
		free(v);
		v = NULL;
	}
	return v;
}

/* Takes the text. */
static void outcomes_keep(struct outcomes *o, const char *verb, char *text)
{
	struct outcomes_verb *v;

	pthread_mutex_lock(&o->lock);
	v = outcomes_of(o, verb);
	if (v) {
		assert(v->next < OUTCOMES_MAX);
		free(v->texts[v->next]);
		v->texts[v->next] = steal(&text);
		v->next = (v->next + 1) % OUTCOMES_MAX;
	}
	pthread_mutex_unlock(&o->lock);
	free(text);
}

/* The lines of a text, each with four blanks in front, as far as they are kept. */
static void print_indented(struct buf *out, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, "\n");

		if (out->len + len > OUTCOME_BYTES) {
			buf_puts(out, "    \u2026\n");
			return;
		}
		buf_puts(out, "    ");
		buf_append(out, text, len);
		buf_putc(out, '\n');
		text += len + (text[len] == '\n');
	}
}

void outcomes_add(struct outcomes *o, const char *verb, const char *request, const char *answer,
		  int result, const struct err *err)
{
	struct buf text = BUF_INIT;
	time_t now = time(NULL);
	struct tm tm;
	char when[32], *kept;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_printf(&text, "%s %s %s: %s\n", when, verb, request,
		   result < 0 ? strerrorname_np(-result) : "ok");
	print_indented(&text, *answer || result == 0 ? answer : err->text);
	text_make_harmless(&text, 0);
	kept = buf_steal(&text);
	if (kept)
		outcomes_keep(o, verb, kept);
}

void outcomes_print(struct outcomes *o, const char *verb, struct buf *out)
{
	const struct outcomes_verb *v;

	pthread_mutex_lock(&o->lock);
	v = map_get(o->by_verb, verb, strlen(verb));
	for (size_t i = 0; v && i < OUTCOMES_MAX; i++) {
		const char *text = v->texts[(v->next + i) % OUTCOMES_MAX];

		if (text)
			buf_puts(out, text);
	}
	pthread_mutex_unlock(&o->lock);
}

void outcomes_record(struct fs *fs, const char *verb, const char *request, const char *answer,
		     int result, const struct err *err)
{
	outcomes_add(fs->outcomes, verb, request, answer, result, err);
	events_add(fs->events, verb, request, result, err);
}
