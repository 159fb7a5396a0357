/* cqlcond.c - lightweight transactions: conditions and answers. */
#include "store/cql/cqlcond.h"

#include "base/err.h"
#include "store/cql/cqlvalue.h"
#include "store/cql/cqlwhere.h"

/* The column of a condition, and the type its term is compared with. */
static int find(const struct cqlplan *plan, const struct cqlrel *rel, int *at,
                const struct cqltype **type) {
    const struct store_table *table = plan->table;
    *at = cqlwhere_find(table, rel->name[0]);
    if (*at < 0) return cqlwhere_undefined(table, rel->name[0]);
    const struct store_col *col = &table->col[*at];
    *type = col->type;
    if (col->kind == STORE_PKEY || col->kind == STORE_CKEY)
        return err_fail(ERR_INVAL, "PRIMARY KEY column '%.*s' cannot have IF conditions",
                        STR_ARG(col->name));
    if (rel->index) {
        if (col->type->kind != CQL_MAP && col->type->kind != CQL_LIST)
            return err_fail(ERR_INVAL, "Invalid element access syntax for non-collection column "
                            "%.*s", STR_ARG(col->name));
        *type = col->type->arg[col->type->kind == CQL_MAP];
    } else if (rel->field.ptr) {
        size_t i = 0;
        while (i < col->type->arg_cnt && col->type->kind == CQL_UDT &&
               !str_eq(col->type->field[i], rel->field))
            i++;
        if (col->type->kind != CQL_UDT || i == col->type->arg_cnt)
            return err_fail(ERR_INVAL, "Invalid field syntax for column %.*s: no field %.*s",
                            STR_ARG(col->name), STR_ARG(rel->field));
        *type = col->type->arg[i];
    }
    if (rel->op > CQLREL_IN)
        return err_fail(ERR_INVAL, "IF supports =, !=, <, <=, >, >= and IN");
    return 0;
}

static int eval_index(const struct cqlterm_env *env, const struct cqlrel *rel,
                      const struct store_col *col, struct str *out) {
    bool list = col->type->kind == CQL_LIST;
    *out = STR_NULL;
    if (!rel->index) return 0;
    struct cqlterm_for to = {list ? cqltype_scalar(CQL_INT) : col->type->arg[0],
                             arena_printf(env->arena, list ? "idx(%.*s)" : "key(%.*s)",
                                          STR_ARG(col->name))};
    int err = cqlterm_eval(env, rel->index, &to, out);
    if (!err && !out->ptr)
        err = err_fail(ERR_INVAL, "Invalid null value for %s element access",
                       list ? "list" : "map");
    return err;
}

/* What is to be compared with: one value, or those of IN. */
static int eval_values(const struct cqlterm_env *env, const struct cqlrel *rel,
                       const struct cqltype *type, struct str **out, size_t *cnt) {
    struct cqlterm_for to = {type, rel->name[0]};
    int err = 0;
    *cnt = rel->op == CQLREL_IN && !rel->in_mark ? rel->term->cnt : 1;
    *out = arena_array(env->arena, struct str, *cnt + 1);
    if (rel->op == CQLREL_IN && rel->in_mark) {
        const struct cqltype *list = cqltype_make(env->arena, CQL_LIST, false, &type, 1);
        to = (struct cqlterm_for){list, arena_printf(env->arena, "in(%.*s)",
                                                     STR_ARG(rel->name[0]))};
        err = cqlterm_eval(env, rel->term, &to, *out);
        if (err || cqlterm_is_unknown(**out)) return err;
        return cqlvalue_unpack(list, **out, env->arena, out, cnt);
    }
    for (size_t i = 0; i < *cnt && !err; i++) {
        const struct cqlterm *term = rel->op == CQLREL_IN ? rel->term->kid[i] : rel->term;
        err = cqlterm_eval(env, term, &to, &(*out)[i]);
        if (!err && cqlterm_is_unset((*out)[i]))
            err = err_fail(ERR_INVAL, "Invalid 'unset' value in condition");
    }
    return err;
}

int cqlcond_plan(const struct cqlplan *plan, const struct cqlterm_env *env) {
    const struct cqlast *ast = plan->ast;
    for (size_t i = 0; i < ast->cond_cnt; i++) {
        const struct cqltype *type;
        struct str *value, index;
        size_t cnt;
        int at, err = find(plan, &ast->cond[i], &at, &type);
        if (err || (err = eval_index(env, &ast->cond[i], &plan->table->col[at], &index)))
            return err;
        if ((err = eval_values(env, &ast->cond[i], type, &value, &cnt))) return err;
    }
    return 0;
}

/* ---- testing -------------------------------------------------------------------------------- */

static int part_of(const struct cqlterm_env *env, const struct cqlrel *rel,
                   const struct store_col *col, struct str whole, struct str *out) {
    struct str *item, index;
    size_t cnt;
    *out = whole;
    if (!rel->index && !rel->field.ptr) return 0;
    *out = STR_NULL;
    int err = eval_index(env, rel, col, &index);
    if (err || (err = cqlvalue_unpack(col->type, whole, env->arena, &item, &cnt))) return err;
    if (rel->field.ptr) {
        for (size_t i = 0; i < cnt; i++)
            if (str_eq(col->type->field[i], rel->field)) *out = item[i];
    } else if (col->type->kind == CQL_LIST) {
        struct rbuf in = rbuf_of_str(index);
        int32_t at = rbuf_i32(&in);
        if (at < 0) return err_fail(ERR_INVAL, "Invalid negative list index %d", at);
        if ((size_t)at < cnt) *out = item[at];
    } else {
        for (size_t i = 0; i + 1 < cnt; i += 2)
            if (cqltype_compare(col->type->arg[0], item[i], index) == 0) *out = item[i + 1];
    }
    return 0;
}

static bool compare(enum cqlrel_op op, const struct cqltype *type, struct str now,
                    struct str value) {
    if (!value.ptr || !now.ptr) {
        bool same = !value.ptr && !now.ptr;
        return op == CQLREL_NE ? !same : (op == CQLREL_EQ || op == CQLREL_IN) && same;
    }
    int cmp = cqltype_compare(type, now, value);
    switch (op) {
    case CQLREL_LT: return cmp < 0;
    case CQLREL_LE: return cmp <= 0;
    case CQLREL_GT: return cmp > 0;
    case CQLREL_GE: return cmp >= 0;
    case CQLREL_NE: return cmp != 0;
    default: return cmp == 0;
    }
}

static int holds_one(const struct cqlrun *run, const struct cqlrel *rel,
                     const struct store_row *row, bool *out) {
    const struct cqltype *type;
    struct str *value, now;
    size_t cnt;
    int at, err = find(run->plan, rel, &at, &type);
    if (err || (err = eval_values(&run->env, rel, type, &value, &cnt))) return err;
    const struct store_col *col = &run->plan->table->col[at];
    if ((err = part_of(&run->env, rel, col, row ? row->value[at] : STR_NULL, &now))) return err;
    *out = false;
    for (size_t i = 0; i < cnt; i++) {
        bool range = rel->op >= CQLREL_LT && rel->op <= CQLREL_GE;
        if (!value[i].ptr && range)
            return err_fail(ERR_INVAL, "Invalid comparison with null for operator in condition on "
                            "%.*s", STR_ARG(col->name));
        *out |= compare(rel->op, type, now, value[i]);
    }
    return 0;
}

int cqlcond_holds(const struct cqlrun *run, const struct store_row *row, bool *out) {
    const struct cqlast *ast = run->plan->ast;
    *out = ast->if_exists ? row != NULL : ast->if_not_exists ? row == NULL : true;
    for (size_t i = 0; i < ast->cond_cnt && *out; i++) {
        int err = holds_one(run, &ast->cond[i], row, out);
        if (err) return err;
    }
    return 0;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static void put_bool(struct buf *rows, bool value) {
    buf_i32(rows, 1);
    buf_i8(rows, value);
}

static bool shown(const struct cqlast *ast, const struct store_col *col) {
    if (ast->if_not_exists) return true;
    for (size_t i = 0; i < ast->cond_cnt; i++)
        if (str_eq(ast->cond[i].name[0], col->name)) return true;
    return false;
}

int cqlcond_answer(struct cqlrun *run, const struct store_row *row, bool applied) {
    const struct store_table *table = run->plan->table;
    struct cqlexec_result *result = run->result;
    struct cqlexec_col *col = arena_array(run->arena, struct cqlexec_col, table->col_cnt + 1);
    size_t cnt = 0;
    col[cnt++] = (struct cqlexec_col){table->keyspace, table->name, STR("[applied]"),
                                      cqltype_scalar(CQL_BOOLEAN)};
    put_bool(run->rows, applied);
    for (size_t i = 0; i < table->col_cnt && row && !applied; i++) {
        if (!shown(run->plan->ast, &table->col[i])) continue;
        col[cnt++] = (struct cqlexec_col){table->keyspace, table->name, table->col[i].name,
                                          table->col[i].type};
        buf_i32(run->rows, row->value[i].ptr ? (int32_t)row->value[i].len : -1);
        buf_puts(run->rows, row->value[i]);
    }
    result->kind = CQLEXEC_ROWS;
    result->row_cnt = 1;
    result->col = col;
    result->col_cnt = cnt;
    cqlplan_columns_id(col, cnt, result->meta_id);
    return run->rows->full ? err_fail(ERR_TOO_BIG, "the answer is too long") : 0;
}
