/* capture_bench.c - changes of a PostgreSQL table: drained, copied, and waited for one by one.
 *
 *   SLUICE_TEST_POSTGRES=postgresql://user@host:port/database capture_bench [rows]
 *
 * A table of eight columns, about 190 bytes a row, made and dropped by the bench. Three figures: a
 * backlog in transactions of 1,000 rows, drained and acked; the copy of the table; and commit to
 * capture_next() of single rows, 200 a second. pg_recvlogical on the same slot is the measure of
 * the first. Without an address nothing is measured. */
#include "base/err.h"
#include "landing/capture.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SINGLE_CNT 1000
#define SINGLE_GAP 5000 /* us */

static const char *url;

static void ok(int err) {
    if (!err) return;
    fprintf(stderr, "%s: %s\n", err_name(err), err_note());
    exit(1);
}

static void sql(PGconn *pg, const char *text) {
    PGresult *res = PQexecParams(pg, text, 0, NULL, NULL, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s: %s\n", text, PQerrorMessage(pg));
        exit(1);
    }
    PQclear(res);
}

static void fill(PGconn *pg, int rows) {
    char text[600];
    for (int i = 0; i < rows; i += 1000) {
        snprintf(text, sizeof text,
                 "INSERT INTO capture_bench SELECT i, md5(i::text)::uuid, 'name ' || i,"
                 " 'name' || i || '@example.com', i %% 90, i / 7.0, md5(i::text) || md5(i::text),"
                 " now() FROM generate_series(%d, %d) i", i, i + 999);
        sql(pg, text);
    }
}

/* Takes and acks `want` changes; returns changes a second. */
static double drain(struct capture *capture, int64_t want, int64_t *bytes) {
    struct arena arena = ARENA_INIT;
    int64_t start_us = env_mono_us(env_real());
    for (int64_t got = 0; got < want;) {
        struct change *change;
        size_t cnt;
        arena_reset(&arena);
        ok(capture_next(capture, 4096, 1000000, &arena, &change, &cnt));
        for (size_t i = 0; i < cnt; i++) *bytes += (int64_t)change[i].after.len;
        if (cnt) ok(capture_ack(capture, change[cnt - 1].seq));
        got += (int64_t)cnt;
    }
    arena_fini(&arena);
    return (double)want * 1e6 / (double)(env_mono_us(env_real()) - start_us);
}

static void *single_main(void *arg) {
    PGconn *pg = PQconnectdb(url);
    (void)arg;
    for (int i = 0; i < SINGLE_CNT; i++) {
        sql(pg, "INSERT INTO capture_bench(id, at) SELECT 100000000 + count(*), now() FROM "
                "capture_bench WHERE id>=100000000");
        env_sleep_us(env_real(), SINGLE_GAP);
    }
    PQfinish(pg);
    return NULL;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The server's clock at the commit, ours when the change is here: on one machine the same. */
static void latency(struct capture *capture) {
    struct arena arena = ARENA_INIT;
    static int64_t us[SINGLE_CNT];
    pthread_t thread;
    size_t got = 0;
    if (pthread_create(&thread, NULL, single_main, NULL)) exit(1);
    while (got < SINGLE_CNT) {
        struct change *change;
        size_t cnt;
        arena_reset(&arena);
        ok(capture_next(capture, 1, 1000000, &arena, &change, &cnt));
        int64_t now_us = env_now_us(env_real());
        for (size_t i = 0; i < cnt && got < SINGLE_CNT; i++)
            us[got++] = now_us - change[i].commit_us;
        if (cnt) ok(capture_ack(capture, change[cnt - 1].seq));
    }
    pthread_join(thread, NULL);
    qsort(us, SINGLE_CNT, sizeof *us, by_size);
    printf("single rows: p50 %.2f ms, p99 %.2f ms\n", (double)us[SINGLE_CNT / 2] / 1e3,
           (double)us[SINGLE_CNT * 99 / 100] / 1e3);
    arena_fini(&arena);
}

int main(int argc, char **argv) {
    long rows = argc > 1 ? strtol(argv[1], NULL, 10) : 300000;
    url = getenv("SLUICE_TEST_POSTGRES");
    if (!url) {
        printf("SKIP: SLUICE_TEST_POSTGRES has no address\n");
        return 0;
    }
    PGconn *pg = PQconnectdb(url);
    sql(pg, "DROP TABLE IF EXISTS capture_bench");
    sql(pg, "CREATE TABLE capture_bench(id bigint PRIMARY KEY, uid uuid, name text, mail text,"
            " age int, score double precision, note text, at timestamptz)");
    struct landing *landing;
    struct capture *capture;
    int64_t bytes = 0;
    struct landing_table table = {.name = STR("capture_bench"), .captured = true};
    ok(landing_open(&landing, &(struct landing_conf){.env = env_real(), .url = url,
                                                     .guest = true}));
    ok(landing_declare(landing, &table));
    ok(capture_open(&capture, landing));
    fill(pg, (int)rows);
    printf("backlog of %ld rows: %.0f rows/s\n", rows, drain(capture, rows, &bytes));
    printf("  %.0f bytes of JSON a row\n", (double)bytes / (double)rows);
    ok(capture_snapshot(capture, table.name));
    printf("copy: %.0f rows/s\n", drain(capture, rows, &bytes));
    latency(capture);
    capture_close(capture);
    landing_close(landing);
    sql(pg, "DROP TABLE capture_bench");
    sql(pg, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE"
            " slot_name LIKE 'sluice_from_%' AND database=current_database() AND NOT active");
    PQfinish(pg);
    return 0;
}
