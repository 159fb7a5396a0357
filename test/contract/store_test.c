/* store_test.c - what every store must do, run on each implementation, and against the oracle.
 *
 * Cassandra's client runs against our own CQL server, always, in this process and on a store in
 * memory; and against a real cluster without other tables when SLUICE_TEST_CASSANDRA=host:port
 * [/?options] names one. What a product does not promise is asked of store_caps() and left out with
 * a word. */
#include "support/tempdir.h"
#include "support/unit.h"

#include "base/diag.h"
#include "base/err.h"
#include "net/loop.h"
#include "store/server/cqlserver.h"
#include "store/store.h"
#include "wire/cql/cqlnum.h"
#include "wire/cql/cqltype.h"

#define I(n) int_of(n)

static struct tempdir_clock test_clock;
static struct store *store;
static struct arena arena;
static char dir[512];
static bool embedded;
static const char *cluster; /* "127.0.0.1:9042", for a cassandra:// url; NULL: none */
static bool own_server;     /* the cluster is ours, in this process, with test_clock */

/* ---- set up --------------------------------------------------------------------------------- */

static void open_store(void) {
    char url[600];
    if (cluster) snprintf(url, sizeof url, "cassandra://%s", cluster);
    else snprintf(url, sizeof url, embedded ? "embedded:%s" : "mem:", dir);
    struct store_conf conf = {.env = &test_clock.env, .url = url, .relaxed = true};
    assert_int_equal(store_open(&store, &conf), 0);
}

static int set_up(void **state UNUSED) {
    arena_init(&arena);
    tempdir_clock_init(&test_clock);
    snprintf(dir, sizeof dir, "%s", tempdir_make("store"));
    open_store();
    if (cluster) (void)!store_keyspace_drop(store, STR("ks")); /* of the test before */
    struct store_keyspace ks = {STR("ks"), STR("{}"), true};
    assert_int_equal(store_keyspace_create(store, &ks), 0);
    return 0;
}

static bool can(enum store_cap cap, const char *what) {
    bool ours = own_server && (cap == STORE_CAP_CLOCK || cap == STORE_CAP_REBORN);
    if (store_caps(store) & cap || ours) return true;
    print_message("# left out, this product does not promise it: %s\n", what);
    return false;
}

/* Time goes by for the store. */
static void pass(int64_t us) {
    if (can(STORE_CAP_CLOCK, "the test's clock; it sleeps instead")) test_clock.ahead_us += us;
    else env_sleep_us(env_real(), us);
}

static int tear_down(void **state UNUSED) {
    store_close(store);
    tempdir_remove(dir);
    arena_fini(&arena);
    return 0;
}

static struct store_col column(const char *name, enum cqltype_kind type, enum store_kind kind,
                               uint16_t pos) {
    return (struct store_col){.name = str_of(name), .type = cqltype_scalar(type), .kind = kind,
                              .pos = pos};
}

/* ks.t: p text, c1 int, c2 text (DESC when asked), s int static, a text, b int */
static struct store_table make_table(const char *name, bool desc) {
    struct store_col cols[] = {
        column("p", CQL_TEXT, STORE_PKEY, 0),   column("c1", CQL_INT, STORE_CKEY, 0),
        column("c2", CQL_TEXT, STORE_CKEY, 1),  column("s", CQL_INT, STORE_STATIC, 0),
        column("a", CQL_TEXT, STORE_REGULAR, 0), column("b", CQL_INT, STORE_REGULAR, 0)};
    cols[1].desc = desc;
    struct store_table table = {.keyspace = STR("ks"), .name = str_of(name), .col = cols,
                                .col_cnt = ARRAY_LEN(cols)};
    struct store_table out;
    assert_int_equal(store_table_create(store, &table), 0);
    assert_int_equal(store_table_get(store, STR("ks"), str_of(name), &arena, &out), 0);
    return out;
}

/* ks.kv: k text, v text */
static struct store_table make_kv(void) {
    struct store_col cols[] = {column("k", CQL_TEXT, STORE_PKEY, 0),
                               column("v", CQL_TEXT, STORE_REGULAR, 0),
                               column("w", CQL_TEXT, STORE_REGULAR, 0)};
    struct store_table table = {.keyspace = STR("ks"), .name = STR("kv"), .col = cols,
                                .col_cnt = ARRAY_LEN(cols)};
    struct store_table out;
    assert_int_equal(store_table_create(store, &table), 0);
    assert_int_equal(store_table_get(store, STR("ks"), STR("kv"), &arena, &out), 0);
    return out;
}

static struct str int_of(int32_t n) {
    char *bytes = arena_bytes(&arena, 4);
    for (int i = 0; i < 4; i++)
        bytes[i] = (char)((uint32_t)n >> (24 - 8 * i));
    return (struct str){bytes, 4};
}

static uint16_t id_of(const struct store_table *table, const char *name) {
    for (size_t i = 0; i < table->col_cnt; i++)
        if (str_eqz(table->col[i].name, name)) return table->col[i].id;
    NEVER();
}

static void write_to(struct store *to, const struct store_table *table,
                     const struct store_write *write) {
    struct store_tx *tx;
    assert_int_equal(store_begin(to, &tx), 0);
    int err = store_write(tx, table, write);
    if (err) fail_msg("kind %d: %s", (int)write->kind, err_note());
    if (store_commit(tx)) fail_msg("kind %d: %s", (int)write->kind, err_note());
}

static void put_kv(const struct store_table *table, const char *v, int64_t ts, int32_t ttl) {
    struct str k = STR("k");
    struct store_cell cell = {id_of(table, "v"), v ? str_of(v) : STR_NULL};
    write_to(store, table, &(struct store_write){.kind = STORE_UPDATE, .pkey = &k, .cell = &cell,
                                                 .cell_cnt = 1, .ts_us = ts, .ttl_s = ttl});
}

static void put_row(const struct store_table *table, const char *p, int c1, const char *c2,
                    const char *a) {
    struct str pkey = str_of(p), ckey[] = {I(c1), str_of(c2)};
    struct store_cell cell = {id_of(table, "a"), str_of(a)};
    write_to(store, table, &(struct store_write){.kind = STORE_INSERT, .pkey = &pkey, .ckey = ckey,
                                                 .ckey_cnt = 2, .cell = &cell, .cell_cnt = 1,
                                                 .ts_us = 100});
}

/* ---- reading as text ------------------------------------------------------------------------ */

static void put_value(const struct cqltype *type, struct str value, struct buf *out) {
    if (!value.ptr) {
        buf_putz(out, "-");
    } else if (type->kind == CQL_INT && value.len == 4) {
        struct rbuf in = rbuf_of_str(value);
        buf_printf(out, "%d", rbuf_i32(&in));
    } else {
        buf_puts(out, value);
    }
}

/* All rows of a range: "p,c1,c2,s,a,b;...". After `page` rows it goes on with a new scan. */
static const char *read_pages(struct store *from, const struct store_table *table,
                              const struct store_range *range, int page) {
    struct buf out;
    struct str mark = STR_NULL;
    bool more = true;
    buf_init(&out, 16 * MIB);
    while (more) {
        struct store_scan *scan;
        assert_int_equal(store_scan_open(from, table, range, mark, &scan), 0);
        for (int i = 0; i < page; i++) {
            struct store_row row;
            assert_int_equal(store_scan_next(scan, &arena, &row, &more), 0);
            if (!more) break;
            for (size_t k = 0; k < table->col_cnt; k++) {
                if (k) buf_putc(&out, ',');
                put_value(table->col[k].type, row.value[k], &out);
            }
            buf_putc(&out, ';');
        }
        if (more) mark = store_scan_mark(scan, &arena);
        store_scan_close(scan);
    }
    const char *text = arena_strz(&arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

static const struct store_range whole = {.token_lo = INT64_MIN, .token_hi = INT64_MAX};

static const char *read_all(const struct store_table *table) {
    return read_pages(store, table, &whole, 1000000);
}

static const char *read_part(const struct store_table *table, struct store_range range) {
    static struct str p;
    p = STR("p");
    range.pkey = &p;
    const char *at_once = read_pages(store, table, &range, 1000000);
    assert_string_equal(read_pages(store, table, &range, 1), at_once);
    return at_once;
}

/* ---- cells ---------------------------------------------------------------------------------- */

static void a_later_timestamp_wins_whatever_comes_first(void **state UNUSED) {
    struct store_table t = make_kv();
    put_kv(&t, "new", 20, 0);
    put_kv(&t, "old", 10, 0);
    assert_string_equal(read_all(&t), "k,new,-;");
    put_kv(&t, "newer", 30, 0);
    assert_string_equal(read_all(&t), "k,newer,-;");
}

static void of_equal_timestamps_the_larger_value_or_the_tombstone_wins(void **state UNUSED) {
    struct store_table t = make_kv();
    put_kv(&t, "b", 10, 0);
    put_kv(&t, "a", 10, 0);
    assert_string_equal(read_all(&t), "k,b,-;");
    put_kv(&t, "a", 10, 1000); /* expiring beats plain */
    assert_string_equal(read_all(&t), "k,a,-;");
    put_kv(&t, NULL, 10, 0);
    assert_string_equal(read_all(&t), "");
    put_kv(&t, "z", 10, 0);
    assert_string_equal(read_all(&t), "");
}

static void a_cell_expires_and_what_it_hid_stays_hidden(void **state UNUSED) {
    struct store_table t = make_kv();
    put_kv(&t, "below", 10, 0);
    put_kv(&t, "short", 20, 5);
    assert_string_equal(read_all(&t), "k,short,-;");
    pass(6000000);
    assert_string_equal(read_all(&t), "");
    put_kv(&t, "late", 15, 0);
    assert_string_equal(read_all(&t), "");
    put_kv(&t, "again", 30, 0);
    assert_string_equal(read_all(&t), "k,again,-;");
}

static void the_time_left_and_the_timestamp_are_told(void **state UNUSED) {
    struct store_table t = make_kv();
    put_kv(&t, "x", 77, 100);
    struct store_scan *scan;
    struct store_row row;
    bool more;
    assert_int_equal(store_scan_open(store, &t, &whole, STR_NULL, &scan), 0);
    assert_int_equal(store_scan_next(scan, &arena, &row, &more), 0);
    assert_true(more);
    assert_int_equal(row.ts_us[1], 77);
    assert_in_range(row.ttl_left_s[1], 98, 100);
    assert_true(row.ts_us[2] == INT64_MIN);
    assert_int_equal(row.ttl_left_s[2], -1);
    assert_int_equal(row.token, store_token(&t, &(struct str){"k", 1}));
    store_scan_close(scan);
}

static void an_insert_keeps_its_row_and_an_update_does_not(void **state UNUSED) {
    struct store_table t = make_kv();
    put_kv(&t, "x", 10, 0);
    put_kv(&t, NULL, 20, 0);
    assert_string_equal(read_all(&t), "");
    struct str k = STR("k");
    write_to(store, &t, &(struct store_write){.kind = STORE_INSERT, .pkey = &k, .ts_us = 5});
    assert_string_equal(read_all(&t), "k,-,-;");
    write_to(store, &t, &(struct store_write){.kind = STORE_DELETE_ROW, .pkey = &k, .ts_us = 5});
    assert_string_equal(read_all(&t), "");
    put_kv(&t, "y", 21, 0);
    assert_string_equal(read_all(&t), "k,y,-;");
}

static void an_empty_value_is_not_null(void **state UNUSED) {
    struct store_table t = make_kv();
    put_kv(&t, "", 10, 0);
    assert_string_equal(read_all(&t), "k,,-;");
}

/* ---- partitions ----------------------------------------------------------------------------- */

static void fill(const struct store_table *t) {
    put_row(t, "p", 2, "b", "2b");
    put_row(t, "p", 1, "a", "1a");
    put_row(t, "p", -1, "z", "-1z");
    put_row(t, "p", 2, "a", "2a");
    put_row(t, "p", 3, "", "3");
}

static void rows_come_in_clustering_order(void **state UNUSED) {
    struct store_table t = make_table("t", false), d = make_table("d", true);
    fill(&t);
    fill(&d);
    const char *up = "p,-1,z,-,-1z,-;p,1,a,-,1a,-;p,2,a,-,2a,-;p,2,b,-,2b,-;p,3,,-,3,-;";
    const char *down = "p,3,,-,3,-;p,2,b,-,2b,-;p,2,a,-,2a,-;p,1,a,-,1a,-;p,-1,z,-,-1z,-;";
    const char *desc = "p,3,,-,3,-;p,2,a,-,2a,-;p,2,b,-,2b,-;p,1,a,-,1a,-;p,-1,z,-,-1z,-;";
    assert_string_equal(read_part(&t, (struct store_range){0}), up);
    assert_string_equal(read_part(&t, (struct store_range){.reverse = true}), down);
    assert_string_equal(read_part(&d, (struct store_range){0}), desc);
}

static void bounds_cut_as_they_say(void **state UNUSED) {
    for (int desc = 0; desc < 2; desc++) {
        struct store_table t = make_table(desc ? "d" : "t", desc);
        fill(&t);
        struct store_range r = {.lo = I(1), .hi = I(2)};
        const char *mid = desc ? "p,2,a,-,2a,-;p,2,b,-,2b,-;p,1,a,-,1a,-;"
                               : "p,1,a,-,1a,-;p,2,a,-,2a,-;p,2,b,-,2b,-;";
        assert_string_equal(read_part(&t, r), mid);
        r.hi_open = true;
        assert_string_equal(read_part(&t, r), "p,1,a,-,1a,-;");
        r = (struct store_range){.lo = I(2), .lo_open = true};
        assert_string_equal(read_part(&t, r), "p,3,,-,3,-;");
        r = (struct store_range){.hi = I(0), .reverse = true};
        assert_string_equal(read_part(&t, r), "p,-1,z,-,-1z,-;");
        struct str eq[] = {I(2), STR("b")};
        r = (struct store_range){.ckey_eq = eq, .ckey_eq_cnt = 1, .lo = STR("a"), .lo_open = true};
        assert_string_equal(read_part(&t, r), "p,2,b,-,2b,-;");
        r = (struct store_range){.ckey_eq = eq, .ckey_eq_cnt = 2};
        assert_string_equal(read_part(&t, r), "p,2,b,-,2b,-;");
        eq[1] = STR("c");
        assert_string_equal(read_part(&t, r), "");
    }
}

static void every_level_of_deletion_covers_what_is_older(void **state UNUSED) {
    struct store_table t = make_table("t", false);
    struct str p = STR("p"), c[] = {I(2)};
    fill(&t);
    write_to(store, &t, &(struct store_write){.kind = STORE_DELETE_RANGE, .pkey = &p, .ckey = c,
                                              .ckey_cnt = 1, .ts_us = 100});
    assert_string_equal(read_part(&t, (struct store_range){0}),
                        "p,-1,z,-,-1z,-;p,1,a,-,1a,-;p,3,,-,3,-;");
    assert_string_equal(read_part(&t, (struct store_range){.reverse = true}),
                        "p,3,,-,3,-;p,1,a,-,1a,-;p,-1,z,-,-1z,-;");
    write_to(store, &t, &(struct store_write){.kind = STORE_DELETE_RANGE, .pkey = &p, .lo = I(1),
                                              .lo_open = true, .ts_us = 99});
    assert_string_equal(read_part(&t, (struct store_range){.lo = I(3)}), "p,3,,-,3,-;");
    write_to(store, &t, &(struct store_write){.kind = STORE_DELETE_RANGE, .pkey = &p, .lo = I(1),
                                              .lo_open = true, .ts_us = 100});
    assert_string_equal(read_part(&t, (struct store_range){.lo = I(3)}), "");
    write_to(store, &t, &(struct store_write){.kind = STORE_DELETE_PARTITION, .pkey = &p,
                                              .ts_us = 99});
    assert_string_equal(read_all(&t), "p,-1,z,-,-1z,-;p,1,a,-,1a,-;");
    write_to(store, &t, &(struct store_write){.kind = STORE_DELETE_PARTITION, .pkey = &p,
                                              .ts_us = 200});
    assert_string_equal(read_all(&t), "");
    put_row(&t, "p", 1, "a", "too old");
    assert_string_equal(read_all(&t), "");
}

static void put_static(const struct store_table *t, const char *p, int s, int64_t ts) {
    struct str pkey = str_of(p);
    struct store_cell cell = {id_of(t, "s"), I(s)};
    write_to(store, t, &(struct store_write){.kind = STORE_UPDATE, .pkey = &pkey, .cell = &cell,
                                             .cell_cnt = 1, .ts_us = ts});
}

static void a_static_value_is_with_every_row_or_alone(void **state UNUSED) {
    struct store_table t = make_table("t", false);
    put_static(&t, "p", 7, 50);
    assert_string_equal(read_all(&t), "p,-,-,7,-,-;");
    assert_string_equal(read_part(&t, (struct store_range){0}), "p,-,-,7,-,-;");
    assert_string_equal(read_part(&t, (struct store_range){.lo = I(0)}), "");
    put_row(&t, "p", 1, "a", "1a");
    put_row(&t, "p", 2, "a", "2a");
    assert_string_equal(read_all(&t), "p,1,a,7,1a,-;p,2,a,7,2a,-;");
    put_static(&t, "q", 8, 50);
    const char *paged = read_pages(store, &t, &whole, 1);
    assert_string_equal(paged, read_all(&t));
    assert_non_null(strstr(paged, "q,-,-,8,-,-;"));
    struct str p = STR("p");
    write_to(store, &t, &(struct store_write){.kind = STORE_DELETE_PARTITION, .pkey = &p,
                                              .ts_us = 150});
    assert_string_equal(read_all(&t), "q,-,-,8,-,-;");
}

static void token_ranges_cut_the_ring(void **state UNUSED) {
    struct store_table t = make_kv();
    char name[8];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "k%d", i);
        struct str k = str_of(name);
        write_to(store, &t, &(struct store_write){.kind = STORE_INSERT, .pkey = &k, .ts_us = 1});
    }
    int64_t cut[] = {INT64_MIN, -4000000000000000000, 0, 4000000000000000000, INT64_MAX};
    struct buf all;
    buf_init(&all, MIB);
    for (int i = 0; i < 4; i++) {
        struct store_range r = {.token_lo = cut[i], .token_hi = cut[i + 1]};
        buf_putz(&all, read_pages(store, &t, &r, 7));
    }
    assert_string_equal(arena_strz(&arena, buf_str(&all)), read_all(&t));
    assert_int_equal(strlen(read_all(&t)) > 600, 1);
    struct str k5 = STR("k5");
    int64_t token = store_token(&t, &k5);
    struct store_range r = {.token_lo = token - 1, .token_hi = token};
    assert_string_equal(read_pages(store, &t, &r, 10), "k5,-,-;");
    r = (struct store_range){.token_lo = token, .token_hi = token};
    assert_string_equal(read_pages(store, &t, &r, 10), "");
    buf_fini(&all);
}

static void a_mark_of_another_place_is_refused(void **state UNUSED) {
    struct store_table t = make_table("t", false);
    struct store_scan *scan;
    struct str p = STR("p");
    struct store_range r = {.pkey = &p};
    fill(&t);
    assert_int_equal(store_scan_open(store, &t, &r, STR("nonsense"), &scan), ERR_INVAL);
    assert_int_equal(store_scan_open(store, &t, &whole, STR("nonsense, but long enough"), &scan),
                     ERR_INVAL);
    assert_int_equal(store_scan_open(store, &t, &r, STR(""), &scan), ERR_INVAL);
}

/* ---- schema --------------------------------------------------------------------------------- */

static void schema_changes_are_seen_and_refused_when_wrong(void **state UNUSED) {
    struct store_table t = make_table("t", false), again;
    uint64_t before = store_schema_version(store);
    assert_int_equal(store_table_create(store, &t), ERR_EXISTS);
    struct store_keyspace ks = {STR("ks"), STR("{}"), true};
    assert_int_equal(store_keyspace_create(store, &ks), ERR_EXISTS);
    assert_int_equal(store_table_get(store, STR("ks"), STR("x"), &arena, &again), ERR_NOT_FOUND);
    assert_true(store_schema_version(store) == before);
    struct store_table *all;
    size_t cnt;
    make_kv();
    assert_int_equal(store_tables(store, STR("ks"), &arena, &all, &cnt), 0);
    assert_int_equal(cnt, 2);
    assert_true(str_eqz(all[0].name, "kv") && str_eqz(all[1].name, "t"));
    assert_int_equal(store_table_drop(store, STR("ks"), STR("t")), 0);
    assert_int_equal(store_table_drop(store, STR("ks"), STR("t")), ERR_NOT_FOUND);
    assert_int_equal(store_keyspace_drop(store, STR("ks")), 0);
    assert_int_equal(store_tables(store, STR_NULL, &arena, &all, &cnt), 0);
    assert_int_equal(cnt, 0);
}

static void a_dropped_column_does_not_come_back_with_its_data(void **state UNUSED) {
    struct store_table t = make_kv(), now;
    put_kv(&t, "secret", 10, 0);
    struct store_table less = t;
    less.col_cnt--;
    memmove(&less.col[1], &less.col[2], sizeof *less.col); /* v goes */
    struct str k = STR("k");
    write_to(store, &t, &(struct store_write){.kind = STORE_INSERT, .pkey = &k, .ts_us = 5});
    assert_int_equal(store_table_alter(store, &less), 0);
    assert_int_equal(store_table_get(store, STR("ks"), STR("kv"), &arena, &now), 0);
    assert_string_equal(read_all(&now), "k,-;");
    struct store_col cols[3] = {now.col[0], now.col[1], column("v", CQL_TEXT, STORE_REGULAR, 0)};
    now.col = cols;
    now.col_cnt = 3;
    assert_int_equal(store_table_alter(store, &now), 0);
    assert_int_equal(store_table_get(store, STR("ks"), STR("kv"), &arena, &now), 0);
    assert_string_equal(read_all(&now), "k,-,-;");
    if (!can(STORE_CAP_REBORN, "an old timestamp in a column made again")) return;
    put_kv(&now, "fresh", 10, 0);
    assert_string_equal(read_all(&now), "k,fresh,-;");
}

static void truncate_empties_and_the_table_goes_on(void **state UNUSED) {
    struct store_table t = make_kv(), now;
    put_kv(&t, "x", 10, 0);
    assert_int_equal(store_table_truncate(store, STR("ks"), STR("kv")), 0);
    assert_int_equal(store_table_get(store, STR("ks"), STR("kv"), &arena, &now), 0);
    assert_int_not_equal(now.number, t.number);
    assert_string_equal(read_all(&now), "");
    put_kv(&now, "y", 5, 0);
    assert_string_equal(read_all(&now), "k,y,-;");
}

static void user_types_are_kept_and_guarded(void **state UNUSED) {
    const struct cqltype *arg[] = {cqltype_scalar(CQL_TEXT), cqltype_scalar(CQL_INT)};
    struct str field[] = {STR("street"), STR("no")};
    struct cqltype type = {.kind = CQL_UDT, .arg = arg, .field = field, .arg_cnt = 2,
                           .keyspace = STR("ks"), .name = STR("address")};
    struct store_udt udt = {STR("ks"), STR("address"), &type};
    assert_int_equal(store_udt_create(store, &udt), 0);
    assert_int_equal(store_udt_create(store, &udt), ERR_INVAL);
    struct store_col cols[] = {column("k", CQL_TEXT, STORE_PKEY, 0),
                               {.name = STR("a"), .kind = STORE_REGULAR,
                                .type = cqltype_freeze(&arena, &type)}};
    struct store_table table = {.keyspace = STR("ks"), .name = STR("u"), .col = cols, .col_cnt = 2};
    assert_int_equal(store_table_create(store, &table), 0);
    assert_int_equal(store_udt_drop(store, STR("ks"), STR("address")), ERR_INVAL);
    assert_int_equal(store_table_drop(store, STR("ks"), STR("u")), 0);
    assert_int_equal(store_udt_drop(store, STR("ks"), STR("address")), 0);
    assert_int_equal(store_udt_drop(store, STR("ks"), STR("address")), ERR_NOT_FOUND);
}

static void what_was_committed_is_there_after_opening_again(void **state UNUSED) {
    if (!embedded) return;
    struct store_table t = make_table("t", true), now;
    fill(&t);
    put_static(&t, "p", 9, 10);
    struct str p = STR("p"), state_now;
    write_to(store, &t, &(struct store_write){.kind = STORE_DELETE_RANGE, .pkey = &p, .hi = I(1),
                                              .ts_us = 100});
    struct store_tx *tx;
    assert_int_equal(store_begin(store, &tx), 0);
    assert_int_equal(store_put_state(tx, STR("q/offset"), STR("42")), 0);
    assert_int_equal(store_commit(tx), 0);
    user_types_are_kept_and_guarded(NULL);
    const char *before = read_all(&t);
    store_close(store);
    open_store();
    assert_int_equal(store_table_get(store, STR("ks"), STR("t"), &arena, &now), 0);
    assert_memory_equal(&now.id, &t.id, sizeof t.id);
    assert_int_equal(now.number, t.number);
    assert_string_equal(read_all(&now), before);
    assert_string_equal(before, "p,3,,9,3,-;p,2,a,9,2a,-;p,2,b,9,2b,-;");
    assert_int_equal(store_get_state(store, STR("q/offset"), &arena, &state_now), 0);
    assert_true(str_eqz(state_now, "42"));
    struct store_table kv = make_kv(); /* numbers go on */
    assert_true(kv.number > now.number);
}

/* ---- transactions --------------------------------------------------------------------------- */

static void a_transaction_is_all_or_nothing(void **state UNUSED) {
    struct store_table t = make_kv();
    struct store_tx *tx;
    struct str k = STR("k"), got;
    struct store_cell cell = {id_of(&t, "v"), STR("x")};
    struct store_write w = {.kind = STORE_INSERT, .pkey = &k, .cell = &cell, .cell_cnt = 1,
                            .ts_us = 1};
    assert_int_equal(store_begin(store, &tx), 0);
    assert_int_equal(store_write(tx, &t, &w), 0);
    assert_int_equal(store_put_state(tx, STR("offset"), STR("1")), 0);
    assert_string_equal(read_all(&t), "");
    store_abort(tx);
    assert_string_equal(read_all(&t), "");
    assert_int_equal(store_get_state(store, STR("offset"), &arena, &got), ERR_NOT_FOUND);
    assert_int_equal(store_begin(store, &tx), 0);
    assert_int_equal(store_write(tx, &t, &w), 0);
    assert_int_equal(store_put_state(tx, STR("offset"), STR("2")), 0);
    assert_int_equal(store_commit(tx), 0);
    assert_string_equal(read_all(&t), "k,x,-;");
    assert_int_equal(store_get_state(store, STR("offset"), &arena, &got), 0);
    assert_true(str_eqz(got, "2"));
    assert_int_equal(store_begin(store, &tx), 0);
    assert_int_equal(store_put_state(tx, STR("offset"), STR_NULL), 0);
    assert_int_equal(store_commit(tx), 0);
    assert_int_equal(store_get_state(store, STR("offset"), &arena, &got), ERR_NOT_FOUND);
}

static void too_long_a_key_is_refused(void **state UNUSED) {
    struct store_table t = make_kv();
    struct store_tx *tx;
    struct str k = {arena_calloc(&arena, 1, STORE_KEY_MAX + 1), STORE_KEY_MAX + 1};
    struct store_write w = {.kind = STORE_INSERT, .pkey = &k, .ts_us = 1};
    assert_int_equal(store_begin(store, &tx), 0);
    assert_int_equal(store_write(tx, &t, &w), ERR_TOO_BIG);
    k.len--;
    assert_int_equal(store_write(tx, &t, &w), 0);
    assert_int_equal(store_commit(tx), 0);
    assert_int_equal(strlen(read_all(&t)) > 4, 0); /* a NUL first: the text ends there */
}

/* ---- every type in order, and against the oracle -------------------------------------------- */

static uint64_t seed;
static bool expiring; /* the random work has times to live */

static uint32_t pick(uint32_t n) {
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

/* Equal values have equal bytes here, since which of two a key keeps is nobody's promise. */
static struct str some_value(enum cqltype_kind kind) {
    struct buf out;
    buf_init(&out, MIB);
    int width = cqltype_width(cqltype_scalar(kind));
    if (kind == CQL_TEXT || kind == CQL_BLOB || kind == CQL_ASCII) width = (int)pick(4);
    if (kind == CQL_DECIMAL) buf_i32(&out, (int)pick(2));
    if (kind == CQL_DECIMAL || kind == CQL_VARINT)
        cqlnum_from_i64(((int64_t)pick(7) - 3) * (1 + 254 * (int)pick(3)) * 10 + 1, &out);
    if (kind == CQL_INET) width = pick(2) ? 4 : 16;
    for (int i = 0; i < width; i++)
        buf_putc(&out, (char)(cqltype_is_text(cqltype_scalar(kind)) ? pick(3) : pick(4) * 85));
    if (kind == CQL_BOOLEAN) out.ptr[0] = (char)pick(2);
    if (kind == CQL_TIME) { /* within a day */
        out.ptr[0] = out.ptr[1] = 0;
        out.ptr[2] &= 0x3F;
    }
    if (kind == CQL_TIMEUUID) out.ptr[6] = (char)(0x10 | pick(16));
    if (kind == CQL_UUID) out.ptr[6] = (char)(pick(5) << 4 | pick(16));
    if (kind == CQL_DOUBLE || kind == CQL_FLOAT) out.ptr[0] &= (char)0xBF; /* no NaN */
    struct str value = arena_str(&arena, buf_str(&out));
    buf_fini(&out);
    return value;
}

static void same_table(struct store *to, struct store_table *table, const struct cqltype *type) {
    struct store_col cols[] = {
        column("p", CQL_INT, STORE_PKEY, 0), {.name = STR("c"), .type = type, .kind = STORE_CKEY},
        column("d", CQL_INT, STORE_CKEY, 1), column("s", CQL_INT, STORE_STATIC, 0),
        column("v", CQL_INT, STORE_REGULAR, 0)};
    cols[1].desc = pick(2);
    static bool desc;
    if (to == store) desc = cols[1].desc;
    cols[1].desc = desc;
    struct store_table t = {.keyspace = STR("ks"), .name = STR("o"), .col = cols,
                            .col_cnt = ARRAY_LEN(cols)};
    assert_int_equal(store_table_create(to, &t), 0);
    assert_int_equal(store_table_get(to, STR("ks"), STR("o"), &arena, table), 0);
}

static void random_write(struct store *const to[2], const struct store_table table[2],
                         enum cqltype_kind kind) {
    struct str p = I((int)pick(3)), c[] = {some_value(kind), I((int)pick(3))};
    struct store_cell cell = {table[0].col[4].id, pick(4) ? I((int)pick(9)) : STR_NULL};
    struct store_write w = {.kind = (enum store_write_kind)pick(6), .pkey = &p, .ckey = c,
                            .ckey_cnt = 2, .ts_us = 1 + (int)pick(30), .cell = &cell,
                            .cell_cnt = 1, .ttl_s = pick(5) ? 0 : 1 + (int)pick(20)};
    if (!expiring) w.ttl_s = 0;
    if (w.kind >= STORE_DELETE_ROW) w.cell_cnt = 0;
    if (w.kind == STORE_DELETE_PARTITION && pick(4)) w.kind = STORE_INSERT;
    if (w.kind == STORE_DELETE_RANGE) {
        struct str a = some_value(kind), b = some_value(kind);
        bool swap = cqltype_compare(table[0].col[1].type, a, b) > 0;
        w.ckey_cnt = 0;
        w.lo = pick(3) ? (swap ? b : a) : STR_NULL;
        w.hi = pick(3) ? (swap ? a : b) : STR_NULL;
        w.lo_open = pick(2);
        w.hi_open = pick(2);
    } else if (w.kind < STORE_DELETE_ROW && !pick(5)) {
        w.ckey_cnt = 0;
        cell.col = table[0].col[3].id;
    }
    for (int i = 0; i < 2; i++)
        write_to(to[i], &table[i], &w);
}

static void compare_reads(struct store *const to[2], const struct store_table table[2],
                          enum cqltype_kind kind) {
    struct str p = I((int)pick(3)), a = some_value(kind), b = some_value(kind);
    struct store_range r = {.pkey = &p, .reverse = pick(2)};
    if (cqltype_compare(table[0].col[1].type, a, b) > 0) {
        struct str swap = a;
        a = b;
        b = swap;
    }
    r.lo = pick(2) ? a : STR_NULL;
    r.hi = pick(2) ? b : STR_NULL;
    r.lo_open = pick(2);
    r.hi_open = pick(2);
    int page = 1 + (int)pick(5);
    assert_string_equal(read_pages(to[0], &table[0], &r, page),
                        read_pages(to[1], &table[1], &r, page));
    assert_string_equal(read_pages(to[0], &table[0], &whole, page),
                        read_pages(to[1], &table[1], &whole, 1000));
}

/* The values' bytes may hold NUL: what is compared ends there, which the next column makes up for
 * in other rows. */
static void random_work_gives_what_the_oracle_gives(void **state UNUSED) {
    static const enum cqltype_kind kinds[] = {
        CQL_TEXT, CQL_INT, CQL_BLOB, CQL_UUID, CQL_TIMEUUID, CQL_VARINT, CQL_DECIMAL, CQL_DOUBLE,
        CQL_FLOAT, CQL_TIMESTAMP, CQL_DATE, CQL_INET, CQL_BOOLEAN, CQL_SMALLINT, CQL_TINYINT,
        CQL_BIGINT, CQL_TIME, CQL_ASCII};
    const char *fixed = getenv("SEED");
    seed = fixed ? (uint64_t)strtoull(fixed, NULL, 10) : env_random_u64(env_real());
    print_message("# SEED=%" PRIu64 "\n", seed);
    expiring = can(STORE_CAP_CLOCK, "times to live in random work");
    struct store *to[2] = {store, NULL};
    struct store_conf conf = {.env = &test_clock.env, .url = "mem:"};
    assert_int_equal(store_open(&to[1], &conf), 0);
    struct store_keyspace ks = {STR("ks"), STR("{}"), true};
    assert_int_equal(store_keyspace_create(to[1], &ks), 0);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct store_table table[2];
        for (int i = 0; i < 2; i++)
            same_table(to[i], &table[i], cqltype_scalar(kinds[k]));
        for (int n = 0; n < 150; n++) {
            random_write(to, table, kinds[k]);
            if (n % 10 == 9) test_clock.ahead_us += 1000000;
            if (n % 5 == 4) compare_reads(to, table, kinds[k]);
            if (embedded && n == 75) { /* what was in memory is merged into files */
                store_close(store);
                open_store();
                to[0] = store;
            }
        }
        for (int i = 0; i < 2; i++)
            assert_int_equal(store_table_drop(to[i], STR("ks"), STR("o")), 0);
        arena_reset(&arena);
    }
    store_close(to[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* ---- our own server, for Cassandra's client -------------------------------------------------- */

static struct tempdir_clock server_clock;
static struct store *server_store;
static struct loop *server_loop;
static struct cqlserver *server;
static char server_addr[64];

/* The server's store expires by the clock that the tests move. */
static int64_t server_now_us(struct env *env UNUSED) {
    return env_now_us(&test_clock.env);
}

static int start_server(void **state UNUSED) {
    tempdir_clock_init(&test_clock);
    tempdir_clock_init(&server_clock);
    server_clock.ops.now_us = server_now_us;
    struct store_conf conf = {.env = &server_clock.env, .url = "mem:"};
    struct cqlserver_conf door = {.env = env_real(), .threads = 4};
    assert_int_equal(store_open(&server_store, &conf), 0);
    assert_int_equal(loop_open(&server_loop, env_real(), "cql"), 0);
    assert_int_equal(cqlserver_open(&server, server_loop, server_store, &door), 0);
    assert_int_equal(loop_start(server_loop), 0);
    snprintf(server_addr, sizeof server_addr, "127.0.0.1:%u/?wait=10s", cqlserver_port(server));
    cluster = server_addr;
    own_server = true;
    return 0;
}

static int stop_server(void **state UNUSED) {
    loop_stop(server_loop);
    cqlserver_close(server);
    loop_close(server_loop);
    store_close(server_store);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_later_timestamp_wins_whatever_comes_first),
        TEST(of_equal_timestamps_the_larger_value_or_the_tombstone_wins),
        TEST(a_cell_expires_and_what_it_hid_stays_hidden),
        TEST(the_time_left_and_the_timestamp_are_told),
        TEST(an_insert_keeps_its_row_and_an_update_does_not),
        TEST(an_empty_value_is_not_null),
        TEST(rows_come_in_clustering_order),
        TEST(bounds_cut_as_they_say),
        TEST(every_level_of_deletion_covers_what_is_older),
        TEST(a_static_value_is_with_every_row_or_alone),
        TEST(token_ranges_cut_the_ring),
        TEST(a_mark_of_another_place_is_refused),
        TEST(schema_changes_are_seen_and_refused_when_wrong),
        TEST(a_dropped_column_does_not_come_back_with_its_data),
        TEST(truncate_empties_and_the_table_goes_on),
        TEST(user_types_are_kept_and_guarded),
        TEST(what_was_committed_is_there_after_opening_again),
        TEST(a_transaction_is_all_or_nothing),
        TEST(too_long_a_key_is_refused),
        TEST(random_work_gives_what_the_oracle_gives),
    };
    const char *real = getenv("SLUICE_TEST_CASSANDRA");
    int failed = 0;
    diag_setup(DIAG_ERROR, false);
    if (!real) {
        failed += cmocka_run_group_tests_name("mem", tests, NULL, NULL);
        embedded = true;
        failed += cmocka_run_group_tests_name("embedded", tests, NULL, NULL);
        embedded = false;
        failed += cmocka_run_group_tests_name("cassandra, our own server", tests, start_server,
                                              stop_server);
        print_message("# left out: a real Cassandra, for which SLUICE_TEST_CASSANDRA=host:port is "
                      "not set\n");
        return failed;
    }
    cluster = real;
    own_server = false;
    return cmocka_run_group_tests_name("cassandra", tests, NULL, NULL);
}
