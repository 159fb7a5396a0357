/* signature.c - reads signature letters. */
#include "stream/plan/signature.h"

#include "stream/plan/coerce.h"

static const struct letter {
    char letter;
    enum type_kind kind;
} scalars[] = {
    {'b', TYPE_BOOL},      {'c', TYPE_I8},        {'h', TYPE_I16},
    {'i', TYPE_I32},       {'l', TYPE_I64},       {'f', TYPE_F32},
    {'d', TYPE_F64},       {'s', TYPE_STRING},    {'x', TYPE_BINARY},
    {'D', TYPE_DATE},      {'T', TYPE_TIMESTAMP}, {'W', TYPE_TIMESTAMP_NTZ},
    {'I', TYPE_INTERVAL_DT}, {'Y', TYPE_INTERVAL_YM},
};

static const struct type *scalar(char letter) {
    for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
        if (scalars[i].letter == letter) return type_of(scalars[i].kind);
    return NULL;
}

void signature_arity(const struct func *func, uint32_t *least, uint32_t *most) {
    bool open = false;
    *least = *most = 0;
    for (const char *at = func->sig; *at && *at != ':'; at++) {
        if (*at == '?') {
            if (!open) *least -= 1;
            open = true;
        } else if (*at == '*') {
            if (!open) *least -= 1;
            *most = FUNC_ARG_MAX;
        } else {
            *most += 1;
            *least += !open;
        }
    }
}

/* The letter of argument `arg`; 0: there is no such argument. */
static char letter_at(const struct func *func, uint32_t arg) {
    char last = 0;
    for (const char *at = func->sig; *at && *at != ':'; at++) {
        if (*at == '?') continue;
        if (*at == '*') return last;
        last = *at;
        if (arg-- == 0) return last;
    }
    return 0;
}

static bool fits_any(char letter, const struct type *type) {
    switch (letter) {
    case 'a': return true;
    case 'n': return type_is_num(type) || type->kind == TYPE_NULL;
    case '[': return type->kind == TYPE_ARRAY || type->kind == TYPE_NULL;
    case '{': return type->kind == TYPE_MAP || type->kind == TYPE_NULL;
    case '(': return type->kind == TYPE_STRUCT || type->kind == TYPE_NULL;
    default: return false;
    }
}

/* What argument `arg` is wanted in; NULL: it does not fit. */
static const struct type *fit_arg(const struct func_call *call, uint32_t arg, bool exact,
                                  const struct type *common) {
    char letter = letter_at(call->func, arg);
    const struct type *from = call->arg[arg].type, *want = scalar(letter);
    if (letter == '=') return common;
    if (want) {
        if (type_eq(from, want)) return want;
        return !exact && coerce_implicit(from, want) ? want : NULL;
    }
    if (fits_any(letter, from)) return from;
    /* text where a number is wanted is read as DOUBLE */
    bool text = from->kind == TYPE_STRING || from->kind == TYPE_UUID;
    return letter == 'n' && text && !exact ? type_of(TYPE_F64) : NULL;
}

/* The least common type of all arguments marked '='; false: there is none. */
static bool fit_common(const struct func_call *call, bool exact, const struct type **common,
                       uint32_t *wrong) {
    *common = NULL;
    for (uint32_t i = 0; i < call->arg_cnt; i++) {
        if (letter_at(call->func, i) != '=') continue;
        const struct type *type = call->arg[i].type;
        if (exact && *common && !type_eq(*common, type)) return *wrong = i, false;
        *common = *common ? coerce_common(call->arena, *common, type) : type;
        if (!*common) return *wrong = i, false;
    }
    return true;
}

bool signature_fit(struct func_call *call, bool exact, uint32_t *wrong) {
    uint32_t least, most;
    const struct type *want[FUNC_ARG_MAX], *common;
    signature_arity(call->func, &least, &most);
    *wrong = UINT32_MAX;
    if (call->arg_cnt < least || call->arg_cnt > most || call->arg_cnt > FUNC_ARG_MAX) return false;
    if (!fit_common(call, exact, &common, wrong)) return false;
    for (uint32_t i = 0; i < call->arg_cnt; i++) {
        want[i] = fit_arg(call, i, exact, common);
        if (!want[i]) return *wrong = i, false;
    }
    for (uint32_t i = 0; i < call->arg_cnt; i++) call->arg[i].type = want[i];
    const char *colon = strchr(call->func->sig, ':');
    assert(colon && colon[1]);
    char out = colon[1];
    call->type = out == '=' ? common
                 : out >= '0' && out <= '9' ? (uint32_t)(out - '0') < call->arg_cnt
                                                  ? want[out - '0'] : type_of(TYPE_NULL)
                                            : scalar(out);
    return true;
}

const char *signature_wants(const struct func *func, uint32_t arg) {
    char letter = letter_at(func, arg);
    const struct type *type = scalar(letter);
    if (type) return type_name(type->kind);
    switch (letter) {
    case 'n': return "a number";
    case '[': return "an array";
    case '{': return "a map";
    case '(': return "a struct";
    case '=': return "a type that goes with the others";
    default: return "another type";
    }
}
