/* kapi_configs.c - DescribeConfigs, AlterConfigs, IncrementalAlterConfigs.
 *
 * A topic's settings are the log's (log_setting.h); here stands what clients are told beside them:
 * types and the broker setting that a default comes from. A broker's settings are a short read-only
 * list of what clients and tools ask for. */
#include "log/server/kapi.h"

#include "base/err.h"
#include "log/log_setting.h"
#include "log/server/kerr.h"

enum { RES_TOPIC = 2, RES_BROKER = 4 };
enum { SOURCE_TOPIC = 1, SOURCE_STATIC = 4, SOURCE_DEFAULT = 5 };
enum { T_BOOL = 1, T_STRING = 2, T_INT = 3, T_LONG = 5, T_DOUBLE = 6, T_LIST = 7 };

struct row {
    const char *name, *broker; /* the broker setting behind the default; NULL: none */
    int8_t type;
};
static const struct row rows[] = {
    {"cleanup.policy", "log.cleanup.policy", T_LIST},
    {"compression.gzip.level", "compression.gzip.level", T_INT},
    {"compression.lz4.level", "compression.lz4.level", T_INT},
    {"compression.type", "compression.type", T_STRING},
    {"compression.zstd.level", "compression.zstd.level", T_INT},
    {"delete.retention.ms", "log.cleaner.delete.retention.ms", T_LONG},
    {"file.delete.delay.ms", "log.segment.delete.delay.ms", T_LONG},
    {"flush.messages", "log.flush.interval.messages", T_LONG},
    {"flush.ms", NULL, T_LONG},
    {"follower.replication.throttled.replicas", NULL, T_LIST},
    {"index.interval.bytes", "log.index.interval.bytes", T_INT},
    {"leader.replication.throttled.replicas", NULL, T_LIST},
    {"local.retention.bytes", "log.local.retention.bytes", T_LONG},
    {"local.retention.ms", "log.local.retention.ms", T_LONG},
    {"max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", T_LONG},
    {"max.message.bytes", "message.max.bytes", T_INT},
    {"message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms", T_LONG},
    {"message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms", T_LONG},
    {"message.timestamp.type", "log.message.timestamp.type", T_STRING},
    {"min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio", T_DOUBLE},
    {"min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms", T_LONG},
    {"min.insync.replicas", "min.insync.replicas", T_INT},
    {"preallocate", "log.preallocate", T_BOOL},
    {"remote.log.copy.disable", NULL, T_BOOL},
    {"remote.log.delete.on.disable", NULL, T_BOOL},
    {"remote.storage.enable", NULL, T_BOOL},
    {"retention.bytes", "log.retention.bytes", T_LONG},
    {"retention.ms", NULL, T_LONG},
    {"segment.bytes", "log.segment.bytes", T_INT},
    {"segment.index.bytes", "log.index.size.max.bytes", T_INT},
    {"segment.jitter.ms", NULL, T_LONG},
    {"segment.ms", NULL, T_LONG},
    {"unclean.leader.election.enable", "unclean.leader.election.enable", T_BOOL},
};

static const struct row *row_of(struct str name) {
    static const struct row other = {NULL, NULL, T_STRING};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(name, rows[i].name)) return &rows[i];
    return &other;
}

static const struct log_setting *set_value(const struct log_topic *topic, struct str name) {
    for (size_t i = 0; i < topic->setting_cnt; i++)
        if (str_eq(topic->setting[i].name, name)) return &topic->setting[i];
    return NULL;
}

static size_t setting_cnt(void) {
    struct str name, value;
    size_t cnt = 0;
    while (log_setting_at(cnt, &name, &value))
        cnt++;
    return cnt;
}

/* ---- DescribeConfigs ---- */

static bool is_asked(const struct describe_configs_request_resource *in, struct str name) {
    if (!in->configuration_keys) return true;
    for (size_t i = 0; i < in->configuration_keys_cnt; i++)
        if (str_eq(in->configuration_keys[i], name)) return true;
    return false;
}

static void add_synonym(struct describe_configs_response_config *c, struct str name,
                        struct str value, int8_t source) {
    c->synonyms[c->synonyms_cnt++] =
        (struct describe_configs_response_synonym){name, value, source};
}

static void describe_topic(struct kreq *req, const struct describe_configs_request_resource *in,
                           struct describe_configs_response_result *out) {
    const struct describe_configs_request *all = req->in;
    struct log_topic topic;
    out->error_code = ktopics_get(req->server, in->resource_name, NULL, &req->arena, &topic);
    if (out->error_code) return;
    out->configs = KMSG_ARRAY(&req->arena, describe_configs_response_config, setting_cnt());
    struct str name, value;
    for (size_t i = 0; log_setting_at(i, &name, &value); i++) {
        const struct log_setting *set = set_value(&topic, name);
        const struct row *row = row_of(name);
        if (!is_asked(in, name)) continue;
        struct describe_configs_response_config *c = &out->configs[out->configs_cnt++];
        c->name = name;
        c->value = set ? set->value : value;
        c->config_source = set ? SOURCE_TOPIC : SOURCE_DEFAULT;
        c->config_type = row->type;
        if (!all->include_synonyms) continue;
        c->synonyms = KMSG_ARRAY(&req->arena, describe_configs_response_synonym, 2);
        if (set) add_synonym(c, name, set->value, SOURCE_TOPIC);
        if (row->broker) add_synonym(c, str_of(row->broker), value, SOURCE_DEFAULT);
    }
}

struct fact { /* one broker setting */
    const char *name;
    struct str value;
    int8_t type, source;
};

static void describe_broker(struct kreq *req, const struct describe_configs_request_resource *in,
                            struct describe_configs_response_result *out) {
    const struct kserver_conf *conf = &req->server->conf;
    struct arena *arena = &req->arena;
    int64_t node;
    if (in->resource_name.len && (str_i64(in->resource_name, &node) || node != KSERVER_NODE)) {
        out->error_code = KERR_INVALID_REQUEST;
        out->error_message = STR("the only broker is 1");
        return;
    }
    const struct fact fact[] = {
        {"advertised.listeners",
         arena_printf(arena, "PLAINTEXT://%s:%u", conf->advertised_host, conf->advertised_port),
         T_LIST, SOURCE_STATIC},
        {"auto.create.topics.enable", conf->no_auto_create ? STR("false") : STR("true"), T_BOOL,
         SOURCE_STATIC},
        {"broker.id", STR("1"), T_INT, SOURCE_STATIC},
        {"default.replication.factor", STR("1"), T_INT, SOURCE_DEFAULT},
        {"delete.topic.enable", STR("true"), T_BOOL, SOURCE_DEFAULT},
        {"group.initial.rebalance.delay.ms",
         arena_printf(arena, "%d", conf->rebalance_delay_ms), T_INT, SOURCE_STATIC},
        {"group.max.session.timeout.ms", arena_printf(arena, "%d", conf->session_max_ms), T_INT,
         SOURCE_STATIC},
        {"group.min.session.timeout.ms", arena_printf(arena, "%d", conf->session_min_ms), T_INT,
         SOURCE_STATIC},
        {"listeners", arena_printf(arena, "PLAINTEXT://%s:%u", conf->host, conf->port), T_LIST,
         SOURCE_STATIC},
        {"log.cleanup.policy", STR("delete"), T_LIST, SOURCE_DEFAULT},
        {"log.retention.hours", STR("168"), T_INT, SOURCE_DEFAULT},
        {"message.max.bytes", STR("1048588"), T_INT, SOURCE_DEFAULT},
        {"min.insync.replicas", STR("1"), T_INT, SOURCE_DEFAULT},
        {"node.id", STR("1"), T_INT, SOURCE_STATIC},
        {"num.partitions", arena_printf(arena, "%d", conf->default_parts), T_INT, SOURCE_STATIC},
        {"offsets.retention.minutes", arena_printf(arena, "%d", conf->offsets_retention_min),
         T_INT, SOURCE_STATIC},
        {"offsets.topic.num.partitions", STR("1"), T_INT, SOURCE_STATIC},
        {"offsets.topic.replication.factor", STR("1"), T_INT, SOURCE_STATIC},
        {"process.roles", STR("broker,controller"), T_LIST, SOURCE_STATIC},
        {"socket.request.max.bytes", arena_printf(arena, "%zu", KSERVER_FRAME_MAX), T_INT,
         SOURCE_STATIC},
    };
    out->configs = KMSG_ARRAY(arena, describe_configs_response_config, ARRAY_LEN(fact));
    for (size_t i = 0; i < ARRAY_LEN(fact); i++) {
        if (!is_asked(in, str_of(fact[i].name))) continue;
        struct describe_configs_response_config *c = &out->configs[out->configs_cnt++];
        c->name = str_of(fact[i].name);
        c->value = fact[i].value;
        c->read_only = true;
        c->config_source = fact[i].source;
        c->config_type = fact[i].type;
    }
}

void kapi_configs_describe(struct kreq *req) {
    const struct describe_configs_request *in = req->in;
    struct describe_configs_response *out = req->out;
    out->results_cnt = in->resources_cnt;
    out->results = KMSG_ARRAY(&req->arena, describe_configs_response_result, in->resources_cnt);
    for (size_t i = 0; i < in->resources_cnt; i++) {
        const struct describe_configs_request_resource *from = &in->resources[i];
        struct describe_configs_response_result *to = &out->results[i];
        to->resource_type = from->resource_type;
        to->resource_name = from->resource_name;
        if (from->resource_type == RES_TOPIC) {
            describe_topic(req, from, to);
        } else if (from->resource_type == RES_BROKER) {
            describe_broker(req, from, to);
        } else {
            to->error_code = KERR_INVALID_REQUEST;
            to->error_message = STR("only topics and brokers have settings here");
        }
    }
    kreq_reply(req);
}

void kapi_configs_of_new(struct kreq *req, const struct log_topic *topic,
                         struct create_topics_response_topic *out) {
    out->configs = KMSG_ARRAY(&req->arena, create_topics_response_config, setting_cnt());
    struct str name, value;
    for (size_t i = 0; log_setting_at(i, &name, &value); i++) {
        const struct log_setting *set = set_value(topic, name);
        struct create_topics_response_config *c = &out->configs[out->configs_cnt++];
        c->name = name;
        c->value = set ? set->value : value;
        c->config_source = set ? SOURCE_TOPIC : SOURCE_DEFAULT;
    }
}

/* ---- altering ---- */

struct outcome { /* of one resource, in either API */
    int16_t code;
    struct str message;
};

static struct outcome find_alterable(struct kreq *req, int8_t type, struct str name,
                                     struct log_topic *topic) {
    if (type != RES_TOPIC)
        return (struct outcome){KERR_INVALID_REQUEST, STR("only topics' settings can be altered")};
    return (struct outcome){ktopics_get(req->server, name, NULL, &req->arena, topic), STR_NULL};
}

static struct outcome apply(struct kreq *req, struct str topic, const struct log_setting *setting,
                            size_t cnt, bool validate_only) {
    int err = 0;
    for (size_t i = 0; !err && i < cnt; i++)
        if (setting[i].value.ptr) err = log_setting_check(setting[i].name, setting[i].value);
    if (!err && !validate_only) err = log_topic_set(req->server->log, topic, setting, cnt);
    if (!err) return (struct outcome){KERR_NONE, STR_NULL};
    int16_t code = err == ERR_INVAL ? KERR_INVALID_CONFIG : err_kafka(err);
    return (struct outcome){code, arena_printf(&req->arena, "%s", err_note())};
}

/* The old way: what is not named goes back to its default. */
static struct outcome alter_all(struct kreq *req,
                                const struct alter_configs_request_resource *in) {
    const struct alter_configs_request *all = req->in;
    struct log_topic topic;
    struct outcome found = find_alterable(req, in->resource_type, in->resource_name, &topic);
    if (found.code) return found;
    struct log_setting *setting = arena_array(&req->arena, struct log_setting,
                                              in->configs_cnt + topic.setting_cnt + 1);
    size_t cnt = 0;
    for (size_t i = 0; i < topic.setting_cnt; i++)
        setting[cnt++] = (struct log_setting){topic.setting[i].name, STR_NULL};
    for (size_t i = 0; i < in->configs_cnt; i++) {
        size_t at = 0;
        while (at < cnt && !str_eq(setting[at].name, in->configs[i].name))
            at++;
        setting[at] = (struct log_setting){in->configs[i].name, in->configs[i].value};
        if (at == cnt) cnt++;
    }
    return apply(req, topic.name, setting, cnt, all->validate_only);
}

void kapi_configs_alter(struct kreq *req) {
    const struct alter_configs_request *in = req->in;
    struct alter_configs_response *out = req->out;
    out->responses_cnt = in->resources_cnt;
    out->responses = KMSG_ARRAY(&req->arena, alter_configs_response_resource, in->resources_cnt);
    for (size_t i = 0; i < in->resources_cnt; i++) {
        struct outcome outcome = alter_all(req, &in->resources[i]);
        out->responses[i].error_code = outcome.code;
        out->responses[i].error_message = outcome.message;
        out->responses[i].resource_type = in->resources[i].resource_type;
        out->responses[i].resource_name = in->resources[i].resource_name;
    }
    kreq_reply(req);
}

enum { OP_SET, OP_DELETE, OP_APPEND, OP_SUBTRACT };

static bool has_word(struct str list, struct str word) {
    for (struct str rest = list; rest.ptr && rest.len;)
        if (str_eq(str_trim(str_cut(rest, ',', &rest)), word)) return true;
    return false;
}

/* `list` with the words of `words` added, or taken out. */
static struct str edit_list(struct arena *arena, struct str list, struct str words, bool add) {
    struct str out = STR("");
    for (struct str rest = list; rest.ptr && rest.len;) {
        struct str word = str_trim(str_cut(rest, ',', &rest));
        if (!word.len || (!add && has_word(words, word))) continue;
        out = arena_printf(arena, "%.*s%s%.*s", STR_ARG(out), out.len ? "," : "", STR_ARG(word));
    }
    for (struct str rest = words; add && rest.ptr && rest.len;) {
        struct str word = str_trim(str_cut(rest, ',', &rest));
        if (!word.len || has_word(out, word)) continue;
        out = arena_printf(arena, "%.*s%s%.*s", STR_ARG(out), out.len ? "," : "", STR_ARG(word));
    }
    return out;
}

static struct outcome alter_some(struct kreq *req,
                                 const struct incremental_alter_configs_request_resource *in) {
    const struct incremental_alter_configs_request *all = req->in;
    struct log_topic topic;
    struct outcome found = find_alterable(req, in->resource_type, in->resource_name, &topic);
    if (found.code) return found;
    struct log_setting *setting =
        arena_array(&req->arena, struct log_setting, MAX(in->configs_cnt, 1));
    for (size_t i = 0; i < in->configs_cnt; i++) {
        const struct incremental_alter_configs_request_config *c = &in->configs[i];
        bool on_list = c->config_operation == OP_APPEND || c->config_operation == OP_SUBTRACT;
        setting[i].name = c->name;
        if (c->config_operation < OP_SET || c->config_operation > OP_SUBTRACT ||
            (c->config_operation != OP_DELETE && !c->value.ptr))
            return (struct outcome){KERR_INVALID_REQUEST, STR("an operation that does not exist "
                                                              "or lacks its value")};
        if (on_list && row_of(c->name)->type != T_LIST)
            return (struct outcome){KERR_INVALID_CONFIG, STR("only lists can be appended to or "
                                                             "subtracted from")};
        if (on_list) {
            char *name = arena_strz(&req->arena, c->name);
            setting[i].value = edit_list(&req->arena, log_setting_of(&topic, name), c->value,
                                         c->config_operation == OP_APPEND);
        } else if (c->config_operation == OP_SET) {
            setting[i].value = c->value;
        }
    }
    return apply(req, topic.name, setting, in->configs_cnt, all->validate_only);
}

void kapi_configs_alter_some(struct kreq *req) {
    const struct incremental_alter_configs_request *in = req->in;
    struct incremental_alter_configs_response *out = req->out;
    out->responses_cnt = in->resources_cnt;
    out->responses =
        KMSG_ARRAY(&req->arena, incremental_alter_configs_response_resource, in->resources_cnt);
    for (size_t i = 0; i < in->resources_cnt; i++) {
        struct outcome outcome = alter_some(req, &in->resources[i]);
        out->responses[i].error_code = outcome.code;
        out->responses[i].error_message = outcome.message;
        out->responses[i].resource_type = in->resources[i].resource_type;
        out->responses[i].resource_name = in->resources[i].resource_name;
    }
    kreq_reply(req);
}
