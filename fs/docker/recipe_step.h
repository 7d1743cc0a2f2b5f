/* SPDX-License-Identifier: MIT */
/*
 * One line of an image's history as an instruction: as the classic builder of docker and buildah write
 * it ("/bin/sh -c #(nop) CMD …", "|1 A=b /bin/sh -c make"), and as buildkit and kaniko do ("RUN
 * /bin/sh -c make # buildkit"). Pure.
 */
#ifndef FS_RECIPE_STEP_H
#define FS_RECIPE_STEP_H

#include "store/base/buf.h"
#include "store/base/json.h"

/* A Dockerfile in the making. */
struct recipe {
	const struct json_object *settings; /* "config" of the config; or NULL */
	struct buf *out;
	struct buf shell;      /* owned: what RUN begins with, with a blank behind, and a NUL */
	struct buf configured; /* owned: the same of the config; "" where it says nothing */
	bool checked;	       /* the config's HEALTHCHECK was printed: once, as it may be long */
	unsigned seen;	       /* a bit for each enum recipe_instruction that there was */
};

/* The names in recipe_step.c have the same order. */
enum recipe_instruction {
	RECIPE_ADD,
	RECIPE_ARG,
	RECIPE_CMD,
	RECIPE_COPY,
	RECIPE_ENTRYPOINT,
	RECIPE_ENV,
	RECIPE_EXPOSE,
	RECIPE_HEALTHCHECK,
	RECIPE_LABEL,
	RECIPE_MAINTAINER,
	RECIPE_ONBUILD,
	RECIPE_RUN,
	RECIPE_SHELL,
	RECIPE_STOPSIGNAL,
	RECIPE_USER,
	RECIPE_VOLUME,
	RECIPE_WORKDIR,
	RECIPE_INSTRUCTIONS,
};

/* Appends the words of a shell, as they stand in front of a command. */
void recipe_shell_words(struct buf *out, const struct json_object *words);

void recipe_step(struct recipe *r, const char *created_by);

/* Appends NAME="value", for ENV and LABEL. `len` is that of the name. */
void recipe_pair(struct buf *out, const char *name, size_t len, const char *value);

/* Prints what the config says of HEALTHCHECK. False, and nothing printed: it says nothing. */
bool recipe_healthcheck(struct recipe *r);

#endif
