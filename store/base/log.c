/* SPDX-License-Identifier: MIT */
#include "store/base/log.h"

#include "store/base/err.h"

#include <stdarg.h>
#include <stdio.h>

/* The process's log, set before there are threads. */
static int log_to_stderr = 1;
static int log_level = LOG_WARNING;

void log_open(int to_stderr, int level)
{
	log_to_stderr = to_stderr;
	log_level = level;
	if (!to_stderr)
		openlog("imagefs", LOG_PID, LOG_DAEMON);
}

void log_write(int level, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX + 256];
	va_list ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = *p == '\n' ? ';' : '?'; /* one record a line, whatever a name holds */
	if (log_to_stderr)
		fprintf(stderr, "imagefs: %s\n", text);
	else
		syslog(level, "%s", text);
}
