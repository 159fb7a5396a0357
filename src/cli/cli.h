/* cli.h - what the verbs of the command share: the table of verbs, options, exit codes.
 *
 * A verb's file holds its help (examples first), its options and its work. Data goes to stdout,
 * words for people to stderr. Exit codes: 0 done; 1 it ran and the answer is no (mistakes found, a
 * run failed); 2 wrong use; 3 the server cannot be reached; 4 there is something to be done (only
 * where that was asked for). */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/buf.h"
#include "base/env.h"

enum { CLI_OK = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_UNREACHED = 3, CLI_PENDING = 4 };

#define CLI_OPT_MAX 24
#define CLI_ARG_MAX 256

enum cli_format { CLI_TEXT, CLI_JSON };
struct cli_opt {
    const char *name;  /* "--for" */
    const char *value; /* what it takes, for the help: "TIME"; NULL: it is a switch */
    const char *help;
};
struct cli_verb {
    const char *name, *summary;
    const char *examples; /* lines, each begins with "sluice" */
    const char *args;     /* "FILE...", "TOPIC", "" */
    const struct cli_opt *opt; /* ends with name NULL; --data, --format, --help are everywhere */
    int (*run)(const struct cli_verb *verb, int argc, char **argv);
};
/* One parsed command line. */
struct cli_line {
    const struct cli_verb *verb;
    const char *arg[CLI_ARG_MAX]; /* what is no option */
    size_t arg_cnt;
    const char *value[CLI_OPT_MAX]; /* by the verb's options; "" for a switch that was given */
    const char *data;               /* --data, SLUICE_DATA, or "data" */
    enum cli_format format;
};
/* false: it was said what is wrong, or the help was shown: *code is the exit code. */
bool cli_parse(const struct cli_verb *verb, int argc, char **argv, struct cli_line *out, int *code);
const char *cli_option(const struct cli_line *line, const char *name); /* NULL: not given */
void cli_help(const struct cli_verb *verb);
int cli_fail(int code); /* says err_note() on stderr; returns `code` */
/* The env of this process: real, or with the fault that SLUICE_FAULT asks for (crash tests). */
struct env *cli_env(void);
void cli_print(struct str text); /* to stdout, whole */

/* Of cli_VERB.c each. */
extern const struct cli_verb cli_check_verb, cli_plan_verb, cli_dag_verb,
    cli_dag_run_verb, cli_dag_task_verb, cli_dev_verb, cli_dev_serve_verb, cli_doctor_verb,
    cli_export_verb, cli_migrate_verb, cli_table_verb, cli_table_quarantine_verb, cli_topic_verb,
    cli_topic_group_verb, cli_topic_replay_verb, cli_topic_tap_verb, cli_version_verb;

#endif
