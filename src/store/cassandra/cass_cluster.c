/* cass_cluster.c - hosts: found, dialled, lost, dialled again; the ring; the control connection.
 *
 * The first node that answers becomes control: it is registered for events and asked for
 * system.local and system.peers_v2 (system.peers where there is none). What they list of the local
 * datacenter is connected to, the rest is let go. When the control connection is lost another takes
 * its place, and everything that may have been missed meanwhile is looked at again. */
#include "store/cassandra/cass_cluster.h"

#include "base/diag.h"
#include "base/err.h"
#include "net/tlsclient.h"
#include "store/cassandra/cass_int.h"
#include "store/cassandra/cass_rows.h"
#include "wire/cql/cqlask.h"
#include "wire/cql/cqlframe.h"
#include "wire/cql/cqlmsg.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

#define TICK_US        50000
#define BACKOFF_US     100000
#define BACKOFF_MAX_US 10000000
#define LOOK_US        1000000  /* after an event: nodes speak of what is not ready yet */
#define LONELY_US      5000000  /* without a node: names are looked up again */
#define RESOLVE_US     10000000
#define NAME_ADDR_MAX  8
#define ASK_MAX        (64 * KIB)
#define EVENTS (CQLMSG_TOPOLOGY_CHANGE | CQLMSG_STATUS_CHANGE | CQLMSG_SCHEMA_CHANGE)

static void dial(void *arg);
static void look(struct cass_cluster *cluster);

/* ---- hosts ----------------------------------------------------------------------------------- */

static struct cass_host *host_find(struct cass_cluster *cluster, const char *addr, uint16_t port) {
    for (size_t i = 0; i < cluster->host_cnt; i++) {
        struct cass_host *host = cluster->host[i];
        if (host->port == port && strcmp(host->addr, addr) == 0) return host;
    }
    return NULL;
}

static struct cass_host *host_add(struct cass_cluster *cluster, const char *addr, uint16_t port,
                                  const char *name) {
    struct cass_host *host = host_find(cluster, addr, port);
    if (host || cluster->host_cnt == CASS_CLUSTER_HOST_MAX) return host;
    host = base_calloc(1, sizeof *host);
    host->cluster = cluster;
    host->idx = (uint32_t)cluster->host_cnt;
    host->port = port;
    host->backoff_us = BACKOFF_US;
    snprintf(host->addr, sizeof host->addr, "%s", addr);
    snprintf(host->name, sizeof host->name, "%s", name);
    cluster->host[cluster->host_cnt++] = host;
    return host;
}

static void count_ready(struct cass_cluster *cluster) {
    bool any = false;
    for (size_t i = 0; i < cluster->host_cnt && !any; i++)
        any = cluster->host[i]->wanted && cass_conn_ready(cluster->host[i]->conn);
    if (any) cluster->lonely_us = 0;
    else if (!cluster->lonely_us) cluster->lonely_us = env_mono_us(cluster->env);
    if (any) cluster->fatal = 0;
    pthread_mutex_lock(&cluster->lock);
    snprintf(cluster->why, sizeof cluster->why, "%s", any ? "" : cluster->trouble);
    pthread_mutex_unlock(&cluster->lock);
    atomic_store(&cluster->any_ready, any && cluster->joined);
}

static void want(struct cass_host *host) {
    host->wanted = true;
    if (!host->conn && !host->again) dial(host);
}

static void let_go(struct cass_host *host) {
    struct cass_conn *conn = host->conn;
    host->wanted = false;
    host->conn = NULL;
    loop_timer_free(host->again);
    host->again = NULL;
    cass_conn_close(conn);
}

/* ---- flushing -------------------------------------------------------------------------------- */

static void flush_all(void *arg) {
    struct cass_cluster *cluster = arg;
    cluster->flush_posted = false;
    for (size_t i = 0; i < cluster->host_cnt; i++)
        if (cass_conn_ready(cluster->host[i]->conn)) cass_conn_flush(cluster->host[i]->conn);
}

/* At the end of this turn, so that all it has to send goes at once. */
void cass_cluster_flush_soon(struct cass_cluster *cluster) {
    if (cluster->flush_posted) return;
    cluster->flush_posted = true;
    loop_post(cluster->loop, flush_all, cluster);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void become_control(struct cass_host *host) {
    struct cass_cluster *cluster = host->cluster;
    cluster->control = host;
    atomic_store(&cluster->news, true);
    cluster->ask_again = cluster->asking;
    if (!cluster->asking) look(cluster);
}

static void on_open(void *self, struct cass_conn *conn) {
    struct cass_host *host = self;
    struct cass_cluster *cluster = host->cluster;
    (void)conn;
    host->backoff_us = BACKOFF_US;
    diag_info("store", "connected to %s:%u", host->addr, host->port);
    if (!cluster->control) become_control(host);
    count_ready(cluster);
    cass_call_pump(cluster);
}

static void bury(void *arg) {
    struct cass_cluster *cluster = arg;
    while (cluster->grave) {
        struct cass_grave *grave = cluster->grave;
        cluster->grave = grave->next;
        cass_conn_close(grave->conn);
        base_free(grave);
    }
}

static void on_gone(void *self, struct cass_conn *conn, int err) {
    struct cass_host *host = self;
    struct cass_cluster *cluster = host->cluster;
    if (host->conn != conn) return; /* let go of */
    bool lower = cass_conn_downgrade(conn);
    if (lower) {
        atomic_store(&cluster->version, 4);
    } else {
        snprintf(cluster->trouble, sizeof cluster->trouble, "%s:%u: %s", host->addr, host->port,
                 cass_conn_why(conn));
        diag_warn("store", "%s", cluster->trouble);
        if (!err_retry(err)) cluster->fatal = err;
    }
    host->conn = NULL;
    struct cass_grave *grave = base_alloc(sizeof *grave);
    *grave = (struct cass_grave){cluster->grave, conn};
    cluster->grave = grave;
    loop_post(cluster->loop, bury, cluster);
    if (cluster->control == host) {
        cluster->control = NULL;
        for (size_t i = 0; i < cluster->host_cnt && !cluster->control; i++)
            if (cass_conn_ready(cluster->host[i]->conn)) become_control(cluster->host[i]);
    }
    if (host->wanted && !host->again) {
        int64_t pause = lower ? 1 : host->backoff_us;
        if (!lower) host->backoff_us = MIN(2 * host->backoff_us, (int64_t)BACKOFF_MAX_US);
        pause += (int64_t)(env_random_u64(cluster->env) % (uint64_t)(pause / 4 + 1));
        host->again = loop_after(cluster->loop, pause, dial, host);
    }
    count_ready(cluster);
}

static void look_soon(void *arg) {
    struct cass_cluster *cluster = arg;
    cluster->look_timer = NULL;
    for (size_t i = 0; i < cluster->host_cnt; i++) { /* an UP may be of one that is waited for */
        struct cass_host *host = cluster->host[i];
        if (!host->wanted || host->conn) continue;
        loop_timer_free(host->again);
        host->again = NULL;
        dial(host);
    }
    if (cluster->asking) cluster->ask_again = true;
    else if (cluster->control) look(cluster);
}

static void on_event(void *self, struct cass_conn *conn, struct str body) {
    struct cass_host *host = self;
    struct cass_cluster *cluster = host->cluster;
    struct cqlreply_event event;
    (void)conn;
    if (cqlreply_event(body, &event)) return;
    if (event.kind == CQLMSG_SCHEMA_CHANGE) atomic_store(&cluster->news, true);
    else if (!cluster->look_timer)
        cluster->look_timer = loop_after(cluster->loop, LOOK_US, look_soon, cluster);
}

static void dial(void *arg) {
    struct cass_host *host = arg;
    struct cass_cluster *cluster = host->cluster;
    struct cass_conn_conf conf = {
        .loop = cluster->loop, .url = cluster->url, .tls = cluster->tls, .addr = host->addr,
        .name = host->name, .port = host->port, .version = cass_cluster_version(cluster),
        .self = host, .on_open = on_open, .on_gone = on_gone, .on_event = on_event};
    host->again = NULL;
    assert(!host->conn);
    if (cass_conn_open(&host->conn, &conf)) {
        snprintf(cluster->trouble, sizeof cluster->trouble, "%s", err_note());
        host->conn = NULL;
        host->wanted = false;
    }
}

/* ---- the ring -------------------------------------------------------------------------------- */

static bool address_of(struct str bytes, char out[64]) {
    if (bytes.len == 4) return inet_ntop(AF_INET, bytes.ptr, out, 64) != NULL;
    return bytes.len == 16 && inet_ntop(AF_INET6, bytes.ptr, out, 64) != NULL;
}

static bool is_any(const char *addr) {
    return strcmp(addr, "0.0.0.0") == 0 || strcmp(addr, "::") == 0;
}

/* set<text> of decimal numbers */
static void add_tokens(struct cass_cluster *cluster, struct str tokens, uint32_t host) {
    struct rbuf in = rbuf_of_str(tokens);
    int32_t claimed = rbuf_i32(&in);
    size_t cnt = rbuf_count(&in, claimed, 5);
    for (size_t i = 0; i < cnt && !in.bad; i++) {
        int64_t token;
        int32_t len = rbuf_i32(&in);
        struct str text = rbuf_bytes(&in, rbuf_count(&in, len, 1));
        if (!str_i64(text, &token)) cass_ring_add(&cluster->ring, token, host);
    }
}

static void note_host(struct cass_host *host, const struct cass_rows *rows) {
    struct cass_cluster *cluster = host->cluster;
    struct str dc = cass_rows_get(rows, "data_center");
    snprintf(host->dc, sizeof host->dc, "%.*s", STR_ARG(dc));
    host->known = true;
    pthread_mutex_lock(&cluster->lock);
    if (!*cluster->dc) snprintf(cluster->dc, sizeof cluster->dc, "%.*s", STR_ARG(dc));
    bool local = strcmp(host->dc, cluster->dc) == 0;
    pthread_mutex_unlock(&cluster->lock);
    if (local) add_tokens(cluster, cass_rows_get(rows, "tokens"), host->idx);
}

static void note_peer(struct cass_cluster *cluster, const struct cass_rows *rows) {
    char addr[64];
    struct str native = cass_rows_get(rows, cluster->old_peers ? "rpc_address" : "native_address");
    struct str peer = cass_rows_get(rows, "peer");
    int32_t port = cass_rows_int(rows, "native_port");
    if (!cass_rows_get(rows, "host_id").ptr) return; /* not joined yet */
    if ((!address_of(native, addr) || is_any(addr)) && !address_of(peer, addr)) return;
    if (port <= 0 || port > UINT16_MAX) port = cluster->control->port;
    struct cass_host *host = host_add(cluster, addr, (uint16_t)port, addr);
    if (host) note_host(host, rows);
}

/* Connects to what is there and local; lets go of the rest. */
static void settle(struct cass_cluster *cluster) {
    size_t local = 0;
    cass_ring_sort(&cluster->ring);
    cluster->joined = true;
    for (size_t i = 0; i < cluster->host_cnt; i++)
        local += cluster->host[i]->known && strcmp(cluster->host[i]->dc, cluster->dc) == 0;
    if (!local) {
        cluster->fatal = ERR_CONFIG;
        snprintf(cluster->trouble, sizeof cluster->trouble, "there is no datacenter \"%s\": the "
                 "nodes are in \"%s\"", cluster->dc, cluster->control->dc);
    }
    for (size_t i = 0; i < cluster->host_cnt; i++) {
        struct cass_host *host = cluster->host[i];
        if (host->known && strcmp(host->dc, cluster->dc) == 0) want(host);
        else if (host == cluster->control) host->wanted = false; /* only to be asked */
        else let_go(host);
    }
    count_ready(cluster);
    cass_call_pump(cluster);
}

static void asked(struct cass_cluster *cluster, int err) {
    cluster->asking = false;
    if (err) diag_warn("store", "the ring cannot be read: %s", err_note());
    else settle(cluster);
    arena_reset(&cluster->ask_arena);
    bool again = (cluster->ask_again || (err && !cluster->joined)) && cluster->control;
    cluster->ask_again = false;
    if (again && !cluster->look_timer)
        cluster->look_timer = loop_after(cluster->loop, LOOK_US, look_soon, cluster);
}

static void ask(struct cass_cluster *cluster, size_t which, enum cqlframe_op opcode,
                const char *text, int (*take)(struct cass_call *, const struct cass_answer *)) {
    struct cqlframe head = {.version = cass_cluster_version(cluster), .opcode = opcode};
    struct cqlask_params params = {.consistency = 1};
    buf_reset(&cluster->ask_frame);
    size_t pos = cqlframe_begin(&cluster->ask_frame, &head);
    if (text) cqlask_query(&cluster->ask_frame, head.version, str_of(text), &params);
    else cqlask_register(&cluster->ask_frame, EVENTS);
    cqlframe_end(&cluster->ask_frame, pos, CQLFRAME_PLAIN);
    cluster->ask[which] = (struct cass_call){.req.frame = buf_str(&cluster->ask_frame),
                                             .take = take, .pin = cluster->control};
    cass_call_start(cluster, &cluster->ask[which]);
}

static int take_peers(struct cass_call *call, const struct cass_answer *answer) {
    struct cass_cluster *cluster = call->cluster;
    struct cass_rows rows;
    if (!answer && !cluster->old_peers && cass_conn_ready(call->pin->conn)) {
        cluster->old_peers = true; /* a node before 4.0 */
        ask(cluster, 1, CQLFRAME_QUERY, "SELECT * FROM system.peers", take_peers);
        return 0;
    }
    int err = answer ? cass_rows_open(&rows, answer, &cluster->ask_arena) : ERR_NET;
    if (!err && cluster->control != call->pin) err = err_fail(ERR_NET, "it was lost meanwhile");
    while (!err && cass_rows_next(&rows, &err))
        note_peer(cluster, &rows);
    asked(cluster, err);
    return 0;
}

static int take_local(struct cass_call *call, const struct cass_answer *answer) {
    struct cass_cluster *cluster = call->cluster;
    struct cass_rows rows;
    int err = answer ? cass_rows_open(&rows, answer, &cluster->ask_arena) : ERR_NET;
    if (!err && cluster->control != call->pin) err = err_fail(ERR_NET, "it was lost meanwhile");
    if (!err && !cass_rows_next(&rows, &err) && !err)
        err = err_fail(ERR_CORRUPT, "system.local is empty");
    if (err) {
        asked(cluster, err);
        return 0;
    }
    for (size_t i = 0; i < cluster->host_cnt; i++)
        cluster->host[i]->known = false;
    cass_ring_reset(&cluster->ring);
    note_host(call->pin, &rows);
    ask(cluster, 1, CQLFRAME_QUERY,
        cluster->old_peers ? "SELECT * FROM system.peers" : "SELECT * FROM system.peers_v2",
        take_peers);
    return 0;
}

static int take_register(struct cass_call *call, const struct cass_answer *answer) {
    struct cass_cluster *cluster = call->cluster;
    if (!answer || cluster->control != call->pin) asked(cluster, ERR_NET);
    else
        ask(cluster, 0, CQLFRAME_QUERY, "SELECT * FROM system.local WHERE key='local'", take_local);
    return 0;
}

static void look(struct cass_cluster *cluster) {
    assert(cluster->control && !cluster->asking);
    cluster->asking = true;
    cluster->old_peers = false;
    ask(cluster, 0, CQLFRAME_REGISTER, NULL, take_register);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* The addresses of the nodes in the url, which may block; *why is set when there is none. */
static int resolve(struct cass_cluster *cluster) {
    const struct cass_url *url = cluster->url;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all;
    int err = ERR_NET;
    cluster->resolved_us = env_mono_us(cluster->env);
    for (size_t i = 0; i < url->node_cnt; i++) {
        int code = getaddrinfo(url->node[i].host, NULL, &hints, &all);
        if (code) {
            snprintf(cluster->trouble, sizeof cluster->trouble, "%s: %s", url->node[i].host,
                     gai_strerror(code));
            continue;
        }
        size_t cnt = 0;
        for (struct addrinfo *it = all; it && cnt < NAME_ADDR_MAX; it = it->ai_next, cnt++) {
            char addr[NI_MAXHOST];
            if (getnameinfo(it->ai_addr, it->ai_addrlen, addr, sizeof addr, NULL, 0,
                            NI_NUMERICHOST) || strlen(addr) >= sizeof cluster->host[0]->addr)
                continue;
            struct cass_host *host = host_add(cluster, addr, url->node[i].port, url->node[i].host);
            if (host) host->wanted = true;
            err = 0;
        }
        freeaddrinfo(all);
    }
    return err;
}

static void on_tick(void *arg) {
    struct cass_cluster *cluster = arg;
    int64_t now = env_mono_us(cluster->env);
    cass_call_tick(cluster);
    if (!cluster->lonely_us || now - cluster->lonely_us < LONELY_US ||
        now - cluster->resolved_us < RESOLVE_US)
        return;
    size_t before = cluster->host_cnt;
    if (resolve(cluster)) return;
    for (size_t i = before; i < cluster->host_cnt; i++) want(cluster->host[i]);
}

/* ---- open and close -------------------------------------------------------------------------- */

static int open_tls(struct cass_cluster *cluster) {
    const struct cass_url *url = cluster->url;
    struct tlsclient_conf conf = {url->ca_file, url->cert_file, url->key_file, url->any_name};
    return url->tls ? tlsclient_open(&cluster->tls, &conf) : 0;
}

static void start(void *arg) {
    struct cass_cluster *cluster = arg;
    cluster->lonely_us = env_mono_us(cluster->env);
    count_ready(cluster);
    for (size_t i = 0; i < cluster->host_cnt; i++) want(cluster->host[i]);
}

/* A call to nowhere in particular: it is answered once there is a node. */
int cass_cluster_wait(struct cass_cluster *cluster, int64_t wait_us) {
    struct cass_question question = {STR("SELECT key FROM system.local WHERE key='local'"), false,
                                     wait_us};
    int64_t until = env_mono_us(cluster->env) + wait_us;
    struct arena arena = ARENA_INIT;
    struct cass_answer answer;
    int err;
    do {
        err = cass_call_ask(cluster, &question, &arena, &answer);
    } while (err == ERR_AGAIN && env_mono_us(cluster->env) < until);
    arena_fini(&arena);
    return err;
}

int cass_cluster_open(struct cass_cluster **out, struct env *env, const struct cass_url *url) {
    struct cass_cluster *cluster = base_calloc(1, sizeof *cluster);
    cluster->env = env;
    cluster->url = url;
    cluster->ready.last = &cluster->ready.first;
    cluster->later.last = &cluster->later.first;
    atomic_store(&cluster->version, (uint8_t)url->protocol);
    buf_init(&cluster->ask_frame, ASK_MAX);
    CHECK(pthread_mutex_init(&cluster->lock, NULL) == 0);
    snprintf(cluster->dc, sizeof cluster->dc, "%.*s", STR_ARG(url->dc));
    int err = open_tls(cluster);
    if (!err) err = loop_open(&cluster->loop, env, "cassandra");
    if (!err) {
        (void)resolve(cluster); /* names that cannot be looked up now may be later */
        cluster->tick = loop_every(cluster->loop, TICK_US, on_tick, cluster);
        err = loop_start(cluster->loop);
    }
    if (err) {
        cass_cluster_close(cluster);
        return err;
    }
    loop_post(cluster->loop, start, cluster);
    *out = cluster;
    return 0;
}

void cass_cluster_stop(struct cass_cluster *cluster) {
    atomic_store(&cluster->stopping, true); /* the next tick looks */
}

void cass_cluster_close(struct cass_cluster *cluster) {
    char note[ERR_NOTE_MAX]; /* why it is closed is worth more than what closing says */
    if (!cluster) return;
    snprintf(note, sizeof note, "%s", err_note());
    if (cluster->loop) loop_stop(cluster->loop);
    loop_timer_free(cluster->look_timer);
    loop_timer_free(cluster->tick);
    for (size_t i = 0; i < cluster->host_cnt; i++) let_go(cluster->host[i]);
    bury(cluster);
    cluster->look_timer = NULL;
    cass_call_stop(cluster);
    loop_timer_free(cluster->look_timer);
    loop_close(cluster->loop);
    for (size_t i = 0; i < cluster->host_cnt; i++) base_free(cluster->host[i]);
    tlsclient_close(cluster->tls);
    cass_ring_fini(&cluster->ring);
    arena_fini(&cluster->ask_arena);
    buf_fini(&cluster->ask_frame);
    pthread_mutex_destroy(&cluster->lock);
    base_free(cluster);
    err_fail(ERR_STOPPED, "%s", note);
}

uint8_t cass_cluster_version(const struct cass_cluster *cluster) {
    return atomic_load(&cluster->version);
}

struct str cass_cluster_dc(const struct cass_cluster *cluster) {
    return str_of(cluster->dc); /* set once, before the first call is answered */
}

const struct cass_url *cass_cluster_url(const struct cass_cluster *cluster) {
    return cluster->url;
}

struct env *cass_cluster_env(const struct cass_cluster *cluster) {
    return cluster->env;
}

bool cass_cluster_ready(const struct cass_cluster *cluster) {
    return atomic_load(&cluster->any_ready);
}

int cass_cluster_state(struct cass_cluster *cluster) {
    char why[sizeof cluster->why];
    if (cass_cluster_ready(cluster)) return 0;
    pthread_mutex_lock(&cluster->lock);
    memcpy(why, cluster->why, sizeof why);
    pthread_mutex_unlock(&cluster->lock);
    return err_fail(ERR_NET, "no node of Cassandra can be used: %s",
                    *why ? why : "none has answered yet");
}

bool cass_cluster_news(struct cass_cluster *cluster) {
    return atomic_load(&cluster->news) && atomic_exchange(&cluster->news, false);
}

void cass_cluster_on_forgotten(struct cass_cluster *cluster, void *self,
                               bool (*text)(void *self, struct str id, struct buf *out)) {
    cluster->forgot_self = self;
    cluster->forgot = text;
}
