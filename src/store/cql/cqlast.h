/* cqlast.h - a parsed CQL statement: what was written, nothing looked up yet.
 *
 * Everything lives in the arena the parser was given; texts may point into the statement. Names are
 * in their final case. A keyspace with ptr NULL was not written. */
#ifndef STORE_CQL_CQLAST_H
#define STORE_CQL_CQLAST_H

#include "store/cql/cqlexec.h"

enum cqlterm_kind {
    CQLTERM_NULL,
    CQLTERM_STRING,
    CQLTERM_INT,
    CQLTERM_FLOAT,
    CQLTERM_BOOL,
    CQLTERM_UUID,
    CQLTERM_HEX,
    CQLTERM_DURATION,
    CQLTERM_MARK,   /* mark */
    CQLTERM_LIST,   /* kids */
    CQLTERM_SET,
    CQLTERM_MAP,    /* keys and values in turn; {} too */
    CQLTERM_UDT,    /* names and kids */
    CQLTERM_TUPLE,
    CQLTERM_CALL,   /* text: the function's name; kids */
    CQLTERM_CAST,   /* text: a type; one kid: (type) term */
    CQLTERM_ARITH,  /* text: + - * / %; two kids */
    CQLTERM_NEG,    /* one kid */
};
struct cqlterm {
    enum cqlterm_kind kind;
    struct str text; /* of constants as they were written, strings without quotes */
    struct cqlterm **kid;
    struct str *name;
    uint16_t cnt;
    uint16_t mark; /* its number, from 0 */
};

enum cqlpick_kind {
    CQLPICK_COL,       /* name */
    CQLPICK_WRITETIME, /* name */
    CQLPICK_TTL,
    CQLPICK_COUNT_ALL, /* count(*), count(1) */
    CQLPICK_CALL,      /* name: of the function; kids */
    CQLPICK_CAST,      /* cast(kid AS name) */
    CQLPICK_TERM,      /* term */
    CQLPICK_FIELD,     /* kid . name */
    CQLPICK_ITEM,      /* kid [term] */
    CQLPICK_ARITH,     /* kid op kid; name: the sign */
};
struct cqlpick { /* what SELECT asks for */
    enum cqlpick_kind kind;
    struct str name, alias; /* alias.ptr NULL: none */
    struct cqlpick **kid;
    uint16_t cnt;
    struct cqlterm *term;
};

enum cqlrel_op {
    CQLREL_EQ,
    CQLREL_LT,
    CQLREL_LE,
    CQLREL_GT,
    CQLREL_GE,
    CQLREL_NE,
    CQLREL_IN,
    CQLREL_CONTAINS,
    CQLREL_CONTAINS_KEY,
    CQLREL_NOT_NULL,
    CQLREL_LIKE,
};
struct cqlrel { /* one relation of WHERE, or one condition of IF */
    enum cqlrel_op op;
    bool token, tuple;  /* token(names) op; (names) op */
    struct str *name;
    uint16_t name_cnt;
    struct cqlterm *index; /* name[index] op */
    struct str field;      /* name.field op; ptr NULL: none */
    struct cqlterm *term;  /* IN: a CQLTERM_LIST of what was in parentheses, or a mark */
    bool in_mark;          /* IN ?: the mark is the whole list */
    struct str text;       /* as it was written */
};

enum cqlset_op {
    CQLSET_PUT,     /* col = term */
    CQLSET_ADD,     /* col = col + term */
    CQLSET_PREPEND, /* col = term + col */
    CQLSET_REMOVE,  /* col = col - term */
    CQLSET_ITEM,    /* col[index] = term */
    CQLSET_FIELD,   /* col.field = term */
};
struct cqlset {
    enum cqlset_op op;
    struct str name, field;
    struct cqlterm *index, *term;
    struct str text; /* as it was written */
};

struct cqlast_coldef {
    struct str name, type;
    bool is_static, is_pkey, desc;
};
struct cqlast_option {
    struct str name;
    struct cqlterm *value;
};

enum cqlast_kind {
    CQLAST_SELECT,
    CQLAST_INSERT,
    CQLAST_UPDATE,
    CQLAST_DELETE,
    CQLAST_BATCH,
    CQLAST_USE,
    CQLAST_TRUNCATE,
    CQLAST_CREATE_KEYSPACE,
    CQLAST_ALTER_KEYSPACE,
    CQLAST_DROP_KEYSPACE,
    CQLAST_CREATE_TABLE,
    CQLAST_ALTER_TABLE,
    CQLAST_DROP_TABLE,
    CQLAST_CREATE_TYPE,
    CQLAST_ALTER_TYPE,
    CQLAST_DROP_TYPE,
    CQLAST_REFUSED, /* parsed as far as to know it; `refusal` says why */
};
struct cqlast {
    enum cqlast_kind kind;
    struct str keyspace, name;
    bool if_exists, if_not_exists;

    /* SELECT */
    bool distinct, json, filtering;
    struct cqlpick **pick; /* pick_cnt 0: * */
    uint16_t pick_cnt;
    struct cqlrel *where;
    uint16_t where_cnt;
    struct str *group, *order;
    bool *order_desc;
    uint16_t group_cnt, order_cnt;
    struct cqlterm *limit, *part_limit;

    /* INSERT, UPDATE, DELETE */
    struct str *col;
    struct cqlterm **value;
    uint16_t col_cnt;
    struct cqlterm *json_value;
    bool default_unset;
    struct cqlset *set; /* UPDATE; DELETE: PUT with no term, or ITEM, FIELD */
    uint16_t set_cnt;
    struct cqlrel *cond;
    uint16_t cond_cnt;
    struct cqlterm *timestamp, *ttl;

    /* BATCH */
    enum cqlexec_batch_kind batch;
    struct cqlast **item;
    uint32_t item_cnt;

    /* schema */
    struct cqlast_coldef *def; /* CREATE TABLE, TYPE; ALTER ADD */
    uint16_t def_cnt;
    struct str *pkey, *ckey;
    uint16_t pkey_cnt, ckey_cnt;
    struct cqlast_option *option;
    uint16_t option_cnt;
    struct str *drop; /* ALTER TABLE DROP */
    uint16_t drop_cnt;
    struct str *rename; /* pairs: from, to */
    uint16_t rename_cnt;
    const char *refusal;
};

struct cqlast_mark {
    struct str name; /* of :name; ptr NULL: ? */
};
struct cqlast_whole {
    struct cqlast *ast;
    struct cqlast_mark *mark;
    uint16_t mark_cnt;
};

#endif
