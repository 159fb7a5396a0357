/* cqlwhere.c - relations into keys, spans and tests.
 *
 * Every relation becomes a test. Equalities and INs of all partition key columns become keys;
 * equalities and INs of the first clustering columns, and the bounds of the next, become spans; the
 * tests these see to are marked covered. */
#include "store/cql/cqlwhere.h"

#include "base/err.h"
#include "store/cql/cqlvalue.h"

#include <stdlib.h>

int cqlwhere_find(const struct store_table *table, struct str name) {
    for (size_t i = 0; i < table->col_cnt; i++)
        if (str_eq(table->col[i].name, name)) return (int)i;
    return -1;
}

int cqlwhere_undefined(const struct store_table *table, struct str name) {
    return err_fail(ERR_INVAL, "Undefined column name %.*s in table %.*s.%.*s", STR_ARG(name),
                    STR_ARG(table->keyspace), STR_ARG(table->name));
}

/* ---- one relation -> one test --------------------------------------------------------------- */

struct maker {
    const struct cqlterm_env *env;
    const struct store_table *table;
    struct cqlwhere *out;
    struct cqlwhere_test *test;
    size_t cnt;
};

static int no_null(struct str value, struct str name) {
    if (cqlterm_is_unset(value))
        return err_fail(ERR_INVAL, "Invalid unset value for column %.*s", STR_ARG(name));
    if (!value.ptr)
        return err_fail(ERR_INVAL, "Invalid null value in condition for column %.*s",
                        STR_ARG(name));
    return 0;
}

static int eval_one(struct maker *m, const struct cqlterm *term, const struct cqltype *type,
                    struct str name, struct str *out) {
    struct cqlterm_for to = {type, name};
    int err = cqlterm_eval(m->env, term, &to, out);
    return err ? err : no_null(*out, name);
}

/* The values of IN (a, b) or of IN ?. */
static int eval_in(struct maker *m, const struct cqlrel *rel, const struct cqltype *type,
                   struct str name, struct cqlwhere_test *test) {
    struct arena *arena = m->env->arena;
    struct str *value;
    int err = 0;
    if (!rel->in_mark) {
        value = arena_array(arena, struct str, rel->term->cnt + 1u);
        for (size_t i = 0; i < rel->term->cnt && !err; i++)
            err = eval_one(m, rel->term->kid[i], type, name, &value[i]);
        test->value = value;
        test->value_cnt = rel->term->cnt;
        return err;
    }
    const struct cqltype *list = cqltype_make(arena, CQL_LIST, false, &type, 1);
    struct str whole, as = arena_printf(arena, "in(%.*s)", STR_ARG(name));
    if ((err = eval_one(m, rel->term, list, as, &whole))) return err;
    value = arena_array(arena, struct str, 1);
    value[0] = whole;
    test->value_cnt = 1;
    if (!cqlterm_is_unknown(whole))
        err = cqlvalue_unpack(list, whole, arena, &value, &test->value_cnt);
    test->value = value;
    return err;
}

/* token(a, b) as a term. */
static int eval_token(struct maker *m, const struct cqlterm *term, struct str *out) {
    bool call = term->kind == CQLTERM_CALL && str_eqz(term->text, "token");
    const struct store_table *table = m->table;
    if (!call)
        return eval_one(m, term, cqltype_scalar(CQL_BIGINT), STR("partition key token"), out);
    struct str *key = arena_array(m->env->arena, struct str, table->pkey_cnt);
    bool known = true;
    if (term->cnt != table->pkey_cnt)
        return err_fail(ERR_INVAL, "Invalid number of arguments in call to function system.token: "
                        "%zu required but %u provided", table->pkey_cnt, term->cnt);
    for (size_t i = 0; i < table->pkey_cnt; i++) {
        int err = eval_one(m, term->kid[i], table->col[i].type, table->col[i].name, &key[i]);
        if (err) return err;
        known &= !cqlterm_is_unknown(key[i]);
    }
    *out = cqlterm_unknown;
    if (!known) return 0;
    int64_t token = store_token(table, key);
    char *bytes = arena_bytes(m->env->arena, 8);
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)((uint64_t)token >> (56 - 8 * i));
    *out = (struct str){bytes, 8};
    return 0;
}

static int make_token(struct maker *m, const struct cqlrel *rel, struct cqlwhere_test *test) {
    struct str *value = arena_array(m->env->arena, struct str, 1);
    for (size_t i = 0; i < rel->name_cnt; i++)
        if (test->col[i] < m->table->pkey_cnt && test->col[i] != i)
            return err_fail(ERR_INVAL, "The token function arguments must be in the partition key "
                            "order: %.*s", STR_ARG(m->table->col[0].name));
    if (rel->name_cnt != m->table->pkey_cnt || test->col[0] != 0)
        return err_fail(ERR_INVAL, "The token() function must be applied to all partition key "
                        "components or none of them");
    if (rel->op == CQLREL_IN || rel->op >= CQLREL_NE)
        return err_fail(ERR_INVAL, "IN, != and CONTAINS are not supported on token()");
    test->token = true;
    test->value = value;
    test->value_cnt = 1;
    return eval_token(m, rel->term, &value[0]);
}

/* One tuple of values, from a literal or a marker. */
static int eval_tuple(struct maker *m, const struct cqlterm *term, const struct cqlwhere_test *test,
                      struct str *out) {
    struct arena *arena = m->env->arena;
    const struct cqltype **arg = arena_array(arena, const struct cqltype *, test->col_cnt);
    for (size_t i = 0; i < test->col_cnt; i++)
        arg[i] = m->table->col[test->col[i]].type;
    if (term->kind == CQLTERM_TUPLE) {
        if (term->cnt != test->col_cnt)
            return err_fail(ERR_INVAL, "Expected %u elements in value tuple, but got %u",
                            test->col_cnt, term->cnt);
        for (size_t i = 0; i < test->col_cnt; i++) {
            int err = eval_one(m, term->kid[i], arg[i], m->table->col[test->col[i]].name, &out[i]);
            if (err) return err;
        }
        return 0;
    }
    const struct cqltype *type = cqltype_make(arena, CQL_TUPLE, true, arg, test->col_cnt);
    struct str whole, *item;
    size_t cnt;
    int err = eval_one(m, term, type, STR("(...)"), &whole);
    if (err) return err;
    for (size_t i = 0; i < test->col_cnt; i++)
        out[i] = cqlterm_unknown;
    if (cqlterm_is_unknown(whole)) return 0;
    if ((err = cqlvalue_unpack(type, whole, arena, &item, &cnt))) return err;
    for (size_t i = 0; i < test->col_cnt && !err; i++) {
        out[i] = item[i];
        err = no_null(item[i], m->table->col[test->col[i]].name);
    }
    return err;
}

static int make_tuple(struct maker *m, const struct cqlrel *rel, struct cqlwhere_test *test) {
    size_t cnt = rel->op == CQLREL_IN && !rel->in_mark ? rel->term->cnt : 1;
    struct str *value = arena_array(m->env->arena, struct str, cnt * test->col_cnt + 1);
    int err = 0;
    test->tuple = true;
    for (size_t i = 0; i < test->col_cnt; i++) {
        const struct store_col *col = &m->table->col[test->col[i]];
        if (col->kind != STORE_CKEY)
            return err_fail(ERR_INVAL, "Multi-column relations can only be applied to clustering "
                            "columns but was applied to: %.*s", STR_ARG(col->name));
        if (i && test->col[i] != test->col[i - 1] + 1)
            return err_fail(ERR_INVAL, "Clustering columns must appear in the PRIMARY KEY order in "
                            "multi-column relations: %.*s", STR_ARG(rel->text));
    }
    if (rel->in_mark)
        return err_fail(ERR_UNSUPPORTED, "IN with one marker for a list of tuples is not "
                        "supported");
    for (size_t i = 0; i < cnt && !err; i++)
        err = eval_tuple(m, rel->op == CQLREL_IN ? rel->term->kid[i] : rel->term, test,
                         value + i * test->col_cnt);
    test->value = value;
    test->value_cnt = cnt;
    return err;
}

static int make_contains(struct maker *m, const struct cqlrel *rel, const struct store_col *col,
                         struct str *value) {
    bool key = rel->op == CQLREL_CONTAINS_KEY;
    enum cqltype_kind kind = col->type->kind;
    if (key ? kind != CQL_MAP : kind != CQL_LIST && kind != CQL_SET && kind != CQL_MAP)
        return err_fail(ERR_INVAL, "Cannot use CONTAINS%s on non-%s column %.*s", key ? " KEY" : "",
                        key ? "map" : "collection", STR_ARG(col->name));
    const struct cqltype *item = col->type->arg[kind == CQL_MAP && !key];
    struct str as = arena_printf(m->env->arena, key ? "key(%.*s)" : "value(%.*s)",
                                 STR_ARG(col->name));
    return eval_one(m, rel->term, item, as, value);
}

static int make_index(struct maker *m, const struct cqlrel *rel, const struct store_col *col,
                      struct cqlwhere_test *test, struct str *value) {
    if (col->type->kind != CQL_MAP)
        return err_fail(ERR_INVAL, "Column %.*s cannot be used as a map", STR_ARG(col->name));
    test->has_index = true;
    int err = eval_one(m, rel->index, col->type->arg[0], col->name, &test->index);
    return err ? err : eval_one(m, rel->term, col->type->arg[1], col->name, value);
}

static const char *op_sign(enum cqlrel_op op) {
    static const char *const signs[] = {"=", "<", "<=", ">", ">=", "!=", "IN"};
    return (size_t)op < ARRAY_LEN(signs) ? signs[op] : "?";
}

static int make_single(struct maker *m, const struct cqlrel *rel, struct cqlwhere_test *test) {
    const struct store_col *col = &m->table->col[test->col[0]];
    struct str *value = arena_array(m->env->arena, struct str, 1);
    test->value = value;
    test->value_cnt = 1;
    if (rel->op == CQLREL_LIKE)
        return err_fail(ERR_INVAL, "LIKE restriction is only supported on properly indexed "
                        "columns. %.*s is not valid.", STR_ARG(rel->text));
    if (rel->op == CQLREL_NOT_NULL)
        return err_fail(ERR_INVAL, "restriction '%.*s IS NOT NULL' is only supported in "
                        "materialized view creation", STR_ARG(col->name));
    if (rel->op == CQLREL_NE)
        return err_fail(ERR_INVAL, "Unsupported \"!=\" relation: %.*s", STR_ARG(rel->text));
    if (rel->index) return make_index(m, rel, col, test, value);
    if (rel->op == CQLREL_IN) return eval_in(m, rel, col->type, col->name, test);
    if (rel->op == CQLREL_CONTAINS || rel->op == CQLREL_CONTAINS_KEY)
        return make_contains(m, rel, col, value);
    if (cqltype_is_multi(col->type))
        return err_fail(ERR_INVAL, "Collection column '%.*s' (%s) cannot be restricted by a '%s' "
                        "relation", STR_ARG(col->name), cqlterm_type_text(m->env, col->type),
                        op_sign(rel->op));
    return eval_one(m, rel->term, col->type, col->name, value);
}

static int make_test(struct maker *m, const struct cqlrel *rel) {
    struct cqlwhere_test *test = &m->test[m->cnt++];
    uint16_t *at = arena_array(m->env->arena, uint16_t, rel->name_cnt);
    *test = (struct cqlwhere_test){.op = rel->op, .col = at, .col_cnt = rel->name_cnt};
    for (size_t i = 0; i < rel->name_cnt; i++) {
        int found = cqlwhere_find(m->table, rel->name[i]);
        if (found < 0) return cqlwhere_undefined(m->table, rel->name[i]);
        at[i] = (uint16_t)found;
    }
    if (rel->token) return make_token(m, rel, test);
    return rel->tuple ? make_tuple(m, rel, test) : make_single(m, rel, test);
}

/* (a, b) = (1, 2) is a = 1 AND b = 2. */
static void split_equal_tuples(struct maker *m) {
    size_t cnt = m->cnt;
    for (size_t i = 0; i < cnt; i++) {
        struct cqlwhere_test *test = &m->test[i];
        if (!test->tuple || test->op != CQLREL_EQ) continue;
        for (size_t k = 1; k < test->col_cnt; k++)
            m->test[m->cnt++] = (struct cqlwhere_test){.op = CQLREL_EQ, .col = test->col + k,
                                                       .col_cnt = 1, .value = test->value + k,
                                                       .value_cnt = 1};
        test->tuple = false;
        test->col_cnt = 1;
    }
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* The relation that fixes the column, = or IN; more than one with an = is an error. */
static int fixing(struct maker *m, size_t col, struct cqlwhere_test **out) {
    size_t others = 0;
    bool range = false;
    *out = NULL;
    for (size_t i = 0; i < m->cnt; i++) {
        struct cqlwhere_test *test = &m->test[i];
        if (test->token || test->tuple || test->has_index || test->col[0] != col) continue;
        others++;
        range |= test->op >= CQLREL_LT && test->op <= CQLREL_GE;
        if (test->op == CQLREL_EQ || (test->op == CQLREL_IN && !*out)) *out = test;
    }
    if (!*out || others < 2) return 0;
    if (range)
        return err_fail(ERR_INVAL, "Column \"%.*s\" cannot be restricted by both an equality and "
                        "an inequality relation", STR_ARG(m->table->col[col].name));
    return err_fail(ERR_INVAL, "%.*s cannot be restricted by more than one relation if it includes "
                    "an %s", STR_ARG(m->table->col[col].name),
                    (*out)->op == CQLREL_EQ ? "Equal" : "IN");
}

static int too_many(void) {
    return err_fail(ERR_INVAL, "IN asks for more than %d keys", CQLWHERE_KEY_MAX);
}

/* All combinations of the fixed values: *out is cnt arrays of `width`. */
static int combine(struct maker *m, struct cqlwhere_test *const *fix, size_t width,
                   const struct str ***out, size_t *cnt) {
    *cnt = 1;
    for (size_t i = 0; i < width; i++) {
        *cnt *= fix[i]->value_cnt;
        if (*cnt > CQLWHERE_KEY_MAX) return too_many();
    }
    const struct str **all = arena_array(m->env->arena, const struct str *, *cnt + 1);
    for (size_t n = 0; n < *cnt; n++) {
        struct str *one = arena_array(m->env->arena, struct str, width + 1);
        size_t left = n;
        for (size_t i = width; i-- > 0; left /= fix[i]->value_cnt)
            one[i] = fix[i]->value[left % fix[i]->value_cnt];
        all[n] = one;
    }
    *out = all;
    return 0;
}

static int check_key_value(const struct store_table *table, const struct str *key) {
    size_t len = 0;
    for (size_t i = 0; i < table->pkey_cnt; i++) {
        if (cqlterm_is_unknown(key[i])) return 0;
        len += key[i].len;
    }
    if (!len && table->pkey_cnt == 1) return err_fail(ERR_INVAL, "Key may not be empty");
    if (len <= STORE_KEY_MAX) return 0;
    return err_fail(ERR_INVAL, "Key length of %zu is longer than maximum of %d", len,
                    STORE_KEY_MAX);
}

static int cmp_keys(const void *a, const void *b, void *arg) {
    const struct str *x = *(const struct str *const *)a, *y = *(const struct str *const *)b;
    const struct store_table *table = arg;
    for (size_t i = 0; i < table->pkey_cnt; i++) {
        int cmp = cqltype_compare(table->col[i].type, x[i], y[i]);
        if (cmp) return cmp;
    }
    return 0;
}

/* Keys of IN in the order of their values, each once. */
static size_t sorted_keys(struct maker *m, const struct str **key, size_t cnt) {
    struct store_table table = *m->table;
    size_t used = 0;
    qsort_r(key, cnt, sizeof *key, cmp_keys, &table);
    for (size_t i = 0; i < cnt; i++)
        if (!used || cmp_keys(&key[used - 1], &key[i], &table) != 0) key[used++] = key[i];
    return used;
}

static int find_keys(struct maker *m) {
    const struct store_table *table = m->table;
    struct cqlwhere_test **fix =
        arena_array(m->env->arena, struct cqlwhere_test *, table->pkey_cnt);
    const struct str **key;
    for (size_t i = 0; i < table->pkey_cnt; i++) {
        int err = fixing(m, i, &fix[i]);
        if (err) return err;
    }
    for (size_t i = 0; i < table->pkey_cnt; i++)
        if (!fix[i]) return 0;
    int err = combine(m, fix, table->pkey_cnt, &key, &m->out->pkey_cnt);
    if (err) return err;
    for (size_t i = 0; i < table->pkey_cnt; i++) {
        fix[i]->covered = true;
        m->out->pkey_in |= fix[i]->op == CQLREL_IN;
    }
    m->out->by_key = true;
    m->out->pkey_cnt = sorted_keys(m, key, m->out->pkey_cnt);
    m->out->pkey = key;
    for (size_t i = 0; i < m->out->pkey_cnt; i++)
        if ((err = check_key_value(table, key[i]))) return err;
    return 0;
}

static int64_t i64_of(struct str value) {
    struct rbuf in = rbuf_of_str(value);
    return rbuf_i64(&in);
}

static void find_tokens(struct maker *m) {
    struct cqlwhere *out = m->out;
    out->token_lo = INT64_MIN;
    out->token_hi = INT64_MAX;
    for (size_t i = 0; i < m->cnt; i++) {
        struct cqlwhere_test *test = &m->test[i];
        if (!test->token) continue;
        out->has_token = test->covered = true;
        if (cqlterm_is_unknown(test->value[0])) continue;
        int64_t v = i64_of(test->value[0]), below = v == INT64_MIN ? v : v - 1;
        bool low = test->op == CQLREL_GT || test->op == CQLREL_GE || test->op == CQLREL_EQ;
        bool high = test->op == CQLREL_LT || test->op == CQLREL_LE || test->op == CQLREL_EQ;
        /* The least token as an upper end is the end of the ring. */
        if (high && v == INT64_MIN && test->op != CQLREL_EQ) high = false;
        if (low) out->token_lo = MAX(out->token_lo, test->op == CQLREL_GT ? v : below);
        if (high) out->token_hi = MIN(out->token_hi, test->op == CQLREL_LT ? below : v);
    }
}

/* ---- spans ---------------------------------------------------------------------------------- */

struct order {
    const struct store_table *table;
    size_t width;
};

static int cmp_prefix(const void *a, const void *b, void *arg) {
    const struct str *x = *(const struct str *const *)a, *y = *(const struct str *const *)b;
    const struct order *order = arg;
    for (size_t i = 0; i < order->width; i++) {
        const struct store_col *col = &order->table->col[order->table->pkey_cnt + i];
        int cmp = cqltype_compare(col->type, x[i], y[i]);
        if (cmp) return col->desc ? -cmp : cmp;
    }
    return 0;
}

static int two_bounds(const struct store_col *col, const char *which) {
    return err_fail(ERR_INVAL, "More than one restriction was found for the %s bound on %.*s",
                    which, STR_ARG(col->name));
}

/* The bounds of one column; *found: there are any. */
static int find_bounds(struct maker *m, size_t at, struct cqlwhere_span *span, bool *found) {
    const struct store_col *col = &m->table->col[at];
    for (size_t i = 0; i < m->cnt; i++) {
        struct cqlwhere_test *test = &m->test[i];
        bool low = test->op == CQLREL_GT || test->op == CQLREL_GE;
        bool high = test->op == CQLREL_LT || test->op == CQLREL_LE;
        if (test->token || test->tuple || test->has_index || test->col[0] != at) continue;
        if (!low && !high) continue;
        if (low && span->lo.ptr) return two_bounds(col, "start");
        if (high && span->hi.ptr) return two_bounds(col, "end");
        if (low) span->lo = test->value[0];
        if (low) span->lo_open = test->op == CQLREL_GT;
        if (high) span->hi = test->value[0];
        if (high) span->hi_open = test->op == CQLREL_LT;
        test->covered = *found = true;
    }
    return 0;
}

static int find_spans(struct maker *m) {
    const struct store_table *table = m->table;
    struct cqlwhere_test **fix =
        arena_array(m->env->arena, struct cqlwhere_test *, table->ckey_cnt + 1);
    struct cqlwhere_span bounds = {0}, *span;
    const struct str **prefix;
    size_t width = 0, cnt;
    bool bounded = false;
    int err = 0;
    for (; width < table->ckey_cnt; width++) {
        if ((err = fixing(m, table->pkey_cnt + width, &fix[width]))) return err;
        if (!fix[width]) break;
        fix[width]->covered = true;
    }
    if (width < table->ckey_cnt) {
        m->out->missing_ckey = table->col[table->pkey_cnt + width].name;
        if ((err = find_bounds(m, table->pkey_cnt + width, &bounds, &bounded))) return err;
    }
    if ((err = combine(m, fix, width, &prefix, &cnt))) return err;
    struct order order = {table, width};
    qsort_r(prefix, cnt, sizeof *prefix, cmp_prefix, &order);
    span = arena_array(m->env->arena, struct cqlwhere_span, cnt + 1);
    for (size_t i = 0; i < cnt; i++) {
        if (m->out->span_cnt && cmp_prefix(&prefix[i - 1], &prefix[i], &order) == 0) continue;
        span[m->out->span_cnt] = bounds;
        span[m->out->span_cnt].eq = prefix[i];
        span[m->out->span_cnt++].eq_cnt = width;
    }
    m->out->span = span;
    m->out->ckey_used = width > 0 || bounded;
    return 0;
}

/* Relations on clustering columns that no span covers, where whole keys were given. */
static int check_uncovered(const struct cqlwhere *where) {
    const struct store_table *table = where->table;
    for (size_t i = 0; i < where->test_cnt; i++) {
        const struct cqlwhere_test *test = &where->test[i];
        const struct store_col *col = &table->col[test->col[0]];
        if (test->covered || test->token || col->kind != STORE_CKEY || !where->by_key) continue;
        if (test->tuple || test->op == CQLREL_CONTAINS || test->op == CQLREL_NE) continue;
        const struct cqlwhere_span *span = where->span_cnt ? &where->span[0] : NULL;
        if (span && (span->lo.ptr || span->hi.ptr))
            return err_fail(ERR_INVAL, "Clustering column \"%.*s\" cannot be restricted (preceding "
                            "column \"%.*s\" is restricted by a non-EQ relation)",
                            STR_ARG(col->name), STR_ARG(where->missing_ckey));
        return err_fail(ERR_INVAL, "PRIMARY KEY column \"%.*s\" cannot be restricted as preceding "
                        "column \"%.*s\" is not restricted", STR_ARG(col->name),
                        STR_ARG(where->missing_ckey));
    }
    return 0;
}

/* ---- what UPDATE and DELETE may ask --------------------------------------------------------- */

static int check_write_keys(const struct cqlwhere *where, const char *verb) {
    const struct store_table *table = where->table;
    for (size_t i = 0; i < table->pkey_cnt && !where->by_key; i++) {
        bool fixed = false, other = false;
        for (size_t k = 0; k < where->test_cnt; k++) {
            const struct cqlwhere_test *test = &where->test[k];
            if (test->col[0] != i) continue;
            fixed |= test->op == CQLREL_EQ || test->op == CQLREL_IN;
            other |= test->op != CQLREL_EQ && test->op != CQLREL_IN;
        }
        if (other)
            return err_fail(ERR_INVAL, "Only EQ and IN relation are supported on the partition key "
                            "(unless you use the token() function) for %s statements", verb);
        if (!fixed)
            return err_fail(ERR_INVAL, "Some partition key parts are missing: %.*s",
                            STR_ARG(table->col[i].name));
    }
    return 0;
}

static int check_write(const struct cqlwhere *where, enum cqlwhere_use use) {
    const struct store_table *table = where->table;
    const char *verb = use == CQLWHERE_UPDATE ? "UPDATE" : "DELETE";
    for (size_t i = 0; i < where->test_cnt; i++)
        if (where->test[i].token)
            return err_fail(ERR_INVAL, "The token function cannot be used in WHERE clauses for %s "
                            "statements", verb);
    int err = check_write_keys(where, verb);
    if (err) return err;
    for (size_t i = 0; i < where->test_cnt; i++) {
        const struct cqlwhere_test *test = &where->test[i];
        const struct store_col *col = &table->col[test->col[0]];
        if (col->kind == STORE_REGULAR || col->kind == STORE_STATIC)
            return err_fail(ERR_INVAL, "Non PRIMARY KEY columns found in where clause: %.*s",
                            STR_ARG(col->name));
        if (test->tuple && !test->covered)
            return err_fail(ERR_UNSUPPORTED, "%s with a multi-column relation other than = is not "
                            "supported", verb);
    }
    return check_uncovered(where);
}

int cqlwhere_make(const struct cqlterm_env *env, const struct store_table *table,
                  const struct cqlrel *rel, size_t rel_cnt, enum cqlwhere_use use,
                  struct cqlwhere *out) {
    struct maker m = {.env = env, .table = table, .out = out};
    size_t room = 1;
    int err = 0;
    *out = (struct cqlwhere){.table = table};
    for (size_t i = 0; i < rel_cnt; i++)
        room += rel[i].name_cnt;
    m.test = arena_array(env->arena, struct cqlwhere_test, room);
    for (size_t i = 0; i < rel_cnt && !err; i++)
        err = make_test(&m, &rel[i]);
    if (err) return err;
    split_equal_tuples(&m);
    out->test = m.test;
    out->test_cnt = m.cnt;
    if ((err = find_keys(&m))) return err;
    find_tokens(&m);
    if (out->by_key && (err = find_spans(&m))) return err;
    for (size_t i = 0; i < m.cnt; i++) {
        out->filters |= !m.test[i].covered;
        out->ckey_used |= table->col[m.test[i].col[0]].kind == STORE_CKEY;
    }
    return use == CQLWHERE_SELECT ? 0 : check_write(out, use);
}

/* ---- what SELECT may ask -------------------------------------------------------------------- */

int cqlwhere_check_select(const struct cqlwhere *where, bool filtering) {
    if (filtering || !where->filters) return 0;
    const struct store_table *table = where->table;
    int err = where->by_key ? check_uncovered(where) : 0;
    if (err) return err;
    for (size_t i = 0; i < where->test_cnt; i++) {
        const struct cqlwhere_test *test = &where->test[i];
        const struct store_col *col = &table->col[test->col[0]];
        if (test->covered) continue;
        /* A slice of the first clustering columns together reads no row in vain but at its ends. */
        if (test->tuple && where->by_key && col->pos == 0) continue;
        return err_fail(ERR_INVAL,
                        "Cannot execute this query as it might involve data filtering and thus may "
                        "have unpredictable performance. If you want to execute this query despite "
                        "the performance unpredictability, use ALLOW FILTERING");
    }
    return 0;
}

/* ---- testing rows --------------------------------------------------------------------------- */

static bool holds(enum cqlrel_op op, int cmp) {
    switch (op) {
    case CQLREL_EQ: case CQLREL_IN: return cmp == 0;
    case CQLREL_LT: return cmp < 0;
    case CQLREL_LE: return cmp <= 0;
    case CQLREL_GT: return cmp > 0;
    case CQLREL_GE: return cmp >= 0;
    default: return cmp != 0;
    }
}

/* Walks a collection: is the item (or key) in it; or, for a map's index, is its value as asked? */
static bool contains(const struct cqlwhere_test *test, const struct cqltype *type,
                     struct str value) {
    struct rbuf in = rbuf_of_str(value);
    size_t cnt = 0;
    bool map = type->kind == CQL_MAP, at_key = false;
    bool keys = test->op == CQLREL_CONTAINS_KEY;
    if (!cqltype_items(type, &in, &cnt)) return false;
    for (size_t i = 0; i < cnt; i++) {
        struct str item = cqltype_item(type, &in, i);
        bool is_key = map && i % 2 == 0;
        if (in.bad || !item.ptr) return false;
        if (test->has_index) {
            if (is_key) at_key = cqltype_compare(type->arg[0], item, test->index) == 0;
            else if (at_key)
                return holds(test->op, cqltype_compare(type->arg[1], item, test->value[0]));
            continue;
        }
        if (map && is_key != keys) continue;
        if (cqltype_compare(type->arg[map && !is_key], item, test->value[0]) == 0) return true;
    }
    return false;
}

static bool match_tuple(const struct cqlwhere *where, const struct cqlwhere_test *test,
                        const struct store_row *row) {
    for (size_t n = 0; n < test->value_cnt; n++) {
        int cmp = 0;
        for (size_t i = 0; i < test->col_cnt && !cmp; i++) {
            struct str value = row->value[test->col[i]];
            if (!value.ptr) return false;
            cmp = cqltype_compare(where->table->col[test->col[i]].type, value,
                                  test->value[n * test->col_cnt + i]);
        }
        if (holds(test->op, cmp)) return true;
    }
    return false;
}

static bool match_one(const struct cqlwhere *where, const struct cqlwhere_test *test,
                      const struct store_row *row) {
    if (test->token) {
        int64_t v = i64_of(test->value[0]);
        return holds(test->op, row->token < v ? -1 : row->token > v);
    }
    if (test->tuple) return match_tuple(where, test, row);
    struct str value = row->value[test->col[0]];
    const struct cqltype *type = where->table->col[test->col[0]].type;
    if (!value.ptr) return false;
    if (test->has_index || test->op == CQLREL_CONTAINS || test->op == CQLREL_CONTAINS_KEY)
        return contains(test, type, value);
    for (size_t i = 0; i < test->value_cnt; i++)
        if (test->value[i].ptr && holds(test->op, cqltype_compare(type, value, test->value[i])))
            return true;
    return false;
}

bool cqlwhere_match(const struct cqlwhere *where, const struct store_row *row, bool all) {
    for (size_t i = 0; i < where->test_cnt; i++) {
        const struct cqlwhere_test *test = &where->test[i];
        if ((all || !test->covered) && !match_one(where, test, row)) return false;
    }
    return true;
}
