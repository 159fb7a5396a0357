/* cqlplan.c - from text to plan: parse, find the table, note the markers. */
#include "store/cql/cqlplan.h"

#include "base/err.h"
#include "store/cql/cqlparse.h"
#include "store/cql/cqlwhere.h"

#include <openssl/evp.h>

/* ---- lookups -------------------------------------------------------------------------------- */

static int find_udt(void *self, struct str name, struct arena *arena,
                    const struct cqltype **out) {
    const struct cqlplan_scope *scope = self;
    struct store_udt *udt;
    size_t cnt;
    int err = store_udts(scope->exec->store, scope->keyspace, arena, &udt, &cnt);
    for (size_t i = 0; i < cnt && !err; i++)
        if (str_eq(udt[i].name, name)) {
            *out = udt[i].type;
            return 0;
        }
    return err ? err : err_fail(ERR_NOT_FOUND, "Unknown type %.*s.%.*s", STR_ARG(scope->keyspace),
                                STR_ARG(name));
}

struct cqltype_scope cqlplan_scope(struct cqlplan_scope *scope) {
    return (struct cqltype_scope){scope, find_udt};
}

static bool has_keyspace(struct cqlexec *exec, struct str name) {
    struct arena arena = ARENA_INIT;
    struct store_keyspace *all;
    size_t cnt = 0;
    bool found = false;
    if (!store_keyspaces(exec->store, &arena, &all, &cnt))
        for (size_t i = 0; i < cnt; i++)
            found |= str_eq(all[i].name, name);
    arena_fini(&arena);
    return found;
}

int cqlplan_table(struct cqlexec *exec, struct str keyspace, struct str name, struct arena *arena,
                  struct store_table *out, bool *is_virtual) {
    const struct cqlexec_virtual *virt = exec->virt;
    *is_virtual = virt && virt->keyspace(virt->self, keyspace);
    int err = *is_virtual ? virt->table(virt->self, keyspace, name, arena, out)
                          : store_table_get(exec->store, keyspace, name, arena, out);
    if (err != ERR_NOT_FOUND) return err;
    if (!*is_virtual && !has_keyspace(exec, keyspace))
        return err_fail(ERR_INVAL, "keyspace %.*s does not exist", STR_ARG(keyspace));
    return err_fail(ERR_INVAL, "table %.*s does not exist", STR_ARG(name));
}

void cqlplan_columns_id(const struct cqlexec_col *col, size_t cnt, uint8_t out[16]) {
    struct buf text;
    unsigned len = 16;
    buf_init(&text, 64 * MIB);
    for (size_t i = 0; i < cnt; i++) {
        buf_puts(&text, col[i].keyspace);
        buf_putc(&text, 0);
        buf_puts(&text, col[i].table);
        buf_putc(&text, 0);
        buf_puts(&text, col[i].name);
        buf_putc(&text, 0);
        cqltype_format(col[i].type, &text);
        buf_putc(&text, 0);
    }
    CHECK(EVP_Digest(text.ptr ? text.ptr : "", text.len, out, &len, EVP_md5(), NULL) == 1);
    buf_fini(&text);
}

/* ---- planning ------------------------------------------------------------------------------- */

static int find_table(struct cqlplan *plan) {
    struct cqlast *ast = plan->ast;
    struct str keyspace = ast->keyspace.ptr ? ast->keyspace : plan->keyspace;
    if (!keyspace.len)
        return err_fail(ERR_INVAL, "No keyspace has been specified. USE a keyspace, or explicitly "
                        "specify keyspace.tablename");
    plan->table = arena_new(&plan->arena, struct store_table);
    ast->keyspace = arena_str(&plan->arena, keyspace);
    return cqlplan_table(plan->exec, keyspace, ast->name, &plan->arena, plan->table,
                         &plan->is_virtual);
}

static int plan_one(struct cqlplan *plan) {
    struct cqlplan_scope scope = {plan->exec, plan->keyspace};
    struct cqltype_scope types = cqlplan_scope(&scope);
    struct cqlterm_env env = {.arena = &plan->arena, .env = plan->exec->env, .scope = &types,
                              .mark = plan->bind};
    int err = find_table(plan);
    if (err) return err;
    env.keyspace = scope.keyspace = plan->table->keyspace;
    env.table = plan->table->name;
    if (plan->ast->kind == CQLAST_SELECT) return cqlselect_plan(plan, &env);
    if (plan->is_virtual)
        return err_fail(ERR_INVAL, "Cannot modify virtual table %.*s.%.*s: it is not updatable",
                        STR_ARG(plan->table->keyspace), STR_ARG(plan->table->name));
    return cqlmodify_plan(plan, &env);
}

/* The statements of a BATCH: plans of their own that share text, markers and lifetime. */
static int plan_batch(struct cqlplan *plan) {
    struct cqlast *ast = plan->ast;
    int err = 0;
    plan->item = arena_array(&plan->arena, struct cqlplan *, ast->item_cnt + 1);
    for (size_t i = 0; i < ast->item_cnt && !err; i++) {
        struct cqlplan *item = base_calloc(1, sizeof *item);
        plan->item[i] = item;
        item->exec = plan->exec;
        item->version = plan->version;
        item->keyspace = plan->keyspace;
        item->ast = ast->item[i];
        item->bind = plan->bind;
        item->bind_cnt = plan->bind_cnt;
        atomic_init(&item->refs, 1);
        if ((item->ast->timestamp || item->ast->ttl) && ast->timestamp && item->ast->timestamp)
            err = err_fail(ERR_INVAL, "Timestamp must be set either on BATCH or individual "
                           "statements");
        if (!err) err = plan_one(item);
        plan->conditional |= item->conditional;
    }
    int64_t ts;
    bool set;
    struct cqlterm_env env = {.arena = &plan->arena, .env = plan->exec->env, .mark = plan->bind};
    if (!err && ast->ttl)
        err = err_fail(ERR_INVAL, "Global TTL on the BATCH statement is not supported.");
    return err ? err : cqlterm_int(&env, ast->timestamp, "[timestamp]", true, &ts, &set);
}

static int plan_it(struct cqlplan *plan) {
    switch (plan->ast->kind) {
    case CQLAST_SELECT: case CQLAST_INSERT: case CQLAST_UPDATE: case CQLAST_DELETE:
        return plan_one(plan);
    case CQLAST_TRUNCATE: return find_table(plan);
    case CQLAST_BATCH: return plan_batch(plan);
    default: return 0;
    }
}

int cqlplan_new(struct cqlexec *exec, struct str keyspace, struct str text,
                struct cqlplan **out) {
    struct cqlplan *plan = base_calloc(1, sizeof *plan);
    struct cqlast_whole whole;
    atomic_init(&plan->refs, 1);
    plan->exec = exec;
    plan->version = store_schema_version(exec->store); /* before: a change then plans anew */
    plan->keyspace = arena_str(&plan->arena, keyspace);
    int err = cqlparse_run(arena_str(&plan->arena, text), &plan->arena, &whole);
    if (!err) {
        plan->ast = whole.ast;
        plan->mark = whole.mark;
        plan->bind_cnt = whole.mark_cnt;
        plan->bind = arena_array(&plan->arena, struct cqlexec_col, whole.mark_cnt + 1u);
        err = plan_it(plan);
    }
    if (err) cqlplan_free(plan);
    else *out = plan;
    return err;
}

void cqlplan_free(struct cqlplan *plan) {
    if (!plan || atomic_fetch_sub(&plan->refs, 1) > 1) return;
    for (size_t i = 0; plan->item && i < plan->ast->item_cnt; i++)
        cqlplan_free(plan->item[i]);
    arena_fini(&plan->arena);
    base_free(plan);
}
