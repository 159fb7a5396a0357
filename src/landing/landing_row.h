/* landing_row.h - a JSON row read into the columns of its table, value by value.
 *
 *     landing_row_init(&row, &table->cols, place, arg);
 *     while (landing_row_read(&row, json) == 1) ... widen the table, landing_row_shape(&row) ...
 *
 * `place` is the product's: it takes the value for column `at`, or says false when the column as it
 * is cannot hold it; of a column without a value it hears nothing.
 *
 * Thread: one. Memory: text that `place` unescapes into row->text lives until the next row. */
#ifndef LANDING_LANDING_ROW_H
#define LANDING_LANDING_ROW_H

#include "landing/landing_cols.h"

typedef bool landing_row_place(void *arg, size_t at, const struct json_value *value);
struct landing_row {
    const struct landing_cols *cols;
    landing_row_place *place;
    void *arg;
    struct json_value *raw; /* per column, of the present row; raw.ptr NULL: it has none */
    struct arena shape;     /* raw; whatever else is per column */
    struct arena text;
    struct buf key;
    struct arena types;     /* of the table while it is widened */
};
void landing_row_init(struct landing_row *row, const struct landing_cols *cols,
                      landing_row_place *place, void *arg);
void landing_row_fini(struct landing_row *row);
/* Before the first row, and whenever the table was widened: empties row->shape. */
void landing_row_shape(struct landing_row *row);

/* Is it an object, and not too big? */
int landing_row_check(struct str json) MUST_USE;
/* 1: the table must be widened first, or `place` said false. ERR_INVAL: it has not its key. */
int landing_row_read(struct landing_row *row, struct str json) MUST_USE;
/* The key's text of the row read last, until the next one; STR_NULL of a table without a key. */
struct str landing_row_key(struct landing_row *row);
/* The type that the table's rows have with json[from..cnt-1] among them, in row->types. */
int landing_row_widen(struct landing_row *row, const struct str *json, size_t from, size_t cnt,
                      const struct type **out) MUST_USE;

/* Is `num` the very number that `raw` says? Up to 15 digits a double gives back as they were; more
 * only when it prints the same text. */
bool landing_row_exact(struct str raw, double num);
#define LANDING_ROW_I53 (INT64_C(1) << 53) /* integers up to here are doubles too */
/* The shortest digits that read back as the same number, with a point or an exponent. */
void landing_row_f64(double num, char *out, size_t len);

#endif
