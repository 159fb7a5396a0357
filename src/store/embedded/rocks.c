/* rocks.c - the store on RocksDB, in process: open, write, commit.
 *
 * Three column families: "default" holds the catalog's entries and, under "D" and a table number,
 * that the table has had partition or range deletions; "data" the rows (storekey.h, packrow.h);
 * "state" the caller's own bytes by name. A transaction is one WriteBatch: all of it or nothing.
 *
 * Every write of a row is a merge of what was written, so nothing is read before it. RocksDB groups
 * the syncs of threads that commit at once. After a failed sync it refuses every later write.
 *
 * Sizes are for a small program: 16 MB of memtable, 12 MB of cache, two background threads. */
#include "store/embedded/rocks.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/rbuf.h"
#include "store/packrow.h"
#include "store/storekey.h"

#include <stdlib.h>

#define MEMTABLE_LEN   (16 * MIB)
#define MEMTABLE_SMALL (4 * MIB)
#define CACHE_LEN      (12 * MIB)
#define WAL_LEN_MAX    (64 * MIB)
#define IDLE_MAX       8
#define IDLE_BUF_MAX   MIB /* what an idle transaction may keep */
#define STATE_MAX      (1 * GIB)

struct rocks_tx {
    struct store_tx base;
    rocksdb_writebatch_t *batch;
    struct buf key, value, end;
    struct store_cell *cell; /* of one write, sorted */
    size_t cell_cap;
    struct rocks_tx *next;
};

static struct rocks *rocks_of(struct store *store) {
    return (struct rocks *)store;
}

static struct rocks_tx *tx_of(struct store_tx *tx) {
    return (struct rocks_tx *)tx;
}

int rocks_fail(char *text, const char *doing) {
    enum err err = strstr(text, "No space left")     ? ERR_FULL
                   : strstr(text, "/LOCK")         ? ERR_AGAIN
                   : strstr(text, "Corruption")      ? ERR_CORRUPT
                                                     : ERR_IO;
    int code = err_fail(err, "store: %s failed: %s", doing, text);
    rocksdb_free(text);
    return code;
}

/* ---- which tables have heads ---------------------------------------------------------------- */

static bool is_headed(const struct rocks *rocks, uint32_t number) {
    for (size_t i = 0; i < rocks->headed_cnt; i++)
        if (rocks->headed[i] == number) return true;
    return false;
}

static void add_headed(struct rocks *rocks, uint32_t number) {
    rocks->headed =
        base_realloc(rocks->headed, (rocks->headed_cnt + 1) * sizeof *rocks->headed);
    rocks->headed[rocks->headed_cnt++] = number;
}

bool rocks_has_heads(struct rocks *rocks, const struct store_table *table) {
    for (size_t i = table->pkey_cnt + table->ckey_cnt; i < table->col_cnt; i++) {
        if (table->col[i].kind == STORE_STATIC) return true;
        if (table->col[i].kind == STORE_REGULAR) break; /* static ones stand before */
    }
    CHECK(pthread_mutex_lock(&rocks->lock) == 0);
    bool yes = is_headed(rocks, table->number);
    CHECK(pthread_mutex_unlock(&rocks->lock) == 0);
    return yes;
}

/* Seen by readers before it is written: they then only look where nothing is yet. */
static void mark_headed(struct rocks_tx *tx, uint32_t number) {
    struct rocks *rocks = rocks_of(tx->base.store);
    char key[5] = {'D', (char)(number >> 24), (char)(number >> 16), (char)(number >> 8),
                   (char)number};
    CHECK(pthread_mutex_lock(&rocks->lock) == 0);
    if (!is_headed(rocks, number)) add_headed(rocks, number);
    CHECK(pthread_mutex_unlock(&rocks->lock) == 0);
    rocksdb_writebatch_put_cf(tx->batch, rocks->schema, key, sizeof key, "", 0);
}

/* ---- the catalog's entries ------------------------------------------------------------------ */

static int write_entries(void *self, const struct catalog_entry *entry, size_t cnt) {
    struct rocks *rocks = self;
    char *text = NULL;
    int err = env_point(rocks->base.env, "store.schema");
    if (err) return err;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writeoptions_t *sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(sync, 1); /* schema is never relaxed */
    for (size_t i = 0; i < cnt; i++) {
        struct str key = entry[i].key, value = entry[i].value;
        if (value.ptr)
            rocksdb_writebatch_put_cf(batch, rocks->schema, key.ptr, key.len, value.ptr, value.len);
        else rocksdb_writebatch_delete_cf(batch, rocks->schema, key.ptr, key.len);
    }
    rocksdb_write(rocks->db, sync, batch, &text);
    rocksdb_writeoptions_destroy(sync);
    rocksdb_writebatch_destroy(batch);
    return text ? rocks_fail(text, "writing the schema") : 0;
}

/* Forgets a table's rows: whole files at once, the rest by one range deletion. */
static int drop_rows(void *self, uint32_t number) {
    struct rocks *rocks = self;
    char *text = NULL;
    struct store_table table = {.number = number}, next = {.number = number + 1};
    struct buf from, to;
    buf_init(&from, STOREKEY_PREFIX_LEN);
    buf_init(&to, STOREKEY_PREFIX_LEN);
    storekey_token_prefix(&table, INT64_MIN, &from);
    storekey_token_prefix(&next, INT64_MIN, &to);
    rocksdb_delete_file_in_range_cf(rocks->db, rocks->data, from.ptr, from.len, to.ptr, to.len,
                                    &text);
    if (!text)
        rocksdb_delete_range_cf(rocks->db, rocks->put, rocks->data, from.ptr, from.len, to.ptr,
                                to.len, &text);
    buf_fini(&from);
    buf_fini(&to);
    return text ? rocks_fail(text, "dropping a table's rows") : 0;
}

static int load_schema(struct rocks *rocks) {
    int err = 0;
    char *text = NULL;
    rocksdb_iterator_t *it = rocksdb_create_iterator_cf(rocks->db, rocks->get, rocks->schema);
    for (rocksdb_iter_seek_to_first(it); rocksdb_iter_valid(it) && !err; rocksdb_iter_next(it)) {
        struct str key, value;
        key.ptr = rocksdb_iter_key(it, &key.len);
        value.ptr = rocksdb_iter_value(it, &value.len);
        if (key.len == 5 && key.ptr[0] == 'D') {
            struct rbuf in = rbuf_of(key.ptr + 1, 4);
            add_headed(rocks, rbuf_u32(&in));
        } else {
            err = catalog_load(rocks->base.catalog, key, value);
        }
    }
    rocksdb_iter_get_error(it, &text);
    rocksdb_iter_destroy(it);
    if (text) return rocks_fail(text, "reading the schema");
    return err ? err : catalog_ready(rocks->base.catalog);
}

/* ---- open ----------------------------------------------------------------------------------- */

static void set_table_options(rocksdb_options_t *options, rocksdb_cache_t *cache) {
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_filter_policy(table,
                                                  rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_format_version(table, 5);
    /* Index and filter in pieces: with a small cache a whole one would be read for every row. */
    rocksdb_block_based_options_set_index_type(
        table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(table, 1);
    rocksdb_block_based_options_set_metadata_block_size(table, 4096);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
}

static rocksdb_options_t *small_options(rocksdb_cache_t *cache) {
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_write_buffer_size(options, MEMTABLE_SMALL);
    set_table_options(options, cache);
    return options;
}

static rocksdb_options_t *data_options(struct rocks *rocks) {
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_write_buffer_size(options, MEMTABLE_LEN);
    rocksdb_options_set_max_write_buffer_number(options, 3);
    rocksdb_options_set_target_file_size_base(options, 2 * MEMTABLE_LEN);
    rocksdb_options_set_max_bytes_for_level_base(options, 8 * MEMTABLE_LEN);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_prefix_extractor(
        options, rocksdb_slicetransform_create_fixed_prefix(STOREKEY_PREFIX_LEN));
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.05);
    rocksdb_options_set_merge_operator(options, rocksmerge_operator(rocks->base.env));
    rocksdb_options_set_compaction_filter(options, rocks->filter);
    set_table_options(options, rocks->cache);
    return options;
}

/* Compactions yield to the rows that come in, and write evenly instead of in bursts. */
static void calm_background(rocksdb_options_t *options) {
    rocksdb_env_t *env = rocksdb_create_default_env(); /* the process's one; this is a handle */
    rocksdb_env_lower_thread_pool_cpu_priority(env);
    rocksdb_env_destroy(env);
    rocksdb_options_set_bytes_per_sync(options, MIB);
}

static rocksdb_options_t *db_options(void) {
    rocksdb_options_t *options = rocksdb_options_create();
    calm_background(options);
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_max_total_wal_size(options, WAL_LEN_MAX);
    rocksdb_options_set_max_open_files(options, 512);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_info_log_level(options, 2 /* warnings */);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    return options;
}

static int open_db(struct rocks *rocks, const char *dir) {
    const char *const names[] = {"default", "data", "state"};
    rocksdb_column_family_handle_t *handles[3];
    char *text = NULL;
    rocksdb_lru_cache_options_t *lru = rocksdb_lru_cache_options_create();
    rocksdb_lru_cache_options_set_capacity(lru, CACHE_LEN);
    rocksdb_lru_cache_options_set_num_shard_bits(lru, 2);
    rocks->cache = rocksdb_cache_create_lru_opts(lru);
    rocksdb_lru_cache_options_destroy(lru);
    rocks->filter = rocksmerge_filter(rocks->base.env);
    rocksdb_options_t *db = db_options(), *small = small_options(rocks->cache);
    rocksdb_options_t *data = data_options(rocks);
    const rocksdb_options_t *const each[] = {small, data, small};
    rocks->db = rocksdb_open_column_families(db, dir, 3, names, each, handles, &text);
    rocksdb_options_destroy(db);
    rocksdb_options_destroy(small);
    rocksdb_options_destroy(data);
    if (text) return err_add(rocks_fail(text, "opening"), "%s", dir);
    rocks->schema = handles[0];
    rocks->data = handles[1];
    rocks->state = handles[2];
    return 0;
}

static void rocks_close(struct store *store) {
    struct rocks *rocks = rocks_of(store);
    while (rocks->idle) {
        struct rocks_tx *tx = rocks->idle;
        rocks->idle = tx->next;
        rocksdb_writebatch_destroy(tx->batch);
        buf_fini(&tx->key);
        buf_fini(&tx->value);
        buf_fini(&tx->end);
        base_free(tx->cell);
        base_free(tx);
    }
    if (rocks->db) {
        rocksdb_column_family_handle_destroy(rocks->schema);
        rocksdb_column_family_handle_destroy(rocks->data);
        rocksdb_column_family_handle_destroy(rocks->state);
        rocksdb_close(rocks->db);
    }
    if (rocks->cache) rocksdb_cache_destroy(rocks->cache);
    if (rocks->filter) rocksdb_compactionfilter_destroy(rocks->filter);
    rocksdb_readoptions_destroy(rocks->get);
    rocksdb_writeoptions_destroy(rocks->put);
    catalog_free(store->catalog);
    pthread_mutex_destroy(&rocks->lock);
    base_free(rocks->headed);
    base_free(rocks);
}

static int rocks_open(const struct store_conf *conf, const char *dir, struct store **out) {
    int err = env_mkdir(conf->env, dir);
    if (err) return err;
    struct rocks *rocks = base_calloc(1, sizeof *rocks);
    rocks->base.ops = &rocks_ops;
    rocks->base.env = conf->env;
    rocks->base.catalog = catalog_new(&(struct catalog_conf){
        .env = conf->env, .self = rocks, .write = write_entries, .drop = drop_rows});
    CHECK(pthread_mutex_init(&rocks->lock, NULL) == 0);
    rocks->get = rocksdb_readoptions_create();
    rocks->put = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(rocks->put, !conf->relaxed);
    err = open_db(rocks, dir);
    if (!err) err = load_schema(rocks);
    if (err) {
        rocks_close(&rocks->base);
        return err;
    }
    *out = &rocks->base;
    return 0;
}

/* ---- transactions --------------------------------------------------------------------------- */

static int rocks_begin(struct store *store, struct store_tx **out) {
    struct rocks *rocks = rocks_of(store);
    CHECK(pthread_mutex_lock(&rocks->lock) == 0);
    struct rocks_tx *tx = rocks->idle;
    if (tx) {
        rocks->idle = tx->next;
        rocks->idle_cnt--;
    }
    CHECK(pthread_mutex_unlock(&rocks->lock) == 0);
    if (!tx) {
        tx = base_calloc(1, sizeof *tx);
        tx->batch = rocksdb_writebatch_create();
        buf_init(&tx->key, ROCKS_KEY_MAX);
        buf_init(&tx->end, ROCKS_KEY_MAX);
        buf_init(&tx->value, PACKROW_LEN_MAX);
    }
    tx->base.write_cnt = 0;
    *out = &tx->base;
    return 0;
}

static void trim(struct buf *buf) {
    if (buf->cap > IDLE_BUF_MAX) buf_fini(buf);
}

static void rocks_abort(struct store_tx *base) {
    struct rocks_tx *tx = tx_of(base);
    struct rocks *rocks = rocks_of(base->store);
    size_t len;
    (void)rocksdb_writebatch_data(tx->batch, &len);
    if (len > IDLE_BUF_MAX) {
        rocksdb_writebatch_destroy(tx->batch);
        tx->batch = rocksdb_writebatch_create();
    } else {
        rocksdb_writebatch_clear(tx->batch);
    }
    trim(&tx->key);
    trim(&tx->end);
    trim(&tx->value);
    CHECK(pthread_mutex_lock(&rocks->lock) == 0);
    bool keep = rocks->idle_cnt < IDLE_MAX;
    if (keep) {
        tx->next = rocks->idle;
        rocks->idle = tx;
        rocks->idle_cnt++;
    }
    CHECK(pthread_mutex_unlock(&rocks->lock) == 0);
    if (keep) return;
    rocksdb_writebatch_destroy(tx->batch);
    buf_fini(&tx->key);
    buf_fini(&tx->value);
    buf_fini(&tx->end);
    base_free(tx->cell);
    base_free(tx);
}

static int rocks_commit(struct store_tx *base) {
    struct rocks_tx *tx = tx_of(base);
    struct rocks *rocks = rocks_of(base->store);
    char *text = NULL;
    int err = env_point(rocks->base.env, "store.commit");
    if (!err && rocksdb_writebatch_count(tx->batch)) {
        rocksdb_write(rocks->db, rocks->put, tx->batch, &text);
        if (text) err = rocks_fail(text, "a commit");
    }
    rocks_abort(base);
    return err;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int by_col(const void *a, const void *b) {
    const struct store_cell *x = a, *y = b;
    return (int)x->col - (int)y->col;
}

/* The cells by rising column: as they are, or a sorted copy. */
static const struct store_cell *sorted(struct rocks_tx *tx, const struct store_write *write) {
    size_t i = 1;
    while (i < write->cell_cnt && write->cell[i - 1].col < write->cell[i].col)
        i++;
    if (i >= write->cell_cnt) return write->cell;
    if (tx->cell_cap < write->cell_cnt) {
        tx->cell_cap = write->cell_cnt;
        tx->cell = base_realloc(tx->cell, tx->cell_cap * sizeof *tx->cell);
    }
    memcpy(tx->cell, write->cell, write->cell_cnt * sizeof *tx->cell);
    qsort(tx->cell, write->cell_cnt, sizeof *tx->cell, by_col);
    return tx->cell;
}

static void put_cells(struct rocks_tx *tx, const struct store_table *table,
                      const struct store_write *write, const struct packrow_head *head) {
    struct packrow_writer writer;
    const struct store_cell *cell = sorted(tx, write);
    int64_t now_s = env_now_us(tx->base.store->env) / 1000000;
    bool gone = write->kind == STORE_DELETE_CELLS, row = write->ckey_cnt > 0;
    packrow_begin(&writer, &tx->value, head);
    for (size_t i = 0; i < write->cell_cnt; i++) {
        struct packrow_cell it = {.col = cell[i].col, .life = {write->ts_us, 0, now_s}};
        if (!gone) it.value = cell[i].value;
        if (it.value.ptr && write->ttl_s) it.life.ttl_s = write->ttl_s;
        if (it.value.ptr) it.life.end_s = it.life.ttl_s ? now_s + write->ttl_s : 0;
        packrow_put(&writer, &it);
    }
    if (row && write->kind <= STORE_UPDATE && !storekey_reversible(table)) {
        struct packrow_cell it = {.col = PACKROW_COL_KEY, .life = {write->ts_us, 0, 0}};
        buf_reset(&tx->end);
        storekey_pack_ckey(table, write->ckey, &tx->end);
        it.value = buf_str(&tx->end);
        if (!it.value.ptr) it.value = STR("");
        packrow_put(&writer, &it);
    }
}

static void put_range_key(struct rocks_tx *tx, const struct store_table *table,
                          const struct store_write *write) {
    struct buf start;
    struct storekey_span span = {.eq = write->ckey, .eq_cnt = write->ckey_cnt, .lo = write->lo,
                                 .hi = write->hi, .lo_open = write->lo_open,
                                 .hi_open = write->hi_open};
    buf_init(&start, ROCKS_KEY_MAX);
    buf_reset(&tx->end);
    storekey_bounds(table, &span, &start, &tx->end);
    buf_putc(&tx->key, STOREKEY_RANGE);
    storekey_escape(buf_str(&start), &tx->key);
    storekey_escape(buf_str(&tx->end), &tx->key);
    buf_fini(&start);
}

static void put_key(struct rocks_tx *tx, const struct store_table *table,
                    const struct store_write *write) {
    storekey_partition(table, write->pkey, &tx->key);
    if (write->kind == STORE_DELETE_PARTITION) {
        buf_putc(&tx->key, STOREKEY_DELETION);
    } else if (write->kind == STORE_DELETE_RANGE) {
        put_range_key(tx, table, write);
    } else if (table->ckey_cnt && !write->ckey_cnt) {
        buf_putc(&tx->key, STOREKEY_STATIC);
    } else {
        buf_putc(&tx->key, STOREKEY_ROW);
        storekey_ckey(table, 0, write->ckey, write->ckey_cnt, &tx->key);
    }
}

static int rocks_write(struct store_tx *base, const struct store_table *table,
                       const struct store_write *write) {
    struct rocks_tx *tx = tx_of(base);
    struct packrow_head head = {{PACKROW_NEVER, 0, 0}, PACKROW_NEVER, 0};
    int64_t now_s = env_now_us(base->store->env) / 1000000;
    bool is_static = table->ckey_cnt && !write->ckey_cnt;
    if (write->kind == STORE_INSERT && !is_static)
        head.marker = (struct packrow_life){write->ts_us, write->ttl_s,
                                            write->ttl_s ? now_s + write->ttl_s : 0};
    if (write->kind >= STORE_DELETE_ROW) {
        head.del_ts_us = write->ts_us;
        head.del_at_s = now_s;
    }
    buf_reset(&tx->key);
    buf_reset(&tx->value);
    put_key(tx, table, write);
    put_cells(tx, table, write, &head);
    if (tx->key.full || tx->value.full || tx->end.full)
        return err_fail(ERR_TOO_BIG, "a row of table %.*s does not fit", STR_ARG(table->name));
    if (write->kind == STORE_DELETE_PARTITION || write->kind == STORE_DELETE_RANGE)
        mark_headed(tx, table->number);
    rocksdb_writebatch_merge_cf(tx->batch, rocks_of(base->store)->data, tx->key.ptr, tx->key.len,
                                tx->value.ptr, tx->value.len);
    return 0;
}

/* ---- state ---------------------------------------------------------------------------------- */

static int rocks_put_state(struct store_tx *base, struct str name, struct str value) {
    struct rocks_tx *tx = tx_of(base);
    struct rocks *rocks = rocks_of(base->store);
    if (value.ptr && value.len > STATE_MAX)
        return err_fail(ERR_TOO_BIG, "state \"%.*s\" is over %zu bytes", STR_ARG(name), STATE_MAX);
    if (value.ptr)
        rocksdb_writebatch_put_cf(tx->batch, rocks->state, name.ptr, name.len, value.ptr,
                                  value.len);
    else rocksdb_writebatch_delete_cf(tx->batch, rocks->state, name.ptr, name.len);
    return 0;
}

static int rocks_get_state(struct store *store, struct str name, struct arena *arena,
                           struct str *out) {
    struct rocks *rocks = rocks_of(store);
    char *text = NULL;
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned_cf(rocks->db, rocks->get, rocks->state,
                                                           name.ptr, name.len, &text);
    if (text) return rocks_fail(text, "reading state");
    if (!slice) return err_fail(ERR_NOT_FOUND, "there is no state \"%.*s\"", STR_ARG(name));
    struct str value;
    value.ptr = rocksdb_pinnableslice_value(slice, &value.len);
    *out = arena_str(arena, value);
    rocksdb_pinnableslice_destroy(slice);
    return 0;
}

static int rocks_size(struct store *store, const struct store_table *table, int64_t *bytes,
                      int64_t *rows) {
    struct rocks *rocks = rocks_of(store);
    struct store_table next = {.number = table->number + 1};
    char *text = NULL;
    uint64_t size = 0, keys = 0, all_bytes = 0;
    struct buf from, to;
    buf_init(&from, STOREKEY_PREFIX_LEN);
    buf_init(&to, STOREKEY_PREFIX_LEN);
    storekey_token_prefix(table, INT64_MIN, &from);
    storekey_token_prefix(&next, INT64_MIN, &to);
    const char *start = from.ptr, *limit = to.ptr;
    rocksdb_approximate_sizes_cf(rocks->db, rocks->data, 1, &start, &from.len, &limit, &to.len,
                                 &size, &text);
    buf_fini(&from);
    buf_fini(&to);
    if (text) return rocks_fail(text, "estimating a size");
    (void)rocksdb_property_int_cf(rocks->db, rocks->data, "rocksdb.estimate-num-keys", &keys);
    (void)rocksdb_property_int_cf(rocks->db, rocks->data, "rocksdb.live-sst-files-size",
                                  &all_bytes);
    *bytes = (int64_t)size;
    *rows = all_bytes ? (int64_t)((double)keys * ((double)size / (double)all_bytes)) : 0;
    return 0;
}

const struct store_ops rocks_ops = {
    .name = "embedded",
    .caps = STORE_CAP_ATOMIC | STORE_CAP_SNAPSHOT | STORE_CAP_CLOCK | STORE_CAP_REBORN,
    .open = rocks_open,
    .close = rocks_close,
    .begin = rocks_begin,
    .write = rocks_write,
    .put_state = rocks_put_state,
    .commit = rocks_commit,
    .abort = rocks_abort,
    .get_state = rocks_get_state,
    .scan_open = rocksscan_open,
    .scan_next = rocksscan_next,
    .scan_mark = rocksscan_mark,
    .scan_close = rocksscan_close,
    .size = rocks_size,
};
