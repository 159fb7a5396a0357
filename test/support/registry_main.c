/* registry_main.c - a registry over one log with its REST door: what the e2e tests start.
 *
 *   registry LOG-URL [PORT]
 *
 * Prints "port N" when it listens and ends on SIGTERM or SIGINT. */
#include "base/diag.h"
#include "base/err.h"
#include "log/log.h"
#include "registry/server/regserver.h"

#include <signal.h>
#include <stdio.h>

static int fail(const char *what) {
    fprintf(stderr, "registry: %s: %s\n", what, err_note());
    return 1;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: registry LOG-URL [PORT]\n");
        return 2;
    }
    struct log *log;
    struct loop *loop;
    struct registry *registry;
    struct regserver *server;
    int64_t port = 0;
    if (argc > 2 && str_i64(str_of(argv[2]), &port)) return fail("port");
    struct log_conf log_conf = {.env = env_real(), .url = argv[1]};
    sigset_t set;
    int got;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (log_open(&log, &log_conf)) return fail("log");
    struct registry_conf registry_conf = {.env = env_real(), .url = "embedded:", .log = log};
    if (registry_open(&registry, &registry_conf)) return fail("registry");
    if (loop_open(&loop, env_real(), "registry")) return fail("loop");
    struct regserver_conf conf = {registry, "127.0.0.1", (uint16_t)port, NULL};
    if (regserver_open(&server, loop, &conf)) return fail("server");
    if (loop_start(loop)) return fail("thread");
    printf("port %u\n", regserver_port(server));
    fflush(stdout);
    sigwait(&set, &got);
    loop_stop(loop);
    regserver_close(server);
    loop_close(loop);
    registry_close(registry);
    log_close(log);
    return 0;
}
