/* cass_doctor.c - a cluster asked what it is, how keyspaces are kept, and what we may do.
 *
 * Rights are asked by statements that must fail: a node looks at rights before it looks at what is
 * wanted, so one who may not is told "unauthorized", one who may is told what is wrong with it. */
#include "store/cassandra/cass_doctor.h"

#include "base/err.h"
#include "store/cassandra/cass_cluster.h"
#include "store/cassandra/cass_rows.h"
#include "store/cassandra/cass_text.h"

#include <stdio.h>
#include <stdlib.h>

#define KNOWN   "3.11 4.0 4.1 5.0"
#define MURMUR  "Murmur3Partitioner"
#define WAIT_US 5000000 /* for the first node */
#define ENTRY_MAX 64    /* of a replication map */

struct look {
    const struct finding_to *to;
    struct cass_url url;
    struct cass_cluster *cluster;
    struct arena arena;
    size_t nodes;   /* of the cluster, as the one that was asked sees it */
};

static int ask(struct look *look, const char *text, struct cass_rows *rows) {
    struct cass_answer answer;
    int err = cass_call_query(look->cluster, str_of(text), false, &look->arena, &answer);
    return err ? err : cass_rows_open(rows, &answer, &look->arena);
}

/* ---- what it is ---- */

static void look_at_node(struct look *look, const struct cass_rows *rows) {
    struct str text = cass_rows_get(rows, "release_version");
    struct str partitioner = cass_rows_get(rows, "partitioner");
    const char *version = arena_printf(&look->arena, "%.*s", STR_ARG(text)).ptr;
    finding_ok(look->to, "reached: cluster \"%.*s\", datacenter \"%.*s\", %zu node%s, protocol %u",
               STR_ARG(cass_rows_get(rows, "cluster_name")),
               STR_ARG(cass_rows_get(rows, "data_center")), look->nodes,
               look->nodes == 1 ? "" : "s", cass_cluster_version(look->cluster));
    if (finding_known(version, KNOWN))
        finding_ok(look->to, "version: Cassandra %s", version);
    else
        finding_warn(look->to, "Cassandra 3.11, 4.0, 4.1 and 5.0 are what it was made for (and "
                     "ScyllaDB, which calls itself 3.0.8)",
                     "version %s is not one we know", version);
    bool murmur = partitioner.len >= strlen(MURMUR) &&
                  !memcmp(partitioner.ptr + partitioner.len - strlen(MURMUR), MURMUR,
                          strlen(MURMUR));
    if (!murmur)
        finding_warn(look->to, "use a cluster with " MURMUR,
                     "the partitioner is %.*s: rows are found, but requests take a detour over "
                     "nodes that do not have them", STR_ARG(partitioner));
}

static int look_at_nodes(struct look *look) {
    struct cass_rows local, peers;
    look->nodes = 1;
    int err = ask(look, "SELECT * FROM system.local WHERE key='local'", &local);
    if (!err && !cass_rows_next(&local, &err) && !err)
        err = err_fail(ERR_CORRUPT, "system.local is empty");
    if (!err && !ask(look, "SELECT data_center FROM system.peers", &peers))
        look->nodes += peers.left;
    if (err) finding_err(look->to, err);
    else look_at_node(look, &local);
    return err;
}

/* Not told by versions before 4.0, nor to everybody. */
static void look_at_sync(struct look *look) {
    struct cass_rows rows;
    int err = 0;
    if (ask(look, "SELECT name, value FROM system_views.settings WHERE name = 'commitlog_sync'",
            &rows) || !cass_rows_next(&rows, &err)) return;
    if (str_eqz(cass_rows_get(&rows, "value"), "periodic"))
        finding_warn(look->to, "set commitlog_sync: group or batch in cassandra.yaml, or have "
                     "copies on machines that do not lose power together",
                     "commitlog_sync is periodic: rows that were acknowledged may be lost with the "
                     "power, for some seconds");
}

/* ---- keyspaces ---- */

struct copies {
    struct str strategy;
    int64_t local, sum; /* in our datacenter, or of SimpleStrategy; of all */
};

/* map<text, text> */
static void read_copies(struct look *look, struct str map, struct copies *out) {
    struct rbuf in = rbuf_of_str(map);
    int32_t claimed = rbuf_i32(&in);
    size_t cnt = rbuf_count(&in, claimed, 8);
    *out = (struct copies){.strategy = STR("")};
    for (size_t i = 0; i < cnt && i < ENTRY_MAX && !in.bad; i++) {
        struct str text[2];
        for (int k = 0; k < 2; k++) {
            int32_t len = rbuf_i32(&in);
            text[k] = rbuf_bytes(&in, rbuf_count(&in, len, 1));
        }
        int64_t number = 0;
        if (in.bad) break;
        if (str_eqz(text[0], "class")) {
            const char *dot = memrchr(text[1].ptr, '.', text[1].len);
            size_t skip = dot ? (size_t)(dot + 1 - text[1].ptr) : 0;
            out->strategy = (struct str){text[1].ptr + skip, text[1].len - skip};
        } else if (!str_i64(text[1], &number)) {
            out->sum += number;
            if (str_eq(text[0], cass_cluster_dc(look->cluster)) ||
                str_eqz(text[0], "replication_factor")) out->local += number;
        }
    }
}

static void look_at_keyspace(struct look *look, struct str name, const struct cass_rows *rows) {
    struct copies copies;
    struct str durable = cass_rows_get(rows, "durable_writes");
    read_copies(look, cass_rows_get(rows, "replication"), &copies);
    if (durable.len == 1 && !durable.ptr[0])
        finding_bad(look->to, "ALTER KEYSPACE ... WITH durable_writes = true",
                    "keyspace %.*s has durable_writes off: what is acknowledged is lost in a crash",
                    STR_ARG(name));
    if (look->nodes > 1 && copies.sum < 2)
        finding_warn(look->to, "ALTER KEYSPACE ... WITH replication = {'class': "
                     "'NetworkTopologyStrategy', 'DATACENTER': 3}, then nodetool repair; ?rf=3 in "
                     "the address for those to come",
                     "keyspace %.*s has one copy on %zu nodes: it waits while one is away, and is "
                     "lost with it", STR_ARG(name), look->nodes);
    else if (!copies.local)
        finding_bad(look->to, "name another by ?dc=, or ALTER KEYSPACE to have copies here",
                    "keyspace %.*s has no copy in datacenter \"%.*s\"", STR_ARG(name),
                    STR_ARG(cass_cluster_dc(look->cluster)));
    else if (look->nodes > 1 && str_eqz(copies.strategy, "SimpleStrategy"))
        finding_warn(look->to, "ALTER KEYSPACE to NetworkTopologyStrategy",
                     "keyspace %.*s is on SimpleStrategy, which knows no datacenters",
                     STR_ARG(name));
}

static void look_at_keyspaces(struct look *look) {
    struct cass_rows rows;
    size_t cnt = 0;
    int err = ask(look, "SELECT * FROM system_schema.keyspaces", &rows);
    while (!err && cass_rows_next(&rows, &err)) {
        struct str name = cass_rows_get(&rows, "keyspace_name");
        if (str_starts(name, STR("system"))) continue;
        cnt++;
        look_at_keyspace(look, name, &rows);
    }
    if (err) finding_err(look->to, err);
    else finding_ok(look->to, "%zu keyspaces besides the system's", cnt);
    if (!err && look->url.rf > (int64_t)look->nodes)
        finding_bad(look->to, "lower rf, or add nodes",
                    "rf=%" PRId64 " in the address, and there are %zu nodes: writes to keyspaces "
                    "made here would wait for ever", look->url.rf, look->nodes);
    if (!err && look->url.rf == 1 && look->nodes > 1)
        finding_warn(look->to, "add ?rf=3 to the address", "keyspaces that we make have one copy "
                     "on %zu nodes", look->nodes);
}

/* ---- rights ---- */

/* True when the statement, which can never succeed, was refused for its sense. */
static bool may(struct look *look, struct buf *text) {
    struct cass_answer answer;
    int err = cass_call_query(look->cluster, buf_str(text), true, &look->arena, &answer);
    return err != ERR_DENIED;
}

static void look_at_rights(struct look *look) {
    struct cass_rows rows;
    struct buf text;
    buf_init(&text, 4 * KIB);
    buf_putz(&text, "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ");
    cass_text_quote(look->url.keyspace, &text);
    buf_putz(&text, " AND table_name = 'state'");
    buf_putc(&text, 0);
    bool state = !ask(look, text.ptr, &rows) && rows.left;
    buf_reset(&text);
    buf_putz(&text, "CREATE KEYSPACE sluice_doctor WITH replication = {'class': 'NoStrategy'}");
    if (may(look, &text))
        finding_ok(look->to, "keyspaces may be made (asked for an impossible one; none was made)");
    else if (state)
        finding_warn(look->to, "make the keyspaces of pipelines by hand, or GRANT CREATE ON ALL "
                     "KEYSPACES TO the role", "no keyspace may be made: %s", err_note());
    else
        finding_bad(look->to, "GRANT CREATE ON ALL KEYSPACES TO the role",
                    "no keyspace may be made, and there is none for the state of queries: %s",
                    err_note());
    buf_reset(&text);
    buf_putz(&text, "DELETE FROM ");
    cass_text_qualified(look->url.keyspace, STR("state"), &text);
    buf_putz(&text, " WHERE owner = null AND name = ''");
    if (state && !may(look, &text))
        finding_bad(look->to, "GRANT MODIFY, SELECT ON ALL KEYSPACES TO the role",
                    "rows may not be written: %s", err_note());
    else if (state) finding_ok(look->to, "rows may be written (asked to delete none)");
    buf_fini(&text);
}

void cass_doctor_look(const struct store_conf *conf, const struct finding_to *to) {
    struct look look = {.to = to};
    int err = cass_url_parse(str_of(conf->url), conf->property, conf->property_cnt, &look.arena,
                             &look.url);
    look.url.wait_us = MIN(look.url.wait_us, (int64_t)WAIT_US);
    if (!err) err = cass_cluster_open(&look.cluster, conf->env, &look.url);
    if (!err) err = cass_cluster_wait(look.cluster, look.url.wait_us);
    if (err) finding_err(to, err);
    if (!err && !look_at_nodes(&look)) {
        look_at_sync(&look);
        look_at_keyspaces(&look);
        look_at_rights(&look);
    }
    if (look.cluster) cass_cluster_close(look.cluster);
    arena_fini(&look.arena);
}
