/* cli_version.c - sluice version. */
#include "cli/cli.h"

#include <stdio.h>

static int run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    if (line.format == CLI_JSON) printf("{\"version\":\"%s\"}\n", SLUICE_VERSION);
    else printf("sluice %s\n", SLUICE_VERSION);
    return CLI_OK;
}

const struct cli_verb cli_version_verb = {
    .name = "version",
    .summary = "Which version this is",
    .examples = "sluice version",
    .args = "",
    .run = run,
};
