/* cqlmodify.c - INSERT, UPDATE, DELETE and BATCH.
 *
 * A statement becomes one write a row (and one for the static columns). Statements that must know
 * what is there - IF, parts of collections, counters - run with their partitions locked; the others
 * are blind. A batch is one commit. */
#include "base/err.h"
#include "store/cql/cqlchange.h"
#include "store/cql/cqlcond.h"
#include "store/cql/cqljson.h"
#include "store/cql/cqlplan.h"
#include "store/cql/cqlwhere.h"

#define TTL_MAX 630720000 /* 20 years */

/* ---- planning ------------------------------------------------------------------------------- */

static bool has_counters(const struct store_table *table) {
    for (size_t i = 0; i < table->col_cnt; i++)
        if (table->col[i].type->kind == CQL_COUNTER) return true;
    return false;
}

static void note_kind(struct cqlplan *plan, const struct store_col *col) {
    plan->on_static |= col->kind == STORE_STATIC;
    plan->on_row |= col->kind == STORE_REGULAR;
}

static int plan_insert_columns(struct cqlplan *plan, const struct cqlterm_env *env) {
    const struct cqlast *ast = plan->ast;
    plan->place = arena_array(&plan->arena, int, ast->col_cnt + 1u);
    for (size_t i = 0; i < ast->col_cnt; i++) {
        struct str value;
        int at = plan->place[i] = cqlwhere_find(plan->table, ast->col[i]);
        if (at < 0) return cqlwhere_undefined(plan->table, ast->col[i]);
        for (size_t k = 0; k < i; k++)
            if (plan->place[k] == at)
                return err_fail(ERR_INVAL, "The column names contains duplicates");
        const struct store_col *col = &plan->table->col[at];
        struct cqlterm_for to = {col->type, col->name};
        int err = cqlterm_eval(env, ast->value[i], &to, &value);
        if (err) return err;
        note_kind(plan, col);
    }
    return 0;
}

static bool names(const struct cqlplan *plan, size_t at) {
    for (size_t i = 0; i < plan->ast->col_cnt; i++)
        if (plan->place[i] == (int)at) return true;
    return false;
}

static int missing_ckeys(struct cqlplan *plan, const bool *named) {
    const struct store_table *table = plan->table;
    struct str list = STR("");
    for (size_t i = 0; i < table->ckey_cnt; i++)
        if (!named[i])
            list = arena_printf(&plan->arena, "%.*s%s%.*s", STR_ARG(list), list.len ? ", " : "",
                                STR_ARG(table->col[table->pkey_cnt + i].name));
    return err_fail(ERR_INVAL, "Some clustering keys are missing: %.*s", STR_ARG(list));
}

static int plan_insert_keys(struct cqlplan *plan) {
    const struct store_table *table = plan->table;
    size_t ckeys = 0;
    for (size_t i = 0; i < table->pkey_cnt; i++)
        if (!names(plan, i))
            return err_fail(ERR_INVAL, "Some partition key parts are missing: %.*s",
                            STR_ARG(table->col[i].name));
    for (size_t i = 0; i < table->ckey_cnt; i++)
        ckeys += names(plan, table->pkey_cnt + i);
    if (plan->on_static && !plan->on_row && !ckeys && table->ckey_cnt) return 0;
    plan->on_row = true;
    if (ckeys == table->ckey_cnt) return 0;
    bool *named = arena_array(&plan->arena, bool, table->ckey_cnt);
    for (size_t i = 0; i < table->ckey_cnt; i++)
        named[i] = names(plan, table->pkey_cnt + i);
    return missing_ckeys(plan, named);
}

static int plan_insert(struct cqlplan *plan, const struct cqlterm_env *env) {
    const struct cqlast *ast = plan->ast;
    if (has_counters(plan->table))
        return err_fail(ERR_INVAL, "INSERT statements are not allowed on counter tables, use "
                        "UPDATE instead");
    if (ast->json_value) {
        struct cqlterm_for to = {cqltype_scalar(CQL_TEXT), STR("[json]")};
        struct str json;
        return cqlterm_eval(env, ast->json_value, &to, &json);
    }
    int err = plan_insert_columns(plan, env);
    return err ? err : plan_insert_keys(plan);
}

static int plan_sets(struct cqlplan *plan, const struct cqlterm_env *env) {
    const struct cqlast *ast = plan->ast;
    bool del = ast->kind == CQLAST_DELETE;
    plan->place = arena_array(&plan->arena, int, ast->set_cnt + 1u);
    for (size_t i = 0; i < ast->set_cnt; i++) {
        const struct cqlset *set = &ast->set[i];
        struct cqlterm_for index, term;
        struct str value;
        int at = plan->place[i] = cqlwhere_find(plan->table, set->name);
        if (at < 0) return cqlwhere_undefined(plan->table, set->name);
        const struct store_col *col = &plan->table->col[at];
        if (col->kind == STORE_PKEY || col->kind == STORE_CKEY)
            return err_fail(ERR_INVAL,
                            del ? "Invalid identifier %.*s for deletion (should not be a PRIMARY "
                                  "KEY part)"
                                : "PRIMARY KEY part %.*s found in SET part",
                            STR_ARG(col->name));
        for (size_t k = 0; k < i && set->op == CQLSET_PUT && !del; k++)
            if (plan->place[k] == at)
                return err_fail(ERR_SYNTAX, "Multiple incompatible setting of column %.*s",
                                STR_ARG(col->name));
        int err = cqlchange_types(env, set, col, del, &index, &term);
        if (!err && set->index) err = cqlterm_eval(env, set->index, &index, &value);
        if (!err && set->term) err = cqlterm_eval(env, set->term, &term, &value);
        if (err) return err;
        note_kind(plan, col);
        plan->reads |= cqlchange_reads(set);
    }
    return 0;
}

static int plan_rows(struct cqlplan *plan, const struct cqlterm_env *env) {
    const struct cqlast *ast = plan->ast;
    const struct store_table *table = plan->table;
    bool del = ast->kind == CQLAST_DELETE;
    struct cqlwhere where;
    int err = cqlwhere_make(env, table, ast->where, ast->where_cnt,
                            del ? CQLWHERE_DELETE : CQLWHERE_UPDATE, &where);
    if (err) return err;
    bool only_static = plan->on_static && !plan->on_row;
    if (only_static && where.ckey_used && !plan->conditional && !del)
        return err_fail(ERR_INVAL, "Invalid restrictions on clustering columns since the UPDATE "
                        "statement modifies only static columns");
    bool range = where.missing_ckey.ptr != NULL;
    bool sliced = where.span_cnt && (where.span[0].lo.ptr || where.span[0].hi.ptr);
    if (!del && sliced)
        return err_fail(ERR_INVAL, "Slice restrictions are not supported on the clustering columns "
                        "in UPDATE statements");
    if (range && del && ast->set_cnt && !only_static)
        return err_fail(ERR_INVAL, "Range deletions are not supported for specific columns");
    if (range && !del && !only_static) {
        bool *named = arena_array(&plan->arena, bool, table->ckey_cnt);
        for (size_t i = 0; i < where.test_cnt; i++)
            if (table->col[where.test[i].col[0]].kind == STORE_CKEY)
                named[where.test[i].col[0] - table->pkey_cnt] = true;
        return missing_ckeys(plan, named);
    }
    if (plan->conditional && where.pkey_in)
        return err_fail(ERR_INVAL, "IN on the partition key is not supported with conditional %s",
                        del ? "deletions" : "updates");
    if (plan->conditional && range && !only_static)
        return err_fail(ERR_INVAL, "DELETE statements must restrict all PRIMARY KEY columns with "
                        "equality relations in order to delete non static columns");
    return 0;
}

int cqlmodify_plan(struct cqlplan *plan, const struct cqlterm_env *env) {
    const struct cqlast *ast = plan->ast;
    int64_t n;
    bool set;
    plan->conditional = ast->if_exists || ast->if_not_exists || ast->cond_cnt;
    if (plan->conditional && ast->timestamp)
        return err_fail(ERR_INVAL, "Cannot provide custom timestamp for conditional updates");
    if (has_counters(plan->table) && (ast->timestamp || ast->ttl))
        return err_fail(ERR_INVAL, "Cannot provide custom %s for counter updates",
                        ast->timestamp ? "timestamp" : "TTL");
    int err = ast->kind == CQLAST_INSERT ? plan_insert(plan, env) : plan_sets(plan, env);
    if (!err && ast->kind != CQLAST_INSERT) err = plan_rows(plan, env);
    if (!err) err = cqlcond_plan(plan, env);
    if (!err) err = cqlterm_int(env, ast->timestamp, "[timestamp]", true, &n, &set);
    if (!err) err = cqlterm_int(env, ast->ttl, "[ttl]", false, &n, &set);
    return err;
}

/* ---- one statement's parts ------------------------------------------------------------------ */

struct target { /* what one statement writes to */
    const struct str *pkey;
    const struct cqlwhere_span *span;
};
struct modify {
    struct cqlrun *run;
    const struct cqlplan *plan;
    const struct store_table *table;
    struct target *target;
    size_t target_cnt;
    struct str *value; /* INSERT: by column; cqlexec_unset where none was given */
    int64_t ts_us;
    int32_t ttl_s;
    struct store_cell *cell; /* room for one write */
};

static int get_times(struct modify *m) {
    const struct cqlast *ast = m->plan->ast;
    int64_t n;
    bool set;
    int err = cqlterm_int(&m->run->env, ast->timestamp, "[timestamp]", true, &n, &set);
    if (err) return err;
    if (set && n == INT64_MIN)
        return err_fail(ERR_INVAL, "Out of bound timestamp, must be in [%" PRId64 ", %" PRId64 "]",
                        INT64_MIN + 1, INT64_MAX);
    m->ts_us = set ? n : m->run->ts_us;
    m->ttl_s = m->table->default_ttl_s;
    if ((err = cqlterm_int(&m->run->env, ast->ttl, "[ttl]", false, &n, &set)) || !set) return err;
    if (n < 0)
        return err_fail(ERR_INVAL, "A TTL must be greater or equal to 0, but was %" PRId64, n);
    if (n > TTL_MAX)
        return err_fail(ERR_INVAL, "ttl is too large. requested (%" PRId64 ") maximum (%d)", n,
                        TTL_MAX);
    m->ttl_s = (int32_t)n;
    return 0;
}

static int check_key_part(const struct store_col *col, struct str value) {
    if (cqlterm_is_unset(value))
        return err_fail(ERR_INVAL, "Invalid unset value for column %.*s", STR_ARG(col->name));
    if (!value.ptr)
        return err_fail(ERR_INVAL, "Invalid null value in condition for column %.*s",
                        STR_ARG(col->name));
    return 0;
}

/* ---- INSERT's values ------------------------------------------------------------------------ */

struct json_values {
    struct modify *m;
    bool *seen;
};

static int json_member(void *arg, struct str name, struct str value) {
    struct json_values *json = arg;
    const struct store_table *table = json->m->table;
    struct arena *arena = json->m->run->arena;
    if (name.len > 1 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"') {
        name = (struct str){name.ptr + 1, name.len - 2};
    } else {
        char *low = arena_bytes(arena, name.len + 1);
        for (size_t i = 0; i < name.len; i++)
            low[i] = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] + 32
                                                                     : name.ptr[i]);
        name.ptr = low;
    }
    int at = cqlwhere_find(table, name);
    if (at < 0)
        return err_fail(ERR_INVAL, "JSON values map contains unrecognized column: %.*s",
                        STR_ARG(name));
    json->seen[at] = true;
    int err = cqljson_parse(table->col[at].type, value, arena, &json->m->value[at]);
    return err ? err_add(err, "Error decoding JSON value for %.*s", STR_ARG(name)) : 0;
}

static int json_values(struct modify *m) {
    const struct cqlast *ast = m->plan->ast;
    struct cqlterm_for to = {cqltype_scalar(CQL_TEXT), STR("[json]")};
    struct str json;
    struct json_values values = {m, arena_array(m->run->arena, bool, m->table->col_cnt)};
    int err = cqlterm_eval(&m->run->env, ast->json_value, &to, &json);
    if (err) return err;
    if (!json.ptr || cqlterm_is_unset(json))
        return err_fail(ERR_INVAL, "Got null for INSERT JSON values");
    err = cqljson_object(json, m->run->arena, json_member, &values);
    for (size_t i = 0; i < m->table->col_cnt && !err; i++)
        if (!values.seen[i] && !ast->default_unset) m->value[i] = STR_NULL;
    return err;
}

static int insert_values(struct modify *m) {
    const struct cqlast *ast = m->plan->ast;
    const struct store_table *table = m->table;
    int err = 0;
    m->value = arena_array(m->run->arena, struct str, table->col_cnt + 1);
    for (size_t i = 0; i < table->col_cnt; i++)
        m->value[i] = cqlexec_unset;
    if (ast->json_value && (err = json_values(m))) return err;
    for (size_t i = 0; i < ast->col_cnt && !err; i++) {
        const struct store_col *col = &table->col[m->plan->place[i]];
        struct cqlterm_for to = {col->type, col->name};
        err = cqlterm_eval(&m->run->env, ast->value[i], &to, &m->value[m->plan->place[i]]);
    }
    return err;
}

static int insert_target(struct modify *m) {
    const struct store_table *table = m->table;
    size_t keys = table->pkey_cnt + table->ckey_cnt;
    bool row = m->plan->on_row || m->plan->ast->json_value;
    struct cqlwhere_span *span = arena_new(m->run->arena, struct cqlwhere_span);
    int err = insert_values(m);
    for (size_t i = 0; i < keys && !err; i++)
        if (row || i < table->pkey_cnt) err = check_key_part(&table->col[i], m->value[i]);
    if (err) return err;
    if (table->pkey_cnt == 1 && !m->value[0].len)
        return err_fail(ERR_INVAL, "Key may not be empty");
    span->eq = m->value + table->pkey_cnt;
    span->eq_cnt = row ? table->ckey_cnt : 0;
    m->target = arena_new(m->run->arena, struct target);
    *m->target = (struct target){m->value, span};
    m->target_cnt = 1;
    return 0;
}

/* Every combination of key and span. */
static int where_targets(struct modify *m) {
    const struct cqlast *ast = m->plan->ast;
    struct cqlwhere *where = arena_new(m->run->arena, struct cqlwhere);
    int err = cqlwhere_make(&m->run->env, m->table, ast->where, ast->where_cnt,
                            ast->kind == CQLAST_DELETE ? CQLWHERE_DELETE : CQLWHERE_UPDATE, where);
    if (err) return err;
    if (where->span_cnt && where->pkey_cnt > CQLWHERE_KEY_MAX / where->span_cnt)
        return err_fail(ERR_INVAL, "IN asks for more than %d rows", CQLWHERE_KEY_MAX);
    m->target = arena_array(m->run->arena, struct target, where->pkey_cnt * where->span_cnt + 1);
    for (size_t i = 0; i < where->pkey_cnt; i++)
        for (size_t k = 0; k < where->span_cnt; k++)
            m->target[m->target_cnt++] = (struct target){where->pkey[i], &where->span[k]};
    return 0;
}

static int modify_start(struct modify *m, struct cqlrun *run) {
    *m = (struct modify){.run = run, .plan = run->plan, .table = run->plan->table};
    m->cell = arena_array(run->arena, struct store_cell, m->table->col_cnt + 1);
    int err = get_times(m);
    if (err) return err;
    return m->plan->ast->kind == CQLAST_INSERT ? insert_target(m) : where_targets(m);
}

/* ---- reading what is there ------------------------------------------------------------------ */

/* The row of a target, or its partition's static part; *found false: neither lives. */
static int read_row(const struct modify *m, const struct target *target, bool only_static,
                    struct store_row *row, bool *found) {
    struct store_range range = {.pkey = target->pkey, .ckey_eq = target->span->eq,
                                .ckey_eq_cnt = target->span->eq_cnt};
    struct store_scan *scan;
    if (only_static) range.ckey_eq_cnt = 0;
    int err = store_scan_open(m->run->exec->store, m->table, &range, STR_NULL, &scan);
    if (err) return err;
    err = store_scan_next(scan, m->run->arena, row, found);
    store_scan_close(scan);
    return err;
}

/* For conditions: the row; where it is not, the static columns alone. */
static int read_for_conditions(const struct modify *m, const struct target *target,
                               struct store_row *row, bool *row_found, bool *static_found) {
    const struct store_table *table = m->table;
    bool has_static = false, whole = target->span->eq_cnt == table->ckey_cnt;
    for (size_t i = 0; i < table->col_cnt; i++)
        has_static |= table->col[i].kind == STORE_STATIC;
    *row_found = *static_found = false;
    int err = whole ? read_row(m, target, false, row, row_found) : 0;
    if (err || *row_found || !has_static) return err;
    err = read_row(m, target, true, row, static_found);
    if (err || !*static_found) return err;
    struct str *value = arena_array(m->run->arena, struct str, table->col_cnt);
    *static_found = false;
    for (size_t i = 0; i < table->col_cnt; i++) {
        bool kept = table->col[i].kind != STORE_REGULAR && (table->col[i].kind != STORE_CKEY ||
                                                            !target->span->eq_cnt);
        if (kept) value[i] = row->value[i];
        *static_found |= table->col[i].kind == STORE_STATIC && value[i].ptr;
    }
    row->value = value;
    return 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int put(const struct modify *m, struct store_tx *tx, const struct target *target,
               struct store_write *write) {
    write->pkey = target->pkey;
    write->cell = m->cell;
    write->ts_us = m->ts_us;
    write->ttl_s = write->kind <= STORE_UPDATE ? m->ttl_s : 0;
    return store_write(tx, m->table, write);
}

/* INSERT's cells of one kind of columns into m->cell. */
static size_t insert_cells(const struct modify *m, enum store_kind kind) {
    const struct store_table *table = m->table;
    size_t cnt = 0;
    for (size_t i = table->pkey_cnt + table->ckey_cnt; i < table->col_cnt; i++) {
        const struct store_col *col = &table->col[i];
        if (col->kind != kind || cqlterm_is_unset(m->value[i])) continue;
        struct str value = m->value[i];
        m->cell[cnt++] = (struct store_cell){
            col->id, cqlchange_is_empty(col->type, value) ? STR_NULL : value};
    }
    return cnt;
}

static int write_insert(const struct modify *m, struct store_tx *tx) {
    const struct target *target = &m->target[0];
    struct store_write write = {.kind = STORE_UPDATE};
    write.cell_cnt = insert_cells(m, STORE_STATIC);
    int err = write.cell_cnt ? put(m, tx, target, &write) : 0;
    if (err || target->span->eq_cnt < m->table->ckey_cnt) return err;
    write = (struct store_write){.kind = STORE_INSERT, .ckey = target->span->eq,
                                 .ckey_cnt = target->span->eq_cnt};
    write.cell_cnt = insert_cells(m, STORE_REGULAR);
    return put(m, tx, target, &write);
}

/* The values that an assignment leaves; *skip: its term is unset. */
static int new_value(const struct modify *m, size_t i, struct str now, struct str *out,
                     bool *skip) {
    const struct cqlset *set = &m->plan->ast->set[i];
    const struct store_col *col = &m->table->col[m->plan->place[i]];
    struct cqlterm_for index, term;
    struct str operand[2] = {STR_NULL, STR_NULL};
    bool del = m->plan->ast->kind == CQLAST_DELETE;
    int err = cqlchange_types(&m->run->env, set, col, del, &index, &term);
    if (!err && set->index) err = cqlterm_eval(&m->run->env, set->index, &index, &operand[0]);
    if (!err && set->term) err = cqlterm_eval(&m->run->env, set->term, &term, &operand[1]);
    if (err) return err;
    *skip = cqlterm_is_unset(operand[1]);
    if (*skip) return 0;
    if (cqlterm_is_unset(operand[0]))
        return err_fail(ERR_INVAL, "Invalid unset value for %.*s", STR_ARG(index.name));
    *out = operand[1];
    if (set->op != CQLSET_PUT) {
        bool sum = set->op == CQLSET_ADD || set->op == CQLSET_PREPEND || set->op == CQLSET_REMOVE;
        if (sum && !operand[1].ptr && col->type->kind == CQL_COUNTER)
            return err_fail(ERR_INVAL, "Invalid null value for counter increment");
        err = cqlchange_apply(m->run->arena, set, col, now, operand, out);
    }
    if (!err && cqlchange_is_empty(col->type, *out)) *out = STR_NULL;
    return err;
}

/* UPDATE, or DELETE of columns, for one target: the cells of one kind of columns. Several
 * assignments may change parts of the same column: each sees the one before. */
static int set_cells(const struct modify *m, const struct store_row *row, enum store_kind kind,
                     size_t *cnt) {
    *cnt = 0;
    for (size_t i = 0; i < m->plan->ast->set_cnt; i++) {
        int at = m->plan->place[i];
        const struct store_col *col = &m->table->col[at];
        struct str now = row ? row->value[at] : STR_NULL, value;
        size_t k = 0;
        bool skip;
        if (col->kind != kind) continue;
        while (k < *cnt && m->cell[k].col != col->id)
            k++;
        if (k < *cnt) now = m->cell[k].value;
        int err = new_value(m, i, now, &value, &skip);
        if (err) return err;
        if (skip) continue;
        m->cell[k] = (struct store_cell){col->id, value};
        if (k == *cnt) ++*cnt;
    }
    return 0;
}

static int write_sets(const struct modify *m, struct store_tx *tx, const struct target *target) {
    bool found = false;
    struct store_row row;
    struct store_write write = {.kind = STORE_UPDATE};
    int err = 0;
    if (m->plan->reads && m->plan->on_row) err = read_row(m, target, false, &row, &found);
    if (!err && m->plan->reads && !found && m->plan->on_static)
        err = read_row(m, target, true, &row, &found);
    if (!err) err = set_cells(m, found ? &row : NULL, STORE_STATIC, &write.cell_cnt);
    if (!err && write.cell_cnt) err = put(m, tx, target, &write);
    if (err || !m->plan->on_row) return err;
    if ((err = set_cells(m, found ? &row : NULL, STORE_REGULAR, &write.cell_cnt))) return err;
    write.ckey = target->span->eq;
    write.ckey_cnt = target->span->eq_cnt;
    write.kind = STORE_UPDATE;
    return write.cell_cnt ? put(m, tx, target, &write) : 0;
}

/* DELETE of a row, of a span of rows or of a partition. */
static int write_delete(const struct modify *m, struct store_tx *tx, const struct target *target) {
    const struct cqlwhere_span *span = target->span;
    struct store_write write = {.kind = STORE_DELETE_RANGE, .ckey = span->eq,
                                .ckey_cnt = span->eq_cnt, .lo = span->lo, .hi = span->hi,
                                .lo_open = span->lo_open, .hi_open = span->hi_open};
    if (span->eq_cnt == m->table->ckey_cnt) write.kind = STORE_DELETE_ROW;
    else if (!span->eq_cnt && !span->lo.ptr && !span->hi.ptr) write.kind = STORE_DELETE_PARTITION;
    return put(m, tx, target, &write);
}

static int write_all(const struct modify *m, struct store_tx *tx) {
    const struct cqlast *ast = m->plan->ast;
    int err = 0;
    if (ast->kind == CQLAST_INSERT) return write_insert(m, tx);
    for (size_t i = 0; i < m->target_cnt && !err; i++)
        err = ast->set_cnt ? write_sets(m, tx, &m->target[i]) : write_delete(m, tx, &m->target[i]);
    return err;
}

/* ---- running -------------------------------------------------------------------------------- */

static uint64_t stripes_of(const struct modify *m) {
    uint64_t bits = 0;
    for (size_t i = 0; i < m->target_cnt; i++)
        bits |= UINT64_C(1) << ((uint64_t)store_token(m->table, m->target[i].pkey) %
                                CQLPLAN_LOCK_CNT);
    return bits;
}

static void lock_stripes(struct cqlexec *exec, uint64_t bits, bool lock) {
    for (int i = 0; i < CQLPLAN_LOCK_CNT; i++) {
        if (!(bits >> i & 1)) continue;
        CHECK((lock ? pthread_mutex_lock(&exec->lock[i]) : pthread_mutex_unlock(&exec->lock[i])) ==
              0);
    }
}

/* Does the statement's IF hold? *row: what it was tested on, NULL when there is nothing. */
static int test(const struct modify *m, struct store_row *room, const struct store_row **row,
                bool *holds) {
    bool row_found, static_found;
    const struct cqlast *ast = m->plan->ast;
    *row = NULL;
    *holds = true;
    if (!m->plan->conditional || !m->target_cnt) return 0;
    int err = read_for_conditions(m, &m->target[0], room, &row_found, &static_found);
    if (err) return err;
    bool whole = m->target[0].span->eq_cnt == m->table->ckey_cnt;
    bool exists = row_found || (static_found && (!whole || ast->cond_cnt));
    *row = exists ? room : NULL;
    return cqlcond_holds(m->run, *row, holds);
}

static int run_locked(struct modify *m, size_t cnt, bool conditional) {
    struct store_tx *tx;
    struct store_row room;
    const struct store_row *row = NULL;
    bool holds = true;
    int err = 0;
    size_t at = 0;
    for (; at < cnt && holds && !err && conditional; at++)
        err = test(&m[at], &room, &row, &holds);
    if (err) return err;
    if (!holds) return cqlcond_answer(m[at - 1].run, row, false);
    if ((err = store_begin(m->run->exec->store, &tx))) return err;
    for (size_t i = 0; i < cnt && !err; i++)
        err = write_all(&m[i], tx);
    if (err) {
        store_abort(tx);
        return err;
    }
    err = store_commit(tx);
    return err || !conditional ? err : cqlcond_answer(m->run, NULL, true);
}

/* Server time that never goes back, for writes that depend on what was there. */
static int64_t rising_ts(struct cqlexec *exec) {
    int64_t now = env_now_us(exec->env), was = atomic_load(&exec->last_ts_us), next;
    do {
        next = MAX(now, was + 1);
    } while (!atomic_compare_exchange_weak(&exec->last_ts_us, &was, next));
    return next;
}

static int run_many(struct cqlrun *run, size_t cnt) {
    struct modify *m = arena_array(run->arena, struct modify, cnt + 1);
    uint64_t bits = 0;
    bool conditional = false;
    int err = 0;
    if (!cnt) return 0;
    for (size_t i = 0; i < cnt && !err; i++) {
        err = modify_start(&m[i], &run[i]);
        conditional |= run[i].plan->conditional;
        if (!err && (run[i].plan->reads || run[i].plan->conditional)) bits |= stripes_of(&m[i]);
    }
    if (err) return err;
    lock_stripes(run->exec, bits, true);
    for (size_t i = 0; i < cnt; i++) { /* under the lock: later than what it will replace */
        bool counter = run[i].plan->reads && has_counters(m[i].table);
        if (conditional || counter) m[i].ts_us = rising_ts(run->exec);
    }
    for (size_t i = 1; i < cnt && conditional; i++)
        m[i].ts_us = m[0].ts_us;
    err = run_locked(m, cnt, conditional);
    lock_stripes(run->exec, bits, false);
    return err;
}

int cqlmodify_run(struct cqlrun *run) {
    run->result->kind = CQLEXEC_VOID;
    return run_many(run, 1);
}

int cqlmodify_batch(struct cqlrun *run, size_t cnt, enum cqlexec_batch_kind kind) {
    const struct store_table *first = NULL;
    for (size_t i = 0; i < cnt; i++) {
        const struct cqlplan *plan = run[i].plan;
        bool counters = has_counters(plan->table);
        if (counters && kind == CQLEXEC_LOGGED)
            return err_fail(ERR_INVAL, "Cannot include a counter statement in a logged batch");
        if (!counters && kind == CQLEXEC_COUNTER)
            return err_fail(ERR_INVAL, "Cannot include non-counter statement in a counter batch");
        if (!plan->conditional) continue;
        if (first && (first->number != plan->table->number))
            return err_fail(ERR_INVAL, "Batch with conditions cannot span multiple tables");
        first = plan->table;
    }
    run->result->kind = CQLEXEC_VOID;
    return run_many(run, cnt);
}
