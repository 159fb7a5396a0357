/* cli_export.c - sluice export: a pipeline as a job of the systems it takes the place of. */
#include "base/err.h"
#include "cli/cli_http.h"
#include "pipeline/export_airflow.h"
#include "pipeline/export_connect.h"
#include "pipeline/export_spark.h"
#include "wire/json/jsonschema.h"

#include <stdio.h>
#include <unistd.h>

#define OUT_MAX    (16 * MIB)
#define SCHEMA_MAX MIB

static const struct cli_opt options[] = {
    {"--conf", "FILE", "sluice.yml: the addresses that the job uses"},
    {"--out", "FILE", "write there in place of standard output"},
    {"--schema", "FILE", "spark: JSON Schema of the topic's values (default: the registry's)"},
    {NULL, NULL, NULL},
};

/* The registry's newest schema of a topic, through the server of the data folder. */
static int ask_schema(const struct cli_line *line, struct str topic, struct arena *arena,
                      struct str *out) {
    json_t *answer;
    struct str subject = arena_printf(arena, "%.*s-value", STR_ARG(topic));
    const char *path = arena_printf(arena, "/ui/schemas/%s",
                                    cli_http_escape(arena, subject.ptr)).ptr;
    int code = cli_http_call(line, "GET", path, NULL, &answer);
    if (code) {
        fprintf(stderr, "sluice export: the schema of topic '%.*s' comes from the registry: start "
                        "the pipeline, or give it with --schema FILE\n", STR_ARG(topic));
        return code;
    }
    const char *text = json_string_value(json_object_get(answer, "schema"));
    if (!text) {
        const json_t *versions = json_object_get(answer, "versions");
        const json_t *last = json_array_get(versions, json_array_size(versions) - 1);
        text = json_string_value(json_object_get(last, "schema"));
    }
    *out = arena_str(arena, str_of(text ? text : ""));
    json_decref(answer);
    return CLI_OK;
}

static int read_schema(const char *path, struct arena *arena, struct str *out) {
    char *text;
    size_t len;
    if (env_read_whole(cli_env(), path, SCHEMA_MAX, &text, &len)) return cli_fail(CLI_NO);
    *out = arena_str(arena, (struct str){text, len});
    base_free(text);
    return CLI_OK;
}

/* UUID is sluice's own type: its text in Spark. What was never seen is text, too. */
static const struct type *spark_type(struct arena *arena, const struct type *type) {
    if (type->kind == TYPE_UUID || type->kind == TYPE_NULL) return type_of(TYPE_STRING);
    if (type->kind == TYPE_ARRAY) return type_array(arena, spark_type(arena, type->item));
    if (type->kind == TYPE_MAP)
        return type_map(arena, spark_type(arena, type->key), spark_type(arena, type->item));
    if (type->kind != TYPE_STRUCT) return type;
    struct field *field = arena_array(arena, struct field, type->field_cnt);
    for (uint32_t i = 0; i < type->field_cnt; i++) {
        field[i] = type->field[i];
        field[i].type = spark_type(arena, field[i].type);
    }
    return type_struct(arena, field, type->field_cnt);
}

/* A JSON Schema as Spark's "STRUCT<a: INT, b: STRING>". */
static int to_ddl(struct str schema, struct arena *arena, struct str *out) {
    const struct type *type;
    struct buf text;
    if (jsonschema_parse(schema, arena, &type)) return cli_fail(CLI_NO);
    type = spark_type(arena, type);
    if (type->kind != TYPE_STRUCT || !type->field_cnt) {
        err_fail(ERR_UNSUPPORTED, "the topic's values are no JSON objects with known members");
        return cli_fail(CLI_NO);
    }
    buf_init(&text, SCHEMA_MAX);
    type_format(type, &text);
    *out = arena_str(arena, buf_str(&text));
    buf_fini(&text);
    return CLI_OK;
}

static int find_schemas(const struct cli_line *line, struct export_in *in) {
    struct str *schema = arena_array(in->arena, struct str, in->def->transform_cnt);
    const char *path = cli_option(line, "--schema");
    for (size_t i = 0; i < in->def->transform_cnt; i++) {
        struct str text;
        int code = path ? read_schema(path, in->arena, &text)
                        : ask_schema(line, in->def->transform[i].topic, in->arena, &text);
        if (!code) code = to_ddl(text, in->arena, &schema[i]);
        if (code) return code;
    }
    in->schema = schema;
    return CLI_OK;
}

static int make(const struct cli_line *line, struct export_in *in, struct buf *out) {
    const char *kind = line->arg[0];
    if (!strcmp(kind, "airflow")) return export_airflow_write(in, out), CLI_OK;
    if (!strcmp(kind, "connect")) return export_connect_write(in, out) ? cli_fail(CLI_NO) : CLI_OK;
    int code = find_schemas(line, in);
    if (!code) export_spark_write(in, out);
    return code;
}

static int hand_out(const struct cli_line *line, struct buf *out) {
    const char *path = cli_option(line, "--out");
    if (!path) return cli_print(buf_str(out)), CLI_OK;
    return env_write_whole(cli_env(), path, buf_str(out)) ? cli_fail(CLI_NO) : CLI_OK;
}

static void show(struct report *report) {
    struct buf out;
    buf_init(&out, OUT_MAX);
    report_text(report, isatty(STDERR_FILENO), &out);
    fprintf(stderr, "%.*s", (int)out.len, out.ptr ? out.ptr : "");
    buf_fini(&out);
}

static int export_files(const struct cli_line *line, struct report *mistakes,
                        struct report *notes) {
    struct conf *conf = NULL;
    struct def *def = NULL;
    struct arena arena = ARENA_INIT;
    struct buf out;
    int code = CLI_OK;
    buf_init(&out, OUT_MAX);
    int err = conf_load(&conf, cli_env(), cli_option(line, "--conf"), mistakes);
    if (!err) err = def_load(&def, cli_env(), line->arg[1], mistakes);
    if (err && !mistakes->cnt) code = cli_fail(CLI_NO);
    else if (err) show(mistakes), code = CLI_NO;
    struct export_in in = {.def = def, .conf = conf, .data = line->data, .notes = notes,
                           .arena = &arena};
    if (!code) code = make(line, &in, &out);
    if (!code) code = hand_out(line, &out);
    if (!code) show(notes);
    buf_fini(&out);
    arena_fini(&arena);
    def_free(def);
    conf_free(conf);
    return code;
}

static int export_run(const struct cli_verb *verb, int argc, char **argv) {
    static const char *const kinds[] = {"spark", "airflow", "connect"};
    struct cli_line line;
    struct report mistakes, notes;
    int code;
    bool known = false;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    for (size_t i = 0; i < ARRAY_LEN(kinds) && line.arg_cnt; i++)
        known = known || !strcmp(line.arg[0], kinds[i]);
    if (line.arg_cnt != 2 || !known) {
        fprintf(stderr, "sluice export: say what to make and of which file, for instance\n"
                        "  sluice export airflow examples/users.yml\n");
        return CLI_USAGE;
    }
    report_init(&mistakes);
    report_init(&notes);
    notes.warnings = true;
    code = export_files(&line, &mistakes, &notes);
    report_fini(&mistakes);
    report_fini(&notes);
    return code;
}

const struct cli_verb cli_export_verb = {
    .name = "export",
    .summary = "A pipeline as a PySpark job, an Airflow DAG, a Debezium connector",
    .examples = "sluice export spark examples/users.yml > users_job.py\n"
                "sluice export airflow examples/users.yml --out dags/users.py\n"
                "sluice export connect examples/users.yml --conf sluice.yml",
    .args = "spark|airflow|connect FILE",
    .opt = options,
    .run = export_run,
};
