/* cli_sum.c - the summary: rows landed, records, rows in tables, latency, by hop. */
#include "cli/cli_sum.h"

#include "base/err.h"

#include <stdio.h>

struct sum {
    int64_t landed, records, rows, quarantined, p50_us, p99_us;
    bool moved; /* every hop did */
};

static void sum_landing(const struct pipe *pipe, struct sum *sum) {
    const struct pipe_conf *conf = pipe_conf(pipe);
    for (size_t d = 0; d < conf->def_cnt; d++)
        for (size_t i = 0; i < conf->def[d]->fetch_cnt; i++) {
            const struct fetcher *fetcher = pipe_fetcher(pipe, conf->def[d]->fetch[i].name);
            int64_t rows = fetcher ? fetcher->rows_new + fetcher->rows_changed : 0;
            sum->landed += rows;
            sum->moved = sum->moved && rows > 0;
        }
}

static void sum_topics(const struct pipe *pipe, struct sum *sum) {
    const struct pipe_conf *conf = pipe_conf(pipe);
    for (size_t d = 0; d < conf->def_cnt; d++)
        for (size_t i = 0; i < conf->def[d]->capture_cnt; i++) {
            struct captor_stats stats = {0};
            if (!pipe_captured(pipe, conf->def[d]->capture[i].topic, &stats)) stats.records = 0;
            sum->records += stats.records;
            sum->moved = sum->moved && stats.records > 0;
        }
}

static void sum_tables(const struct pipe *pipe, struct sum *sum) {
    for (size_t i = 0; i < pipe_query_cnt(pipe); i++) {
        struct query_stats stats;
        query_stats(pipe_query(pipe, i), &stats);
        sum->rows += stats.stream.rows_out;
        sum->quarantined += stats.stream.quarantined;
        sum->p50_us = MAX(sum->p50_us, stats.stream.latency_p50_us);
        sum->p99_us = MAX(sum->p99_us, stats.stream.latency_p99_us);
        sum->moved = sum->moved && stats.stream.rows_out > 0;
        if (stats.state == QUERY_TROUBLE)
            fprintf(stderr, "table %.*s: %s\n", STR_ARG(query_def(pipe_query(pipe, i))->name),
                    stats.note);
    }
}

int cli_sum_print(struct pipe *pipe, int64_t ran_us, enum cli_format format) {
    struct sum sum = {.moved = true};
    sum_landing(pipe, &sum);
    sum_topics(pipe, &sum);
    sum_tables(pipe, &sum);
    if (format == CLI_JSON) {
        printf("{\"ran_s\":%.1f,\"landed\":%" PRId64 ",\"records\":%" PRId64 ",\"rows\":%" PRId64
               ",\"quarantined\":%" PRId64 ",\"latency_p50_ms\":%.1f,\"latency_p99_ms\":%.1f,"
               "\"moved\":%s}\n", (double)ran_us / 1e6, sum.landed, sum.records, sum.rows,
               sum.quarantined, (double)sum.p50_us / 1e3, (double)sum.p99_us / 1e3,
               sum.moved ? "true" : "false");
    } else {
        printf("\nWhat flowed in %.0f s\n", (double)ran_us / 1e6);
        printf("  rows landed          %10" PRId64 "\n", sum.landed);
        printf("  records on topics    %10" PRId64 "\n", sum.records);
        printf("  rows in tables       %10" PRId64 "\n", sum.rows);
        printf("  rows in quarantine   %10" PRId64 "\n", sum.quarantined);
        printf("  landing to table     %10.1f ms at the median, %.1f ms at the 99th percentile\n",
               (double)sum.p50_us / 1e3, (double)sum.p99_us / 1e3);
        printf("%s\n", sum.moved ? "Every hop moved." : "Not every hop moved: see above.");
    }
    return sum.moved ? CLI_OK : CLI_NO;
}
