/* nation.h - what people of a country are called, where they live, how they write numbers.
 *
 * Lists are our own: common names, towns and streets, separated by '|'. In patterns '#' is a digit,
 * 'X' a capital letter, anything else itself. Thread: any, after nation_get() once. */
#ifndef SOURCE_PEOPLE_NATION_H
#define SOURCE_PEOPLE_NATION_H

#include "base/str.h"

#define NATION_CNT      14
#define NATION_LIST_MAX 40

struct nation_list {
    struct str item[NATION_LIST_MAX];
    uint32_t cnt;
};
struct nation {
    char code[3];
    const char *country;
    const char *postcode;  /* pattern */
    bool postcode_text;    /* a JSON string; else a number */
    const char *phone, *cell, *id_name, *id; /* patterns; id "": none */
    struct nation_list male, female, last, city, state, street;
};

const struct nation *nation_get(uint32_t idx); /* idx < NATION_CNT */
int nation_find(struct str code);              /* case ignored; -1: no such */

#endif
