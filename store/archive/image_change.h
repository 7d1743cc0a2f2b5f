/* SPDX-License-Identifier: MIT */
/*
 * The changes that `docker import -c` takes: instructions of a Dockerfile (docs.docker.com,
 * "Dockerfile reference") that change nothing but an image's config: CMD ENTRYPOINT ENV EXPOSE
 * HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR. Pure.
 */
#ifndef STORE_IMAGE_CHANGE_H
#define STORE_IMAGE_CHANGE_H

#include "store/base/err.h"
#include "store/base/json.h"

/* Applies one change to `config`, the object "config" of an image's config. -EINVAL, in docker's words:
 * "RUN is not a valid change command". */
int image_change_apply(struct json_object *config, const char *change, struct err *err);

#endif
