/* kserver_test.c - the Kafka server over a log in memory, spoken to through its socket. */
#include "support/unit.h"

#include "base/err.h"
#include "log/server/kerr.h"
#include "log/server/kserver.h"
#include "wire/kafka/kmsg.h"
#include "wire/kafka/recbatch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a world: log, loop, server; and a client that speaks by kmsg ---- */

struct world {
    struct log *log;
    struct loop *loop;
    struct kserver *server;
};

static void serve(struct world *w) {
    struct kserver_conf conf = {.session_min_ms = 50, .default_parts = 2};
    assert_int_equal(loop_open(&w->loop, env_real(), "kafka"), 0);
    if (kserver_open(&w->server, w->loop, w->log, &conf)) fail_msg("%s", err_note());
    assert_int_equal(loop_start(w->loop), 0);
}

static void unserve(struct world *w) {
    loop_stop(w->loop);
    kserver_close(w->server);
    loop_close(w->loop);
}

static int setup(void **state) {
    struct world *w = base_calloc(1, sizeof *w);
    struct log_conf conf = {.env = env_real(), .url = "mem:"};
    assert_int_equal(log_open(&w->log, &conf), 0);
    serve(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    unserve(w);
    log_close(w->log);
    base_free(w);
    return 0;
}

struct client {
    int fd;
    struct arena arena;
    struct buf out;
    char *in; /* the last answer */
    int16_t key;
    int version;
    int32_t correlation;
};

static void client_open(struct client *c, const struct world *w) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(kserver_port(w->server))};
    struct timeval limit = {.tv_sec = 10};
    memset(c, 0, sizeof *c);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&addr, sizeof addr), 0);
    arena_init(&c->arena);
    buf_init(&c->out, 4 * MIB);
}

static void client_close(struct client *c) {
    close(c->fd);
    arena_fini(&c->arena);
    buf_fini(&c->out);
    base_free(c->in);
}

static void ask(struct client *c, int16_t key, int version, const void *msg) {
    const struct kmsg_api *api = kmsg_api_of(key);
    bool flex = version >= api->flex;
    c->key = key;
    c->version = version;
    buf_reset(&c->out);
    buf_i32(&c->out, 0);
    buf_i16(&c->out, key);
    buf_i16(&c->out, (int16_t)version);
    buf_i32(&c->out, ++c->correlation);
    buf_i16(&c->out, 4);
    buf_putz(&c->out, "unit");
    if (flex) buf_uvarint(&c->out, 0);
    assert_int_equal(kmsg_encode(api->request, version, flex, &c->out, msg), 0);
    buf_set_i32(&c->out, 0, (int32_t)c->out.len - 4);
    assert_int_equal(send(c->fd, c->out.ptr, c->out.len, MSG_NOSIGNAL), (ssize_t)c->out.len);
}

static void *answer(struct client *c) {
    const struct kmsg_api *api = kmsg_api_of(c->key);
    bool flex = c->version >= api->flex;
    unsigned char head[4];
    assert_int_equal(recv(c->fd, head, 4, MSG_WAITALL), 4);
    size_t len = (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    base_free(c->in);
    c->in = base_alloc(len);
    assert_int_equal(recv(c->fd, c->in, len, MSG_WAITALL), (ssize_t)len);
    struct rbuf in = rbuf_of(c->in, len);
    assert_int_equal(rbuf_i32(&in), c->correlation);
    if (flex && c->key != KMSG_API_VERSIONS) assert_int_equal(rbuf_uvarint(&in), 0);
    void *msg = arena_alloc(&c->arena, api->response->size);
    if (kmsg_decode(api->response, c->version, flex, &in, &c->arena, msg))
        fail_msg("%s", err_note());
    assert_true(rbuf_done(&in));
    return msg;
}

static void *call(struct client *c, int16_t key, int version, const void *msg) {
    ask(c, key, version, msg);
    return answer(c);
}

/* Has the server something to say, or closed? */
static bool is_quiet(struct client *c) {
    char byte;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

static void make_topic(struct world *w, const char *name, int32_t parts) {
    assert_int_equal(log_topic_create(w->log, str_of(name), parts, NULL, 0), 0);
}

/* ---- produce, fetch ---- */

static struct str batch_of(struct buf *buf, int cnt, int64_t ts_ms) {
    struct recbatch_build build;
    buf_init(buf, MIB);
    recbatch_begin(&build, buf);
    for (int i = 0; i < cnt; i++) {
        struct record record = {.key = STR("k"), .value = STR("value"), .ts_ms = ts_ms + i};
        assert_int_equal(recbatch_add(&build, &record), 0);
    }
    assert_int_equal(recbatch_seal(&build), 0);
    return buf_str(buf);
}

static struct produce_response_partition produce(struct client *c, const char *topic, int32_t part,
                                                 struct str records) {
    struct produce_request_partition p = {part, records};
    struct produce_request_topic t = {
        .name = str_of(topic), .partition_data = &p, .partition_data_cnt = 1};
    struct produce_request in = {
        .acks = -1, .timeout_ms = 1000, .topic_data = &t, .topic_data_cnt = 1};
    struct produce_response *out = call(c, KMSG_PRODUCE, 9, &in);
    assert_int_equal(out->responses_cnt, 1);
    assert_int_equal(out->responses[0].partition_responses_cnt, 1);
    return out->responses[0].partition_responses[0];
}

static struct fetch_request fetch_of(struct fetch_request_topic *t,
                                     struct fetch_request_partition *p, const char *topic,
                                     int64_t offset) {
    struct fetch_request in;
    kmsg_init(&kmsg_fetch_request, &in);
    kmsg_init(&kmsg_fetch_request_topic, t);
    kmsg_init(&kmsg_fetch_request_partition, p);
    p->fetch_offset = offset;
    p->partition_max_bytes = 1 << 20;
    t->topic = str_of(topic);
    t->partitions = p;
    t->partitions_cnt = 1;
    in.topics = t;
    in.topics_cnt = 1;
    in.min_bytes = 1;
    in.max_wait_ms = 5000;
    return in;
}

static struct fetch_response_partition fetched(struct client *c) {
    struct fetch_response *out = answer(c);
    assert_int_equal(out->error_code, 0);
    assert_int_equal(out->session_id, 0);
    return out->responses[0].partitions[0];
}

static void kserver_gives_back_what_was_produced(void **state) {
    struct world *w = *state;
    struct client c;
    struct buf buf;
    struct fetch_request_topic t;
    struct fetch_request_partition p;
    make_topic(w, "a", 1);
    client_open(&c, w);
    struct str batch = batch_of(&buf, 3, 1000);
    assert_int_equal(produce(&c, "a", 0, batch).base_offset, 0);
    assert_int_equal(produce(&c, "a", 0, batch).base_offset, 3);
    struct fetch_request in = fetch_of(&t, &p, "a", 4); /* in the middle: the whole batch */
    ask(&c, KMSG_FETCH, 12, &in);
    struct fetch_response_partition got = fetched(&c);
    assert_int_equal(got.high_watermark, 6);
    assert_int_equal(got.records.len, batch.len);
    assert_memory_equal(got.records.ptr + 12 + 4, batch.ptr + 16, batch.len - 16);
    p.partition_max_bytes = 1; /* the first batch comes whatever the limit */
    in.max_bytes = 1;
    p.fetch_offset = 0;
    ask(&c, KMSG_FETCH, 12, &in);
    assert_int_equal(fetched(&c).records.len, batch.len);
    p.fetch_offset = 7;
    ask(&c, KMSG_FETCH, 12, &in);
    assert_int_equal(fetched(&c).error_code, KERR_OFFSET_OUT_OF_RANGE);
    buf_fini(&buf);
    client_close(&c);
}

static void kserver_fetch_waits_for_the_log(void **state) {
    struct world *w = *state;
    struct client c, producer;
    struct buf buf;
    struct fetch_request_topic t;
    struct fetch_request_partition p;
    make_topic(w, "a", 1);
    client_open(&c, w);
    client_open(&producer, w);
    struct str batch = batch_of(&buf, 3, 1000);
    struct fetch_request in = fetch_of(&t, &p, "a", 0);
    ask(&c, KMSG_FETCH, 12, &in);
    env_sleep_us(env_real(), 30000);
    assert_true(is_quiet(&c));
    int64_t before = env_mono_us(env_real());
    produce(&producer, "a", 0, batch);
    assert_int_equal(fetched(&c).records.len, batch.len);
    assert_true(env_mono_us(env_real()) - before < 1000000);

    in.min_bytes = (int32_t)batch.len * 2; /* two more batches are needed */
    p.fetch_offset = 3;
    ask(&c, KMSG_FETCH, 12, &in);
    produce(&producer, "a", 0, batch);
    env_sleep_us(env_real(), 30000);
    assert_true(is_quiet(&c));
    produce(&producer, "a", 0, batch);
    assert_int_equal(fetched(&c).records.len, batch.len * 2);

    in.max_wait_ms = 50; /* the time is over first */
    p.fetch_offset = 9;
    before = env_mono_us(env_real());
    ask(&c, KMSG_FETCH, 12, &in);
    assert_int_equal(fetched(&c).records.len, 0);
    assert_true(env_mono_us(env_real()) - before >= 40000); /* the loop counts from its last turn */
    buf_fini(&buf);
    client_close(&c);
    client_close(&producer);
}

static void kserver_forgets_a_waiting_fetch_with_its_connection(void **state) {
    struct world *w = *state;
    struct client c;
    struct buf buf;
    struct fetch_request_topic t;
    struct fetch_request_partition p;
    make_topic(w, "a", 1);
    struct str batch = batch_of(&buf, 1, 1000);
    for (int i = 0; i < 20; i++) {
        client_open(&c, w);
        struct fetch_request in = fetch_of(&t, &p, "a", i);
        ask(&c, KMSG_FETCH, 12, &in);
        ask(&c, KMSG_FETCH, 12, &in);
        client_close(&c);
        client_open(&c, w);
        assert_int_equal(produce(&c, "a", 0, batch).base_offset, i);
        client_close(&c);
    }
    buf_fini(&buf);
}

static void kserver_answers_in_the_order_of_the_requests(void **state) {
    struct world *w = *state;
    struct client c, other;
    struct buf buf;
    struct fetch_request_topic t;
    struct fetch_request_partition p;
    struct api_versions_request versions = {0};
    make_topic(w, "a", 1);
    client_open(&c, w);
    client_open(&other, w);
    struct str batch = batch_of(&buf, 1, 1000);
    struct fetch_request in = fetch_of(&t, &p, "a", 0);
    ask(&c, KMSG_FETCH, 12, &in); /* parked: what follows is ready but waits behind it */
    for (int i = 0; i < 200; i++)
        ask(&c, KMSG_API_VERSIONS, 0, &versions);
    env_sleep_us(env_real(), 30000);
    assert_true(is_quiet(&c));
    produce(&other, "a", 0, batch);
    int32_t last = c.correlation;
    c.correlation = 1;
    c.key = KMSG_FETCH;
    c.version = 12;
    assert_int_equal(fetched(&c).records.len, batch.len);
    c.key = KMSG_API_VERSIONS;
    c.version = 0;
    while (c.correlation < last) {
        c.correlation++;
        answer(&c);
    }
    buf_fini(&buf);
    client_close(&c);
    client_close(&other);
}

static void kserver_refuses_bad_batches_by_name(void **state) {
    struct world *w = *state;
    struct client c;
    struct buf buf;
    make_topic(w, "a", 1);
    client_open(&c, w);
    struct str batch = batch_of(&buf, 3, 1000);
    assert_int_equal(produce(&c, "none", 0, batch).error_code, KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(produce(&c, "a", 1, batch).error_code, KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(produce(&c, "a", -1, batch).error_code, KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(produce(&c, "..", 0, batch).error_code, KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(produce(&c, "__consumer_offsets", 0, batch).error_code,
                     KERR_INVALID_TOPIC_EXCEPTION);
    buf.ptr[70] ^= 1;
    assert_int_equal(produce(&c, "a", 0, batch).error_code, KERR_CORRUPT_MESSAGE);
    buf.ptr[70] ^= 1;
    buf.ptr[16] = 1;
    assert_int_equal(produce(&c, "a", 0, batch).error_code, KERR_UNSUPPORTED_FOR_MESSAGE_FORMAT);
    buf.ptr[16] = 2;
    assert_int_equal(produce(&c, "a", 0, batch).error_code, 0);
    buf_fini(&buf);
    client_close(&c);
}

static void kserver_knows_a_producers_repeats(void **state) {
    struct world *w = *state;
    struct client c;
    struct buf buf;
    struct init_producer_id_request init = {.producer_id = -1, .producer_epoch = -1};
    make_topic(w, "a", 1);
    client_open(&c, w);
    struct init_producer_id_response *id = call(&c, KMSG_INIT_PRODUCER_ID, 4, &init);
    assert_int_equal(id->error_code, 0);
    int64_t first = id->producer_id;
    assert_int_not_equal(
        ((struct init_producer_id_response *)call(&c, KMSG_INIT_PRODUCER_ID, 4, &init))
            ->producer_id, first);
    init.transactional_id = STR("tx");
    id = call(&c, KMSG_INIT_PRODUCER_ID, 4, &init);
    assert_int_equal(id->error_code, KERR_INVALID_REQUEST);

    struct recbatch_build build;
    struct record record = {.value = STR("v"), .ts_ms = 1};
    buf_init(&buf, MIB);
    recbatch_begin(&build, &buf);
    build.producer_id = first;
    build.producer_epoch = 0;
    build.base_sequence = 0;
    assert_int_equal(recbatch_add(&build, &record), 0);
    assert_int_equal(recbatch_seal(&build), 0);
    assert_int_equal(produce(&c, "a", 0, buf_str(&buf)).base_offset, 0);
    struct produce_response_partition again = produce(&c, "a", 0, buf_str(&buf));
    assert_int_equal(again.error_code, 0); /* a repeat succeeds, at its first offset */
    assert_int_equal(again.base_offset, 0);
    buf_reset(&buf);
    recbatch_begin(&build, &buf);
    build.producer_id = first;
    build.producer_epoch = 0;
    build.base_sequence = 7;
    assert_int_equal(recbatch_add(&build, &record), 0);
    assert_int_equal(recbatch_seal(&build), 0);
    assert_int_equal(produce(&c, "a", 0, buf_str(&buf)).error_code,
                     KERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    buf_fini(&buf);
    client_close(&c);
}

static void kserver_acks_0_gets_no_answer(void **state) {
    struct world *w = *state;
    struct client c;
    struct buf buf;
    struct api_versions_request versions = {0};
    make_topic(w, "a", 1);
    client_open(&c, w);
    struct produce_request_partition p = {0, batch_of(&buf, 2, 1000)};
    struct produce_request_topic t = {
        .name = STR("a"), .partition_data = &p, .partition_data_cnt = 1};
    struct produce_request in = {.acks = 0, .topic_data = &t, .topic_data_cnt = 1};
    ask(&c, KMSG_PRODUCE, 9, &in);
    call(&c, KMSG_API_VERSIONS, 0, &versions); /* the next answer is the next request's */
    struct log_span span;
    assert_int_equal(log_span(w->log, STR("a"), 0, &span), 0);
    assert_int_equal(span.end, 2);
    buf_fini(&buf);
    client_close(&c);
}

/* ---- metadata, offsets ---- */

static struct metadata_response_topic metadata(struct client *c, const char *name, bool create) {
    struct metadata_request_topic t = {.name = str_of(name)};
    struct metadata_request in = {
        .topics = &t, .topics_cnt = 1, .allow_auto_topic_creation = create};
    struct metadata_response *out = call(c, KMSG_METADATA, 12, &in);
    assert_int_equal(out->brokers_cnt, 1);
    assert_int_equal(out->cluster_id.len, 22);
    return out->topics[0];
}

static void kserver_makes_topics_on_demand(void **state) {
    struct world *w = *state;
    struct client c;
    client_open(&c, w);
    assert_int_equal(metadata(&c, "new", false).error_code, KERR_UNKNOWN_TOPIC_OR_PARTITION);
    struct metadata_response_topic topic = metadata(&c, "new", true);
    assert_int_equal(topic.error_code, 0);
    assert_int_equal(topic.partitions_cnt, 2);
    assert_int_equal(metadata(&c, "../../etc", true).error_code, KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(metadata(&c, "__mine", true).error_code, KERR_INVALID_TOPIC_EXCEPTION);

    struct metadata_request_topic t = {.topic_id = topic.topic_id}; /* by id */
    struct metadata_request in = {.topics = &t, .topics_cnt = 1};
    struct metadata_response *out = call(&c, KMSG_METADATA, 12, &in);
    assert_true(str_eqz(out->topics[0].name, "new"));
    assert_int_equal(log_topic_delete(w->log, STR("new")), 0);
    make_topic(w, "new", 1); /* the same name is another topic now */
    out = call(&c, KMSG_METADATA, 12, &in);
    assert_int_equal(out->topics[0].error_code, KERR_UNKNOWN_TOPIC_ID);
    client_close(&c);
}

static struct list_offsets_response_partition offset_at(struct client *c, int64_t ts) {
    struct list_offsets_request_partition p = {0, -1, ts};
    struct list_offsets_request_topic t = {STR("a"), &p, 1};
    struct list_offsets_request in = {.replica_id = -1, .topics = &t, .topics_cnt = 1};
    struct list_offsets_response *out = call(c, KMSG_LIST_OFFSETS, 7, &in);
    assert_int_equal(out->topics[0].partitions[0].error_code, 0);
    return out->topics[0].partitions[0];
}

static void kserver_finds_offsets_by_time(void **state) {
    struct world *w = *state;
    struct client c;
    struct buf buf;
    make_topic(w, "a", 1);
    client_open(&c, w);
    assert_int_equal(offset_at(&c, -3).offset, -1);
    assert_int_equal(offset_at(&c, 5).offset, -1);
    produce(&c, "a", 0, batch_of(&buf, 3, 1000)); /* 1000, 1001, 1002 */
    buf_fini(&buf);
    produce(&c, "a", 0, batch_of(&buf, 3, 5000));
    buf_fini(&buf);
    produce(&c, "a", 0, batch_of(&buf, 3, 2000));
    buf_fini(&buf);
    assert_int_equal(offset_at(&c, -1).offset, 9);
    assert_int_equal(offset_at(&c, -2).offset, 0);
    assert_int_equal(offset_at(&c, -3).offset, 5);
    assert_int_equal(offset_at(&c, -3).timestamp, 5002);
    assert_int_equal(offset_at(&c, 0).offset, 0);
    assert_int_equal(offset_at(&c, 1001).offset, 1);
    assert_int_equal(offset_at(&c, 1500).offset, 3);
    assert_int_equal(offset_at(&c, 1500).timestamp, 5000);
    assert_int_equal(offset_at(&c, 6000).offset, -1);
    client_close(&c);
}

/* ---- groups ---- */

static void ask_join(struct client *c, struct str member, const char *instance, int32_t session,
                     const char *metadata_text) {
    struct join_group_request_protocol p[] = {{STR("range"), str_of(metadata_text)},
                                              {STR("other"), STR("o")}};
    struct join_group_request in = {.group_id = STR("g"),
                                    .session_timeout_ms = session,
                                    .rebalance_timeout_ms = 3000,
                                    .member_id = member,
                                    .group_instance_id = str_of(instance),
                                    .protocol_type = STR("consumer"),
                                    .protocols = p,
                                    .protocols_cnt = 2};
    ask(c, KMSG_JOIN_GROUP, 9, &in);
}

/* Joins anew: asks for an id, then with it. The answer to the second is read by the caller. */
static struct str begin_join(struct client *c, int32_t session) {
    ask_join(c, STR(""), NULL, session, "m");
    struct join_group_response *out = answer(c);
    assert_int_equal(out->error_code, KERR_MEMBER_ID_REQUIRED);
    struct str id = arena_str(&c->arena, out->member_id);
    ask_join(c, id, NULL, session, "m");
    return id;
}

static struct sync_group_response sync_as(struct client *c, struct str member, int32_t generation,
                                          struct str mine, struct str other) {
    struct sync_group_request_assignment a[] = {{member, mine}, {other, STR("B")}};
    struct sync_group_request in = {.group_id = STR("g"),
                                    .generation_id = generation,
                                    .member_id = member,
                                    .assignments = a,
                                    .assignments_cnt = mine.len ? other.len ? 2 : 1 : 0};
    return *(struct sync_group_response *)call(c, KMSG_SYNC_GROUP, 5, &in);
}

static int16_t beat(struct client *c, struct str member, int32_t generation) {
    struct heartbeat_request in = {
        .group_id = STR("g"), .generation_id = generation, .member_id = member};
    return ((struct heartbeat_response *)call(c, KMSG_HEARTBEAT, 4, &in))->error_code;
}

static void kserver_group_rebalances_as_members_come_and_go(void **state) {
    struct world *w = *state;
    struct client a, b;
    client_open(&a, w);
    client_open(&b, w);
    struct str id_a = begin_join(&a, 10000);
    struct join_group_response join = *(struct join_group_response *)answer(&a);
    assert_int_equal(join.generation_id, 1);
    assert_true(str_eq(join.leader, id_a));
    assert_int_equal(join.members_cnt, 1);
    assert_true(str_eqz(join.members[0].metadata, "m"));
    struct sync_group_response sync = sync_as(&a, id_a, 1, STR("A"), STR_NULL);
    assert_true(str_eqz(sync.assignment, "A"));
    assert_int_equal(beat(&a, id_a, 1), 0);
    assert_int_equal(beat(&a, id_a, 2), KERR_ILLEGAL_GENERATION);
    assert_int_equal(beat(&a, STR("who"), 1), KERR_UNKNOWN_MEMBER_ID);

    struct str id_b = begin_join(&b, 10000); /* waits until a joins again */
    env_sleep_us(env_real(), 20000);
    assert_true(is_quiet(&b));
    assert_int_equal(beat(&a, id_a, 1), KERR_REBALANCE_IN_PROGRESS);
    ask_join(&a, id_a, NULL, 10000, "m");
    join = *(struct join_group_response *)answer(&a);
    assert_int_equal(join.generation_id, 2);
    assert_int_equal(join.members_cnt, 2);
    struct join_group_response *join_b = answer(&b);
    assert_int_equal(join_b->members_cnt, 0);
    assert_true(str_eq(join_b->leader, id_a));
    struct sync_group_request wait = {
        .group_id = STR("g"), .generation_id = 2, .member_id = id_b};
    ask(&b, KMSG_SYNC_GROUP, 5, &wait); /* waits for the leader's */
    assert_true(str_eqz(sync_as(&a, id_a, 2, STR("A2"), id_b).assignment, "A2"));
    assert_true(str_eqz(((struct sync_group_response *)answer(&b))->assignment, "B"));

    struct leave_group_request_member gone = {.member_id = id_b};
    struct leave_group_request leave = {.group_id = STR("g"), .members = &gone, .members_cnt = 1};
    struct leave_group_response *left = call(&b, KMSG_LEAVE_GROUP, 5, &leave);
    assert_int_equal(left->members[0].error_code, 0);
    assert_int_equal(beat(&a, id_a, 2), KERR_REBALANCE_IN_PROGRESS);
    client_close(&a);
    client_close(&b);
}

static void kserver_group_removes_silent_members(void **state) {
    struct world *w = *state;
    struct client a;
    struct arena arena = ARENA_INIT;
    struct log_group group;
    client_open(&a, w);
    struct str id = begin_join(&a, 200);
    answer(&a);
    sync_as(&a, id, 1, STR("A"), STR_NULL);
    assert_int_equal(kserver_group_get(w->server, STR("g"), &arena, &group), 0);
    assert_true(str_eqz(group.state, "Stable"));
    assert_int_equal(group.member_cnt, 1);
    assert_true(str_eqz(group.member[0].client_id, "unit"));
    assert_true(str_eqz(group.member[0].host, "/127.0.0.1"));
    for (int i = 0; i < 6; i++) { /* heartbeats keep it alive beyond its session time */
        env_sleep_us(env_real(), 60000);
        assert_int_equal(beat(&a, id, 1), 0);
    }
    env_sleep_us(env_real(), 500000);
    assert_int_equal(beat(&a, id, 1), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(kserver_group_get(w->server, STR("g"), &arena, &group), 0);
    assert_true(str_eqz(group.state, "Empty"));
    assert_int_equal(group.generation, 2);
    arena_fini(&arena);
    client_close(&a);
}

static void kserver_group_fences_static_members(void **state) {
    struct world *w = *state;
    struct client a, b;
    client_open(&a, w);
    client_open(&b, w);
    ask_join(&a, STR(""), "inst", 10000, "m"); /* static: no id is asked for first */
    struct join_group_response join = *(struct join_group_response *)answer(&a);
    assert_int_equal(join.error_code, 0);
    struct str old_id = arena_str(&a.arena, join.member_id);
    sync_as(&a, old_id, 1, STR("A"), STR_NULL);

    ask_join(&b, STR(""), "inst", 10000, "m"); /* it is back: no rebalance, same generation */
    join = *(struct join_group_response *)answer(&b);
    assert_int_equal(join.error_code, 0);
    assert_int_equal(join.generation_id, 1);
    assert_true(join.skip_assignment);
    assert_false(str_eq(join.member_id, old_id));
    assert_true(str_eqz(sync_as(&b, join.member_id, 1, STR_NULL, STR_NULL).assignment, "A"));
    struct heartbeat_request in = {.group_id = STR("g"),
                                   .generation_id = 1,
                                   .member_id = old_id,
                                   .group_instance_id = STR("inst")};
    assert_int_equal(((struct heartbeat_response *)call(&a, KMSG_HEARTBEAT, 4, &in))->error_code,
                     KERR_FENCED_INSTANCE_ID);
    client_close(&a);
    client_close(&b);
}

static void kserver_group_checks_what_is_asked(void **state) {
    struct world *w = *state;
    struct client c;
    client_open(&c, w);
    ask_join(&c, STR(""), NULL, 10, "m");
    assert_int_equal(((struct join_group_response *)answer(&c))->error_code,
                     KERR_INVALID_SESSION_TIMEOUT);
    ask_join(&c, STR("who"), NULL, 10000, "m");
    assert_int_equal(((struct join_group_response *)answer(&c))->error_code,
                     KERR_UNKNOWN_MEMBER_ID);
    begin_join(&c, 10000);
    answer(&c);
    struct join_group_request_protocol p = {STR("strange"), STR("m")};
    struct join_group_request in = {.group_id = STR("g"), .session_timeout_ms = 10000,
                                    .member_id = STR(""), .protocol_type = STR("consumer"),
                                    .protocols = &p, .protocols_cnt = 1};
    struct join_group_response *out = call(&c, KMSG_JOIN_GROUP, 9, &in);
    assert_int_equal(out->error_code, KERR_INCONSISTENT_GROUP_PROTOCOL);
    in.protocol_type = STR("connect");
    out = call(&c, KMSG_JOIN_GROUP, 9, &in);
    assert_int_equal(out->error_code, KERR_INCONSISTENT_GROUP_PROTOCOL);
    client_close(&c);
}

/* ---- commits ---- */

static int16_t commit(struct client *c, int32_t part, int64_t offset, const char *metadata_text) {
    struct offset_commit_request_partition p = {part, offset, -1, str_of(metadata_text)};
    struct offset_commit_request_topic t = {
        .name = STR("a"), .partitions = &p, .partitions_cnt = 1};
    struct offset_commit_request in = {.group_id = STR("g"),
                                       .generation_id_or_member_epoch = -1,
                                       .topics = &t,
                                       .topics_cnt = 1};
    struct offset_commit_response *out = call(c, KMSG_OFFSET_COMMIT, 8, &in);
    return out->topics[0].partitions[0].error_code;
}

static struct offset_fetch_response_group committed(struct client *c) {
    struct offset_fetch_request_group g = {.group_id = STR("g"), .member_epoch = -1};
    struct offset_fetch_request in = {.groups = &g, .groups_cnt = 1};
    return ((struct offset_fetch_response *)call(c, KMSG_OFFSET_FETCH, 8, &in))->groups[0];
}

static void kserver_commits_survive_a_restart(void **state) {
    struct world *w = *state;
    struct client c;
    struct arena arena = ARENA_INIT;
    struct log_group group;
    make_topic(w, "a", 2);
    client_open(&c, w);
    assert_int_equal(commit(&c, 0, 5, "note"), 0);
    assert_int_equal(commit(&c, 1, 7, ""), 0);
    assert_int_equal(commit(&c, 0, 6, "newer"), 0);
    assert_int_equal(commit(&c, 9, 6, ""), KERR_UNKNOWN_TOPIC_OR_PARTITION);
    client_close(&c);
    unserve(w);
    serve(w);
    client_open(&c, w);
    struct offset_fetch_response_group got = committed(&c);
    assert_int_equal(got.topics_cnt, 1);
    assert_int_equal(got.topics[0].partitions_cnt, 2);
    assert_int_equal(got.topics[0].partitions[0].committed_offset, 6);
    assert_true(str_eqz(got.topics[0].partitions[0].metadata, "newer"));
    assert_int_equal(got.topics[0].partitions[1].committed_offset, 7);
    assert_int_equal(kserver_group_get(w->server, STR("g"), &arena, &group), 0);
    assert_int_equal(group.offset_cnt, 2);
    assert_int_equal(group.offset[0].end, 0);

    struct str name = STR("g");
    struct delete_groups_request gone = {&name, 1};
    struct delete_groups_response *deleted = call(&c, KMSG_DELETE_GROUPS, 2, &gone);
    assert_int_equal(deleted->results[0].error_code, 0);
    client_close(&c);
    unserve(w);
    serve(w);
    assert_int_equal(kserver_group_get(w->server, STR("g"), &arena, &group), ERR_NOT_FOUND);
    arena_fini(&arena);
}

static void kserver_members_survive_a_restart(void **state) {
    struct world *w = *state;
    struct client c;
    client_open(&c, w);
    struct str id = begin_join(&c, 10000);
    answer(&c);
    sync_as(&c, id, 1, STR("A"), STR_NULL);
    unserve(w);
    serve(w);
    struct client again;
    client_open(&again, w);
    assert_int_equal(beat(&again, id, 1), 0);
    assert_true(str_eqz(sync_as(&again, id, 1, STR_NULL, STR_NULL).assignment, "A"));
    client_close(&again);
    client_close(&c);
}

static void kserver_refuses_commits_of_strangers(void **state) {
    struct world *w = *state;
    struct client c;
    make_topic(w, "a", 1);
    client_open(&c, w);
    struct str id = begin_join(&c, 10000);
    answer(&c);
    sync_as(&c, id, 1, STR("A"), STR_NULL);
    assert_int_equal(commit(&c, 0, 1, ""), KERR_UNKNOWN_MEMBER_ID); /* the group has members */
    char *longer = base_calloc(1, 5000);
    memset(longer, 'x', 4097);
    struct offset_commit_request_partition p = {0, 3, -1, str_of(longer)};
    struct offset_commit_request_topic t = {
        .name = STR("a"), .partitions = &p, .partitions_cnt = 1};
    struct offset_commit_request in = {.group_id = STR("g"),
                                       .generation_id_or_member_epoch = 1,
                                       .member_id = id,
                                       .topics = &t,
                                       .topics_cnt = 1};
    struct offset_commit_response *out = call(&c, KMSG_OFFSET_COMMIT, 8, &in);
    assert_int_equal(out->topics[0].partitions[0].error_code, KERR_OFFSET_METADATA_TOO_LARGE);
    longer[4096] = 0;
    p.committed_metadata = str_of(longer);
    out = call(&c, KMSG_OFFSET_COMMIT, 8, &in);
    assert_int_equal(out->topics[0].partitions[0].error_code, 0);
    in.generation_id_or_member_epoch = 0;
    out = call(&c, KMSG_OFFSET_COMMIT, 8, &in);
    assert_int_equal(out->topics[0].partitions[0].error_code, KERR_ILLEGAL_GENERATION);
    base_free(longer);
    client_close(&c);
}

/* ---- settings ---- */

static struct str setting(struct client *c, const char *name) {
    struct str key = str_of(name);
    struct describe_configs_request_resource r = {2, STR("a"), &key, 1};
    struct describe_configs_request in = {.resources = &r, .resources_cnt = 1};
    struct describe_configs_response *out = call(c, KMSG_DESCRIBE_CONFIGS, 4, &in);
    assert_int_equal(out->results[0].error_code, 0);
    assert_int_equal(out->results[0].configs_cnt, 1);
    return out->results[0].configs[0].value;
}

static int16_t alter(struct client *c, const char *name, int8_t op, const char *value) {
    struct incremental_alter_configs_request_config config = {str_of(name), op, str_of(value)};
    struct incremental_alter_configs_request_resource r = {2, STR("a"), &config, 1};
    struct incremental_alter_configs_request in = {.resources = &r, .resources_cnt = 1};
    struct incremental_alter_configs_response *out =
        call(c, KMSG_INCREMENTAL_ALTER_CONFIGS, 1, &in);
    return out->responses[0].error_code;
}

static void kserver_shows_and_alters_settings(void **state) {
    struct world *w = *state;
    struct client c;
    make_topic(w, "a", 1);
    client_open(&c, w);
    assert_true(str_eqz(setting(&c, "cleanup.policy"), "delete"));
    assert_int_equal(alter(&c, "cleanup.policy", 2, "compact"), 0);
    assert_true(str_eqz(setting(&c, "cleanup.policy"), "delete,compact"));
    assert_int_equal(alter(&c, "cleanup.policy", 3, "delete"), 0);
    assert_true(str_eqz(setting(&c, "cleanup.policy"), "compact"));
    assert_int_equal(alter(&c, "cleanup.policy", 1, NULL), 0);
    assert_true(str_eqz(setting(&c, "cleanup.policy"), "delete"));
    assert_int_equal(alter(&c, "retention.ms", 0, "soon"), KERR_INVALID_CONFIG);
    assert_int_equal(alter(&c, "no.such.thing", 0, "1"), KERR_INVALID_CONFIG);
    assert_int_equal(alter(&c, "retention.ms", 2, "1"), KERR_INVALID_CONFIG);
    client_close(&c);
}

int main(void) {
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(kserver_gives_back_what_was_produced),
        CASE(kserver_fetch_waits_for_the_log),
        CASE(kserver_forgets_a_waiting_fetch_with_its_connection),
        CASE(kserver_answers_in_the_order_of_the_requests),
        CASE(kserver_refuses_bad_batches_by_name),
        CASE(kserver_knows_a_producers_repeats),
        CASE(kserver_acks_0_gets_no_answer),
        CASE(kserver_makes_topics_on_demand),
        CASE(kserver_finds_offsets_by_time),
        CASE(kserver_group_rebalances_as_members_come_and_go),
        CASE(kserver_group_removes_silent_members),
        CASE(kserver_group_fences_static_members),
        CASE(kserver_group_checks_what_is_asked),
        CASE(kserver_commits_survive_a_restart),
        CASE(kserver_members_survive_a_restart),
        CASE(kserver_refuses_commits_of_strangers),
        CASE(kserver_shows_and_alters_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
