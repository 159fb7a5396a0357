/* kgroups_store.c - groups on disk: the compacted topic __consumer_offsets, in Kafka's own format.
 *
 *   key   i16 version 0 or 1, group, topic, partition      value  i16 version, offset, metadata ...
 *   key   i16 version 2, group                             value  i16 version, type, generation,
 *                                                                 protocol, leader, members ...
 *
 * A null value deletes. All records of a group stand in one partition: the Java hash of its id,
 * modulo the partitions (one, unless the topic was made elsewhere). Loading reads the topic from
 * the start and applies each record; the last one of a key wins. Records of other key versions
 * (what newer brokers keep for other kinds of groups) are passed over. */
#include "base/diag.h"
#include "base/err.h"
#include "log/server/kerr.h"
#include "log/server/kgroups.h"
#include "wire/kafka/recbatch.h"

#include <stdio.h>

#define KEY_OFFSET    1
#define KEY_GROUP     2
#define VALUE_OFFSET  3 /* written; 0 to 4 are read */
#define VALUE_GROUP   3
#define STORE_MAX     LOG_BATCH_MAX
#define LOAD_READ_MAX (4 * MIB)

/* ---- which partition ---- */

/* Java's String.hashCode(): over UTF-16 units. A group id that is no UTF-8 counts byte by byte. */
static uint32_t java_hash(struct str text) {
    uint32_t hash = 0;
    bool utf8 = str_utf8(text);
    for (size_t i = 0; i < text.len;) {
        uint32_t c = (unsigned char)text.ptr[i++];
        if (utf8 && c >= 0xC0) {
            unsigned more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
            c &= 0x3Fu >> more;
            while (more--)
                c = c << 6 | ((unsigned char)text.ptr[i++] & 0x3F);
        }
        if (c >= 0x10000) {
            hash = hash * 31 + (0xD800 + ((c - 0x10000) >> 10));
            c = 0xDC00 + ((c - 0x10000) & 0x3FF);
        }
        hash = hash * 31 + c;
    }
    return hash;
}

int32_t kgroups_store_part(const struct kgroups *groups, struct str group) {
    return (int32_t)((java_hash(group) & INT32_MAX) % (uint32_t)groups->part_cnt);
}

/* ---- writing ---- */

void kgroups_store_begin(struct kstore *store, struct kserver *server,
                         struct recbatch_build *build) {
    *store = (struct kstore){.build = build, .now_ms = env_now_ms(server->env)};
    buf_init(&store->buf, STORE_MAX);
    buf_init(&store->key, STORE_MAX);
    buf_init(&store->value, STORE_MAX);
    recbatch_begin(build, &store->buf);
}

static void add(struct kstore *store, bool deleted) {
    struct record record = {.key = buf_str(&store->key), .ts_ms = store->now_ms};
    if (!deleted) record.value = buf_str(&store->value);
    if (!store->err) store->err = recbatch_add(store->build, &record);
    if (!store->err) store->cnt++;
}

static void encode(struct kstore *store, struct buf *buf, int version,
                   const struct kmsg_struct *type, const void *msg) {
    buf_reset(buf);
    buf_i16(buf, (int16_t)version);
    int err = kmsg_encode(type, version, false, buf, msg);
    if (!store->err) store->err = err;
}

void kgroups_store_offset(struct kstore *store, struct str group, const struct koffset *offset,
                          bool deleted) {
    struct offset_commit_key key = {group, offset->topic, offset->part};
    encode(store, &store->key, KEY_OFFSET, &kmsg_offset_commit_key, &key);
    if (!deleted) {
        struct offset_commit_value value = {.offset = offset->offset,
                                            .leader_epoch = offset->leader_epoch,
                                            .metadata = offset->metadata,
                                            .commit_timestamp = offset->commit_ms};
        encode(store, &store->value, VALUE_OFFSET, &kmsg_offset_commit_value, &value);
    }
    add(store, deleted);
}

void kgroups_store_gone(struct kstore *store, struct str group) {
    struct group_metadata_key key = {group};
    encode(store, &store->key, KEY_GROUP, &kmsg_group_metadata_key, &key);
    add(store, true);
}

int kgroups_store_seal(struct kstore *store, struct str *batch) {
    if (store->err) return store->err;
    int err = recbatch_seal(store->build);
    *batch = buf_str(&store->buf);
    return err;
}

void kgroups_store_end(struct kstore *store) {
    buf_fini(&store->buf);
    buf_fini(&store->key);
    buf_fini(&store->value);
}

static void fill_members(const struct kgroup *group, struct arena *arena,
                         struct group_metadata_value *value) {
    value->members = KMSG_ARRAY(arena, group_metadata_value_member, group->member_cnt);
    for (const struct kmember *m = group->member; m; m = m->next) {
        struct group_metadata_value_member *to = &value->members[value->members_cnt++];
        to->member_id = m->id;
        to->group_instance_id = m->instance_id;
        to->client_id = m->client_id;
        to->client_host = m->client_host;
        to->rebalance_timeout = m->rebalance_ms;
        to->session_timeout = m->session_ms;
        to->assignment = m->assignment;
        for (size_t i = 0; i < m->proto_cnt; i++)
            if (group->protocol.ptr && str_eq(m->proto[i].name, group->protocol))
                to->subscription = m->proto[i].metadata;
    }
}

/* Nobody waits for this one: a lost record costs a rebalance after a restart, no more. */
void kgroups_store_group(struct kgroups *groups, const struct kgroup *group) {
    struct arena arena = ARENA_INIT;
    struct recbatch_build build;
    struct kstore store;
    struct str batch;
    struct group_metadata_key key = {group->id};
    struct group_metadata_value value = {.protocol_type = group->protocol_type,
                                         .generation = group->generation,
                                         .protocol = group->protocol,
                                         .current_state_timestamp = group->changed_ms};
    if (group->leader.len) value.leader = group->leader;
    fill_members(group, &arena, &value);
    kgroups_store_begin(&store, groups->server, &build);
    encode(&store, &store.key, KEY_GROUP, &kmsg_group_metadata_key, &key);
    encode(&store, &store.value, VALUE_GROUP, &kmsg_group_metadata_value, &value);
    add(&store, false);
    if (kgroups_store_seal(&store, &batch))
        diag_warn("kafka", "group %.*s is not stored: %s", STR_ARG(group->id), err_note());
    else
        kreq_submit_only(groups->server, STR(KGROUPS_TOPIC), kgroups_store_part(groups, group->id),
                         batch);
    kgroups_store_end(&store);
    arena_fini(&arena);
}

/* ---- loading ---- */

static void load_offset(struct kgroups *groups, struct rbuf *key_in, const struct record *record,
                        struct arena *arena) {
    struct offset_commit_key key;
    struct offset_commit_value value;
    if (kmsg_decode(&kmsg_offset_commit_key, 1, false, key_in, arena, &key)) return;
    if (!record->value.ptr) {
        struct kgroup *group = kgroups_find(groups, key.group);
        if (group) kgroups_offset_del(group, key.topic, key.partition);
        return;
    }
    struct rbuf in = rbuf_of_str(record->value);
    int version = rbuf_i16(&in);
    if (version < 0 || version > KMSG_OFFSET_COMMIT_VALUE_MAX) return;
    if (kmsg_decode(&kmsg_offset_commit_value, version, version >= KMSG_OFFSET_COMMIT_VALUE_FLEX,
                    &in, arena, &value))
        return;
    struct kgroup *group = kgroups_make(groups, key.group);
    struct koffset offset = {key.topic,         value.metadata, key.partition,
                             value.leader_epoch, value.offset,   value.commit_timestamp};
    if (group && group->offsets.cnt < KGROUPS_OFFSET_MAX) kgroups_offset_put(group, &offset);
}

static void load_member(struct kgroups *groups, struct kgroup *group,
                        const struct group_metadata_value_member *from) {
    struct kmember *m = kgroups_member_new(group, from->member_id, from->group_instance_id);
    kgroups_set(&m->client_id, from->client_id);
    kgroups_set(&m->client_host, from->client_host);
    kgroups_set(&m->assignment, from->assignment);
    m->rebalance_ms = from->rebalance_timeout;
    m->session_ms = from->session_timeout;
    m->proto = base_calloc(1, sizeof *m->proto);
    m->proto_cnt = 1;
    kgroups_set(&m->proto[0].name, group->protocol.ptr ? group->protocol : STR(""));
    kgroups_set(&m->proto[0].metadata, from->subscription);
    kgroups_member_alive(groups, m);
}

static void clear_members(struct kgroup *group) {
    while (group->member) {
        struct kmember *m = group->member;
        group->member = m->next;
        kgroups_member_free(m);
    }
    group->member_cnt = 0;
}

static void load_group(struct kgroups *groups, struct rbuf *key_in, const struct record *record,
                       struct arena *arena) {
    struct group_metadata_key key;
    struct group_metadata_value value;
    if (kmsg_decode(&kmsg_group_metadata_key, KEY_GROUP, false, key_in, arena, &key)) return;
    struct kgroup *group = kgroups_find(groups, key.group);
    if (!record->value.ptr) {
        if (!group) return;
        clear_members(group);
        kgroups_forget(groups, group);
        return;
    }
    struct rbuf in = rbuf_of_str(record->value);
    int version = rbuf_i16(&in);
    if (version < 0 || version > KMSG_GROUP_METADATA_VALUE_MAX) return;
    if (kmsg_decode(&kmsg_group_metadata_value, version,
                    version >= KMSG_GROUP_METADATA_VALUE_FLEX, &in, arena, &value))
        return;
    if (value.members_cnt > KGROUPS_MEMBER_MAX) return;
    if (!group) group = kgroups_make(groups, key.group);
    if (!group) return;
    clear_members(group);
    kgroups_set(&group->protocol_type, value.protocol_type);
    kgroups_set(&group->protocol, value.protocol);
    kgroups_set(&group->leader, value.leader.ptr ? value.leader : STR(""));
    group->generation = value.generation;
    group->changed_ms = value.current_state_timestamp;
    for (size_t i = 0; i < value.members_cnt; i++)
        load_member(groups, group, &value.members[i]);
    group->state = group->member ? KGROUP_STABLE : KGROUP_EMPTY;
}

static int load_part(struct kgroups *groups, int32_t part, size_t *cnt) {
    struct log *log = groups->server->log;
    struct arena arena = ARENA_INIT;
    struct log_span span;
    int err = log_span(log, STR(KGROUPS_TOPIC), part, &span);
    int64_t offset = err ? 0 : span.start;
    while (!err && offset < span.end) {
        struct str bytes;
        struct recbatch_iter it;
        struct record record;
        err = log_read(log, STR(KGROUPS_TOPIC), part, offset, LOAD_READ_MAX, &arena, &bytes);
        if (err || !bytes.len) break;
        recbatch_walk(&it, bytes, offset, &arena);
        while (recbatch_next(&it, &record)) {
            struct rbuf key = rbuf_of_str(record.key.ptr ? record.key : STR(""));
            int version = rbuf_i16(&key);
            if (version == 0 || version == KEY_OFFSET) load_offset(groups, &key, &record, &arena);
            else if (version == KEY_GROUP) load_group(groups, &key, &record, &arena);
            (*cnt)++;
        }
        err = it.err;
        int64_t next = recbatch_end(&it.head); /* compaction may have taken the last records */
        if (next <= offset) break;
        offset = next;
        arena_reset(&arena);
    }
    arena_fini(&arena);
    return err;
}

static int make_topic(struct kgroups *groups) {
    const struct log_setting setting[] = {
        {STR("cleanup.policy"), STR("compact")},
        {STR("segment.bytes"), STR("16777216")},
    };
    int err = log_topic_create(groups->server->log, STR(KGROUPS_TOPIC), 1, setting,
                               ARRAY_LEN(setting));
    return err == ERR_EXISTS ? 0 : err;
}

/* The cluster's id is that topic's id: as lasting as the log, and different for every log. */
static void name_cluster(struct kserver *server, const struct uuid *id) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (unsigned i = 0; i < 22; i++) {
        unsigned bit = i * 6, at = bit / 8;
        unsigned pair = (unsigned)id->byte[at] << 8 | (at + 1 < 16 ? id->byte[at + 1] : 0);
        server->cluster_id[i] = digit[pair >> (10 - bit % 8) & 63];
    }
    server->cluster_id[22] = 0;
}

int kgroups_store_open(struct kgroups *groups) {
    struct arena arena = ARENA_INIT;
    struct log_topic topic;
    size_t cnt = 0;
    int err = make_topic(groups);
    if (!err) err = log_topic_get(groups->server->log, STR(KGROUPS_TOPIC), &arena, &topic);
    if (!err) {
        groups->part_cnt = topic.part_cnt;
        name_cluster(groups->server, &topic.id);
    }
    for (int32_t part = 0; !err && part < groups->part_cnt; part++)
        err = load_part(groups, part, &cnt);
    arena_fini(&arena);
    if (err) return err_add(err, "the consumer groups in " KGROUPS_TOPIC " cannot be read");
    diag_debug("kafka", "%zu groups from %zu records", groups->all.cnt, cnt);
    return 0;
}
