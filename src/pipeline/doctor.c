/* doctor.c - asking each tier, and the remedy for what it says. */
#include "pipeline/doctor.h"

#include "base/err.h"
#include "landing/landing.h"
#include "log/log.h"
#include "registry/registry.h"
#include "store/store.h"

struct look {
    const struct doctor_conf *conf;
    doctor_say_fn *say;
    void *arg;
    struct arena arena;
    const char *tier;
    enum doctor_state worst;
};

static void say(struct look *look, enum doctor_state state, struct str text, const char *remedy) {
    struct doctor_finding finding = {look->tier, state, text, str_of(remedy)};
    look->worst = MAX(look->worst, state);
    look->say(look->arg, &finding);
}

static void well(struct look *look, struct str text) {
    say(look, DOCTOR_OK, text, "");
}

/* What to do about an error of any tier. */
static const char *remedy_of(int err) {
    switch (err) {
    case ERR_NET:
    case ERR_TIMEOUT:
        return "start it, or mend the address in sluice.yml; does a firewall or TLS stand between?";
    case ERR_AUTH: return "mend user and password, or the SASL properties, in sluice.yml";
    case ERR_DENIED: return "give our user the right that is named";
    case ERR_CONFIG:
    case ERR_UNSUPPORTED: return "mend the address or the property in sluice.yml";
    default: return "see what it says";
    }
}

static void bad(struct look *look, int err) {
    say(look, DOCTOR_BAD, arena_str(&look->arena, str_of(err_note())), remedy_of(err));
}

static const struct address *address_of(const struct look *look, enum conf_tier tier) {
    return &look->conf->conf->address[tier];
}

static bool is_embedded(struct look *look, enum conf_tier tier) {
    look->tier = conf_tier_name(tier);
    if (!conf_embedded(look->conf->conf, tier)) return false;
    well(look, arena_printf(&look->arena, "embedded, in %s", look->conf->data));
    return true;
}

/* ---- log ---- */

/* The settings that what is promised hangs on. */
static void look_at_topic(struct look *look, const struct log_topic *topic) {
    int64_t bytes;
    struct str most = log_setting_of(topic, "max.message.bytes");
    struct str policy = log_setting_of(topic, "cleanup.policy");
    if (topic->internal) return;
    if (most.ptr && !str_i64(most, &bytes) && bytes < 1000000)
        say(look, DOCTOR_WARN,
            arena_printf(&look->arena, "topic %.*s takes records of %" PRId64 " bytes at most",
                         STR_ARG(topic->name), bytes),
            "raise max.message.bytes, or a bigger row stops its capture");
    if (str_eqz(policy, "compact"))
        say(look, DOCTOR_WARN,
            arena_printf(&look->arena, "topic %.*s is compacted", STR_ARG(topic->name)),
            "a query that starts late sees only each key's last record there");
}

static void look_at_log(struct look *look) {
    if (is_embedded(look, CONF_LOG)) return;
    const struct address *at = address_of(look, CONF_LOG);
    struct log_conf conf = {.env = look->conf->env, .url = at->url, .property = at->property,
                            .property_cnt = at->property_cnt};
    struct log_topic *topic;
    struct log_group *group;
    struct log *log;
    size_t cnt, groups;
    int err = log_open(&log, &conf);
    if (!err) err = log_topic_list(log, &look->arena, &topic, &cnt);
    if (!err) well(look, arena_printf(&look->arena, "reached; %zu topics may be described", cnt));
    else bad(look, err);
    for (size_t i = 0; i < cnt && !err; i++) look_at_topic(look, &topic[i]);
    if (!err && log_group_list(log, &look->arena, &group, &groups))
        say(look, DOCTOR_WARN, arena_str(&look->arena, str_of(err_note())),
            "allow our user to describe groups, or the page of groups stays empty");
    if (!err && !cnt)
        say(look, DOCTOR_WARN, STR("it shows no topic"),
            "a new cluster has none; else give our user the right to describe topics");
    log_close(log);
}

/* ---- registry ---- */

static void look_at_registry(struct look *look) {
    if (is_embedded(look, CONF_REGISTRY)) return;
    const struct address *at = address_of(look, CONF_REGISTRY);
    struct registry_conf conf = {.env = look->conf->env, .url = at->url, .property = at->property,
                                 .property_cnt = at->property_cnt};
    struct registry *registry;
    struct registry_config config;
    struct str *subject;
    size_t cnt;
    int err = registry_open(&registry, &conf);
    if (!err) err = registry_config(registry, STR_NULL, &config);
    if (!err) err = registry_subjects(registry, &look->arena, &subject, &cnt);
    if (err) bad(look, err);
    else
        well(look, arena_printf(&look->arena, "reached; %zu subjects, compatibility %s", cnt,
                                registry_level_name(config.level)));
    bool forward = !err && (config.level == REGISTRY_FORWARD || config.level == REGISTRY_FULL ||
                            config.level == REGISTRY_FORWARD_TRANSITIVE ||
                            config.level == REGISTRY_FULL_TRANSITIVE);
    if (forward)
        say(look, DOCTOR_WARN, arena_printf(&look->arena, "new subjects are %s",
                                            registry_level_name(config.level)),
            "capture widens schemas, which only BACKWARD or NONE allow; set it for our subjects");
    registry_close(registry);
}

/* ---- the others, by opening them ---- */

static void look_at_landing(struct look *look) {
    if (is_embedded(look, CONF_LANDING)) return;
    const struct address *at = address_of(look, CONF_LANDING);
    struct landing_conf conf = {.env = look->conf->env, .url = at->url, .property = at->property,
                                .property_cnt = at->property_cnt};
    struct landing_info *table;
    struct landing *landing;
    size_t cnt;
    int err = landing_open(&landing, &conf);
    if (!err) err = landing_tables(landing, &look->arena, &table, &cnt);
    if (err) bad(look, err);
    else well(look, arena_printf(&look->arena, "reached; %zu tables", cnt));
    landing_close(landing);
}

static void look_at_store(struct look *look) {
    if (is_embedded(look, CONF_STORE)) return;
    const struct address *at = address_of(look, CONF_STORE);
    struct store_conf conf = {.env = look->conf->env, .url = at->url, .property = at->property,
                              .property_cnt = at->property_cnt};
    struct store_keyspace *keyspace;
    struct store *store;
    size_t cnt;
    int err = store_open(&store, &conf);
    if (!err) err = store_keyspaces(store, &look->arena, &keyspace, &cnt);
    if (err) bad(look, err);
    else well(look, arena_printf(&look->arena, "reached; %zu keyspaces", cnt));
    store_close(store);
}

enum doctor_state doctor_look(const struct doctor_conf *conf, doctor_say_fn *fn, void *arg) {
    struct look look = {.conf = conf, .say = fn, .arg = arg};
    look_at_landing(&look);
    look_at_log(&look);
    look_at_registry(&look);
    look_at_store(&look);
    look.tier = conf_tier_name(CONF_COORD);
    if (!conf_embedded(conf->conf, CONF_COORD))
        well(&look, STR("not asked: asking would be to stand for election"));
    arena_fini(&look.arena);
    return look.worst;
}
