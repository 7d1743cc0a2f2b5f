/* SPDX-License-Identifier: MIT */
#include "fs/core/xattr_names.h"

#include "store/base/map.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct xattr_names {
	pthread_rwlock_t lock;
	struct map *names; /* each to this struct */
	atomic_bool beyond_capability;
};

int xattr_names_open(struct xattr_names **out, struct err *err)
{
	struct xattr_names *n = calloc(1, sizeof(*n));

	if (n)
		n->names = map_new();
	if (!n || !n->names) {
		free(n);
		return err_nomem(err);
	}
	pthread_rwlock_init(&n->lock, NULL);
	*out = n;
	return 0;
}

void xattr_names_close(struct xattr_names *n)
{
	if (!n)
		return;
	map_free(n->names);
	pthread_rwlock_destroy(&n->lock);
	free(n);
}

bool xattr_names_has(struct xattr_names *n, const char *name)
{
	bool has;

	pthread_rwlock_rdlock(&n->lock);
	has = map_get(n->names, name, strlen(name)) != NULL;
	pthread_rwlock_unlock(&n->lock);
	return has;
}

static int xattr_names_put(struct xattr_names *n, const char *name, struct err *err)
{
	int r = 0;

	if (xattr_names_has(n, name))
		return 0;
	pthread_rwlock_wrlock(&n->lock);
	if (map_put(n->names, name, strlen(name), n) < 0)
		r = err_nomem(err);
	pthread_rwlock_unlock(&n->lock);
	return r;
}

/* One kind of ACL is the word for both: who is told that there are none asks for the other no more,
 * and who has got one takes it for an error that there is no other. */
int xattr_names_add(struct xattr_names *n, const char *name, struct err *err)
{
	bool acl = strcmp(name, "system.posix_acl_access") == 0 ||
		   strcmp(name, "system.posix_acl_default") == 0;
	int r = xattr_names_put(n, acl ? "system.posix_acl_access" : name, err);

	if (!r && acl)
		r = xattr_names_put(n, "system.posix_acl_default", err);
	if (strcmp(name, "security.capability") != 0)
		atomic_store(&n->beyond_capability, true);
	return r;
}

bool xattr_names_beyond_capability(struct xattr_names *n)
{
	return atomic_load(&n->beyond_capability);
}
