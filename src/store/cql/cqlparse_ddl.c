/* cqlparse_ddl.c - the statements that change the schema, and those refused. */
#include "store/cql/cqlparse.h"

#include "base/err.h"

static int full(void) {
    return err_fail(ERR_TOO_BIG, "a list in the statement has more than %d items",
                    CQLPARSE_ITEM_MAX);
}

static int if_not_exists(struct cqlparse *p, struct cqlast *ast) {
    int err = cqlparse_accept(p, "if", &ast->if_not_exists);
    if (err || !ast->if_not_exists) return err;
    if ((err = cqlparse_expect(p, "not"))) return err;
    return cqlparse_expect(p, "exists");
}

static int if_exists(struct cqlparse *p, struct cqlast *ast) {
    int err = cqlparse_accept(p, "if", &ast->if_exists);
    return err || !ast->if_exists ? err : cqlparse_expect(p, "exists");
}

/* ---- WITH ----------------------------------------------------------------------------------- */

static int parse_option(struct cqlparse *p, struct cqlparse_list *list) {
    struct cqlast_option *option = cqlparse_push(p, list, sizeof *option);
    if (!option) return full();
    int err = cqlparse_name(p, &option->name);
    if (err || (err = cqlparse_expect(p, "="))) return err;
    return cqlparse_term(p, &option->value);
}

/* CLUSTERING ORDER BY (a ASC, b DESC): names and directions, kept as two options' worth. */
static int parse_clustering(struct cqlparse *p, struct cqlast *ast) {
    struct cqlparse_list names = {0}, descs = {0};
    bool more = true, asc;
    int err = cqlparse_expect(p, "clustering");
    if (err || (err = cqlparse_expect(p, "order")) || (err = cqlparse_expect(p, "by"))) return err;
    if ((err = cqlparse_expect(p, "("))) return err;
    while (more) {
        struct str *name = cqlparse_push(p, &names, sizeof *name);
        bool *desc = cqlparse_push(p, &descs, sizeof *desc);
        if (!name || !desc) return full();
        if ((err = cqlparse_name(p, name)) || (err = cqlparse_accept(p, "desc", desc))) return err;
        if (!*desc && (err = cqlparse_accept(p, "asc", &asc))) return err;
        if ((err = cqlparse_accept(p, ",", &more))) return err;
    }
    ast->order = names.ptr;
    ast->order_desc = descs.ptr;
    ast->order_cnt = (uint16_t)names.cnt;
    return cqlparse_expect(p, ")");
}

static int parse_with(struct cqlparse *p, struct cqlast *ast) {
    struct cqlparse_list list = {0};
    bool more;
    int err = cqlparse_accept(p, "with", &more);
    while (!err && more) {
        if (cqlparse_is(p, "compact")) {
            ast->refusal = "COMPACT STORAGE tables are not allowed starting with version 4.0";
            if ((err = cqlparse_advance(p)) || (err = cqlparse_expect(p, "storage"))) return err;
        } else if (cqlparse_is(p, "clustering")) {
            err = parse_clustering(p, ast);
        } else {
            err = parse_option(p, &list);
        }
        if (!err) err = cqlparse_accept(p, "and", &more);
    }
    ast->option = list.ptr;
    ast->option_cnt = (uint16_t)list.cnt;
    return err;
}

/* ---- CREATE --------------------------------------------------------------------------------- */

static int create_keyspace(struct cqlparse *p, struct cqlast *ast) {
    ast->kind = CQLAST_CREATE_KEYSPACE;
    int err = if_not_exists(p, ast);
    if (err || (err = cqlparse_name(p, &ast->keyspace))) return err;
    if (!cqlparse_is(p, "with")) return cqlparse_expect(p, "with");
    return parse_with(p, ast);
}

/* PRIMARY KEY (a, b) or ((a, b), c) */
static int primary_key(struct cqlparse *p, struct cqlast *ast) {
    bool inner, more;
    int err = cqlparse_expect(p, "(");
    if (ast->pkey_cnt)
        return err_fail(ERR_INVAL, "Multiple PRIMARY KEY specified for table '%.*s' (exactly one "
                        "required)", STR_ARG(ast->name));
    if (err || (err = cqlparse_accept(p, "(", &inner))) return err;
    if (inner) {
        if ((err = cqlparse_names(p, &ast->pkey, &ast->pkey_cnt))) return err;
        if ((err = cqlparse_expect(p, ")"))) return err;
    } else {
        ast->pkey = arena_array(p->arena, struct str, 1);
        ast->pkey_cnt = 1;
        if ((err = cqlparse_name(p, &ast->pkey[0]))) return err;
    }
    if ((err = cqlparse_accept(p, ",", &more))) return err;
    if (more && (err = cqlparse_names(p, &ast->ckey, &ast->ckey_cnt))) return err;
    return cqlparse_expect(p, ")");
}

static int column_def(struct cqlparse *p, struct cqlast *ast, struct cqlparse_list *list) {
    struct cqlast_coldef *def = cqlparse_push(p, list, sizeof *def);
    if (!def) return full();
    *def = (struct cqlast_coldef){0};
    int err = cqlparse_name(p, &def->name);
    if (err || (err = cqlparse_type(p, &def->type))) return err;
    if ((err = cqlparse_accept(p, "static", &def->is_static))) return err;
    if ((err = cqlparse_accept(p, "primary", &def->is_pkey)) || !def->is_pkey) return err;
    if (ast->pkey_cnt)
        return err_fail(ERR_INVAL, "Multiple PRIMARY KEY specified for table '%.*s' (exactly one "
                        "required)", STR_ARG(ast->name));
    ast->pkey = arena_array(p->arena, struct str, 1);
    ast->pkey[0] = def->name;
    ast->pkey_cnt = 1;
    return cqlparse_expect(p, "key");
}

static int create_table(struct cqlparse *p, struct cqlast *ast) {
    struct cqlparse_list list = {0};
    bool more = true, key;
    ast->kind = CQLAST_CREATE_TABLE;
    int err = if_not_exists(p, ast);
    if (err || (err = cqlparse_table(p, ast)) || (err = cqlparse_expect(p, "("))) return err;
    while (more) {
        key = cqlparse_is(p, "primary");
        if (key) {
            if ((err = cqlparse_advance(p)) || (err = cqlparse_expect(p, "key"))) return err;
            err = primary_key(p, ast);
        } else {
            err = column_def(p, ast, &list);
        }
        if (err || (err = cqlparse_accept(p, ",", &more))) return err;
        if (cqlparse_sign(p, ")")) more = false;
    }
    ast->def = list.ptr;
    ast->def_cnt = (uint16_t)list.cnt;
    if ((err = cqlparse_expect(p, ")"))) return err;
    return parse_with(p, ast);
}

static int create_type(struct cqlparse *p, struct cqlast *ast) {
    struct cqlparse_list list = {0};
    bool more = true;
    ast->kind = CQLAST_CREATE_TYPE;
    int err = if_not_exists(p, ast);
    if (err || (err = cqlparse_table(p, ast)) || (err = cqlparse_expect(p, "("))) return err;
    while (more && !cqlparse_sign(p, ")")) {
        struct cqlast_coldef *def = cqlparse_push(p, &list, sizeof *def);
        if (!def) return full();
        *def = (struct cqlast_coldef){0};
        if ((err = cqlparse_name(p, &def->name)) || (err = cqlparse_type(p, &def->type)))
            return err;
        if ((err = cqlparse_accept(p, ",", &more))) return err;
    }
    ast->def = list.ptr;
    ast->def_cnt = (uint16_t)list.cnt;
    return cqlparse_expect(p, ")");
}

/* What is known and not done: the rest of the statement is not looked at. */
static int refuse(struct cqlparse *p, struct cqlast *ast, const char *why) {
    int err = 0;
    ast->kind = CQLAST_REFUSED;
    ast->refusal = why;
    while (!err && p->now.kind != CQLLEX_END)
        err = cqlparse_advance(p);
    return err;
}

static const struct {
    const char *word, *why;
} refused[] = {
    {"custom", "Secondary indexes are not supported"},
    {"index", "Secondary indexes are not supported"},
    {"materialized", "Materialized views are disabled. Enable in cassandra.yaml to use."},
    {"function", "User-defined functions are disabled in cassandra.yaml - set "
                 "user_defined_functions_enabled=true to enable"},
    {"aggregate", "User-defined functions are disabled in cassandra.yaml - set "
                  "user_defined_functions_enabled=true to enable"},
    {"or", "User-defined functions are disabled in cassandra.yaml - set "
           "user_defined_functions_enabled=true to enable"},
    {"trigger", "Triggers are not supported"},
    {"role", "Roles are not supported"},
    {"user", "Roles are not supported"},
};

static int maybe_refuse(struct cqlparse *p, struct cqlast *ast) {
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (cqlparse_is(p, refused[i].word)) return refuse(p, ast, refused[i].why);
    return cqlparse_unexpected(p);
}

static int parse_create(struct cqlparse *p, struct cqlast *ast) {
    bool keyspace = cqlparse_is(p, "keyspace") || cqlparse_is(p, "schema");
    bool table = cqlparse_is(p, "table") || cqlparse_is(p, "columnfamily");
    bool type = cqlparse_is(p, "type");
    if (!keyspace && !table && !type) return maybe_refuse(p, ast);
    int err = cqlparse_advance(p);
    if (err) return err;
    return keyspace ? create_keyspace(p, ast) : table ? create_table(p, ast) : create_type(p, ast);
}

/* ---- DROP ----------------------------------------------------------------------------------- */

static int parse_drop(struct cqlparse *p, struct cqlast *ast) {
    bool keyspace = cqlparse_is(p, "keyspace") || cqlparse_is(p, "schema");
    bool table = cqlparse_is(p, "table") || cqlparse_is(p, "columnfamily");
    bool type = cqlparse_is(p, "type");
    if (!keyspace && !table && !type) return maybe_refuse(p, ast);
    int err = cqlparse_advance(p);
    if (err || (err = if_exists(p, ast))) return err;
    ast->kind = keyspace ? CQLAST_DROP_KEYSPACE : table ? CQLAST_DROP_TABLE : CQLAST_DROP_TYPE;
    return keyspace ? cqlparse_name(p, &ast->keyspace) : cqlparse_table(p, ast);
}

/* ---- ALTER ---------------------------------------------------------------------------------- */

/* ADD [IF NOT EXISTS] a int, b text STATIC; the list may be in parentheses. */
static int alter_add(struct cqlparse *p, struct cqlast *ast) {
    struct cqlparse_list list = {0};
    bool paren, more = true;
    int err = if_not_exists(p, ast);
    if (err || (err = cqlparse_accept(p, "(", &paren))) return err;
    while (more) {
        struct cqlast_coldef *def = cqlparse_push(p, &list, sizeof *def);
        if (!def) return full();
        *def = (struct cqlast_coldef){0};
        if ((err = cqlparse_name(p, &def->name)) || (err = cqlparse_type(p, &def->type)))
            return err;
        if ((err = cqlparse_accept(p, "static", &def->is_static))) return err;
        if ((err = cqlparse_accept(p, ",", &more))) return err;
    }
    ast->def = list.ptr;
    ast->def_cnt = (uint16_t)list.cnt;
    return paren ? cqlparse_expect(p, ")") : 0;
}

static int alter_drop(struct cqlparse *p, struct cqlast *ast) {
    bool paren, found;
    int err = if_exists(p, ast);
    if (err || (err = cqlparse_accept(p, "(", &paren))) return err;
    if ((err = cqlparse_names(p, &ast->drop, &ast->drop_cnt))) return err;
    if (paren && (err = cqlparse_expect(p, ")"))) return err;
    if ((err = cqlparse_accept(p, "using", &found)) || !found) return err;
    if ((err = cqlparse_expect(p, "timestamp"))) return err;
    return cqlparse_term(p, &ast->timestamp);
}

static int alter_rename(struct cqlparse *p, struct cqlast *ast) {
    struct cqlparse_list list = {0};
    bool more = true;
    int err = if_exists(p, ast);
    while (!err && more) {
        struct str *from = cqlparse_push(p, &list, sizeof *from);
        struct str name;
        if (!from || (err = cqlparse_name(p, from)) || (err = cqlparse_expect(p, "to"))) break;
        if ((err = cqlparse_name(p, &name))) break;
        struct str *to = cqlparse_push(p, &list, sizeof *to);
        if (!to) return full();
        *to = name;
        err = cqlparse_accept(p, "and", &more);
    }
    ast->rename = list.ptr;
    ast->rename_cnt = (uint16_t)list.cnt;
    return err;
}

static int alter_what(struct cqlparse *p, struct cqlast *ast) {
    bool add = cqlparse_is(p, "add"), drop = cqlparse_is(p, "drop");
    bool rename = cqlparse_is(p, "rename");
    if (cqlparse_is(p, "alter"))
        return refuse(p, ast, "Altering column types is no longer supported");
    if (cqlparse_is(p, "with")) return parse_with(p, ast);
    if (!add && !drop && !rename) return cqlparse_unexpected(p);
    int err = cqlparse_advance(p);
    if (err) return err;
    return add ? alter_add(p, ast) : drop ? alter_drop(p, ast) : alter_rename(p, ast);
}

static int parse_alter(struct cqlparse *p, struct cqlast *ast) {
    bool keyspace = cqlparse_is(p, "keyspace") || cqlparse_is(p, "schema");
    bool table = cqlparse_is(p, "table") || cqlparse_is(p, "columnfamily");
    bool type = cqlparse_is(p, "type");
    if (!keyspace && !table && !type) return maybe_refuse(p, ast);
    int err = cqlparse_advance(p);
    if (err || (err = if_exists(p, ast))) return err;
    ast->kind = keyspace ? CQLAST_ALTER_KEYSPACE : table ? CQLAST_ALTER_TABLE : CQLAST_ALTER_TYPE;
    if (keyspace) {
        if ((err = cqlparse_name(p, &ast->keyspace))) return err;
        return cqlparse_is(p, "with") ? parse_with(p, ast) : cqlparse_unexpected(p);
    }
    if ((err = cqlparse_table(p, ast))) return err;
    bool exists = ast->if_exists;
    err = alter_what(p, ast);
    ast->if_exists |= exists;
    return err;
}

int cqlparse_ddl(struct cqlparse *p, struct cqlast *ast, bool *found) {
    int err = cqlparse_accept(p, "create", found);
    if (err || *found) return err ? err : parse_create(p, ast);
    if ((err = cqlparse_accept(p, "drop", found)) || *found) return err ? err : parse_drop(p, ast);
    if ((err = cqlparse_accept(p, "alter", found)) || *found)
        return err ? err : parse_alter(p, ast);
    *found = cqlparse_is(p, "grant") || cqlparse_is(p, "revoke") || cqlparse_is(p, "list");
    return *found ? refuse(p, ast, "Roles are not supported") : 0;
}
