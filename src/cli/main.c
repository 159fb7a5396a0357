/* main.c - sluice VERB: finds the verb and hands over. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>

static const struct cli_verb *const verbs[] = {
    &cli_dev_verb,           &cli_dev_serve_verb,  &cli_check_verb,
    &cli_plan_verb,          &cli_dag_run_verb,    &cli_dag_verb,
    &cli_dag_task_verb,      &cli_topic_verb,      &cli_topic_tap_verb,
    &cli_topic_replay_verb,  &cli_topic_group_verb, &cli_table_verb,
    &cli_table_quarantine_verb, &cli_doctor_verb,  &cli_migrate_verb,
    &cli_export_verb,        &cli_version_verb,
};

static void print_help(void) {
    printf("sluice - the whole real-time data stack in one program\n\n"
           "Examples:\n"
           "  sluice dev examples/users.yml       run a pipeline here, all tiers inside\n"
           "  sluice check examples/users.yml     find every mistake in a pipeline file\n"
           "  sluice tap users_created            watch a topic\n\nVerbs:\n");
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        printf("  %-12s %s\n", verbs[i]->name, verbs[i]->summary);
    printf("\nsluice VERB --help tells more.\n");
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help();
        return CLI_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_help();
        return CLI_OK;
    }
    const char *wanted = strcmp(argv[1], "--version") ? argv[1] : "version";
    struct str names[ARRAY_LEN(verbs)], near[1];
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        names[i] = str_of(verbs[i]->name);
        if (!strcmp(wanted, verbs[i]->name)) return verbs[i]->run(verbs[i], argc - 2, argv + 2);
    }
    fprintf(stderr, "sluice: unknown verb '%s'", argv[1]);
    if (str_near(str_of(argv[1]), names, ARRAY_LEN(names), near, 1))
        fprintf(stderr, "; did you mean '%s'?", near[0].ptr);
    fprintf(stderr, "\nsee: sluice --help\n");
    return CLI_USAGE;
}
