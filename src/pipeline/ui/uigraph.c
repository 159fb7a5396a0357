/* uigraph.c - the pipelines as nodes and edges, made once from their definitions. */
#include "base/err.h"
#include "pipeline/ui/uiapi_int.h"

static const char *const kinds[] = {"source", "landing", "topic", "transform", "table",
                                    "quarantine"};

static int add_node(struct uiapi *api, struct uinode from, struct str ref, uint32_t *idx) {
    if (api->node_cnt == UIAPI_NODE_MAX)
        return err_fail(ERR_TOO_BIG, "the pages show at most %d nodes", UIAPI_NODE_MAX);
    struct uinode *node = base_calloc(1, sizeof *node);
    *node = from;
    node->ref = ref;
    node->id = arena_printf(&api->arena, "%s:%.*s", kinds[from.kind], STR_ARG(ref));
    node->num.state = "starting";
    *idx = (uint32_t)api->node_cnt;
    api->node[api->node_cnt++] = node;
    return 0;
}

static int add_edge(struct uiapi *api, uint32_t from, uint32_t to, bool reject) {
    if (api->edge_cnt == UIAPI_EDGE_MAX)
        return err_fail(ERR_TOO_BIG, "the pages show at most %d edges", UIAPI_EDGE_MAX);
    struct uiedge *edge = &api->edge[api->edge_cnt++];
    *edge = (struct uiedge){arena_printf(&api->arena, "e%zu", api->edge_cnt), from, to, reject};
    return 0;
}

/* "https://host/path?..." -> "host"; "people:..." -> "people". */
static struct str host_of(struct str url) {
    struct str rest, scheme = str_cut(url, ':', &rest);
    if (!rest.ptr || !str_starts(rest, STR("//"))) return scheme;
    rest.ptr += 2, rest.len -= 2;
    return str_cut(rest, '/', &rest);
}

static int add_fetch(struct uiapi *api, const struct def *def, const struct def_fetch *fetch) {
    uint32_t from, to;
    struct uinode source = {.kind = UI_SOURCE, .name = host_of(fetch->url), .title = fetch->url,
                            .def = def, .fetch = fetch};
    struct uinode landing = {.kind = UI_LANDING, .name = fetch->name, .def = def, .fetch = fetch};
    int err = add_node(api, source, fetch->name, &from);
    if (!err) err = add_node(api, landing, fetch->name, &to);
    return err ? err : add_edge(api, from, to, false);
}

static bool find_ref(const struct uiapi *api, enum uinode_kind kind, struct str ref,
                     uint32_t *idx) {
    for (uint32_t i = 0; i < api->node_cnt; i++)
        if (api->node[i]->kind == kind && str_eq(api->node[i]->ref, ref)) return *idx = i, true;
    return false;
}

static int add_capture(struct uiapi *api, const struct def *def,
                       const struct def_capture *capture) {
    uint32_t from, to;
    struct uinode topic = {.kind = UI_TOPIC, .name = capture->topic, .def = def,
                           .capture = capture};
    int err = add_node(api, topic, capture->topic, &to);
    if (err || !find_ref(api, UI_LANDING, capture->table, &from)) return err;
    return add_edge(api, from, to, false);
}

static struct query *query_of(const struct uiapi *api, const struct def_transform *transform) {
    for (size_t i = 0; i < pipe_query_cnt(api->conf.pipe); i++)
        if (query_def(pipe_query(api->conf.pipe, i)) == transform)
            return pipe_query(api->conf.pipe, i);
    return NULL;
}

static int add_transform(struct uiapi *api, const struct def *def,
                         const struct def_transform *to) {
    uint32_t topic, transform, table, quarantine;
    struct uinode node = {.kind = UI_TRANSFORM, .name = STR("SQL"), .title = to->name, .def = def,
                          .transform = to, .query = query_of(api, to)};
    int err = 0;
    if (!find_ref(api, UI_TOPIC, to->topic, &topic)) {
        struct uinode foreign = {.kind = UI_TOPIC, .name = to->topic, .def = def};
        err = add_node(api, foreign, to->topic, &topic);
    }
    node.failed = arena_array(&api->arena, int64_t, to->expect_cnt);
    node.failed_ms = arena_array(&api->arena, int64_t, to->expect_cnt);
    if (!err) err = add_node(api, node, to->name, &transform);
    node.kind = UI_TABLE;
    node.name = to->table;
    if (!err) err = add_node(api, node, to->name, &table);
    node.kind = UI_QUARANTINE;
    node.name = STR("quarantine");
    node.dataset = to->table;
    struct str ref = arena_printf(&api->arena, "%.*s.quarantine", STR_ARG(to->table));
    if (!err) err = add_node(api, node, ref, &quarantine);
    if (!err) err = add_edge(api, topic, transform, false);
    if (!err) err = add_edge(api, transform, table, false);
    return err ? err : add_edge(api, transform, quarantine, true);
}

int uigraph_make(struct uiapi *api) {
    const struct pipe_conf *conf = pipe_conf(api->conf.pipe);
    int err = 0;
    for (size_t d = 0; d < conf->def_cnt && !err; d++) {
        const struct def *def = conf->def[d];
        for (size_t i = 0; i < def->fetch_cnt && !err; i++)
            err = add_fetch(api, def, &def->fetch[i]);
        for (size_t i = 0; i < def->capture_cnt && !err; i++)
            err = add_capture(api, def, &def->capture[i]);
        for (size_t i = 0; i < def->transform_cnt && !err; i++)
            err = add_transform(api, def, &def->transform[i]);
    }
    return err;
}

const struct uinode *uigraph_find(const struct uiapi *api, struct str id) {
    for (size_t i = 0; i < api->node_cnt; i++)
        if (str_eq(api->node[i]->id, id)) return api->node[i];
    return NULL;
}

/* ---- writing ---- */

static void put_tier(struct buf *out, const char *id, const char *name, const char *role,
                     const char *impl, uint16_t port) {
    if (out->ptr && out->ptr[out->len - 1] == '}') buf_putc(out, ',');
    buf_printf(out, "{\"id\":\"%s\",\"name\":\"%s\",\"role\":\"%s\",\"impl\":\"%s\",\"address\":",
               id, name, role, impl);
    if (port) buf_printf(out, "\"127.0.0.1:%u\"}", port);
    else buf_putz(out, "null}");
}

/* What takes the tier's role: the embedded one, or what sluice.yml names. */
static const char *impl_of(const struct uiapi *api, enum conf_tier tier, const char *embedded,
                           const char *product) {
    return conf_embedded(pipe_conf(api->conf.pipe)->conf, tier) ? embedded : product;
}

static void put_tiers(const struct uiapi *api, struct buf *out) {
    const char *landing = impl_of(api, CONF_LANDING, "SQLite", "PostgreSQL");
    const char *log = impl_of(api, CONF_LOG, "embedded", "Kafka");
    const char *registry = impl_of(api, CONF_REGISTRY, "embedded", "Schema Registry");
    const char *store = impl_of(api, CONF_STORE, "RocksDB", "Cassandra");
    buf_putz(out, "{\"tiers\":[");
    put_tier(out, "source", "Source", "HTTP API", "embedded", 0);
    put_tier(out, "orchestrate", "Scheduler", "Airflow", "embedded", api->port[DOOR_HTTP]);
    put_tier(out, "landing", "Landing", "PostgreSQL", landing, 0);
    put_tier(out, "capture", "Capture", "Debezium", "embedded", 0);
    put_tier(out, "log", "Log", "Kafka", log, api->port[DOOR_KAFKA]);
    put_tier(out, "registry", "Registry", "Schema Registry", registry, api->port[DOOR_REGISTRY]);
    put_tier(out, "stream", "Stream", "Spark", "embedded", 0);
    put_tier(out, "store", "Store", "Cassandra", store, api->port[DOOR_CQL]);
    buf_putc(out, ']');
}

/* The piece of the file from `at` to the next line that is not deeper. */
static struct str yaml_piece(struct report_at at) {
    struct str left = at.source, line = STR_NULL;
    for (uint32_t i = 1; i < at.line && left.ptr; i++) str_cut(left, '\n', &left);
    if (!left.ptr) return STR("");
    struct str piece = {left.ptr, 0};
    size_t indent = 0;
    while (indent < left.len && left.ptr[indent] == ' ') indent++;
    for (bool first = true; left.ptr; first = false) {
        line = str_cut(left, '\n', &left);
        size_t deep = 0;
        while (deep < line.len && line.ptr[deep] == ' ') deep++;
        if (!first && deep < line.len && deep <= indent) break;
        piece.len = (size_t)(line.ptr + line.len - piece.ptr);
    }
    return piece;
}

static void put_code(struct buf *out, const struct uinode *node) {
    struct report_at at;
    bool sql = node->kind == UI_TRANSFORM && node->transform->sql_node;
    if (sql) at = def_sql_place(node->transform, 1, 1, 1);
    else if (node->transform) at = node->transform->at;
    else if (node->capture) at = node->capture->at;
    else if (node->fetch) at = node->fetch->at;
    else return;
    buf_printf(out, ",\"code\":{\"lang\":\"%s\",\"line\":%u,", sql ? "sql" : "yaml", at.line);
    uiapi_put(out, "file", at.file);
    buf_putc(out, ',');
    uiapi_put(out, "text", sql ? node->transform->sql : yaml_piece(at));
    buf_putc(out, '}');
}

static void put_node(struct buf *out, const struct uinode *node) {
    buf_putc(out, '{');
    uiapi_put(out, "id", node->id);
    buf_printf(out, ",\"kind\":\"%s\",", kinds[node->kind]);
    uiapi_put(out, "name", node->name);
    buf_putc(out, ',');
    uiapi_put(out, "pipeline", node->def->name);
    buf_putc(out, ',');
    uiapi_put(out, "ref", node->ref);
    if (node->title.ptr) {
        buf_putc(out, ',');
        uiapi_put(out, "title", node->title);
    }
    if (node->dataset.ptr) {
        buf_putc(out, ',');
        uiapi_put(out, "dataset", node->dataset);
    }
    put_code(out, node);
    buf_putc(out, '}');
}

static void put_pipelines(const struct uiapi *api, struct buf *out) {
    const struct pipe_conf *conf = pipe_conf(api->conf.pipe);
    buf_putz(out, ",\"pipelines\":[");
    for (size_t d = 0; d < conf->def_cnt; d++) {
        buf_putz(out, d ? ",{" : "{");
        uiapi_put(out, "id", conf->def[d]->name);
        buf_putc(out, ',');
        uiapi_put(out, "file", conf->def[d]->file);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

void uigraph_get(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct buf out;
    buf_init(&out, 16 * MIB);
    put_tiers(api, &out);
    put_pipelines(api, &out);
    buf_putz(&out, ",\"nodes\":[");
    for (size_t i = 0; i < api->node_cnt; i++) {
        if (i) buf_putc(&out, ',');
        put_node(&out, api->node[i]);
    }
    buf_putz(&out, "],\"edges\":[");
    for (size_t i = 0; i < api->edge_cnt; i++) {
        const struct uiedge *edge = &api->edge[i];
        buf_putz(&out, i ? ",{" : "{");
        uiapi_put(&out, "id", edge->id);
        buf_putc(&out, ',');
        uiapi_put(&out, "from", api->node[edge->from]->id);
        buf_putc(&out, ',');
        uiapi_put(&out, "to", api->node[edge->to]->id);
        buf_printf(&out, ",\"kind\":\"%s\"}", edge->reject ? "reject" : "flow");
    }
    buf_putz(&out, "]}");
    uiapi_reply(req, &out);
}
