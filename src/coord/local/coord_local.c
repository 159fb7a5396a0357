/* coord_local.c - one node: it always leads, with an epoch one higher than at its last start.
 *
 * The file holds the epoch as decimal text. */
#include "base/arena.h"
#include "base/err.h"
#include "coord/coord_ops.h"

#define FILE_MAX 64
#define FOREVER  (INT64_MAX / 4) /* far from overflow in sums */

struct local {
    struct coord base;
    int64_t epoch;
};

static int read_epoch(struct env *env, const char *path, int64_t *out) {
    char *text;
    size_t len;
    *out = 0;
    int err = env_read_whole(env, path, FILE_MAX, &text, &len);
    if (err) return err == ERR_NOT_FOUND ? 0 : err;
    struct str num = str_trim((struct str){text, len});
    bool good = !str_i64(num, out) && *out >= 0 && *out < INT64_MAX;
    base_free(text);
    return good ? 0 : err_fail(ERR_CORRUPT, "%s holds no epoch; write one number above all that "
                               "were used, or remove it", path);
}

static int local_open(struct coord **out, const struct coord_conf *conf, const char *rest) {
    int64_t epoch;
    struct arena arena = ARENA_INIT;
    int err = read_epoch(conf->env, rest, &epoch);
    if (!err)
        err = env_write_whole(conf->env, rest, arena_printf(&arena, "%" PRId64 "\n", epoch + 1));
    arena_fini(&arena);
    if (err) return err;
    struct local *local = base_calloc(1, sizeof *local);
    local->epoch = epoch + 1;
    *out = &local->base;
    return 0;
}

static void local_close(struct coord *coord) {
    base_free(coord);
}

static int local_step(struct coord *coord) {
    struct local *local = (struct local *)coord;
    coord_heard(coord, local->epoch, env_mono_us(coord->env), FOREVER);
    return 0;
}

static int local_resign(struct coord *coord UNUSED) {
    return 0;
}

const struct coord_ops coord_local_ops = {"local", false, local_open, NULL, local_close,
                                          local_step, local_resign};
