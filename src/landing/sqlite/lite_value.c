/* lite_value.c - JSON values into SQLite's five storage classes and back. */
#include "landing/sqlite/lite_value.h"

#include "landing/landing_row.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool has(struct str text, const char *part) {
    struct str want = str_of(part);
    for (size_t i = 0; i + want.len <= text.len; i++)
        if (str_ieq((struct str){text.ptr + i, want.len}, want)) return true;
    return false;
}

enum lite_value_aff lite_value_aff(struct str decl) {
    if (has(decl, "INT")) return LITE_AFF_NUMERIC;
    if (has(decl, "CHAR") || has(decl, "CLOB") || has(decl, "TEXT")) return LITE_AFF_TEXT;
    if (!decl.len || has(decl, "BLOB")) return LITE_AFF_NONE;
    if (has(decl, "REAL") || has(decl, "FLOA") || has(decl, "DOUB")) return LITE_AFF_REAL;
    return LITE_AFF_NUMERIC;
}

enum lite_value_shape lite_value_shape(const struct type *type) {
    switch (type->kind) {
    case TYPE_BOOL: return LITE_BOOL;
    case TYPE_STRUCT:
    case TYPE_ARRAY:
    case TYPE_MAP: return LITE_JSON;
    default: return LITE_PLAIN;
    }
}

const char *lite_value_decl(const struct type *type) {
    switch (type->kind) {
    case TYPE_NULL: return "";
    case TYPE_BOOL: return "BOOLEAN";
    case TYPE_I8:
    case TYPE_I16:
    case TYPE_I32:
    case TYPE_I64: return "INTEGER";
    case TYPE_F32:
    case TYPE_F64: return "REAL";
    case TYPE_DECIMAL: return "NUMERIC";
    case TYPE_STRUCT:
    case TYPE_ARRAY:
    case TYPE_MAP: return "JSON";
    default: return "TEXT";
    }
}

const struct type *lite_value_type(struct str decl) {
    if (has(decl, "BOOL")) return type_of(TYPE_BOOL);
    if (has(decl, "INT")) return type_of(TYPE_I64);
    if (lite_value_aff(decl) == LITE_AFF_REAL) return type_of(TYPE_F64);
    return type_of(TYPE_STRING);
}

/* ---- in ---- */

/* Would SQLite read a number from this text? It may say yes too often, never no wrongly. */
static bool like_number(struct str text) {
    text = str_trim(text);
    if (!text.len) return false;
    char first = text.ptr[0], last = text.ptr[text.len - 1];
    bool starts = (first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.';
    return starts && ((last >= '0' && last <= '9') || last == '.');
}

static void of_number(const struct json_value *json, enum lite_value_aff aff,
                      struct lite_value *out) {
    *out = (struct lite_value){.kind = SQLITE_BLOB, .bytes = json->raw};
    if (aff == LITE_AFF_TEXT) return;
    if (json->kind == JSON_INT) {
        if (!json_i64(json, &out->i64)) return;
        bool exact = out->i64 <= LANDING_ROW_I53 && out->i64 >= -LANDING_ROW_I53;
        if (aff == LITE_AFF_REAL && !exact) return;
        out->kind = SQLITE_INTEGER;
    } else if (json_f64(json, &out->f64) && landing_row_exact(json->raw, out->f64)) {
        out->kind = SQLITE_FLOAT;
    }
}

void lite_value_of(const struct json_value *json, enum lite_value_shape shape,
                   enum lite_value_aff aff, struct arena *arena, struct lite_value *out) {
    switch (json->kind) {
    case JSON_NULL: *out = (struct lite_value){.kind = SQLITE_NULL}; return;
    case JSON_INT:
    case JSON_REAL: of_number(json, aff, out); return;
    case JSON_BOOL:
        *out = (struct lite_value){.kind = SQLITE_BLOB, .bytes = json->raw};
        if (shape != LITE_BOOL) return;
        out->kind = SQLITE_INTEGER;
        out->i64 = json->raw.ptr[0] == 't';
        return;
    case JSON_STRING:
        *out = (struct lite_value){.kind = SQLITE_TEXT, .bytes = json_text(json, arena)};
        bool shifts = aff == LITE_AFF_NUMERIC || aff == LITE_AFF_REAL;
        if (shape != LITE_JSON && !(shifts && like_number(out->bytes))) return;
        out->kind = SQLITE_BLOB;
        out->bytes = json->raw;
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        *out = (struct lite_value){.kind = shape == LITE_JSON ? SQLITE_TEXT : SQLITE_BLOB,
                                   .bytes = json->raw};
        return;
    }
}

void lite_value_bind(sqlite3_stmt *stmt, int idx, const struct lite_value *value) {
    int rc = SQLITE_OK;
    switch (value->kind) {
    case SQLITE_INTEGER: rc = sqlite3_bind_int64(stmt, idx, value->i64); break;
    case SQLITE_FLOAT: rc = sqlite3_bind_double(stmt, idx, value->f64); break;
    case SQLITE_TEXT:
        rc = sqlite3_bind_text64(stmt, idx, value->bytes.ptr, value->bytes.len, SQLITE_STATIC,
                                 SQLITE_UTF8);
        break;
    case SQLITE_BLOB:
        rc = sqlite3_bind_blob64(stmt, idx, value->bytes.ptr, value->bytes.len, SQLITE_STATIC);
        break;
    default: rc = sqlite3_bind_null(stmt, idx);
    }
    CHECK(rc == SQLITE_OK);
}

/* Numbers are compared as numbers: a REAL column makes 1 into 1.0, an INTEGER one 1.0 into 1. */
static bool same_number(sqlite3_stmt *stmt, int col, const struct lite_value *value) {
    int stored = sqlite3_column_type(stmt, col);
    if (stored != SQLITE_INTEGER && stored != SQLITE_FLOAT) return false;
    if (stored == SQLITE_INTEGER && value->kind == SQLITE_INTEGER)
        return sqlite3_column_int64(stmt, col) == value->i64;
    double num = value->kind == SQLITE_INTEGER ? (double)value->i64 : value->f64;
    return sqlite3_column_double(stmt, col) == num;
}

bool lite_value_same(sqlite3_stmt *stmt, int col, const struct lite_value *value) {
    if (value->kind == SQLITE_INTEGER || value->kind == SQLITE_FLOAT)
        return same_number(stmt, col, value);
    int kind = value->kind ? value->kind : SQLITE_NULL;
    if (sqlite3_column_type(stmt, col) != kind) return false;
    if (kind == SQLITE_NULL) return true;
    const void *bytes = value->kind == SQLITE_TEXT ? (const void *)sqlite3_column_text(stmt, col)
                                                   : sqlite3_column_blob(stmt, col);
    size_t len = (size_t)sqlite3_column_bytes(stmt, col);
    return len == value->bytes.len && (!len || memcmp(bytes, value->bytes.ptr, len) == 0);
}

/* ---- out ---- */

static void put_f64(struct buf *out, double num) {
    char text[40];
    if (!isfinite(num)) {
        buf_putz(out, "null");
        return;
    }
    landing_row_f64(num, text, sizeof text);
    buf_putz(out, text);
}

/* A BLOB of ours is JSON; another program's is shown as hex digits in a string. */
static void put_blob(struct buf *out, struct str bytes) {
    if (bytes.len && json_check(bytes, NULL) == 0) {
        buf_puts(out, bytes);
        return;
    }
    buf_putc(out, '"');
    for (size_t i = 0; i < bytes.len; i++) {
        static const char digits[] = "0123456789ABCDEF";
        unsigned char byte = (unsigned char)bytes.ptr[i];
        buf_putc(out, digits[byte >> 4]);
        buf_putc(out, digits[byte & 15]);
    }
    buf_putc(out, '"');
}

void lite_value_json(sqlite3_stmt *stmt, int col, enum lite_value_shape shape, struct buf *out) {
    int kind = sqlite3_column_type(stmt, col);
    if (kind == SQLITE_NULL) {
        buf_putz(out, "null");
    } else if (kind == SQLITE_FLOAT) {
        put_f64(out, sqlite3_column_double(stmt, col));
    } else if (kind == SQLITE_INTEGER) {
        int64_t num = sqlite3_column_int64(stmt, col);
        if (shape == LITE_BOOL && (num == 0 || num == 1)) buf_putz(out, num ? "true" : "false");
        else buf_printf(out, "%" PRId64, num);
    } else {
        const void *ptr = kind == SQLITE_TEXT ? (const void *)sqlite3_column_text(stmt, col)
                                              : sqlite3_column_blob(stmt, col);
        struct str bytes = {ptr ? ptr : "", (size_t)sqlite3_column_bytes(stmt, col)};
        if (kind == SQLITE_BLOB) put_blob(out, bytes);
        else if (shape == LITE_JSON && json_check(bytes, NULL) == 0) buf_puts(out, bytes);
        else buf_json(out, bytes);
    }
}
