/* SPDX-License-Identifier: MIT */
/*
 * A registry that does what a test says: an HTTP server on the loopback that answers its n-th
 * request by the n-th step, and keeps what it was sent. A TLS handshake is refused and counts for
 * nothing. Behind the last step every request gets 404.
 */
#ifndef TESTS_SCRIPT_SERVER_H
#define TESTS_SCRIPT_SERVER_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum script_end {
	SCRIPT_KEEP, /* the connection waits for the next request */
	SCRIPT_CLOSE,
	SCRIPT_RESET, /* RST */
	SCRIPT_HANG   /* nothing more, until the client goes or the server stops */
};

struct script_step {
	const char *head;  /* status line and fields, each with \r\n; the empty line is added */
	const char *body;  /* a string, or NULL */
	uint64_t from, to; /* of the pattern (script_byte), behind the body */
	enum script_end end;
	const char *forever; /* sent again and again behind it, until the client goes */
};

#define SCRIPT_LOG (64 << 10)

struct script_server {
	int fd;
	unsigned port;
	pthread_t thread;
	const struct script_step *steps;
	size_t count;
	pthread_mutex_t lock;
	size_t served;	      /* lock: requests */
	char log[SCRIPT_LOG]; /* lock: heads and bodies of the requests, one behind the other */
	size_t log_len;
	bool stop;		/* lock */
	pthread_t clients[256]; /* the accepting thread's */
	size_t client_count;	/* lock */
};

struct script_client {
	struct script_server *server;
	int fd;
};

static inline unsigned char script_byte(uint64_t i)
{
	return (unsigned char)(i * 2654435761u >> 13);
}

static inline bool script_stopped(struct script_server *s)
{
	pthread_mutex_lock(&s->lock);
	bool stop = s->stop;

	pthread_mutex_unlock(&s->lock);
	return stop;
}

static inline bool script_send(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static inline bool script_send_pattern(int fd, uint64_t from, uint64_t to)
{
	unsigned char piece[16384];

	while (from < to) {
		size_t n = 0;

		while (n < sizeof(piece) && from < to)
			piece[n++] = script_byte(from++);
		if (!script_send(fd, piece, n))
			return false;
	}
	return true;
}

/* Bytes as they come, no longer than until the server stops; 0: none will. */
static inline ssize_t script_receive(struct script_client *c, char *data, size_t max)
{
	while (!script_stopped(c->server)) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};

		if (poll(&p, 1, 20) > 0)
			return recv(c->fd, data, max, 0);
	}
	return 0;
}

/* A head, and the body that its Content-Length announces. */
static inline bool script_read_request(struct script_client *c, char *text, size_t size)
{
	size_t len = 0, want = 0;

	while (len < size - 1) {
		ssize_t n = script_receive(c, text + len, size - 1 - len);
		char *end, *field;

		if (n <= 0 || (unsigned char)text[0] == 0x16)
			return false;
		len += (size_t)n;
		text[len] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (!end)
			continue;
		field = strcasestr(text, "\r\nContent-Length: ");
		want = field ? strtoul(field + 18, NULL, 10) : 0;
		if (len >= (size_t)(end + 4 - text) + want)
			return true;
	}
	return false;
}

static inline const struct script_step *script_next(struct script_server *s, const char *request)
{
	static const struct script_step gone = {.head = "HTTP/1.1 404 Not Found\r\n"
							"Content-Length: 0\r\n"};
	const struct script_step *step;
	size_t len = strlen(request);

	pthread_mutex_lock(&s->lock);
	if (s->log_len + len < SCRIPT_LOG) {
		memcpy(s->log + s->log_len, request, len + 1);
		s->log_len += len;
	}
	step = s->served < s->count ? &s->steps[s->served] : &gone;
	s->served++;
	pthread_mutex_unlock(&s->lock);
	return step;
}

/* Head and body in one piece: no pause that a client could take for a stall comes between. */
static inline bool script_send_text(int fd, const struct script_step *step)
{
	bool good;
	char *text;
	int len =
	    asprintf(&text, "%s%s%s", step->head ? step->head : "",
		     step->head && !step->forever ? "\r\n" : "", step->body ? step->body : "");

	if (len < 0)
		abort();
	good = script_send(fd, text, (size_t)len);
	free(text);
	return good;
}

static inline bool script_answer(struct script_client *c, const struct script_step *step)
{
	const struct linger reset = {.l_onoff = 1};
	char drain[256];
	bool good =
	    script_send_text(c->fd, step) && script_send_pattern(c->fd, step->from, step->to);

	while (good && step->forever && !script_stopped(c->server))
		good = script_send(c->fd, step->forever, strlen(step->forever));
	if (step->end == SCRIPT_HANG)
		while (script_receive(c, drain, sizeof(drain)) > 0)
			;
	if (step->end == SCRIPT_RESET)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return good && step->end == SCRIPT_KEEP;
}

static inline void *script_client_run(void *arg)
{
	struct script_client *c = arg;
	char request[8192];
	struct timeval limit = {.tv_sec = 60};

	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	while (script_read_request(c, request, sizeof(request)) &&
	       script_answer(c, script_next(c->server, request)))
		;
	close(c->fd);
	free(c);
	return NULL;
}

static inline void *script_accept(void *arg)
{
	struct script_server *s = arg;

	while (!script_stopped(s)) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		struct script_client *c;
		pthread_t *thread;

		if (poll(&p, 1, 20) <= 0 || s->client_count == 256)
			continue;
		c = malloc(sizeof(*c));
		*c = (struct script_client){.server = s, .fd = accept(s->fd, NULL, NULL)};
		pthread_mutex_lock(&s->lock); /* counted before it is answered */
		thread = &s->clients[s->client_count++];
		pthread_mutex_unlock(&s->lock);
		pthread_create(thread, NULL, script_client_run, c);
	}
	return NULL;
}

/* On a port; 0: any. s->steps and s->count stand. */
static inline void script_start_at(struct script_server *s, unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				.sin_port = htons((uint16_t)port)};
	socklen_t len = sizeof(a);
	const int on = 1;

	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s->fd, (struct sockaddr *)&a, len) || listen(s->fd, 64) ||
	    getsockname(s->fd, (struct sockaddr *)&a, &len))
		abort();
	s->port = ntohs(a.sin_port);
	pthread_create(&s->thread, NULL, script_accept, s);
}

static inline void script_start(struct script_server *s, const struct script_step *steps,
				size_t count)
{
	memset(s, 0, sizeof(*s));
	s->steps = steps;
	s->count = count;
	script_start_at(s, 0);
}

static inline void script_stop(struct script_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	for (size_t i = 0; i < s->client_count; i++)
		pthread_join(s->clients[i], NULL);
	close(s->fd);
	pthread_mutex_destroy(&s->lock);
}

static inline size_t script_served(struct script_server *s)
{
	pthread_mutex_lock(&s->lock);
	size_t n = s->served;

	pthread_mutex_unlock(&s->lock);
	return n;
}

static inline size_t script_connections(struct script_server *s)
{
	pthread_mutex_lock(&s->lock);
	size_t n = s->client_count;

	pthread_mutex_unlock(&s->lock);
	return n;
}

/* How often a text occurs in what it was sent. */
static inline size_t script_saw(struct script_server *s, const char *text)
{
	size_t n = 0;

	pthread_mutex_lock(&s->lock);
	for (const char *p = s->log; (p = strstr(p, text)); p++)
		n++;
	pthread_mutex_unlock(&s->lock);
	return n;
}

#endif
