/* people.h - made-up people, by randomuser.me's documented API, without a network.
 *
 * people_parse() reads a query string as that API does: what is out of range becomes the default,
 * the last of a repeated parameter wins. The same seed and page give the same people (their ages
 * follow the clock); without a seed one is drawn. Each field has its own random numbers, so that
 * leaving some out (inc, exc) does not change the others.
 * Source: randomuser.me's documentation, API 1.4. Limits: PEOPLE_RESULT_MAX people a request. */
#ifndef SOURCE_PEOPLE_PEOPLE_H
#define SOURCE_PEOPLE_PEOPLE_H

#include "base/buf.h"
#include "base/env.h"
#include "source/people/nation.h"

#define PEOPLE_RESULT_MAX 5000
#define PEOPLE_PAGE_MAX   10000
#define PEOPLE_SEED_MAX   64
#define PEOPLE_BODY_MAX   ((size_t)16 << 20)

enum people_field { /* in the record's order */
    PEOPLE_GENDER,
    PEOPLE_NAME,
    PEOPLE_LOCATION,
    PEOPLE_EMAIL,
    PEOPLE_LOGIN,
    PEOPLE_DOB,
    PEOPLE_REGISTERED,
    PEOPLE_PHONE,
    PEOPLE_CELL,
    PEOPLE_ID,
    PEOPLE_PICTURE,
    PEOPLE_NAT,
    PEOPLE_FIELD_CNT
};
enum people_format { PEOPLE_JSON, PEOPLE_PRETTY, PEOPLE_CSV, PEOPLE_YAML, PEOPLE_XML };
struct people_query {
    uint32_t results, page;
    char seed[PEOPLE_SEED_MAX + 1];
    uint32_t nats;    /* bit i: nation i */
    int gender;       /* 0 either, 1 male, 2 female; ignored with a seed given */
    uint32_t fields;  /* bit: enum people_field */
    enum people_format format;
    bool noinfo;
    uint32_t pass_sets; /* bits: special, upper, lower, number; 0: a word and a number */
    uint32_t pass_min, pass_max;
    char version[8];
};

/* version: "1.4" or "" ; ERR_NOT_FOUND for one that never was. */
int people_parse(struct env *env, struct str version, struct str query,
                 struct people_query *out) MUST_USE;
/* The whole answer in the format asked for. */
int people_write(struct env *env, const struct people_query *query, struct buf *out) MUST_USE;
const char *people_content_type(enum people_format format);

#endif
