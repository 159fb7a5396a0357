/* cli_check.c - sluice check, sluice plan: mistakes in pipeline files; what they would make. */
#include "base/err.h"
#include "cli/cli.h"
#include "pipeline/conf.h"
#include "pipeline/def.h"

#include <stdio.h>
#include <unistd.h>

static const struct cli_opt options[] = {
    {"--conf", "FILE", "sluice.yml to check too"},
    {NULL, NULL, NULL},
};

/* Loads one file; what cannot be read is said at once. */
static struct def *load(const char *path, struct report *report, bool *unread) {
    struct def *def;
    int err = def_load(&def, cli_env(), path, report);
    if (err && !def) {
        cli_fail(0);
        *unread = true;
    }
    return def;
}

static void show(const struct report *report, enum cli_format format) {
    struct buf out;
    buf_init(&out, 16 * MIB);
    if (format == CLI_JSON) {
        report_json(report, &out);
        buf_putc(&out, '\n');
    } else {
        report_text(report, isatty(STDOUT_FILENO), &out);
    }
    cli_print(buf_str(&out));
    buf_fini(&out);
}

static void check_conf(const struct cli_line *line, struct report *report, bool *unread) {
    struct conf *conf = NULL;
    const char *path = cli_option(line, "--conf");
    if (path && conf_load(&conf, cli_env(), path, report) && !report->cnt) {
        cli_fail(0);
        *unread = true;
    }
    conf_free(conf);
}

static int check_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    struct report report;
    bool unread = false;
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    if (!line.arg_cnt && !cli_option(&line, "--conf")) {
        fprintf(stderr, "sluice check: name a pipeline file, for instance examples/users.yml\n");
        return CLI_USAGE;
    }
    report_init(&report);
    check_conf(&line, &report, &unread);
    struct def *def[CLI_ARG_MAX];
    for (size_t i = 0; i < line.arg_cnt; i++) def[i] = load(line.arg[i], &report, &unread);
    if (!unread && !report.cnt) def_clash(def, line.arg_cnt, &report);
    for (size_t i = 0; i < line.arg_cnt; i++) def_free(def[i]);
    show(&report, line.format);
    bool bad = unread || report.cnt;
    if (line.format == CLI_TEXT && !bad)
        printf("%zu file%s, no mistakes\n", line.arg_cnt, line.arg_cnt == 1 ? "" : "s");
    if (line.format == CLI_TEXT && report.cnt)
        printf("%zu mistake%s\n", report.cnt + report.more, report.cnt == 1 ? "" : "s");
    report_fini(&report);
    return bad ? CLI_NO : CLI_OK;
}

/* ---- plan ---- */

static const char *sign(bool there) {
    return there ? "  =" : "  +";
}

static bool has(const char *data, const char *kind, struct str name) {
    char path[ENV_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s/%.*s-0", data, kind, STR_ARG(name));
    return env_exists(cli_env(), path);
}

static void plan_def(const struct def *def, const char *data) {
    printf("pipeline %.*s (%.*s), %.*s\n", STR_ARG(def->name), STR_ARG(def->file),
           STR_ARG(def->schedule.len ? def->schedule : STR("started by hand")));
    for (size_t i = 0; i < def->fetch_cnt; i++)
        printf("%s landing table %.*s from %.*s\n", "  ~", STR_ARG(def->fetch[i].name),
               STR_ARG(def->fetch[i].url));
    for (size_t i = 0; i < def->capture_cnt; i++)
        printf("%s topic %.*s, %d partition%s, schema %.*s-value\n",
               sign(has(data, "log", def->capture[i].topic)), STR_ARG(def->capture[i].topic),
               def->capture[i].partitions, def->capture[i].partitions == 1 ? "" : "s",
               STR_ARG(def->capture[i].topic));
    for (size_t i = 0; i < def->transform_cnt; i++) {
        const struct def_transform *to = &def->transform[i];
        struct arena arena = ARENA_INIT;
        struct str topic = arena_printf(&arena, "%.*s.quarantine", STR_ARG(to->table));
        printf("%s table %.*s, key %.*s, from topic %.*s, %zu check%s\n", "  ~", STR_ARG(to->name),
               STR_ARG(to->key), STR_ARG(to->topic), to->expect_cnt,
               to->expect_cnt == 1 ? "" : "s");
        printf("%s topic %.*s\n", sign(has(data, "log", topic)), STR_ARG(topic));
        arena_fini(&arena);
    }
    for (size_t i = 0; i < def->alert_cnt; i++)
        printf("  ~ alert %.*s: %.*s\n", STR_ARG(def->alert[i].name), STR_ARG(def->alert[i].rule));
}

static int plan_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    struct report report;
    bool unread = false;
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    if (!line.arg_cnt) {
        fprintf(stderr, "sluice plan: name a pipeline file, for instance examples/users.yml\n");
        return CLI_USAGE;
    }
    report_init(&report);
    for (size_t i = 0; i < line.arg_cnt; i++) {
        size_t before = report.cnt;
        struct def *def = load(line.arg[i], &report, &unread);
        if (def && report.cnt == before) plan_def(def, line.data);
        def_free(def);
    }
    show(&report, line.format);
    bool bad = unread || report.cnt;
    if (!bad) printf("  + is made, = is there, ~ is made or widened when its first rows come\n");
    report_fini(&report);
    return bad ? CLI_NO : CLI_OK;
}

const struct cli_verb cli_check_verb = {
    .name = "check",
    .summary = "Every mistake in pipeline files, with its place and remedy",
    .examples = "sluice check examples/users.yml\n"
                "sluice check --conf sluice.yml pipelines/a.yml pipelines/b.yml\n"
                "sluice check --format json examples/users.yml",
    .args = "FILE...",
    .opt = options,
    .run = check_run,
};
const struct cli_verb cli_check_plan_verb = {
    .name = "plan",
    .summary = "What pipeline files would make or change",
    .examples = "sluice plan examples/users.yml\nsluice plan --data data/demo examples/users.yml",
    .args = "FILE...",
    .run = plan_run,
};
