/* cli.c - command lines: options in any order, "--name value" or "--name=value". */
#include "cli/cli.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

static const struct cli_opt common[] = {
    {"--data", "DIR", "folder with the data (default: $SLUICE_DATA, or data)"},
    {"--format", "text|json", "how the answer is written (default: text)"},
    {"--help", NULL, "this text"},
};

static void print_options(const struct cli_opt *opt, size_t cnt) {
    for (size_t i = 0; i < cnt && opt[i].name; i++) {
        char left[48];
        snprintf(left, sizeof left, "%s %s", opt[i].name, opt[i].value ? opt[i].value : "");
        printf("  %-22s %s\n", left, opt[i].help);
    }
}

void cli_help(const struct cli_verb *verb) {
    printf("%s\n\nExamples:\n", verb->summary);
    struct str left = str_of(verb->examples);
    while (left.ptr && left.len) {
        struct str line = str_cut(left, '\n', &left);
        printf("  %.*s\n", STR_ARG(line));
    }
    printf("\nUsage: sluice %s [options] %s\n\nOptions:\n", verb->name, verb->args);
    if (verb->opt) print_options(verb->opt, CLI_OPT_MAX);
    print_options(common, ARRAY_LEN(common));
}

int cli_fail(int code) {
    fprintf(stderr, "sluice: %s\n", err_note());
    return code;
}

struct env *cli_env(void) {
    static struct env *env;
    if (env) return env;
    if (env_fault_from_setting(getenv("SLUICE_FAULT"), &env)) exit(cli_fail(CLI_USAGE));
    return env;
}

void cli_print(struct str text) {
    if (fwrite(text.ptr, 1, text.len, stdout) != text.len || fflush(stdout)) exit(CLI_NO);
}

static size_t opt_cnt(const struct cli_verb *verb) {
    size_t cnt = 0;
    while (verb->opt && verb->opt[cnt].name) cnt++;
    CHECK(cnt <= CLI_OPT_MAX);
    return cnt;
}

static int unknown_option(const struct cli_verb *verb, struct str name) {
    struct str names[CLI_OPT_MAX + ARRAY_LEN(common)], near[1];
    size_t cnt = 0;
    for (size_t i = 0; i < opt_cnt(verb); i++) names[cnt++] = str_of(verb->opt[i].name);
    for (size_t i = 0; i < ARRAY_LEN(common); i++) names[cnt++] = str_of(common[i].name);
    fprintf(stderr, "sluice %s: unknown option %.*s", verb->name, STR_ARG(name));
    if (str_near(name, names, cnt, near, 1)) fprintf(stderr, "; did you mean %s?", near[0].ptr);
    fprintf(stderr, "\nsee: sluice %s --help\n", verb->name);
    return CLI_USAGE;
}

static int take_format(const char *text, struct cli_line *out) {
    if (!strcmp(text, "json")) return out->format = CLI_JSON, 0;
    if (!strcmp(text, "text")) return out->format = CLI_TEXT, 0;
    fprintf(stderr, "sluice: --format is text or json, not '%s'\n", text);
    return CLI_USAGE;
}

/* One option at argv[*at]; leaves *at on its last word. 0, or an exit code. */
static int take_option(struct cli_line *out, int argc, char **argv, int *at) {
    struct str value, name = str_cut(str_of(argv[*at]), '=', &value);
    const struct cli_opt *opt = NULL;
    size_t i, cnt = opt_cnt(out->verb);
    for (i = 0; i < cnt && !opt; i++)
        if (str_eqz(name, out->verb->opt[i].name)) opt = &out->verb->opt[i];
    for (size_t k = 0; k < ARRAY_LEN(common) && !opt; k++)
        if (str_eqz(name, common[k].name)) opt = &common[k];
    if (!opt) return unknown_option(out->verb, name);
    const char *text = value.ptr ? value.ptr : "";
    if (opt->value && !value.ptr) {
        if (*at + 1 >= argc) {
            fprintf(stderr, "sluice %s: %s needs a value: %s\n", out->verb->name, opt->name,
                    opt->value);
            return CLI_USAGE;
        }
        text = argv[++*at];
    }
    if (opt == &common[0]) return out->data = text, 0;
    if (opt == &common[1]) return take_format(text, out);
    out->value[opt - out->verb->opt] = text;
    return 0;
}

bool cli_parse(const struct cli_verb *verb, int argc, char **argv, struct cli_line *out,
               int *code) {
    *out = (struct cli_line){.verb = verb, .data = getenv("SLUICE_DATA")};
    if (!out->data || !*out->data) out->data = "data";
    for (int at = 0; at < argc; at++) {
        if (!strcmp(argv[at], "--help") || !strcmp(argv[at], "-h")) {
            cli_help(verb);
            *code = CLI_OK;
            return false;
        }
        if (argv[at][0] != '-' || !argv[at][1]) {
            if (out->arg_cnt == CLI_ARG_MAX) {
                fprintf(stderr, "sluice: more than %d words\n", CLI_ARG_MAX);
                *code = CLI_USAGE;
                return false;
            }
            out->arg[out->arg_cnt++] = argv[at];
        } else if ((*code = take_option(out, argc, argv, &at))) {
            return false;
        }
    }
    return true;
}

const char *cli_option(const struct cli_line *line, const char *name) {
    for (size_t i = 0; i < opt_cnt(line->verb); i++)
        if (!strcmp(line->verb->opt[i].name, name)) return line->value[i];
    NEVER();
}
