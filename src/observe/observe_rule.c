/* observe_rule.c - "SUBJECT.METRIC OP NUMBER [for DURATION]" read. */
#include "observe/observe.h"

#include "base/dur.h"
#include "base/err.h"

static const char *const metrics[] = {"age", "lag", "rows", "quarantined", "quarantined_ratio",
                                      "failed", "latency_p99", "gaps", "behind_bytes"};

static const struct {
    const char *text;
    enum observe_op op;
} ops[] = {{">=", OBSERVE_GE}, {"<=", OBSERVE_LE}, {"!=", OBSERVE_NE},
           {"==", OBSERVE_EQ}, {">", OBSERVE_GT},  {"<", OBSERVE_LT}, {"=", OBSERVE_EQ}};

static bool take_op(struct str *left, enum observe_op *op) {
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        struct str text = str_of(ops[i].text);
        if (!str_starts(*left, text)) continue;
        left->ptr += text.len, left->len -= text.len;
        *op = ops[i].op;
        return true;
    }
    return false;
}

/* A number, or a length of time as seconds. */
static int read_value(struct str text, double *out) {
    int64_t us;
    if (!str_f64(text, out)) return 0;
    if (dur_parse(text, &us))
        return err_fail(ERR_SYNTAX, "'%.*s' is neither a number nor a length of time",
                        STR_ARG(text));
    *out = (double)us / 1e6;
    return 0;
}

/* "VALUE" or "VALUE for DURATION". */
static int read_limit(struct str text, struct observe_rule *out) {
    struct str rest, value = str_cut(str_trim(text), ' ', &rest);
    out->for_us = 0;
    int err = read_value(value, &out->value);
    if (err || !rest.ptr) return err;
    struct str length, word = str_cut(str_trim(rest), ' ', &length);
    if (!str_eqz(word, "for") || !length.ptr)
        return err_fail(ERR_SYNTAX, "'%.*s': expected 'for' and a length of time here",
                        STR_ARG(rest));
    return dur_parse(str_trim(length), &out->for_us);
}

int observe_rule_parse(struct str text, struct observe_rule *out) {
    struct str left = str_trim(text);
    size_t at = 0;
    while (at < left.len && !strchr("<>=! ", left.ptr[at])) at++;
    struct str name = {left.ptr, at};
    size_t dot = name.len;
    while (dot > 0 && name.ptr[dot - 1] != '.') dot--;
    if (dot < 2 || dot == name.len)
        return err_fail(ERR_SYNTAX, "a rule begins with NAME.METRIC, for instance "
                        "created_users.age");
    out->subject = (struct str){name.ptr, dot - 1};
    out->metric = (struct str){name.ptr + dot, name.len - dot};
    left = str_trim((struct str){left.ptr + at, left.len - at});
    if (!take_op(&left, &out->op))
        return err_fail(ERR_SYNTAX, "expected >, >=, <, <=, = or != after '%.*s'", STR_ARG(name));
    return read_limit(left, out);
}

int observe_rule_check(struct str text) {
    struct observe_rule rule;
    struct str known[ARRAY_LEN(metrics)], near[1];
    int err = observe_rule_parse(text, &rule);
    if (err) return err;
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
        known[i] = str_of(metrics[i]);
        if (str_eq(rule.metric, known[i])) return 0;
    }
    if (str_near(rule.metric, known, ARRAY_LEN(known), near, 1))
        return err_fail(ERR_SYNTAX, "unknown metric '%.*s'; did you mean '%.*s'?",
                        STR_ARG(rule.metric), STR_ARG(near[0]));
    return err_fail(ERR_SYNTAX, "unknown metric '%.*s'; there are age, lag, rows, "
                    "quarantined, quarantined_ratio, failed, latency_p99, gaps, behind_bytes",
                    STR_ARG(rule.metric));
}
