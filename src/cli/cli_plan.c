/* cli_plan.c - sluice plan: what pipelines would make or change, and what does not fit.
 *
 * A server that runs on the data folder is asked; without one the folder is opened, looked at and
 * closed again. Tiers that are not embedded are not looked into. */
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/cli_http.h"
#include "pipeline/pipe.h"
#include "pipeline/preview.h"

#define NAME_WIDTH 34

enum { EXISTS, MAKE, WIDEN, CONFLICT, UNKNOWN, STATE_CNT };
static const char *const states[STATE_CNT] = {"exists", "make", "widen", "conflict", "unknown"};
static const char signs[STATE_CNT] = {'=', '+', '~', '!', '?'};

/* What a run of the verb owns. */
struct planning {
    struct cli_line line;
    struct report report;
    struct conf *conf;
    struct def *def[CLI_ARG_MAX];
    struct pipe *pipe; /* NULL: a server is asked */
    json_t *answers;   /* one a file */
    size_t cnt[STATE_CNT];
};

static int load_all(struct planning *plan) {
    int err = conf_load(&plan->conf, cli_env(), cli_option(&plan->line, "--conf"), &plan->report);
    if (err && !plan->report.cnt) return cli_fail(CLI_NO);
    for (size_t i = 0; i < plan->line.arg_cnt; i++) {
        err = def_load(&plan->def[i], cli_env(), plan->line.arg[i], &plan->report);
        if (err && !plan->def[i]) return cli_fail(CLI_NO);
    }
    if (!plan->report.cnt) def_clash(plan->def, plan->line.arg_cnt, &plan->report);
    if (!plan->report.cnt) return CLI_OK;
    struct buf out;
    buf_init(&out, 16 * MIB);
    if (plan->line.format == CLI_JSON) report_json(&plan->report, &out);
    else report_text(&plan->report, isatty(STDOUT_FILENO), &out);
    cli_print(buf_str(&out));
    buf_fini(&out);
    return CLI_NO;
}

static int look_here(struct planning *plan, const struct def *def, json_t **answer) {
    struct preview preview = {.landing = pipe_landing(plan->pipe), .log = pipe_log(plan->pipe),
                              .registry = pipe_registry(plan->pipe),
                              .store = pipe_store(plan->pipe)};
    struct buf out;
    preview.no_landing = !preview.landing && conf_embedded(plan->conf, CONF_LANDING);
    buf_init(&out, 4 * MIB);
    preview_write(&preview, def, &out);
    *answer = json_loadb(out.ptr, out.len, 0, NULL);
    buf_fini(&out);
    if (*answer) return CLI_OK;
    fprintf(stderr, "sluice plan: %.*s is too big\n", STR_ARG(def->file));
    return CLI_NO;
}

static int ask_server(struct planning *plan, const struct def *def, json_t **answer) {
    struct buf asked;
    buf_init(&asked, 4 * MIB);
    preview_ask(def, &asked);
    buf_putc(&asked, 0);
    int code = cli_http_call(&plan->line, "POST", "/ui/plan", asked.ptr, answer);
    buf_fini(&asked);
    return code;
}

static int look_all(struct planning *plan) {
    struct pipe_conf conf = {.env = cli_env(), .data = plan->line.data, .conf = plan->conf};
    int err = pipe_look(&plan->pipe, &conf), code = CLI_OK;
    if (err && err != ERR_AGAIN) return cli_fail(CLI_NO);
    plan->answers = json_array();
    for (size_t i = 0; i < plan->line.arg_cnt && !code; i++) {
        json_t *answer = NULL;
        code = plan->pipe ? look_here(plan, plan->def[i], &answer)
                          : ask_server(plan, plan->def[i], &answer);
        if (!code) json_array_append_new(plan->answers, answer);
    }
    return code;
}

/* ---- showing ---- */

static const char *member(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static int state_of(const json_t *object) {
    for (int i = 0; i < STATE_CNT; i++)
        if (!strcmp(member(object, "state"), states[i])) return i;
    return UNKNOWN;
}

static void show_text(const struct planning *plan) {
    json_t *answer, *object;
    size_t i, k;
    json_array_foreach(plan->answers, i, answer) {
        const char *schedule = member(answer, "schedule");
        printf("pipeline %s (%s), %s\n", member(answer, "pipeline"), member(answer, "file"),
               *schedule ? schedule : "started by hand");
        json_array_foreach(json_object_get(answer, "objects"), k, object) {
            char name[256];
            snprintf(name, sizeof name, "%s %s", member(object, "kind"), member(object, "name"));
            printf("  %c %-*s %s\n", signs[state_of(object)], NAME_WIDTH, name,
                   member(object, "note"));
            if (*member(object, "remedy")) printf("      %s\n", member(object, "remedy"));
        }
    }
    printf("%zu to make (+), %zu to widen (~), %zu there (=), %zu in conflict (!)", plan->cnt[MAKE],
           plan->cnt[WIDEN], plan->cnt[EXISTS], plan->cnt[CONFLICT]);
    if (plan->cnt[UNKNOWN]) printf(", %zu not looked into (?)", plan->cnt[UNKNOWN]);
    putchar('\n');
}

static void show_json(const struct planning *plan) {
    json_t *root = json_object();
    json_object_set(root, "pipelines", plan->answers);
    for (int i = 0; i < STATE_CNT; i++)
        json_object_set_new(root, states[i], json_integer((json_int_t)plan->cnt[i]));
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static int show(struct planning *plan) {
    json_t *answer, *object;
    size_t i, k;
    json_array_foreach(plan->answers, i, answer)
        json_array_foreach(json_object_get(answer, "objects"), k, object)
            plan->cnt[state_of(object)]++;
    if (plan->line.format == CLI_JSON) show_json(plan);
    else show_text(plan);
    if (plan->cnt[CONFLICT]) return CLI_NO;
    bool pending = plan->cnt[MAKE] || plan->cnt[WIDEN];
    return pending && cli_option(&plan->line, "--exit-code") ? CLI_PENDING : CLI_OK;
}

static int run(const struct cli_verb *verb, int argc, char **argv) {
    struct planning plan = {.pipe = NULL};
    int code;
    if (!cli_parse(verb, argc, argv, &plan.line, &code)) return code;
    if (!plan.line.arg_cnt) {
        fprintf(stderr, "sluice plan: name a pipeline file, for instance examples/users.yml\n");
        return CLI_USAGE;
    }
    report_init(&plan.report);
    code = load_all(&plan);
    if (!code) code = look_all(&plan);
    if (!code) code = show(&plan);
    pipe_close(plan.pipe);
    for (size_t i = 0; i < plan.line.arg_cnt; i++) def_free(plan.def[i]);
    conf_free(plan.conf);
    report_fini(&plan.report);
    json_decref(plan.answers);
    return code;
}

static const struct cli_opt options[] = {
    {"--conf", "FILE", "sluice.yml: where the tiers run; what is not embedded is passed over"},
    {"--exit-code", NULL, "end with 4 when something is to be made or widened"},
    {NULL, NULL, NULL},
};

const struct cli_verb cli_plan_verb = {
    .name = "plan",
    .summary = "What pipeline files would make or change, and what does not fit",
    .examples = "sluice plan examples/users.yml\n"
                "sluice plan --data data/demo examples/users.yml\n"
                "sluice plan --exit-code --format json examples/users.yml",
    .args = "FILE...",
    .opt = options,
    .run = run,
};
