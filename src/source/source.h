/* source.h - where rows come from: an HTTP API, a file, the built-in people.
 *
 * A fetch is one request: it blocks, with a time limit, and hands back the rows that the `rows`
 * path selects in the answer, as JSON text. Retries, back-off with jitter, Retry-After, the size
 * cap and the address checks are in here; which task fetches when is the scheduler's.
 * Thread: any; a fetch uses nothing shared. Memory: rows live in the arena given. */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include "base/arena.h"
#include "base/env.h"

#define SOURCE_BODY_MAX ((size_t)64 << 20)

struct source_conf {
    struct env *env;
    struct str url;  /* http(s)://..., file:..., people:?results=.. (built in, no network) */
    struct str rows; /* path to the rows: "results[*]", "data.items[*]", "" or "[*]" */
    const struct str *header; /* "Name: value" lines to send */
    size_t header_cnt;
    int64_t timeout_ms; /* of the whole fetch with its retries; 0: 60 s */
    int retries;        /* -1: 3 */
    const struct str *allow; /* host:port that may be private or loopback addresses */
    size_t allow_cnt;
    void (*log)(void *arg, const char *line); /* each attempt, for the task's log; may be NULL */
    void *log_arg;
    /* Asked about ten times a second: true ends the fetch with ERR_STOPPED; NULL: never. */
    bool (*stopped)(void *arg);
    void *stopped_arg;
};
struct source_rows {
    struct str *row; /* JSON values */
    size_t cnt;
    size_t body_len; /* bytes that came, decompressed */
};
/* ERR_NET, ERR_TIMEOUT: after all retries; ERR_STOPPED; ERR_DENIED: an address that is not allowed;
 * ERR_TOO_BIG; ERR_INVAL: an answer that is not the JSON expected (the note shows its start). */
int source_fetch(const struct source_conf *conf, struct arena *arena,
                 struct source_rows *out) MUST_USE;

#endif
