/* cli_doctor.c - sluice doctor: each tier reached, its rights and settings, one line each. */
#include "base/diag.h"
#include "base/err.h"
#include "base/redact.h"
#include "cli/cli.h"
#include "pipeline/doctor.h"

#include <stdio.h>

static const struct cli_opt options[] = {
    {"--conf", "FILE", "sluice.yml: where the tiers run"},
    {NULL, NULL, NULL},
};

struct page {
    struct buf out;
    enum cli_format format;
};

static void put_finding(void *arg, const struct doctor_finding *finding) {
    static const char *const names[] = {"ok", "warn", "bad"};
    struct page *page = arg;
    struct buf *out = &page->out;
    if (page->format == CLI_TEXT) {
        buf_printf(out, "%-4s  %-8s  %.*s\n", names[finding->state], finding->tier,
                   STR_ARG(finding->text));
        if (finding->remedy.len) buf_printf(out, "                -> %.*s\n",
                                            STR_ARG(finding->remedy));
        return;
    }
    buf_printf(out, "%s{\"tier\":\"%s\",\"state\":\"%s\",\"text\":", out->len > 1 ? "," : "",
               finding->tier, names[finding->state]);
    buf_json(out, finding->text);
    buf_putz(out, ",\"remedy\":");
    buf_json(out, finding->remedy);
    buf_putc(out, '}');
}

static int look(const struct cli_line *line, const struct conf *conf) {
    struct doctor_conf doctor = {cli_env(), conf, line->data};
    struct page page = {.format = line->format};
    buf_init(&page.out, 16 * MIB);
    if (line->format == CLI_JSON) buf_putc(&page.out, '[');
    enum finding_state worst = doctor_look(&doctor, put_finding, &page);
    if (line->format == CLI_JSON) buf_putz(&page.out, "]\n");
    redact_buf(&page.out);
    cli_print(buf_str(&page.out));
    buf_fini(&page.out);
    return worst == FINDING_BAD ? CLI_NO : CLI_OK;
}

static int doctor_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    struct report report;
    struct conf *conf = NULL;
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    diag_setup(DIAG_ERROR, false);
    report_init(&report);
    int err = conf_load(&conf, cli_env(), cli_option(&line, "--conf"), &report);
    if (report.cnt) {
        struct buf out;
        buf_init(&out, MIB);
        report_text(&report, false, &out);
        cli_print(buf_str(&out));
        buf_fini(&out);
        code = CLI_NO;
    } else {
        code = err ? cli_fail(CLI_NO) : look(&line, conf);
    }
    conf_free(conf);
    report_fini(&report);
    return code;
}

const struct cli_verb cli_doctor_verb = {
    .name = "doctor",
    .summary = "Can every tier of sluice.yml be reached and used? If not, what to do",
    .examples = "sluice doctor --conf sluice.yml\nsluice doctor --conf sluice.yml --format json",
    .args = "",
    .opt = options,
    .run = doctor_run,
};
