/* cqlserver_bench.c - prepared inserts and selects over the CQL protocol, one client thread.
 *
 *   cqlserver_bench [URL [rows [in-flight]]]       its own server on a store: "mem:" by default
 *   cqlserver_bench HOST:PORT [rows [in-flight]]   somebody else's server: IPv4 only
 *
 * Rows of 200 bytes by a bigint key, on 4 connections, each with its share of the requests in
 * flight. Printed: operations a second, CPU an operation (with its own server: of both sides),
 * median and 99th percentile of the time from request to answer. */
#include "base/err.h"
#include "base/rbuf.h"
#include "store/server/cqlserver.h"
#include "wire/cql/cqlframe.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONN_CNT   4
#define VALUE_LEN  200
#define WINDOW_MAX 1024
#define IN_MAX     (1 * MIB)
#define OUT_MAX    (4 * MIB)

struct peer {
    int fd;
    char *in;
    size_t in_len;
    struct buf out;
    size_t out_pos;
    int64_t sent_us[WINDOW_MAX]; /* by stream */
    int16_t free_stream[WINDOW_MAX];
    size_t free_cnt;
};

static struct peer peers[CONN_CNT];
static struct sockaddr_in addr;
static int64_t *took_us;
static size_t took_cnt;

static void die(const char *what) {
    fprintf(stderr, "cqlserver_bench: %s\n", what);
    exit(1);
}

/* ---- one request at a time, for the set-up ---- */

static void read_all(int fd, char *at, size_t len) {
    while (len > 0) {
        ssize_t got = recv(fd, at, len, 0);
        if (got <= 0) die("the server closed the connection");
        at += got;
        len -= (size_t)got;
    }
}

static size_t begin(struct buf *out, int16_t stream, uint8_t opcode) {
    struct cqlframe head = {.version = 4, .stream = stream, .opcode = opcode};
    return cqlframe_begin(out, &head);
}

/* Sends what is in `out` and reads the answer into peer->in; returns its body's length. */
static size_t ask(struct peer *peer) {
    if (send(peer->fd, peer->out.ptr, peer->out.len, 0) != (ssize_t)peer->out.len) die("send");
    buf_reset(&peer->out);
    read_all(peer->fd, peer->in, CQLFRAME_HEAD_LEN);
    size_t len = cqlframe_len((unsigned char *)peer->in);
    if (len > IN_MAX) die("a long answer");
    read_all(peer->fd, peer->in + CQLFRAME_HEAD_LEN, len - CQLFRAME_HEAD_LEN);
    if (peer->in[4] == CQLFRAME_ERROR) {
        fprintf(stderr, "cqlserver_bench: %.*s\n", (int)len - 15, peer->in + 15);
        exit(1);
    }
    return len - CQLFRAME_HEAD_LEN;
}

static void run_text(struct peer *peer, const char *text) {
    size_t pos = begin(&peer->out, 0, CQLFRAME_QUERY);
    buf_i32(&peer->out, (int32_t)strlen(text));
    buf_putz(&peer->out, text);
    buf_i16(&peer->out, 1);
    buf_i8(&peer->out, 0);
    cqlframe_end(&peer->out, pos, CQLFRAME_PLAIN);
    ask(peer);
}

static void prepare(struct peer *peer, const char *text, char id[16]) {
    size_t pos = begin(&peer->out, 0, CQLFRAME_PREPARE);
    buf_i32(&peer->out, (int32_t)strlen(text));
    buf_putz(&peer->out, text);
    cqlframe_end(&peer->out, pos, CQLFRAME_PLAIN);
    struct rbuf in = rbuf_of(peer->in + CQLFRAME_HEAD_LEN, ask(peer));
    rbuf_skip(&in, 4);
    if (rbuf_u16(&in) != 16) die("an id that is not 16 bytes");
    memcpy(id, rbuf_bytes(&in, 16).ptr, 16);
}

static void dial(struct peer *peer) {
    int one = 1;
    peer->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(peer->fd, (struct sockaddr *)&addr, sizeof addr)) die("connect");
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peer->in = base_alloc(IN_MAX);
    buf_init(&peer->out, OUT_MAX);
    size_t pos = begin(&peer->out, 0, CQLFRAME_STARTUP);
    buf_put(&peer->out, "\0\1\0\13CQL_VERSION\0\0053.0.0", 22);
    cqlframe_end(&peer->out, pos, CQLFRAME_PLAIN);
    ask(peer);
}

/* ---- many at once ---- */

static void put_request(struct peer *peer, const char id[16], int64_t key, bool insert) {
    static const char value[VALUE_LEN] = "v";
    int16_t stream = peer->free_stream[--peer->free_cnt];
    size_t pos = begin(&peer->out, stream, CQLFRAME_EXECUTE);
    buf_i16(&peer->out, 16);
    buf_put(&peer->out, id, 16);
    buf_i16(&peer->out, 1);
    buf_i8(&peer->out, 1 | 2); /* values; no columns in the answer */
    buf_i16(&peer->out, insert ? 2 : 1);
    buf_i32(&peer->out, 8);
    buf_i64(&peer->out, key);
    if (insert) {
        buf_i32(&peer->out, VALUE_LEN);
        buf_put(&peer->out, value, VALUE_LEN);
    }
    cqlframe_end(&peer->out, pos, CQLFRAME_PLAIN);
    peer->sent_us[stream] = env_mono_us(env_real());
}

static size_t take_answers(struct peer *peer) {
    ssize_t got = recv(peer->fd, peer->in + peer->in_len, IN_MAX - peer->in_len, MSG_DONTWAIT);
    if (got == 0) die("the server closed the connection");
    if (got > 0) peer->in_len += (size_t)got;
    size_t at = 0, cnt = 0;
    int64_t now = env_mono_us(env_real());
    while (peer->in_len - at >= CQLFRAME_HEAD_LEN) {
        struct cqlframe frame;
        size_t len = cqlframe_len((unsigned char *)peer->in + at);
        if (peer->in_len - at < len) break;
        if (cqlframe_decode((struct str){peer->in + at, len}, &frame)) die("a bad frame");
        if (frame.opcode != CQLFRAME_RESULT) die("an error");
        took_us[took_cnt++] = now - peer->sent_us[frame.stream];
        peer->free_stream[peer->free_cnt++] = frame.stream;
        at += len;
        cnt++;
    }
    memmove(peer->in, peer->in + at, peer->in_len - at);
    peer->in_len -= at;
    return cnt;
}

static void put_out(struct peer *peer) {
    ssize_t put = send(peer->fd, peer->out.ptr + peer->out_pos, peer->out.len - peer->out_pos,
                       MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put > 0) peer->out_pos += (size_t)put;
    if (peer->out_pos < peer->out.len) return;
    buf_reset(&peer->out);
    peer->out_pos = 0;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double cpu_s(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void run_many(const char id[16], int64_t rows, size_t window, bool insert) {
    struct pollfd fds[CONN_CNT];
    int64_t next = 0, done = 0, began = env_mono_us(env_real());
    double cpu = cpu_s();
    took_cnt = 0;
    for (size_t i = 0; i < CONN_CNT; i++) {
        peers[i].free_cnt = 0;
        for (size_t s = 0; s < window / CONN_CNT; s++)
            peers[i].free_stream[peers[i].free_cnt++] = (int16_t)s;
    }
    while (done < rows) {
        for (size_t i = 0; i < CONN_CNT; i++) {
            while (next < rows && peers[i].free_cnt > 0) {
                int64_t key = (int64_t)((uint64_t)next++ * 0x9E3779B97F4A7C15u >> 20) % rows;
                put_request(&peers[i], id, key, insert);
            }
            if (peers[i].out.len) put_out(&peers[i]);
            fds[i] = (struct pollfd){peers[i].fd, POLLIN, 0};
            if (peers[i].out.len) fds[i].events |= POLLOUT;
        }
        if (poll(fds, CONN_CNT, 10000) <= 0) die("no answer in 10 s");
        for (size_t i = 0; i < CONN_CNT; i++)
            if (fds[i].revents & POLLIN) done += (int64_t)take_answers(&peers[i]);
    }
    double s = (double)(env_mono_us(env_real()) - began) / 1e6;
    cpu = cpu_s() - cpu;
    qsort(took_us, took_cnt, sizeof *took_us, by_size);
    printf("%s %" PRId64 " rows, %zu in flight: %.0f/s, %.1f us of CPU, p50 %.2f ms, p99 %.2f ms\n",
           insert ? "insert" : "select", rows, window, (double)rows / s,
           cpu * 1e6 / (double)rows, (double)took_us[took_cnt / 2] / 1e3,
           (double)took_us[took_cnt * 99 / 100] / 1e3);
}

static void load(int64_t rows, size_t window) {
    char insert[16], select[16];
    took_us = base_calloc((size_t)rows, sizeof *took_us);
    for (size_t i = 0; i < CONN_CNT; i++) dial(&peers[i]);
    run_text(&peers[0], "CREATE KEYSPACE IF NOT EXISTS bench WITH replication = "
                        "{'class': 'SimpleStrategy', 'replication_factor': 1}");
    run_text(&peers[0], "CREATE TABLE IF NOT EXISTS bench.kv (k bigint PRIMARY KEY, v blob)");
    prepare(&peers[0], "INSERT INTO bench.kv (k, v) VALUES (?, ?)", insert);
    prepare(&peers[0], "SELECT v FROM bench.kv WHERE k = ?", select);
    run_many(insert, rows, window, true);
    run_many(select, rows, window, false);
    for (size_t i = 0; i < CONN_CNT; i++) {
        close(peers[i].fd);
        base_free(peers[i].in);
        buf_fini(&peers[i].out);
    }
    base_free(took_us);
}

int main(int argc, char **argv) {
    const char *where = argc > 1 ? argv[1] : "mem:";
    int64_t rows = 100000, window = 128;
    struct cqlserver_conf conf = {.env = env_real()};
    struct store_conf store_conf = {.env = env_real(), .url = where};
    struct store *store = NULL;
    struct loop *loop = NULL;
    struct cqlserver *server = NULL;
    if (argc > 2 && str_i64(str_of(argv[2]), &rows)) die("rows is not a number");
    if (argc > 3 && str_i64(str_of(argv[3]), &window)) die("in-flight is not a number");
    if (rows < 1 || window < CONN_CNT || window > WINDOW_MAX) die("1.. rows, 4..1024 in flight");
    struct str port, host = str_cut(str_of(where), ':', &port);
    int64_t number = 0;
    char text[32];
    snprintf(text, sizeof text, "%.*s", STR_ARG(host));
    addr.sin_family = AF_INET;
    if (inet_pton(AF_INET, text, &addr.sin_addr) == 1 && !str_i64(port, &number)) {
        addr.sin_port = htons((uint16_t)number);
        load(rows, (size_t)window);
        return 0;
    }
    if (store_open(&store, &store_conf) || loop_open(&loop, env_real(), "cql") ||
        cqlserver_open(&server, loop, store, &conf) || loop_start(loop))
        die(err_note());
    addr.sin_port = htons(cqlserver_port(server));
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load(rows, (size_t)window);
    loop_stop(loop);
    cqlserver_close(server);
    loop_close(loop);
    store_close(store);
    return 0;
}
