/* kserver.c - the server as a whole: opening, connections, closing. */
#include "log/server/kserver.h"

#include "base/diag.h"
#include "base/err.h"
#include "log/server/kapi.h"
#include "log/server/kgroups.h"
#include "log/server/kreq.h"

static size_t frame_len(const unsigned char *head) {
    uint32_t len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 |
                   head[3];
    return len > INT32_MAX ? 0 : (size_t)len + 4;
}

static int on_open(void *self, struct conn *conn) {
    struct kconn *kconn = base_calloc(1, sizeof *kconn);
    kconn->server = self;
    kconn->conn = conn_ref(conn);
    kconn->open = true;
    conn_set_data(conn, kconn);
    return 0;
}

static int on_frame(void *self UNUSED, struct conn *conn, struct str frame) {
    return kreq_frame(conn_data(conn), (struct str){frame.ptr + 4, frame.len - 4});
}

static void on_close(void *self, struct conn *conn) {
    struct kserver *server = self;
    struct kconn *kconn = conn_data(conn);
    conn_set_data(conn, NULL);
    if (kconn) kreq_conn_closed(kconn);
    if (server_conn_cnt(server->server) <= 1) kreq_free_all(server); /* the last one: be small */
}

/* ---- the log moved ---- */

static void on_moved_posted(void *arg) {
    struct kserver *server = arg;
    atomic_store(&server->moved_posted, false);
    kapi_fetch_moved(server);
}

static void on_moved(void *arg) { /* committer thread */
    struct kserver *server = arg;
    if (!atomic_exchange(&server->moved_posted, true))
        loop_post(server->loop, on_moved_posted, server);
}

/* ---- open, close ---- */

static void fill_conf(struct kserver *server, const struct kserver_conf *conf) {
    struct kserver_conf *c = &server->conf;
    *c = *conf;
    if (!c->host) c->host = "127.0.0.1";
    if (!c->default_parts) c->default_parts = 1;
    if (!c->session_min_ms) c->session_min_ms = 6000;
    if (!c->session_max_ms) c->session_max_ms = 1800000;
    if (!c->offsets_retention_min) c->offsets_retention_min = 10080;
    server->advertised_host = base_strdup(c->advertised_host ? c->advertised_host : c->host);
    c->advertised_host = server->advertised_host;
}

static int check_conf(const struct kserver_conf *conf) {
    bool any = conf->host && (!strcmp(conf->host, "0.0.0.0") || !strcmp(conf->host, "::"));
    if (any && !conf->advertised_host)
        return err_fail(ERR_CONFIG, "Kafka server on %s: name the host that clients shall connect "
                        "to (advertised host)", conf->host);
    if (conf->default_parts < 0 || conf->default_parts > LOG_PART_MAX)
        return err_fail(ERR_CONFIG, "Kafka server: %d default partitions, 1 to %d are allowed",
                        conf->default_parts, LOG_PART_MAX);
    return 0;
}

static int listen_on(struct kserver *server) {
    struct server_conf conf = {
        .host = server->conf.host,
        .port = server->conf.port,
        .conn = {.head_len = 4,
                 .frame_max = KSERVER_FRAME_MAX,
                 .frame_len = frame_len,
                 .on_open = on_open,
                 .on_frame = on_frame,
                 .on_close = on_close,
                 .self = server},
    };
    int err = server_open(&server->server, server->loop, &conf);
    if (err) return err;
    server->conf.port = server_port(server->server);
    if (!server->conf.advertised_port) server->conf.advertised_port = server->conf.port;
    return 0;
}

static int list_groups(void *arg, struct arena *arena, struct log_group **out, size_t *cnt) {
    return kserver_group_list(arg, arena, out, cnt);
}

static int get_group(void *arg, struct str id, struct arena *arena, struct log_group *out) {
    return kserver_group_get(arg, id, arena, out);
}

int kserver_open(struct kserver **out, struct loop *loop, struct log *log,
                 const struct kserver_conf *conf) {
    assert(out && loop && log && conf);
    *out = NULL;
    int err = check_conf(conf);
    if (err) return err;
    struct kserver *server = base_calloc(1, sizeof *server);
    server->loop = loop;
    server->env = loop_env(loop);
    server->log = log;
    pthread_mutex_init(&server->lock, NULL);
    fill_conf(server, conf);
    ktopics_open(&server->topics);
    kapi_fetch_open(server);
    err = kgroups_open(server);
    if (!err) err = listen_on(server);
    if (err) {
        kserver_close(server);
        return err;
    }
    log_watch(log, on_moved, server);
    server->as_groups = (struct log_groups){list_groups, get_group, server};
    log_groups_from(log, &server->as_groups);
    diag_info("kafka", "listening on %s:%u", server->conf.host, server->conf.port);
    *out = server;
    return 0;
}

void kserver_close(struct kserver *server) {
    if (!server) return;
    server->closing = true;
    if (server->server) {
        log_groups_from(server->log, NULL);
        log_watch(server->log, NULL, NULL);
        server_close(server->server);
    }
    kreq_drain(server);
    kgroups_close(server);
    kapi_fetch_close(server);
    ktopics_close(server->topics);
    kreq_free_all(server);
    pthread_mutex_destroy(&server->lock);
    base_free(server->advertised_host);
    base_free(server);
}

uint16_t kserver_port(const struct kserver *server) {
    return server->conf.port;
}

size_t kserver_conn_cnt(const struct kserver *server) {
    return server_conn_cnt(server->server);
}
