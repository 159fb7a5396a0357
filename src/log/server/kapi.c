/* kapi.c - which APIs are served, in which versions, by whom.
 *
 * The ranges are Kafka 4.2's. Produce is told from version 0 on though 3 is the first that is
 * served, as Kafka does: or older librdkafka sends uncompressed. */
#include "log/server/kapi.h"

#include <stdio.h>

static const struct kapi table[] = {
    /* key                          served   told  borrows */
    {KMSG_PRODUCE,                   3, 13,  0,    true,  kapi_produce_run},
    {KMSG_FETCH,                     4, 18,  4,    false, kapi_fetch_run},
    {KMSG_LIST_OFFSETS,              1, 11,  1,    false, kapi_offsets_list},
    {KMSG_METADATA,                  0, 13,  0,    false, kapi_metadata_run},
    {KMSG_OFFSET_COMMIT,             2, 10,  2,    false, kapi_commit_run},
    {KMSG_OFFSET_FETCH,              1, 10,  1,    false, kapi_commit_fetch},
    {KMSG_FIND_COORDINATOR,          0, 6,   0,    false, kapi_group_find},
    {KMSG_JOIN_GROUP,                0, 9,   0,    false, kapi_group_join},
    {KMSG_HEARTBEAT,                 0, 4,   0,    false, kapi_group_heartbeat},
    {KMSG_LEAVE_GROUP,               0, 5,   0,    false, kapi_group_leave},
    {KMSG_SYNC_GROUP,                0, 5,   0,    false, kapi_group_sync},
    {KMSG_DESCRIBE_GROUPS,           0, 6,   0,    false, kapi_admin_describe_groups},
    {KMSG_LIST_GROUPS,               0, 5,   0,    false, kapi_admin_list_groups},
    {KMSG_API_VERSIONS,              0, 4,   0,    false, kapi_versions_run},
    {KMSG_CREATE_TOPICS,             2, 7,   2,    false, kapi_topics_create},
    {KMSG_DELETE_TOPICS,             1, 6,   1,    false, kapi_topics_delete},
    {KMSG_DELETE_RECORDS,            0, 2,   0,    false, kapi_resize_trim},
    {KMSG_INIT_PRODUCER_ID,          0, 5,   0,    false, kapi_produce_init_id},
    {KMSG_OFFSET_FOR_LEADER_EPOCH,   2, 4,   2,    false, kapi_offsets_epoch},
    {KMSG_DESCRIBE_ACLS,             1, 3,   1,    false, kapi_acls_describe},
    {KMSG_DESCRIBE_CONFIGS,          1, 4,   1,    false, kapi_configs_describe},
    {KMSG_ALTER_CONFIGS,             0, 2,   0,    false, kapi_configs_alter},
    {KMSG_DESCRIBE_LOG_DIRS,         1, 4,   1,    false, kapi_topics_log_dirs},
    {KMSG_CREATE_PARTITIONS,         0, 3,   0,    false, kapi_resize_grow},
    {KMSG_DELETE_GROUPS,             0, 2,   0,    false, kapi_admin_delete_groups},
    {KMSG_INCREMENTAL_ALTER_CONFIGS, 0, 1,   0,    false, kapi_configs_alter_some},
    {KMSG_OFFSET_DELETE,             0, 0,   0,    false, kapi_commit_delete},
    {KMSG_DESCRIBE_CLUSTER,          0, 2,   0,    false, kapi_metadata_cluster},
    {KMSG_DESCRIBE_TOPIC_PARTITIONS, 0, 0,   0,    false, kapi_metadata_partitions},
};

const struct kapi *kapi_of(int key) {
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].key == key) return &table[i];
    return NULL;
}

const struct kapi *kapi_at(size_t i) {
    return i < ARRAY_LEN(table) ? &table[i] : NULL;
}

void kapi_count(const struct kapi *api, int64_t us) {
    static struct metric *took[ARRAY_LEN(table)]; /* loop's thread; a race makes the same metric */
    size_t i = (size_t)(api - table);
    if (!took[i]) {
        char label[64];
        snprintf(label, sizeof label, "api=\"%s\"", kmsg_api_of(api->key)->name);
        took[i] = metric_histogram("sluice_kafka_request_seconds",
                                   "Kafka requests: how many, and from frame to answer", label);
    }
    metric_observe(took[i], us);
}
