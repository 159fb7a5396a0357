/* jsonpath.c - compiling a path, and walking JSON along it.
 *
 * The walk is recursive over the steps of the path, which JSONPATH_STEP_MAX limits, never over the
 * depth of the text: what no step leads to is skipped. */
#include "wire/json/jsonpath.h"

#include "base/err.h"

enum step_kind { STEP_NAME, STEP_ALL, STEP_INDEX };
struct step {
    enum step_kind kind;
    struct str name;
    uint64_t idx;
};
struct jsonpath {
    struct step step[JSONPATH_STEP_MAX];
    uint32_t cnt;
    bool many;
};

/* ---- compiling ---- */

struct reader {
    struct str text;
    size_t pos;
    struct arena *arena;
    struct jsonpath *path;
};

static int wrong(const struct reader *in, const char *why) {
    return err_fail(ERR_SYNTAX, "path '%.*s': position %zu: %s", (int)MIN(in->text.len, 200),
                    in->text.ptr, in->pos + 1, why);
}

static char peek(const struct reader *in) {
    return in->pos < in->text.len ? in->text.ptr[in->pos] : 0;
}

static int add(struct reader *in, struct step step) {
    if (in->path->cnt == JSONPATH_STEP_MAX)
        return err_fail(ERR_TOO_BIG, "path: more than %d steps", JSONPATH_STEP_MAX);
    in->path->many = in->path->many || step.kind == STEP_ALL;
    in->path->step[in->path->cnt++] = step;
    return 0;
}

static int read_name(struct reader *in) {
    size_t from = in->pos;
    while (in->pos < in->text.len && !memchr(".[]'\"", peek(in), 5)) {
        if ((unsigned char)peek(in) <= ' ')
            return wrong(in, "white space in a name; write ['the name']");
        in->pos++;
    }
    if (in->pos == from) return wrong(in, "a name is missing");
    struct str name = {in->text.ptr + from, in->pos - from};
    return add(in, (struct step){STEP_NAME, arena_str(in->arena, name), 0});
}

/* 'text' of a [ ], in which \ keeps the character after it. */
static int read_quoted(struct reader *in) {
    char quote = peek(in);
    char *to = arena_bytes(in->arena, in->text.len + 1);
    size_t len = 0;
    for (in->pos++; in->pos < in->text.len && peek(in) != quote; in->pos++) {
        if (peek(in) == '\\' && in->pos + 1 < in->text.len) in->pos++;
        to[len++] = peek(in);
    }
    if (in->pos == in->text.len) return wrong(in, "the quote is not closed");
    in->pos++;
    return add(in, (struct step){STEP_NAME, {to, len}, 0});
}

static int read_index(struct reader *in) {
    uint64_t idx = 0;
    size_t from = in->pos;
    while (peek(in) >= '0' && peek(in) <= '9') {
        if (in->pos - from == 10) return wrong(in, "the index has more than 10 digits");
        idx = idx * 10 + (uint64_t)(peek(in) - '0');
        in->pos++;
    }
    if (in->pos == from) return wrong(in, "expected *, an index or a quoted name after '['");
    return add(in, (struct step){STEP_INDEX, STR_NULL, idx});
}

static int read_bracket(struct reader *in) {
    int err;
    in->pos++;
    if (peek(in) == '*') {
        in->pos++;
        err = add(in, (struct step){STEP_ALL, STR_NULL, 0});
    } else if (peek(in) == '\'' || peek(in) == '"') {
        err = read_quoted(in);
    } else {
        err = read_index(in);
    }
    if (err) return err;
    if (peek(in) != ']') return wrong(in, "']' is missing");
    in->pos++;
    return 0;
}

int jsonpath_parse(struct str text, struct arena *arena, const struct jsonpath **out) {
    struct jsonpath *path = arena_new(arena, struct jsonpath);
    struct reader in = {text, 0, arena, path};
    int err = 0;
    if (peek(&in) == '$' && (text.len == 1 || text.ptr[1] == '.' || text.ptr[1] == '[')) in.pos++;
    else if (text.len && peek(&in) != '[' && peek(&in) != '.') err = read_name(&in);
    while (!err && in.pos < text.len) {
        char c = peek(&in);
        if (c == '[') {
            err = read_bracket(&in);
        } else if (c == '.') {
            in.pos++;
            err = read_name(&in);
        } else {
            err = wrong(&in, "expected '.' or '['");
        }
    }
    if (!err) *out = path;
    return err;
}

bool jsonpath_many(const struct jsonpath *path) {
    return path->many;
}

/* ---- walking ---- */

struct walk {
    const struct jsonpath *path;
    struct json in;
    struct json_value *match;
    size_t cnt, cap;
    struct arena scratch; /* names with escapes */
};

static void take(struct walk *walk) {
    struct json_value value;
    if (!json_value(&walk->in, &value)) return;
    if (walk->cnt == walk->cap) {
        if (walk->cnt == JSONPATH_MATCH_MAX) {
            walk->in.why = "more matches than one text may have";
            walk->in.err = -ERR_TOO_BIG;
            return;
        }
        walk->cap = walk->cap ? walk->cap * 2 : 64;
        walk->match = base_realloc(walk->match, walk->cap * sizeof *walk->match);
    }
    walk->match[walk->cnt++] = value;
}

static void walk_step(struct walk *walk, uint32_t at) {
    struct json *in = &walk->in;
    struct str name;
    if (at == walk->path->cnt) {
        take(walk);
        return;
    }
    const struct step *step = &walk->path->step[at];
    enum json_kind wanted = step->kind == STEP_NAME ? JSON_OBJECT : JSON_ARRAY;
    if (json_kind(in) != wanted) {
        json_skip(in);
    } else if (step->kind == STEP_NAME) {
        json_object(in);
        while (json_member(in, &name))
            if (str_eq(json_name(name, &walk->scratch), step->name)) walk_step(walk, at + 1);
            else json_skip(in);
    } else {
        json_array(in);
        for (uint64_t idx = 0; json_item(in); idx++)
            if (step->kind == STEP_ALL || idx == step->idx) walk_step(walk, at + 1);
            else json_skip(in);
    }
}

static int walk_all(struct walk *walk, const struct jsonpath *path, struct str text) {
    *walk = (struct walk){.path = path};
    json_open(&walk->in, text, 0);
    walk_step(walk, 0);
    json_close(&walk->in);
    arena_fini(&walk->scratch);
    return json_err(&walk->in);
}

int jsonpath_find(const struct jsonpath *path, struct str text, struct arena *arena,
                  struct json_value **out, size_t *cnt) {
    struct walk walk;
    int err = walk_all(&walk, path, text);
    if (!err) {
        *out = arena_array(arena, struct json_value, walk.cnt + 1);
        if (walk.cnt) memcpy(*out, walk.match, walk.cnt * sizeof **out);
        *cnt = walk.cnt;
    }
    base_free(walk.match);
    return err;
}

int jsonpath_get(const struct jsonpath *path, struct str text, struct json_value *out) {
    assert(!path->many);
    struct walk walk;
    int err = walk_all(&walk, path, text);
    if (!err && !walk.cnt) err = err_fail(ERR_NOT_FOUND, "JSON: nothing is there at the path");
    if (!err) *out = walk.match[walk.cnt - 1];
    base_free(walk.match);
    return err;
}

/* ---- cutting ---- */

struct cut {
    const struct jsonpath *path;
    struct json in;
    struct arena scratch; /* names with escapes */
    char *to;             /* room for the whole text */
    size_t len;
    const char *copied; /* what lies before it in the text is in `to`, or is left out */
    bool any;
};

static void copy_up_to(struct cut *cut, const char *end) {
    assert(cut->copied <= end);
    memcpy(cut->to + cut->len, cut->copied, (size_t)(end - cut->copied));
    cut->len += (size_t)(end - cut->copied);
    cut->copied = end;
}

/* The members or items of one container, as far as they were passed. */
struct row_of {
    const char *after; /* the last one that stays; at first, the opening bracket's end */
    size_t kept, left_out;
};

/* The next one begins at `from` and stays: after some that were left out at the very beginning, the
 * comma before it goes with them. */
static void keep(struct cut *cut, struct row_of *row, const char *from) {
    if (!row->kept && row->left_out) cut->copied = from;
    row->kept++;
}

/* The value at the cursor goes, with its name and the comma before it. */
static void leave_out(struct cut *cut, struct row_of *row) {
    if (!json_skip(&cut->in)) return;
    if (cut->copied < row->after) copy_up_to(cut, row->after);
    cut->copied = cut->in.at;
    row->left_out++;
    cut->any = true;
}

static void cut_step(struct cut *cut, uint32_t at) {
    struct json *in = &cut->in;
    const struct step *step = &cut->path->step[at];
    struct row_of row = {in->at, 0, 0};
    struct str name;
    if (json_kind(in) != (step->kind == STEP_NAME ? JSON_OBJECT : JSON_ARRAY)) {
        json_skip(in);
        return;
    }
    row.after++;
    json_enter(in, step->kind == STEP_NAME ? '{' : '[');
    for (uint64_t idx = 0;; idx++) {
        bool hit;
        if (step->kind == STEP_NAME) {
            if (!json_member(in, &name)) break;
            hit = str_eq(json_name(name, &cut->scratch), step->name);
        } else {
            if (!json_item(in)) break;
            hit = step->kind == STEP_ALL || idx == step->idx;
        }
        if (hit && at + 1 == cut->path->cnt) {
            leave_out(cut, &row);
            continue;
        }
        keep(cut, &row, step->kind == STEP_NAME ? name.ptr - 1 : in->at);
        if (hit) cut_step(cut, at + 1);
        else json_skip(in);
        row.after = in->at;
    }
}

int jsonpath_cut(const struct jsonpath *path, struct str text, struct arena *arena,
                 struct str *out) {
    *out = text;
    if (!path->cnt) return err_fail(ERR_INVAL, "the path is the whole text, not a part of it");
    struct cut cut = {.path = path, .to = arena_bytes(arena, text.len + 1)};
    json_open(&cut.in, text, 0);
    cut.copied = text.ptr;
    cut_step(&cut, 0);
    json_close(&cut.in);
    arena_fini(&cut.scratch);
    int err = json_err(&cut.in);
    if (err || !cut.any) return err;
    copy_up_to(&cut, text.ptr + text.len);
    *out = (struct str){cut.to, cut.len};
    return 0;
}
