/* func.h - a scalar function of SQL: its name, what it takes and gives, and the loop that computes
 * it over columns.
 *
 * A function is one row of a `const struct func fn_<family>[]` (op/fn_<family>.c, ended by a row
 * whose name is NULL), listed once in func_table.c. Several rows may share a name: the analyser
 * takes the first whose signature fits the argument types as they are, else the first that fits
 * after implicit casts.
 *
 * A query is planned so: (1) the signature, or types(), says which type each argument is wanted in
 * and what comes out; (2) the analyser casts the arguments and folds constants; (3) bind(), if
 * there is one, looks at the constants and makes the state of this call (a compiled pattern, say).
 * Then for every batch: eval().
 *
 * eval() computes the rows FUNC_EACH() yields and leaves the others alone. `out` is made by the
 * executor: stride 1, ctx->cnt rows, valid NULL (no row is NULL). Arguments may be constants, so
 * they are read by func_str() and its like, or at vec_at(). Unless the function has FUNC_NULLS,
 * no argument of a yielded row is NULL: the executor has made such rows NULL already, and has not
 * computed the arguments after the NULL one.
 *
 * A mistake in the data (ANSI: overflow, a malformed number, an index out of bounds) belongs to its
 * row: func_error(ctx, row, ...) and go on with the next one. That record, and only that, goes into
 * quarantine. eval() returns an error only when the batch as a whole cannot go on.
 *
 *     static int eval_upper(void *state, struct func_ctx *ctx, const struct vec *const *arg,
 *                           struct vec *out) {
 *         FUNC_EACH(ctx, row) {
 *             struct str in = func_str(arg[0], row);
 *             char *to = func_room(ctx, row, in.len);
 *             if (!to) continue;
 *             for (size_t i = 0; i < in.len; i++) to[i] = upper(in.ptr[i]);
 *             out->str[row] = (struct str){to, in.len};
 *         }
 *         return 0;
 *     }
 *     const struct func fn_string[] = {{"upper", "s:s", eval_upper}, {NULL}};
 *
 * Memory: results live in ctx->arena (the batch's) or are slices of arguments; state in the plan's.
 * Thread: state and ctx belong to the stream's thread. */
#ifndef STREAM_OP_FUNC_H
#define STREAM_OP_FUNC_H

#include "base/err.h"
#include "model/batch.h"

#define FUNC_ARG_MAX  255
#define FUNC_TEXT_MAX ((size_t)16 << 20)  /* bytes of one result */
#define FUNC_WORK_MAX ((size_t)256 << 20) /* bytes all calls on one batch may make */

/* A call on one batch. */
struct func_ctx {
    struct arena *arena;
    uint32_t cnt;        /* rows in every column */
    uint32_t live;       /* rows to compute */
    const uint32_t *sel; /* which, rising; NULL: 0 .. live-1 */
    uint32_t arg_cnt;
    int64_t now_us;      /* the batch's current_timestamp() */
    struct env *env;     /* for functions that are FUNC_VOLATILE */
    size_t work;         /* bytes given out by func_room() */
    uint8_t *failed;     /* by row; NULL: none has failed */
    struct str *why;     /* by row: the first mistake, where failed[row] */
};

#define FUNC_EACH(ctx, row)                                                                       \
    for (uint32_t i_##row = 0, row = 0;                                                           \
         i_##row < (ctx)->live && (row = (ctx)->sel ? (ctx)->sel[i_##row] : i_##row, true);       \
         i_##row++)

/* What is known of an argument when the query is planned. */
struct func_arg {
    const struct type *type; /* as written; types() overwrites it with what it wants instead */
    const struct vec *value; /* a constant: its value at position 0 (valid[0] 0: NULL); else NULL */
    bool literal;            /* the constant stands so in the text; it was not computed */
};
struct func;
struct func_call {
    const struct func *func;
    struct arena *arena; /* the plan's */
    struct func_arg *arg;
    uint32_t arg_cnt;
    const struct type *type; /* result; set by the signature or types() */
    void *state;             /* set by bind() */
    void (*fini)(void *state); /* set by bind() when the state holds more than arena memory */
    uint32_t wrong;          /* which argument func_wrong() blames */
};

enum func_flag {
    FUNC_NULLS = 1,    /* eval() sees NULL arguments and decides itself */
    FUNC_VOLATILE = 2, /* another value each time: never folded */
    FUNC_TRY = 4,      /* func_error() makes the row NULL instead: the try_...() functions */
    FUNC_LAST_FIRST = 8, /* the last argument is computed first (a / b: where b is NULL, no a) */
};

typedef int func_eval(void *state, struct func_ctx *ctx, const struct vec *const *arg,
                      struct vec *out);

/* Signature: a letter an argument, then ':' and the result.
 *   b BOOLEAN  c TINYINT  h SMALLINT  i INT  l BIGINT  f FLOAT  d DOUBLE  s STRING  x BINARY
 *   D DATE  T TIMESTAMP  W TIMESTAMP_NTZ  I INTERVAL DAY TO SECOND  Y INTERVAL YEAR TO MONTH
 *   n any number, as it is   a anything, as it is   [ any array   { any map   ( any struct
 *   = all so marked are cast to their least common type
 * '?' after a letter: this argument and all after it may be left out. '*' after the last letter:
 * it stands for any number of arguments, none included. The result is one letter of a scalar type,
 * '=' the common type, or a digit: the type of that argument, from 0; '-': types() says it. */
struct func {
    const char *name; /* lower case */
    const char *sig;
    func_eval *eval;
    unsigned flags; /* enum func_flag */
    /* After the signature has been applied: may change arg[].type (what is wanted) and type. 0, or
     * func_wrong(). Constants are there as written, not yet cast. */
    int (*types)(struct func_call *call);
    int (*bind)(struct func_call *call); /* 0, or func_wrong() */
};

/* In types() and bind(): notes the sentence, blames argument `arg` (its place in the text is shown
 * to the user) and returns ERR_TYPE. */
int func_wrong(struct func_call *call, uint32_t arg, const char *format, ...) PRINTF_LIKE(3, 4);

/* In eval(): marks the row as failed, with the reason; of several the first is kept. */
void func_error(struct func_ctx *ctx, uint32_t row, const char *format, ...) PRINTF_LIKE(3, 4);
/* Memory for a result of up to `len` bytes; NULL, and the row marked, when that is over a limit. */
char *func_room(struct func_ctx *ctx, uint32_t row, size_t len) MUST_USE;
/* Gives back what the last func_room() has after `end`; returns the text from `ptr` to `end`. */
static inline struct str func_trim(struct func_ctx *ctx, char *ptr, char *end) {
    ctx->arena->at = end;
    return (struct str){ptr, (size_t)(end - ptr)};
}
static inline void func_null(struct func_ctx *ctx, struct vec *out, uint32_t row) {
    batch_set_null(out, ctx->arena, row);
}

static inline struct str func_str(const struct vec *vec, uint32_t row) {
    return vec->str[vec_at(vec, row)];
}
static inline bool func_bool(const struct vec *vec, uint32_t row) {
    return vec->b[vec_at(vec, row)] != 0;
}
static inline int32_t func_i32(const struct vec *vec, uint32_t row) {
    return vec->i32[vec_at(vec, row)];
}
static inline int64_t func_i64(const struct vec *vec, uint32_t row) {
    return vec->i64[vec_at(vec, row)];
}
static inline double func_f64(const struct vec *vec, uint32_t row) {
    return vec->f64[vec_at(vec, row)];
}
/* A constant argument's value when it is there and not NULL. */
static inline const struct vec *func_const(const struct func_call *call, uint32_t arg) {
    const struct vec *value = arg < call->arg_cnt ? call->arg[arg].value : NULL;
    return value && !vec_null(value, 0) ? value : NULL;
}

/* ---- results that are arrays or maps ----
 * Rows are begun in FUNC_EACH's order; func_list_end() closes all. Either items are written one by
 * one into list.kid at the index func_list_add() gives (fixed-width and text types), or the kids
 * are made otherwise (take.h) and only the counts told, by func_list_skip(). */
struct func_list {
    struct func_ctx *ctx;
    struct vec *out;  /* ARRAY, or MAP */
    struct vec *kid;  /* items, or a map's keys */
    struct vec *kid2; /* a map's values */
    uint32_t cnt, cap;
    uint32_t row;     /* offsets below and at this row are written */
};
void func_list_begin(struct func_list *list, struct func_ctx *ctx, struct vec *out);
void func_list_row(struct func_list *list, uint32_t row);
/* The next item's index, or UINT32_MAX with the row marked when there are too many. */
uint32_t func_list_add(struct func_list *list);
void func_list_skip(struct func_list *list, uint32_t cnt); /* cnt items, kids made by the caller */
void func_list_end(struct func_list *list);

#endif
