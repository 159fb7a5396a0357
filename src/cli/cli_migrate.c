/* cli_migrate.c - sluice migrate: what embedded tiers hold, to where sluice.yml puts them now. */
#include "base/diag.h"
#include "base/err.h"
#include "base/redact.h"
#include "cli/cli.h"
#include "pipeline/migrate.h"

#include <stdio.h>
#include <unistd.h>

/* What a run of the verb owns. */
struct moving {
    struct cli_line line;
    struct report report;
    struct conf *conf;
    struct def *def[CLI_ARG_MAX];
    size_t def_cnt;
};

static int show_mistakes(const struct moving *moving) {
    struct buf out;
    buf_init(&out, 16 * MIB);
    report_text(&moving->report, isatty(STDOUT_FILENO), &out);
    cli_print(buf_str(&out));
    buf_fini(&out);
    return CLI_NO;
}

static int load_files(struct moving *moving) {
    const struct cli_line *line = &moving->line;
    int err = conf_load(&moving->conf, cli_env(), cli_option(line, "--conf"), &moving->report);
    if (err && !moving->report.cnt) return cli_fail(CLI_NO);
    size_t from_conf = moving->conf ? moving->conf->pipeline_cnt : 0;
    for (size_t i = 0; i < line->arg_cnt + from_conf && i < CLI_ARG_MAX; i++) {
        const char *path = i < line->arg_cnt ? line->arg[i]
                                             : moving->conf->pipeline[i - line->arg_cnt].ptr;
        err = def_load(&moving->def[i], cli_env(), path, &moving->report);
        if (err && !moving->def[i]) return cli_fail(CLI_NO);
        moving->def_cnt++;
    }
    if (!moving->report.cnt) def_clash(moving->def, moving->def_cnt, &moving->report);
    return moving->report.cnt ? show_mistakes(moving) : CLI_OK;
}

static void put_line(void *arg, enum conf_tier tier, struct str text) {
    const struct cli_line *line = arg;
    struct buf out;
    buf_init(&out, 64 * KIB);
    if (line->format == CLI_JSON) {
        buf_printf(&out, "{\"tier\":\"%s\",\"text\":", conf_tier_name(tier));
        buf_json(&out, text);
        buf_putz(&out, "}\n");
    } else {
        buf_printf(&out, "%-8s  %.*s\n", conf_tier_name(tier), STR_ARG(text));
    }
    redact_buf(&out);
    cli_print(buf_str(&out));
    buf_fini(&out);
}

static int run(const struct cli_verb *verb, int argc, char **argv) {
    struct moving *moving = base_calloc(1, sizeof *moving);
    int code = CLI_OK;
    if (cli_parse(verb, argc, argv, &moving->line, &code)) {
        diag_setup(DIAG_WARN, false);
        report_init(&moving->report);
        code = load_files(moving);
        struct migrate_conf conf = {cli_env(), moving->conf, moving->line.data, moving->def,
                                    moving->def_cnt, put_line, &moving->line};
        if (!code && migrate_run(&conf)) code = cli_fail(CLI_NO);
        for (size_t i = 0; i < moving->def_cnt; i++) def_free(moving->def[i]);
        conf_free(moving->conf);
        report_fini(&moving->report);
    }
    base_free(moving);
    return code;
}

static const struct cli_opt options[] = {
    {"--conf", "FILE", "sluice.yml: where the tiers are now"},
    {NULL, NULL, NULL},
};

const struct cli_verb cli_migrate_verb = {
    .name = "migrate",
    .summary = "Carry what embedded tiers hold to where sluice.yml puts them now",
    .examples = "sluice migrate --data data --conf sluice.yml examples/users.yml",
    .args = "FILE...",
    .opt = options,
    .run = run,
};
