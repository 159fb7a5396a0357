/* landing_cols.h - a landing table as every product sees it: which columns the members of JSON rows
 * become, what they are named, how the table grows.
 *
 * Each top-level member of the rows is a column; a key path that leads deeper, "login.uuid", is one
 * more column, named as the path. What a product adds - how a column is declared, how a name is
 * quoted - it says by its dialect; what it keeps beside a column stands in an array of its own, by
 * the same index. landing_row.h reads rows into such columns.
 *
 * Thread: with its table. Memory: all but the name lives until landing_cols_forget().
 * Limits: LANDING_COL_MAX columns; names of LANDING_COLS_NAME_MAX bytes. */
#ifndef LANDING_LANDING_COLS_H
#define LANDING_LANDING_COLS_H

#include "base/buf.h"
#include "base/map.h"
#include "landing/landing.h"
#include "wire/json/jsonpath.h"

#define LANDING_COLS_NAME_MAX 255 /* bytes of a table's, a member's and a key path's name */

struct landing_col {
    struct str name;   /* in the database */
    struct str member; /* in the JSON; ptr NULL: a key path's column */
    struct str path;
    const struct type *type; /* of the JSON so far; before any: what the column holds */
    size_t primary;    /* its place in the database's own primary key, from 1; 0: not in it */
    bool is_key;
    bool is_seen;      /* in the rows landed so far, so stored by `type` */
    bool is_void;      /* and always null: its type may still be chosen */
    struct str head;             /* a path's first step, when it is a plain name */
    size_t head_col;             /* its column + 1 */
    const struct jsonpath *rest; /* the path below `head`; below the row without one */
};

struct landing_cols {
    struct str name;         /* the table's, as declared; lives as long as this */
    bool declared, captured;
    bool theirs;             /* made by another program: its key is its primary key */
    bool is_there;           /* in the database */
    bool loaded;             /* what follows is as in the database; else empty */
    struct arena arena;
    struct landing_col *col;
    size_t col_cnt;
    struct map by_member;    /* index + 1 */
    struct str *key;         /* paths; NULL: not known yet */
    size_t key_cnt;
    size_t *key_col;         /* their columns; only when is_there */
    const struct type *row;  /* NULL: no rows yet */
};

struct landing_dialect {
    size_t name_max;  /* bytes of a column's name, 0: any; a longer one is cut */
    bool folds_case;  /* names that differ in the case of a-z only are the same */
    const char *const *reserved; /* names that no column can have; ends with a NULL */
    void (*put_name)(struct buf *sql, struct str name);
    void (*put_decl)(struct buf *sql, const struct landing_col *col); /* " type" */
};

void landing_cols_init(struct landing_cols *cols, struct str name);
void landing_cols_forget(struct landing_cols *cols); /* back to not loaded */
void landing_cols_fini(struct landing_cols *cols);

/* ERR_INVAL: not a name we would make, of at most `max` bytes. */
int landing_cols_check_name(struct str name, size_t max) MUST_USE;
/* Are the key paths of a declaration such as can be landed by? At most `max` of them. */
int landing_cols_check_key(const struct landing_table *decl, size_t max) MUST_USE;

/* ---- loading ---- */
/* The key and the rows' type as kept beside the table: a JSON list of paths, type_format()'s. */
int landing_cols_set_meta(struct landing_cols *cols, struct str key, struct str row) MUST_USE;
/* Says what a column is that has its name, type and `primary`: of `path`, else of `member`, else of
 * the member with its name. Both are borrowed. */
int landing_cols_set_col(struct landing_cols *cols, struct landing_col *col, struct str member,
                         struct str path) MUST_USE;
/* All columns are there: joins them to their members, paths and keys. */
int landing_cols_link(struct landing_cols *cols) MUST_USE;
/* What is to be kept as the table's key, as JSON. ERR_CONFLICT: it is there with another. */
int landing_cols_declare(const struct landing_cols *cols, const struct landing_table *decl,
                         struct buf *key) MUST_USE;
/* Fills in name, key and row for those who look at the table. */
void landing_cols_info(const struct landing_cols *cols, struct arena *arena,
                       struct landing_info *out);

/* ---- growing ---- */
struct landing_growth {
    struct arena arena;
    struct landing_col *col; /* to be added */
    size_t cnt;
};
/* Which columns rows of type `row` need beside those there are: ERR_TOO_BIG, ERR_INVAL. To be
 * freed in any case. */
int landing_cols_grow(const struct landing_cols *cols, const struct landing_dialect *dialect,
                      const struct type *row, struct landing_growth *out) MUST_USE;
void landing_cols_growth_fini(struct landing_growth *growth);
/* "CREATE TABLE ..." of all these columns, the key as its primary key. */
void landing_cols_create(const struct landing_cols *cols, const struct landing_dialect *dialect,
                         const struct landing_growth *growth, struct buf *sql);
/* "name type" of one of them. */
void landing_cols_decl(const struct landing_dialect *dialect, const struct landing_col *col,
                       struct buf *sql);
/* Does the column's name alone not say which member it is of? */
bool landing_cols_is_odd(const struct landing_col *col);

/* ---- text ---- */
/* "a", "b", ...: all columns, in the order of `col`. */
void landing_cols_names(const struct landing_cols *cols, const struct landing_dialect *dialect,
                        struct buf *sql);
/* A row as a JSON object, without the paths' columns: `put` writes the value of column `at`. */
void landing_cols_row(const struct landing_cols *cols,
                      void (*put)(void *arg, size_t at, struct buf *out), void *arg,
                      struct buf *out);

#endif
