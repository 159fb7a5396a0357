/* migrate.c - tier by tier: open the old one and the new one, copy, close. */
#include "pipeline/migrate.h"

#include "base/err.h"
#include "landing/landing.h"
#include "log/log.h"
#include "registry/registry.h"
#include "wire/kafka/recbatch.h"

#define ROWS_A_TIME  2000
#define RUNS_A_TIME  200
#define READ_A_TIME  ((size_t)4 << 20)

struct migrate {
    const struct migrate_conf *conf;
    struct arena arena;            /* names, to the end */
    struct landing *landing[2];    /* [0] the old one, [1] the new one */
    struct log *log[2];            /* of [0] also when only the registry moves */
    struct registry *registry[2];
    bool any;
};

static void say(struct migrate *migrate, enum conf_tier tier, struct str text) {
    migrate->conf->say(migrate->conf->arg, tier, text);
}

static const char *path_of(struct migrate *migrate, const char *prefix, const char *name) {
    return arena_printf(&migrate->arena, "%s%s/%s", prefix, migrate->conf->data, name).ptr;
}

/* Is the tier elsewhere now, and was it here? */
static bool moves(struct migrate *migrate, enum conf_tier tier, const char *file) {
    bool moved = !conf_embedded(migrate->conf->conf, tier) &&
                 env_exists(migrate->conf->env, path_of(migrate, "", file));
    migrate->any = migrate->any || moved;
    return moved;
}

/* ---- landing ---- */

static int open_landings(struct migrate *migrate) {
    const struct address *at = &migrate->conf->conf->address[CONF_LANDING];
    struct landing_conf old = {.env = migrate->conf->env,
                               .url = path_of(migrate, "sqlite:", "landing.db")};
    struct landing_conf new = {.env = migrate->conf->env, .url = at->url, .property = at->property,
                               .property_cnt = at->property_cnt};
    int err = landing_open(&migrate->landing[0], &old);
    return err ? err : landing_open(&migrate->landing[1], &new);
}

static bool is_captured(const struct migrate *migrate, struct str table) {
    for (size_t d = 0; d < migrate->conf->def_cnt; d++)
        for (size_t i = 0; i < migrate->conf->def[d]->capture_cnt; i++)
            if (!migrate->conf->def[d]->capture[i].from.len &&
                str_eq(migrate->conf->def[d]->capture[i].table, table)) return true;
    return false;
}

static int count_rows(struct landing *landing, struct str table, int64_t *out) {
    struct arena arena = ARENA_INIT;
    struct landing_info *info;
    size_t cnt = 0;
    *out = 0;
    int err = landing_tables(landing, &arena, &info, &cnt);
    for (size_t i = 0; i < cnt && !err; i++)
        if (str_eq(info[i].name, table)) *out = info[i].row_cnt;
    arena_fini(&arena);
    return err;
}

/* How far a table got: what is there when nobody carried it is newer than what we have. */
static struct str mark_of(struct migrate *migrate, struct str table) {
    return arena_printf(&migrate->arena, "migrate.%.*s", STR_ARG(table));
}

static int put_rows(struct migrate *migrate, struct str table, const struct str *row, size_t cnt,
                    const char *mark) {
    struct landing_tx *tx;
    struct landing_count count;
    int err = landing_begin(migrate->landing[1], &tx);
    if (err) return err;
    if (cnt) err = landing_upsert(tx, table, row, cnt, &count);
    if (!err) err = landing_put_setting(tx, mark_of(migrate, table), str_of(mark));
    if (!err) err = landing_commit(tx);
    else landing_abort(tx);
    return err;
}

/* May the table's rows be carried? Said when not. */
static int may_move(struct migrate *migrate, const struct def_fetch *fetch, bool *out) {
    struct str mark = STR_NULL;
    const char *why = NULL;
    int64_t there;
    int err = landing_setting(migrate->landing[1], mark_of(migrate, fetch->name), &migrate->arena,
                              &mark);
    if (err == ERR_NOT_FOUND) err = 0;
    if (!err) err = count_rows(migrate->landing[1], fetch->name, &there);
    if (err) return err;
    if (str_eqz(mark, "done")) why = "was carried before: left alone";
    else if (there && !mark.ptr) why = "has rows there already, maybe newer ones: left alone";
    else if (there && !fetch->key_cnt)
        return err_fail(ERR_EXISTS, "was cut short, and has no key to tell what is there: drop it "
                        "there, and try again");
    if (why) say(migrate, CONF_LANDING, arena_printf(&migrate->arena, "table %.*s: %s",
                                                     STR_ARG(fetch->name), why));
    *out = !why;
    return 0;
}

static int move_table(struct migrate *migrate, const struct def_fetch *fetch) {
    struct landing_table table = {fetch->name, fetch->key, fetch->key_cnt,
                                  is_captured(migrate, fetch->name)};
    struct arena arena = ARENA_INIT;
    struct str *row;
    size_t cnt, all = 0;
    bool may = false;
    int err = landing_declare(migrate->landing[1], &table);
    if (!err) err = may_move(migrate, fetch, &may);
    if (err || !may) return err ? err_add(err, "table %.*s", STR_ARG(fetch->name)) : 0;
    do {
        struct landing_page page = {ROWS_A_TIME, all};
        arena_reset(&arena);
        cnt = 0;
        err = landing_rows(migrate->landing[0], fetch->name, page, &arena, &row, &cnt);
        if (err == ERR_NOT_FOUND) err = 0; /* nothing has landed yet */
        if (!err) err = put_rows(migrate, fetch->name, row, cnt,
                                 cnt < ROWS_A_TIME ? "done" : "begun");
        all += cnt;
    } while (!err && cnt == ROWS_A_TIME);
    arena_fini(&arena);
    if (err) return err_add(err, "table %.*s", STR_ARG(fetch->name));
    say(migrate, CONF_LANDING, arena_printf(&migrate->arena, "table %.*s: %zu rows",
                                            STR_ARG(fetch->name), all));
    return 0;
}

/* A run that is not there yet, with its tries. */
static int put_run(struct migrate *migrate, struct landing_tx *tx, const struct run *run,
                   struct arena *arena, int64_t *fresh) {
    struct run there;
    struct run_try *run_try;
    size_t cnt;
    int err = landing_run(migrate->landing[1], run->dag, run->id, arena, &there);
    if (err != ERR_NOT_FOUND) return err;
    err = landing_put_run(tx, run);
    if (!err) err = landing_tries(migrate->landing[0], run->dag, run->id, arena, &run_try, &cnt);
    for (size_t i = 0; !err && i < cnt; i++) err = landing_put_try(tx, &run_try[i]);
    *fresh += !err;
    return err;
}

static int move_paused(struct migrate *migrate, struct landing_tx *tx, struct str dag,
                       struct arena *arena) {
    struct str value, name = arena_printf(arena, "orchestrate.paused.%.*s", STR_ARG(dag));
    if (!landing_setting(migrate->landing[1], name, arena, &value)) return 0; /* said there */
    int err = landing_setting(migrate->landing[0], name, arena, &value);
    if (err) return err == ERR_NOT_FOUND ? 0 : err;
    return landing_put_setting(tx, name, value);
}

static int move_runs(struct migrate *migrate, struct str dag) {
    struct arena arena = ARENA_INIT;
    struct run *run;
    size_t cnt, all = 0;
    int64_t fresh = 0;
    int err;
    do {
        struct landing_page page = {RUNS_A_TIME, all};
        struct landing_tx *tx = NULL;
        arena_reset(&arena);
        cnt = 0;
        err = landing_runs(migrate->landing[0], dag, page, &arena, &run, &cnt);
        if (!err) err = landing_begin(migrate->landing[1], &tx);
        for (size_t i = 0; !err && i < cnt; i++)
            err = put_run(migrate, tx, &run[i], &arena, &fresh);
        if (!err && !all) err = move_paused(migrate, tx, dag, &arena);
        if (!err) err = landing_commit(tx);
        else landing_abort(tx);
        all += cnt;
    } while (!err && cnt == RUNS_A_TIME);
    arena_fini(&arena);
    if (err) return err_add(err, "runs of %.*s", STR_ARG(dag));
    say(migrate, CONF_LANDING, arena_printf(&migrate->arena, "pipeline %.*s: %zu runs, %" PRId64
                                            " of them new there", STR_ARG(dag), all, fresh));
    return 0;
}

static int move_landing(struct migrate *migrate) {
    if (!moves(migrate, CONF_LANDING, "landing.db")) return 0;
    int err = open_landings(migrate);
    for (size_t d = 0; d < migrate->conf->def_cnt && !err; d++) {
        const struct def *def = migrate->conf->def[d];
        for (size_t i = 0; i < def->fetch_cnt && !err; i++)
            err = move_table(migrate, &def->fetch[i]);
        if (!err) err = move_runs(migrate, def->name);
    }
    return err ? err_add(err, "landing") : 0;
}

/* ---- log ---- */

static int open_old_log(struct migrate *migrate) {
    struct log_conf old = {.env = migrate->conf->env, .url = path_of(migrate, "embedded:", "log")};
    return migrate->log[0] ? 0 : log_open(&migrate->log[0], &old);
}

static int open_logs(struct migrate *migrate) {
    const struct address *at = &migrate->conf->conf->address[CONF_LOG];
    struct log_conf new = {.env = migrate->conf->env, .url = at->url, .property = at->property,
                           .property_cnt = at->property_cnt};
    int err = open_old_log(migrate);
    return err ? err : log_open(&migrate->log[1], &new);
}

static int copy_part(struct migrate *migrate, struct str topic, int32_t part, int64_t from) {
    struct arena arena = ARENA_INIT;
    struct log_span span;
    int64_t base;
    int err = log_span(migrate->log[0], topic, part, &span);
    while (!err && from < span.end) {
        struct recbatch_iter it;
        struct record record;
        struct str bytes;
        arena_reset(&arena);
        err = log_read(migrate->log[0], topic, part, from, READ_A_TIME, &arena, &bytes);
        if (err || !bytes.len) break;
        recbatch_walk(&it, bytes, from, &arena);
        while (recbatch_next(&it, &record)) from = record.offset + 1;
        if (it.err) err = it.err;
        else from = MAX(from, recbatch_end(&it.head));
        if (!err) err = log_append(migrate->log[1], topic, part, bytes, &base);
    }
    arena_fini(&arena);
    return err;
}

static int read_one(struct log *log, struct log_pos pos, struct arena *arena, struct record *out) {
    struct recbatch_iter it;
    struct str bytes;
    int err = log_read_at(log, &pos, 1, arena, &bytes);
    if (err) return err;
    recbatch_walk(&it, bytes, pos.offset, arena);
    if (recbatch_next(&it, out)) return 0;
    return it.err ? it.err : err_fail(ERR_NOT_FOUND, "there is no record at that offset");
}

/* A copy that was cut short goes on: what is there are our first records, by their number and the
 * last of them. *from -1: they are others. */
static int find_start(struct migrate *migrate, struct str topic, int32_t part, int64_t *from) {
    struct arena arena = ARENA_INIT;
    struct log_span old, new;
    struct record ours, theirs;
    int err = log_span(migrate->log[0], topic, part, &old);
    if (!err) err = log_span(migrate->log[1], topic, part, &new);
    if (!err) *from = old.start + new.end;
    if (!err && new.end) {
        struct log_pos here = {topic, part, *from - 1}, there = {topic, part, new.end - 1};
        bool good = *from <= old.end && !read_one(migrate->log[0], here, &arena, &ours) &&
                    !read_one(migrate->log[1], there, &arena, &theirs);
        if (!good || ours.ts_ms != theirs.ts_ms || !str_eq(ours.key, theirs.key) ||
            !str_eq(ours.value, theirs.value))
            *from = -1;
    }
    arena_fini(&arena);
    return err;
}

static int move_topic(struct migrate *migrate, const struct log_topic *topic) {
    struct arena arena = ARENA_INIT;
    struct log_topic there;
    int64_t moved = 0, passed = 0;
    int err = log_topic_create(migrate->log[1], topic->name, topic->part_cnt, topic->setting,
                               topic->setting_cnt);
    if (!err || err == ERR_EXISTS)
        err = log_topic_get(migrate->log[1], topic->name, &arena, &there);
    if (!err && there.part_cnt != topic->part_cnt)
        err = err_fail(ERR_CONFLICT, "it has %d partitions there, %d here; delete it there, or "
                       "leave it out here", there.part_cnt, topic->part_cnt);
    for (int32_t part = 0; part < topic->part_cnt && !err; part++) {
        struct log_span old;
        int64_t from;
        err = log_span(migrate->log[0], topic->name, part, &old);
        if (!err) err = find_start(migrate, topic->name, part, &from);
        if (err || from == old.end) continue;
        if (from < 0) passed++;
        else err = copy_part(migrate, topic->name, part, from);
        if (from >= 0) moved += old.end - from;
    }
    arena_fini(&arena);
    if (err) return err_add(err, "topic %.*s", STR_ARG(topic->name));
    struct str text = arena_printf(&migrate->arena, "topic %.*s: %" PRId64 " records",
                                   STR_ARG(topic->name), moved);
    if (passed)
        text = arena_printf(&migrate->arena, "%.*s; %" PRId64 " partitions have others there: "
                            "left alone", STR_ARG(text), passed);
    say(migrate, CONF_LOG, text);
    return 0;
}

/* Of the internal ones only the registry's, if that stays on the log. */
static bool is_wanted(const struct migrate *migrate, const struct log_topic *topic) {
    if (!topic->internal) return true;
    return str_eqz(topic->name, "_schemas") && conf_embedded(migrate->conf->conf, CONF_REGISTRY);
}

static int move_log(struct migrate *migrate) {
    struct log_topic *topic;
    size_t cnt = 0;
    if (!moves(migrate, CONF_LOG, "log")) return 0;
    int err = open_logs(migrate);
    if (!err) err = log_topic_list(migrate->log[0], &migrate->arena, &topic, &cnt);
    for (size_t i = 0; i < cnt && !err; i++)
        if (is_wanted(migrate, &topic[i])) err = move_topic(migrate, &topic[i]);
    return err ? err_add(err, "log") : 0;
}

/* ---- registry ---- */

static int open_registries(struct migrate *migrate) {
    const struct address *at = &migrate->conf->conf->address[CONF_REGISTRY];
    struct registry_conf new = {.env = migrate->conf->env, .url = at->url,
                                .property = at->property, .property_cnt = at->property_cnt};
    int err = open_old_log(migrate);
    struct registry_conf old = {.env = migrate->conf->env, .url = "embedded:",
                                .log = migrate->log[0]};
    if (!err) err = registry_open(&migrate->registry[0], &old);
    return err ? err : registry_open(&migrate->registry[1], &new);
}

static int move_subject(struct migrate *migrate, struct str subject) {
    struct arena arena = ARENA_INIT;
    struct registry_schema *schema, made;
    size_t cnt = 0;
    int err = registry_list(migrate->registry[0], subject, REGISTRY_LIVE, &arena, &schema, &cnt);
    for (size_t i = 0; i < cnt && !err; i++)
        err = registry_register(migrate->registry[1], subject, schema[i].kind, schema[i].text,
                                &arena, &made);
    arena_fini(&arena);
    if (err) return err_add(err, "subject %.*s", STR_ARG(subject));
    say(migrate, CONF_REGISTRY, arena_printf(&migrate->arena, "subject %.*s: %zu versions",
                                             STR_ARG(subject), cnt));
    return 0;
}

static int move_registry(struct migrate *migrate) {
    struct str *subject;
    size_t cnt = 0;
    if (!moves(migrate, CONF_REGISTRY, "log")) return 0;
    int err = open_registries(migrate);
    if (!err) err = registry_subjects(migrate->registry[0], &migrate->arena, &subject, &cnt);
    for (size_t i = 0; i < cnt && !err; i++) err = move_subject(migrate, subject[i]);
    return err ? err_add(err, "registry") : 0;
}

int migrate_run(const struct migrate_conf *conf) {
    struct migrate migrate = {.conf = conf};
    struct env_file *lock = NULL;
    int err = env_exists(conf->env, conf->data)
                  ? env_lock(conf->env, path_of(&migrate, "", "lock"), &lock)
                  : err_fail(ERR_NOT_FOUND, "there is no data folder %s", conf->data);
    if (!err) err = move_landing(&migrate);
    if (!err) err = move_log(&migrate);
    if (!err) err = move_registry(&migrate);
    if (!err && moves(&migrate, CONF_STORE, "store"))
        say(&migrate, CONF_STORE, STR("its tables are filled from the topics at the next start"));
    for (int i = 0; i < 2; i++) {
        registry_close(migrate.registry[i]);
        log_close(migrate.log[i]);
        landing_close(migrate.landing[i]);
    }
    env_file_close(lock);
    arena_fini(&migrate.arena);
    if (!err && !migrate.any)
        return err_fail(ERR_NOT_FOUND, "nothing to carry: %s has no tier that the settings put "
                        "elsewhere", conf->data);
    return err;
}
