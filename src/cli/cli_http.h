/* cli_http.h - asking the server that runs on a data folder, and showing its JSON as a table.
 *
 * The folder's file "addresses" says where the server listens, "token" what it wants for writes. */
#ifndef CLI_CLI_HTTP_H
#define CLI_CLI_HTTP_H

#include "base/arena.h"
#include "cli/cli.h"

#include <jansson.h>

/* One request to the server's HTTP door. body NULL: none. 0 with *out (to be decref'd), or an exit
 * code after the reason was said. */
int cli_http_call(const struct cli_line *line, const char *method, const char *path,
                  const char *body, json_t **out) MUST_USE;
/* Calls `each` for every event of the stream at `path`, until it returns false. An exit code. */
int cli_http_events(const struct cli_line *line, const char *path,
                    bool (*each)(void *arg, struct str event, struct str data), void *arg);
/* `text` percent-encoded, in the arena. */
const char *cli_http_escape(struct arena *arena, const char *text);

/* Columns as "path:HEADING" words, for instance "name:TOPIC lag:LAG"; rows from the array. With
 * --format json the whole answer is printed instead. Decrefs `answer`. */
int cli_http_table(const struct cli_line *line, json_t *answer, const char *array,
                   const char *columns);

#endif
