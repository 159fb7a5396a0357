/* cass_url.c - reads the address of a cluster, key by key from one table. */
#include "store/cassandra/cass_url.h"

#include "base/dur.h"
#include "base/err.h"
#include "base/redact.h"

#define PORT_DEF   9042
#define HOST_MAX   255
#define SECOND_US  1000000

struct reader {
    struct arena *arena;
    struct cass_url *out;
};
struct key {
    const char *name;
    int (*take)(struct reader *at, struct str value, void *to);
    size_t pos; /* of the member it sets */
};

static int take_text(struct reader *at, struct str value, void *to) {
    (void)at;
    *(struct str *)to = value;
    return value.len ? 0 : ERR_INVAL;
}

static int take_path(struct reader *at, struct str value, void *to) {
    *(const char **)to = arena_strz(at->arena, value);
    return value.len ? 0 : ERR_INVAL;
}

static int take_number(struct reader *at, struct str value, void *to) {
    (void)at;
    return str_i64(value, to);
}

static int take_time(struct reader *at, struct str value, void *to) {
    (void)at;
    int err = dur_parse(value, to);
    return err ? err : *(int64_t *)to >= SECOND_US / 10 ? 0 : ERR_INVAL;
}

static int take_tls(struct reader *at, struct str value, void *to) {
    *(bool *)to = !str_eqz(value, "off");
    at->out->any_name = str_eqz(value, "chain");
    return str_eqz(value, "off") || str_eqz(value, "verify") || at->out->any_name ? 0 : ERR_INVAL;
}

static int take_zip(struct reader *at, struct str value, void *to) {
    (void)at;
    *(bool *)to = str_eqz(value, "lz4");
    return *(bool *)to || str_eqz(value, "none") ? 0 : ERR_INVAL;
}

static int take_consistency(struct reader *at, struct str value, void *to) {
    static const struct {
        const char *name;
        uint16_t code;
    } level[] = {{"ANY", 0},    {"ONE", 1}, {"TWO", 2},          {"THREE", 3},      {"QUORUM", 4},
                 {"ALL", 5}, {"LOCAL_QUORUM", 6}, {"EACH_QUORUM", 7}, {"LOCAL_ONE", 10}};
    (void)at;
    for (size_t i = 0; i < ARRAY_LEN(level); i++) {
        if (!str_ieq(value, str_of(level[i].name))) continue;
        *(uint16_t *)to = level[i].code;
        return 0;
    }
    return ERR_INVAL;
}

#define AT(member) offsetof(struct cass_url, member)
static const struct key keys[] = {
    {"dc", take_text, AT(dc)},
    {"keyspace", take_text, AT(keyspace)},
    {"consistency", take_consistency, AT(consistency)},
    {"rf", take_number, AT(rf)},
    {"tls", take_tls, AT(tls)},
    {"cafile", take_path, AT(ca_file)},
    {"certfile", take_path, AT(cert_file)},
    {"keyfile", take_path, AT(key_file)},
    {"compression", take_zip, AT(zip)},
    {"protocol", take_number, AT(protocol)},
    {"timeout", take_time, AT(timeout_us)},
    {"wait", take_time, AT(wait_us)},
    {"inflight", take_number, AT(inflight)},
};

static int take_key(struct reader *at, const struct address_property *pair) {
    struct str name = pair->name, value = arena_str(at->arena, pair->value);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (!str_eqz(name, keys[i].name)) continue;
        if (keys[i].take(at, value, (char *)at->out + keys[i].pos))
            return err_fail(ERR_CONFIG, "store: cassandra: %.*s=%.*s is no value for it",
                            STR_ARG(name), STR_ARG(value));
        return 0;
    }
    struct str known[ARRAY_LEN(keys)], near[1];
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        known[i] = str_of(keys[i].name);
    bool any = str_near(name, known, ARRAY_LEN(keys), near, 1) > 0;
    return err_fail(ERR_CONFIG, "store: cassandra: there is no option \"%.*s\"%s%.*s%s",
                    STR_ARG(name), any ? "; did you mean \"" : "",
                    STR_ARG(any ? near[0] : STR("")), any ? "\"?" : "");
}

static int take_node(struct reader *at, struct str text) {
    struct cass_url *url = at->out;
    struct str host = text, port = STR_NULL;
    int64_t number = PORT_DEF;
    if (text.len && text.ptr[0] == '[') { /* an IPv6 address */
        host = str_cut((struct str){text.ptr + 1, text.len - 1}, ']', &port);
        if (port.len && port.ptr[0] == ':') port = (struct str){port.ptr + 1, port.len - 1};
        else port = STR_NULL;
    } else {
        host = str_cut(text, ':', &port);
    }
    if (!host.len || host.len > HOST_MAX)
        return err_fail(ERR_CONFIG, "store: cassandra: \"%.*s\" names no node", STR_ARG(text));
    if (port.ptr && (str_i64(port, &number) || number < 1 || number > UINT16_MAX))
        return err_fail(ERR_CONFIG, "store: cassandra: \"%.*s\" is no port", STR_ARG(port));
    if (url->node_cnt == CASS_URL_NODE_MAX)
        return err_fail(ERR_CONFIG, "store: cassandra: more than %d nodes; the others are found by "
                        "themselves", CASS_URL_NODE_MAX);
    url->node[url->node_cnt++] = (struct cass_url_node){arena_strz(at->arena, host),
                                                        (uint16_t)number};
    return 0;
}

static int check(const struct cass_url *url) {
    if (url->rf < 1 || url->rf > CASS_URL_RF_MAX)
        return err_fail(ERR_CONFIG, "store: cassandra: rf must be 1 to %d", CASS_URL_RF_MAX);
    if (url->inflight < 1 || url->inflight > CASS_URL_INFLIGHT_MAX)
        return err_fail(ERR_CONFIG, "store: cassandra: inflight must be 1 to %d",
                        CASS_URL_INFLIGHT_MAX);
    if (url->protocol != 4 && url->protocol != 5)
        return err_fail(ERR_CONFIG, "store: cassandra: protocol must be 4 or 5");
    return 0;
}

static int take_login(struct cass_url *out, const struct address_url *url) {
    if (!url->user.len && !url->password.ptr) return 0;
    if (!url->user.len || !url->password.ptr)
        return err_fail(ERR_CONFIG, "store: cassandra: what stands before @ must be user:password, "
                        "percent-encoded");
    if (url->password.len >= REDACT_LEN_MIN && redact_add(url->password))
        return err_fail(ERR_CONFIG, "store: cassandra: too many secrets");
    out->user = url->user;
    out->password = url->password;
    return 0;
}

int cass_url_parse(struct str text, const struct address_property *property, size_t property_cnt,
                   struct arena *arena, struct cass_url *out) {
    struct reader at = {arena, out};
    struct address_url url;
    *out = (struct cass_url){.keyspace = STR("sluice"), .consistency = 6, .rf = 1, .inflight = 256,
                             .protocol = 5, .timeout_us = 12 * SECOND_US,
                             .wait_us = 30 * SECOND_US};
    int err = address_parse(text, arena, &url);
    if (!err) err = take_login(out, &url);
    struct str hosts = url.hosts;
    do {
        struct str node = err ? STR_NULL : str_cut(hosts, ',', &hosts);
        if (!err) err = take_node(&at, node);
    } while (!err && hosts.ptr);
    for (size_t i = 0; i < url.query_cnt && !err; i++) err = take_key(&at, &url.query[i]);
    for (size_t i = 0; i < property_cnt && !err; i++) err = take_key(&at, &property[i]);
    return err ? err : check(out);
}
