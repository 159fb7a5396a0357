/* cli_check.c - sluice check: mistakes in pipeline files. */
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
