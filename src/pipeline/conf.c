/* conf.c - reading sluice.yml. */
#include "pipeline/conf.h"

#include "base/err.h"
#include "net/addr.h"
#include "pipeline/backlog.h"
#include "base/redact.h"
#include "pipeline/field.h"
#include "pipeline/secret.h"

struct load {
    struct conf *conf;
    struct field_in in;
    struct secret_in secret;
};

static const char *const tiers[CONF_TIER_CNT] = {"landing", "log", "registry", "store", "coord"};

static const struct known {
    enum conf_tier tier;
    const char *scheme, *form;
} known[] = {
    {CONF_LANDING, "sqlite:", "sqlite:FILE"},
    {CONF_LANDING, "postgresql://", "postgresql://USER@HOST/DATABASE"},
    {CONF_LANDING, "postgres://", NULL}, /* the same, as other programs write it */
    {CONF_LOG, "kafka://", "kafka://HOST:PORT,HOST:PORT"},
    {CONF_REGISTRY, "http://", "http://HOST:PORT"},
    {CONF_REGISTRY, "https://", "https://HOST"},
    {CONF_STORE, "cassandra://", "cassandra://HOST,HOST"},
    {CONF_COORD, "zookeeper://", "zookeeper://HOST:PORT,HOST:PORT/PATH"},
    {CONF_COORD, "postgresql://", "postgresql://USER@HOST/DATABASE"},
    {CONF_COORD, "postgres://", NULL},
};

const char *conf_tier_name(enum conf_tier tier) {
    return tiers[tier];
}

bool conf_embedded(const struct conf *conf, enum conf_tier tier) {
    return !conf->address[tier].url;
}

/* ---- tiers ---- */

static bool is_known(enum conf_tier tier, struct str url) {
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct str scheme = str_of(known[i].scheme);
        if (known[i].tier == tier && str_starts(url, scheme) && url.len > scheme.len) return true;
    }
    return false;
}

static void report_unknown(struct load *load, const struct ynode *node, enum conf_tier tier) {
    struct buf hint;
    buf_init(&hint, 4 * KIB);
    buf_putz(&hint, "write embedded");
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].tier == tier && known[i].form) buf_printf(&hint, " or %s", known[i].form);
    report_addf(load->in.report, node->at, buf_str(&hint), "%s: '%.*s' is no address it can have",
                tiers[tier], STR_ARG(node->text));
    buf_fini(&hint);
}

/* Is it a place to connect to? The mistake is reported where not. */
static void read_url(struct load *load, const struct ynode *node, enum conf_tier tier) {
    struct str url;
    if (!field_text(&load->in, node, &url)) return;
    if (str_eqz(url, "embedded")) return;
    if (!is_known(tier, url)) {
        report_unknown(load, node, tier);
        return;
    }
    if (secret_url(&load->secret, url, &url)) {
        report_add(load->in.report, node->at, str_of(err_note()), STR(""));
        return;
    }
    load->conf->address[tier].url = url.ptr;
}

/* Names of properties whose values nobody should see, however they were given. */
static bool is_private(struct str name) {
    static const char *const words[] = {"password", "secret", "token", "jaas", "key.pem"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (memmem(name.ptr, name.len, words[i], strlen(words[i]))) return true;
    return false;
}

static void read_property(struct load *load, const struct ynode *key, const struct ynode *node,
                          struct address_property *out) {
    struct str value, name;
    int err = 0;
    if (!field_text(&load->in, node, &value)) return;
    if (secret_named(value, &name)) err = secret_find(&load->secret, name, &value);
    else if (is_private(key->text) && value.len >= REDACT_LEN_MIN) err = redact_add(value);
    if (err) report_add(load->in.report, node->at, str_of(err_note()), STR(""));
    *out = (struct address_property){key->text, value};
}

static void read_properties(struct load *load, const struct ynode *map, struct address *out) {
    if (!field_map(&load->in, map, "properties")) return;
    if (map->cnt > ADDRESS_PROPERTY_MAX) {
        report_addf(load->in.report, map->at, STR(""), "%zu properties; at most %d are taken",
                    map->cnt, ADDRESS_PROPERTY_MAX);
        return;
    }
    struct arena *arena = load->in.arena;
    struct address_property *all = arena_array(arena, struct address_property, map->cnt + 1);
    for (size_t i = 0; i < map->cnt; i++)
        read_property(load, &map->key[i], &map->item[i], &all[i]);
    out->property = all;
    out->property_cnt = map->cnt;
}

static void read_tier(struct load *load, const struct ynode *node, enum conf_tier tier) {
    static const char *const names[] = {"url", "properties"};
    struct address *address = &load->conf->address[tier];
    if (node->kind != YNODE_MAP) {
        read_url(load, node, tier);
        return;
    }
    const struct ynode *url = ynode_get(node, "url"), *map = ynode_get(node, "properties");
    field_known(&load->in, node, names, ARRAY_LEN(names), tiers[tier]);
    if (!url)
        report_addf(load->in.report, node->at, STR("add   url: ..."), "%s has no url",
                    tiers[tier]);
    if (url) read_url(load, url, tier);
    if (map) read_properties(load, map, address);
    if (map && url && str_eqz(url->text, "embedded"))
        report_addf(load->in.report, map->at, STR("leave them out"),
                    "%s: the embedded one takes no properties", tiers[tier]);
}

/* ---- the rest ---- */

static void read_receiver(struct load *load, const struct ynode *key, const struct ynode *node) {
    static const char *const kinds[] = {"webhook", "alertmanager"};
    struct observe_receiver *receiver = &load->conf->receiver[load->conf->receiver_cnt];
    if (!field_map(&load->in, node, "a receiver")) return;
    field_known(&load->in, node, kinds, ARRAY_LEN(kinds), "a receiver");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct ynode *value = ynode_get(node, kinds[i]);
        if (!value || !field_text(&load->in, value, &receiver->url)) continue;
        bool http = str_starts(receiver->url, STR("http://")) ||
                    str_starts(receiver->url, STR("https://"));
        if (!http)
            report_addf(load->in.report, value->at, STR("it starts with http:// or https://"),
                        "'%.*s' is not an address", STR_ARG(receiver->url));
        receiver->name = key->text;
        receiver->kind = i ? OBSERVE_ALERTMANAGER : OBSERVE_WEBHOOK;
        load->conf->receiver_cnt++;
        return;
    }
    report_addf(load->in.report, key->at, STR("add   webhook: http://...   or   alertmanager: ..."),
                "receiver '%.*s' has no address", STR_ARG(key->text));
}

static void read_receivers(struct load *load, const struct ynode *map) {
    if (!field_map(&load->in, map, "receivers")) return;
    load->conf->receiver = arena_array(load->in.arena, struct observe_receiver, map->cnt);
    for (size_t i = 0; i < map->cnt; i++) read_receiver(load, &map->key[i], &map->item[i]);
}

static void read_ports(struct load *load, const struct ynode *map) {
    static const char *const names[] = {"kafka", "cql", "registry", "http", "ui"};
    struct conf *conf = load->conf;
    uint16_t *const port[] = {&conf->port_kafka, &conf->port_cql, &conf->port_registry,
                              &conf->port_http, &conf->port_ui};
    if (!field_map(&load->in, map, "ports")) return;
    field_known(&load->in, map, names, ARRAY_LEN(names), "ports");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct ynode *value = ynode_get(map, names[i]);
        int64_t num;
        if (value && field_int(&load->in, value, 0, 65535, &num)) *port[i] = (uint16_t)num;
    }
}

static void read_backlog(struct load *load, const struct ynode *map) {
    static const char *const names[] = {"changes", "mib"};
    int64_t *const to[] = {&load->conf->backlog_changes, &load->conf->backlog_mib};
    if (!field_map(&load->in, map, "backlog")) return;
    field_known(&load->in, map, names, ARRAY_LEN(names), "backlog");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct ynode *value = ynode_get(map, names[i]);
        if (value) field_int(&load->in, value, 1, INT64_C(1) << 40, to[i]);
    }
}

/* Beyond loopback only on purpose: with the names it is called by, the first told to clients. */
static void read_listen(struct load *load, const struct ynode *node) {
    struct conf *conf = load->conf;
    if (!field_text(&load->in, node, &conf->listen)) return;
    if (addr_is_loopback(conf->listen.ptr)) return;
    if (!conf->host_cnt)
        report_add(load->in.report, node->at,
                   STR("an address beyond this machine needs the names it is called by"),
                   STR("add   hosts: [NAME, ...]   the first is told to Kafka's clients"));
    else if (addr_permit(conf->listen.ptr, conf->host, conf->host_cnt))
        report_add(load->in.report, node->at, str_of(err_note()), STR("listen: 0.0.0.0"));
}

static void read_root(struct load *load, const struct ynode *root) {
    static const char *const names[] = {"landing",   "log",       "registry", "store", "coord",
                                        "receivers", "pipelines", "allow",    "ports", "listen",
                                        "hosts",     "backlog"};
    struct conf *conf = load->conf;
    const struct ynode *value;
    field_known(&load->in, root, names, ARRAY_LEN(names), "sluice.yml");
    for (int tier = 0; tier < CONF_TIER_CNT; tier++)
        if ((value = ynode_get(root, tiers[tier]))) read_tier(load, value, (enum conf_tier)tier);
    if ((value = ynode_get(root, "receivers"))) read_receivers(load, value);
    if ((value = ynode_get(root, "pipelines")))
        field_texts(&load->in, value, &conf->pipeline, &conf->pipeline_cnt);
    if ((value = ynode_get(root, "allow")))
        field_texts(&load->in, value, &conf->allow, &conf->allow_cnt);
    if ((value = ynode_get(root, "ports"))) read_ports(load, value);
    if ((value = ynode_get(root, "backlog"))) read_backlog(load, value);
    if ((value = ynode_get(root, "hosts")))
        field_texts(&load->in, value, &conf->host, &conf->host_cnt);
    if ((value = ynode_get(root, "listen"))) read_listen(load, value);
}

static struct conf *conf_new(void) {
    struct conf *conf = base_calloc(1, sizeof *conf);
    conf->file = STR("");
    conf->listen = STR("127.0.0.1");
    conf->backlog_changes = BACKLOG_CHANGES;
    conf->backlog_mib = BACKLOG_MIB;
    conf->port_kafka = 9092;
    conf->port_cql = 9042;
    conf->port_registry = 8081;
    conf->port_http = 8080;
    conf->port_ui = 9021;
    return conf;
}

static struct str folder_of(struct str path) {
    const char *slash = memrchr(path.ptr, '/', path.len);
    return slash ? (struct str){path.ptr, (size_t)MAX(slash - path.ptr, 1)} : STR("");
}

int conf_load(struct conf **out, struct env *env, const char *path, struct report *report) {
    char *text;
    size_t len, before = report->cnt;
    *out = conf_new();
    if (!path) return 0;
    int err = env_read_whole(env, path, YNODE_FILE_MAX, &text, &len);
    if (err) return err;
    struct conf *conf = *out;
    conf->file = arena_str(&conf->arena, str_of(path));
    struct str source = arena_str(&report->arena, (struct str){text, len});
    base_free(text);
    struct load load = {conf, {&conf->arena, report}, {env, folder_of(conf->file), &conf->arena}};
    struct ynode root;
    err = secret_learn(source);
    if (!err) err = ynode_parse(conf->file, source, &conf->arena, report, &root);
    if (err) return err;
    if (field_map(&load.in, &root, "sluice.yml")) read_root(&load, &root);
    return report->cnt > before ? err_fail(ERR_SYNTAX, "%s has mistakes", path) : 0;
}

void conf_free(struct conf *conf) {
    if (!conf) return;
    arena_fini(&conf->arena);
    base_free(conf);
}
