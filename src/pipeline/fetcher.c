/* fetcher.c - one try of a fetch. */
#include "pipeline/fetcher.h"

#include "base/err.h"
#include "source/source.h"

static void say(void *arg, const char *line) {
    orch_log(arg, "%s", line);
}

static bool stopped(void *arg) {
    return orch_stopping(arg);
}

struct str fetcher_url(const struct fetcher *fetcher, struct arena *arena) {
    struct str url = fetcher->def->url, query;
    struct str real = STR("https://randomuser.me/"), plain = STR("http://randomuser.me/");
    bool theirs = str_starts(url, real) || str_starts(url, plain);
    if (!fetcher->offline || !theirs) return url;
    str_cut(url, '?', &query);
    return arena_printf(arena, "people:?%.*s", STR_ARG(query.ptr ? query : STR("")));
}

static int land(struct fetcher *fetcher, const struct source_rows *rows,
                struct orch_try *orch_try) {
    struct landing_tx *tx;
    struct landing_count count = {0};
    int err = landing_begin(fetcher->landing, &tx);
    if (err) return err;
    err = landing_upsert(tx, fetcher->def->name, rows->row, rows->cnt, &count);
    orch_try->rows_in = count.in;
    orch_try->rows_new = count.inserted;
    orch_try->rows_changed = count.updated;
    if (!err)
        orch_log(orch_try, "%zu rows from %zu bytes: %" PRId64 " new, %" PRId64 " changed, %" PRId64
                 " as before", rows->cnt, rows->body_len, count.inserted, count.updated,
                 count.unchanged);
    if (!err) err = orch_record(orch_try, tx);
    if (err) {
        landing_abort(tx);
        return err;
    }
    err = landing_commit(tx);
    if (err) return err;
    atomic_fetch_add(&fetcher->rows_in, count.in);
    atomic_fetch_add(&fetcher->rows_new, count.inserted);
    atomic_fetch_add(&fetcher->rows_changed, count.updated);
    if (count.in) atomic_store(&fetcher->newest_ms, env_now_ms(fetcher->env));
    return 0;
}

int fetcher_run(void *arg, struct orch_try *orch_try) {
    struct fetcher *fetcher = arg;
    struct arena arena = ARENA_INIT;
    struct source_rows rows;
    struct source_conf conf = {
        .env = fetcher->env,
        .url = fetcher_url(fetcher, &arena),
        .rows = fetcher->def->rows,
        .header = fetcher->def->header,
        .header_cnt = fetcher->def->header_cnt,
        .timeout_ms = fetcher->def->timeout_us / 1000,
        .retries = -1,
        .allow = fetcher->conf->allow,
        .allow_cnt = fetcher->conf->allow_cnt,
        .log = say,
        .log_arg = orch_try,
        .stopped = stopped,
        .stopped_arg = orch_try,
    };
    orch_log(orch_try, "fetching %.*s", STR_ARG(conf.url));
    if (!str_eq(conf.url, fetcher->def->url))
        orch_log(orch_try, "offline: built-in sample people in place of %.*s",
                 STR_ARG(fetcher->def->url));
    int err = source_fetch(&conf, &arena, &rows);
    if (!err && !rows.cnt && !fetcher->def->empty_ok)
        err = err_fail(ERR_NOT_FOUND, "the answer has no rows at '%.*s'; if that is fine, say "
                       "empty_ok: true", STR_ARG(fetcher->def->rows));
    if (!err) err = land(fetcher, &rows, orch_try);
    arena_fini(&arena);
    return err;
}
