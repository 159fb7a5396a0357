/* store_bench.c - rows a second into the embedded store and out of it.
 *
 *   store_bench [rows [batch [folder or cassandra://...]]]
 *
 * Rows of 13 text columns (360 bytes) keyed by a random uuid, as a query writes them: columnar
 * batches, one durable commit each. Then rows by key, a whole scan, and prepared CQL in process,
 * each insert a durable commit, from one thread and from eight. */
#include "base/err.h"
#include "base/uuid.h"
#include "model/batch.h"
#include "store/cql/cqlexec.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define THREADS 8

static struct store *store;

static void ok(int err) {
    if (!err) return;
    fprintf(stderr, "%s: %s\n", err_name(err), err_note());
    exit(1);
}

static double cpu_us(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static double rss_mb(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
        fclose(file);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

struct watch {
    int64_t wall;
    double cpu;
};

static struct watch watch(void) {
    return (struct watch){env_mono_us(env_real()), cpu_us()};
}

static void tell(const char *what, struct watch from, double cnt) {
    double us = (double)(env_mono_us(env_real()) - from.wall);
    printf("%-34s %9.0f /s  %7.2f us CPU each  rss %5.1f MB\n", what, cnt / us * 1e6,
           (cpu_us() - from.cpu) / cnt, rss_mb());
    fflush(stdout);
}

static const char *const names[] = {"id", "first_name", "last_name", "gender", "address",
                                    "post_code", "email", "username", "dob", "registered_date",
                                    "phone", "picture", "nat"};

static const struct type *row_type(struct arena *arena) {
    struct field field[ARRAY_LEN(names)];
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        field[i] = (struct field){str_of(names[i]), type_of(TYPE_STRING), true};
    return type_struct(arena, field, ARRAY_LEN(names));
}

static void id_text(uint64_t n, char text[UUID_TEXT_LEN + 1]) {
    struct uuid id;
    uint64_t mixed[2] = {n * UINT64_C(0x9E3779B97F4A7C15), n * UINT64_C(0xC2B2AE3D27D4EB4F) + n};
    memcpy(id.byte, mixed, sizeof id.byte);
    id.byte[6] = (uint8_t)((id.byte[6] & 15) | 0x40);
    uuid_format(&id, text);
}

static void fill(struct batch *rows, uint64_t from) {
    static const char *const some[] = {
        "", "Jennie", "Nichols", "female", "8929 Valwood Pkwy, Billings, Michigan, United States",
        "63104", "jennie.nichols@example.com", "yellowpeacock117", "1992-03-08T15:13:16.688Z",
        "2007-07-09T05:51:59.390Z", "(272) 790-0888",
        "https://randomuser.me/api/portraits/med/men/75.jpg", "US"};
    for (uint32_t r = 0; r < rows->cnt; r++) {
        char *id = arena_bytes(rows->arena, UUID_TEXT_LEN + 1);
        id_text(from + r, id);
        rows->col[0]->str[r] = (struct str){id, UUID_TEXT_LEN};
        for (size_t i = 1; i < ARRAY_LEN(names); i++)
            rows->col[i]->str[r] = str_of(some[i]);
    }
}

static int no_reject(void *arg, uint32_t row, struct str reason) {
    (void)arg;
    return err_fail(ERR_INTERNAL, "row %u: %.*s", row, STR_ARG(reason));
}

static void through_the_sink(uint64_t cnt, uint32_t size, uint64_t from, const char *what) {
    struct arena arena = ARENA_INIT, batch_arena = ARENA_INIT;
    const struct type *type = row_type(&arena);
    struct store_sink_conf conf = {STR("bench"), STR("users"), type, STR("id uuid"), 0};
    struct store_sink *sink;
    int64_t *ts = arena_array(&arena, int64_t, size);
    ok(store_sink_open(store, &conf, &sink));
    struct watch start = watch();
    for (uint64_t n = 0; n < cnt; n += size) {
        struct batch *rows = batch_new(&batch_arena, type, size);
        struct store_tx *tx;
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            rows->col[i] = batch_vec(&batch_arena, type_of(TYPE_STRING), size);
        fill(rows, n + from);
        for (uint32_t i = 0; i < size; i++)
            ts[i] = env_now_us(env_real());
        ok(store_begin(store, &tx));
        ok(store_sink_rows(sink, tx, rows, ts, no_reject, NULL));
        ok(store_put_state(tx, STR("offset"), (struct str){(const char *)&n, sizeof n}));
        ok(store_commit(tx));
        arena_reset(&batch_arena);
    }
    tell(what, start, (double)cnt);
    store_sink_close(sink);
    arena_fini(&arena);
    arena_fini(&batch_arena);
}

static void by_key(uint64_t cnt, uint64_t of) {
    struct arena arena = ARENA_INIT, row_arena = ARENA_INIT;
    struct store_table table;
    ok(store_table_get(store, STR("bench"), STR("users"), &arena, &table));
    struct watch start = watch();
    for (uint64_t n = 0; n < cnt; n++) {
        char text[UUID_TEXT_LEN + 1];
        struct uuid id;
        struct store_scan *scan;
        struct store_row row;
        bool more;
        id_text(n * 7919 % of, text);
        ok(uuid_parse(str_of(text), &id));
        struct str key = {(const char *)id.byte, sizeof id.byte};
        struct store_range range = {.pkey = &key};
        arena_reset(&row_arena);
        ok(store_scan_open(store, &table, &range, STR_NULL, &scan));
        ok(store_scan_next(scan, &row_arena, &row, &more));
        if (!more) ok(err_fail(ERR_NOT_FOUND, "row %s is not there", text));
        store_scan_close(scan);
    }
    tell("rows by key", start, (double)cnt);
    arena_fini(&arena);
    arena_fini(&row_arena);
}

static void whole_scan(uint64_t want) {
    struct arena arena = ARENA_INIT, row_arena = ARENA_INIT;
    struct store_table table;
    struct store_scan *scan;
    struct store_range range = {.token_lo = INT64_MIN, .token_hi = INT64_MAX};
    uint64_t cnt = 0;
    bool more = true;
    ok(store_table_get(store, STR("bench"), STR("users"), &arena, &table));
    struct watch start = watch();
    ok(store_scan_open(store, &table, &range, STR_NULL, &scan));
    while (more) {
        struct store_row row;
        arena_reset(&row_arena);
        ok(store_scan_next(scan, &row_arena, &row, &more));
        cnt += more;
    }
    store_scan_close(scan);
    if (cnt != want) ok(err_fail(ERR_INTERNAL, "%" PRIu64 " rows, not %" PRIu64, cnt, want));
    tell("rows scanned", start, (double)cnt);
    arena_fini(&arena);
    arena_fini(&row_arena);
}

/* ---- CQL ------------------------------------------------------------------------------------ */

struct worker {
    struct cqlexec *exec;
    struct cqlexec_prepared *prepared;
    int64_t from, cnt;
};

static void *work(void *arg) {
    struct worker *w = arg;
    struct arena arena = ARENA_INIT;
    struct buf rows;
    struct cqlexec_session session = {"bench"};
    struct cqlexec_result result;
    static char text[200];
    buf_init(&rows, MIB);
    memset(text, 'x', sizeof text);
    for (int64_t n = 0; n < w->cnt; n++) {
        char key[8];
        for (int i = 0; i < 8; i++)
            key[i] = (char)((uint64_t)(w->from + n) >> (56 - 8 * i));
        struct str value[] = {{key, 8}, {text, sizeof text}};
        struct cqlexec_request request = {.prepared = w->prepared, .value = value,
                                          .value_cnt = w->prepared->bind_cnt,
                                          .ts_us = CQLEXEC_TS_NONE, .page_size = 5000};
        ok(cqlexec_run(w->exec, &session, &request, &arena, &rows, &result));
        if (w->prepared->kind == CQLEXEC_SELECT && result.row_cnt != 1)
            ok(err_fail(ERR_INTERNAL, "no row %" PRId64, w->from + n));
        arena_reset(&arena);
        buf_reset(&rows);
    }
    buf_fini(&rows);
    arena_fini(&arena);
    return NULL;
}

static void prepared(struct cqlexec *exec, const char *text, int64_t cnt, int threads,
                     const char *what) {
    pthread_t thread[THREADS];
    struct worker w[THREADS];
    struct cqlexec_prepared *statement;
    ok(cqlexec_prepare(exec, STR("bench"), str_of(text), &statement));
    struct watch start = watch();
    for (int i = 0; i < threads; i++) {
        w[i] = (struct worker){exec, statement, i * (cnt / threads), cnt / threads};
        if (pthread_create(&thread[i], NULL, work, &w[i])) exit(1);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    tell(what, start, (double)cnt);
    cqlexec_release(statement);
}

static void cql(void) {
    struct cqlexec *exec;
    struct cqlexec_conf conf = {.env = env_real(), .store = store};
    struct arena arena = ARENA_INIT;
    struct buf rows;
    struct cqlexec_session session = {"bench"};
    struct cqlexec_result result;
    struct cqlexec_request create = {.text = STR("CREATE TABLE IF NOT EXISTS kv (k bigint PRIMARY "
                                                 "KEY, v text)"), .ts_us = CQLEXEC_TS_NONE};
    buf_init(&rows, MIB);
    ok(cqlexec_open(&exec, &conf));
    ok(cqlexec_run(exec, &session, &create, &arena, &rows, &result));
    const char *insert = "INSERT INTO kv (k, v) VALUES (?, ?)";
    prepared(exec, insert, 400, 1, "CQL inserts, 1 thread, durable");
    prepared(exec, insert, 8000, 8, "CQL inserts, 8 threads, durable");
    prepared(exec, "SELECT * FROM kv WHERE k = ?", 8000, 1, "CQL selects, 1 thread");
    cqlexec_close(exec);
    buf_fini(&rows);
    arena_fini(&arena);
}

int main(int argc, char **argv) {
    uint64_t cnt = argc > 1 ? strtoull(argv[1], NULL, 10) : 500000;
    uint32_t size = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 500;
    char own[] = "/tmp/store-bench-XXXXXX", url[600];
    const char *dir = argc > 3 ? argv[3] : mkdtemp(own);
    bool remote = argc > 3 && strstr(argv[3], "://");
    if (!dir || !size || size > BATCH_ROW_MAX || cnt < size) return 2;
    cnt -= cnt % size;
    snprintf(url, sizeof url, remote ? "%s" : "embedded:%s", dir);
    struct store_conf conf = {.env = env_real(), .url = url};
    int64_t before = env_mono_us(env_real());
    ok(store_open(&store, &conf));
    printf("open %.1f ms, rss %.1f MB\n", (double)(env_mono_us(env_real()) - before) / 1e3,
           rss_mb());
    through_the_sink(cnt, size, 0, "rows written, new");
    through_the_sink(cnt / 5, size, 0, "rows written, there already");
    by_key(remote ? cnt / 100 : cnt / 5, cnt);
    whole_scan(cnt);
    if (remote) { /* its CQL is not ours */
        store_close(store);
        return 0;
    }
    cql();
    before = env_mono_us(env_real());
    store_close(store);
    printf("close %.1f ms\n", (double)(env_mono_us(env_real()) - before) / 1e3);
    before = env_mono_us(env_real());
    ok(store_open(&store, &conf));
    printf("open again %.1f ms, rss %.1f MB\n", (double)(env_mono_us(env_real()) - before) / 1e3,
           rss_mb());
    store_close(store);
    if (argc <= 3) ok(env_remove_tree(env_real(), dir));
    return 0;
}
