/* conf.c - reading sluice.yml. */
#include "pipeline/conf.h"

#include "base/err.h"
#include "pipeline/field.h"

struct load {
    struct conf *conf;
    struct field_in in;
};

static const char *const tiers[CONF_TIER_CNT] = {"landing", "log", "registry", "store", "coord"};

const char *conf_tier_name(enum conf_tier tier) {
    return tiers[tier];
}

/* Only the embedded tiers are there so far; anything else must not be taken silently. */
static void read_tier(struct load *load, const struct ynode *node, enum conf_tier tier) {
    struct str url;
    if (!field_text(&load->in, node, &url)) return;
    if (str_eqz(url, "embedded")) return;
    load->conf->url[tier] = url;
    report_addf(load->in.report, node->at, STR("leave the line out, or write   embedded"),
                "%s: '%.*s' is not supported in this version", tiers[tier], STR_ARG(url));
}

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

static void read_root(struct load *load, const struct ynode *root) {
    static const char *const names[] = {"landing",   "log",       "registry", "store", "coord",
                                        "receivers", "pipelines", "allow",    "ports"};
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
}

static struct conf *conf_new(void) {
    struct conf *conf = base_calloc(1, sizeof *conf);
    conf->file = STR("");
    for (int tier = 0; tier < CONF_TIER_CNT; tier++) conf->url[tier] = STR("");
    conf->port_kafka = 9092;
    conf->port_cql = 9042;
    conf->port_registry = 8081;
    conf->port_http = 8080;
    conf->port_ui = 9021;
    return conf;
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
    struct load load = {conf, {&conf->arena, report}};
    struct ynode root;
    err = ynode_parse(conf->file, source, &conf->arena, report, &root);
    if (err) return err;
    if (field_map(&load.in, &root, "sluice.yml")) read_root(&load, &root);
    return report->cnt > before ? err_fail(ERR_SYNTAX, "%s has mistakes", path) : 0;
}

void conf_free(struct conf *conf) {
    if (!conf) return;
    arena_fini(&conf->arena);
    base_free(conf);
}
