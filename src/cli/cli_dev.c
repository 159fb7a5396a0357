/* cli_dev.c - sluice dev, sluice serve: the whole, running in this process. */
#include "base/diag.h"
#include "base/dur.h"
#include "base/err.h"
#include "base/redact.h"
#include "cli/cli.h"
#include "cli/cli_notify.h"
#include "cli/cli_sum.h"
#include "pipeline/node.h"
#include "source/source.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PROBE_MS 3000
#define PROBE_URL "https://randomuser.me/api/?results=1"

static const struct cli_opt dev_options[] = {
    {"--for", "TIME", "end by itself after so long, with a summary; exit 0 if every hop moved"},
    {"--offline", NULL, "built-in sample people in place of randomuser.me"},
    {"--conf", "FILE", "sluice.yml: where the tiers run"},
    {"--quiet", NULL, "only warnings and errors"},
    {NULL, NULL, NULL},
};
static const struct cli_opt serve_options[] = {
    {"--conf", "FILE", "sluice.yml: where the tiers run, which pipelines"},
    {"--log-format", "text|json", "how words for people are written"},
    {NULL, NULL, NULL},
};

/* What a run of the verb owns, in the order it is made. */
struct stage {
    struct cli_line line;
    struct report report;
    struct conf *conf;
    struct def *def[CLI_ARG_MAX];
    size_t def_cnt;
    struct node *node;
    bool led; /* the banner has been shown */
};

static void stage_close(struct stage *stage) {
    node_close(stage->node);
    for (size_t i = 0; i < stage->def_cnt; i++) def_free(stage->def[i]);
    conf_free(stage->conf);
    report_fini(&stage->report);
}

static int show_mistakes(const struct stage *stage) {
    struct buf out;
    buf_init(&out, 16 * MIB);
    report_text(&stage->report, isatty(STDERR_FILENO), &out);
    fprintf(stderr, "%.*s", (int)out.len, out.ptr ? out.ptr : "");
    buf_fini(&out);
    return CLI_NO;
}

/* The settings and all pipeline files: every mistake is shown, not just the first file's. */
static int load_files(struct stage *stage) {
    int err = conf_load(&stage->conf, cli_env(), cli_option(&stage->line, "--conf"),
                        &stage->report);
    if (err && !stage->report.cnt) return cli_fail(CLI_NO);
    size_t from_conf = stage->conf ? stage->conf->pipeline_cnt : 0;
    for (size_t i = 0; i < stage->line.arg_cnt + from_conf; i++) {
        const char *path = i < stage->line.arg_cnt
                               ? stage->line.arg[i]
                               : stage->conf->pipeline[i - stage->line.arg_cnt].ptr;
        if (stage->def_cnt == CLI_ARG_MAX) return cli_fail(CLI_USAGE);
        struct def *def;
        err = def_load(&def, cli_env(), path, &stage->report);
        if (err && !def) return cli_fail(CLI_NO);
        stage->def[stage->def_cnt++] = def;
    }
    if (!stage->report.cnt) def_clash(stage->def, stage->def_cnt, &stage->report);
    return stage->report.cnt ? show_mistakes(stage) : CLI_OK;
}

static bool wants_randomuser(const struct stage *stage) {
    for (size_t d = 0; d < stage->def_cnt; d++)
        for (size_t i = 0; i < stage->def[d]->fetch_cnt; i++) {
            struct str url = stage->def[d]->fetch[i].url;
            if (memmem(url.ptr, url.len, "randomuser.me/", 14)) return true;
        }
    return false;
}

/* Can the real API be reached? One short try. */
static bool is_online(void) {
    struct arena arena = ARENA_INIT;
    struct source_rows rows;
    struct source_conf conf = {.env = cli_env(), .url = STR(PROBE_URL), .rows = STR("results[*]"),
                               .timeout_ms = PROBE_MS, .retries = 0};
    int err = source_fetch(&conf, &arena, &rows);
    arena_fini(&arena);
    return !err && rows.cnt;
}

static bool choose_offline(const struct stage *stage) {
    if (!wants_randomuser(stage)) return false;
    bool asked = cli_option(&stage->line, "--offline") != NULL;
    if (!asked && is_online()) return false;
    diag_warn("source", "%s: built-in sample people are used in place of randomuser.me",
              asked ? "--offline" : "randomuser.me cannot be reached");
    return true;
}

static int open_all(struct stage *stage, bool dev) {
    struct node_conf conf = {.pipe = {.env = cli_env(),
                                      .data = stage->line.data,
                                      .conf = stage->conf,
                                      .def = stage->def,
                                      .def_cnt = stage->def_cnt,
                                      .offline = dev && choose_offline(stage)},
                             .any_port = dev};
    return node_open(&stage->node, &conf) ? cli_fail(CLI_NO) : CLI_OK;
}

/* A swapped tier's address, without its password. */
static void print_place(const char *label, const char *url) {
    struct buf out;
    buf_init(&out, 64 * KIB);
    buf_printf(&out, "  %s%s\n", label, url);
    redact_buf(&out);
    cli_print(buf_str(&out));
    buf_fini(&out);
}

static void print_tier(const struct stage *stage, const char *label, enum door door,
                       enum conf_tier tier) {
    if (doors_served(node_doors(stage->node), door))
        printf("  %s%s127.0.0.1:%u\n", label, door == DOOR_REGISTRY ? "http://" : "",
               doors_port(node_doors(stage->node), door));
    else print_place(label, stage->conf->address[tier].url);
}

static void print_banner(const struct stage *stage, int64_t took_us) {
    const char *token = pipe_token(node_pipe(stage->node));
    printf("\nsluice %s is up after %.0f ms, %zu pipeline%s, data in %s\n\n", SLUICE_VERSION,
           (double)took_us / 1000, stage->def_cnt, stage->def_cnt == 1 ? "" : "s",
           stage->line.data);
    printf("  overview         http://127.0.0.1:%u/#token=%s\n",
           doors_port(node_doors(stage->node), DOOR_UI), token);
    printf("  runs             http://127.0.0.1:%u/#token=%s\n",
           doors_port(node_doors(stage->node), DOOR_HTTP), token);
    printf("  Airflow API      http://127.0.0.1:%u/api/v2\n",
           doors_port(node_doors(stage->node), DOOR_HTTP));
    print_tier(stage, "Kafka            ", DOOR_KAFKA, CONF_LOG);
    print_tier(stage, "Schema Registry  ", DOOR_REGISTRY, CONF_REGISTRY);
    print_tier(stage, "Cassandra (CQL)  ", DOOR_CQL, CONF_STORE);
    if (conf_embedded(stage->conf, CONF_LANDING))
        printf("  landing          %s/landing.db (SQLite)\n", stage->line.data);
    else print_place("landing          ", stage->conf->address[CONF_LANDING].url);
    printf("  metrics, health  http://127.0.0.1:%u/metrics  /health\n\n",
           doors_port(node_doors(stage->node), DOOR_UI));
    fflush(stdout);
}

/* The banner of a term; while standing by, one line. */
static void print_role(struct stage *stage, int64_t start_us) {
    bool leads = node_pipe(stage->node) != NULL;
    if (leads) print_banner(stage, env_mono_us(cli_env()) - start_us);
    else if (conf_embedded(stage->conf, CONF_COORD))
        printf("sluice %s waits for a tier that is away, data in %s\n", SLUICE_VERSION,
               stage->line.data);
    else printf("sluice %s stands by as %s, data in %s\n", SLUICE_VERSION,
                node_name(stage->node), stage->line.data);
    fflush(stdout);
    cli_notify(leads ? "READY=1\nSTATUS=running" : "READY=1\nSTATUS=waiting");
    stage->led = leads;
}

/* Until SIGINT, SIGTERM, or the time is over (0: never); takes over and stands back meanwhile. */
static int wait_for_end(struct stage *stage, const sigset_t *signals, int64_t for_us) {
    int64_t until_us = env_mono_us(cli_env()) + for_us;
    for (;;) {
        int64_t now_us = env_mono_us(cli_env());
        int64_t nap_us = node_is_shared(stage->node) ? NODE_TURN_US : 3600000000;
        int64_t left_us = for_us ? MIN(until_us - now_us, nap_us) : nap_us;
        if (for_us && now_us >= until_us) return CLI_OK;
        struct timespec wait = {left_us / 1000000, left_us % 1000000 * 1000};
        if (sigtimedwait(signals, NULL, &wait) > 0) return CLI_OK;
        if (node_turn(stage->node)) return cli_fail(CLI_NO);
        if (stage->led != (node_pipe(stage->node) != NULL)) print_role(stage, now_us);
    }
}

static int run_stage(struct stage *stage, bool dev, int64_t for_us) {
    sigset_t signals;
    int64_t start_us = env_mono_us(cli_env());
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread: they inherit it */
    int code = load_files(stage);
    if (!code) code = open_all(stage, dev);
    if (code) return code;
    print_role(stage, start_us);
    if (dev && !for_us) printf("Ctrl-C ends it; the data stays in %s.\n\n", stage->line.data);
    fflush(stdout);
    code = wait_for_end(stage, &signals, for_us);
    cli_notify("STOPPING=1");
    if (code || !for_us || !node_pipe(stage->node)) return code;
    return cli_sum_print(node_pipe(stage->node), for_us, stage->line.format);
}

static int run(const struct cli_verb *verb, int argc, char **argv, bool dev) {
    struct stage *stage = base_calloc(1, sizeof *stage);
    int64_t for_us = 0;
    int code = CLI_OK;
    if (cli_parse(verb, argc, argv, &stage->line, &code)) {
        const char *length = dev ? cli_option(&stage->line, "--for") : NULL;
        const char *format = dev ? NULL : cli_option(&stage->line, "--log-format");
        bool quiet = dev && cli_option(&stage->line, "--quiet");
        diag_setup(quiet ? DIAG_WARN : DIAG_INFO, format && !strcmp(format, "json"));
        report_init(&stage->report);
        if (length && dur_parse(str_of(length), &for_us)) code = cli_fail(CLI_USAGE);
        else code = run_stage(stage, dev, for_us);
        stage_close(stage);
    }
    base_free(stage);
    return code;
}

static int run_dev(const struct cli_verb *verb, int argc, char **argv) {
    return run(verb, argc, argv, true);
}

static int run_serve(const struct cli_verb *verb, int argc, char **argv) {
    return run(verb, argc, argv, false);
}

const struct cli_verb cli_dev_verb = {
    .name = "dev",
    .summary = "Run pipelines here and now: all tiers, free ports, sample data when offline",
    .examples = "sluice dev examples/users.yml\n"
                "sluice dev examples/users.yml --offline --for 60s\n"
                "sluice dev --data /tmp/try examples/users.yml",
    .args = "FILE...",
    .opt = dev_options,
    .run = run_dev,
};
const struct cli_verb cli_dev_serve_verb = {
    .name = "serve",
    .summary = "Run as a service: fixed ports, settings from sluice.yml",
    .examples = "sluice serve --conf /etc/sluice/sluice.yml --data /var/lib/sluice\n"
                "sluice serve --data data examples/users.yml",
    .args = "[FILE...]",
    .opt = serve_options,
    .run = run_serve,
};
