/* SPDX-License-Identifier: MIT */
/*
 * The system log (syslog), or standard error while in the foreground. Only the edge in
 * fs/ logs, and registry/auth where it goes on although credentials could not be had. All
 * other code returns its errors. No secret comes here: code that formats a message has
 * none at hand.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include <syslog.h>

/* Called once, before threads start. level: LOG_ERR … LOG_DEBUG; less urgent messages are dropped. */
void log_open(int to_stderr, int level);
void log_write(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
