/* SPDX-License-Identifier: MIT */
/*
 * A file of credentials in docker's format (config.json), changed: other members stay as they are,
 * the file is replaced whole (0600) and flushed to disk. Changes by several threads or processes
 * come one after the other. A file that cannot be understood is left alone: -EACCES.
 */
#ifndef REGISTRY_LOGIN_FILE_H
#define REGISTRY_LOGIN_FILE_H

#include "registry/auth/credential.h"
#include "store/base/err.h"

/* Writes the credentials under the key; `c` NULL: a helper has them, and the entry is empty. The user
 * says which helper that is (credHelpers, credsStore): these are neither written nor removed. */
int login_file_set(const char *path, const char *key, const struct credential *c, struct err *err);

/* Removes the credentials for the key, in all its spellings. */
int login_file_remove(const char *path, const char *key, struct err *err);

#endif
