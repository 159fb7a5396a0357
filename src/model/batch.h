/* batch.h - rows as columns: what flows through the stream engine and into a sink.
 *
 * A vec is one column: a flat array of values with one validity byte a row. A constant column has
 * stride 0: every row reads position 0, so kernels index with vec_at(). A batch is up to
 * BATCH_ROW_MAX rows of columns and a selection: the rows, in rising order, that are still alive.
 *
 * Memory: arrays live in the batch's arena; strings point anywhere that lives as long as it
 * (usually the fetched bytes). Thread: one at a time. */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include "model/type.h"

#define BATCH_ROW_MAX 4096

__extension__ typedef __int128 batch_i128; /* an unscaled DECIMAL */
__extension__ typedef unsigned __int128 batch_u128;

struct vec {
    const struct type *type;
    uint32_t cnt;     /* rows; 1 position is stored when stride is 0 */
    uint32_t stride;  /* 1, or 0 for a constant */
    uint8_t *valid;   /* 1 a value, 0 NULL; NULL pointer: no row is NULL */
    union {
        void *data;
        uint8_t *b;      /* BOOL: 0 or 1 */
        int8_t *i8;
        int16_t *i16;
        int32_t *i32;    /* I32, DATE, INTERVAL_YM */
        int64_t *i64;    /* I64, TIMESTAMP, TIMESTAMP_NTZ, INTERVAL_DT */
        float *f32;
        double *f64;
        batch_i128 *dec; /* DECIMAL, unscaled */
        struct str *str; /* STRING, BINARY, UUID (16 bytes) */
        uint32_t *off;   /* ARRAY, MAP: row r's items are off[r] .. off[r+1]-1 of kid[] */
    };
    struct vec **kid;    /* STRUCT: one a field; ARRAY: [0]; MAP: [0] keys, [1] values */
};

struct batch {
    const struct type *type; /* a STRUCT: names and types of the columns */
    uint32_t cnt;            /* rows in every column */
    struct vec **col;        /* type->field_cnt of them */
    uint32_t *sel;           /* selected rows; NULL: all */
    uint32_t sel_cnt;
    struct arena *arena;
};

static inline uint32_t vec_at(const struct vec *vec, uint32_t row) {
    return row * vec->stride;
}
static inline bool vec_null(const struct vec *vec, uint32_t row) {
    return vec->valid && !vec->valid[row * vec->stride];
}

size_t batch_width(const struct type *type); /* bytes a value in `data`; STRUCT 0 */
/* A column with room for `cnt` values (valid is NULL, data zeroed, kids made for STRUCT only). */
struct vec *batch_vec(struct arena *arena, const struct type *type, uint32_t cnt);
struct vec *batch_const(struct arena *arena, const struct type *type, uint32_t cnt); /* stride 0 */
struct vec *batch_nulls(struct arena *arena, const struct type *type, uint32_t cnt); /* all NULL */
/* Makes `valid` when it is not there yet. */
void batch_set_null(struct vec *vec, struct arena *arena, uint32_t row);
struct batch *batch_new(struct arena *arena, const struct type *type, uint32_t cnt);
uint32_t batch_live(const struct batch *batch);                  /* selected rows */
uint32_t batch_row(const struct batch *batch, uint32_t i);       /* the i-th selected row */
/* One value as JSON (strings quoted, NULL as null, timestamps ISO 8601 UTC, binary base64), as
 * Spark's to_json would write it, or as bare text for a person. */
void batch_json(const struct vec *vec, uint32_t row, struct buf *out);

#endif
