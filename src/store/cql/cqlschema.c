/* cqlschema.c - CREATE, ALTER, DROP, TRUNCATE. */
#include "base/err.h"
#include "store/cql/cqlplan.h"
#include "store/cql/cqlwhere.h"
#include "wire/cql/cqltext.h"

#define REPLICATION_MAX (64 * KIB)

struct change {
    struct cqlrun *run;
    const struct cqlast *ast;
    struct str keyspace;
    struct cqlplan_scope scope;
    struct cqltype_scope types;
};

static void tell(struct change *c, const char *change, const char *target, struct str name) {
    struct cqlexec_result *result = c->run->result;
    result->kind = CQLEXEC_SCHEMA_CHANGE;
    result->change = str_of(change);
    result->target = str_of(target);
    result->keyspace = arena_str(c->run->arena, c->keyspace);
    result->name = arena_str(c->run->arena, name);
}

/* What IF [NOT] EXISTS turns into nothing done. */
static int settle(struct change *c, int err, int tolerated) {
    bool wanted = tolerated == ERR_EXISTS ? c->ast->if_not_exists : c->ast->if_exists;
    if (err == tolerated && wanted) {
        c->run->result->kind = CQLEXEC_VOID;
        return 0;
    }
    if (err == ERR_EXISTS) {
        struct cqlexec_error *error = &c->run->result->error;
        error->keyspace = arena_str(c->run->arena, c->keyspace);
        bool table = c->ast->kind == CQLAST_CREATE_TABLE;
        error->table = table ? arena_str(c->run->arena, c->ast->name) : STR("");
    }
    return err;
}

static bool is_virtual(const struct change *c) {
    const struct cqlexec_virtual *virt = c->run->exec->virt;
    return virt && virt->keyspace(virt->self, c->keyspace);
}

static int refuse_system(const struct change *c) {
    if (!is_virtual(c)) return 0;
    return err_fail(ERR_DENIED, "%.*s keyspace is not user-modifiable.", STR_ARG(c->keyspace));
}

/* ---- keyspaces ------------------------------------------------------------------------------ */

static bool plain_name(struct str name, size_t max) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_'))
            return false;
    }
    return name.len > 0 && name.len <= max;
}

/* {'class': 'SimpleStrategy', 'replication_factor': 1} as JSON, the class with its full name. */
static int replication_text(struct change *c, const struct cqlterm *map, struct str *out) {
    static const char *const known[] = {"SimpleStrategy", "NetworkTopologyStrategy",
                                        "LocalStrategy", "EverywhereStrategy"};
    struct buf text;
    bool has_class = false;
    int err = 0;
    if (map->kind != CQLTERM_MAP)
        return err_fail(ERR_CONFIG, "replication must be a map of options");
    buf_init(&text, REPLICATION_MAX);
    buf_putc(&text, '{');
    for (size_t i = 0; i + 1 < map->cnt && !err; i += 2) {
        struct str key = map->kid[i]->text, value = map->kid[i + 1]->text;
        bool class = str_eqz(key, "class");
        if (class) {
            bool fine = false;
            const char *dot = value.len ? memrchr(value.ptr, '.', value.len) : NULL;
            if (dot) value = (struct str){dot + 1, value.len - (size_t)(dot + 1 - value.ptr)};
            for (size_t k = 0; k < ARRAY_LEN(known); k++)
                fine |= str_eqz(value, known[k]);
            if (!fine)
                err = err_fail(ERR_CONFIG, "Unable to find replication strategy class "
                               "'org.apache.cassandra.locator.%.*s'", STR_ARG(value));
            value = arena_printf(c->run->arena, "org.apache.cassandra.locator.%.*s",
                                 STR_ARG(value));
        }
        has_class |= class;
        if (i) buf_putz(&text, ", ");
        buf_json(&text, key);
        buf_putz(&text, ": ");
        buf_json(&text, value);
    }
    buf_putc(&text, '}');
    *out = arena_str(c->run->arena, buf_str(&text));
    buf_fini(&text);
    if (!err && !has_class)
        err = err_fail(ERR_CONFIG, "Missing replication strategy class");
    return err;
}

static const struct cqlast_option *option(const struct cqlast *ast, const char *name) {
    for (size_t i = 0; i < ast->option_cnt; i++)
        if (str_eqz(ast->option[i].name, name)) return &ast->option[i];
    return NULL;
}

static int keyspace_options(struct change *c, struct store_keyspace *ks) {
    const struct cqlast_option *replication = option(c->ast, "replication");
    const struct cqlast_option *durable = option(c->ast, "durable_writes");
    for (size_t i = 0; i < c->ast->option_cnt; i++)
        if (!str_eqz(c->ast->option[i].name, "replication") &&
            !str_eqz(c->ast->option[i].name, "durable_writes"))
            return err_fail(ERR_SYNTAX, "Unknown property '%.*s'",
                            STR_ARG(c->ast->option[i].name));
    if (durable && durable->value->kind != CQLTERM_BOOL)
        return err_fail(ERR_SYNTAX, "Invalid value for property durable_writes: not a boolean");
    if (durable) ks->durable_writes = str_eqz(durable->value->text, "true");
    if (replication) return replication_text(c, replication->value, &ks->replication);
    if (c->ast->kind == CQLAST_ALTER_KEYSPACE) return 0;
    return err_fail(ERR_INVAL, "Missing mandatory option 'replication'");
}

static int create_keyspace(struct change *c) {
    struct store_keyspace ks = {c->keyspace, STR_NULL, true};
    if (!plain_name(c->keyspace, STORE_NAME_MAX))
        return err_fail(ERR_INVAL, "Keyspace name must not be empty, more than 48 characters long, "
                        "or contain non-alphanumeric-underscore characters (got \"%.*s\")",
                        STR_ARG(c->keyspace));
    int err = refuse_system(c);
    if (err || (err = keyspace_options(c, &ks))) return err;
    tell(c, "CREATED", "KEYSPACE", STR(""));
    return settle(c, store_keyspace_create(c->run->exec->store, &ks), ERR_EXISTS);
}

static int alter_keyspace(struct change *c) {
    struct store_keyspace *all, ks = {.name = STR_NULL};
    size_t cnt;
    int err = refuse_system(c);
    if (err) return err;
    if ((err = store_keyspaces(c->run->exec->store, c->run->arena, &all, &cnt))) return err;
    for (size_t i = 0; i < cnt; i++)
        if (str_eq(all[i].name, c->keyspace)) ks = all[i];
    if (!ks.name.ptr) {
        err = err_fail(ERR_NOT_FOUND, "Keyspace '%.*s' doesn't exist", STR_ARG(c->keyspace));
        return settle(c, err, ERR_NOT_FOUND);
    }
    if ((err = keyspace_options(c, &ks))) return err;
    tell(c, "UPDATED", "KEYSPACE", STR(""));
    return store_keyspace_alter(c->run->exec->store, &ks);
}

static int drop_keyspace(struct change *c) {
    int err = refuse_system(c);
    tell(c, "DROPPED", "KEYSPACE", STR(""));
    return err ? err : settle(c, store_keyspace_drop(c->run->exec->store, c->keyspace),
                              ERR_NOT_FOUND);
}

/* ---- columns -------------------------------------------------------------------------------- */

static int column_type(struct change *c, const struct cqlast_coldef *def,
                       const struct cqltype **out) {
    return cqltype_parse(def->type, &c->types, c->run->arena, out);
}

static bool holds_kind(const struct cqltype *type, enum cqltype_kind kind) {
    if (type->kind == kind) return true;
    for (size_t i = 0; i < type->arg_cnt; i++)
        if (holds_kind(type->arg[i], kind)) return true;
    return false;
}

static int check_key_type(struct arena *arena, const struct store_col *col) {
    struct buf text;
    buf_init(&text, 4 * CQLTYPE_NAME_MAX);
    cqltype_format(col->type, &text);
    const char *type = arena_strz(arena, buf_str(&text));
    buf_fini(&text);
    if (col->type->kind == CQL_COUNTER)
        return err_fail(ERR_INVAL, "counter type is not supported for PRIMARY KEY column '%.*s'",
                        STR_ARG(col->name));
    if (cqltype_is_multi(col->type))
        return err_fail(ERR_INVAL, "Invalid non-frozen %s type %s for PRIMARY KEY column '%.*s'",
                        col->type->kind == CQL_UDT ? "user-defined" : "collection", type,
                        STR_ARG(col->name));
    if (holds_kind(col->type, CQL_DURATION))
        return err_fail(ERR_INVAL, "duration type is not supported for PRIMARY KEY column '%.*s'",
                        STR_ARG(col->name));
    return 0;
}

static int place_keys(struct change *c, struct store_col *col, size_t cnt, bool pkeys) {
    const struct cqlast *ast = c->ast;
    const struct str *name = pkeys ? ast->pkey : ast->ckey;
    size_t name_cnt = pkeys ? ast->pkey_cnt : ast->ckey_cnt;
    for (size_t k = 0; k < name_cnt; k++) {
        size_t at = 0;
        while (at < cnt && !str_eq(col[at].name, name[k]))
            at++;
        if (at == cnt)
            return err_fail(ERR_INVAL, "Unknown column '%.*s' referenced in PRIMARY KEY for table "
                            "'%.*s'", STR_ARG(name[k]), STR_ARG(ast->name));
        if (col[at].kind == STORE_STATIC)
            return err_fail(ERR_INVAL, "Static column '%.*s' cannot be part of the PRIMARY KEY",
                            STR_ARG(name[k]));
        if (col[at].kind != STORE_REGULAR)
            return err_fail(ERR_INVAL, "Duplicate column '%.*s' in PRIMARY KEY clause for table "
                            "'%.*s'", STR_ARG(name[k]), STR_ARG(ast->name));
        col[at].kind = pkeys ? STORE_PKEY : STORE_CKEY;
        col[at].pos = (uint16_t)k;
        int err = check_key_type(c->run->arena, &col[at]);
        if (err) return err;
    }
    return 0;
}

static int place_order(const struct cqlast *ast, struct store_col *col, size_t cnt) {
    if (ast->order_cnt && ast->order_cnt < ast->ckey_cnt)
        return err_fail(ERR_INVAL, "Missing CLUSTERING ORDER for column %.*s",
                        STR_ARG(ast->ckey[ast->order_cnt]));
    for (size_t k = 0; k < ast->order_cnt; k++) {
        if (k >= ast->ckey_cnt || !str_eq(ast->order[k], ast->ckey[k]))
            return err_fail(ERR_INVAL, "Only clustering key columns can be defined in CLUSTERING "
                            "ORDER directive: [%.*s] are not clustering columns",
                            STR_ARG(ast->order[k]));
        for (size_t i = 0; i < cnt; i++)
            if (str_eq(col[i].name, ast->order[k])) col[i].desc = ast->order_desc[k];
    }
    return 0;
}

static int check_columns(const struct cqlast *ast, const struct store_col *col, size_t cnt) {
    size_t counters = 0, others = 0;
    for (size_t i = 0; i < cnt; i++) {
        if (col[i].kind == STORE_STATIC && !ast->ckey_cnt)
            return err_fail(ERR_INVAL, "Static columns are only useful (and thus allowed) if the "
                            "table has at least one clustering column");
        if (col[i].kind != STORE_STATIC && col[i].kind != STORE_REGULAR) continue;
        counters += col[i].type->kind == CQL_COUNTER;
        others += col[i].type->kind != CQL_COUNTER;
    }
    if (counters && others)
        return err_fail(ERR_INVAL, "Cannot mix counter and non counter columns in the same table");
    return 0;
}

static int table_columns(struct change *c, struct store_table *table) {
    const struct cqlast *ast = c->ast;
    struct store_col *col = arena_array(c->run->arena, struct store_col, ast->def_cnt + 1u);
    if (!ast->pkey_cnt)
        return err_fail(ERR_INVAL, "No PRIMARY KEY specifed for table '%.*s' (exactly one "
                        "required)", STR_ARG(ast->name));
    for (size_t i = 0; i < ast->def_cnt; i++) {
        col[i].name = ast->def[i].name;
        col[i].kind = ast->def[i].is_static ? STORE_STATIC : STORE_REGULAR;
        for (size_t k = 0; k < i; k++)
            if (str_eq(col[k].name, col[i].name))
                return err_fail(ERR_INVAL, "Duplicate column '%.*s' declaration for table '%.*s'",
                                STR_ARG(col[i].name), STR_ARG(ast->name));
        int err = column_type(c, &ast->def[i], &col[i].type);
        if (err) return err;
    }
    table->col = col;
    table->col_cnt = ast->def_cnt;
    int err = place_keys(c, col, ast->def_cnt, true);
    if (!err) err = place_keys(c, col, ast->def_cnt, false);
    if (!err) err = place_order(ast, col, ast->def_cnt);
    return err ? err : check_columns(ast, col, ast->def_cnt);
}

/* ---- options -------------------------------------------------------------------------------- */

static int table_options(const struct cqlast *ast, struct store_table *table) {
    static const char *const known[] = {
        "additional_write_policy", "allow_auto_snapshot", "bloom_filter_fp_chance", "caching",
        "cdc", "comment", "compaction", "compression", "crc_check_chance", "default_time_to_live",
        "extensions", "gc_grace_seconds", "id", "incremental_backups", "max_index_interval",
        "memtable", "memtable_flush_period_in_ms", "min_index_interval", "nodesync", "read_repair",
        "read_repair_chance", "dclocal_read_repair_chance", "speculative_retry"};
    for (size_t i = 0; i < ast->option_cnt; i++) {
        const struct cqlast_option *it = &ast->option[i];
        bool fine = false;
        int64_t ttl;
        for (size_t k = 0; k < ARRAY_LEN(known); k++)
            fine |= str_eqz(it->name, known[k]);
        if (!fine) return err_fail(ERR_SYNTAX, "Unknown property '%.*s'", STR_ARG(it->name));
        if (str_eqz(it->name, "comment")) table->comment = it->value->text;
        if (!str_eqz(it->name, "default_time_to_live")) continue;
        if (str_i64(it->value->text, &ttl) || ttl < 0 || ttl > 630720000)
            return err_fail(ERR_CONFIG, "default_time_to_live must be in the range [0, 630720000], "
                            "but was '%.*s'", STR_ARG(it->value->text));
        table->default_ttl_s = (int32_t)ttl;
    }
    return 0;
}

/* ---- tables --------------------------------------------------------------------------------- */

static int create_table(struct change *c) {
    const struct cqlast *ast = c->ast;
    struct store_table table = {.keyspace = c->keyspace, .name = ast->name, .comment = STR("")};
    if (!plain_name(ast->name, STORE_NAME_MAX))
        return err_fail(ERR_INVAL, "Table name must not be empty, more than 48 characters long, or "
                        "contain non-alphanumeric-underscore characters (got \"%.*s\")",
                        STR_ARG(ast->name));
    int err = refuse_system(c);
    if (err || (err = table_columns(c, &table)) || (err = table_options(ast, &table))) return err;
    tell(c, "CREATED", "TABLE", ast->name);
    err = store_table_create(c->run->exec->store, &table);
    if (err == ERR_NOT_FOUND) /* the keyspace: Cassandra says it is a configuration mistake */
        return err_fail(ERR_INVAL, "Keyspace '%.*s' doesn't exist", STR_ARG(c->keyspace));
    return settle(c, err, ERR_EXISTS);
}

static int alter_add(struct change *c, struct store_table *table) {
    const struct cqlast *ast = c->ast;
    struct store_col *col =
        arena_array(c->run->arena, struct store_col, table->col_cnt + ast->def_cnt);
    size_t cnt = table->col_cnt;
    memcpy(col, table->col, cnt * sizeof *col);
    for (size_t i = 0; i < ast->def_cnt; i++) {
        bool there = false;
        for (size_t k = 0; k < cnt; k++)
            there |= str_eq(col[k].name, ast->def[i].name);
        if (there && ast->if_not_exists) continue;
        if (there)
            return err_fail(ERR_INVAL, "Column with name '%.*s' already exists",
                            STR_ARG(ast->def[i].name));
        col[cnt].name = ast->def[i].name;
        col[cnt].kind = ast->def[i].is_static ? STORE_STATIC : STORE_REGULAR;
        int err = column_type(c, &ast->def[i], &col[cnt].type);
        if (err) return err;
        if (ast->def[i].is_static && !table->ckey_cnt)
            return err_fail(ERR_INVAL, "Static columns are only useful (and thus allowed) if the "
                            "table has at least one clustering column");
        cnt++;
    }
    table->col = col;
    table->col_cnt = cnt;
    return 0;
}

static int alter_drop(struct change *c, struct store_table *table) {
    const struct cqlast *ast = c->ast;
    for (size_t i = 0; i < ast->drop_cnt; i++) {
        int at = cqlwhere_find(table, ast->drop[i]);
        if (at < 0 && ast->if_exists) continue;
        if (at < 0)
            return err_fail(ERR_INVAL, "Column %.*s was not found in table '%.*s.%.*s'",
                            STR_ARG(ast->drop[i]), STR_ARG(table->keyspace), STR_ARG(table->name));
        if (table->col[at].kind <= STORE_CKEY)
            return err_fail(ERR_INVAL, "Cannot drop PRIMARY KEY column %.*s",
                            STR_ARG(ast->drop[i]));
        table->col_cnt--;
        memmove(&table->col[at], &table->col[at + 1],
                (table->col_cnt - (size_t)at) * sizeof *table->col);
    }
    return 0;
}

static int alter_table(struct change *c) {
    const struct cqlast *ast = c->ast;
    struct store_table table;
    int err = refuse_system(c);
    if (err) return err;
    err = store_table_get(c->run->exec->store, c->keyspace, ast->name, c->run->arena, &table);
    if (err) return settle(c, err, ERR_NOT_FOUND);
    if (ast->rename_cnt)
        return err_fail(ERR_UNSUPPORTED, "Renaming columns is not supported");
    if (ast->order_cnt)
        return err_fail(ERR_SYNTAX, "Cannot alter the clustering order of a table");
    if (ast->def_cnt) err = alter_add(c, &table);
    else if (ast->drop_cnt) err = alter_drop(c, &table);
    if (!err) err = table_options(ast, &table);
    if (err) return err;
    tell(c, "UPDATED", "TABLE", ast->name);
    return store_table_alter(c->run->exec->store, &table);
}

static int drop_table(struct change *c) {
    int err = refuse_system(c);
    tell(c, "DROPPED", "TABLE", c->ast->name);
    return err ? err : settle(c, store_table_drop(c->run->exec->store, c->keyspace, c->ast->name),
                              ERR_NOT_FOUND);
}

static int truncate(struct change *c) {
    const struct store_table *table = c->run->plan->table;
    int err = refuse_system(c);
    c->run->result->kind = CQLEXEC_VOID;
    return err ? err : store_table_truncate(c->run->exec->store, table->keyspace, table->name);
}

/* ---- user types ----------------------------------------------------------------------------- */

static int create_type(struct change *c) {
    const struct cqlast *ast = c->ast;
    struct arena *arena = c->run->arena;
    const struct cqltype **arg = arena_array(arena, const struct cqltype *, ast->def_cnt + 1u);
    struct str *field = arena_array(arena, struct str, ast->def_cnt + 1u);
    int err = refuse_system(c);
    if (err) return err;
    if (ast->def_cnt > CQLTYPE_ARG_MAX)
        return err_fail(ERR_TOO_BIG, "a type has at most %d fields", CQLTYPE_ARG_MAX);
    for (size_t i = 0; i < ast->def_cnt; i++) {
        field[i] = ast->def[i].name;
        for (size_t k = 0; k < i; k++)
            if (str_eq(field[k], field[i]))
                return err_fail(ERR_INVAL, "Duplicate field name '%.*s' in type '%.*s'",
                                STR_ARG(field[i]), STR_ARG(ast->name));
        if ((err = column_type(c, &ast->def[i], &arg[i]))) return err;
        if (arg[i]->kind == CQL_COUNTER)
            return err_fail(ERR_INVAL, "A user type cannot contain counters");
        if (arg[i]->kind == CQL_UDT && !arg[i]->frozen)
            return err_fail(ERR_INVAL, "A user type cannot contain non-frozen UDTs");
    }
    struct cqltype type = {.kind = CQL_UDT, .arg = arg, .field = field, .arg_cnt = ast->def_cnt,
                           .keyspace = c->keyspace, .name = ast->name};
    struct store_udt udt = {c->keyspace, ast->name, &type};
    tell(c, "CREATED", "TYPE", ast->name);
    if (ast->if_not_exists) { /* the store says INVAL for one that is there, as Cassandra does */
        const struct cqltype *there;
        c->scope.keyspace = c->keyspace;
        if (!c->types.udt(c->types.self, ast->name, arena, &there)) {
            c->run->result->kind = CQLEXEC_VOID;
            return 0;
        }
    }
    return store_udt_create(c->run->exec->store, &udt);
}

static int drop_type(struct change *c) {
    int err = refuse_system(c);
    tell(c, "DROPPED", "TYPE", c->ast->name);
    return err ? err : settle(c, store_udt_drop(c->run->exec->store, c->keyspace, c->ast->name),
                              ERR_NOT_FOUND);
}

/* ---- the door ------------------------------------------------------------------------------- */

int cqlschema_run(struct cqlrun *run) {
    struct change c = {.run = run, .ast = run->plan->ast};
    c.keyspace = c.ast->keyspace.ptr ? c.ast->keyspace : run->plan->keyspace;
    c.scope = (struct cqlplan_scope){run->exec, c.keyspace};
    c.types = cqlplan_scope(&c.scope);
    if (c.ast->refusal) return err_fail(ERR_INVAL, "%s", c.ast->refusal);
    if (!c.keyspace.len)
        return err_fail(ERR_INVAL, "No keyspace has been specified. USE a keyspace, or explicitly "
                        "specify keyspace.tablename");
    switch (c.ast->kind) {
    case CQLAST_CREATE_KEYSPACE: return create_keyspace(&c);
    case CQLAST_ALTER_KEYSPACE: return alter_keyspace(&c);
    case CQLAST_DROP_KEYSPACE: return drop_keyspace(&c);
    case CQLAST_CREATE_TABLE: return create_table(&c);
    case CQLAST_ALTER_TABLE: return alter_table(&c);
    case CQLAST_DROP_TABLE: return drop_table(&c);
    case CQLAST_TRUNCATE: return truncate(&c);
    case CQLAST_CREATE_TYPE: return create_type(&c);
    case CQLAST_DROP_TYPE: return drop_type(&c);
    case CQLAST_ALTER_TYPE: return err_fail(ERR_UNSUPPORTED, "ALTER TYPE is not supported");
    default: NEVER();
    }
}
