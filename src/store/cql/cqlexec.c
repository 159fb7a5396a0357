/* cqlexec.c - the executor's door: prepare, run, batch, USE.
 *
 * A prepared statement holds a plan for one version of the schema. A run that finds another version
 * makes a new plan and puts it in the place of the old one, which others may still be running. */
#include "store/cql/cqlexec.h"

#include "base/err.h"
#include "store/cql/cqlplan.h"

#include <openssl/evp.h>

static const char unset_mark[1];
const struct str cqlexec_unset = {unset_mark, 0};

struct prepared {
    struct cqlexec_prepared facts; /* what is given out */
    atomic_int refs;
    struct cqlexec *exec;
    pthread_mutex_t lock; /* of plan */
    struct cqlplan *plan;
    struct cqlplan *first; /* the facts live in it */
};

int cqlexec_open(struct cqlexec **out, const struct cqlexec_conf *conf) {
    assert(out && conf && conf->env && conf->store);
    struct cqlexec *exec = base_calloc(1, sizeof *exec);
    exec->env = conf->env;
    exec->store = conf->store;
    exec->virt = conf->virt;
    for (size_t i = 0; i < CQLPLAN_LOCK_CNT; i++)
        CHECK(pthread_mutex_init(&exec->lock[i], NULL) == 0);
    *out = exec;
    return 0;
}

void cqlexec_close(struct cqlexec *exec) {
    if (!exec) return;
    for (size_t i = 0; i < CQLPLAN_LOCK_CNT; i++)
        pthread_mutex_destroy(&exec->lock[i]);
    base_free(exec);
}

/* ---- preparing ------------------------------------------------------------------------------ */

static enum cqlexec_kind kind_of(const struct cqlast *ast) {
    switch (ast->kind) {
    case CQLAST_SELECT: return CQLEXEC_SELECT;
    case CQLAST_INSERT: return CQLEXEC_INSERT;
    case CQLAST_UPDATE: return CQLEXEC_UPDATE;
    case CQLAST_DELETE: return CQLEXEC_DELETE;
    case CQLAST_BATCH: return CQLEXEC_BATCH;
    case CQLAST_USE: return CQLEXEC_USE;
    case CQLAST_TRUNCATE: return CQLEXEC_TRUNCATE;
    case CQLAST_REFUSED: return CQLEXEC_OTHER;
    default: return CQLEXEC_SCHEMA;
    }
}

/* The marker that gives partition key column `name`, or -1. */
static int marker_of(const struct cqlast *ast, struct str name) {
    for (size_t i = 0; i < ast->col_cnt; i++)
        if (str_eq(ast->col[i], name))
            return ast->value[i]->kind == CQLTERM_MARK ? ast->value[i]->mark : -1;
    for (size_t i = 0; i < ast->where_cnt; i++) {
        const struct cqlrel *rel = &ast->where[i];
        if (rel->op == CQLREL_EQ && !rel->token && !rel->tuple && !rel->index &&
            str_eq(rel->name[0], name))
            return rel->term->kind == CQLTERM_MARK ? rel->term->mark : -1;
    }
    return -1;
}

static void find_key_markers(struct cqlplan *plan, struct cqlexec_prepared *facts) {
    if (kind_of(plan->ast) > CQLEXEC_DELETE) return;
    size_t cnt = plan->table->pkey_cnt;
    uint16_t *at = arena_array(&plan->arena, uint16_t, cnt);
    for (size_t i = 0; i < cnt; i++) {
        int mark = marker_of(plan->ast, plan->table->col[i].name);
        if (mark < 0) return;
        at[i] = (uint16_t)mark;
    }
    facts->pkey = at;
    facts->pkey_cnt = cnt;
}

static void fill_facts(struct cqlplan *plan, struct str text, struct cqlexec_prepared *facts) {
    struct buf whole;
    unsigned len = 16;
    facts->kind = kind_of(plan->ast);
    facts->conditional = plan->conditional;
    facts->keyspace = plan->keyspace;
    facts->text = arena_str(&plan->arena, text);
    for (size_t i = 0; i < plan->bind_cnt; i++) {
        if (plan->mark[i].name.ptr) plan->bind[i].name = plan->mark[i].name;
        if (!plan->bind[i].type) plan->bind[i].type = cqltype_scalar(CQL_BLOB);
        if (!plan->bind[i].keyspace.ptr) plan->bind[i].keyspace = plan->keyspace;
        if (!plan->bind[i].table.ptr) plan->bind[i].table = STR("");
    }
    facts->bind = plan->bind;
    facts->bind_cnt = plan->bind_cnt;
    facts->col = plan->col;
    facts->col_cnt = plan->col_cnt;
    memcpy(facts->meta_id, plan->meta_id, sizeof facts->meta_id);
    find_key_markers(plan, facts);
    buf_init(&whole, 2 * CQLEXEC_TEXT_MAX);
    buf_puts(&whole, plan->keyspace);
    buf_puts(&whole, text);
    CHECK(EVP_Digest(whole.ptr ? whole.ptr : "", whole.len, facts->id, &len, EVP_md5(), NULL) == 1);
    buf_fini(&whole);
}

int cqlexec_prepare(struct cqlexec *exec, struct str keyspace, struct str text,
                    struct cqlexec_prepared **out) {
    assert(exec && out);
    struct cqlplan *plan;
    int err = cqlplan_new(exec, keyspace, text, &plan);
    if (err) return err;
    struct prepared *it = base_calloc(1, sizeof *it);
    atomic_init(&it->refs, 1);
    atomic_fetch_add(&plan->refs, 1);
    it->exec = exec;
    it->plan = it->first = plan;
    CHECK(pthread_mutex_init(&it->lock, NULL) == 0);
    fill_facts(plan, text, &it->facts);
    *out = &it->facts;
    return 0;
}

struct cqlexec_prepared *cqlexec_retain(struct cqlexec_prepared *prepared) {
    atomic_fetch_add(&((struct prepared *)prepared)->refs, 1);
    return prepared;
}

void cqlexec_release(struct cqlexec_prepared *prepared) {
    struct prepared *it = (struct prepared *)prepared;
    if (!it || atomic_fetch_sub(&it->refs, 1) > 1) return;
    cqlplan_free(it->plan);
    cqlplan_free(it->first);
    pthread_mutex_destroy(&it->lock);
    base_free(it);
}

/* The plan for the schema as it is now, counted for the caller. */
static int current_plan(struct prepared *it, struct cqlplan **out) {
    uint64_t version = store_schema_version(it->exec->store);
    int err = 0;
    CHECK(pthread_mutex_lock(&it->lock) == 0);
    if (it->plan->version != version) {
        struct cqlplan *fresh;
        err = cqlplan_new(it->exec, it->facts.keyspace, it->facts.text, &fresh);
        if (!err) {
            cqlplan_free(it->plan);
            it->plan = fresh;
        }
    }
    if (!err) {
        *out = it->plan;
        atomic_fetch_add(&it->plan->refs, 1);
    }
    CHECK(pthread_mutex_unlock(&it->lock) == 0);
    return err;
}

static int get_plan(struct cqlexec *exec, const struct cqlexec_session *session,
                    const struct cqlexec_request *request, struct cqlplan **out) {
    if (request->prepared) return current_plan((struct prepared *)request->prepared, out);
    return cqlplan_new(exec, str_of(session->keyspace), request->text, out);
}

/* ---- bound values --------------------------------------------------------------------------- */

/* The values by marker; those given by name are put in their places. */
static int bind_values(struct cqlrun *run) {
    const struct cqlexec_request *request = run->request;
    const struct cqlplan *plan = run->plan;
    size_t cnt = plan->bind_cnt;
    run->env.value = request->value;
    run->env.value_cnt = cnt;
    if (!request->name) {
        if (request->value_cnt == cnt) return 0;
        return err_fail(ERR_INVAL, "Invalid amount of bind variables");
    }
    struct str *value = arena_array(run->arena, struct str, cnt + 1);
    for (size_t i = 0; i < cnt; i++) {
        struct str name = plan->mark[i].name.ptr ? plan->mark[i].name : plan->bind[i].name;
        size_t k = 0;
        while (k < request->value_cnt && !str_eq(request->name[k], name))
            k++;
        value[i] = k < request->value_cnt ? request->value[k] : cqlexec_unset;
        if (k == request->value_cnt)
            return err_fail(ERR_INVAL, "Invalid amount of bind variables: none is named %.*s",
                            STR_ARG(name));
    }
    run->env.value = value;
    return 0;
}

static int64_t server_ts(struct cqlexec *exec) {
    int64_t now = env_now_us(exec->env), was = atomic_load(&exec->last_ts_us), next;
    do {
        next = MAX(now, was + 1);
    } while (!atomic_compare_exchange_weak(&exec->last_ts_us, &was, next));
    return next;
}

/* ---- running -------------------------------------------------------------------------------- */

static int run_use(struct cqlrun *run) {
    struct cqlexec *exec = run->exec;
    struct store_keyspace *all;
    size_t cnt;
    struct str name = run->plan->ast->keyspace;
    bool found = exec->virt && exec->virt->keyspace(exec->virt->self, name);
    int err = store_keyspaces(exec->store, run->arena, &all, &cnt);
    if (err) return err;
    for (size_t i = 0; i < cnt; i++)
        found |= str_eq(all[i].name, name);
    if (!found || name.len > STORE_NAME_MAX)
        return err_fail(ERR_INVAL, "Keyspace '%.*s' does not exist", STR_ARG(name));
    memcpy(run->session->keyspace, name.ptr, name.len);
    run->session->keyspace[name.len] = 0;
    run->result->kind = CQLEXEC_SET_KEYSPACE;
    run->result->keyspace = arena_str(run->arena, name);
    return 0;
}

/* A BATCH written as one statement: its parts share values and markers. */
static int run_batch_text(struct cqlrun *run) {
    const struct cqlast *ast = run->plan->ast;
    struct cqlrun *each = arena_array(run->arena, struct cqlrun, ast->item_cnt + 1);
    int64_t ts;
    bool set;
    int err = cqlterm_int(&run->env, ast->timestamp, "[timestamp]", true, &ts, &set);
    if (err) return err;
    for (size_t i = 0; i < ast->item_cnt; i++) {
        each[i] = *run;
        each[i].plan = run->plan->item[i];
        if (set) each[i].ts_us = ts;
        each[i].env.keyspace = each[i].plan->table->keyspace;
        each[i].env.table = each[i].plan->table->name;
    }
    return cqlmodify_batch(each, ast->item_cnt, ast->batch);
}

static int run_plan(struct cqlrun *run) {
    switch (run->plan->ast->kind) {
    case CQLAST_SELECT: return cqlselect_run(run);
    case CQLAST_INSERT: case CQLAST_UPDATE: case CQLAST_DELETE: return cqlmodify_run(run);
    case CQLAST_BATCH: return run_batch_text(run);
    case CQLAST_USE: return run_use(run);
    default: return cqlschema_run(run);
    }
}

/* What the protocol calls it. */
static int note_error(struct cqlexec_result *result, int err) {
    if (!err) return 0;
    result->error.code = err_cql(err);
    if (!result->error.keyspace.ptr) result->error.keyspace = STR("");
    if (!result->error.table.ptr) result->error.table = STR("");
    return err;
}

static void set_up(struct cqlrun *run, struct cqlplan_scope *scope, struct cqltype_scope *types) {
    const struct cqlplan *plan = run->plan;
    *scope = (struct cqlplan_scope){run->exec, plan->table ? plan->table->keyspace
                                                           : plan->keyspace};
    *types = cqlplan_scope(scope);
    run->env = (struct cqlterm_env){.arena = run->arena, .env = run->exec->env, .scope = types};
    if (plan->table) {
        run->env.keyspace = plan->table->keyspace;
        run->env.table = plan->table->name;
    }
}

/* The plan's columns outlive the plan only as a copy. */
static void keep_columns(struct cqlrun *run) {
    struct cqlexec_result *result = run->result;
    struct cqlexec_col *col = arena_array(run->arena, struct cqlexec_col, result->col_cnt + 1);
    for (size_t i = 0; i < result->col_cnt; i++) {
        col[i].keyspace = arena_str(run->arena, result->col[i].keyspace);
        col[i].table = arena_str(run->arena, result->col[i].table);
        col[i].name = arena_str(run->arena, result->col[i].name);
        col[i].type = cqltype_copy(run->arena, result->col[i].type);
    }
    result->col = col;
}

int cqlexec_run(struct cqlexec *exec, struct cqlexec_session *session,
                const struct cqlexec_request *request, struct arena *arena, struct buf *rows,
                struct cqlexec_result *result) {
    assert(exec && session && request && arena && rows && result);
    struct cqlplan *plan;
    struct cqlplan_scope scope;
    struct cqltype_scope types;
    *result = (struct cqlexec_result){.kind = CQLEXEC_VOID};
    int err = get_plan(exec, session, request, &plan);
    if (err) return note_error(result, err);
    struct cqlrun run = {.exec = exec, .session = session, .plan = plan, .request = request,
                         .arena = arena, .rows = rows, .result = result};
    run.ts_us = request->ts_us != CQLEXEC_TS_NONE ? request->ts_us : server_ts(exec);
    set_up(&run, &scope, &types);
    err = bind_values(&run);
    if (!err) err = run_plan(&run);
    if (!err && result->kind == CQLEXEC_ROWS) keep_columns(&run);
    cqlplan_free(plan);
    return note_error(result, err);
}

/* ---- the protocol's BATCH ------------------------------------------------------------------- */

struct batch_part {
    struct cqlplan *plan;
    struct cqlplan_scope scope;
    struct cqltype_scope types;
};

static int batch_part(struct cqlrun *run, struct batch_part *part) {
    const struct cqlast *ast;
    int err = get_plan(run->exec, run->session, run->request, &part->plan);
    if (err) return err;
    ast = part->plan->ast;
    run->plan = part->plan;
    if (ast->kind != CQLAST_INSERT && ast->kind != CQLAST_UPDATE && ast->kind != CQLAST_DELETE)
        return err_fail(ERR_INVAL, "Invalid statement in batch: only UPDATE, INSERT and DELETE "
                        "statements are allowed.");
    set_up(run, &part->scope, &part->types);
    return bind_values(run);
}

int cqlexec_run_batch(struct cqlexec *exec, struct cqlexec_session *session,
                      const struct cqlexec_batch *batch, struct arena *arena, struct buf *rows,
                      struct cqlexec_result *result) {
    assert(exec && session && batch && arena && rows && result);
    struct cqlrun *run = arena_array(arena, struct cqlrun, batch->item_cnt + 1);
    struct batch_part *part = arena_array(arena, struct batch_part, batch->item_cnt + 1);
    int64_t ts_us = batch->ts_us != CQLEXEC_TS_NONE ? batch->ts_us : server_ts(exec);
    int err = 0;
    *result = (struct cqlexec_result){.kind = CQLEXEC_VOID};
    for (size_t i = 0; i < batch->item_cnt && !err; i++) {
        run[i] = (struct cqlrun){.exec = exec, .session = session, .request = &batch->item[i],
                                 .arena = arena, .rows = rows, .result = result, .ts_us = ts_us};
        err = batch_part(&run[i], &part[i]);
    }
    if (!err && batch->item_cnt) err = cqlmodify_batch(run, batch->item_cnt, batch->kind);
    if (!err && result->kind == CQLEXEC_ROWS) keep_columns(run);
    for (size_t i = 0; i < batch->item_cnt; i++)
        cqlplan_free(part[i].plan);
    return note_error(result, err);
}
