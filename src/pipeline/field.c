/* field.c - typed values out of YAML nodes. */
#include "pipeline/field.h"

#include "base/dur.h"
#include "base/err.h"

#define NAMES_MAX 32

static bool scalar(struct field_in *in, const struct ynode *node, const char *want) {
    if (node->kind == YNODE_SCALAR) return true;
    report_addf(in->report, node->at, STR(""), "expected %s here, not a %s", want,
                node->kind == YNODE_LIST ? "list" : "mapping");
    return false;
}

bool field_text(struct field_in *in, const struct ynode *node, struct str *out) {
    if (!scalar(in, node, "a text")) return false;
    if (!node->text.len) {
        report_add(in->report, node->at, STR("a value is missing here"),
                   STR("write one after the colon, or remove the line"));
        return false;
    }
    *out = node->text;
    return true;
}

bool field_bool(struct field_in *in, const struct ynode *node, bool *out) {
    if (!scalar(in, node, "true or false")) return false;
    bool yes = str_ieq(node->text, STR("true")) || str_ieq(node->text, STR("yes"));
    if (!yes && !str_ieq(node->text, STR("false")) && !str_ieq(node->text, STR("no"))) {
        report_addf(in->report, node->at, STR("write true or false"),
                    "'%.*s' is neither true nor false", STR_ARG(node->text));
        return false;
    }
    *out = yes;
    return true;
}

bool field_int(struct field_in *in, const struct ynode *node, int64_t low, int64_t high,
               int64_t *out) {
    int64_t num;
    if (!scalar(in, node, "a number")) return false;
    if (str_i64(node->text, &num) || num < low || num > high) {
        report_addf(in->report, node->at, STR(""),
                    "'%.*s' is no whole number from %" PRId64 " to %" PRId64, STR_ARG(node->text),
                    low, high);
        return false;
    }
    *out = num;
    return true;
}

bool field_dur(struct field_in *in, const struct ynode *node, int64_t *us) {
    if (!scalar(in, node, "a length of time")) return false;
    if (!dur_parse(node->text, us)) return true;
    report_add(in->report, node->at, str_of(err_note()), STR(""));
    return false;
}

bool field_texts(struct field_in *in, const struct ynode *node, const struct str **out,
                 size_t *cnt) {
    const struct ynode *item = node->kind == YNODE_LIST ? node->item : node;
    size_t want = node->kind == YNODE_LIST ? node->cnt : 1;
    struct str *text = arena_array(in->arena, struct str, want);
    for (size_t i = 0; i < want; i++)
        if (!field_text(in, &item[i], &text[i])) return false;
    *out = text;
    *cnt = want;
    return true;
}

bool field_map(struct field_in *in, const struct ynode *node, const char *what) {
    if (node->kind == YNODE_MAP) return true;
    if (node->kind == YNODE_SCALAR && !node->text.len)
        report_addf(in->report, node->at,
                    STR("add 'name: ...' lines, indented, or remove the line"), "%s is empty",
                    what);
    else
        report_addf(in->report, node->at, STR("write 'name: ...' lines, indented"),
                    "%s must be a mapping", what);
    return false;
}

void field_known(struct field_in *in, const struct ynode *map, const char *const *names,
                 size_t cnt, const char *where) {
    struct str known[NAMES_MAX];
    CHECK(cnt <= NAMES_MAX);
    for (size_t i = 0; i < cnt; i++) known[i] = str_of(names[i]);
    for (size_t k = 0; k < map->cnt; k++) {
        bool found = false;
        for (size_t i = 0; i < cnt; i++) found = found || str_eq(map->key[k].text, known[i]);
        if (found) continue;
        struct str hint = report_nearest(in->report, map->key[k].text, known, cnt);
        report_addf(in->report, map->key[k].at, hint, "unknown key '%.*s' in %s",
                    STR_ARG(map->key[k].text), where);
    }
}

bool field_name(struct field_in *in, const struct ynode *node, size_t max, const char *what) {
    if (!scalar(in, node, what)) return false;
    bool good = node->text.len > 0 && node->text.len <= max && !str_eqz(node->text, ".") &&
                !str_eqz(node->text, "..");
    for (size_t i = 0; good && i < node->text.len; i++) {
        char c = node->text.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
    }
    if (!good)
        report_addf(in->report, node->at, STR("use letters, digits, '_', '-' and '.'"),
                    "'%.*s' cannot be %s", (int)MIN(node->text.len, 60), node->text.ptr, what);
    return good;
}
