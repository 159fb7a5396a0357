/* func_table.c - the one list of all families of functions. A new family is one line here. */
#include "stream/op/func_table.h"

static const struct func *const families[] = {
    fn_core,
    fn_arith,
    fn_session,
    fn_case,
    fn_digest,
    fn_like,
    fn_math,
    fn_misc,
    fn_regexp,
    fn_round,
    fn_string,
    fn_date,
    fn_datefmt,
    fn_list,
    fn_listset,
    fn_map,
    fn_json,
    fn_format,
    fn_url,
};

const struct func *func_table_find(struct str name, const struct func *after) {
    bool passed = !after;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        for (const struct func *func = families[i]; func->name; func++) {
            if (passed && str_ieq(name, str_of(func->name))) return func;
            passed = passed || func == after;
        }
    }
    return NULL;
}

size_t func_table_names(struct str *name, size_t max) {
    size_t cnt = 0;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        for (const struct func *func = families[i]; func->name && cnt < max; func++) {
            struct str next = str_of(func->name);
            if (func_table_find(next, NULL) == func) name[cnt++] = next;
        }
    }
    return cnt;
}
