/* cli_table.c - sluice table, quarantine: rows, and rows that were put aside. */
#include "base/arena.h"
#include "base/err.h"
#include "cli/cli_http.h"

#include <stdio.h>

/* The rows of an answer {"columns": [{"name"}], "rows": [[...]]} as objects, for the table. */
static json_t *as_objects(json_t *answer, struct buf *columns) {
    json_t *names = json_object_get(answer, "columns"), *rows = json_object_get(answer, "rows");
    json_t *out = json_array(), *row, *value;
    size_t r, c;
    json_array_foreach(names, c, value) {
        const char *name = json_string_value(json_object_get(value, "name"));
        if (c < 8) buf_printf(columns, "%s%zu:%s", c ? " " : "", c, name);
    }
    json_array_foreach(rows, r, row) {
        json_t *object = json_object();
        json_array_foreach(row, c, value) {
            char key[24];
            snprintf(key, sizeof key, "%zu", c);
            json_object_set(object, key, value);
        }
        json_array_append_new(out, object);
    }
    return out;
}

static int show_rows(const struct cli_line *line, const char *store, const char *name,
                     const char *limit) {
    struct arena arena = ARENA_INIT;
    struct buf columns;
    json_t *answer;
    const char *path = arena_printf(&arena, "/ui/tables/%s/%s/rows?limit=%s", store,
                                    cli_http_escape(&arena, name), limit).ptr;
    int code = cli_http_call(line, "GET", path, NULL, &answer);
    if (!code && line->format == CLI_TEXT) {
        buf_init(&columns, 64 * KIB);
        json_object_set_new(answer, "objects", as_objects(answer, &columns));
        buf_putc(&columns, 0);
        code = cli_http_table(line, answer, "objects", columns.ptr);
        buf_fini(&columns);
    } else if (!code) {
        code = cli_http_table(line, answer, "rows", "");
    }
    arena_fini(&arena);
    return code;
}

static int table_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    json_t *answer;
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    const char *limit = cli_option(&line, "--limit");
    if (line.arg_cnt) {
        bool cql = strchr(line.arg[0], '.') != NULL;
        return show_rows(&line, cql ? "store" : "landing", line.arg[0], limit ? limit : "20");
    }
    code = cli_http_call(&line, "GET", "/ui/tables", NULL, &answer);
    if (code) return code;
    return cli_http_table(&line, answer, "tables", "store:WHERE name:TABLE rows:ROWS");
}

static int quarantine_show(const struct cli_line *line, const char *dataset) {
    struct arena arena = ARENA_INIT;
    json_t *answer;
    const char *check = cli_option(line, "--check");
    const char *path = arena_printf(&arena, "/ui/quarantine/%s?limit=50%s%s",
                                    cli_http_escape(&arena, dataset), check ? "&check=" : "",
                                    check ? cli_http_escape(&arena, check) : "").ptr;
    int code = cli_http_call(line, "GET", path, NULL, &answer);
    if (!code)
        code = cli_http_table(line, answer, "records", "source.partition:PARTITION "
                              "source.offset:OFFSET check:CHECK reason:REASON key:KEY value:VALUE");
    arena_fini(&arena);
    return code;
}

static int quarantine_replay(const struct cli_line *line, const char *dataset) {
    struct arena arena = ARENA_INIT;
    json_t *answer;
    const char *check = cli_option(line, "--check");
    const char *path = arena_printf(&arena, "/ui/quarantine/%s/replay",
                                    cli_http_escape(&arena, dataset)).ptr;
    const char *body = check ? arena_printf(&arena, "{\"check\": \"%s\"}", check).ptr : "{}";
    int code = cli_http_call(line, "POST", path, body, &answer);
    if (!code) {
        printf("%" JSON_INTEGER_FORMAT " records are on their topic again\n",
               json_integer_value(json_object_get(answer, "replayed")));
        json_decref(answer);
    }
    arena_fini(&arena);
    return code;
}

static int quarantine_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    json_t *answer;
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    if (line.arg_cnt && cli_option(&line, "--replay"))
        return quarantine_replay(&line, line.arg[0]);
    if (line.arg_cnt) return quarantine_show(&line, line.arg[0]);
    code = cli_http_call(&line, "GET", "/ui/quarantine", NULL, &answer);
    return code ? code : cli_http_table(&line, answer, "datasets",
                                        "dataset:DATASET topic:TOPIC count:COUNT checks:CHECKS");
}

static const struct cli_opt table_options[] = {
    {"--limit", "N", "rows to show, at most 200 (default: 20)"},
    {NULL, NULL, NULL},
};
static const struct cli_opt quarantine_options[] = {
    {"--check", "NAME", "only what failed this check"},
    {"--replay", NULL, "put the records onto their topic again"},
    {NULL, NULL, NULL},
};

const struct cli_verb cli_table_verb = {
    .name = "table",
    .summary = "Landing and CQL tables; the rows of one",
    .examples = "sluice table\nsluice table raw_users\n"
                "sluice table spark_streams.created_users --limit 5",
    .args = "[TABLE]",
    .opt = table_options,
    .run = table_run,
};
const struct cli_verb cli_table_quarantine_verb = {
    .name = "quarantine",
    .summary = "Rows that failed a check, with the reason; put them back",
    .examples = "sluice quarantine\nsluice quarantine created_users --check valid_email\n"
                "sluice quarantine created_users --replay",
    .args = "[DATASET]",
    .opt = quarantine_options,
    .run = quarantine_run,
};
