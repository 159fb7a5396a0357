/* def.c - a pipeline file into a def: sections are verbs, keys are the names of what is made.
 *
 * The order of work: the tree (ynode), then each section, then the references between them. */
#include "pipeline/def.h"

#include "base/err.h"
#include "observe/observe.h"
#include "orchestrate/orchestrate.h"
#include "pipeline/field.h"
#include "wire/json/jsonpath.h"

#define TOPIC_MAX 249
#define IDENT_MAX 48

struct load {
    struct def *def;
    struct field_in in;
    struct env *env;
};

static void check_path(struct load *load, const struct ynode *node, struct str path) {
    const struct jsonpath *compiled;
    if (jsonpath_parse(path, load->in.arena, &compiled))
        report_add(load->in.report, node->at, str_of(err_note()),
                   STR("a path looks like results[*] or login.uuid"));
}

static void check_paths(struct load *load, const struct ynode *node, const struct str *path,
                        size_t cnt) {
    for (size_t i = 0; i < cnt; i++)
        check_path(load, node->kind == YNODE_LIST ? &node->item[i] : node, path[i]);
}

/* ---- fetch ---- */

static void read_headers(struct load *load, const struct ynode *node, struct def_fetch *fetch) {
    if (!field_map(&load->in, node, "headers")) return;
    struct str *line = arena_array(load->in.arena, struct str, node->cnt);
    for (size_t i = 0; i < node->cnt; i++) {
        struct str value;
        if (!field_text(&load->in, &node->item[i], &value)) continue;
        line[fetch->header_cnt++] = arena_printf(load->in.arena, "%.*s: %.*s",
                                                 STR_ARG(node->key[i].text), STR_ARG(value));
    }
    fetch->header = line;
}

static void check_url(struct load *load, const struct ynode *node, struct str url) {
    static const char *const schemes[] = {"http://", "https://", "file:", "people:"};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (str_starts(url, str_of(schemes[i]))) return;
    report_addf(load->in.report, node->at,
                STR("it starts with http://, https://, file: or people: (built-in sample data)"),
                "'%.*s' is not an address that can be fetched", STR_ARG(url));
}

static void read_fetch(struct load *load, const struct ynode *key, const struct ynode *node) {
    static const char *const names[] = {"url",     "rows",    "key",     "headers",
                                        "timeout", "retries", "empty_ok"};
    struct def_fetch *fetch = &load->def->fetch[load->def->fetch_cnt];
    *fetch = (struct def_fetch){.name = key->text, .rows = STR(""), .retries = -1, .at = key->at};
    if (!field_name(&load->in, key, IDENT_MAX, "the name of a table")) return;
    if (!field_map(&load->in, node, "what to fetch")) return;
    field_known(&load->in, node, names, ARRAY_LEN(names), "fetch");
    load->def->fetch_cnt++;
    const struct ynode *value;
    int64_t num;
    if (!(value = ynode_get(node, "url")))
        report_addf(load->in.report, key->at, STR("add   url: https://..."),
                    "fetch '%.*s' has no url", STR_ARG(key->text));
    else if (field_text(&load->in, value, &fetch->url)) check_url(load, value, fetch->url);
    if ((value = ynode_get(node, "rows")) && field_text(&load->in, value, &fetch->rows))
        check_path(load, value, fetch->rows);
    if ((value = ynode_get(node, "key")) &&
        field_texts(&load->in, value, &fetch->key, &fetch->key_cnt))
        check_paths(load, value, fetch->key, fetch->key_cnt);
    if ((value = ynode_get(node, "headers"))) read_headers(load, value, fetch);
    if ((value = ynode_get(node, "timeout"))) field_dur(&load->in, value, &fetch->timeout_us);
    if ((value = ynode_get(node, "retries")) && field_int(&load->in, value, 0, 100, &num))
        fetch->retries = (int)num;
    if ((value = ynode_get(node, "empty_ok"))) field_bool(&load->in, value, &fetch->empty_ok);
}

/* ---- capture ---- */

static void read_format(struct load *load, const struct ynode *node, enum def_format *out) {
    static const struct str names[] = {STR_INIT("row"), STR_INIT("json_schema"),
                                       STR_INIT("debezium")};
    struct str text;
    if (!field_text(&load->in, node, &text)) return;
    if (str_eqz(text, "json")) text = names[DEF_ROW];
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(text, names[i])) {
            *out = (enum def_format)i;
            return;
        }
    bool later = str_eqz(text, "avro") || str_eqz(text, "protobuf");
    report_addf(load->in.report, node->at, report_nearest(load->in.report, text, names, 3),
                later ? "format '%.*s' is not supported in this version" : "unknown format '%.*s'",
                STR_ARG(text));
}

static void read_hide(struct load *load, const struct ynode *node, struct def_capture *capture) {
    const struct str *text;
    struct str left;
    size_t cnt;
    if (!field_texts(&load->in, node, &text, &cnt)) return;
    capture->hide = arena_array(load->in.arena, const struct jsonpath *, cnt);
    capture->hide_at = arena_array(load->in.arena, struct report_at, cnt);
    for (size_t i = 0; i < cnt; i++) {
        const struct ynode *item = node->kind == YNODE_LIST ? &node->item[i] : node;
        const struct jsonpath **path = &capture->hide[capture->hide_cnt];
        if (jsonpath_parse(text[i], load->in.arena, path) ||
            jsonpath_cut(*path, STR("{}"), load->in.arena, &left))
            report_add(load->in.report, item->at, str_of(err_note()),
                       STR("name a member, such as login.password or cards[*].number"));
        else capture->hide_at[capture->hide_cnt++] = item->at;
    }
}

static void read_from(struct load *load, const struct ynode *node, struct def_capture *capture) {
    struct str url;
    if (!field_text(&load->in, node, &url)) return;
    capture->from = url;
    if (str_starts(url, STR("postgresql://")) || str_starts(url, STR("postgres://"))) return;
    report_add(load->in.report, node->at, STR("'from' is the address of a PostgreSQL database"),
               STR("for instance   from: postgresql://USER@HOST/DATABASE"));
}

static void read_capture(struct load *load, const struct ynode *key, const struct ynode *node) {
    static const char *const names[] = {"table", "from", "format", "hide", "partitions"};
    struct def_capture *capture = &load->def->capture[load->def->capture_cnt];
    *capture = (struct def_capture){.topic = key->text, .from = STR(""), .partitions = 1,
                                     .at = key->at};
    if (!field_name(&load->in, key, TOPIC_MAX, "the name of a topic")) return;
    load->def->capture_cnt++;
    if (node->kind != YNODE_MAP) {
        field_text(&load->in, node, &capture->table);
        capture->at = node->at;
        return;
    }
    field_known(&load->in, node, names, ARRAY_LEN(names), "capture");
    const struct ynode *value;
    int64_t num;
    if (!(value = ynode_get(node, "table")))
        report_addf(load->in.report, key->at, STR("add   table: NAME"),
                    "capture '%.*s' has no table", STR_ARG(key->text));
    else if (field_text(&load->in, value, &capture->table)) capture->at = value->at;
    if ((value = ynode_get(node, "from"))) read_from(load, value, capture);
    if ((value = ynode_get(node, "format"))) read_format(load, value, &capture->format);
    if ((value = ynode_get(node, "hide"))) read_hide(load, value, capture);
    if ((value = ynode_get(node, "partitions")) && field_int(&load->in, value, 1, 1024, &num))
        capture->partitions = (int32_t)num;
}

/* ---- transform ---- */

/* "id uuid", "(tenant, day), at DESC", or a list of such parts: the store reads it. */
static void read_key(struct load *load, const struct ynode *node, struct def_transform *to) {
    const struct str *part;
    size_t cnt;
    struct buf text;
    if (!field_texts(&load->in, node, &part, &cnt)) return;
    buf_init(&text, 4 * KIB);
    for (size_t i = 0; i < cnt; i++) {
        if (i) buf_putz(&text, ", ");
        buf_puts(&text, part[i]);
    }
    to->key = arena_str(load->in.arena, buf_str(&text));
    buf_fini(&text);
}

static bool read_else(struct load *load, const struct ynode *node, enum stream_else *out) {
    static const struct str names[] = {STR_INIT("quarantine"), STR_INIT("warn"), STR_INIT("drop"),
                                       STR_INIT("stop")};
    struct str text;
    if (!field_text(&load->in, node, &text)) return false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(text, names[i])) return *out = (enum stream_else)i, true;
    report_addf(load->in.report, node->at, report_nearest(load->in.report, text, names, 4),
                "unknown consequence '%.*s'", STR_ARG(text));
    return false;
}

static void read_expect(struct load *load, const struct ynode *map, struct def_transform *to) {
    static const char *const names[] = {"that", "else"};
    if (!field_map(&load->in, map, "expect")) return;
    to->expect = arena_array(load->in.arena, struct stream_expect, map->cnt);
    to->expect_at = arena_array(load->in.arena, struct report_at, map->cnt);
    for (size_t i = 0; i < map->cnt; i++) {
        struct stream_expect *expect = &to->expect[to->expect_cnt];
        const struct ynode *node = &map->item[i], *value;
        *expect = (struct stream_expect){map->key[i].text, STR_NULL, STREAM_QUARANTINE};
        if (!field_name(&load->in, &map->key[i], 100, "the name of a check")) continue;
        if (node->kind == YNODE_MAP) {
            field_known(&load->in, node, names, ARRAY_LEN(names), "a check");
            if ((value = ynode_get(node, "else"))) read_else(load, value, &expect->otherwise);
            node = ynode_get(node, "that");
        }
        if (!node) {
            report_addf(load->in.report, map->item[i].at, STR("add   that: a condition in SQL"),
                        "check '%.*s' has no condition", STR_ARG(map->key[i].text));
            continue;
        }
        if (!field_text(&load->in, node, &expect->that)) continue;
        to->expect_at[to->expect_cnt++] = node->at;
    }
}

struct report_at def_sql_place(const struct def_transform *transform, uint32_t line, uint32_t col,
                               uint32_t len) {
    const struct ynode *node = transform->sql_node;
    struct report_at at = node->at;
    at.len = len;
    if (node->block) at.line += line;
    else at.line += line - 1;
    at.col = node->block || line == 1 ? node->indent + col : col;
    return at;
}

void def_report_sql(const struct def_transform *transform, const struct stream_errors *errors,
                    struct report *report) {
    for (size_t i = 0; i < errors->cnt; i++) {
        const struct stream_error *error = &errors->error[i];
        struct report_at at = transform->at;
        if (error->line) {
            at = def_sql_place(transform, error->line, error->col, error->len);
        } else {
            for (size_t k = 0; k < transform->expect_cnt; k++)
                if (str_starts(error->text, transform->expect[k].name))
                    at = transform->expect_at[k];
        }
        report_add(report, at, error->text, error->hint.ptr ? error->hint : STR(""));
    }
}

/* `sql: users.sql`: the text of that file, beside the pipeline's, and its places. */
static bool read_sql_file(struct load *load, const struct ynode *node, struct def_transform *to) {
    const char *path, *slash = memrchr(load->def->file.ptr, '/', load->def->file.len);
    int folder = slash && node->text.ptr[0] != '/' ? (int)(slash + 1 - load->def->file.ptr) : 0;
    char *text;
    size_t len;
    path = arena_printf(load->in.arena, "%.*s%.*s", folder, load->def->file.ptr,
                        STR_ARG(node->text)).ptr;
    if (env_read_whole(load->env, path, YNODE_FILE_MAX, &text, &len)) {
        report_add(load->in.report, node->at, str_of(err_note()),
                   STR("the path begins at the pipeline file's folder"));
        return false;
    }
    struct ynode *file = arena_new(load->in.arena, struct ynode);
    to->sql = arena_str(&load->in.report->arena, (struct str){text, len});
    base_free(text);
    file->kind = YNODE_SCALAR;
    file->text = to->sql;
    file->at = (struct report_at){str_of(path), to->sql, 1, 1, 1};
    to->sql_node = file;
    return true;
}

/* Syntax and functions; columns are checked when the topic's schema is known. */
static void check_sql(struct load *load, struct def_transform *to) {
    struct stream_query query = {to->sql, to->expect, to->expect_cnt};
    struct stream_errors errors = {NULL, 0};
    const struct type *type;
    int err = stream_check(&query, NULL, load->in.arena, &type, &to->topic, &errors);
    if (!err) return;
    def_report_sql(to, &errors, load->in.report);
    if (!errors.cnt) report_add(load->in.report, to->sql_node->at, str_of(err_note()), STR(""));
}

static void split_name(struct load *load, const struct ynode *key, struct def_transform *to) {
    struct str rest;
    to->keyspace = str_cut(key->text, '.', &rest);
    to->table = rest;
    if (!rest.ptr || !rest.len || memchr(rest.ptr, '.', rest.len))
        report_addf(load->in.report, key->at, STR("write it as KEYSPACE.TABLE"),
                    "'%.*s' is not the name of a table", STR_ARG(key->text));
}

static void read_transform(struct load *load, const struct ynode *key, const struct ynode *node) {
    static const char *const names[] = {"key", "sql", "expect"};
    struct def_transform *to = &load->def->transform[load->def->transform_cnt];
    *to = (struct def_transform){.name = key->text, .key = STR(""), .topic = STR(""),
                                  .at = key->at};
    if (!field_name(&load->in, key, 2 * IDENT_MAX + 1, "the name of a table")) return;
    split_name(load, key, to);
    if (!field_map(&load->in, node, "a transform")) return;
    field_known(&load->in, node, names, ARRAY_LEN(names), "a transform");
    load->def->transform_cnt++;
    const struct ynode *value;
    if ((value = ynode_get(node, "key"))) read_key(load, value, to);
    else report_addf(load->in.report, key->at, STR("add   key: COLUMN   or   key: COLUMN uuid"),
                     "transform '%.*s' has no key", STR_ARG(key->text));
    if ((value = ynode_get(node, "expect"))) read_expect(load, value, to);
    if (!(value = ynode_get(node, "sql"))) {
        report_addf(load->in.report, key->at, STR("add   sql: SELECT ... FROM STREAM topic"),
                    "transform '%.*s' has no sql", STR_ARG(key->text));
    } else if (field_text(&load->in, value, &to->sql)) {
        struct str text = str_trim(to->sql), end = STR(".sql");
        bool file = text.len > end.len && !memchr(text.ptr, ' ', text.len) &&
                    str_eq((struct str){text.ptr + text.len - end.len, end.len}, end);
        to->sql_node = value;
        if (!file || read_sql_file(load, value, to)) check_sql(load, to);
    }
}

/* ---- alert ---- */

/* What an alert may be about: tables by either name, topics made here, topics read here. */
static void check_subject(struct load *load, const struct def_alert *alert) {
    struct observe_rule rule;
    const struct def *def = load->def;
    struct str *name = arena_array(load->in.arena, struct str,
                                   3 * def->transform_cnt + def->capture_cnt + 1);
    size_t cnt = 0;
    if (observe_rule_parse(alert->rule, &rule)) return;
    for (size_t i = 0; i < def->transform_cnt; i++) {
        name[cnt++] = def->transform[i].table;
        name[cnt++] = def->transform[i].name;
        if (def->transform[i].topic.len) name[cnt++] = def->transform[i].topic;
    }
    for (size_t i = 0; i < def->capture_cnt; i++) name[cnt++] = def->capture[i].topic;
    for (size_t i = 0; i < cnt; i++)
        if (str_eq(name[i], rule.subject)) return;
    report_addf(load->in.report, alert->at,
                report_nearest(load->in.report, rule.subject, name, cnt),
                "no table or topic of this pipeline is called '%.*s'", STR_ARG(rule.subject));
}

static void read_alert(struct load *load, const struct ynode *key, const struct ynode *node) {
    struct def_alert *alert = &load->def->alert[load->def->alert_cnt];
    *alert = (struct def_alert){.name = key->text, .at = node->at};
    if (!field_name(&load->in, key, 100, "the name of an alert")) return;
    if (!field_text(&load->in, node, &alert->rule)) return;
    load->def->alert_cnt++;
    if (observe_rule_check(alert->rule))
        report_add(load->in.report, node->at, str_of(err_note()),
                   STR("for instance   created_users.age > 1m   or   users.lag > 1000 for 5m"));
}

/* ---- the whole ---- */

static void each_of(struct load *load, const struct ynode *root, const char *section,
                    void (*take)(struct load *, const struct ynode *, const struct ynode *)) {
    const struct ynode *map = ynode_get(root, section);
    if (!map || !field_map(&load->in, map, section)) return;
    if (map->cnt > DEF_MAX) {
        report_addf(load->in.report, map->at, STR("split the pipeline"), "more than %d in %s",
                    DEF_MAX, section);
        return;
    }
    for (size_t i = 0; i < map->cnt; i++) take(load, &map->key[i], &map->item[i]);
}

static void read_schedule(struct load *load, const struct ynode *root) {
    struct def *def = load->def;
    const struct ynode *value, *zone = ynode_get(root, "timezone");
    int64_t num;
    bool zoned = zone && field_text(&load->in, zone, &def->timezone);
    if (zoned && orch_schedule_check(STR("@daily"), def->timezone)) {
        report_add(load->in.report, zone->at, str_of(err_note()),
                   STR(""));
        def->timezone = STR("");
    }
    value = ynode_get(root, "schedule");
    def->schedule_at = value ? value->at : root->at;
    if (value && field_text(&load->in, value, &def->schedule) &&
        orch_schedule_check(def->schedule, def->timezone))
        report_add(load->in.report, value->at, str_of(err_note()),
                   STR("for instance   every 10s   or   0 6 * * *   or   @daily"));
    if ((value = ynode_get(root, "catchup"))) field_bool(&load->in, value, &def->catchup);
    if ((value = ynode_get(root, "retries")) && field_int(&load->in, value, 0, 100, &num))
        def->retries = (int)num;
    if ((value = ynode_get(root, "retry_delay"))) field_dur(&load->in, value, &def->retry_delay_us);
    if ((value = ynode_get(root, "timeout"))) field_dur(&load->in, value, &def->timeout_us);
}

/* Where the topic stands in the SQL: after its last FROM STREAM, so the last time it is named. */
static struct report_at topic_place(const struct def_transform *to) {
    const char *at = NULL, *end = to->sql.ptr + to->sql.len;
    for (const char *p = to->sql.ptr; (p = memmem(p, (size_t)(end - p), to->topic.ptr,
                                                  to->topic.len)); p++)
        at = p;
    uint32_t line = 1, col = 1;
    for (const char *p = to->sql.ptr; at && p < at; p++) {
        col = *p == '\n' ? 1 : col + 1;
        line += *p == '\n';
    }
    return def_sql_place(to, line, col, at ? (uint32_t)to->topic.len : 1);
}

/* A row that has nothing but what the key path "a.b" leads to: {"a":{"b":0}}. */
static struct str row_of_key(struct load *load, struct str key) {
    struct buf text;
    size_t depth = 0;
    buf_init(&text, 16 * KIB);
    for (struct str rest = key; rest.ptr; depth++) {
        buf_putc(&text, '{');
        buf_json(&text, str_cut(rest, '.', &rest));
        buf_putc(&text, ':');
    }
    buf_putc(&text, '0');
    while (depth--) buf_putc(&text, '}');
    struct str row = arena_str(load->in.arena, buf_str(&text));
    buf_fini(&text);
    return row;
}

/* The row's key is its record's key: what is hidden in one would be seen in the other. */
static void check_hidden_key(struct load *load, const struct def_capture *capture,
                             const struct def_fetch *fetch) {
    for (size_t k = 0; k < fetch->key_cnt; k++) {
        struct str row = row_of_key(load, fetch->key[k]), left;
        for (size_t i = 0; i < capture->hide_cnt; i++) {
            if (jsonpath_cut(capture->hide[i], row, load->in.arena, &left)) continue;
            if (left.ptr == row.ptr) continue;
            report_addf(load->in.report, capture->hide_at[i],
                        STR("choose another key, or do not hide it"),
                        "'%.*s' is the key of '%.*s', which every record shows",
                        STR_ARG(fetch->key[k]), STR_ARG(fetch->name));
        }
    }
}

/* What names what: a reference to nothing is a mistake with the nearest names. */
static void check_references(struct load *load) {
    struct def *def = load->def;
    struct str *table = arena_array(load->in.arena, struct str, def->fetch_cnt);
    struct str *topic = arena_array(load->in.arena, struct str, def->capture_cnt);
    for (size_t i = 0; i < def->fetch_cnt; i++) table[i] = def->fetch[i].name;
    for (size_t i = 0; i < def->capture_cnt; i++) topic[i] = def->capture[i].topic;
    for (size_t i = 0; i < def->capture_cnt; i++) {
        bool foreign = def->capture[i].from.len > 0;
        bool found = !def->capture[i].table.len || foreign;
        for (size_t k = 0; k < def->fetch_cnt && !foreign; k++) {
            if (!str_eq(def->capture[i].table, table[k])) continue;
            found = true;
            check_hidden_key(load, &def->capture[i], &def->fetch[k]);
        }
        if (!found)
            report_addf(load->in.report, def->capture[i].at,
                        report_nearest(load->in.report, def->capture[i].table, table,
                                       def->fetch_cnt),
                        "no fetch lands in a table '%.*s'", STR_ARG(def->capture[i].table));
    }
    for (size_t i = 0; i < def->alert_cnt; i++) check_subject(load, &def->alert[i]);
    for (size_t i = 0; i < def->transform_cnt; i++) {
        struct def_transform *to = &def->transform[i];
        if (!to->topic.len || !def->capture_cnt) continue; /* a topic that others write */
        struct str near[1];
        bool found = false;
        for (size_t k = 0; k < def->capture_cnt; k++) found = found || str_eq(to->topic, topic[k]);
        if (found || !str_near(to->topic, topic, def->capture_cnt, near, 1)) continue;
        report_addf(load->in.report, topic_place(to),
                    report_nearest(load->in.report, to->topic, topic, def->capture_cnt),
                    "no capture makes a topic '%.*s'", STR_ARG(to->topic));
    }
}

/* Sections that the design has and this version has not: reported, and taken out of *root. */
static void read_later(struct load *load, struct ynode *root) {
    static const struct {
        const char *name, *hint;
    } later[] = {{"task", "remove it; what the scheduler runs are the entries of   fetch:"},
                 {"test", "remove it; try a pipeline with   sluice dev --offline --for 10s FILE"}};
    size_t cnt = 0;
    for (size_t i = 0; i < root->cnt; i++) {
        bool found = false;
        for (size_t k = 0; k < ARRAY_LEN(later); k++) {
            if (!str_eqz(root->key[i].text, later[k].name)) continue;
            report_addf(load->in.report, root->key[i].at, str_of(later[k].hint),
                        "section '%s' is not supported in this version", later[k].name);
            found = true;
        }
        if (found) continue;
        root->key[cnt] = root->key[i];
        root->item[cnt++] = root->item[i];
    }
    root->cnt = cnt;
}

static void read_root(struct load *load, struct ynode *root) {
    static const char *const names[] = {"pipeline",    "schedule", "timezone", "catchup", "retries",
                                        "retry_delay", "timeout",  "fetch",    "capture",
                                        "transform",   "alert"};
    struct def *def = load->def;
    const struct ynode *value = ynode_get(root, "pipeline");
    read_later(load, root);
    field_known(&load->in, root, names, ARRAY_LEN(names), "a pipeline");
    if (!value)
        report_add(load->in.report, root->at, STR("the pipeline has no name"),
                   STR("start the file with   pipeline: NAME"));
    else if (field_name(&load->in, value, 100, "the name of a pipeline")) def->name = value->text;
    def->fetch = arena_array(load->in.arena, struct def_fetch, DEF_MAX);
    def->capture = arena_array(load->in.arena, struct def_capture, DEF_MAX);
    def->transform = arena_array(load->in.arena, struct def_transform, DEF_MAX);
    def->alert = arena_array(load->in.arena, struct def_alert, DEF_MAX);
    read_schedule(load, root);
    each_of(load, root, "fetch", read_fetch);
    each_of(load, root, "capture", read_capture);
    each_of(load, root, "transform", read_transform);
    each_of(load, root, "alert", read_alert);
    check_references(load);
}

int def_load(struct def **out, struct env *env, const char *path, struct report *report) {
    char *text;
    size_t len, before = report->cnt;
    *out = NULL;
    int err = env_read_whole(env, path, YNODE_FILE_MAX, &text, &len);
    if (err) return err;
    struct def *def = base_calloc(1, sizeof *def);
    def->file = arena_str(&def->arena, str_of(path));
    def->source = arena_str(&report->arena, (struct str){text, len});
    def->retries = -1;
    def->schedule = def->timezone = def->name = STR("");
    base_free(text);
    *out = def;
    struct load load = {def, {&def->arena, report}, env};
    struct ynode *root = arena_new(&def->arena, struct ynode);
    err = ynode_parse(def->file, def->source, &def->arena, report, root);
    if (err) return err;
    if (field_map(&load.in, root, "a pipeline file")) read_root(&load, root);
    if (report->cnt == before) def_clash(&def, 1, report);
    return report->cnt > before ? err_fail(ERR_SYNTAX, "%s has mistakes", path) : 0;
}

void def_free(struct def *def) {
    if (!def) return;
    arena_fini(&def->arena);
    base_free(def);
}
