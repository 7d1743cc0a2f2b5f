/* SPDX-License-Identifier: MIT */
#include "fs/core/events.h"

#include "registry/wire/text.h"
#include "store/base/io.h"
#include "store/base/json.h"
#include "store/base/log.h"
#include "store/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* A ring: byte n of all that ever were is at n % EVENTS_KEPT of the file. */
struct events {
	pthread_mutex_t lock;
	int fd;		      /* owned, unlinked */
	uint64_t first, size; /* under lock: the bytes that are kept, and begin with a line */
	uint64_t lost;	      /* under lock: lines in front of them */
};

int events_open(struct store *s, struct events **out, struct err *err)
{
	struct events *e = calloc(1, sizeof(*e));

	if (!e)
		return err_nomem(err);
	e->fd = openat(store_cachefd(s), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (e->fd < 0) /* some filesystems have no nameless files */
		e->fd = memfd_create("imagefs events", MFD_CLOEXEC);
	if (e->fd < 0) {
		free(e);
		return err_sys(err, "%s: a file for events", store_path(s));
	}
	pthread_mutex_init(&e->lock, NULL);
	*out = e;
	return 0;
}

void events_close(struct events *e)
{
	if (!e)
		return;
	close(e->fd);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

/* ---- the ring, under the lock ---- */

static int ring_write(struct events *e, uint64_t at, const char *data, size_t len)
{
	while (len > 0) {
		uint64_t place = at % EVENTS_KEPT, room = EVENTS_KEPT - place;
		size_t n = len < room ? len : (size_t)room;
		int r = io_pwrite_all(e->fd, data, n, (off_t)place, NULL);

		if (r)
			return r;
		at += n;
		data += n;
		len -= n;
	}
	return 0;
}

/* As many of the bytes as are there in one piece. */
static ssize_t ring_read(struct events *e, uint64_t at, char *data, size_t len, struct err *err)
{
	uint64_t place = at % EVENTS_KEPT, room = EVENTS_KEPT - place;

	return io_pread(e->fd, data, len < room ? len : (size_t)room, (off_t)place, err);
}

/* The oldest lines fall out, until there is room for so many bytes. */
static int ring_make_room(struct events *e, size_t len)
{
	char piece[4096];

	while (e->size + len - e->first > EVENTS_KEPT) {
		uint64_t left = e->size - e->first;
		ssize_t n = ring_read(e, e->first, piece,
				      left < sizeof(piece) ? left : sizeof(piece), NULL);
		const char *end = n > 0 ? memchr(piece, '\n', (size_t)n) : NULL;

		if (n <= 0)
			return -EIO;
		e->first += end ? (uint64_t)(end + 1 - piece) : (uint64_t)n;
		e->lost += end != NULL;
	}
	return 0;
}

static void events_append(struct events *e, const char *line, size_t len)
{
	if (len >= EVENTS_KEPT || ring_make_room(e, len + 1) || ring_write(e, e->size, line, len) ||
	    ring_write(e, e->size + len, "\n", 1))
		return;
	e->size += len + 1;
}

/* ---- lines ---- */

static void time_text(char *text, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, size - n, ".%09ldZ", now.tv_nsec);
}

/* What anybody may have written, as a log and JSON (which is UTF-8) can have it: line by line, as
 * err_add makes them. */
static char *cleaned(const char *text)
{
	autobuf out = BUF_INIT;
	size_t len = strcspn(text, "\n");

	text_append_clean(&out, text, len, SIZE_MAX);
	for (text += len; *text; text += len) {
		len = 1 + strcspn(text + 1, "\n");
		buf_putc(&out, '\n');
		text_append_clean(&out, text + 1, len - 1, SIZE_MAX);
	}
	buf_putc(&out, '\0');
	return buf_failed(&out) ? NULL : buf_steal(&out);
}

/* One line; errno_name and message may be NULL. */
static void add_line(struct events *e, const char *verb, const char *subject,
		     const char *errno_name, const char *message)
{
	autojson *o = json_object_new_object();
	char when[48];
	const char *line;
	size_t len;

	time_text(when, sizeof(when));
	if (!o || !json_add_text(o, "time", when) || !json_add_text(o, "verb", verb) ||
	    !json_add_text(o, "subject", subject) ||
	    !json_add_text(o, "status", errno_name ? "error" : "ok") ||
	    (errno_name && !json_add_text(o, "errno", errno_name)) ||
	    (message && !json_add_text(o, "message", message)))
		return;
	line = json_object_to_json_string_length(o, JSON_TEXT_FLAGS, &len);
	if (!line)
		return;
	pthread_mutex_lock(&e->lock);
	events_append(e, line, len);
	pthread_mutex_unlock(&e->lock);
}

void events_add(struct events *e, const char *verb, const char *request, int result,
		const struct err *err)
{
	autofree char *subject = cleaned(request);
	autofree char *message = result < 0 ? cleaned(err->text) : NULL;
	const char *name = result < 0 ? strerrorname_np(-result) : NULL;

	if (!subject || (result < 0 && !message))
		return;
	if (result < 0) /* a name that is not there, or somebody's Ctrl-C, is no trouble */
		log_write(result == -EINTR || result == -ENOENT ? LOG_INFO : LOG_WARNING,
			  "%s %s: %s", verb, subject, message);
	add_line(e, verb, subject, result < 0 && !name ? "?" : name, message);
}

void events_note(struct events *e, const char *verb, const char *subject, const char *note)
{
	autofree char *message = cleaned(note);

	if (!message)
		return;
	log_write(LOG_WARNING, "%s %s: %s", verb, subject, message);
	add_line(e, verb, subject, NULL, message);
}

void events_begin(struct events *e, struct events_reader *r)
{
	uint64_t lost;

	pthread_mutex_lock(&e->lock);
	r->first = e->first;
	lost = e->lost;
	pthread_mutex_unlock(&e->lock);
	r->said_len = 0;
	if (lost)
		r->said_len = (size_t)snprintf(r->said, sizeof(r->said),
					       "{\"verb\":\"events\",\"subject\":\"\",\"status\":"
					       "\"ok\",\"message\":\"%" PRIu64
					       " earlier events are no longer kept\"}\n",
					       lost);
}

uint64_t events_size(struct events *e, const struct events_reader *r)
{
	uint64_t size;

	pthread_mutex_lock(&e->lock);
	size = e->size - r->first;
	pthread_mutex_unlock(&e->lock);
	return r->said_len + size;
}

/* In the place of so many bytes that have fallen out. */
static void put_gap(struct buf *out, size_t len)
{
	static const char said[] = "\n{\"verb\":\"events\",\"subject\":\"\",\"status\":\"ok\","
				   "\"message\":\"events are no longer kept here\"}\n";

	if (len >= sizeof(said) - 1) {
		buf_puts(out, said);
		len -= sizeof(said) - 1;
	}
	for (; len > 0 && !buf_failed(out); len--)
		buf_putc(out, '\n');
}

/* Bytes [at, at + len) of all that ever were, or less at their end. Under the lock. */
static int read_kept(struct events *e, uint64_t at, size_t len, struct buf *out, struct err *err)
{
	if (at >= e->size)
		return 0;
	len = len < e->size - at ? len : (size_t)(e->size - at);
	if (at < e->first) {
		size_t gap = len < e->first - at ? len : (size_t)(e->first - at);

		put_gap(out, gap);
		at += gap;
		len -= gap;
	}
	while (len > 0) {
		char *room = buf_reserve(out, len);
		ssize_t n = room ? ring_read(e, at, room, len, err) : err_nomem(err);

		if (n <= 0)
			return n < 0 ? (int)n : err_set(err, EIO, "events end early");
		out->len += (size_t)n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return buf_failed(out) ? err_nomem(err) : 0;
}

int events_read(struct events *e, const struct events_reader *r, uint64_t offset, size_t len,
		struct buf *out, struct err *err)
{
	size_t said = 0;
	int ret;

	if (offset < r->said_len) {
		said = r->said_len - offset < len ? r->said_len - (size_t)offset : len;
		buf_append(out, r->said + offset, said);
		offset += said;
		len -= said;
	}
	pthread_mutex_lock(&e->lock);
	ret = read_kept(e, r->first + offset - r->said_len, len, out, err);
	pthread_mutex_unlock(&e->lock);
	return ret;
}
