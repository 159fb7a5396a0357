/* stream_bench.c - the example's query over records of ~1.1 KB, from a log in memory into a sink
 * that only counts: rows a second and CPU time a row, on one core. */
#include <stdio.h>
#include <sys/resource.h>

#include "base/env.h"
#include "base/err.h"
#include "log/log.h"
#include "source/people/person.h"
#include "stream/stream.h"
#include "wire/json/jsontype.h"
#include "wire/kafka/recbatch.h"

#define RECORDS 200000
#define BATCH   500
#define ROUNDS  3

#define QUERY                                                                                     \
    "SELECT login.uuid AS id, name.first AS first_name, name.last AS last_name, gender, "         \
    "concat_ws(', ', concat(location.street.number, ' ', location.street.name), location.city, "  \
    "location.state, location.country) AS address, CAST(location.postcode AS STRING) AS "         \
    "post_code, lower(email) AS email, login.username AS username, dob.date AS dob, "             \
    "registered.date AS registered_date, phone, picture.medium AS picture "                       \
    "FROM STREAM users_created"

/* ---- the sink ---- */

struct counted {
    size_t rows, bytes;
};

static int sink_rows(void *self, const struct batch *rows, const int64_t *ts_us UNUSED,
                     stream_reject_fn *reject UNUSED, void *arg UNUSED) {
    struct counted *counted = self;
    counted->rows += batch_live(rows);
    for (uint32_t i = 0; i < batch_live(rows); i++)
        counted->bytes += rows->col[4]->str[vec_at(rows->col[4], batch_row(rows, i))].len;
    return 0;
}
static int sink_nothing(void *self UNUSED) {
    return 0;
}
static void sink_abort(void *self UNUSED) {
}
static int sink_put_state(void *self UNUSED, struct str name UNUSED, struct str value UNUSED) {
    return 0;
}
static int sink_get_state(void *self UNUSED, struct str name UNUSED, struct arena *arena UNUSED,
                          struct str *out UNUSED) {
    return ERR_NOT_FOUND;
}
static int sink_quarantine(void *self UNUSED, const struct record *record UNUSED,
                           int32_t part UNUSED, struct str check, struct str reason) {
    printf("quarantined: %.*s: %.*s\n", STR_ARG(check), STR_ARG(reason));
    return 0;
}

/* ---- */

static int fill(struct log *log, struct env *env, struct arena *arena, const struct type **type) {
    struct buf batch, value;
    struct people_query query;
    int64_t base;
    int err = people_parse(env, STR(""), STR(""), &query);
    buf_init(&batch, 8 * MIB);
    buf_init(&value, 1 * MIB);
    for (unsigned i = 0; i < RECORDS && !err; i += BATCH) {
        struct recbatch_build build;
        buf_reset(&batch);
        recbatch_begin(&build, &batch);
        for (unsigned k = i; k < i + BATCH && !err; k++) {
            buf_reset(&value);
            person_write(&query, 1, k, env_now_us(env), &value);
            struct record record = {.value = buf_str(&value), .ts_ms = env_now_ms(env)};
            err = recbatch_add(&build, &record);
        }
        if (!err && !*type) err = jsontype_infer(buf_str(&value), arena, type);
        if (!err) err = recbatch_seal(&build);
        if (!err) err = log_append(log, STR("users_created"), 0, buf_str(&batch), &base);
    }
    buf_fini(&batch);
    buf_fini(&value);
    return err;
}

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int round_once(const struct stream_conf *conf) {
    struct stream *stream;
    size_t did = 1;
    int err = stream_open(&stream, conf);
    if (err) return err;
    double cpu = cpu_seconds();
    int64_t from = env_mono_us(conf->env);
    while (!err && did) err = stream_step(stream, 0, &did);
    double sec = (double)(env_mono_us(conf->env) - from) / 1e6;
    struct stream_stats stats;
    stream_stats(stream, &stats);
    if (!err)
        printf("%" PRId64 " rows in %.3f s: %.0f rows/s, %.2f us of CPU a row\n", stats.rows_out,
               sec, (double)stats.rows_out / sec,
               (cpu_seconds() - cpu) * 1e6 / (double)MAX(stats.rows_out, (int64_t)1));
    stream_close(stream);
    return err;
}

int main(void) {
    struct arena arena = ARENA_INIT;
    struct env *env = env_real();
    struct log *log = NULL;
    const struct type *type = NULL;
    struct counted counted = {0};
    const struct log_conf log_conf = {.env = env, .url = "mem:", .inline_commit = true};
    int err = log_open(&log, &log_conf);
    if (!err) err = log_topic_create(log, STR("users_created"), 1, NULL, 0);
    if (!err) err = fill(log, env, &arena, &type);
    struct stream_conf conf = {
        .env = env,
        .name = STR("created_users"),
        .query = {STR(QUERY), NULL, 0},
        .source = type,
        .log = log,
        .sink = {&counted, sink_nothing, sink_rows, sink_put_state, sink_nothing, sink_abort,
                 sink_get_state, sink_quarantine},
    };
    for (int i = 0; i < ROUNDS && !err; i++) err = round_once(&conf);
    if (err) printf("failed: %s\n", err_note());
    log_close(log);
    arena_fini(&arena);
    return err != 0;
}
