/* cqlparse.c - the statements that read and write rows, and what all of the parser shares. */
#include "store/cql/cqlparse.h"

#include "base/err.h"

/* ---- tokens --------------------------------------------------------------------------------- */

int cqlparse_advance(struct cqlparse *p) {
    p->done = p->now.pos + p->now.len;
    p->now = p->ahead;
    return p->now.kind == CQLLEX_END ? 0 : cqllex_next(&p->lex, &p->ahead);
}

bool cqlparse_is(const struct cqlparse *p, const char *word) {
    return p->now.kind == CQLLEX_NAME && str_eqz(p->now.text, word);
}

bool cqlparse_sign(const struct cqlparse *p, const char *sign) {
    return p->now.kind == CQLLEX_SIGN && str_eqz(p->now.text, sign);
}

static bool here(const struct cqlparse *p, const char *what) {
    return cqlparse_is(p, what) || cqlparse_sign(p, what);
}

int cqlparse_unexpected(const struct cqlparse *p) {
    int line, col;
    cqllex_place(p->lex.text, p->now.pos, &line, &col);
    if (p->now.kind == CQLLEX_END)
        return err_fail(ERR_SYNTAX, "line %d:%d no viable alternative at input '<EOF>'", line, col);
    struct str seen = {p->lex.text.ptr + p->now.pos, MIN(p->now.len, (size_t)100)};
    return err_fail(ERR_SYNTAX, "line %d:%d no viable alternative at input '%.*s'", line, col,
                    STR_ARG(seen));
}

int cqlparse_accept(struct cqlparse *p, const char *what, bool *found) {
    *found = here(p, what);
    return *found ? cqlparse_advance(p) : 0;
}

int cqlparse_expect(struct cqlparse *p, const char *what) {
    if (here(p, what)) return cqlparse_advance(p);
    int line, col;
    cqllex_place(p->lex.text, p->now.pos, &line, &col);
    struct str seen = {p->lex.text.ptr + p->now.pos, MIN(p->now.len, (size_t)100)};
    if (p->now.kind == CQLLEX_END) seen = STR("<EOF>");
    return err_fail(ERR_SYNTAX, "line %d:%d mismatched input '%.*s' expecting '%s'", line, col,
                    STR_ARG(seen), what);
}

void *cqlparse_push(struct cqlparse *p, struct cqlparse_list *list, size_t size) {
    if (list->cnt == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 8;
        char *grown = arena_calloc(p->arena, cap, size);
        if (list->cnt) memcpy(grown, list->ptr, list->cnt * size);
        list->ptr = grown;
        list->cap = cap;
    }
    return list->cnt == CQLPARSE_ITEM_MAX ? NULL : (char *)list->ptr + list->cnt++ * size;
}

static int full(void) {
    return err_fail(ERR_TOO_BIG, "a list in the statement has more than %d items",
                    CQLPARSE_ITEM_MAX);
}

static int push_str(struct cqlparse *p, struct cqlparse_list *list, struct str text) {
    struct str *at = cqlparse_push(p, list, sizeof *at);
    if (!at) return full();
    *at = text;
    return 0;
}

/* ---- names ---------------------------------------------------------------------------------- */

int cqlparse_name(struct cqlparse *p, struct str *out) {
    bool fine = p->now.kind == CQLLEX_QUOTED ||
                (p->now.kind == CQLLEX_NAME && !cqllex_reserved(p->now.text));
    if (!fine) return cqlparse_unexpected(p);
    *out = p->now.text;
    return cqlparse_advance(p);
}

int cqlparse_table(struct cqlparse *p, struct cqlast *ast) {
    bool dot;
    ast->keyspace = STR_NULL;
    int err = cqlparse_name(p, &ast->name);
    if (err || (err = cqlparse_accept(p, ".", &dot)) || !dot) return err;
    ast->keyspace = ast->name;
    return cqlparse_name(p, &ast->name);
}

/* A number or a marker, as LIMIT, TTL and TIMESTAMP have it. */
static int parse_count(struct cqlparse *p, struct cqlterm **out) {
    bool fine = p->now.kind == CQLLEX_INT || p->now.kind == CQLLEX_MARK ||
                cqlparse_sign(p, ":") || cqlparse_sign(p, "-");
    return fine ? cqlparse_term(p, out) : cqlparse_unexpected(p);
}

int cqlparse_names(struct cqlparse *p, struct str **out, uint16_t *cnt) {
    struct cqlparse_list list = {0};
    bool more;
    int err;
    do {
        struct str name;
        if ((err = cqlparse_name(p, &name)) || (err = push_str(p, &list, name))) return err;
        if ((err = cqlparse_accept(p, ",", &more))) return err;
    } while (more);
    *out = list.ptr;
    *cnt = (uint16_t)list.cnt;
    return 0;
}

/* A type's text: a word, and what stands between < and >. */
int cqlparse_type(struct cqlparse *p, struct str *out) {
    size_t from = p->now.pos;
    int depth = 0, err = 0;
    if (p->now.kind != CQLLEX_NAME && p->now.kind != CQLLEX_QUOTED) return cqlparse_unexpected(p);
    do {
        if (cqlparse_sign(p, "<")) depth++;
        if (cqlparse_sign(p, ">")) depth--;
        if (p->now.kind == CQLLEX_END || p->now.kind == CQLLEX_STRING)
            return cqlparse_unexpected(p);
        *out = (struct str){p->lex.text.ptr + from, p->now.pos + p->now.len - from};
        if ((err = cqlparse_advance(p))) return err;
    } while (depth > 0 || cqlparse_sign(p, "<") || cqlparse_sign(p, "."));
    return 0;
}

static int names_in_parens(struct cqlparse *p, struct str **out, uint16_t *cnt) {
    int err = cqlparse_expect(p, "(");
    if (!err) err = cqlparse_names(p, out, cnt);
    return err ? err : cqlparse_expect(p, ")");
}

/* ---- terms ---------------------------------------------------------------------------------- */

/* The text since `from`. */
static struct str since(const struct cqlparse *p, size_t from) {
    return (struct str){p->lex.text.ptr + from, p->done - from};
}

static struct cqlterm *term_new(struct cqlparse *p, enum cqlterm_kind kind, struct str text) {
    struct cqlterm *term = arena_new(p->arena, struct cqlterm);
    term->kind = kind;
    term->text = text;
    return term;
}

static int push_term(struct cqlparse *p, struct cqlparse_list *list, struct cqlterm *term) {
    struct cqlterm **at = cqlparse_push(p, list, sizeof *at);
    if (!at) return full();
    *at = term;
    return 0;
}

/* Terms up to `end`, the opening sign having been read. */
static int terms_until(struct cqlparse *p, const char *end, struct cqlterm *into) {
    struct cqlparse_list list = {0};
    struct cqlterm *item;
    bool more = !cqlparse_sign(p, end);
    int err = 0;
    while (more) {
        if ((err = cqlparse_term(p, &item)) || (err = push_term(p, &list, item))) return err;
        if ((err = cqlparse_accept(p, ",", &more))) return err;
    }
    into->kid = list.ptr;
    into->cnt = (uint16_t)list.cnt;
    return cqlparse_expect(p, end);
}

static int parse_mark(struct cqlparse *p, struct str name, struct cqlterm **out) {
    struct cqlast_mark *mark = cqlparse_push(p, &p->marks, sizeof *mark);
    if (!mark) return full();
    mark->name = name;
    *out = term_new(p, CQLTERM_MARK, STR("?"));
    (*out)->mark = (uint16_t)(p->marks.cnt - 1);
    return 0;
}

/* Behind the '{': a set, a map, or a user type's {name: term}. */
static int parse_braces(struct cqlparse *p, struct cqlterm **out) {
    struct cqlparse_list kids = {0}, names = {0};
    struct cqlterm *term = *out = term_new(p, CQLTERM_MAP, STR_NULL), *item;
    bool more = !cqlparse_sign(p, "}"), colon;
    int err = 0;
    for (size_t n = 0; more; n++) {
        bool named = p->ahead.kind == CQLLEX_SIGN && str_eqz(p->ahead.text, ":") &&
                     (p->now.kind == CQLLEX_QUOTED ||
                      (p->now.kind == CQLLEX_NAME && !cqllex_reserved(p->now.text) &&
                       !cqlparse_is(p, "true") && !cqlparse_is(p, "false")));
        if (named) {
            struct str name;
            if ((err = cqlparse_name(p, &name)) || (err = push_str(p, &names, name))) return err;
        } else {
            if ((err = cqlparse_term(p, &item)) || (err = push_term(p, &kids, item))) return err;
        }
        if ((err = cqlparse_accept(p, ":", &colon))) return err;
        enum cqlterm_kind kind = named ? CQLTERM_UDT : colon ? CQLTERM_MAP : CQLTERM_SET;
        if (n == 0) term->kind = kind;
        if (kind != term->kind) return cqlparse_unexpected(p);
        if (colon)
            if ((err = cqlparse_term(p, &item)) || (err = push_term(p, &kids, item))) return err;
        if ((err = cqlparse_accept(p, ",", &more))) return err;
    }
    term->kid = kids.ptr;
    term->cnt = (uint16_t)kids.cnt;
    term->name = names.ptr;
    return cqlparse_expect(p, "}");
}

/* Is this "(type) term"? Only the names of types may begin one. */
static bool cast_here(const struct cqlparse *p) {
    static const char *const names[] = {
        "ascii", "bigint", "blob",  "boolean",   "counter", "date",    "decimal", "double",
        "duration", "float", "inet", "int",      "smallint", "text",   "time",    "timestamp",
        "timeuuid", "tinyint", "uuid", "varchar", "varint", "list",    "set",     "map",
        "tuple", "frozen", "vector"};
    if (p->now.kind != CQLLEX_NAME || p->ahead.kind != CQLLEX_SIGN) return false;
    if (!str_eqz(p->ahead.text, ")") && !str_eqz(p->ahead.text, "<")) return false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eqz(p->now.text, names[i])) return true;
    return false;
}

static int parse_unary(struct cqlparse *p, struct cqlterm **out);

/* Behind the '(': a cast, a tuple, or a term in parentheses. */
static int parse_parens(struct cqlparse *p, struct cqlterm **out) {
    struct cqlterm *term;
    int err;
    if (cast_here(p)) {
        *out = term = term_new(p, CQLTERM_CAST, STR_NULL);
        term->kid = arena_array(p->arena, struct cqlterm *, 1);
        term->cnt = 1;
        if ((err = cqlparse_type(p, &term->text)) || (err = cqlparse_expect(p, ")"))) return err;
        return parse_unary(p, &term->kid[0]);
    }
    *out = term = term_new(p, CQLTERM_TUPLE, STR_NULL);
    if ((err = terms_until(p, ")", term))) return err;
    if (!term->cnt) return cqlparse_unexpected(p);
    if (term->cnt == 1 && term->kid[0]->kind == CQLTERM_ARITH) *out = term->kid[0];
    return 0;
}

static int parse_call(struct cqlparse *p, struct str name, struct cqlterm **out) {
    *out = term_new(p, CQLTERM_CALL, name);
    int err = cqlparse_expect(p, "(");
    return err ? err : terms_until(p, ")", *out);
}

static int parse_word(struct cqlparse *p, struct cqlterm **out) {
    struct str name = p->now.text;
    bool call = p->ahead.kind == CQLLEX_SIGN && str_eqz(p->ahead.text, "(");
    bool dot = p->ahead.kind == CQLLEX_SIGN && str_eqz(p->ahead.text, ".");
    bool null = str_eqz(name, "null"), is_bool = str_eqz(name, "true") || str_eqz(name, "false");
    if (!call && !dot && !null && !is_bool && !str_eqz(name, "nan") &&
        !str_eqz(name, "infinity"))
        return cqlparse_unexpected(p);
    int err = cqlparse_advance(p);
    if (err) return err;
    if (dot) { /* system.now() */
        if ((err = cqlparse_advance(p)) || (err = cqlparse_name(p, &name))) return err;
        call = true;
    }
    if (call) return parse_call(p, name, out);
    *out = term_new(p, null ? CQLTERM_NULL : is_bool ? CQLTERM_BOOL : CQLTERM_FLOAT, name);
    return 0;
}

static int parse_constant(struct cqlparse *p, struct cqlterm **out) {
    static const enum cqlterm_kind kinds[] = {
        [CQLLEX_STRING] = CQLTERM_STRING, [CQLLEX_INT] = CQLTERM_INT,
        [CQLLEX_FLOAT] = CQLTERM_FLOAT,   [CQLLEX_HEX] = CQLTERM_HEX,
        [CQLLEX_UUID] = CQLTERM_UUID,     [CQLLEX_DURATION] = CQLTERM_DURATION};
    *out = term_new(p, kinds[p->now.kind], p->now.text);
    return cqlparse_advance(p);
}

static int parse_primary(struct cqlparse *p, struct cqlterm **out) {
    bool found;
    int err;
    switch (p->now.kind) {
    case CQLLEX_STRING: case CQLLEX_INT: case CQLLEX_FLOAT: case CQLLEX_HEX: case CQLLEX_UUID:
    case CQLLEX_DURATION: return parse_constant(p, out);
    case CQLLEX_NAME: case CQLLEX_QUOTED: return parse_word(p, out);
    case CQLLEX_MARK:
        if ((err = parse_mark(p, STR_NULL, out))) return err;
        return cqlparse_advance(p);
    default: break;
    }
    if ((err = cqlparse_accept(p, ":", &found))) return err;
    if (found) {
        struct str name = p->now.text;
        if (p->now.kind != CQLLEX_NAME && p->now.kind != CQLLEX_QUOTED)
            return cqlparse_unexpected(p);
        if ((err = parse_mark(p, name, out))) return err;
        return cqlparse_advance(p);
    }
    if ((err = cqlparse_accept(p, "[", &found))) return err;
    if (found) {
        *out = term_new(p, CQLTERM_LIST, STR_NULL);
        return terms_until(p, "]", *out);
    }
    if ((err = cqlparse_accept(p, "{", &found))) return err;
    if (found) return parse_braces(p, out);
    if ((err = cqlparse_accept(p, "(", &found))) return err;
    return found ? parse_parens(p, out) : cqlparse_unexpected(p);
}

/* '-' before a constant is part of it. */
static int parse_unary(struct cqlparse *p, struct cqlterm **out) {
    bool minus;
    int err = cqlparse_accept(p, "-", &minus);
    if (err) return err;
    if (!minus) return parse_primary(p, out);
    if (++p->depth > CQLPARSE_DEPTH_MAX) return cqlparse_unexpected(p);
    struct cqlterm *term;
    err = parse_unary(p, &term);
    p->depth--;
    if (err) return err;
    bool constant = term->kind == CQLTERM_INT || term->kind == CQLTERM_FLOAT ||
                    term->kind == CQLTERM_DURATION;
    if (constant && term->text.ptr[0] != '-') {
        term->text = arena_printf(p->arena, "-%.*s", STR_ARG(term->text));
        *out = term;
        return 0;
    }
    *out = term_new(p, CQLTERM_NEG, STR_NULL);
    (*out)->kid = arena_array(p->arena, struct cqlterm *, 1);
    (*out)->kid[0] = term;
    (*out)->cnt = 1;
    return 0;
}

static struct cqlterm *arith(struct cqlparse *p, struct str op, struct cqlterm *a) {
    struct cqlterm *term = term_new(p, CQLTERM_ARITH, op);
    term->kid = arena_array(p->arena, struct cqlterm *, 2);
    term->kid[0] = a;
    term->cnt = 2;
    return term;
}

static int parse_product(struct cqlparse *p, struct cqlterm **out) {
    int err = parse_unary(p, out);
    while (!err && (cqlparse_sign(p, "*") || cqlparse_sign(p, "/") || cqlparse_sign(p, "%"))) {
        *out = arith(p, p->now.text, *out);
        if ((err = cqlparse_advance(p))) break;
        err = parse_unary(p, &(*out)->kid[1]);
    }
    return err;
}

int cqlparse_term(struct cqlparse *p, struct cqlterm **out) {
    if (++p->depth > CQLPARSE_DEPTH_MAX)
        return err_fail(ERR_SYNTAX, "the statement is nested more than %d levels deep",
                        CQLPARSE_DEPTH_MAX);
    int err = parse_product(p, out);
    size_t links = 0;
    while (!err && (cqlparse_sign(p, "+") || cqlparse_sign(p, "-"))) {
        if (++links > CQLPARSE_DEPTH_MAX) return full();
        *out = arith(p, p->now.text, *out);
        if ((err = cqlparse_advance(p))) break;
        err = parse_product(p, &(*out)->kid[1]);
    }
    p->depth--;
    return err;
}

/* ---- WHERE and IF --------------------------------------------------------------------------- */

static int parse_op(struct cqlparse *p, enum cqlrel_op *out) {
    static const struct {
        const char *sign;
        enum cqlrel_op op;
    } signs[] = {{"=", CQLREL_EQ},  {"<", CQLREL_LT},  {"<=", CQLREL_LE},
                 {">", CQLREL_GT},  {">=", CQLREL_GE}, {"!=", CQLREL_NE},
                 {"in", CQLREL_IN}, {"like", CQLREL_LIKE}};
    bool found;
    int err;
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (here(p, signs[i].sign)) {
            *out = signs[i].op;
            return cqlparse_advance(p);
        }
    if ((err = cqlparse_accept(p, "contains", &found))) return err;
    if (found) {
        if ((err = cqlparse_accept(p, "key", &found))) return err;
        *out = found ? CQLREL_CONTAINS_KEY : CQLREL_CONTAINS;
        return 0;
    }
    if ((err = cqlparse_expect(p, "is")) || (err = cqlparse_expect(p, "not"))) return err;
    *out = CQLREL_NOT_NULL;
    return cqlparse_expect(p, "null");
}

static int parse_in(struct cqlparse *p, struct cqlrel *rel) {
    bool paren;
    int err = cqlparse_accept(p, "(", &paren);
    if (err) return err;
    if (!paren) {
        rel->in_mark = true;
        return p->now.kind == CQLLEX_MARK || cqlparse_sign(p, ":") ? cqlparse_term(p, &rel->term)
                                                                   : cqlparse_unexpected(p);
    }
    rel->term = term_new(p, CQLTERM_LIST, STR_NULL);
    return terms_until(p, ")", rel->term);
}

/* What stands before the operator. */
static int parse_left(struct cqlparse *p, struct cqlrel *rel, bool cond) {
    bool found;
    int err;
    if (cqlparse_is(p, "token") && p->ahead.kind == CQLLEX_SIGN) {
        rel->token = true;
        if ((err = cqlparse_advance(p))) return err;
        return names_in_parens(p, &rel->name, &rel->name_cnt);
    }
    if (cqlparse_sign(p, "(") && !cond) {
        rel->tuple = true;
        return names_in_parens(p, &rel->name, &rel->name_cnt);
    }
    rel->name = arena_array(p->arena, struct str, 1);
    rel->name_cnt = 1;
    if ((err = cqlparse_name(p, &rel->name[0]))) return err;
    if ((err = cqlparse_accept(p, "[", &found))) return err;
    if (found) {
        if ((err = cqlparse_term(p, &rel->index))) return err;
        return cqlparse_expect(p, "]");
    }
    if (!cond) return 0;
    if ((err = cqlparse_accept(p, ".", &found)) || !found) return err;
    return cqlparse_name(p, &rel->field);
}

static int parse_relation(struct cqlparse *p, struct cqlrel *rel, bool cond) {
    size_t from = p->now.pos;
    int err = parse_left(p, rel, cond);
    if (err || (err = parse_op(p, &rel->op))) return err;
    if (rel->op == CQLREL_IN) err = parse_in(p, rel);
    else if (rel->op != CQLREL_NOT_NULL) err = cqlparse_term(p, &rel->term);
    rel->text = since(p, from);
    return err;
}

static int parse_relations(struct cqlparse *p, bool cond, struct cqlrel **out, uint16_t *cnt) {
    struct cqlparse_list list = {0};
    bool more;
    int err;
    do {
        struct cqlrel *rel = cqlparse_push(p, &list, sizeof *rel);
        if (!rel) return full();
        *rel = (struct cqlrel){0};
        if ((err = parse_relation(p, rel, cond))) return err;
        if ((err = cqlparse_accept(p, "and", &more))) return err;
    } while (more);
    *out = list.ptr;
    *cnt = (uint16_t)list.cnt;
    return 0;
}

static int parse_where(struct cqlparse *p, struct cqlast *ast) {
    bool found;
    int err = cqlparse_accept(p, "where", &found);
    return err || !found ? err : parse_relations(p, false, &ast->where, &ast->where_cnt);
}

/* IF EXISTS, IF NOT EXISTS or IF conditions. */
static int parse_if(struct cqlparse *p, struct cqlast *ast) {
    bool found;
    int err = cqlparse_accept(p, "if", &found);
    if (err || !found) return err;
    if (cqlparse_is(p, "exists") && p->ahead.kind != CQLLEX_SIGN) {
        ast->if_exists = true;
        return cqlparse_advance(p);
    }
    if ((err = cqlparse_accept(p, "not", &found))) return err;
    if (found) {
        ast->if_not_exists = true;
        return cqlparse_expect(p, "exists");
    }
    return parse_relations(p, true, &ast->cond, &ast->cond_cnt);
}

static int parse_using(struct cqlparse *p, struct cqlast *ast) {
    bool found;
    int err = cqlparse_accept(p, "using", &found);
    while (!err && found) {
        bool ttl = cqlparse_is(p, "ttl");
        if (!ttl && !cqlparse_is(p, "timestamp")) return cqlparse_unexpected(p);
        if ((err = cqlparse_advance(p))) return err;
        if ((err = parse_count(p, ttl ? &ast->ttl : &ast->timestamp))) return err;
        err = cqlparse_accept(p, "and", &found);
    }
    return err;
}

/* ---- SELECT --------------------------------------------------------------------------------- */

static int parse_pick(struct cqlparse *p, struct cqlpick **out);

static struct cqlpick *pick_new(struct cqlparse *p, enum cqlpick_kind kind, struct str name) {
    struct cqlpick *pick = arena_new(p->arena, struct cqlpick);
    pick->kind = kind;
    pick->name = name;
    return pick;
}

static int pick_args(struct cqlparse *p, struct cqlpick *pick) {
    struct cqlparse_list list = {0};
    bool more = !cqlparse_sign(p, ")");
    int err = 0;
    while (more) {
        struct cqlpick **at = cqlparse_push(p, &list, sizeof *at);
        if (!at) return full();
        if ((err = parse_pick(p, at)) || (err = cqlparse_accept(p, ",", &more))) return err;
    }
    pick->kid = list.ptr;
    pick->cnt = (uint16_t)list.cnt;
    return cqlparse_expect(p, ")");
}

/* name(...): the special ones first. */
static int pick_call(struct cqlparse *p, struct str name, struct cqlpick **out) {
    bool found;
    int err = cqlparse_expect(p, "(");
    if (err) return err;
    *out = pick_new(p, CQLPICK_CALL, name);
    if (str_eqz(name, "count") && (cqlparse_sign(p, "*") || p->now.kind == CQLLEX_INT)) {
        (*out)->kind = CQLPICK_COUNT_ALL;
        if ((err = cqlparse_advance(p))) return err;
        return cqlparse_expect(p, ")");
    }
    bool time = str_eqz(name, "writetime") || str_eqz(name, "maxwritetime");
    if (time || str_eqz(name, "ttl")) {
        (*out)->kind = time ? CQLPICK_WRITETIME : CQLPICK_TTL;
        if ((err = cqlparse_name(p, &(*out)->name))) return err;
        return cqlparse_expect(p, ")");
    }
    if (!str_eqz(name, "cast")) return pick_args(p, *out);
    (*out)->kind = CQLPICK_CAST;
    (*out)->kid = arena_array(p->arena, struct cqlpick *, 1);
    (*out)->cnt = 1;
    if ((err = parse_pick(p, &(*out)->kid[0])) || (err = cqlparse_accept(p, "as", &found)))
        return err;
    if (!found) return cqlparse_unexpected(p);
    if ((err = cqlparse_type(p, &(*out)->name))) return err;
    return cqlparse_expect(p, ")");
}

static int pick_plain(struct cqlparse *p, struct cqlpick **out) {
    bool name = p->now.kind == CQLLEX_QUOTED || p->now.kind == CQLLEX_NAME;
    bool constant = cqlparse_is(p, "null") || cqlparse_is(p, "true") || cqlparse_is(p, "false") ||
                    cqlparse_is(p, "nan") || cqlparse_is(p, "infinity");
    int err;
    if (!name || constant) {
        *out = pick_new(p, CQLPICK_TERM, STR_NULL);
        return parse_unary(p, &(*out)->term);
    }
    struct str first = p->now.text;
    bool call = p->ahead.kind == CQLLEX_SIGN && str_eqz(p->ahead.text, "(");
    if (call) {
        if ((err = cqlparse_advance(p))) return err;
        return pick_call(p, first, out);
    }
    *out = pick_new(p, CQLPICK_COL, first);
    return cqlparse_name(p, &first);
}

/* What comes behind: .field, [index], system.function() */
static int pick_part(struct cqlparse *p, struct cqlpick **out) {
    bool dot, bracket;
    int err = pick_plain(p, out);
    for (size_t links = 0; !err; links++) {
        struct cqlpick *of = *out;
        if ((err = cqlparse_accept(p, ".", &dot))) return err;
        if ((err = cqlparse_accept(p, "[", &bracket))) return err;
        if (!dot && !bracket) break;
        if (links > CQLTYPE_DEPTH_MAX) return cqlparse_unexpected(p);
        *out = pick_new(p, dot ? CQLPICK_FIELD : CQLPICK_ITEM, STR_NULL);
        (*out)->kid = arena_array(p->arena, struct cqlpick *, 1);
        (*out)->kid[0] = of;
        (*out)->cnt = 1;
        if (bracket) {
            if ((err = cqlparse_term(p, &(*out)->term)) || (err = cqlparse_expect(p, "]")))
                return err;
            continue;
        }
        if ((err = cqlparse_name(p, &(*out)->name))) return err;
        if (cqlparse_sign(p, "(")) err = pick_call(p, (*out)->name, out);
    }
    return err;
}

static bool at_sign(const struct cqlparse *p, const char *signs) {
    return p->now.kind == CQLLEX_SIGN && p->now.text.len == 1 && strchr(signs, *p->now.text.ptr);
}

/* `level` 0: + and -; 1: * / and %. */
static int pick_arith(struct cqlparse *p, int level, struct cqlpick **out) {
    int err = level ? pick_part(p, out) : pick_arith(p, 1, out);
    for (size_t links = 0; !err && at_sign(p, level ? "*/%" : "+-"); links++) {
        struct cqlpick *sum = pick_new(p, CQLPICK_ARITH, p->now.text);
        if (links > CQLPARSE_DEPTH_MAX) return cqlparse_unexpected(p);
        sum->kid = arena_array(p->arena, struct cqlpick *, 2);
        sum->kid[0] = *out;
        sum->cnt = 2;
        *out = sum;
        if ((err = cqlparse_advance(p))) return err;
        err = level ? pick_part(p, &sum->kid[1]) : pick_arith(p, 1, &sum->kid[1]);
    }
    return err;
}

static int parse_pick(struct cqlparse *p, struct cqlpick **out) {
    if (++p->depth > CQLPARSE_DEPTH_MAX) return cqlparse_unexpected(p);
    int err = pick_arith(p, 0, out);
    p->depth--;
    return err;
}

static int parse_picks(struct cqlparse *p, struct cqlast *ast) {
    struct cqlparse_list list = {0};
    bool found, more = true;
    int err = cqlparse_accept(p, "*", &found);
    if (err || found) return err;
    while (more) {
        struct cqlpick **at = cqlparse_push(p, &list, sizeof *at);
        if (!at) return full();
        if ((err = parse_pick(p, at)) || (err = cqlparse_accept(p, "as", &found))) return err;
        if (found && (err = cqlparse_name(p, &(*at)->alias))) return err;
        if ((err = cqlparse_accept(p, ",", &more))) return err;
    }
    ast->pick = list.ptr;
    ast->pick_cnt = (uint16_t)list.cnt;
    return 0;
}

static int parse_order(struct cqlparse *p, struct cqlast *ast) {
    struct cqlparse_list names = {0}, descs = {0};
    bool more = true;
    int err = cqlparse_expect(p, "by");
    while (!err && more) {
        struct str name;
        bool *desc = cqlparse_push(p, &descs, sizeof *desc), found;
        if (!desc) return full();
        if ((err = cqlparse_name(p, &name)) || (err = push_str(p, &names, name))) return err;
        if ((err = cqlparse_accept(p, "desc", desc))) return err;
        if (!*desc && (err = cqlparse_accept(p, "asc", &found))) return err;
        err = cqlparse_accept(p, ",", &more);
    }
    ast->order = names.ptr;
    ast->order_desc = descs.ptr;
    ast->order_cnt = (uint16_t)names.cnt;
    return err;
}

/* GROUP BY, ORDER BY, PER PARTITION LIMIT, LIMIT, ALLOW FILTERING, in any order. */
static int parse_tail(struct cqlparse *p, struct cqlast *ast) {
    int err = 0;
    while (!err) {
        bool group = cqlparse_is(p, "group"), order = cqlparse_is(p, "order");
        bool per = cqlparse_is(p, "per"), limit = cqlparse_is(p, "limit");
        if (!group && !order && !per && !limit && !cqlparse_is(p, "allow")) break;
        if ((err = cqlparse_advance(p))) return err;
        if (group) {
            if ((err = cqlparse_expect(p, "by"))) return err;
            err = cqlparse_names(p, &ast->group, &ast->group_cnt);
        } else if (order) {
            err = parse_order(p, ast);
        } else if (per) {
            if ((err = cqlparse_expect(p, "partition")) || (err = cqlparse_expect(p, "limit")))
                return err;
            err = parse_count(p, &ast->part_limit);
        } else if (limit) {
            err = parse_count(p, &ast->limit);
        } else {
            ast->filtering = true;
            err = cqlparse_expect(p, "filtering");
        }
    }
    return err;
}

static int parse_select(struct cqlparse *p, struct cqlast *ast) {
    int err;
    ast->kind = CQLAST_SELECT;
    bool word = p->ahead.kind == CQLLEX_NAME || p->ahead.kind == CQLLEX_QUOTED ||
                (p->ahead.kind == CQLLEX_SIGN && str_eqz(p->ahead.text, "*"));
    bool before_from = p->ahead.kind == CQLLEX_NAME &&
                       (str_eqz(p->ahead.text, "from") || str_eqz(p->ahead.text, "as"));
    if (word && !before_from && (cqlparse_is(p, "distinct") || cqlparse_is(p, "json"))) {
        ast->distinct = cqlparse_is(p, "distinct");
        ast->json = !ast->distinct;
        if ((err = cqlparse_advance(p))) return err;
    }
    if ((err = parse_picks(p, ast)) || (err = cqlparse_expect(p, "from"))) return err;
    if ((err = cqlparse_table(p, ast)) || (err = parse_where(p, ast))) return err;
    return parse_tail(p, ast);
}

/* ---- INSERT, UPDATE, DELETE ----------------------------------------------------------------- */

static int parse_values(struct cqlparse *p, struct cqlast *ast) {
    struct cqlterm values = {0};
    int err = names_in_parens(p, &ast->col, &ast->col_cnt);
    if (err || (err = cqlparse_expect(p, "values")) || (err = cqlparse_expect(p, "("))) return err;
    if ((err = terms_until(p, ")", &values))) return err;
    if (values.cnt != ast->col_cnt)
        return err_fail(ERR_INVAL, "Unmatched column names/values");
    ast->value = values.kid;
    return 0;
}

static int parse_insert(struct cqlparse *p, struct cqlast *ast) {
    bool found;
    int err;
    ast->kind = CQLAST_INSERT;
    if ((err = cqlparse_expect(p, "into")) || (err = cqlparse_table(p, ast))) return err;
    if ((err = cqlparse_accept(p, "json", &found))) return err;
    if (found) {
        if ((err = cqlparse_term(p, &ast->json_value))) return err;
        if ((err = cqlparse_accept(p, "default", &found))) return err;
        if (found) {
            ast->default_unset = cqlparse_is(p, "unset");
            if (!ast->default_unset && !cqlparse_is(p, "null")) return cqlparse_unexpected(p);
            if ((err = cqlparse_advance(p))) return err;
        }
    } else if ((err = parse_values(p, ast))) {
        return err;
    }
    if ((err = parse_if(p, ast))) return err;
    return parse_using(p, ast);
}

static int parse_assignment(struct cqlparse *p, struct cqlset *set) {
    bool found;
    int err = cqlparse_name(p, &set->name);
    if (err || (err = cqlparse_accept(p, "[", &found))) return err;
    if (found) {
        set->op = CQLSET_ITEM;
        if ((err = cqlparse_term(p, &set->index)) || (err = cqlparse_expect(p, "]"))) return err;
    } else {
        if ((err = cqlparse_accept(p, ".", &found))) return err;
        if (found) set->op = CQLSET_FIELD;
        if (found && (err = cqlparse_name(p, &set->field))) return err;
    }
    if (set->op == CQLSET_PUT && (cqlparse_sign(p, "+") || cqlparse_sign(p, "-"))) {
        set->op = cqlparse_sign(p, "+") ? CQLSET_ADD : CQLSET_REMOVE; /* col += term */
        if ((err = cqlparse_advance(p)) || (err = cqlparse_expect(p, "="))) return err;
        return cqlparse_term(p, &set->term);
    }
    if ((err = cqlparse_expect(p, "="))) return err;
    bool own = (p->now.kind == CQLLEX_NAME || p->now.kind == CQLLEX_QUOTED) &&
               str_eq(p->now.text, set->name) && p->ahead.kind == CQLLEX_SIGN &&
               (str_eqz(p->ahead.text, "+") || str_eqz(p->ahead.text, "-"));
    if (own && set->op == CQLSET_PUT) {
        if ((err = cqlparse_advance(p))) return err;
        set->op = cqlparse_sign(p, "+") ? CQLSET_ADD : CQLSET_REMOVE;
        if ((err = cqlparse_advance(p))) return err;
        return cqlparse_term(p, &set->term);
    }
    if ((err = parse_unary(p, &set->term))) return err;
    if (!cqlparse_sign(p, "+") && !cqlparse_sign(p, "-") && !cqlparse_sign(p, "*") &&
        !cqlparse_sign(p, "/"))
        return 0;
    struct str op = p->now.text;
    if ((err = cqlparse_advance(p))) return err;
    if (str_eqz(op, "+") && p->now.kind != CQLLEX_SIGN && str_eq(p->now.text, set->name) &&
        set->op == CQLSET_PUT) {
        set->op = CQLSET_PREPEND;
        return cqlparse_advance(p);
    }
    struct cqlterm *sum = arith(p, op, set->term);
    set->term = sum;
    return cqlparse_term(p, &sum->kid[1]);
}

static int parse_update(struct cqlparse *p, struct cqlast *ast) {
    struct cqlparse_list list = {0};
    bool more = true;
    int err;
    ast->kind = CQLAST_UPDATE;
    if ((err = cqlparse_table(p, ast)) || (err = parse_using(p, ast))) return err;
    if ((err = cqlparse_expect(p, "set"))) return err;
    while (more) {
        struct cqlset *set = cqlparse_push(p, &list, sizeof *set);
        if (!set) return full();
        *set = (struct cqlset){0};
        size_t from = p->now.pos;
        if ((err = parse_assignment(p, set))) return err;
        set->text = since(p, from);
        if ((err = cqlparse_accept(p, ",", &more))) return err;
    }
    ast->set = list.ptr;
    ast->set_cnt = (uint16_t)list.cnt;
    if (!cqlparse_is(p, "where")) return cqlparse_expect(p, "where");
    if ((err = parse_where(p, ast))) return err;
    return parse_if(p, ast);
}

static int parse_delete(struct cqlparse *p, struct cqlast *ast) {
    struct cqlparse_list list = {0};
    bool more = !cqlparse_is(p, "from"), found;
    int err = 0;
    ast->kind = CQLAST_DELETE;
    while (more) {
        struct cqlset *set = cqlparse_push(p, &list, sizeof *set);
        if (!set) return full();
        *set = (struct cqlset){0};
        if ((err = cqlparse_name(p, &set->name)) || (err = cqlparse_accept(p, "[", &found)))
            return err;
        if (found) {
            set->op = CQLSET_ITEM;
            if ((err = cqlparse_term(p, &set->index)) || (err = cqlparse_expect(p, "]")))
                return err;
        } else {
            if ((err = cqlparse_accept(p, ".", &found))) return err;
            if (found) set->op = CQLSET_FIELD;
            if (found && (err = cqlparse_name(p, &set->field))) return err;
        }
        if ((err = cqlparse_accept(p, ",", &more))) return err;
    }
    ast->set = list.ptr;
    ast->set_cnt = (uint16_t)list.cnt;
    if ((err = cqlparse_expect(p, "from")) || (err = cqlparse_table(p, ast))) return err;
    if ((err = parse_using(p, ast))) return err;
    if (!cqlparse_is(p, "where")) return cqlparse_expect(p, "where");
    if ((err = parse_where(p, ast))) return err;
    return parse_if(p, ast);
}

/* ---- BATCH and the rest --------------------------------------------------------------------- */

static int parse_modification(struct cqlparse *p, struct cqlast *ast, bool *found) {
    int err = cqlparse_accept(p, "insert", found);
    if (err || *found) return err ? err : parse_insert(p, ast);
    if ((err = cqlparse_accept(p, "update", found)) || *found)
        return err ? err : parse_update(p, ast);
    if ((err = cqlparse_accept(p, "delete", found)) || *found)
        return err ? err : parse_delete(p, ast);
    return 0;
}

static int parse_batch(struct cqlparse *p, struct cqlast *ast) {
    struct cqlparse_list list = {0};
    bool found;
    int err;
    ast->kind = CQLAST_BATCH;
    if ((err = cqlparse_accept(p, "unlogged", &found))) return err;
    if (found) ast->batch = CQLEXEC_UNLOGGED;
    if (!found && (err = cqlparse_accept(p, "counter", &found))) return err;
    if (found && ast->batch != CQLEXEC_UNLOGGED) ast->batch = CQLEXEC_COUNTER;
    if ((err = cqlparse_expect(p, "batch")) || (err = parse_using(p, ast))) return err;
    for (;;) {
        struct cqlast *item = arena_new(p->arena, struct cqlast);
        if ((err = parse_modification(p, item, &found))) return err;
        if (!found) break;
        struct cqlast **at = cqlparse_push(p, &list, sizeof *at);
        if (!at) return full();
        *at = item;
        if ((err = cqlparse_accept(p, ";", &found))) return err;
    }
    ast->item = list.ptr;
    ast->item_cnt = (uint32_t)list.cnt;
    if ((err = cqlparse_expect(p, "apply"))) return err;
    return cqlparse_expect(p, "batch");
}

static int parse_truncate(struct cqlparse *p, struct cqlast *ast) {
    bool found;
    ast->kind = CQLAST_TRUNCATE;
    int err = cqlparse_accept(p, "table", &found);
    if (!err && !found) err = cqlparse_accept(p, "columnfamily", &found);
    return err ? err : cqlparse_table(p, ast);
}

static int parse_statement(struct cqlparse *p, struct cqlast *ast) {
    bool found;
    int err = parse_modification(p, ast, &found);
    if (err || found) return err;
    if ((err = cqlparse_accept(p, "select", &found)) || found)
        return err ? err : parse_select(p, ast);
    if ((err = cqlparse_accept(p, "begin", &found)) || found)
        return err ? err : parse_batch(p, ast);
    if ((err = cqlparse_accept(p, "truncate", &found)) || found)
        return err ? err : parse_truncate(p, ast);
    if ((err = cqlparse_accept(p, "use", &found))) return err;
    if (found) {
        ast->kind = CQLAST_USE;
        return cqlparse_name(p, &ast->keyspace);
    }
    if ((err = cqlparse_ddl(p, ast, &found))) return err;
    return found ? 0 : cqlparse_unexpected(p);
}

int cqlparse_run(struct str text, struct arena *arena, struct cqlast_whole *out) {
    if (text.len > CQLEXEC_TEXT_MAX)
        return err_fail(ERR_TOO_BIG, "a statement is longer than %zu bytes", CQLEXEC_TEXT_MAX);
    struct cqlparse p = {.lex = {text, 0, arena}, .arena = arena};
    struct cqlast *ast = arena_new(arena, struct cqlast);
    bool found = true;
    p.ahead.kind = CQLLEX_SIGN;
    int err = cqllex_next(&p.lex, &p.now);
    if (!err) err = cqllex_next(&p.lex, &p.ahead);
    if (!err) err = parse_statement(&p, ast);
    while (!err && found)
        err = cqlparse_accept(&p, ";", &found);
    if (err) return err;
    if (p.now.kind != CQLLEX_END) return cqlparse_unexpected(&p);
    *out = (struct cqlast_whole){ast, p.marks.ptr, (uint16_t)p.marks.cnt};
    return 0;
}
