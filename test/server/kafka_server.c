/* kafka_server.c - a Kafka server over one log, and nothing else: what the e2e tests start.
 *
 *   kafka_server LOG-URL [PORT [PARTITIONS]]
 *
 * LOG-URL is "mem:" or "embedded:DIR". Prints "port N" when it listens and ends on SIGTERM or
 * SIGINT, or when its standard input is closed. */
#include "base/diag.h"
#include "base/err.h"
#include "log/server/kserver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what) {
    fprintf(stderr, "kafka_server: %s: %s\n", what, err_note());
    return 1;
}

static int64_t number(const char *text, int64_t otherwise) {
    int64_t n;
    return text && !str_i64(str_of(text), &n) ? n : otherwise;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: kafka_server LOG-URL [PORT [PARTITIONS]]\n");
        return 2;
    }
    struct log *log;
    struct loop *loop;
    struct kserver *server;
    struct log_conf log_conf = {.env = env_real(), .url = argv[1]};
    struct kserver_conf conf = {
        .port = (uint16_t)number(argc > 2 ? argv[2] : NULL, 0),
        .default_parts = (int32_t)number(argc > 3 ? argv[3] : NULL, 1),
    };
    sigset_t set;
    int got;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    diag_setup(getenv("DEBUG") ? DIAG_DEBUG : DIAG_INFO, false);
    if (log_open(&log, &log_conf)) return fail("log");
    if (loop_open(&loop, env_real(), "kafka")) return fail("loop");
    if (kserver_open(&server, loop, log, &conf)) return fail("server");
    if (loop_start(loop)) return fail("thread");
    printf("port %u\n", kserver_port(server));
    fflush(stdout);
    sigwait(&set, &got);
    loop_stop(loop);
    kserver_close(server);
    loop_close(loop);
    log_close(log);
    return 0;
}
