/* landing_cols.c - the columns of a landing table: named, joined to what they hold, added to. */
#include "landing/landing_cols.h"

#include "base/err.h"

#include <stdio.h>

#define TAIL_LEN 5 /* of a name that is cut: room for a number behind it */

void landing_cols_init(struct landing_cols *cols, struct str name) {
    char *copy = base_alloc(name.len + 1);
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = 0;
    *cols = (struct landing_cols){.name = {copy, name.len}};
    map_init(&cols->by_member);
}

void landing_cols_forget(struct landing_cols *cols) {
    struct landing_cols kept = {.name = cols->name, .declared = cols->declared,
                                .captured = cols->captured, .theirs = cols->theirs};
    map_fini(&cols->by_member);
    arena_fini(&cols->arena);
    *cols = kept;
    map_init(&cols->by_member);
}

void landing_cols_fini(struct landing_cols *cols) {
    landing_cols_forget(cols);
    map_fini(&cols->by_member);
    base_free((void *)(uintptr_t)cols->name.ptr);
    cols->name = STR_NULL;
}

static bool begins(struct str name, struct str with) {
    return str_ieq((struct str){name.ptr, MIN(name.len, with.len)}, with);
}

int landing_cols_check_name(struct str name, size_t max) {
    char over[48];
    const char *why = NULL;
    snprintf(over, sizeof over, "is over %zu bytes", max);
    if (!name.len) why = "is empty";
    else if (name.len > max) why = over;
    else if (memchr(name.ptr, 0, name.len)) why = "has a zero byte";
    else if (!str_utf8(name)) why = "is not UTF-8";
    else if (begins(name, STR("sqlite_"))) why = "is SQLite's";
    else if (begins(name, STR("_sluice"))) why = "is sluice's";
    if (!why) return 0;
    return err_fail(ERR_INVAL, "table name '%.*s' %s; choose another", (int)MIN(name.len, 80),
                    name.ptr, why);
}

int landing_cols_check_key(const struct landing_table *decl, size_t max) {
    struct arena arena = ARENA_INIT;
    int err = 0;
    if (decl->key_cnt > max)
        return err_fail(ERR_TOO_BIG, "table %.*s: a key of %zu columns, at most %zu are taken",
                        STR_ARG(decl->name), decl->key_cnt, max);
    for (size_t i = 0; i < decl->key_cnt && !err; i++) {
        const struct jsonpath *path;
        err = landing_cols_check_name(decl->key[i], LANDING_COLS_NAME_MAX);
        if (!err) err = jsonpath_parse(decl->key[i], &arena, &path);
        if (!err && jsonpath_many(path))
            err = err_fail(ERR_CONFIG, "key '%.*s' may match more than once in a row",
                           STR_ARG(decl->key[i]));
    }
    arena_fini(&arena);
    return err ? err_add(err, "key of table %.*s", STR_ARG(decl->name)) : 0;
}

/* ---- loading ---- */

static int set_key(struct landing_cols *cols, struct str text) {
    struct json in;
    struct json_value value;
    size_t cnt = 0;
    for (int pass = 0; pass < 2; pass++) {
        json_open(&in, text, 0);
        json_array(&in);
        for (cnt = 0; json_item(&in) && json_value(&in, &value); cnt++)
            if (pass) cols->key[cnt] = arena_str(&cols->arena, json_text(&value, &cols->arena));
        json_close(&in);
        int err = json_err(&in);
        if (err) return err_add(err, "_sluice_table: key of %.*s", STR_ARG(cols->name));
        if (!pass) cols->key = arena_array(&cols->arena, struct str, cnt);
    }
    cols->key_cnt = cnt;
    return 0;
}

int landing_cols_set_meta(struct landing_cols *cols, struct str key, struct str row) {
    int err = set_key(cols, key);
    if (err || !row.len) return err;
    return type_parse(arena_str(&cols->arena, row), &cols->arena, &cols->row);
}

static bool plain_step(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (strchr(".[]'\"$ ", text.ptr[i])) return false;
    return text.len > 0;
}

/* Fills head and rest from path. */
static int compile_path(struct landing_cols *cols, struct landing_col *col) {
    struct str rest, head = str_cut(col->path, '.', &rest);
    if (rest.ptr && plain_step(head)) col->head = head;
    else rest = col->path;
    return jsonpath_parse(rest, &cols->arena, &col->rest);
}

int landing_cols_set_col(struct landing_cols *cols, struct landing_col *col, struct str member,
                         struct str path) {
    if (path.ptr) {
        col->path = arena_str(&cols->arena, path);
        return compile_path(cols, col);
    }
    col->member = member.ptr ? arena_str(&cols->arena, member) : col->name;
    for (uint32_t i = 0; cols->row && i < cols->row->field_cnt; i++) {
        if (!str_eq(cols->row->field[i].name, col->member)) continue;
        col->type = cols->row->field[i].type;
        col->is_seen = true;
        col->is_void = col->type->kind == TYPE_NULL;
    }
    return 0;
}

/* What a key says, and a column is found by. */
static struct str label(const struct landing_col *col) {
    return col->member.ptr ? col->member : col->path;
}

static void key_from_primary(struct landing_cols *cols) {
    cols->key = arena_array(&cols->arena, struct str, cols->col_cnt + 1);
    for (size_t i = 0; i < cols->col_cnt; i++) {
        size_t at = cols->col[i].primary;
        if (!at || at > cols->col_cnt) continue;
        cols->key[at - 1] = label(&cols->col[i]);
        cols->key_cnt = MAX(cols->key_cnt, at);
    }
}

static int find_key(const struct landing_cols *cols, struct str path, size_t *out) {
    for (size_t i = 0; i < cols->col_cnt; i++) {
        if (!str_eq(label(&cols->col[i]), path)) continue;
        *out = i;
        return 0;
    }
    return err_fail(ERR_CONFLICT, "table %.*s has no column for its key %.*s",
                    STR_ARG(cols->name), STR_ARG(path));
}

int landing_cols_link(struct landing_cols *cols) {
    if (!cols->key) key_from_primary(cols);
    for (size_t i = 0; i < cols->col_cnt; i++)
        if (cols->col[i].member.ptr)
            map_put(&cols->by_member, cols->col[i].member, (void *)(uintptr_t)(i + 1));
    for (size_t i = 0; i < cols->col_cnt; i++)
        if (cols->col[i].head.ptr)
            cols->col[i].head_col = (uintptr_t)map_get(&cols->by_member, cols->col[i].head);
    cols->key_col = arena_array(&cols->arena, size_t, cols->key_cnt);
    for (size_t i = 0; i < cols->key_cnt && cols->is_there; i++) {
        int err = find_key(cols, cols->key[i], &cols->key_col[i]);
        if (err) return err;
        cols->col[cols->key_col[i]].is_key = true;
    }
    cols->loaded = true;
    return 0;
}

static bool key_is(const struct landing_cols *cols, const struct landing_table *decl) {
    if (cols->key_cnt != decl->key_cnt) return false;
    for (size_t i = 0; i < decl->key_cnt; i++)
        if (!str_eq(cols->key[i], decl->key[i])) return false;
    return true;
}

static void format_key(const struct str *key, size_t cnt, struct buf *out) {
    buf_putc(out, '[');
    for (size_t i = 0; i < cnt; i++) {
        if (i) buf_putc(out, ',');
        buf_json(out, key[i]);
    }
    buf_putc(out, ']');
}

int landing_cols_declare(const struct landing_cols *cols, const struct landing_table *decl,
                         struct buf *key) {
    bool any_key = !decl->key_cnt && cols->theirs;
    if (cols->is_there) format_key(cols->key, cols->key_cnt, key);
    else format_key(decl->key, decl->key_cnt, key);
    if (!cols->is_there || any_key || key_is(cols, decl)) return 0;
    return err_fail(ERR_CONFLICT, "table %.*s is there with the key %.*s; give it that key, or "
                    "land into another table", STR_ARG(cols->name), STR_ARG(buf_str(key)));
}

/* Of a table of another program: from its columns' types. */
static const struct type *columns_type(const struct landing_cols *cols, struct arena *arena) {
    struct field *field = arena_array(arena, struct field, cols->col_cnt);
    for (size_t i = 0; i < cols->col_cnt; i++)
        field[i] = (struct field){cols->col[i].name, cols->col[i].type, true};
    return type_struct(arena, field, cols->col_cnt);
}

void landing_cols_info(const struct landing_cols *cols, struct arena *arena,
                       struct landing_info *out) {
    struct str *key = arena_array(arena, struct str, cols->key_cnt);
    for (size_t i = 0; i < cols->key_cnt; i++) key[i] = arena_str(arena, cols->key[i]);
    out->name = arena_str(arena, cols->name);
    out->key = key;
    out->key_cnt = cols->key_cnt;
    out->row = type_copy(arena, cols->row ? cols->row : columns_type(cols, arena));
}

/* ---- growing ---- */

struct grow {
    const struct landing_cols *cols;
    const struct landing_dialect *dialect;
    struct landing_growth *out;
    struct map names; /* columns', as the database compares them */
};

static struct str folded(struct grow *grow, struct str name) {
    char *low = arena_strz(&grow->out->arena, name);
    for (char *c = low; grow->dialect->folds_case && *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
    return (struct str){low, name.len};
}

static void take_name(struct grow *grow, struct str name) {
    map_put(&grow->names, folded(grow, name), grow);
}

/* At most `max` bytes of a text, no character cut in two. */
static size_t cut_at(struct str text, size_t max) {
    if (text.len <= max) return text.len;
    while (max && ((unsigned char)text.ptr[max] & 0xC0) == 0x80) max--;
    return max;
}

/* A column's name for a member: its own, but printable, short enough, not empty and not taken. */
static struct str free_name(struct grow *grow, struct str member) {
    struct arena *arena = &grow->out->arena;
    size_t max = grow->dialect->name_max, cut = max ? max - TAIL_LEN : SIZE_MAX;
    size_t len = max && member.len > max ? cut_at(member, cut) : member.len;
    char *plain = arena_strz(arena, member);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)plain[i] < 0x20) plain[i] = '_';
    struct str first = len ? (struct str){plain, len} : STR("_"), name = first;
    size_t head = cut_at(first, cut);
    for (int n = 2; map_get(&grow->names, folded(grow, name)); n++)
        name = arena_printf(arena, "%.*s_%d", (int)head, first.ptr, n);
    take_name(grow, name);
    return name;
}

/* The type at the end of a path of plain names; else STRING. */
static const struct type *path_type(const struct type *row, struct str path) {
    while (path.ptr) {
        struct str step = str_cut(path, '.', &path);
        const struct type *next = NULL;
        if (row->kind != TYPE_STRUCT) return type_of(TYPE_STRING);
        for (uint32_t i = 0; i < row->field_cnt && !next; i++)
            if (str_eq(row->field[i].name, step)) next = row->field[i].type;
        if (!next) return type_of(TYPE_STRING);
        row = next;
    }
    return row->kind < TYPE_STRUCT ? row : type_of(TYPE_STRING);
}

static bool is_key_path(const struct landing_cols *cols, struct str path) {
    for (size_t i = 0; i < cols->key_cnt; i++)
        if (str_eq(cols->key[i], path)) return true;
    return false;
}

static int add_member(struct grow *grow, const struct field *field) {
    const struct landing_cols *cols = grow->cols;
    struct landing_growth *out = grow->out;
    if (map_get(&cols->by_member, field->name)) return 0;
    if (cols->col_cnt + out->cnt >= LANDING_COL_MAX)
        return err_fail(ERR_TOO_BIG, "table %.*s: rows with more than %d different members",
                        STR_ARG(cols->name), LANDING_COL_MAX);
    if (field->name.len > LANDING_COLS_NAME_MAX)
        return err_fail(ERR_TOO_BIG, "table %.*s: a member's name of %zu bytes, at most %d are "
                        "taken", STR_ARG(cols->name), field->name.len, LANDING_COLS_NAME_MAX);
    out->col[out->cnt++] = (struct landing_col){
        .member = field->name,
        .name = free_name(grow, field->name),
        .type = field->type,
        .is_key = is_key_path(cols, field->name),
    };
    return 0;
}

/* Key paths first: their columns are what a reader looks for. */
static int add_paths(struct grow *grow, const struct type *row) {
    const struct landing_cols *cols = grow->cols;
    struct landing_growth *out = grow->out;
    for (size_t i = 0; i < cols->key_cnt && !cols->is_there; i++) {
        struct str path = cols->key[i];
        bool is_member = false;
        for (uint32_t f = 0; f < row->field_cnt; f++)
            is_member |= str_eq(row->field[f].name, path);
        if (is_member) continue;
        if (!memchr(path.ptr, '.', path.len) && !memchr(path.ptr, '[', path.len) &&
            path.ptr[0] != '$')
            return err_fail(ERR_INVAL, "table %.*s: no row has its key, %.*s",
                            STR_ARG(cols->name), STR_ARG(path));
        if (out->cnt >= LANDING_COL_MAX)
            return err_fail(ERR_TOO_BIG, "table %.*s: too many keys", STR_ARG(cols->name));
        out->col[out->cnt++] = (struct landing_col){
            .path = path,
            .name = free_name(grow, path),
            .type = path_type(row, path),
            .is_key = true,
        };
    }
    return 0;
}

int landing_cols_grow(const struct landing_cols *cols, const struct landing_dialect *dialect,
                      const struct type *row, struct landing_growth *out) {
    assert(cols->loaded && row->kind == TYPE_STRUCT);
    struct grow grow = {.cols = cols, .dialect = dialect, .out = out};
    *out = (struct landing_growth){.arena = ARENA_INIT};
    if (!row->field_cnt)
        return err_fail(ERR_INVAL, "table %.*s: its rows have no members", STR_ARG(cols->name));
    map_init(&grow.names);
    out->col = arena_array(&out->arena, struct landing_col, row->field_cnt + cols->key_cnt);
    for (size_t i = 0; dialect->reserved[i]; i++) take_name(&grow, str_of(dialect->reserved[i]));
    for (size_t i = 0; i < cols->col_cnt; i++) take_name(&grow, cols->col[i].name);
    int err = add_paths(&grow, row);
    for (uint32_t i = 0; i < row->field_cnt && !err; i++) err = add_member(&grow, &row->field[i]);
    map_fini(&grow.names);
    return err;
}

void landing_cols_growth_fini(struct landing_growth *growth) {
    arena_fini(&growth->arena);
}

void landing_cols_decl(const struct landing_dialect *dialect, const struct landing_col *col,
                       struct buf *sql) {
    dialect->put_name(sql, col->name);
    dialect->put_decl(sql, col);
}

void landing_cols_create(const struct landing_cols *cols, const struct landing_dialect *dialect,
                         const struct landing_growth *growth, struct buf *sql) {
    buf_putz(sql, "CREATE TABLE ");
    dialect->put_name(sql, cols->name);
    for (size_t i = 0; i < growth->cnt; i++) {
        buf_putz(sql, i ? ", " : "(");
        landing_cols_decl(dialect, &growth->col[i], sql);
    }
    for (size_t k = 0; k < cols->key_cnt; k++) {
        buf_putz(sql, k ? ", " : ", PRIMARY KEY(");
        for (size_t i = 0; i < growth->cnt; i++)
            if (str_eq(label(&growth->col[i]), cols->key[k]))
                dialect->put_name(sql, growth->col[i].name);
    }
    buf_putz(sql, cols->key_cnt ? "))" : ")");
}

bool landing_cols_is_odd(const struct landing_col *col) {
    return !col->member.ptr || !str_eq(col->member, col->name);
}

/* ---- text ---- */

void landing_cols_names(const struct landing_cols *cols, const struct landing_dialect *dialect,
                        struct buf *sql) {
    for (size_t i = 0; i < cols->col_cnt; i++) {
        if (i) buf_putc(sql, ',');
        dialect->put_name(sql, cols->col[i].name);
    }
}

void landing_cols_row(const struct landing_cols *cols,
                      void (*put)(void *arg, size_t at, struct buf *out), void *arg,
                      struct buf *out) {
    char mark = '{';
    for (size_t i = 0; i < cols->col_cnt; i++) {
        if (!cols->col[i].member.ptr) continue;
        buf_putc(out, mark);
        mark = ',';
        buf_json(out, cols->col[i].member);
        buf_putc(out, ':');
        put(arg, i, out);
    }
    if (mark == '{') buf_putc(out, mark);
    buf_putc(out, '}');
}
