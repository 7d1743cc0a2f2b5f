/* SPDX-License-Identifier: MIT */
#include "fs/core/events.h"

#include "registry/wire/text.h"
#include "store/base/io.h"
#include "store/base/json.h"
#include "store/base/log.h"
#include "store/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct events {
	pthread_mutex_t lock;
	int fd;	       /* owned, unlinked */
	uint64_t size; /* under lock */
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

void events_add(struct events *e, const char *verb, const char *request, int result,
		const struct err *err)
{
	autofree char *subject = cleaned(request);
	autofree char *message = cleaned(result < 0 ? err->text : "");
	autojson *o = json_object_new_object();
	char when[48];
	const char *line;
	size_t len;

	if (!o || !subject || !message)
		return;
	if (result < 0) /* a name that is not there, or somebody's Ctrl-C, is no trouble */
		log_write(result == -EINTR || result == -ENOENT ? LOG_INFO : LOG_WARNING,
			  "%s %s: %s", verb, subject, message);
	time_text(when, sizeof(when));
	json_object_object_add(o, "time", json_object_new_string(when));
	json_object_object_add(o, "verb", json_object_new_string(verb));
	json_object_object_add(o, "subject", json_object_new_string(subject));
	json_object_object_add(o, "status", json_object_new_string(result < 0 ? "error" : "ok"));
	if (result < 0) {
		const char *name = strerrorname_np(-result);

		json_object_object_add(o, "errno", json_object_new_string(name ? name : "?"));
		json_object_object_add(o, "message", json_object_new_string(message));
	}
	line = json_object_to_json_string_length(
	    o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	pthread_mutex_lock(&e->lock);
	if (!io_pwrite_all(e->fd, line, len, (off_t)e->size, NULL) &&
	    !io_pwrite_all(e->fd, "\n", 1, (off_t)(e->size + len), NULL))
		e->size += len + 1;
	pthread_mutex_unlock(&e->lock);
}

uint64_t events_size(struct events *e)
{
	uint64_t size;

	pthread_mutex_lock(&e->lock);
	size = e->size;
	pthread_mutex_unlock(&e->lock);
	return size;
}

int events_read(struct events *e, uint64_t offset, size_t len, struct buf *out, struct err *err)
{
	uint64_t size = events_size(e);
	char *room;
	ssize_t n;

	if (offset >= size)
		return 0;
	if (len > size - offset)
		len = size - offset;
	room = buf_reserve(out, len);
	if (!room)
		return err_nomem(err);
	n = io_pread(e->fd, room, len, (off_t)offset, err);
	if (n < 0)
		return (int)n;
	out->len += (size_t)n;
	return 0;
}
