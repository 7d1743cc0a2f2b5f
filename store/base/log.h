/* SPDX-License-Identifier: MIT */
/*
 * The system log (syslog), or standard error while in the foreground. Only the edge
 * in fs/ logs, and what goes on without credentials that it could not have (registry/auth): whatever
 * else lies below returns its error. Never takes a secret: code that formats a
 * message has no secret at hand.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include <syslog.h>

/* Once, before threads start. level: LOG_ERR … LOG_DEBUG. */
void log_open(int to_stderr, int level);
void log_write(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
