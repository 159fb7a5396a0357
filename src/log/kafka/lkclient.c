/* lkclient.c - librdkafka's clients: their configuration, their words, their service thread.
 *
 * Every property of sluice.yml reaches every client; librdkafka ignores what is meant for the other
 * kind. A few are ours to set, since what this log promises hangs on them. */
#include "base/diag.h"
#include "base/err.h"
#include "base/mutant.h"
#include "log/kafka/logkafka.h"

#include <stdio.h>

#define SERVE_MS     20
#define PROBE_US     1000000
#define PROBE_MAX_US 5000000
#define PROBE_MS     2000
#define TIDY_US      5000000

/* ---- what errors mean ---- */

enum err lkclient_err(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND: return ERR_NOT_FOUND;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: return ERR_EXISTS;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: return ERR_TOO_BIG;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: return ERR_RANGE;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: return ERR_DENIED;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM: return ERR_AUTH;
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG: return ERR_INVAL;
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE: return ERR_UNSUPPORTED;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT: return ERR_TIMEOUT;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION: return ERR_CORRUPT;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return ERR_AGAIN;
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__DESTROY: return ERR_STOPPED;
    default: return ERR_NET;
    }
}

/* `why` is for want of better words. */
static void set_down(struct logkafka *lk, bool down, const char *why) {
    char text[256];
    pthread_mutex_lock(&lk->lock);
    bool news = lk->down != down;
    lk->down = down;
    if (down && !*lk->why) snprintf(lk->why, sizeof lk->why, "%s", why);
    if (!down) *lk->why = 0;
    snprintf(text, sizeof text, "%s", lk->why);
    lk->moves++;
    pthread_cond_broadcast(&lk->moved);
    pthread_mutex_unlock(&lk->lock);
    if (!news || atomic_load(&lk->stopping)) return;
    if (down) diag_warn("log", "kafka %s cannot be reached, waiting: %s", lk->hosts, text);
    else diag_info("log", "kafka %s answers again", lk->hosts);
}

int lkclient_fail(struct logkafka *lk, rd_kafka_resp_err_t code, const char *what) {
    bool silent = code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
                  code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    if (silent) {
        set_down(lk, true, "it did not answer in time");
        return err_fail(lkclient_err(code), "kafka %s: %s: no answer in time", lk->hosts, what);
    }
    return err_fail(lkclient_err(code), "kafka %s: %s: %s", lk->hosts, what,
                    rd_kafka_err2str(code));
}

int lkclient_alive(struct logkafka *lk) {
    int err = 0;
    if (atomic_load(&lk->stopping)) return err_fail(ERR_STOPPED, "the log is being closed");
    pthread_mutex_lock(&lk->lock);
    if (lk->down)
        err = err_fail(ERR_NET, "kafka %s cannot be reached: %s", lk->hosts, lk->why);
    pthread_mutex_unlock(&lk->lock);
    return err;
}

void lkclient_moved(struct logkafka *lk) {
    pthread_mutex_lock(&lk->lock);
    lk->moves++;
    pthread_cond_broadcast(&lk->moved);
    pthread_mutex_unlock(&lk->lock);
}

/* ---- callbacks ---- */

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct logkafka *lk = opaque;
    char text[256];
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, text, sizeof text);
    if (fatal && rk == lk->producer) {
        if (!atomic_exchange(&lk->broken, true))
            diag_warn("log", "kafka %s: the producer ends and is made anew: %s", lk->hosts, text);
    } else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        set_down(lk, true, "all brokers are down");
    } else {
        pthread_mutex_lock(&lk->lock);
        snprintf(lk->why, sizeof lk->why, "%s", reason);
        pthread_mutex_unlock(&lk->lock);
    }
}

/* The client repeats itself at every attempt to connect; what people need, others here say once. */
static void on_words(const rd_kafka_t *rk UNUSED, int level UNUSED, const char *facility,
                     const char *text) {
    diag_debug("log", "kafka client: %s: %s", facility, text);
}

/* ---- configuration ---- */

static const char *const ours[] = {
    "acks", "allow.auto.create.topics", "auto.offset.reset", "bootstrap.servers",
    "delivery.timeout.ms", "enable.auto.commit", "enable.auto.offset.store",
    "enable.gapless.guarantee", "enable.idempotence", "enable.partition.eof", "group.id",
    "isolation.level", "max.in.flight", "max.in.flight.requests.per.connection",
    "message.send.max.retries", "message.timeout.ms", "metadata.broker.list",
    "plugin.library.paths", "queue.buffering.max.kbytes", "queue.buffering.max.messages",
    "request.required.acks", "retries", "transactional.id",
};

struct setting {
    const char *name, *value;
};
/* Before the user's, so that they win. */
static const struct setting both[] = {
    {"client.id", "sluice"},           {"reconnect.backoff.max.ms", "1000"},
    {"socket.keepalive.enable", "true"}, {"socket.timeout.ms", "20000"},
};
static const struct setting producers[] = {
    {"linger.ms", "1"}, {"message.max.bytes", "16777216"}, {"batch.num.messages", "100000"},
};
static const struct setting consumers[] = {
    {"fetch.wait.max.ms", "50"},     {"fetch.error.backoff.ms", "100"},
    {"queued.max.messages.kbytes", "4096"}, {"check.crcs", "true"},
};
/* After the user's: these are the promise. */
static const struct setting producers_must[] = {
    {"enable.idempotence", "true"}, {"enable.gapless.guarantee", "true"}, {"acks", "all"},
    {"message.timeout.ms", "0"},    {"queue.buffering.max.messages", "0"},
};
static const struct setting plain_producer[] = {{"enable.gapless.guarantee", "false"},
                                                {"enable.idempotence", "false"}};
static const struct setting consumers_must[] = {
    {"auto.offset.reset", "error"},     {"enable.auto.commit", "false"},
    {"enable.partition.eof", "true"},   {"isolation.level", "read_committed"},
    {"allow.auto.create.topics", "false"},
};

static int set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK) return 0;
    return err_fail(ERR_CONFIG, "log: property %s: %s", name, why);
}

static int set_all(rd_kafka_conf_t *conf, const struct setting *setting, size_t cnt) {
    int err = 0;
    for (size_t i = 0; i < cnt && !err; i++) err = set(conf, setting[i].name, setting[i].value);
    return err;
}

static int set_users(struct logkafka *lk, rd_kafka_conf_t *conf) {
    int err = 0;
    for (size_t i = 0; i < lk->property_cnt && !err; i++)
        err = set(conf, lk->property[i].name.ptr, lk->property[i].value.ptr);
    return err;
}

static int open_client(struct logkafka *lk, rd_kafka_type_t type, rd_kafka_t **out) {
    bool put = type == RD_KAFKA_PRODUCER;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    int err = set(conf, "bootstrap.servers", lk->hosts);
    if (!err) err = set_all(conf, both, ARRAY_LEN(both));
    if (!err && put) err = set_all(conf, producers, ARRAY_LEN(producers));
    if (!err && !put) err = set_all(conf, consumers, ARRAY_LEN(consumers));
    if (!err) err = set_users(lk, conf);
    if (!err && put) err = set_all(conf, producers_must, ARRAY_LEN(producers_must));
    if (!err && put && lk->fence) err = set(conf, "transactional.id", lk->term_id);
    if (!err && put && MUTANT("kafka-plain-producer"))
        err = set_all(conf, plain_producer, ARRAY_LEN(plain_producer));
    if (!err && !put) err = set_all(conf, consumers_must, ARRAY_LEN(consumers_must));
    if (err) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    rd_kafka_conf_set_opaque(conf, lk);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_words);
    if (put) rd_kafka_conf_set_dr_msg_cb(conf, lkput_delivered);
    *out = rd_kafka_new(type, conf, why, sizeof why);
    if (*out) return 0;
    rd_kafka_conf_destroy(conf);
    return err_fail(ERR_CONFIG, "log: kafka %s: %s", lk->hosts, why);
}

int lkclient_producer(struct logkafka *lk, rd_kafka_t **out) {
    return open_client(lk, RD_KAFKA_PRODUCER, out);
}

int lkclient_consumer(struct logkafka *lk, rd_kafka_t **out) {
    return open_client(lk, RD_KAFKA_CONSUMER, out);
}

struct gather {
    struct logkafka *lk;
    struct address_property *all;
    size_t cnt;
};

static int add(struct gather *gather, struct str name, struct str value) {
    struct logkafka *lk = gather->lk;
    int64_t number;
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (str_eqz(name, ours[i]))
            return err_fail(ERR_CONFIG, "log: property %s is sluice's own to set; leave it out",
                            ours[i]);
    if (str_eqz(name, "replication.factor")) {
        if (str_i64(value, &number) || number < 1 || number > INT16_MAX)
            return err_fail(ERR_CONFIG, "log: replication.factor is a whole number from 1 on");
        lk->replication = (int32_t)number;
        return 0;
    }
    if (str_eqz(name, "transactions")) {
        lk->no_term = str_eqz(value, "off");
        if (lk->no_term || str_eqz(value, "on")) return 0;
        return err_fail(ERR_CONFIG, "log: transactions is on or off");
    }
    gather->all[gather->cnt++] = (struct address_property){arena_str(&lk->arena, name),
                                                           arena_str(&lk->arena, value)};
    return 0;
}

/* A user in the URL means SASL, over TLS unless the properties say otherwise. */
static int add_user(struct gather *gather, const struct address_url *url) {
    struct str protocol = address_value(gather->all, gather->cnt, "security.protocol");
    struct str mechanism = address_value(gather->all, gather->cnt, "sasl.mechanisms");
    if (!mechanism.ptr) mechanism = address_value(gather->all, gather->cnt, "sasl.mechanism");
    int err = add(gather, STR("sasl.username"), url->user);
    if (!err && url->password.ptr) err = add(gather, STR("sasl.password"), url->password);
    if (!err && !protocol.ptr) err = add(gather, STR("security.protocol"), STR("SASL_SSL"));
    if (!err && !mechanism.ptr) err = add(gather, STR("sasl.mechanism"), STR("PLAIN"));
    return err;
}

int lkclient_configure(struct logkafka *lk, const struct log_conf *conf, const char *at) {
    struct arena arena = ARENA_INIT;
    struct gather gather = {.lk = lk};
    struct address_url url = {0};
    int err = address_parse(arena_printf(&arena, "kafka:%s", at), &arena, &url);
    gather.all = arena_array(&lk->arena, struct address_property,
                             conf->property_cnt + url.query_cnt + 4);
    for (size_t i = 0; i < url.query_cnt && !err; i++)
        err = add(&gather, url.query[i].name, url.query[i].value);
    for (size_t i = 0; i < conf->property_cnt && !err; i++)
        err = add(&gather, conf->property[i].name, conf->property[i].value);
    if (!err && url.user.len) err = add_user(&gather, &url);
    if (!err) lk->hosts = arena_strz(&lk->arena, url.hosts);
    lk->property = gather.all;
    lk->property_cnt = gather.cnt;
    arena_fini(&arena);
    return err;
}

/* ---- service ---- */

/* Asks for the cluster's brokers, no topics: an answer ends the time of being down. */
static bool probe(struct logkafka *lk) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(lk->consumer[0], 0, NULL, &metadata, PROBE_MS);
    if (code) return false;
    rd_kafka_metadata_destroy(metadata);
    set_down(lk, false, "");
    return true;
}

static void poll_consumers(struct logkafka *lk) {
    rd_kafka_t *consumer[LOGKAFKA_READER_MAX];
    pthread_mutex_lock(&lk->lock);
    memcpy(consumer, lk->consumer, sizeof consumer);
    pthread_mutex_unlock(&lk->lock);
    for (int i = 0; i < LOGKAFKA_READER_MAX; i++)
        if (consumer[i]) rd_kafka_poll(consumer[i], 0);
}

static bool is_down(struct logkafka *lk) {
    pthread_mutex_lock(&lk->lock);
    bool down = lk->down;
    pthread_mutex_unlock(&lk->lock);
    return down;
}

static void *serve(void *arg) {
    struct logkafka *lk = arg;
    struct env *env = lk->base.env;
    int64_t probe_us = 0, wait_us = PROBE_US, tidy_us = env_mono_us(env) + TIDY_US;
    pthread_setname_np(pthread_self(), "log-kafka");
    while (!atomic_load(&lk->closing)) {
        rd_kafka_poll(lk->fence ? lk->consumer[0] : lk->producer, SERVE_MS);
        poll_consumers(lk);
        if (atomic_load(&lk->broken) && !lk->fence) lkput_renew(lk);
        int64_t now_us = env_mono_us(env);
        if (is_down(lk) && now_us >= probe_us) {
            wait_us = probe(lk) ? PROBE_US : MIN(wait_us * 2, PROBE_MAX_US);
            int64_t jitter_us = (int64_t)(env_random_u64(env) % (uint64_t)(wait_us / 2));
            probe_us = env_mono_us(env) + wait_us / 2 + jitter_us;
        }
        if (now_us < tidy_us) continue;
        tidy_us = now_us + TIDY_US;
        lkread_tidy(lk);
    }
    return NULL;
}

int lkclient_serve(struct logkafka *lk) {
    int errnum = pthread_create(&lk->service, NULL, serve, lk);
    if (errnum) return err_fail_os(ERR_AGAIN, errnum, "cannot start the log's thread");
    lk->serving = true;
    return 0;
}

void lkclient_close(struct logkafka *lk) {
    if (lk->producer) lkput_stop(&lk->base);
    while (lk->serving && atomic_load(&lk->waiting)) env_sleep_us(lk->base.env, 1000);
    atomic_store(&lk->closing, true);
    if (lk->serving) pthread_join(lk->service, NULL);
    if (lk->termed) pthread_join(lk->term, NULL);
    lkread_close(lk);
    if (lk->producer) rd_kafka_destroy(lk->producer);
    for (int i = 0; i < LOGKAFKA_READER_MAX; i++)
        if (lk->consumer[i])
            rd_kafka_destroy_flags(lk->consumer[i], RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
