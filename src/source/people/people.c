/* people.c - the API's parameters, and an answer around its people. */
#include "source/people/people.h"

#include "base/err.h"
#include "source/people/person.h"

#include <jansson.h>
#include <stdio.h>

#define ALL_FIELDS ((1u << PEOPLE_FIELD_CNT) - 1)
#define ALL_NATS   ((1u << NATION_CNT) - 1)
#define PASS_MAX   64

static const char *const versions[] = {"1.4", "1.3", "1.2", "1.1", "1.0"};

static const char *const fields[PEOPLE_FIELD_CNT] = {"gender", "name", "location", "email",
                                                     "login", "dob", "registered", "phone",
                                                     "cell", "id", "picture", "nat"};

/* ---- reading ---- */

/* A whole number within the limits, else 1: as the API does it. */
static uint32_t number_or_one(struct str text, uint32_t max) {
    int64_t num;
    if (str_i64(text, &num) || num < 1 || num > max) return 1;
    return (uint32_t)num;
}

static uint32_t read_nats(struct str list) {
    uint32_t nats = 0;
    while (list.ptr) {
        int i = nation_find(str_trim(str_cut(list, ',', &list)));
        if (i >= 0) nats |= 1u << i;
    }
    return nats ? nats : ALL_NATS;
}

static uint32_t read_fields(struct str list) {
    uint32_t mask = 0;
    while (list.ptr) {
        struct str name = str_trim(str_cut(list, ',', &list));
        for (int i = 0; i < PEOPLE_FIELD_CNT; i++)
            if (str_ieq(name, str_of(fields[i]))) mask |= 1u << i;
    }
    return mask;
}

/* "special,upper,lower,number,8-16"; a single number is both ends. */
static void read_password(struct str list, struct people_query *out) {
    static const char *const sets[] = {"special", "upper", "lower", "number"};
    out->pass_sets = 0;
    out->pass_min = 8;
    out->pass_max = 64;
    while (list.ptr) {
        struct str part = str_trim(str_cut(list, ',', &list)), high;
        for (uint32_t i = 0; i < 4; i++)
            if (str_ieq(part, str_of(sets[i]))) out->pass_sets |= 1u << i;
        struct str low = str_cut(part, '-', &high);
        int64_t min, max;
        if (str_i64(low, &min) || str_i64(high.ptr ? high : low, &max)) continue;
        if (min < 1 || max < min || max > PASS_MAX) continue;
        out->pass_min = (uint32_t)min;
        out->pass_max = (uint32_t)max;
    }
    if (!out->pass_sets) out->pass_sets = 15;
}

static void read_format(struct str name, struct people_query *out) {
    static const struct {
        const char *name;
        enum people_format format;
    } names[] = {{"json", PEOPLE_JSON},  {"pretty", PEOPLE_PRETTY}, {"prettyjson", PEOPLE_PRETTY},
                 {"csv", PEOPLE_CSV},    {"yaml", PEOPLE_YAML},     {"xml", PEOPLE_XML}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_ieq(name, str_of(names[i].name))) out->format = names[i].format;
}

static bool is_one_of(struct str name, const char *a, const char *b) {
    return str_eqz(name, a) || str_eqz(name, b);
}

static void read_seed(struct str value, struct people_query *out) {
    size_t len = 0;
    for (size_t i = 0; i < value.len && len < PEOPLE_SEED_MAX; i++) {
        char c = value.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (plain || c == '-' || c == '_') out->seed[len++] = c;
    }
    out->seed[len] = 0;
}

static void read_param(struct str name, struct str value, struct people_query *out) {
    if (str_eqz(name, "results")) out->results = number_or_one(value, PEOPLE_RESULT_MAX);
    else if (str_eqz(name, "page")) out->page = number_or_one(value, PEOPLE_PAGE_MAX);
    else if (str_eqz(name, "seed")) read_seed(value, out);
    else if (is_one_of(name, "nat", "nationality")) out->nats = read_nats(value);
    else if (str_eqz(name, "gender"))
        out->gender = str_eqz(value, "male") ? 1 : str_eqz(value, "female") ? 2 : 0;
    else if (str_eqz(name, "inc") && read_fields(value)) out->fields = read_fields(value);
    else if (str_eqz(name, "exc")) out->fields &= ~read_fields(value);
    else if (is_one_of(name, "format", "fmt")) read_format(value, out);
    else if (str_eqz(name, "noinfo")) out->noinfo = true;
    else if (str_eqz(name, "password")) read_password(value, out);
}

/* "%2C" and "%20" are the only escapes its values need; others stay as they are. */
static struct str unescape(struct str text, char *to, size_t size) {
    size_t len = 0;
    for (size_t i = 0; i < text.len && len + 1 < size; i++) {
        struct str left = {text.ptr + i, text.len - i};
        bool comma = str_starts(left, STR("%2C")) || str_starts(left, STR("%2c"));
        bool space = str_starts(left, STR("%20")) || text.ptr[i] == '+';
        to[len++] = comma ? ',' : space ? ' ' : text.ptr[i];
        if (comma || (space && text.ptr[i] == '%')) i += 2;
    }
    return (struct str){to, len};
}

int people_parse(struct env *env, struct str version, struct str query, struct people_query *out) {
    *out = (struct people_query){.results = 1, .page = 1, .nats = ALL_NATS, .fields = ALL_FIELDS};
    bool known = version.len == 0;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) known = known || str_eqz(version, versions[i]);
    if (!known)
        return err_fail(ERR_NOT_FOUND, "there is no version '%.*s'", (int)MIN(version.len, 20),
                        version.ptr);
    snprintf(out->version, sizeof out->version, "%.*s", version.len ? (int)version.len : 3,
             version.len ? version.ptr : versions[0]);
    while (query.ptr) {
        char text[512];
        struct str value, pair = str_cut(query, '&', &query);
        struct str name = str_cut(pair, '=', &value);
        read_param(name, unescape(value.ptr ? value : STR(""), text, sizeof text), out);
    }
    if (!*out->seed)
        snprintf(out->seed, sizeof out->seed, "%016" PRIx64, env_random_u64(env));
    else out->gender = 0;
    return 0;
}

/* ---- writing ---- */

static void write_json(struct env *env, const struct people_query *query, struct buf *out) {
    uint64_t seed = str_hash(str_of(query->seed)) ^ (uint64_t)query->page << 40;
    int64_t now_us = env_now_us(env);
    buf_putz(out, "{\"results\":[");
    for (uint32_t i = 0; i < query->results; i++) {
        if (i) buf_putc(out, ',');
        person_write(query, seed, i, now_us, out);
    }
    buf_putc(out, ']');
    if (!query->noinfo)
        buf_printf(out, ",\"info\":{\"seed\":\"%s\",\"results\":%u,\"page\":%u,\"version\":\"%s\"}",
                   query->seed, query->results, query->page, query->version);
    buf_putc(out, '}');
}

/* A scalar as bare text. */
static void put_scalar(struct buf *out, const json_t *value) {
    if (json_is_string(value)) buf_putz(out, json_string_value(value));
    else if (json_is_integer(value)) buf_printf(out, "%" JSON_INTEGER_FORMAT,
                                                json_integer_value(value));
    else if (!json_is_null(value)) buf_putz(out, json_is_true(value) ? "true" : "false");
}

/* The leaves of an object in order: names as "a.b" when `names`, else values quoted for CSV. */
static void put_csv(struct buf *out, json_t *value, const char *path, bool names, bool *first) {
    const char *key;
    json_t *member;
    if (json_is_object(value)) {
        json_object_foreach(value, key, member) {
            char inner[200];
            snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "." : "", key);
            put_csv(out, member, inner, names, first);
        }
        return;
    }
    if (!*first) buf_putc(out, ',');
    *first = false;
    struct buf text;
    buf_init(&text, 64 * KIB);
    if (names) buf_putz(&text, path);
    else put_scalar(&text, value);
    struct str bare = buf_str(&text);
    bool quote = bare.len && (memchr(bare.ptr, ',', bare.len) || memchr(bare.ptr, '"', bare.len));
    if (quote) buf_putc(out, '"');
    for (size_t i = 0; i < bare.len; i++) {
        if (bare.ptr[i] == '"') buf_putc(out, '"');
        buf_putc(out, bare.ptr[i]);
    }
    if (quote) buf_putc(out, '"');
    buf_fini(&text);
}

static void write_csv(json_t *root, struct buf *out) {
    json_t *list = json_object_get(root, "results"), *person;
    size_t i;
    bool first = true;
    put_csv(out, json_array_get(list, 0), "", true, &first);
    json_array_foreach(list, i, person) {
        first = true;
        buf_putz(out, "\r\n");
        put_csv(out, person, "", false, &first);
    }
}

static void put_yaml(struct buf *out, json_t *value, int depth) {
    const char *key;
    json_t *member;
    size_t i;
    if (json_is_object(value)) {
        json_object_foreach(value, key, member) {
            buf_printf(out, "\n%*s%s:", depth * 2, "", key);
            put_yaml(out, member, depth + 1);
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, member) {
            buf_printf(out, "\n%*s-", depth * 2, "");
            put_yaml(out, member, depth + 1);
        }
    } else {
        buf_putc(out, ' ');
        if (json_is_string(value)) buf_json(out, str_of(json_string_value(value)));
        else if (json_is_null(value)) buf_putz(out, "null");
        else put_scalar(out, value);
    }
}

static void put_xml_text(struct buf *out, struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '<') buf_putz(out, "&lt;");
        else if (c == '&') buf_putz(out, "&amp;");
        else if (c == '>') buf_putz(out, "&gt;");
        else buf_putc(out, c);
    }
}

static void put_xml(struct buf *out, json_t *value, const char *name) {
    const char *key;
    json_t *member;
    size_t i;
    if (json_is_array(value)) {
        json_array_foreach(value, i, member) put_xml(out, member, name);
        return;
    }
    buf_printf(out, "<%s>", name);
    if (json_is_object(value)) {
        json_object_foreach(value, key, member) put_xml(out, member, key);
    } else {
        struct buf text;
        buf_init(&text, 64 * KIB);
        put_scalar(&text, value);
        put_xml_text(out, buf_str(&text));
        buf_fini(&text);
    }
    buf_printf(out, "</%s>", name);
}

/* The formats nobody needs fast are made from the JSON. */
static int convert(struct str json, enum people_format format, struct buf *out) {
    json_error_t error;
    json_t *root = json_loadb(json.ptr, json.len, 0, &error);
    if (!root) return err_fail(ERR_INTERNAL, "people: %s", error.text);
    if (format == PEOPLE_CSV) write_csv(root, out);
    if (format == PEOPLE_YAML) put_yaml(out, root, 0);
    if (format == PEOPLE_XML) {
        buf_putz(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        put_xml(out, root, "user");
    }
    if (format == PEOPLE_PRETTY) {
        char *text = json_dumps(root, JSON_INDENT(2));
        CHECK(text);
        buf_putz(out, text);
        free(text);
    }
    json_decref(root);
    return 0;
}

int people_write(struct env *env, const struct people_query *query, struct buf *out) {
    int err = 0;
    if (query->format == PEOPLE_JSON) {
        write_json(env, query, out);
    } else {
        struct buf json;
        buf_init(&json, PEOPLE_BODY_MAX);
        write_json(env, query, &json);
        err = convert(buf_str(&json), query->format, out);
        buf_fini(&json);
    }
    if (!err && out->full) err = err_fail(ERR_TOO_BIG, "people: the answer is too big");
    return err;
}

const char *people_content_type(enum people_format format) {
    static const char *const types[] = {
        [PEOPLE_JSON] = "application/json; charset=utf-8",
        [PEOPLE_PRETTY] = "application/json; charset=utf-8",
        [PEOPLE_CSV] = "text/csv; charset=utf-8",
        [PEOPLE_YAML] = "text/x-yaml; charset=utf-8",
        [PEOPLE_XML] = "text/xml; charset=utf-8",
    };
    return types[format];
}
