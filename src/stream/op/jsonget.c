/* jsonget.c - walks JSON along a path and writes what it finds.
 *
 * Hive's rules, which Spark keeps: text that is the whole result stands without quotes; [*] makes
 * an array of its matches, but a single match stands for itself; [*][*] flattens; null is nothing;
 * of a name given twice the first that leads somewhere counts. Recursion: once a step. */
#include "stream/op/jsonget.h"

#include "wire/json/jsontext.h"

enum step_kind { STEP_NAME, STEP_INDEX, STEP_ALL };
struct step {
    enum step_kind kind;
    struct str name;
    uint64_t idx;
};
struct jsonget {
    struct step step[JSONGET_STEP_MAX];
    uint32_t cnt;
};

/* ---- paths ---- */

static bool add(struct jsonget *get, struct step step) {
    if (get->cnt == JSONGET_STEP_MAX) return false;
    get->step[get->cnt++] = step;
    return true;
}

/* From after the '['. */
static bool read_bracket(struct jsonget *get, struct str *in, struct arena *arena) {
    struct step step = {STEP_ALL, STR_NULL, 0};
    if (in->len && in->ptr[0] == '\'') {
        const char *close = memchr(in->ptr + 1, '\'', in->len - 1);
        if (!close || close == in->ptr + 1) return false;
        size_t len = (size_t)(close - in->ptr) - 1;
        step = (struct step){STEP_NAME, arena_str(arena, (struct str){in->ptr + 1, len}), 0};
        if (str_eqz(step.name, "*")) return false;
        in->ptr += len + 2, in->len -= len + 2;
    } else if (in->len && in->ptr[0] == '*') {
        in->ptr++, in->len--;
    } else {
        size_t digits = 0;
        step.kind = STEP_INDEX;
        for (; digits < in->len && (unsigned char)(in->ptr[digits] - '0') < 10; digits++) {
            if (digits == 18) return false;
            step.idx = step.idx * 10 + (uint64_t)(in->ptr[digits] - '0');
        }
        if (!digits) return false;
        in->ptr += digits, in->len -= digits;
    }
    if (!in->len || in->ptr[0] != ']') return false;
    in->ptr++, in->len--;
    return add(get, step);
}

static bool read_name(struct jsonget *get, struct str *in, struct arena *arena) {
    size_t len = 0;
    while (len < in->len && in->ptr[len] != '.' && in->ptr[len] != '[') len++;
    if (!len) return false;
    struct str name = {in->ptr, len};
    in->ptr += len, in->len -= len;
    if (str_eqz(name, "*")) return false; /* any member: Spark's own walk finds nothing by it */
    return add(get, (struct step){STEP_NAME, arena_str(arena, name), 0});
}

const struct jsonget *jsonget_parse(struct str path, struct arena *arena) {
    struct jsonget *get = arena_new(arena, struct jsonget);
    if (!path.len || path.ptr[0] != '$') return NULL;
    path.ptr++, path.len--;
    while (path.len) {
        char c = path.ptr[0];
        path.ptr++, path.len--;
        bool good = c == '.' ? read_name(get, &path, arena) :
                    c == '[' ? read_bracket(get, &path, arena) : false;
        if (!good) return NULL;
    }
    return get;
}

/* ---- walking ---- */

enum style { RAW, QUOTED, FLATTEN };

struct walk {
    const struct jsonget *get;
    struct json in;
    struct buf *out;
    bool comma; /* before the next value that is written */
};

static bool walk_at(struct walk *walk, uint32_t at, enum style style);

static void put_comma(struct walk *walk) {
    if (walk->comma) buf_putc(walk->out, ',');
    walk->comma = true;
}

static bool write_value(struct walk *walk, enum style style) {
    struct json_value value;
    if (!json_value(&walk->in, &value)) return false;
    put_comma(walk);
    jsontext_copy(&value, JSON_LAX, style == RAW, walk->out);
    return true;
}

static bool each_item(struct walk *walk, uint32_t at, enum style style, uint32_t *cnt) {
    *cnt = 0;
    json_array(&walk->in);
    while (json_item(&walk->in)) *cnt += walk_at(walk, at, style);
    return *cnt > 0;
}

/* An array is written around its matches. */
static bool in_array(struct walk *walk, uint32_t at, enum style style) {
    uint32_t cnt;
    put_comma(walk);
    buf_putc(walk->out, '[');
    walk->comma = false;
    bool any = each_item(walk, at, style, &cnt);
    buf_putc(walk->out, ']');
    walk->comma = true;
    return any;
}

/* [*]: an array of the matches, unless there is only one. */
static bool all_items(struct walk *walk, uint32_t at, enum style style) {
    const struct jsonget *get = walk->get;
    uint32_t cnt;
    if (at + 1 < get->cnt && get->step[at + 1].kind == STEP_ALL)
        return in_array(walk, at + 2, FLATTEN);
    if (style == QUOTED) return in_array(walk, at + 1, QUOTED);
    struct buf *out = walk->out, inner;
    bool comma = walk->comma;
    buf_init(&inner, out->max);
    walk->out = &inner;
    walk->comma = false;
    each_item(walk, at + 1, style == RAW ? QUOTED : FLATTEN, &cnt);
    walk->out = out;
    walk->comma = comma;
    if (cnt) {
        put_comma(walk);
        if (cnt > 1) buf_putc(out, '[');
        buf_puts(out, buf_str(&inner));
        if (cnt > 1) buf_putc(out, ']');
    }
    if (inner.full) out->full = true;
    buf_fini(&inner);
    return cnt > 0;
}

static bool one_item(struct walk *walk, uint32_t at, enum style style) {
    const struct step *step = &walk->get->step[at];
    bool more = at + 1 < walk->get->cnt && walk->get->step[at + 1].kind == STEP_ALL, found = false;
    uint64_t idx = 0;
    json_array(&walk->in);
    for (; json_item(&walk->in); idx++)
        if (idx == step->idx) found = walk_at(walk, at + 1, more ? QUOTED : style);
        else json_skip(&walk->in);
    return found;
}

static bool members(struct walk *walk, uint32_t at, enum style style) {
    const struct step *step = &walk->get->step[at];
    struct str name;
    bool found = false;
    char plain[512];
    json_object(&walk->in);
    while (json_member(&walk->in, &name)) {
        if (name.len <= sizeof plain && memchr(name.ptr, '\\', name.len))
            name = (struct str){plain, json_unescape(name, plain)};
        bool here = !found && str_eq(name, step->name) && json_kind(&walk->in) != JSON_NULL;
        if (here) found = walk_at(walk, at + 1, style);
        else json_skip(&walk->in);
    }
    return found;
}

/* Walks the next value; true when something was written. */
static bool walk_at(struct walk *walk, uint32_t at, enum style style) {
    enum json_kind kind = json_kind(&walk->in);
    uint32_t cnt;
    if (walk->in.why) return false;
    if (at == walk->get->cnt) {
        if (style == FLATTEN && kind == JSON_ARRAY) return each_item(walk, at, style, &cnt);
        return write_value(walk, style);
    }
    switch (walk->get->step[at].kind) {
    case STEP_NAME:
        if (kind == JSON_OBJECT) return members(walk, at, style);
        break;
    case STEP_INDEX:
        if (kind == JSON_ARRAY) return one_item(walk, at, style);
        break;
    default:
        if (kind == JSON_ARRAY) return all_items(walk, at, style);
        break;
    }
    json_skip(&walk->in);
    return false;
}

bool jsonget_find(const struct jsonget *get, struct str text, struct buf *out) {
    struct walk walk = {.get = get, .out = out};
    json_open(&walk.in, text, JSON_LAX);
    bool found = walk_at(&walk, 0, RAW);
    return found && !walk.in.why;
}
