/* server.c - a listener and the list of its connections. */
#include "net/server.h"

#include "base/diag.h"
#include "base/err.h"
#include "net/addr.h"
#include "net/gate.h"

#include <arpa/inet.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

struct link {
    struct server *server;
    struct link *prev, *next;
    struct conn *conn;
};

struct server {
    struct loop *loop;
    struct server_conf conf;
    struct evconnlistener *listener;
    struct gate *gate;
    uint16_t port;
    struct link *first;
    size_t conn_cnt;
};

static void unlink_conn(void *arg) {
    struct link *link = arg;
    struct server *server = link->server;
    if (link->prev) link->prev->next = link->next;
    else server->first = link->next;
    if (link->next) link->next->prev = link->prev;
    server->conn_cnt--;
    base_free(link);
}

static void on_accept(struct evconnlistener *listener UNUSED, evutil_socket_t fd,
                      struct sockaddr *addr, int len UNUSED, void *arg) {
    struct server *server = arg;
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)addr;
    char ip[INET_ADDRSTRLEN] = "?", peer[64];
    int one = 1;
    if (server->conn_cnt >= SERVER_CONN_MAX) {
        diag_warn("net", "port %u: more than %d connections, a new one is refused", server->port,
                  SERVER_CONN_MAX);
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    inet_ntop(AF_INET, &in->sin_addr, ip, sizeof ip);
    snprintf(peer, sizeof peer, "%s:%u", ip, ntohs(in->sin_port));
    struct link *link = base_calloc(1, sizeof *link);
    link->server = server;
    link->next = server->first;
    if (server->first) server->first->prev = link;
    server->first = link;
    server->conn_cnt++;
    struct conn_conf *conf = &server->conf.conn;
    link->conn = conn_open(server->loop, fd, conf, peer, unlink_conn, link);
    if (conf->on_open && conf->on_open(conf->self, link->conn)) conn_abort(link->conn);
}

int server_open(struct server **out, struct loop *loop, const struct server_conf *conf) {
    struct server *server = base_calloc(1, sizeof *server);
    server->loop = loop;
    server->conf = *conf;
    server->port = conf->port;
    int fd, err = addr_listen(conf->host, &server->port, &fd);
    if (err) {
        base_free(server);
        return err;
    }
    server->listener = evconnlistener_new(loop_base(loop), on_accept, server,
                                          LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    CHECK(server->listener);
    server->gate = gate_open(loop, server->listener, server->port);
    *out = server;
    return 0;
}

void server_close(struct server *server) {
    if (!server) return;
    gate_close(server->gate);
    evconnlistener_free(server->listener);
    while (server->first) conn_abort(server->first->conn);
    base_free(server);
}

uint16_t server_port(const struct server *server) {
    return server->port;
}

size_t server_conn_cnt(const struct server *server) {
    return server->conn_cnt;
}

