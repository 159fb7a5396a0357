/* cqldesc.c - the grammar of DESCRIBE, and its rows. */
#include "store/server/cqldesc.h"

#include "base/err.h"
#include "store/server/cqlddl.h"
#include "store/server/cqlsys.h"
#include "store/server/systab.h"

#define WORD_MAX 12

/* ---- words ---- */

struct word {
    struct str text; /* lower case unless it was quoted */
    bool quoted;
};
struct words {
    struct word word[WORD_MAX];
    size_t cnt, at;
};

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Reads one word at text[*pos]; false: not a word. "" inside quotes is one quote. */
static bool read_word(struct str text, size_t *pos, struct arena *arena, struct word *out) {
    char *copy = arena_bytes(arena, text.len + 1);
    size_t len = 0, at = *pos;
    out->quoted = text.ptr[at] == '"';
    if (out->quoted) {
        for (at++;; at++) {
            if (at >= text.len) return false;
            if (text.ptr[at] == '"' && !(at + 1 < text.len && text.ptr[at + 1] == '"')) break;
            if (text.ptr[at] == '"') at++;
            copy[len++] = text.ptr[at];
        }
        at++;
    } else {
        for (; at < text.len && is_word(text.ptr[at]); at++) copy[len++] = lower(text.ptr[at]);
    }
    out->text = (struct str){copy, len};
    *pos = at;
    return len > 0;
}

static int split(struct str text, struct arena *arena, struct words *out) {
    *out = (struct words){.cnt = 0};
    size_t pos = 0;
    while (pos < text.len) {
        char c = text.ptr[pos];
        if (is_space(c) || c == ';') {
            pos++;
            continue;
        }
        if (out->cnt == WORD_MAX) return err_fail(ERR_SYNTAX, "DESCRIBE with too many words");
        struct word *word = &out->word[out->cnt++];
        if (c == '.') {
            *word = (struct word){STR("."), false};
            pos++;
        } else if (!read_word(text, &pos, arena, word)) {
            return err_fail(ERR_SYNTAX, "line 1:%zu no viable alternative at input '%c' "
                                        "in a DESCRIBE statement", pos, c);
        }
    }
    return 0;
}

static bool take(struct words *in, const char *keyword) {
    if (in->at >= in->cnt || in->word[in->at].quoted) return false;
    if (!str_eqz(in->word[in->at].text, keyword)) return false;
    in->at++;
    return true;
}

/* [keyspace.]name; the keyspace is the session's when none is written. */
static int take_name(struct words *in, const struct cqlexec_session *session,
                     struct str *keyspace, struct str *name) {
    if (in->at >= in->cnt)
        return err_fail(ERR_SYNTAX, "a DESCRIBE statement ends where a name should stand");
    *keyspace = str_of(session->keyspace);
    *name = in->word[in->at++].text;
    if (take(in, ".")) {
        if (in->at >= in->cnt)
            return err_fail(ERR_SYNTAX, "a DESCRIBE statement ends where a name should stand");
        *keyspace = *name;
        *name = in->word[in->at++].text;
    }
    return 0;
}

static int take_end(struct words *in) {
    if (take(in, "with") && !take(in, "internals"))
        return err_fail(ERR_SYNTAX, "WITH in a DESCRIBE statement is followed by INTERNALS");
    if (in->at == in->cnt) return 0;
    return err_fail(ERR_SYNTAX, "extraneous input '%.*s' in a DESCRIBE statement",
                    STR_ARG(in->word[in->at].text));
}

bool cqldesc_is(struct str text) {
    text = str_trim(text);
    size_t len = 0;
    while (len < text.len && is_word(text.ptr[len])) len++;
    struct str first = {text.ptr, len};
    return str_ieq(first, STR("desc")) || str_ieq(first, STR("describe"));
}

/* ---- rows ---- */

struct desc {
    struct store *store;
    const struct cqlexec_session *session;
    struct arena *arena;
    struct buf *rows;
    struct cqlexec_result *result;
    bool create; /* the fourth column too */
};

static void set_cols(struct desc *desc, const char *const *name, size_t cnt) {
    struct cqlexec_col *col = arena_array(desc->arena, struct cqlexec_col, cnt);
    for (size_t i = 0; i < cnt; i++)
        col[i] = (struct cqlexec_col){STR("system"), STR("describe"), str_of(name[i]),
                                      &systab_text};
    desc->result->kind = CQLEXEC_ROWS;
    desc->result->col = col;
    desc->result->col_cnt = cnt;
}

static void put_value(struct desc *desc, struct str value) {
    buf_i32(desc->rows, (int32_t)value.len);
    buf_puts(desc->rows, value);
}

static void put_row(struct desc *desc, struct str keyspace, const char *type, struct str name,
                    struct str create) {
    put_value(desc, keyspace);
    put_value(desc, str_of(type));
    put_value(desc, name);
    if (desc->create) put_value(desc, create);
    desc->result->row_cnt++;
}

/* ---- what there is: the store's first, then the system's ---- */

static bool is_system(struct str keyspace) {
    const char *name;
    for (size_t i = 0; (name = cqlsys_keyspace(i)) != NULL; i++)
        if (str_eqz(keyspace, name)) return true;
    return false;
}

static int all_keyspaces(struct desc *desc, bool with_system, struct store_keyspace **out,
                         size_t *cnt) {
    struct store_keyspace *own;
    int err = store_keyspaces(desc->store, desc->arena, &own, cnt);
    if (err || !with_system) {
        *out = own;
        return err;
    }
    size_t sys_cnt = 0;
    while (cqlsys_keyspace(sys_cnt)) sys_cnt++;
    struct store_keyspace *all =
        arena_array(desc->arena, struct store_keyspace, *cnt + sys_cnt);
    for (size_t i = 0; i < *cnt; i++) all[i] = own[i];
    for (size_t i = 0; i < sys_cnt; i++)
        all[(*cnt)++] = (struct store_keyspace){.name = str_of(cqlsys_keyspace(i)),
                                                .durable_writes = true};
    *out = all;
    return 0;
}

static int get_keyspace(struct desc *desc, struct str name, struct store_keyspace *out) {
    struct store_keyspace *all;
    size_t cnt;
    int err = all_keyspaces(desc, true, &all, &cnt);
    for (size_t i = 0; !err && i < cnt; i++) {
        if (!str_eq(all[i].name, name)) continue;
        *out = all[i];
        return 0;
    }
    if (err) return err;
    return err_fail(ERR_NOT_FOUND, "'%.*s' not found in keyspaces", STR_ARG(name));
}

static int tables_of(struct desc *desc, struct str keyspace, struct store_table **out,
                     size_t *cnt) {
    if (!is_system(keyspace)) return store_tables(desc->store, keyspace, desc->arena, out, cnt);
    cqlsys_tables(keyspace, desc->arena, out, cnt);
    return 0;
}

static int udts_of(struct desc *desc, struct str keyspace, struct store_udt **out, size_t *cnt) {
    *cnt = 0;
    if (is_system(keyspace)) return 0;
    return store_udts(desc->store, keyspace, desc->arena, out, cnt);
}

/* ---- CREATE statements ---- */

/* Does the type need one of the user types that are not written yet? Depth is limited where types
 * are made. */
static bool needs(const struct cqltype *type, const struct store_udt *udt, const bool *written,
                  size_t cnt) {
    for (size_t a = 0; a < type->arg_cnt; a++) {
        const struct cqltype *arg = type->arg[a];
        if (arg->kind == CQL_UDT)
            for (size_t i = 0; i < cnt; i++)
                if (!written[i] && str_eq(udt[i].name, arg->name)) return true;
        if (needs(arg, udt, written, cnt)) return true;
    }
    return false;
}

/* A user type comes after those it is made of. */
static void put_udts(struct desc *desc, const struct store_udt *udt, size_t cnt) {
    bool *written = arena_array(desc->arena, bool, cnt + 1);
    size_t done = 0, before = SIZE_MAX;
    while (done < cnt && done != before) {
        before = done;
        for (size_t i = 0; i < cnt; i++) {
            if (written[i] || needs(udt[i].type, udt, written, cnt)) continue;
            put_row(desc, udt[i].keyspace, "type", udt[i].name, cqlddl_udt(&udt[i], desc->arena));
            written[i] = true;
            done++;
        }
    }
}

static int put_keyspace(struct desc *desc, const struct store_keyspace *keyspace, bool only) {
    put_row(desc, keyspace->name, "keyspace", keyspace->name,
            cqlddl_keyspace(keyspace, desc->arena));
    if (only) return 0;
    struct store_udt *udt;
    struct store_table *table;
    size_t cnt;
    int err = udts_of(desc, keyspace->name, &udt, &cnt);
    if (err) return err;
    put_udts(desc, udt, cnt);
    err = tables_of(desc, keyspace->name, &table, &cnt);
    for (size_t i = 0; !err && i < cnt; i++)
        put_row(desc, table[i].keyspace, "table", table[i].name,
                cqlddl_table(&table[i], desc->arena));
    return err;
}

static int desc_schema(struct desc *desc, bool full) {
    struct store_keyspace *all;
    size_t cnt;
    int err = all_keyspaces(desc, full, &all, &cnt);
    for (size_t i = 0; !err && i < cnt; i++) err = put_keyspace(desc, &all[i], false);
    return err;
}

static int desc_keyspace(struct desc *desc, struct str name, bool only) {
    struct store_keyspace keyspace;
    if (name.len == 0)
        return err_fail(ERR_INVAL, "No keyspace specified and no current keyspace");
    int err = get_keyspace(desc, name, &keyspace);
    return err ? err : put_keyspace(desc, &keyspace, only);
}

static int need_keyspace(struct desc *desc, struct str keyspace) {
    struct store_keyspace found;
    if (keyspace.len == 0)
        return err_fail(ERR_INVAL, "No keyspace specified and no current keyspace");
    return get_keyspace(desc, keyspace, &found);
}

static int desc_table(struct desc *desc, struct str keyspace, struct str name) {
    struct store_table *table;
    size_t cnt;
    int err = need_keyspace(desc, keyspace);
    if (!err) err = tables_of(desc, keyspace, &table, &cnt);
    for (size_t i = 0; !err && i < cnt; i++) {
        if (!str_eq(table[i].name, name)) continue;
        put_row(desc, keyspace, "table", name, cqlddl_table(&table[i], desc->arena));
        return 0;
    }
    if (err) return err;
    return err_fail(ERR_NOT_FOUND, "Table '%.*s' not found in keyspace '%.*s'", STR_ARG(name),
                    STR_ARG(keyspace));
}

static int desc_type(struct desc *desc, struct str keyspace, struct str name) {
    struct store_udt *udt;
    size_t cnt;
    int err = need_keyspace(desc, keyspace);
    if (!err) err = udts_of(desc, keyspace, &udt, &cnt);
    for (size_t i = 0; !err && i < cnt; i++) {
        if (!str_eq(udt[i].name, name)) continue;
        put_row(desc, keyspace, "type", name, cqlddl_udt(&udt[i], desc->arena));
        return 0;
    }
    if (err) return err;
    return err_fail(ERR_NOT_FOUND, "User defined type '%.*s' not found in '%.*s'", STR_ARG(name),
                    STR_ARG(keyspace));
}

/* DESCRIBE name: a keyspace, or else a table or a type of the keyspace in use. */
static int desc_any(struct desc *desc, struct str keyspace, struct str name, bool full_name) {
    struct store_keyspace found;
    if (!full_name && get_keyspace(desc, name, &found) == 0)
        return put_keyspace(desc, &found, false);
    if (keyspace.len == 0)
        return err_fail(ERR_NOT_FOUND, "'%.*s' not found in keyspaces", STR_ARG(name));
    int err = desc_table(desc, keyspace, name);
    if (err == ERR_NOT_FOUND) err = desc_type(desc, keyspace, name);
    if (err != ERR_NOT_FOUND) return err;
    return err_fail(ERR_NOT_FOUND, "'%.*s' not found in keyspace '%.*s'", STR_ARG(name),
                    STR_ARG(keyspace));
}

/* ---- lists of names ---- */

enum list_kind { KEYSPACES, TABLES, TYPES, NOTHING };

static int list_one(struct desc *desc, struct str keyspace, enum list_kind kind) {
    struct store_table *table;
    struct store_udt *udt;
    size_t cnt = 0;
    int err = 0;
    switch (kind) {
    case KEYSPACES: put_row(desc, keyspace, "keyspace", keyspace, STR_NULL); break;
    case TABLES:
        err = tables_of(desc, keyspace, &table, &cnt);
        for (size_t i = 0; !err && i < cnt; i++)
            put_row(desc, keyspace, "table", table[i].name, STR_NULL);
        break;
    case TYPES:
        err = udts_of(desc, keyspace, &udt, &cnt);
        for (size_t i = 0; !err && i < cnt; i++)
            put_row(desc, keyspace, "type", udt[i].name, STR_NULL);
        break;
    case NOTHING: break;
    }
    return err;
}

/* Of the keyspace in use, or of all. */
static int desc_list(struct desc *desc, enum list_kind kind) {
    static const char *const name[] = {"keyspace_name", "type", "name"};
    struct store_keyspace *all;
    size_t cnt;
    set_cols(desc, name, 3);
    desc->create = false;
    struct str current = str_of(desc->session->keyspace);
    if (current.len > 0 && kind != KEYSPACES) return list_one(desc, current, kind);
    int err = all_keyspaces(desc, true, &all, &cnt);
    for (size_t i = 0; !err && i < cnt; i++) err = list_one(desc, all[i].name, kind);
    return err;
}

static int desc_cluster(struct desc *desc) {
    static const char *const name[] = {"cluster", "partitioner", "snitch"};
    set_cols(desc, name, 3);
    put_value(desc, STR(CQLSYS_CLUSTER));
    put_value(desc, STR("Murmur3Partitioner"));
    put_value(desc, STR("SimpleSnitch"));
    desc->result->row_cnt = 1;
    return 0;
}

/* ---- the statement ---- */

static int run_named(struct desc *desc, struct words *in) {
    struct str keyspace, name;
    bool table = take(in, "table") || take(in, "columnfamily");
    bool type = !table && take(in, "type");
    bool full_name = in->at + 1 < in->cnt && str_eqz(in->word[in->at + 1].text, ".");
    int err = take_name(in, desc->session, &keyspace, &name);
    if (!err) err = take_end(in);
    if (err) return err;
    if (table) return desc_table(desc, keyspace, name);
    if (type) return desc_type(desc, keyspace, name);
    return desc_any(desc, keyspace, name, full_name);
}

static int run_keyspace(struct desc *desc, struct words *in, bool only) {
    struct str name = str_of(desc->session->keyspace);
    if (in->at < in->cnt && (in->word[in->at].quoted || !str_eqz(in->word[in->at].text, "with")))
        name = in->word[in->at++].text;
    int err = take_end(in);
    return err ? err : desc_keyspace(desc, name, only);
}

/* FUNCTION f, INDEX i, MATERIALIZED VIEW v: there are none to be found. */
static int run_absent(struct desc *desc, struct words *in) {
    struct str keyspace, name;
    int err = take_name(in, desc->session, &keyspace, &name);
    if (!err) err = take_end(in);
    if (!err) err = need_keyspace(desc, keyspace);
    if (err) return err;
    return err_fail(ERR_NOT_FOUND, "'%.*s' not found in keyspace '%.*s'", STR_ARG(name),
                    STR_ARG(keyspace));
}

static int run_words(struct desc *desc, struct words *in) {
    static const struct {
        const char *word;
        enum list_kind kind;
    } list[] = {
        {"keyspaces", KEYSPACES}, {"tables", TABLES},      {"types", TYPES},
        {"functions", NOTHING},   {"aggregates", NOTHING},
    };
    int err;
    in->at = 1;
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        if (!take(in, list[i].word)) continue;
        err = take_end(in);
        return err ? err : desc_list(desc, list[i].kind);
    }
    if (take(in, "cluster")) {
        err = take_end(in);
        return err ? err : desc_cluster(desc);
    }
    bool full = take(in, "full");
    if (take(in, "schema")) {
        err = take_end(in);
        return err ? err : desc_schema(desc, full);
    }
    if (full) return err_fail(ERR_SYNTAX, "FULL in a DESCRIBE statement is followed by SCHEMA");
    bool only = take(in, "only");
    if (take(in, "keyspace")) return run_keyspace(desc, in, only);
    if (only) return err_fail(ERR_SYNTAX, "ONLY in a DESCRIBE statement is followed by KEYSPACE");
    if (take(in, "function") || take(in, "aggregate") || take(in, "index") ||
        (take(in, "materialized") && take(in, "view")))
        return run_absent(desc, in);
    return run_named(desc, in);
}

int cqldesc_run(struct store *store, const struct cqlexec_session *session, struct str text,
                struct arena *arena, struct buf *rows, struct cqlexec_result *result) {
    static const char *const name[] = {"keyspace_name", "type", "name", "create_statement"};
    struct words in;
    struct desc desc = {store, session, arena, rows, result, true};
    *result = (struct cqlexec_result){.kind = CQLEXEC_ROWS};
    int err = split(text, arena, &in);
    if (err) return err;
    set_cols(&desc, name, 4);
    err = run_words(&desc, &in);
    if (!err && rows->full)
        err = err_fail(ERR_TOO_BIG, "the description of the schema is over %zu bytes", rows->max);
    return err;
}
