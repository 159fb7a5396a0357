/* cql_server_main.c - a CQL server alone, for tests of drivers against the store.
 *
 *   cql_server URL [port [threads]]
 *
 * URL is the store's: "mem:", "embedded:DIR", or "relaxed:DIR" (embedded, without a sync a commit).
 * Prints "port N" once it answers; SIGTERM or SIGINT ends it in order. */
#include "base/err.h"
#include "store/server/cqlserver.h"

#include <signal.h>
#include <stdio.h>

static int run(const char *url, uint16_t port, size_t threads) {
    struct env *env = env_real();
    struct store_conf store_conf = {.env = env, .url = url};
    struct cqlserver_conf conf = {.env = env, .port = port, .threads = threads};
    struct store *store = NULL;
    struct loop *loop = NULL;
    struct cqlserver *server = NULL;
    char embedded[1024];
    sigset_t stop;
    int sig;
    if (strncmp(url, "relaxed:", 8) == 0) {
        snprintf(embedded, sizeof embedded, "embedded:%s", url + 8);
        store_conf.url = embedded;
        store_conf.relaxed = true;
    }
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    int err = store_open(&store, &store_conf);
    if (!err) err = loop_open(&loop, env, "cql");
    if (!err) err = cqlserver_open(&server, loop, store, &conf);
    if (!err) err = loop_start(loop);
    if (!err) {
        printf("port %u\n", cqlserver_port(server));
        fflush(stdout);
        sigwait(&stop, &sig);
        loop_stop(loop);
    } else {
        fprintf(stderr, "cql_server: %s\n", err_note());
    }
    cqlserver_close(server);
    loop_close(loop);
    store_close(store);
    return err ? 1 : 0;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: cql_server URL [port [threads]]\n");
        return 2;
    }
    int64_t port = 0, threads = 0;
    if (argc > 2 && str_i64(str_of(argv[2]), &port)) return 2;
    if (argc > 3 && str_i64(str_of(argv[3]), &threads)) return 2;
    return run(argv[1], (uint16_t)port, (size_t)threads);
}
