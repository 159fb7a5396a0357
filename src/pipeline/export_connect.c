/* export_connect.c - what captor.c does, said in Debezium's settings.
 *
 * A capture becomes a connector of its own: its slot, its table, its topic's name by a router, and
 * for a plain row the envelope taken off. The password is left to Connect's env provider. */
#include "pipeline/export_connect.h"

#include "base/err.h"

#define PASSWORD "${env:SLUICE_PG_PASSWORD}"
#define SLOT_MAX 63

static void put(struct buf *out, const char *name, struct str value) {
    buf_printf(out, ",\n    \"%s\": ", name);
    buf_json(out, value);
}

static void putz(struct buf *out, const char *name, const char *value) {
    put(out, name, str_of(value));
}

/* Lower case letters, digits and '_': what a replication slot may be called. */
static struct str slot_of(const struct export_in *in, const struct def_capture *capture) {
    struct str name = arena_printf(in->arena, "sluice_%.*s", STR_ARG(capture->topic));
    char *text = arena_strz(in->arena, name);
    for (char *c = text; *c; c++) {
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c | 32);
        else if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9'))) *c = '_';
    }
    return (struct str){text, MIN(name.len, (size_t)SLOT_MAX)};
}

/* A name as a regular expression that means itself. */
static struct str literal(const struct export_in *in, struct str name) {
    struct buf out;
    buf_init(&out, 64 * KIB);
    for (size_t i = 0; i < name.len; i++) {
        if (strchr("\\.+*?()[]{}|^$", name.ptr[i])) buf_putc(&out, '\\');
        buf_putc(&out, name.ptr[i]);
    }
    struct str text = arena_str(in->arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

static struct str table_of(const struct export_in *in, const struct def_capture *capture) {
    bool named = memchr(capture->table.ptr, '.', capture->table.len) != NULL;
    return arena_printf(in->arena, "%s%.*s", named ? "" : "public.", STR_ARG(capture->table));
}

static void put_database(const struct export_in *in, struct buf *out) {
    struct address_url url = export_url(in, CONF_LANDING);
    struct str port, host = str_cut(url.hosts, ':', &port), more;
    port = port.ptr ? str_cut(port, ',', &more) : STR("5432");
    put(out, "database.hostname", str_cut(host, ',', &more));
    put(out, "database.port", port);
    put(out, "database.user", url.user.len ? url.user : STR("postgres"));
    putz(out, "database.password", PASSWORD);
    put(out, "database.dbname", url.path.len ? url.path : STR("postgres"));
}

/* The text of the file at a place, without quotes. */
static struct str text_at(const struct report_at *at) {
    struct str left = at->source, line = STR("");
    for (uint32_t i = 0; i < at->line && left.ptr; i++) line = str_cut(left, '\n', &left);
    size_t from = MIN((size_t)at->col - 1, line.len), len = MIN((size_t)at->len, line.len - from);
    struct str text = {line.ptr + from, len};
    bool quoted = len > 1 && (text.ptr[0] == '\'' || text.ptr[0] == '"');
    return quoted ? (struct str){text.ptr + 1, len - 2} : text;
}

static void put_hidden(const struct export_in *in, const struct def_capture *capture,
                       struct buf *out) {
    struct str table = table_of(in, capture), list = STR("");
    for (size_t i = 0; i < capture->hide_cnt; i++) {
        struct str path = text_at(&capture->hide_at[i]);
        if (memchr(path.ptr, '.', path.len) || memchr(path.ptr, '[', path.len)) {
            report_addf(in->notes, capture->hide_at[i],
                        STR("do not use this connector with data that must not be seen"),
                        "capture '%.*s': hide '%.*s' is inside of a column; "
                        "Debezium leaves out whole columns only", STR_ARG(capture->topic),
                        STR_ARG(path));
            continue;
        }
        list = arena_printf(in->arena, "%.*s%s%.*s.%.*s", STR_ARG(list), list.len ? "," : "",
                            STR_ARG(literal(in, table)), STR_ARG(literal(in, path)));
    }
    if (list.len) put(out, "column.exclude.list", list);
}

static void put_format(const struct export_in *in, const struct def_capture *capture,
                       struct buf *out) {
    bool envelope = capture->format == DEF_DEBEZIUM;
    struct str registry = export_url(in, CONF_REGISTRY).hosts;
    putz(out, "key.converter", "org.apache.kafka.connect.json.JsonConverter");
    putz(out, "key.converter.schemas.enable", "false");
    if (capture->format == DEF_JSON_SCHEMA) {
        putz(out, "value.converter", "io.confluent.connect.json.JsonSchemaConverter");
        put(out, "value.converter.schema.registry.url",
            arena_printf(in->arena, "http://%.*s", STR_ARG(registry.len ? registry
                                                                        : STR("127.0.0.1:8081"))));
        report_addf(in->notes, capture->at, STR("put Confluent's JSON Schema converter into "
                    "Connect's plugin path"), "capture '%.*s': its format needs a converter that "
                    "Debezium does not bring", STR_ARG(capture->topic));
    } else {
        putz(out, "value.converter", "org.apache.kafka.connect.json.JsonConverter");
        putz(out, "value.converter.schemas.enable", "false");
    }
    putz(out, "transforms", envelope ? "route" : "route,unwrap");
    putz(out, "transforms.route.type", "org.apache.kafka.connect.transforms.RegexRouter");
    put(out, "transforms.route.regex",
        arena_printf(in->arena, "%.*s\\.%.*s", STR_ARG(slot_of(in, capture)),
                     STR_ARG(literal(in, table_of(in, capture)))));
    put(out, "transforms.route.replacement", capture->topic);
    if (envelope) return;
    putz(out, "transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState");
    putz(out, "transforms.unwrap.delete.tombstone.handling.mode", "tombstone");
}

static void put_capture(const struct export_in *in, const struct def_capture *capture,
                        struct buf *out) {
    struct str slot = slot_of(in, capture);
    buf_putz(out, "{\n  \"name\": ");
    buf_json(out, arena_printf(in->arena, "%.*s-%.*s", STR_ARG(in->def->name),
                               STR_ARG(capture->topic)));
    buf_putz(out, ",\n  \"config\": {\n    \"connector.class\": "
             "\"io.debezium.connector.postgresql.PostgresConnector\"");
    putz(out, "tasks.max", "1");
    put_database(in, out);
    putz(out, "plugin.name", "pgoutput");
    put(out, "slot.name", slot);
    put(out, "publication.name", slot);
    putz(out, "publication.autocreate.mode", "filtered");
    putz(out, "snapshot.mode", "initial");
    put(out, "topic.prefix", slot);
    put(out, "table.include.list", literal(in, table_of(in, capture)));
    put_hidden(in, capture, out);
    putz(out, "tombstones.on.delete", "true");
    putz(out, "decimal.handling.mode", "double");
    putz(out, "heartbeat.interval.ms", "10000");
    putz(out, "poll.interval.ms", "5");
    put(out, "topic.creation.default.partitions",
        arena_printf(in->arena, "%d", capture->partitions));
    putz(out, "topic.creation.default.replication.factor", "-1");
    put_format(in, capture, out);
    buf_putz(out, "\n  }\n}\n");
    report_addf(in->notes, capture->at, STR("parse them in the query, for instance with from_json"),
                "capture '%.*s': nested members arrive as JSON text inside of a text",
                STR_ARG(capture->topic));
    report_addf(in->notes, capture->at, STR("register one by hand"),
                "capture '%.*s': Debezium registers no schema for plain JSON",
                STR_ARG(capture->topic));
}

int export_connect_write(const struct export_in *in, struct buf *out) {
    if (!in->def->capture_cnt)
        return err_fail(ERR_CONFIG, "pipeline '%.*s' captures nothing", STR_ARG(in->def->name));
    if (conf_embedded(in->conf, CONF_LANDING))
        return err_fail(ERR_CONFIG, "the landing is SQLite, which Debezium does not read; name a "
                        "sluice.yml whose landing is postgresql://... with --conf");
    for (size_t i = 0; i < in->def->capture_cnt; i++) put_capture(in, &in->def->capture[i], out);
    return 0;
}
