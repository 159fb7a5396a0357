/* jsonbatch_int.h - what jsonbatch.c and jsonbatch_cast.c share. */
#ifndef WIRE_JSON_JSONBATCH_INT_H
#define WIRE_JSON_JSONBATCH_INT_H

#include "wire/json/jsonbatch.h"

#define JSONBATCH_GUESS_LEN 32  /* bytes of a guessable key, quotes and colon included */
#define JSONBATCH_GUESS_MAX 128 /* places of an object that have a guess */

/* The key that stood at one place of an object the last time: `"name":` as it stood there. */
struct jsonbatch_guess {
    char text[JSONBATCH_GUESS_LEN];
    uint8_t len;
    int32_t field; /* -1: nobody wants it */
};

/* One wanted type, and the column it is decoded into. */
struct jsonbatch_node {
    const struct type *type;
    struct jsonbatch_node *kid; /* STRUCT: one a field; ARRAY: the item; MAP: key and value */
    uint32_t kid_cnt;
    /* STRUCT: field names, open addressing. */
    int32_t *slot; /* field or -1 */
    uint32_t slot_mask;
    struct jsonbatch_guess *guess;
    uint32_t guess_cnt;
    uint64_t *exact; /* by field: the visit in which its exact name was met */
    /* of this batch */
    struct vec *vec;
    uint32_t cap;      /* rows there is room for */
    uint32_t used;     /* an item's node: rows that are taken */
    uint32_t next_row; /* ARRAY, MAP: off[0 .. next_row] are set */
    uint32_t usual;    /* an item's node: rows the largest batch so far took */
};

/* A scalar that is not null into row `row`; false: it does not fit the type. */
bool jsonbatch_cast(struct vec *vec, uint32_t row, const struct json_value *value, unsigned flags,
                    struct arena *arena);

#endif
