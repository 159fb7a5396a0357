/* pipebed.c - opening the tiers with their tables of functions replaced, and looking into them. */
#include "support/pipebed.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/err.h"
#include "support/tempdir.h"
#include "support/unit.h"
#include "wire/kafka/recbatch.h"

static struct pipebed *bed_now;
static const struct landing_ops *real_landing;
static const struct log_ops *real_log;
static const struct store_ops *real_store;

/* Does this call fail? */
static bool hit(struct pipebed_fault *fault) {
    if (fault->cnt <= 0) return false;
    if (fault->after > 0) {
        fault->after--;
        return false;
    }
    fault->cnt--;
    fault->hits++;
    return true;
}

static int faulty_submit(struct log *log, struct str topic, int32_t part, struct str batch,
                         log_done_fn *done, void *arg) {
    struct pipebed_fault *fault = &bed_now->append;
    if ((fault->only && !str_eqz(topic, fault->only)) || !hit(fault))
        return real_log->submit(log, topic, part, batch, done, arg);
    if (fault->lost) {
        int64_t base;
        log->ops = real_log;
        assert_int_equal(log_append(log, topic, part, batch, &base), 0);
        log->ops = &bed_now->log_ops;
        done(arg, err_fail(ERR_NET, "the answer got lost, says the test"), -1);
        return 0;
    }
    return err_fail(ERR_FULL, "the log is full, says the test");
}

static int faulty_commit(struct store_tx *tx) {
    struct pipebed_fault *fault = &bed_now->commit;
    if (!hit(fault)) return real_store->commit(tx);
    if (fault->lost) assert_int_equal(real_store->commit(tx), 0);
    else real_store->abort(tx);
    return err_fail(ERR_NET, "the store does not answer, says the test");
}

static int faulty_ack(struct capture *capture, uint64_t seq) {
    struct pipebed_fault *fault = &bed_now->ack;
    if (!hit(fault)) return real_landing->capture_ack(capture, seq);
    return err_fail(ERR_IO, "the outbox cannot be written, says the test");
}

static int64_t moved_now(struct env *env) {
    return env_now_us(env_real()) + ((struct pipebed *)env)->ahead_us;
}

static int64_t moved_mono(struct env *env) {
    return env_mono_us(env_real()) + ((struct pipebed *)env)->ahead_us;
}

static void moved_sleep(struct env *env, int64_t us) {
    ((struct pipebed *)env)->ahead_us += us;
}

void pipebed_open(struct pipebed *bed) {
    memset(bed, 0, sizeof *bed);
    bed_now = bed;
    bed->env_ops = *env_real()->ops;
    bed->env_ops.now_us = moved_now;
    bed->env_ops.mono_us = moved_mono;
    bed->env_ops.sleep_us = moved_sleep;
    bed->env.ops = &bed->env_ops;
    snprintf(bed->dir, sizeof bed->dir, "%s", tempdir_make("pipebed"));
    snprintf(bed->url, sizeof bed->url, "sqlite:%s/landing.db", bed->dir);
    struct landing_conf landing = {.env = &bed->env, .url = bed->url};
    struct log_conf log = {.env = &bed->env, .url = "mem:"};
    struct store_conf store = {.env = &bed->env, .url = "mem:"};
    assert_int_equal(landing_open(&bed->landing, &landing), 0);
    assert_int_equal(log_open(&bed->log, &log), 0);
    struct registry_conf registry = {.env = &bed->env, .url = "embedded:", .log = bed->log};
    assert_int_equal(registry_open(&bed->registry, &registry), 0);
    assert_int_equal(store_open(&bed->store, &store), 0);
    real_landing = bed->landing->ops;
    real_log = bed->log->ops;
    real_store = bed->store->ops;
    bed->landing_ops = *real_landing;
    bed->landing_ops.capture_ack = faulty_ack;
    bed->landing->ops = &bed->landing_ops;
    bed->log_ops = *real_log;
    bed->log_ops.submit = faulty_submit;
    bed->log->ops = &bed->log_ops;
    bed->store_ops = *real_store;
    bed->store_ops.commit = faulty_commit;
    bed->store->ops = &bed->store_ops;
}

void pipebed_close(struct pipebed *bed) {
    store_close(bed->store);
    registry_close(bed->registry);
    log_close(bed->log);
    landing_close(bed->landing);
    arena_fini(&bed->arena);
    tempdir_remove(bed->dir);
}

/* ---- landing ---- */

void pipebed_declare(struct pipebed *bed, const char *table, const char *key) {
    struct str keys[] = {str_of(key)};
    struct landing_table declared = {str_of(table), keys, 1, true};
    assert_int_equal(landing_declare(bed->landing, &declared), 0);
}

void pipebed_land(struct pipebed *bed, const char *table, ...) {
    struct landing_tx *tx;
    struct landing_count count;
    const char *row;
    va_list rows;
    assert_int_equal(landing_begin(bed->landing, &tx), 0);
    va_start(rows, table);
    while ((row = va_arg(rows, const char *))) {
        struct str one = str_of(row);
        int err = landing_upsert(tx, str_of(table), &one, 1, &count);
        if (err) fail_msg("%s: %s", row, err_note());
    }
    va_end(rows);
    assert_int_equal(landing_commit(tx), 0);
}

void pipebed_sql(struct pipebed *bed, const char *sql) {
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(bed->url + strlen("sqlite:"), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, sql, NULL, NULL, &why)) fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

/* ---- log ---- */

void pipebed_put(struct pipebed *bed, const char *topic, int32_t part,
                 const struct record *record) {
    struct buf buf;
    struct recbatch_build build;
    int64_t base;
    int err = log_topic_create(bed->log, str_of(topic), part + 1, NULL, 0);
    assert_true(!err || err == ERR_EXISTS);
    buf_init(&buf, 16 * MIB);
    recbatch_begin(&build, &buf);
    assert_int_equal(recbatch_add(&build, record), 0);
    assert_int_equal(recbatch_seal(&build), 0);
    assert_int_equal(log_append(bed->log, str_of(topic), part, buf_str(&buf), &base), 0);
    buf_fini(&buf);
}

#define RECORD_MAX 100000

static size_t records_of(struct pipebed *bed, struct str topic, int32_t part,
                         struct record *to) {
    struct log_span span;
    struct recbatch_iter it;
    size_t cnt = 0;
    assert_int_equal(log_span(bed->log, topic, part, &span), 0);
    for (int64_t at = span.start; at < span.end;) {
        struct str bytes;
        assert_int_equal(log_read(bed->log, topic, part, at, 4 * MIB, &bed->arena, &bytes), 0);
        recbatch_walk(&it, bytes, at, &bed->arena);
        while (recbatch_next(&it, &to[cnt])) {
            struct record *record = &to[cnt++];
            struct record_header *header = arena_array(&bed->arena, struct record_header,
                                                       record->header_cnt + 1);
            if (record->header_cnt)
                memcpy(header, record->header, record->header_cnt * sizeof *header);
            record->header = header;
            at = record->offset + 1;
            assert_true(cnt < RECORD_MAX);
        }
        assert_int_equal(it.err, 0);
    }
    return cnt;
}

size_t pipebed_records(struct pipebed *bed, const char *topic, struct record **out) {
    struct log_topic info;
    size_t cnt = 0;
    *out = arena_array(&bed->arena, struct record, RECORD_MAX);
    int err = log_topic_get(bed->log, str_of(topic), &bed->arena, &info);
    if (err == ERR_NOT_FOUND) return 0;
    assert_int_equal(err, 0);
    for (int32_t part = 0; part < info.part_cnt; part++)
        cnt += records_of(bed, str_of(topic), part, *out + cnt);
    return cnt;
}

const char *pipebed_header(struct pipebed *bed, const struct record *record, const char *name) {
    for (uint32_t i = 0; i < record->header_cnt; i++)
        if (str_eqz(record->header[i].name, name))
            return arena_strz(&bed->arena, record->header[i].value);
    return "";
}

/* ---- store ---- */

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *pipebed_rows(struct pipebed *bed, const char *keyspace, const char *table) {
    struct store_table info;
    struct store_scan *scan;
    struct store_range all = {.token_lo = INT64_MIN, .token_hi = INT64_MAX};
    struct store_row row;
    struct buf text;
    char *line[1000];
    size_t cnt = 0;
    bool more;
    int err = store_table_get(bed->store, str_of(keyspace), str_of(table), &bed->arena, &info);
    if (err == ERR_NOT_FOUND) return "";
    assert_int_equal(err, 0);
    buf_init(&text, 16 * MIB);
    assert_int_equal(store_scan_open(bed->store, &info, &all, STR_NULL, &scan), 0);
    while (!store_scan_next(scan, &bed->arena, &row, &more) && more) {
        buf_reset(&text);
        for (size_t i = 0; i < info.col_cnt; i++) {
            if (i) buf_putc(&text, '|');
            if (row.value[i].ptr) buf_puts(&text, row.value[i]);
            else buf_putz(&text, "null");
        }
        assert_true(cnt < ARRAY_LEN(line));
        line[cnt++] = arena_strz(&bed->arena, buf_str(&text));
    }
    store_scan_close(scan);
    qsort(line, cnt, sizeof *line, by_text);
    buf_reset(&text);
    for (size_t i = 0; i < cnt; i++) buf_printf(&text, "%s\n", line[i]);
    const char *out = arena_strz(&bed->arena, buf_str(&text));
    buf_fini(&text);
    return out;
}
