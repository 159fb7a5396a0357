/* cli_sum.h - what flowed, said at the end of a timed run. */
#ifndef CLI_CLI_SUM_H
#define CLI_CLI_SUM_H

#include "cli/cli.h"
#include "pipeline/pipe.h"

/* Prints it; CLI_OK only if every hop of every pipeline moved rows. */
int cli_sum_print(struct pipe *pipe, int64_t ran_us, enum cli_format format);

#endif
