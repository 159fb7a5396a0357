/* lkdoctor.c - can this cluster be used? Asked without making anything.
 *
 * Kafka tells its clients no version: it is read off the names of the brokers' settings. Whether a
 * topic may be made is asked by a request to make one that is only to be checked. */
#include "base/err.h"
#include "log/kafka/logkafka.h"

#include <stdio.h>

#define PROBE   "sluice-doctor"
#define BIG     "8388608" /* max.message.bytes of the topics that a pipeline makes */
#define BIG_MIN 1000000
#define TELL_US 500000

struct look {
    struct logkafka *lk;
    const struct finding_to *to;
    struct arena arena;
    int32_t brokers, some; /* how many; the id of one */
    struct log_setting *setting;
    size_t setting_cnt;
};

static struct str setting_of(const struct look *look, const char *name) {
    for (size_t i = 0; i < look->setting_cnt; i++)
        if (str_eqz(look->setting[i].name, name)) return look->setting[i].value;
    return STR_NULL;
}

static int64_t number_of(const struct look *look, const char *name, int64_t other) {
    int64_t number;
    struct str text = setting_of(look, name);
    return text.ptr && !str_i64(text, &number) ? number : other;
}

/* ---- reaching it ---- */

/* A client that cannot log in only sees that nothing answers: its last words say why. */
static int unreached(struct look *look, rd_kafka_resp_err_t code) {
    struct logkafka *lk = look->lk;
    char why[sizeof lk->why];
    env_sleep_us(lk->base.env, TELL_US); /* until the service thread has heard it */
    pthread_mutex_lock(&lk->lock);
    memcpy(why, lk->why, sizeof why);
    pthread_mutex_unlock(&lk->lock);
    if (!*why) return lkclient_fail(lk, code, "asked for its brokers");
    bool login = strstr(why, "uthentication") || strstr(why, "SASL");
    if (strstr(why, "SCRAM"))
        finding_bad(look->to, "PLAIN over TLS (sasl.mechanism: PLAIN, security.protocol: "
                    "sasl_ssl), or a newer librdkafka, when user and password are right",
                    "librdkafka %s may fail SCRAM with Kafka 3.9 and newer, which check more "
                    "strictly", rd_kafka_version_str());
    return err_fail(login ? ERR_AUTH : ERR_NET, "kafka %s: %s", lk->hosts, why);
}

static void look_at_partitions(struct look *look, const struct rd_kafka_metadata *all) {
    int parts = 0, headless = 0, thin = 0;
    for (int t = 0; t < all->topic_cnt; t++)
        for (int p = 0; p < all->topics[t].partition_cnt; p++) {
            const struct rd_kafka_metadata_partition *part = &all->topics[t].partitions[p];
            parts++;
            headless += part->leader < 0;
            thin += part->isr_cnt < part->replica_cnt;
        }
    if (headless)
        finding_bad(look->to, "start the brokers that have them; appends there wait meanwhile",
                    "%d of %d partitions have no leader", headless, parts);
    if (thin)
        finding_warn(look->to, "start or mend the brokers that are behind",
                     "%d of %d partitions have fewer replicas in sync than they should", thin,
                     parts);
}

static int reach(struct look *look) {
    const struct rd_kafka_metadata *all;
    rd_kafka_resp_err_t code = rd_kafka_metadata(look->lk->consumer[0], 1, NULL, &all,
                                                 LOGKAFKA_REQUEST_MS);
    if (code) return unreached(look, code);
    look->brokers = all->broker_cnt;
    look->some = all->broker_cnt ? all->brokers[0].id : -1;
    finding_ok(look->to, "reached: %d broker%s, %d topics may be described", all->broker_cnt,
               all->broker_cnt == 1 ? "" : "s", all->topic_cnt);
    look_at_partitions(look, all);
    rd_kafka_metadata_destroy(all);
    return 0;
}

/* ---- what the brokers are, and how they are set ---- */

static void look_at_version(struct look *look) {
    struct str protocol = setting_of(look, "inter.broker.protocol.version");
    struct str keeper = setting_of(look, "zookeeper.connect");
    char version[32];
    snprintf(version, sizeof version, "%.*s", STR_ARG(protocol));
    if (protocol.ptr && !finding_known(version, "2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 3"))
        finding_warn(look->to, "2.1 to 4 were tried; an older one lacks requests that are needed",
                     "version: its protocol is %s, which is not one we know", version);
    else if (protocol.ptr)
        finding_ok(look->to, "version: Kafka %s, %s", version,
                   keeper.len ? "with ZooKeeper" : "with its own controllers");
    else if (setting_of(look, "process.roles").ptr)
        finding_ok(look->to, "version: Kafka 4, or what speaks as it does");
    else
        finding_warn(look->to, "2.1 and newer can be used; try `sluice topic list` on it",
                     "version: its settings do not say what it is");
}

static void look_at_copies(struct look *look) {
    int64_t copies = look->lk->replication;
    int64_t least = number_of(look, "min.insync.replicas", 1);
    if (copies < 0) copies = number_of(look, "default.replication.factor", 1);
    if (copies == 1 && look->brokers > 1)
        finding_warn(look->to, "write   properties: {replication.factor: 3}   below log in "
                     "sluice.yml",
                     "topics that we make have one copy, on one of %d brokers: they are lost with "
                     "it", look->brokers);
    else if (copies > look->brokers)
        finding_bad(look->to, "lower replication.factor, or start more brokers",
                    "topics that we make want %" PRId64 " copies, and there are %d brokers",
                    copies, look->brokers);
    else if (copies > 1 && least >= copies)
        finding_warn(look->to, "set min.insync.replicas to one less than the copies",
                     "min.insync.replicas is %" PRId64 " of %" PRId64 " copies: one broker away "
                     "stops all appends", least, copies);
    else if (copies > 1 && least < 2)
        finding_warn(look->to, "set min.insync.replicas=2 on the brokers",
                     "min.insync.replicas is 1: an append may be acknowledged by one broker alone "
                     "and lost with it");
    else
        finding_ok(look->to, "copies: %" PRId64 ", acknowledged by %" PRId64 " at least", copies,
                   MIN(least, copies));
}

static void look_at_settings(struct look *look) {
    int err = lkadmin_broker(look->lk, look->some, &look->arena, &look->setting,
                             &look->setting_cnt);
    if (err) {
        finding_warn(look->to, "allow our user DescribeConfigs on the cluster, to be told more",
                     "%s", err_note());
        return;
    }
    look_at_version(look);
    look_at_copies(look);
    if (str_eqz(setting_of(look, "unclean.leader.election.enable"), "true"))
        finding_warn(look->to, "set unclean.leader.election.enable=false on the brokers",
                     "a broker that was behind may become leader: acknowledged records are lost "
                     "then");
    if (str_eqz(setting_of(look, "auto.create.topics.enable"), "true"))
        finding_ok(look->to, "auto.create.topics.enable is on: not used, a pipeline makes its "
                   "topics itself");
    int64_t most = number_of(look, "message.max.bytes", 0);
    if (most && most < BIG_MIN)
        finding_warn(look->to, "raise message.max.bytes on the brokers",
                     "message.max.bytes is %" PRId64 ": bigger records of topics that others make "
                     "are refused", most);
}

/* ---- rights ---- */

static void look_at_rights(struct look *look) {
    struct log_setting big = {STR("max.message.bytes"), STR(BIG)};
    struct log_group *group;
    size_t cnt;
    int err = lkadmin_may_create(look->lk, PROBE, &big);
    if (!err || err == ERR_EXISTS)
        finding_ok(look->to, "topics may be made (asked; none was made)");
    else if (err == ERR_DENIED)
        finding_bad(look->to, "allow our user Create on the cluster, or make the topics by hand "
                    "before the pipeline starts: it uses what is there", "no topic may be made: %s",
                    err_note());
    else finding_err(look->to, err);
    cnt = 0;
    if (lkgroup_list(&look->lk->base, &look->arena, &group, &cnt))
        finding_warn(look->to, "allow our user Describe on groups, or the page of groups stays "
                     "empty", "%s", err_note());
}

/* The settings of topics that are there. */
static void look_at_topics(struct look *look) {
    struct log_topic *topic;
    size_t cnt = 0;
    int64_t bytes;
    if (lkadmin_list(&look->lk->base, &look->arena, &topic, &cnt)) finding_err(look->to, ERR_NET);
    for (size_t i = 0; i < cnt; i++) {
        struct str most = log_setting_of(&topic[i], "max.message.bytes");
        if (topic[i].internal) continue;
        if (most.ptr && !str_i64(most, &bytes) && bytes < BIG_MIN)
            finding_warn(look->to, "raise max.message.bytes, or a bigger row stops its capture",
                         "topic %.*s takes records of %" PRId64 " bytes at most",
                         STR_ARG(topic[i].name), bytes);
        if (str_eqz(log_setting_of(&topic[i], "cleanup.policy"), "compact"))
            finding_warn(look->to, "a query that starts late sees only each key's last record "
                         "there", "topic %.*s is compacted", STR_ARG(topic[i].name));
    }
}

void lkdoctor_look(const struct log_conf *conf, const char *at, const struct finding_to *to) {
    struct look look = {.to = to};
    struct log *log;
    int err = lkopen_open(&log, conf, at);
    if (err) {
        finding_err(to, err);
        return;
    }
    look.lk = logkafka_of(log);
    err = reach(&look);
    if (err) finding_err(to, err);
    if (!err) look_at_settings(&look);
    if (!err) look_at_rights(&look);
    if (!err) look_at_topics(&look);
    log_stop(log);
    log_close(log);
    arena_fini(&look.arena);
}
