/* landing_row.c - members to columns, keys out of paths, and what does not fit yet. */
#include "landing/landing_row.h"

#include "base/err.h"
#include "wire/json/jsontype.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define F64_FULL 1e-290 /* below, doubles have fewer digits */

void landing_row_init(struct landing_row *row, const struct landing_cols *cols,
                      landing_row_place *place, void *arg) {
    *row = (struct landing_row){.cols = cols, .place = place, .arg = arg};
    buf_init(&row->key, 2 * LANDING_ROW_MAX);
}

void landing_row_fini(struct landing_row *row) {
    arena_fini(&row->shape);
    arena_fini(&row->text);
    arena_fini(&row->types);
    buf_fini(&row->key);
}

void landing_row_shape(struct landing_row *row) {
    arena_reset(&row->shape);
    row->raw = arena_array(&row->shape, struct json_value, row->cols->col_cnt);
}

int landing_row_check(struct str text) {
    struct json in;
    if (text.len > LANDING_ROW_MAX)
        return err_fail(ERR_TOO_BIG, "it has %zu bytes, at most %zu are taken", text.len,
                        LANDING_ROW_MAX);
    json_open(&in, text, 0);
    if (json_kind(&in) == JSON_OBJECT && !json_err(&in)) return 0;
    return err_fail(ERR_INVAL, "it is not a JSON object");
}

/* The column for a member's name as it stands in the JSON; columns mostly come in their order. */
static size_t find_column(struct landing_row *row, struct str name, size_t next) {
    const struct landing_cols *cols = row->cols;
    if (next < cols->col_cnt && cols->col[next].member.ptr &&
        str_eq(cols->col[next].member, name)) return next + 1;
    if (memchr(name.ptr, '\\', name.len)) name = json_name(name, &row->text);
    return (uintptr_t)map_get(&cols->by_member, name);
}

static bool fits(const struct landing_col *col, const struct json_value *value) {
    if (!col->is_seen) return false;
    if (value->kind == JSON_NULL) return true;
    if (value->kind == JSON_STRING) return col->type->kind == TYPE_STRING;
    return jsontype_fits(col->type, value->raw);
}

static int read_members(struct landing_row *row, struct str text) {
    const struct landing_cols *cols = row->cols;
    struct json in;
    struct json_value value;
    struct str name;
    size_t next = 0;
    while (next < cols->col_cnt && !cols->col[next].member.ptr) next++;
    json_open(&in, text, 0);
    json_object(&in);
    while (json_member(&in, &name)) {
        size_t at = find_column(row, name, next);
        if (!json_value(&in, &value)) break;
        if (!at || !fits(&cols->col[at - 1], &value)) return 1;
        if (!row->place(row->arg, at - 1, &value)) return 1;
        row->raw[at - 1] = value;
        next = at;
    }
    json_close(&in);
    return json_err(&in) ? ERR_INVAL : 0;
}

/* Fills the columns of key paths and checks that the key is whole. */
static int read_key(struct landing_row *row, struct str text) {
    const struct landing_cols *cols = row->cols;
    for (size_t i = 0; i < cols->key_cnt; i++) {
        size_t at = cols->key_col[i];
        const struct landing_col *col = &cols->col[at];
        struct json_value *raw = &row->raw[at];
        if (!col->member.ptr) {
            struct str in = text;
            if (col->head.ptr) in = col->head_col ? row->raw[col->head_col - 1].raw : STR_NULL;
            int err = in.ptr ? jsonpath_get(col->rest, in, raw) : ERR_NOT_FOUND;
            if (err && err != ERR_NOT_FOUND) return err;
            if (err) *raw = (struct json_value){.kind = JSON_NULL};
            if (!row->place(row->arg, at, raw)) return 1;
        }
        if (!raw->raw.ptr || raw->kind == JSON_NULL)
            return err_fail(ERR_INVAL, "it has no key %.*s", STR_ARG(cols->key[i]));
    }
    return 0;
}

int landing_row_read(struct landing_row *row, struct str text) {
    const struct landing_cols *cols = row->cols;
    if (!cols->row || !cols->is_there) return 1;
    arena_reset(&row->text);
    if (cols->col_cnt) memset(row->raw, 0, cols->col_cnt * sizeof *row->raw);
    int got = read_members(row, text);
    return got ? got : read_key(row, text);
}

struct str landing_row_key(struct landing_row *row) {
    const struct landing_cols *cols = row->cols;
    if (!cols->key_cnt) return STR_NULL;
    if (cols->key_cnt == 1) return json_text(&row->raw[cols->key_col[0]], &row->text);
    buf_reset(&row->key);
    for (size_t i = 0; i < cols->key_cnt; i++) {
        buf_putc(&row->key, i ? ',' : '[');
        buf_puts(&row->key, row->raw[cols->key_col[i]].raw);
    }
    buf_putc(&row->key, ']');
    return buf_str(&row->key);
}

int landing_row_widen(struct landing_row *row, const struct str *text, size_t from, size_t cnt,
                      const struct type **out) {
    *out = row->cols->row;
    for (size_t i = from; i < cnt; i++) {
        int err = landing_row_check(text[i]);
        if (!err && jsontype_widen(out, text[i], &row->types)) err = ERR_INVAL;
        if (err) return err_add(err, "row %zu for table %.*s", i + 1, STR_ARG(row->cols->name));
    }
    return 0;
}

/* ---- numbers ---- */

bool landing_row_exact(struct str raw, double num) {
    size_t digits = 0;
    bool zero = true;
    char text[40];
    for (size_t i = 0; i < raw.len && raw.ptr[i] != 'e' && raw.ptr[i] != 'E'; i++) {
        digits += raw.ptr[i] >= '0' && raw.ptr[i] <= '9';
        zero &= !(raw.ptr[i] >= '1' && raw.ptr[i] <= '9');
    }
    if (!isfinite(num)) return false;
    if (digits <= 15) return zero || fabs(num) > F64_FULL;
    landing_row_f64(num, text, sizeof text);
    return str_eqz(raw, text);
}

void landing_row_f64(double num, char *out, size_t len) {
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, len, "%.*g", digits, num);
        if (strtod(out, NULL) == num) break;
    }
    if (!strpbrk(out, ".eE")) strncat(out, ".0", len - strlen(out) - 1);
}
