/* landing.c - the one checked way into a landing: asserts, metrics, then the product's table. */
#include "landing/landing_ops.h"

#include "base/err.h"
#include "base/metric.h"

static const struct landing_ops *const products[] = {&lite_landing_ops, &pg_landing_ops};

static struct {
    struct metric *inserted, *updated, *unchanged, *failed, *commit_us;
} meter;

static void meter_init(void) {
    const char *name = "sluice_landing_rows_total";
    const char *help = "Rows landed, by what became of them.";
    meter.inserted = metric_counter(name, help, "result=\"inserted\"");
    meter.updated = metric_counter(name, help, "result=\"updated\"");
    meter.unchanged = metric_counter(name, help, "result=\"unchanged\"");
    meter.failed = metric_counter("sluice_landing_failed_total",
                                  "Landing transactions that were rolled back.", "");
    meter.commit_us = metric_histogram("sluice_landing_commit_seconds",
                                       "Time to make a landing transaction durable.", "");
}

/* The product of an address, and the rest of that; NULL: none. */
static const struct landing_ops *product_of(const char *url, struct str *place) {
    struct str scheme = str_cut(str_of(url), ':', place);
    if (str_eqz(scheme, "postgres")) scheme = STR("postgresql");
    for (size_t i = 0; i < ARRAY_LEN(products); i++)
        if (place->ptr && str_eqz(scheme, products[i]->name)) return products[i];
    return NULL;
}

int landing_open(struct landing **out, const struct landing_conf *conf) {
    assert(out && conf && conf->env && conf->url);
    *out = NULL;
    meter_init();
    struct str place, scheme;
    const struct landing_ops *product = product_of(conf->url, &place);
    if (product) {
        int err = product->open(out, conf, place.ptr);
        if (!err) (*out)->fence = conf->fence;
        return err;
    }
    scheme = str_cut(str_of(conf->url), ':', &place);
    return err_fail(ERR_CONFIG, "landing '%.*s:': the address is sqlite:FILE or postgresql://"
                    "USER@HOST/DATABASE", STR_ARG(scheme));
}

void landing_doctor(const struct landing_conf *conf, const struct finding_to *to) {
    assert(conf && conf->env && conf->url && to);
    struct str place;
    const struct landing_ops *product = product_of(conf->url, &place);
    if (product && product->doctor) product->doctor(conf, place.ptr, to);
}

void landing_close(struct landing *landing) {
    if (landing) landing->ops->close(landing);
}

int landing_declare(struct landing *landing, const struct landing_table *table) {
    assert(landing && table && (table->key || !table->key_cnt));
    return landing->ops->declare(landing, table);
}

int landing_begin(struct landing *landing, struct landing_tx **out) {
    assert(landing && out);
    *out = NULL;
    int64_t epoch;
    int err = fence_take(landing->fence, &epoch);
    if (!err) err = landing->ops->begin(landing, out);
    if (err) return err;
    (*out)->landing = landing;
    (*out)->epoch = epoch;
    (*out)->begin_us = env_mono_us(landing->env);
    return 0;
}

/* The transaction's first failure stays with it. */
static int keep(struct landing_tx *tx, int err) {
    if (err && !tx->failed) tx->failed = err;
    return err;
}

static int refuse(const struct landing_tx *tx) {
    return err_fail((enum err)tx->failed, "the landing transaction failed before (%s): abort it",
                    err_text(tx->failed));
}

int landing_upsert(struct landing_tx *tx, struct str table, const struct str *row, size_t cnt,
                   struct landing_count *out) {
    assert(tx && table.ptr && (row || !cnt));
    struct landing_count count = {0};
    if (tx->failed) return refuse(tx);
    int err = keep(tx, tx->landing->ops->upsert(tx, table, row, cnt, &count));
    if (out) *out = count;
    if (err) return err;
    assert(count.in == count.inserted + count.updated + count.unchanged);
    tx->sum.inserted += count.inserted;
    tx->sum.updated += count.updated;
    tx->sum.unchanged += count.unchanged;
    return 0;
}

int landing_put_run(struct landing_tx *tx, const struct run *run) {
    assert(tx && run && run->dag.ptr && run->id.ptr);
    return tx->failed ? refuse(tx) : keep(tx, tx->landing->ops->put_run(tx, run));
}

int landing_put_try(struct landing_tx *tx, const struct run_try *run_try) {
    assert(tx && run_try && run_try->dag.ptr && run_try->run.ptr && run_try->task.ptr);
    return tx->failed ? refuse(tx) : keep(tx, tx->landing->ops->put_try(tx, run_try));
}

int landing_trim_runs(struct landing_tx *tx, struct str dag, size_t newest, size_t max) {
    assert(tx && dag.ptr && newest && max);
    if (tx->failed) return refuse(tx);
    return keep(tx, tx->landing->ops->trim_runs(tx, dag, newest, max));
}

int landing_put_setting(struct landing_tx *tx, struct str name, struct str value) {
    assert(tx && name.ptr);
    return tx->failed ? refuse(tx) : keep(tx, tx->landing->ops->put_setting(tx, name, value));
}

int landing_commit(struct landing_tx *tx) {
    assert(tx);
    struct landing *landing = tx->landing;
    struct landing_count sum = tx->sum;
    int64_t start_us = env_mono_us(landing->env);
    int err = tx->failed ? refuse(tx) : fence_check(landing->fence, tx->epoch);
    if (err) {
        landing_abort(tx);
        return err;
    }
    err = landing->ops->commit(tx);
    if (err) {
        metric_add(meter.failed, 1);
        return err;
    }
    metric_add(meter.inserted, sum.inserted);
    metric_add(meter.updated, sum.updated);
    metric_add(meter.unchanged, sum.unchanged);
    metric_observe(meter.commit_us, env_mono_us(landing->env) - start_us);
    return 0;
}

void landing_abort(struct landing_tx *tx) {
    if (!tx) return;
    metric_add(meter.failed, 1);
    tx->landing->ops->abort(tx);
}

int landing_state(struct landing *landing) {
    assert(landing);
    return landing->ops->state ? landing->ops->state(landing) : 0;
}

int landing_backlog(struct landing *landing, struct landing_backlog *out) {
    assert(landing && out);
    *out = (struct landing_backlog){0, 0};
    return landing->ops->backlog(landing, out);
}

int landing_setting(struct landing *landing, struct str name, struct arena *arena,
                    struct str *out) {
    assert(landing && name.ptr && arena && out);
    *out = STR_NULL;
    return landing->ops->setting(landing, name, arena, out);
}

int landing_runs(struct landing *landing, struct str dag, struct landing_page page,
                 struct arena *arena, struct run **out, size_t *cnt) {
    assert(landing && arena && out && cnt);
    *out = NULL, *cnt = 0;
    return landing->ops->runs(landing, dag, page, arena, out, cnt);
}

int landing_run(struct landing *landing, struct str dag, struct str id, struct arena *arena,
                struct run *out) {
    assert(landing && dag.ptr && id.ptr && arena && out);
    return landing->ops->run(landing, dag, id, arena, out);
}

int landing_tries(struct landing *landing, struct str dag, struct str run, struct arena *arena,
                  struct run_try **out, size_t *cnt) {
    assert(landing && dag.ptr && run.ptr && arena && out && cnt);
    *out = NULL, *cnt = 0;
    return landing->ops->tries(landing, dag, run, arena, out, cnt);
}

int landing_tables(struct landing *landing, struct arena *arena, struct landing_info **out,
                   size_t *cnt) {
    assert(landing && arena && out && cnt);
    *out = NULL, *cnt = 0;
    return landing->ops->tables(landing, arena, out, cnt);
}

int landing_rows(struct landing *landing, struct str table, struct landing_page page,
                 struct arena *arena, struct str **out, size_t *cnt) {
    assert(landing && table.ptr && arena && out && cnt);
    *out = NULL, *cnt = 0;
    return landing->ops->rows(landing, table, page, arena, out, cnt);
}
