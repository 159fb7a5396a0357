/* tempdir.c - directories and clocks for tests. */
#include "support/tempdir.h"

#include <stdio.h>
#include <stdlib.h>

const char *tempdir_make(const char *stem) {
    static char path[512];
    const char *top = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/sluice-%s-XXXXXX", top && *top ? top : "/tmp", stem);
    CHECK(mkdtemp(path) != NULL);
    return path;
}

void tempdir_remove(const char *path) {
    CHECK(env_remove_tree(env_real(), path) == 0);
}

static int64_t moved_now(struct env *env) {
    return env_now_us(env_real()) + ((struct tempdir_clock *)env)->ahead_us;
}

void tempdir_clock_init(struct tempdir_clock *clock) {
    clock->ops = *env_real()->ops;
    clock->ops.now_us = moved_now;
    clock->env.ops = &clock->ops;
    clock->ahead_us = 0;
}
