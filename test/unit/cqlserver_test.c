/* cqlserver_test.c - the CQL server over a real socket, on a store of canned statements.
 *
 * The system tables here are the real ones, and each value is checked against its column's type. */
#include "support/unit.h"

#include "base/diag.h"
#include "net/loop.h"
#include "store/server/cqlddl.h"
#include "store/server/cqlserver.h"
#include "store/server/cqlsys.h"
#include "support/cqlfake.h"
#include "wire/cql/cqlframe.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX (8u << 20)

static struct store store;
static struct loop *loop;
static struct cqlserver *server;

static int set_up(void **state UNUSED) {
    struct cqlserver_conf conf = {.env = env_real(), .threads = 16};
    cqlfake_init(&store);
    assert_int_equal(loop_open(&loop, env_real(), "cql"), 0);
    assert_int_equal(cqlserver_open(&server, loop, &store, &conf), 0);
    assert_int_equal(loop_start(loop), 0);
    return 0;
}

static int tear_down(void **state UNUSED) {
    loop_stop(loop);
    cqlserver_close(server);
    loop_close(loop);
    return 0;
}

/* ---- a client ---- */

struct answer {
    struct cqlframe frame;
    char *bytes; /* malloc'd */
    struct rbuf body;
};

static int dial(void) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(cqlserver_port(server)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

static void send_all(int fd, const void *ptr, size_t len) {
    const char *at = ptr;
    while (len > 0) {
        ssize_t put = send(fd, at, len, MSG_NOSIGNAL);
        if (put <= 0) return; /* the server closed: some tests want that */
        at += put;
        len -= (size_t)put;
    }
}

static bool recv_all(int fd, char *at, size_t len) {
    while (len > 0) {
        struct pollfd wait = {fd, POLLIN, 0};
        if (poll(&wait, 1, 10000) <= 0) return false;
        ssize_t got = recv(fd, at, len, 0);
        if (got <= 0) return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

static bool receive(int fd, struct answer *out) {
    unsigned char head[CQLFRAME_HEAD_LEN];
    if (!recv_all(fd, (char *)head, sizeof head)) return false;
    size_t len = cqlframe_len(head);
    assert_true(len < BODY_MAX);
    out->bytes = malloc(len);
    memcpy(out->bytes, head, sizeof head);
    if (!recv_all(fd, out->bytes + sizeof head, len - sizeof head)) return false;
    assert_int_equal(cqlframe_decode((struct str){out->bytes, len}, &out->frame), 0);
    out->body = rbuf_of_str(out->frame.body);
    return true;
}

static void send_frame(int fd, uint8_t version, int16_t stream, uint8_t opcode,
                       const struct buf *body) {
    struct cqlframe head = {.version = version, .stream = stream, .opcode = opcode};
    struct buf out;
    buf_init(&out, BODY_MAX);
    size_t pos = cqlframe_begin(&out, &head);
    if (body) buf_put(&out, body->ptr, body->len);
    cqlframe_end(&out, pos, CQLFRAME_PLAIN);
    send_all(fd, out.ptr, out.len);
    buf_fini(&out);
}

static void put_string(struct buf *out, const char *text) {
    buf_i16(out, (int16_t)strlen(text));
    buf_putz(out, text);
}

static void send_query(int fd, int16_t stream, const char *text) {
    struct buf body;
    buf_init(&body, BODY_MAX);
    buf_i32(&body, (int32_t)strlen(text));
    buf_putz(&body, text);
    buf_i16(&body, 1);
    buf_i8(&body, 0);
    send_frame(fd, 4, stream, CQLFRAME_QUERY, &body);
    buf_fini(&body);
}

static void expect(int fd, int16_t stream, uint8_t opcode, struct answer *out) {
    assert_true(receive(fd, out));
    assert_int_equal(out->frame.stream, stream);
    assert_int_equal(out->frame.opcode, opcode);
    assert_true(out->frame.answer);
}

static void expect_error(int fd, int32_t code, const char *part) {
    struct answer answer;
    char text[512] = "";
    assert_true(receive(fd, &answer));
    assert_int_equal(answer.frame.opcode, CQLFRAME_ERROR);
    assert_int_equal(rbuf_i32(&answer.body), code);
    size_t len = rbuf_u16(&answer.body);
    struct str got = rbuf_bytes(&answer.body, len);
    snprintf(text, sizeof text, "%.*s", STR_ARG(got));
    if (!strstr(text, part)) fail_msg("'%s' is not in '%s'", part, text);
    free(answer.bytes);
}

static void expect_closed(int fd) {
    char byte;
    assert_false(recv_all(fd, &byte, 1));
    close(fd);
}

static int start_with(uint8_t version, const char *compression) {
    int fd = dial();
    struct answer answer;
    struct buf body;
    buf_init(&body, 4096);
    buf_i16(&body, compression ? 2 : 1);
    put_string(&body, "CQL_VERSION");
    put_string(&body, "3.0.0");
    if (compression) {
        put_string(&body, "COMPRESSION");
        put_string(&body, compression);
    }
    send_frame(fd, version, 7, CQLFRAME_STARTUP, &body);
    expect(fd, 7, CQLFRAME_READY, &answer);
    free(answer.bytes);
    buf_fini(&body);
    return fd;
}

static int start(void) {
    return start_with(4, NULL);
}

/* Runs a statement and returns the kind of its RESULT; `out` (may be NULL) stays to be freed. */
static int32_t query(int fd, const char *text, struct answer *out) {
    struct answer own, *answer = out ? out : &own;
    send_query(fd, 3, text);
    expect(fd, 3, CQLFRAME_RESULT, answer);
    int32_t kind = rbuf_i32(&answer->body);
    if (!out) free(own.bytes);
    return kind;
}

/* The server still answers, on a fresh connection. */
static void assert_serves(void) {
    int fd = start();
    assert_int_equal(query(fd, "ROWS 3", NULL), 2);
    close(fd);
}

/* ---- the handshake ---- */

static void cqlserver_refuses_other_versions_in_words_all_drivers_know(void **state UNUSED) {
    static const uint8_t version[] = {0x42, 0x41, 6, 5, 2, 1};
    for (size_t i = 0; i < ARRAY_LEN(version); i++) {
        int fd = dial();
        char text[160];
        struct buf body;
        buf_init(&body, 64);
        buf_i16(&body, 0);
        send_frame(fd, version[i], 0, CQLFRAME_STARTUP, &body);
        snprintf(text, sizeof text, "Invalid or unsupported protocol version (%u); the lowest "
                 "supported version is 3 and the greatest is 4", version[i]);
        expect_error(fd, 0x000A, text);
        expect_closed(fd);
        buf_fini(&body);
    }
}

static void cqlserver_tells_what_it_supports(void **state UNUSED) {
    int fd = dial();
    struct answer answer;
    send_frame(fd, 4, 9, CQLFRAME_OPTIONS, NULL);
    expect(fd, 9, CQLFRAME_SUPPORTED, &answer);
    assert_non_null(memmem(answer.bytes, answer.frame.body.len + 9, "CQL_VERSION", 11));
    assert_non_null(memmem(answer.bytes, answer.frame.body.len + 9, "COMPRESSION", 11));
    free(answer.bytes);
    close(fd);
}

static void cqlserver_wants_startup_first_and_once(void **state UNUSED) {
    int fd = dial();
    send_query(fd, 1, "ROWS 1");
    expect_error(fd, 0x000A, "Unexpected message QUERY, expecting STARTUP or OPTIONS");
    close(fd);
    fd = start();
    struct buf body;
    buf_init(&body, 64);
    buf_i16(&body, 0);
    send_frame(fd, 4, 1, CQLFRAME_STARTUP, &body);
    expect_error(fd, 0x000A, "Unexpected STARTUP");
    send_frame(fd, 4, 1, 0x77, &body);
    expect_error(fd, 0x000A, "Unknown opcode 119");
    send_frame(fd, 4, 1, CQLFRAME_AUTH_RESPONSE, &body);
    expect_error(fd, 0x000A, "Unexpected message AUTH_RESPONSE");
    send_frame(fd, 3, 1, CQLFRAME_OPTIONS, NULL);
    expect_error(fd, 0x000A, "Got 3 but previous messages on this connection had version 4");
    expect_closed(fd);
    buf_fini(&body);
}

/* ---- statements ---- */

static void cqlserver_answers_may_overtake(void **state UNUSED) {
    int fd = start();
    struct answer answer;
    send_query(fd, 1, "SLEEP 300");
    send_query(fd, 2, "ROWS 2");
    expect(fd, 2, CQLFRAME_RESULT, &answer);
    free(answer.bytes);
    expect(fd, 1, CQLFRAME_RESULT, &answer);
    free(answer.bytes);
    close(fd);
}

static void cqlserver_statements_wait_together(void **state UNUSED) {
    int fd = start();
    int64_t began = env_mono_us(env_real());
    for (int16_t i = 0; i < 32; i++) send_query(fd, i, "SLEEP 50");
    for (int i = 0; i < 32; i++) {
        struct answer answer;
        assert_true(receive(fd, &answer));
        free(answer.bytes);
    }
    assert_true(env_mono_us(env_real()) - began < 32 * 50 * 1000 / 3);
    struct cqlserver_stats stats;
    cqlserver_stats(server, &stats);
    assert_true(stats.threads > 1 && stats.threads <= 16);
    assert_int_equal(stats.running, 0);
    close(fd);
}

static void cqlserver_use_lasts(void **state UNUSED) {
    int fd = start(), other = start();
    struct answer answer;
    assert_int_equal(query(fd, "USE mine", NULL), 3);
    assert_int_equal(query(fd, "KEYSPACE", &answer), 2);
    assert_non_null(memmem(answer.bytes, answer.frame.body.len + 9, "mine", 4));
    free(answer.bytes);
    assert_int_equal(query(other, "KEYSPACE", &answer), 2);
    assert_null(memmem(answer.bytes, answer.frame.body.len + 9, "mine", 4));
    free(answer.bytes);
    close(fd);
    close(other);
}

static void cqlserver_mistakes_are_answered(void **state UNUSED) {
    int fd = start();
    struct buf body;
    send_query(fd, 1, "NONSENSE");
    expect_error(fd, 0x2000, "no viable alternative at input 'NONSENSE'");
    buf_init(&body, 64);
    buf_i32(&body, 1000);
    send_frame(fd, 4, 1, CQLFRAME_QUERY, &body);
    expect_error(fd, 0x000A, "cut short");
    send_frame(fd, 4, 1, CQLFRAME_BATCH, &body);
    expect_error(fd, 0x000A, "cut short");
    send_frame(fd, 4, 1, CQLFRAME_REGISTER, &body);
    expect_error(fd, 0x000A, "");
    assert_int_equal(query(fd, "ROWS 1", NULL), 2);
    buf_fini(&body);
    close(fd);
}

static void put_execute(struct buf *body, const char *id, uint8_t flags) {
    buf_i16(body, 16);
    char bytes[16] = "";
    memcpy(bytes, id, MIN(strlen(id), sizeof bytes));
    buf_put(body, bytes, 16);
    buf_i16(body, 1);
    buf_i8(body, (int8_t)flags);
}

static void cqlserver_prepares_and_remembers(void **state UNUSED) {
    int fd = start();
    struct answer answer;
    struct buf body;
    buf_init(&body, 4096);
    buf_i32(&body, 4);
    buf_putz(&body, "BIND");
    send_frame(fd, 4, 1, CQLFRAME_PREPARE, &body);
    expect(fd, 1, CQLFRAME_RESULT, &answer);
    assert_int_equal(rbuf_i32(&answer.body), 4);
    free(answer.bytes);
    buf_reset(&body);
    put_execute(&body, "BIND", 1);
    buf_i16(&body, 3);
    buf_i32(&body, 1);
    buf_putc(&body, 'v');
    buf_i32(&body, -1);
    buf_i32(&body, -2);
    send_frame(fd, 4, 2, CQLFRAME_EXECUTE, &body);
    expect(fd, 2, CQLFRAME_RESULT, &answer);
    assert_int_equal(rbuf_i32(&answer.body), 2);
    static const char rows[] = "\0\0\0\3\0\0\0\1v\xff\xff\xff\xff\0\0\0\5unset";
    assert_memory_equal(answer.bytes + 9 + answer.frame.body.len - (sizeof rows - 1), rows,
                        sizeof rows - 1);
    free(answer.bytes);
    buf_reset(&body);
    put_execute(&body, "nobody", 0);
    send_frame(fd, 4, 3, CQLFRAME_EXECUTE, &body);
    expect_error(fd, 0x2500, "6e6f626f6479");
    buf_fini(&body);
    close(fd);
}

static void cqlserver_pages_and_warns(void **state UNUSED) {
    int fd = start();
    struct answer answer;
    assert_int_equal(query(fd, "ROWS 99", &answer), 2);
    assert_int_equal(rbuf_i32(&answer.body), 3); /* one table, more pages */
    assert_int_equal(rbuf_i32(&answer.body), 1);
    assert_int_equal(rbuf_i32(&answer.body), 8);
    assert_true(str_eqz(rbuf_bytes(&answer.body, 8), "page two"));
    free(answer.bytes);
    send_query(fd, 1, "WARN");
    expect(fd, 1, CQLFRAME_RESULT, &answer);
    assert_int_equal(answer.frame.flags, CQLFRAME_WARNING);
    assert_memory_equal(answer.frame.body.ptr, "\0\1\0\7careful\0\0\0\1", 15);
    free(answer.bytes);
    close(fd);
}

static void cqlserver_compresses_both_ways(void **state UNUSED) {
    static const char *const name[] = {"lz4", "snappy"};
    for (int zip = CQLFRAME_LZ4; zip <= CQLFRAME_SNAPPY; zip++) {
        struct arena arena = ARENA_INIT;
        int fd = start_with(4, name[zip - 1]);
        struct answer answer;
        struct str raw;
        struct cqlframe head = {.version = 4, .stream = 5, .opcode = CQLFRAME_QUERY};
        struct buf out;
        char text[2001];
        memset(text, ' ', sizeof text - 1);
        memcpy(text, "ROWS", 4);
        memcpy(text + 1996, "5000", 5);
        buf_init(&out, MIB);
        size_t pos = cqlframe_begin(&out, &head);
        buf_i32(&out, 2000);
        buf_put(&out, text, 2000);
        buf_i16(&out, 1);
        buf_i8(&out, 0);
        cqlframe_end(&out, pos, (enum cqlframe_zip)zip);
        assert_true(out.len < 500);
        send_all(fd, out.ptr, out.len);
        assert_true(receive(fd, &answer));
        /* blanks before the number: the fake does not parse them, and gives no rows */
        free(answer.bytes);
        send_query(fd, 6, "ROWS 5000");
        assert_true(receive(fd, &answer));
        assert_int_equal(answer.frame.flags, CQLFRAME_COMPRESSED);
        assert_int_equal(cqlframe_unzip((enum cqlframe_zip)zip, answer.frame.body, MIB, &arena,
                                        &raw), 0);
        assert_true(raw.len > 40000);
        assert_true(answer.frame.body.len < raw.len);
        free(answer.bytes);
        buf_fini(&out);
        arena_fini(&arena);
        close(fd);
    }
    int fd = dial();
    struct buf body;
    buf_init(&body, 64);
    buf_i16(&body, 2);
    put_string(&body, "CQL_VERSION");
    put_string(&body, "3.0.0");
    put_string(&body, "COMPRESSION");
    put_string(&body, "zip");
    send_frame(fd, 4, 1, CQLFRAME_STARTUP, &body);
    expect_error(fd, 0x000A, "Unknown compression algorithm: zip");
    buf_fini(&body);
    close(fd);
}

/* ---- the schema ---- */

static void cqlserver_tells_schema_changes_to_those_who_asked(void **state UNUSED) {
    int fd = start(), listener = start_with(3, NULL);
    struct answer answer;
    struct buf body;
    buf_init(&body, 64);
    buf_i16(&body, 1);
    put_string(&body, "SCHEMA_CHANGE");
    send_frame(listener, 3, 1, CQLFRAME_REGISTER, &body);
    expect(listener, 1, CQLFRAME_READY, &answer);
    free(answer.bytes);
    assert_int_equal(query(fd, "MAKE t1", NULL), 5);
    static const char created[] = "\0\x0dSCHEMA_CHANGE\0\7CREATED\0\5TABLE\0\2ks\0\2t1";
    expect(listener, -1, CQLFRAME_EVENT, &answer);
    assert_memory_equal(answer.frame.body.ptr, created, sizeof created - 1);
    assert_int_equal(answer.frame.version, 3);
    free(answer.bytes);
    cqlfake_change(&store, "t1"); /* by somebody who does not speak CQL */
    expect(listener, -1, CQLFRAME_EVENT, &answer);
    assert_non_null(memmem(answer.bytes, answer.frame.body.len + 9, "UPDATED", 7));
    free(answer.bytes);
    assert_int_equal(query(fd, "ROWS 1", NULL), 2); /* and nothing came here */
    buf_fini(&body);
    close(fd);
    close(listener);
}

static void cqlserver_system_tables_hold_what_their_types_say(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    int fd = start();
    const char *keyspace;
    size_t seen = 0;
    assert_int_equal(query(fd, "MAKE t1", NULL), 5);
    for (size_t k = 0; (keyspace = cqlsys_keyspace(k)) != NULL; k++) {
        struct store_table *table;
        size_t cnt;
        cqlsys_tables(str_of(keyspace), &arena, &table, &cnt);
        assert_true(cnt > 0);
        for (size_t i = 0; i < cnt; i++, seen++) {
            char text[100];
            snprintf(text, sizeof text, "VIRTUAL %s %.*s", keyspace, STR_ARG(table[i].name));
            assert_int_equal(query(fd, text, NULL), 2);
        }
    }
    assert_true(seen >= 25);
    send_query(fd, 1, "VIRTUAL system_schema scylla_tables");
    expect_error(fd, 0x2200, "scylla_tables");
    struct answer answer;
    assert_int_equal(query(fd, "VIRTUAL system local", &answer), 2);
    assert_non_null(memmem(answer.bytes, answer.frame.body.len + 9, "datacenter1", 11));
    assert_non_null(memmem(answer.bytes, answer.frame.body.len + 9, store.host_id, 16));
    free(answer.bytes);
    assert_int_equal(query(fd, "VIRTUAL system_schema columns", &answer), 2);
    assert_non_null(memmem(answer.bytes, answer.frame.body.len + 9, "clustering", 10));
    free(answer.bytes);
    arena_fini(&arena);
    close(fd);
}

static void cqlserver_describes(void **state UNUSED) {
    static const char table[] = "CREATE TABLE ks.t1 (\n    id uuid,\n    \"At\" timestamp,\n"
                                "    v text,\n    PRIMARY KEY (id, \"At\")\n) WITH CLUSTERING "
                                "ORDER BY (\"At\" DESC)\n    AND comment = 'it''s'";
    static const char *const fine[] = {
        "DESCRIBE KEYSPACES", "desc tables;", "DESC SCHEMA", "DESC FULL SCHEMA", "DESC CLUSTER",
        "DESC TYPES", "DESC FUNCTIONS", "DESC AGGREGATES", "DESC KEYSPACE system_schema",
        "DESC ONLY KEYSPACE \"ks\" WITH INTERNALS", "DESC TABLE ks.t1", "DESC ks", "DESC ks.t1",
    };
    int fd = start();
    struct answer answer;
    assert_int_equal(query(fd, "MAKE t1", NULL), 5);
    for (size_t i = 0; i < ARRAY_LEN(fine); i++) assert_int_equal(query(fd, fine[i], NULL), 2);
    assert_int_equal(query(fd, "DESCRIBE TABLE ks.t1", &answer), 2);
    assert_non_null(memmem(answer.bytes, answer.frame.body.len + 9, table, sizeof table - 1));
    free(answer.bytes);
    send_query(fd, 1, "DESC TABLE t1");
    expect_error(fd, 0x2200, "No keyspace specified");
    send_query(fd, 1, "DESC KEYSPACE nope");
    expect_error(fd, 0x2200, "'nope' not found in keyspaces");
    send_query(fd, 1, "DESC TABLE ks.nope");
    expect_error(fd, 0x2200, "Table 'nope' not found in keyspace 'ks'");
    send_query(fd, 1, "DESC TABLE ks.");
    expect_error(fd, 0x2000, "ends where a name should stand");
    send_query(fd, 1, "DESC TABLE \"ks");
    expect_error(fd, 0x2000, "no viable alternative");
    send_query(fd, 1, "DESC");
    expect_error(fd, 0x2000, "ends where");
    close(fd);
}

/* ---- the hostile ---- */

static void cqlserver_refuses_what_is_too_big_before_it_comes(void **state UNUSED) {
    static const unsigned char huge[] = {4, 0, 0, 1, 7, 0x06, 0x40, 0, 0};
    static const unsigned char negative[] = {4, 0, 0, 1, 7, 0xff, 0xff, 0xff, 0xff};
    int fd = start();
    send_all(fd, huge, sizeof huge);
    expect_error(fd, 0x2200, "Request is too big: length 104857609");
    expect_closed(fd);
    fd = start();
    send_all(fd, negative, sizeof negative);
    expect_error(fd, 0x2200, "Request is too big");
    expect_closed(fd);
    fd = dial();
    send_all(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
    expect_error(fd, 0x000A, "unsupported protocol version (71)");
    expect_closed(fd);
    assert_serves();
}

static void cqlserver_survives_garbage(void **state UNUSED) {
    uint64_t seed = 1;
    for (int i = 0; i < 300; i++) {
        int fd = i % 2 ? start() : dial();
        unsigned char bytes[200];
        for (size_t k = 0; k < sizeof bytes; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[k] = (unsigned char)(seed >> 56);
        }
        if (i % 4 > 1) { /* a good head, so that the body is looked at */
            static const uint8_t opcode[] = {1, 7, 9, 0x0A, 0x0B, 0x0D};
            const unsigned char head[] = {4, i % 8 > 5, 0, 1, opcode[i % 6], 0, 0, 0, 191};
            memcpy(bytes, head, sizeof head);
        }
        send_all(fd, bytes, (size_t)(i % 200) + 1);
        close(fd);
    }
    assert_serves();
}

static void cqlserver_slows_down_who_asks_too_much(void **state UNUSED) {
    int fd = start();
    struct buf many;
    buf_init(&many, 16 * MIB);
    for (int i = 0; i < 5000; i++) {
        struct cqlframe head = {.version = 4, .stream = (int16_t)i, .opcode = CQLFRAME_QUERY};
        size_t pos = cqlframe_begin(&many, &head);
        buf_i32(&many, 8);
        buf_putz(&many, "ROWS 100");
        buf_i16(&many, 1);
        buf_i8(&many, 0);
        cqlframe_end(&many, pos, CQLFRAME_PLAIN);
    }
    send_all(fd, many.ptr, many.len);
    buf_fini(&many);
    char *seen = calloc(1, 5000);
    for (int i = 0; i < 5000; i++) {
        struct answer answer;
        assert_true(receive(fd, &answer));
        assert_in_range(answer.frame.stream, 0, 4999);
        assert_false(seen[answer.frame.stream]);
        seen[answer.frame.stream] = 1;
        free(answer.bytes);
    }
    free(seen);
    close(fd);
}

static size_t resident_kib(void) {
    char text[4096] = "";
    FILE *file = fopen("/proc/self/statm", "r");
    size_t len = fread(text, 1, sizeof text - 1, file), pages = 0;
    fclose(file);
    assert_true(len > 0 && sscanf(text, "%*s %zu", &pages) == 1);
    return pages * 4;
}

static void cqlserver_makes_no_answers_for_who_does_not_read(void **state UNUSED) {
    int fd = start();
    UNUSED size_t before = resident_kib();
    for (int i = 0; i < 800; i++) send_query(fd, (int16_t)i, "BIG 1000000"); /* 800 MB */
    env_sleep_us(env_real(), 500000);
    assert_serves();
#ifndef __SANITIZE_THREAD__ /* its shadow memory is several times the program's */
    assert_true(resident_kib() - before < 150 * 1024);
#endif
    for (int i = 0; i < 800; i++) { /* and then all of them */
        struct answer answer;
        assert_true(receive(fd, &answer));
        assert_true(answer.frame.body.len > 1000000);
        free(answer.bytes);
    }
    close(fd);
    fd = start();
    for (int i = 0; i < 800; i++) send_query(fd, (int16_t)i, "BIG 1000000");
    env_sleep_us(env_real(), 100000);
    close(fd); /* with parked ones left */
    assert_serves();
}

static void cqlserver_closes_over_running_statements(void **state UNUSED) {
    int fd = start(), gone = start();
    for (int16_t i = 0; i < 100; i++) send_query(fd, i, "SLEEP 20");
    for (int16_t i = 0; i < 10; i++) send_query(gone, i, "BIG 100000");
    close(gone);
    env_sleep_us(env_real(), 30000);
    assert_serves();
    loop_stop(loop);
    cqlserver_close(server);
    server = NULL;
    struct answer answer;
    while (receive(fd, &answer)) free(answer.bytes); /* those that were done in time */
    close(fd);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(cqlserver_refuses_other_versions_in_words_all_drivers_know),
        TEST(cqlserver_tells_what_it_supports),
        TEST(cqlserver_wants_startup_first_and_once),
        TEST(cqlserver_answers_may_overtake),
        TEST(cqlserver_statements_wait_together),
        TEST(cqlserver_use_lasts),
        TEST(cqlserver_mistakes_are_answered),
        TEST(cqlserver_prepares_and_remembers),
        TEST(cqlserver_pages_and_warns),
        TEST(cqlserver_compresses_both_ways),
        TEST(cqlserver_tells_schema_changes_to_those_who_asked),
        TEST(cqlserver_system_tables_hold_what_their_types_say),
        TEST(cqlserver_describes),
        TEST(cqlserver_refuses_what_is_too_big_before_it_comes),
        TEST(cqlserver_survives_garbage),
        TEST(cqlserver_slows_down_who_asks_too_much),
        TEST(cqlserver_makes_no_answers_for_who_does_not_read),
        TEST(cqlserver_closes_over_running_statements),
    };
    diag_setup(DIAG_ERROR, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
