/* uitopic.c - topics and consumer groups. */
#include "base/err.h"
#include "pipeline/ui/uiapi_int.h"

#include <math.h>

struct groups {
    struct log_group *group;
    size_t cnt;
};

static void read_groups(const struct uiapi *api, struct arena *arena, struct groups *out) {
    *out = (struct groups){NULL, 0};
    if (log_group_list(pipe_log(api->conf.pipe), arena, &out->group, &out->cnt)) out->cnt = 0;
}

/* A group's lag on one topic; false: it has committed nothing there. */
static bool group_lag(const struct log_group *group, struct str topic, int64_t *lag) {
    bool found = false;
    *lag = 0;
    for (size_t i = 0; i < group->offset_cnt; i++) {
        if (!str_eq(group->offset[i].topic, topic)) continue;
        *lag += group->offset[i].lag;
        found = true;
    }
    return found;
}

static double topic_rate(const struct uiapi *api, struct str topic) {
    for (size_t i = 0; i < api->node_cnt; i++) {
        const struct uinode *node = api->node[i];
        bool is_topic = node->kind == UI_TOPIC || node->kind == UI_QUARANTINE;
        if (is_topic && str_eq(node->ref, topic)) return node->num.rate;
    }
    return 0;
}

static void put_bytes(struct buf *out, int64_t bytes) {
    if (bytes < 0) buf_putz(out, "null");
    else buf_printf(out, "%" PRId64, bytes);
}

/* All members of TOPIC but its partitions. */
static void put_topic(const struct uiapi *api, const struct log_topic *topic,
                      const struct groups *groups, struct buf *out) {
    int64_t messages = 0, bytes = 0, lag = -1, one;
    for (int32_t p = 0; p < topic->part_cnt; p++) {
        struct log_span span;
        if (log_span_near(pipe_log(api->conf.pipe), topic->name, p, &span)) continue;
        messages += span.end - span.start;
        bytes = span.bytes < 0 ? -1 : bytes + span.bytes;
    }
    for (size_t i = 0; i < groups->cnt; i++)
        if (group_lag(&groups->group[i], topic->name, &one)) lag = MAX(lag, one);
    uiapi_put(out, "name", topic->name);
    buf_printf(out, ",\"messages\":%" PRId64 ",\"bytes\":", messages);
    put_bytes(out, bytes);
    buf_printf(out, ",\"rate\":%.6g,\"lag\":", topic_rate(api, topic->name));
    uiapi_put_num(out, lag < 0 ? NAN : (double)lag);
    buf_putc(out, ',');
    struct str cleanup = log_setting_of(topic, "cleanup.policy");
    uiapi_put(out, "cleanup", cleanup.ptr ? cleanup : STR("delete"));
    struct arena arena = ARENA_INIT;
    struct registry_schema schema;
    struct str subject = arena_printf(&arena, "%.*s-value", STR_ARG(topic->name));
    bool known = !registry_get(pipe_registry(api->conf.pipe), subject, -1, &arena, &schema);
    buf_putc(out, ',');
    uiapi_put_null(out, "subject", known ? subject : STR_NULL);
    arena_fini(&arena);
    buf_printf(out, ",\"quarantine\":%s,\"internal\":%s",
               str_ends(topic->name, STR(".quarantine")) ? "true" : "false",
               topic->internal ? "true" : "false");
}

void uitopic_list(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct log_topic *topic;
    struct groups groups;
    struct buf out;
    size_t cnt, total = 0, shown = 0;
    int64_t limit, skip;
    if (!uiapi_number(req, "limit", 50, 1, 200, &limit)) return;
    if (!uiapi_number(req, "offset", 0, 0, INT32_MAX, &skip)) return;
    int err = log_topic_list(pipe_log(api->conf.pipe), http_arena(req), &topic, &cnt);
    if (err) {
        http_reply_err(req, err);
        return;
    }
    read_groups(api, http_arena(req), &groups);
    bool internal = str_eqz(http_query(req, "internal"), "1");
    buf_init(&out, 16 * MIB);
    buf_putz(&out, "{\"topics\":[");
    for (size_t i = 0; i < cnt; i++) {
        if ((!internal && topic[i].name.ptr[0] == '_') ||
            !uiapi_has(topic[i].name, http_query(req, "q")))
            continue;
        if ((int64_t)total++ < skip || (int64_t)shown >= limit) continue;
        buf_putz(&out, shown++ ? ",{" : "{");
        buf_printf(&out, "\"partitions\":%d,", topic[i].part_cnt);
        put_topic(api, &topic[i], &groups, &out);
        buf_putc(&out, '}');
    }
    buf_printf(&out, "],\"total\":%zu}", total);
    uiapi_reply(req, &out);
}

static void put_parts(const struct uiapi *api, const struct log_topic *topic, struct buf *out) {
    buf_putz(out, ",\"partitions\":[");
    for (int32_t p = 0; p < topic->part_cnt; p++) {
        struct log_span span = {0};
        int64_t offset = -1, last_ms = 0;
        struct log *log = pipe_log(api->conf.pipe);
        if (log_span_near(log, topic->name, p, &span)) continue;
        if (span.end > span.start &&
            log_seek_time(log, topic->name, p, INT64_MAX, &offset, &last_ms))
            last_ms = 0;
        buf_printf(out, "%s{\"id\":%d,\"start\":%" PRId64 ",\"end\":%" PRId64 ",\"bytes\":",
                   p ? "," : "", p, span.start, span.end);
        put_bytes(out, span.bytes);
        buf_putc(out, ',');
        uiapi_put_ms(out, "last_ms", last_ms);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_configs(const struct log_topic *topic, struct buf *out) {
    static const char *const names[] = {
        "cleanup.policy", "compression.type", "flush.messages", "flush.ms", "max.message.bytes",
        "message.timestamp.type", "retention.bytes", "retention.ms", "segment.bytes",
        "segment.ms"};
    bool first = true;
    buf_putz(out, ",\"configs\":[");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str value = log_setting_of(topic, names[i]);
        bool set = false;
        if (!value.ptr) continue;
        for (size_t k = 0; k < topic->setting_cnt; k++)
            set = set || str_eqz(topic->setting[k].name, names[i]);
        buf_putz(out, first ? "{" : ",{");
        first = false;
        uiapi_put(out, "name", str_of(names[i]));
        buf_putc(out, ',');
        uiapi_put(out, "value", value);
        buf_printf(out, ",\"default\":%s}", set ? "false" : "true");
    }
    buf_putc(out, ']');
}

void uitopic_get(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct log_topic topic;
    struct groups groups;
    struct buf out;
    bool first = true;
    int64_t lag;
    int err = log_topic_get(pipe_log(api->conf.pipe), http_param(req, "topic"), http_arena(req),
                            &topic);
    if (err) {
        http_reply_err(req, err);
        return;
    }
    read_groups(api, http_arena(req), &groups);
    buf_init(&out, 4 * MIB);
    buf_putc(&out, '{');
    put_topic(api, &topic, &groups, &out);
    put_parts(api, &topic, &out);
    buf_putz(&out, ",\"groups\":[");
    for (size_t i = 0; i < groups.cnt; i++) {
        if (!group_lag(&groups.group[i], topic.name, &lag)) continue;
        buf_putz(&out, first ? "{" : ",{");
        first = false;
        uiapi_put(&out, "id", groups.group[i].id);
        buf_putc(&out, ',');
        uiapi_put(&out, "state", groups.group[i].state);
        buf_printf(&out, ",\"lag\":%" PRId64 "}", lag);
    }
    buf_putc(&out, ']');
    put_configs(&topic, &out);
    buf_putc(&out, '}');
    uiapi_reply(req, &out);
}

void uitopic_replay(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    int err = pipe_replay(api->conf.pipe, http_param(req, "topic"));
    if (err) http_reply_err(req, err);
    else http_reply_json(req, 202, STR("{\"replay\":\"begun\"}"));
}

/* ---- groups ---- */

/* All members of GROUP but its members. */
static void put_group(const struct log_group *group, struct buf *out) {
    bool first = true;
    uiapi_put(out, "id", group->id);
    buf_putc(out, ',');
    uiapi_put(out, "state", group->state);
    buf_putc(out, ',');
    uiapi_put(out, "protocol", group->protocol.ptr ? group->protocol : STR(""));
    buf_putz(out, ",\"topics\":[");
    for (size_t i = 0; i < group->offset_cnt; i++) {
        if (i && str_eq(group->offset[i].topic, group->offset[i - 1].topic)) continue;
        if (!first) buf_putc(out, ',');
        first = false;
        buf_json(out, group->offset[i].topic);
    }
    buf_printf(out, "],\"lag\":%" PRId64, group->lag);
}

void uitopic_groups(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct groups groups;
    struct buf out;
    bool first = true;
    read_groups(api, http_arena(req), &groups);
    buf_init(&out, 16 * MIB);
    buf_putz(&out, "{\"groups\":[");
    for (size_t i = 0; i < groups.cnt; i++) {
        if (!uiapi_has(groups.group[i].id, http_query(req, "q"))) continue;
        buf_putz(&out, first ? "{" : ",{");
        first = false;
        put_group(&groups.group[i], &out);
        buf_printf(&out, ",\"members\":%zu}", groups.group[i].member_cnt);
    }
    buf_putz(&out, "]}");
    uiapi_reply(req, &out);
}

/* The member that a partition is assigned to; ptr NULL: none. */
static struct str owner_of(const struct log_group *group, struct str topic, int32_t part) {
    for (size_t m = 0; m < group->member_cnt; m++)
        for (size_t i = 0; i < group->member[m].part_cnt; i++)
            if (group->member[m].part[i].part == part &&
                str_eq(group->member[m].part[i].topic, topic))
                return group->member[m].id;
    return STR_NULL;
}

static void put_offset(const struct uiapi *api, const struct log_group *group,
                       const struct log_committed *offset, struct buf *out) {
    struct log_span span = {0};
    if (log_span_near(pipe_log(api->conf.pipe), offset->topic, offset->part, &span)) span.start = 0;
    buf_putc(out, '{');
    uiapi_put(out, "topic", offset->topic);
    buf_printf(out, ",\"partition\":%d,\"start\":%" PRId64 ",\"current\":", offset->part,
               span.start);
    uiapi_put_num(out, offset->committed < 0 ? NAN : (double)offset->committed);
    buf_printf(out, ",\"end\":%" PRId64 ",\"lag\":%" PRId64 ",", MAX(offset->end, 0), offset->lag);
    uiapi_put_null(out, "member", owner_of(group, offset->topic, offset->part));
    buf_putc(out, '}');
}

void uitopic_group(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct log_group group;
    struct buf out;
    int err = log_group_get(pipe_log(api->conf.pipe), http_param(req, "group"), http_arena(req),
                            &group);
    if (err) {
        http_reply_err(req, err);
        return;
    }
    buf_init(&out, 16 * MIB);
    buf_putc(&out, '{');
    put_group(&group, &out);
    buf_putz(&out, ",\"members\":[");
    for (size_t i = 0; i < group.member_cnt; i++) {
        const struct log_member *member = &group.member[i];
        buf_putz(&out, i ? ",{" : "{");
        uiapi_put(&out, "id", member->id);
        buf_putc(&out, ',');
        uiapi_put(&out, "client_id", member->client_id);
        buf_putc(&out, ',');
        uiapi_put(&out, "host", member->host);
        buf_printf(&out, ",\"partitions\":%zu}", member->part_cnt);
    }
    buf_putz(&out, "],\"partitions\":[");
    for (size_t i = 0; i < group.offset_cnt; i++) {
        if (i) buf_putc(&out, ',');
        put_offset(api, &group, &group.offset[i], &out);
    }
    buf_putz(&out, "]}");
    uiapi_reply(req, &out);
}
