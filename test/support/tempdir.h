/* tempdir.h - a directory of a test's own, and an env whose clock a test moves. */
#ifndef TEMPDIR_H
#define TEMPDIR_H

#include "base/env.h"

/* A new empty directory below $TMPDIR or /tmp; the name lives until the next call. */
const char *tempdir_make(const char *stem);
void tempdir_remove(const char *path);

struct tempdir_clock {
    struct env env; /* give out &clock.env */
    struct env_ops ops;
    _Atomic int64_t ahead_us; /* of the real clock; the store's threads look at it too */
};
void tempdir_clock_init(struct tempdir_clock *clock);

#endif
