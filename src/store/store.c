/* store.c - the one checked way into the store: asserts, limits, metrics, then the table. */
#include "store/store.h"

#include "base/err.h"
#include "base/metric.h"
#include "store/storekey.h"
#include "store/store_ops.h"

static const struct store_ops *const all[] = {&rocks_ops, &memstore_ops, &cass_store_ops};

static struct {
    struct metric *writes, *commits, *commit_us, *scans, *rows;
} metrics;

static void make_metrics(void) {
    metrics.writes = metric_counter("sluice_store_writes_total", "Rows and deletions written.", "");
    metrics.commits = metric_counter("sluice_store_commits_total", "Transactions committed.", "");
    metrics.commit_us = metric_histogram("sluice_store_commit_seconds",
                                         "Time until a commit is durable.", "");
    metrics.scans = metric_counter("sluice_store_scans_total", "Reads begun.", "");
    metrics.rows = metric_counter("sluice_store_rows_read_total", "Live rows read.", "");
}

/* Whose address it is; NULL: nobody's. */
static const struct store_ops *kind_of(const char *url) {
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        size_t len = strlen(all[i]->name);
        if (!strncmp(url, all[i]->name, len) && url[len] == ':') return all[i];
    }
    return NULL;
}

int store_open(struct store **out, const struct store_conf *conf) {
    assert(out && conf && conf->env && conf->url);
    *out = NULL;
    make_metrics();
    const struct store_ops *kind = kind_of(conf->url);
    if (!kind)
        return err_fail(ERR_CONFIG, "store: \"%s\" is none of embedded:DIR, mem:, "
                        "cassandra://...", conf->url);
    int err = kind->open(conf, conf->url + strlen(kind->name) + 1, out);
    if (!err) (*out)->fence = conf->fence;
    return err;
}

void store_doctor(const struct store_conf *conf, const struct finding_to *to) {
    assert(conf && conf->env && conf->url && to);
    const struct store_ops *kind = kind_of(conf->url);
    if (kind && kind->doctor) kind->doctor(conf, to);
}

void store_stop(struct store *store) {
    if (store && store->ops->stop) store->ops->stop(store);
}

void store_close(struct store *store) {
    if (store) store->ops->close(store);
}

int store_state(struct store *store) {
    assert(store);
    return store->ops->state ? store->ops->state(store) : 0;
}

uint32_t store_caps(const struct store *store) {
    return store->ops->caps;
}

/* ---- schema --------------------------------------------------------------------------------- */

static void freshen(struct store *store) {
    if (store->ops->freshen) store->ops->freshen(store);
}

int store_keyspace_create(struct store *store, const struct store_keyspace *keyspace) {
    assert(store && keyspace);
    struct store_ddl ddl = {STORE_DDL_KEYSPACE_CREATE, keyspace, NULL, NULL, keyspace->name,
                            STR_NULL};
    return store->ops->ddl ? store->ops->ddl(store, &ddl)
                           : catalog_keyspace_create(store->catalog, keyspace);
}

int store_keyspace_alter(struct store *store, const struct store_keyspace *keyspace) {
    assert(store && keyspace);
    struct store_ddl ddl = {STORE_DDL_KEYSPACE_ALTER, keyspace, NULL, NULL, keyspace->name,
                            STR_NULL};
    return store->ops->ddl ? store->ops->ddl(store, &ddl)
                           : catalog_keyspace_alter(store->catalog, keyspace);
}

int store_keyspace_drop(struct store *store, struct str name) {
    assert(store);
    struct store_ddl ddl = {STORE_DDL_KEYSPACE_DROP, NULL, NULL, NULL, name, STR_NULL};
    return store->ops->ddl ? store->ops->ddl(store, &ddl)
                           : catalog_keyspace_drop(store->catalog, name);
}

int store_keyspaces(struct store *store, struct arena *arena, struct store_keyspace **out,
                    size_t *cnt) {
    assert(store && arena && out && cnt);
    freshen(store);
    return catalog_keyspaces(store->catalog, arena, out, cnt);
}

int store_table_create(struct store *store, const struct store_table *table) {
    assert(store && table);
    struct store_ddl ddl = {STORE_DDL_TABLE_CREATE, NULL, table, NULL, table->keyspace,
                            table->name};
    return store->ops->ddl ? store->ops->ddl(store, &ddl)
                           : catalog_table_create(store->catalog, table);
}

int store_table_alter(struct store *store, const struct store_table *table) {
    assert(store && table);
    struct store_ddl ddl = {STORE_DDL_TABLE_ALTER, NULL, table, NULL, table->keyspace, table->name};
    return store->ops->ddl ? store->ops->ddl(store, &ddl)
                           : catalog_table_alter(store->catalog, table);
}

int store_table_drop(struct store *store, struct str keyspace, struct str name) {
    assert(store);
    struct store_ddl ddl = {STORE_DDL_TABLE_DROP, NULL, NULL, NULL, keyspace, name};
    return store->ops->ddl ? store->ops->ddl(store, &ddl)
                           : catalog_table_drop(store->catalog, keyspace, name);
}

int store_table_truncate(struct store *store, struct str keyspace, struct str name) {
    assert(store);
    struct store_ddl ddl = {STORE_DDL_TABLE_TRUNCATE, NULL, NULL, NULL, keyspace, name};
    return store->ops->ddl ? store->ops->ddl(store, &ddl)
                           : catalog_table_truncate(store->catalog, keyspace, name);
}

int store_table_get(struct store *store, struct str keyspace, struct str name, struct arena *arena,
                    struct store_table *out) {
    assert(store && arena && out);
    freshen(store);
    return catalog_table_get(store->catalog, keyspace, name, arena, out);
}

int store_tables(struct store *store, struct str keyspace, struct arena *arena,
                 struct store_table **out, size_t *cnt) {
    assert(store && arena && out && cnt);
    freshen(store);
    return catalog_tables(store->catalog, keyspace, arena, out, cnt);
}

int store_udt_create(struct store *store, const struct store_udt *udt) {
    assert(store && udt);
    struct store_ddl ddl = {STORE_DDL_UDT_CREATE, NULL, NULL, udt, udt->keyspace, udt->name};
    return store->ops->ddl ? store->ops->ddl(store, &ddl)
                           : catalog_udt_create(store->catalog, udt);
}

int store_udt_drop(struct store *store, struct str keyspace, struct str name) {
    assert(store);
    struct store_ddl ddl = {STORE_DDL_UDT_DROP, NULL, NULL, NULL, keyspace, name};
    return store->ops->ddl ? store->ops->ddl(store, &ddl)
                           : catalog_udt_drop(store->catalog, keyspace, name);
}

int store_udts(struct store *store, struct str keyspace, struct arena *arena,
               struct store_udt **out, size_t *cnt) {
    assert(store && arena && out && cnt);
    freshen(store);
    return catalog_udts(store->catalog, keyspace, arena, out, cnt);
}

uint64_t store_schema_version(struct store *store) {
    freshen(store);
    return catalog_version(store->catalog);
}

int store_table_size(struct store *store, const struct store_table *table, int64_t *bytes,
                     int64_t *rows) {
    assert(store && table && bytes && rows);
    return store->ops->size(store, table, bytes, rows);
}

/* ---- writing -------------------------------------------------------------------------------- */

int store_begin(struct store *store, struct store_tx **out) {
    assert(store && out);
    int64_t epoch;
    int err = fence_take(store->fence, &epoch);
    if (!err) err = store->ops->begin(store, out);
    if (err) return err;
    (*out)->store = store;
    (*out)->epoch = epoch;
    return 0;
}

static int check_key(const struct str *key, size_t cnt, const char *what) {
    size_t len = 0;
    for (size_t i = 0; i < cnt; i++) {
        assert(key[i].ptr);
        len += key[i].len;
    }
    if (len <= STORE_KEY_MAX) return 0;
    return err_fail(ERR_TOO_BIG, "%s key length of %zu is longer than maximum of %d", what, len,
                    STORE_KEY_MAX);
}

static int check_cells(const struct store_table *table, const struct store_write *write) {
    for (size_t i = 0; i < write->cell_cnt; i++) {
        const struct store_cell *cell = &write->cell[i];
        if (cell->value.ptr && cell->value.len > STORE_VALUE_MAX)
            return err_fail(ERR_TOO_BIG, "a value of %zu bytes for table %.*s is over %zu",
                            cell->value.len, STR_ARG(table->name), STORE_VALUE_MAX);
    }
    return 0;
}

int store_write(struct store_tx *tx, const struct store_table *table,
                const struct store_write *write) {
    assert(tx && table && write && write->pkey);
    assert(write->ckey_cnt <= table->ckey_cnt);
    assert(write->kind == STORE_DELETE_RANGE || write->kind == STORE_DELETE_PARTITION ||
           write->ckey_cnt == table->ckey_cnt || write->ckey_cnt == 0);
    assert(write->ts_us != INT64_MIN && write->ttl_s >= 0);
    int err = check_key(write->pkey, table->pkey_cnt, "Partition");
    if (err || (err = check_key(write->ckey, write->ckey_cnt, "Clustering"))) return err;
    if ((err = check_cells(table, write))) return err;
    tx->write_cnt++;
    return tx->store->ops->write(tx, table, write);
}

int store_put_state(struct store_tx *tx, struct str name, struct str value) {
    assert(tx && name.len);
    return tx->store->ops->put_state(tx, name, value);
}

int store_commit(struct store_tx *tx) {
    assert(tx);
    struct store *store = tx->store;
    uint32_t cnt = tx->write_cnt;
    int64_t start = env_mono_us(store->env);
    int err = fence_check(store->fence, tx->epoch);
    if (err) {
        store->ops->abort(tx);
        return err;
    }
    err = store->ops->commit(tx);
    if (err) return err;
    metric_add(metrics.writes, cnt);
    metric_add(metrics.commits, 1);
    metric_observe(metrics.commit_us, env_mono_us(store->env) - start);
    return 0;
}

void store_abort(struct store_tx *tx) {
    if (tx) tx->store->ops->abort(tx);
}

int store_get_state(struct store *store, struct str name, struct arena *arena, struct str *out) {
    assert(store && arena && out);
    return store->ops->get_state(store, name, arena, out);
}

/* ---- reading -------------------------------------------------------------------------------- */

int store_scan_open(struct store *store, const struct store_table *table,
                    const struct store_range *range, struct str resume, struct store_scan **out) {
    assert(store && table && range && out);
    assert(range->pkey || (!range->reverse && !range->ckey_eq_cnt && !range->lo.ptr));
    assert(range->ckey_eq_cnt <= table->ckey_cnt);
    assert(range->ckey_eq_cnt < table->ckey_cnt || (!range->lo.ptr && !range->hi.ptr));
    int err = range->pkey ? check_key(range->pkey, table->pkey_cnt, "Partition") : 0;
    if (!err) err = store->ops->scan_open(store, table, range, resume, out);
    if (err) return err;
    (*out)->store = store;
    metric_add(metrics.scans, 1);
    return 0;
}

int store_scan_next(struct store_scan *scan, struct arena *arena, struct store_row *out,
                    bool *more) {
    assert(scan && arena && out && more);
    int err = scan->store->ops->scan_next(scan, arena, out, more);
    if (!err && *more) metric_add(metrics.rows, 1);
    return err;
}

struct str store_scan_mark(struct store_scan *scan, struct arena *arena) {
    assert(scan && arena);
    return scan->store->ops->scan_mark(scan, arena);
}

void store_scan_close(struct store_scan *scan) {
    if (scan) scan->store->ops->scan_close(scan);
}

int64_t store_token(const struct store_table *table, const struct str *pkey) {
    return storekey_token(table, pkey);
}
