/* cass_store.c - the store on Cassandra: opened, kept fresh, and its table of functions. */
#include "store/cassandra/cass_store.h"

#include "base/diag.h"
#include "base/err.h"
#include "store/cassandra/cass_ddl.h"
#include "store/cassandra/cass_doctor.h"
#include "store/cassandra/cass_rows.h"
#include "store/cassandra/cass_scan.h"
#include "store/cassandra/cass_schema.h"
#include "store/cassandra/cass_state.h"
#include "store/cassandra/cass_text.h"
#include "store/cassandra/cass_tx.h"

#define FIRST_US      3000000 /* a node is waited for at the start; then alongside */
#define FRESH_EACH_US 500000 /* between two readings of a schema that keeps changing */
#define SIZE_TEXT_MAX (64 * KIB)

enum { ANY = 0, ONE = 1, LOCAL_QUORUM = 6, EACH_QUORUM = 7 };

/* The catalog of a cluster is a copy: nothing is written through. */
static int keep_nothing(void *self, const struct catalog_entry *entry, size_t cnt) {
    (void)self;
    (void)entry;
    (void)cnt;
    return 0;
}

static int drop_nothing(void *self, uint32_t number) {
    (void)self;
    (void)number;
    return 0;
}

static void cass_close(struct store *base) {
    struct cass_store *store = (struct cass_store *)base;
    size_t at = 0;
    struct str key;
    void *value;
    cass_cluster_close(store->cluster);
    cass_stmt_close(store->stmts);
    catalog_free(base->catalog);
    while (map_next(&store->state_ts, &at, &key, &value))
        base_free(value);
    map_fini(&store->state_ts);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->fresh);
    arena_fini(&store->arena);
    base_free(store);
}

static int cass_state(struct store *store) {
    return cass_cluster_state(((struct cass_store *)store)->cluster);
}

static void cass_stop(struct store *store) {
    cass_cluster_stop(((struct cass_store *)store)->cluster);
}

static int settle(struct cass_store *store) {
    int err = cass_state_make(store);
    if (err) return err;
    (void)cass_cluster_news(store->cluster);
    return cass_schema_load(store->cluster, store->base.catalog);
}

/* Under `fresh`. */
static int be_born(struct cass_store *store) {
    int err = atomic_load(&store->unborn) ? cass_cluster_state(store->cluster) : 0;
    if (!err && atomic_load(&store->unborn)) {
        err = settle(store);
        if (!err) atomic_store(&store->unborn, false);
    }
    return err;
}

int cass_store_born(struct cass_store *store) {
    if (!atomic_load(&store->unborn)) return 0;
    pthread_mutex_lock(&store->fresh);
    int err = be_born(store);
    pthread_mutex_unlock(&store->fresh);
    return err;
}

/* A cluster that does not answer yet is waited for by whoever needs it. */
static int first_look(struct cass_store *store) {
    int err = cass_cluster_wait(store->cluster, MIN(store->url.wait_us, (int64_t)FIRST_US));
    if (!err) err = settle(store);
    if (!err || !err_retry(err)) return err;
    diag_warn("store", "%s; it is waited for", err_note());
    atomic_store(&store->unborn, true);
    return 0;
}

static int cass_open(const struct store_conf *conf, const char *rest, struct store **out) {
    struct cass_store *store = base_calloc(1, sizeof *store);
    store->base.ops = &cass_store_ops;
    store->base.env = conf->env;
    store->base.catalog = catalog_new(&(struct catalog_conf){
        .env = conf->env, .self = store, .write = keep_nothing, .drop = drop_nothing});
    CHECK(pthread_mutex_init(&store->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&store->fresh, NULL) == 0);
    map_init(&store->state_ts);
    (void)rest;
    int err = cass_url_parse(str_of(conf->url), conf->property, conf->property_cnt, &store->arena,
                             &store->url);
    uint16_t level = store->url.consistency;
    store->read_level = level == ANY ? ONE : level == EACH_QUORUM ? LOCAL_QUORUM : level;
    if (!err) err = cass_cluster_open(&store->cluster, conf->env, &store->url);
    if (!err) {
        store->stmts = cass_stmt_open(store->cluster);
        err = first_look(store);
    }
    if (err) cass_close(&store->base);
    else *out = &store->base;
    return err ? err_add(err, "store: cassandra") : 0;
}

/* One of the threads that look reads the schema; the others go on with what there is. */
static void cass_freshen(struct store *base) {
    struct cass_store *store = (struct cass_store *)base;
    if (atomic_load(&store->unborn)) { /* what is not known yet is not there */
        if (pthread_mutex_trylock(&store->fresh)) return;
        int err = be_born(store);
        pthread_mutex_unlock(&store->fresh);
        if (err) return;
    }
    if (cass_cluster_news(store->cluster)) atomic_store(&store->stale, true);
    if (!atomic_load(&store->stale) || !cass_cluster_ready(store->cluster)) return;
    int64_t now = env_mono_us(base->env), last = atomic_load(&store->fresh_us);
    if (last && now - last < FRESH_EACH_US) return;
    if (pthread_mutex_trylock(&store->fresh)) return;
    atomic_store(&store->fresh_us, now);
    atomic_store(&store->stale, false);
    if (cass_schema_load(store->cluster, base->catalog)) {
        diag_warn("store", "the schema cannot be read: %s", err_note());
        atomic_store(&store->stale, true);
    }
    pthread_mutex_unlock(&store->fresh);
}

static int cass_change(struct store *base, const struct store_ddl *ddl) {
    struct cass_store *store = (struct cass_store *)base;
    if (str_eq(ddl->keyspace, store->url.keyspace))
        return err_fail(ERR_DENIED, "keyspace %.*s holds the state of queries: choose another, or "
                        "another for the state with keyspace=NAME in the store's url",
                        STR_ARG(ddl->keyspace));
    int err = cass_store_born(store);
    if (err) return err;
    return cass_ddl_change(store->cluster, base->catalog, ddl);
}

/* As Cassandra estimates it, every few minutes, on the node that is asked. */
static int cass_size(struct store *base, const struct store_table *table, int64_t *bytes,
                     int64_t *rows) {
    struct cass_store *store = (struct cass_store *)base;
    struct arena arena = ARENA_INIT;
    struct cass_answer answer;
    struct cass_rows it;
    struct buf text;
    *bytes = *rows = 0;
    if (!cass_cluster_ready(store->cluster)) return err_fail(ERR_NET, "Cassandra is not there");
    buf_init(&text, SIZE_TEXT_MAX);
    buf_putz(&text, "SELECT partitions_count, mean_partition_size FROM system.size_estimates WHERE "
                    "keyspace_name = ");
    cass_text_quote(table->keyspace, &text);
    buf_putz(&text, " AND table_name = ");
    cass_text_quote(table->name, &text);
    int err = cass_call_query(store->cluster, buf_str(&text), false, &arena, &answer);
    if (!err) err = cass_rows_open(&it, &answer, &arena);
    while (!err && cass_rows_next(&it, &err)) {
        struct rbuf cnt = rbuf_of_str(it.cell[0]), mean = rbuf_of_str(it.cell[1]);
        int64_t parts = rbuf_i64(&cnt), size = rbuf_i64(&mean), all;
        if (cnt.bad || mean.bad || __builtin_mul_overflow(parts, size, &all)) continue;
        *rows += parts;
        *bytes += all;
    }
    buf_fini(&text);
    arena_fini(&arena);
    return err;
}

const struct store_ops cass_store_ops = {
    .name = "cassandra",
    .caps = 0,
    .open = cass_open,
    .doctor = cass_doctor_look,
    .state = cass_state,
    .stop = cass_stop,
    .close = cass_close,
    .ddl = cass_change,
    .freshen = cass_freshen,
    .begin = cass_tx_begin,
    .write = cass_tx_write,
    .put_state = cass_tx_put_state,
    .commit = cass_tx_commit,
    .abort = cass_tx_abort,
    .get_state = cass_state_get,
    .scan_open = cass_scan_open,
    .scan_next = cass_scan_next,
    .scan_mark = cass_scan_mark,
    .scan_close = cass_scan_close,
    .size = cass_size,
};
