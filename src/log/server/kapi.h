/* kapi.h - the table of served APIs: key, versions, handler. One small file per API or family. */
#ifndef KAPI_H
#define KAPI_H

#include "log/server/kreq.h"

struct kapi {
    int16_t key;
    uint8_t first, last; /* served */
    uint8_t shown;       /* the first that ApiVersions tells */
    bool borrows;        /* its bytes may stay in the frame while the handler runs */
    void (*run)(struct kreq *req);
};
const struct kapi *kapi_of(int key); /* NULL: not served */
const struct kapi *kapi_at(size_t i); /* by rising key; NULL after the last */
/* Its metrics: made at the first use. */
void kapi_count(const struct kapi *api, int64_t us);

void kapi_versions_run(struct kreq *req);
/* The answer to a version nobody knows: v0, UNSUPPORTED_VERSION and the ranges. */
void kapi_versions_unknown(struct kreq *req);
void kapi_metadata_run(struct kreq *req);
void kapi_metadata_cluster(struct kreq *req);
void kapi_metadata_partitions(struct kreq *req);
void kapi_produce_run(struct kreq *req);
void kapi_produce_init_id(struct kreq *req);
void kapi_fetch_run(struct kreq *req);
void kapi_offsets_list(struct kreq *req);
void kapi_offsets_epoch(struct kreq *req);
void kapi_topics_create(struct kreq *req);
void kapi_topics_delete(struct kreq *req);
void kapi_topics_log_dirs(struct kreq *req);
void kapi_resize_grow(struct kreq *req);
void kapi_resize_trim(struct kreq *req);
void kapi_configs_describe(struct kreq *req);
void kapi_configs_alter(struct kreq *req);
void kapi_configs_alter_some(struct kreq *req);
/* The settings of a topic just made, for CreateTopics' answer. */
void kapi_configs_of_new(struct kreq *req, const struct log_topic *topic,
                         struct create_topics_response_topic *out);
void kapi_acls_describe(struct kreq *req);
void kapi_group_find(struct kreq *req);
void kapi_group_join(struct kreq *req);
void kapi_group_sync(struct kreq *req);
void kapi_group_heartbeat(struct kreq *req);
void kapi_group_leave(struct kreq *req);
void kapi_admin_describe_groups(struct kreq *req);
void kapi_admin_list_groups(struct kreq *req);
void kapi_admin_delete_groups(struct kreq *req);
void kapi_commit_run(struct kreq *req);
void kapi_commit_fetch(struct kreq *req);
void kapi_commit_delete(struct kreq *req);

/* ---- topics by name and id: ktopics.c ---- */

int ktopics_open(struct ktopics **out);
void ktopics_close(struct ktopics *topics);
bool ktopics_name_ok(struct str name);
/* A topic by name, or by id where the name is empty: a Kafka error code. The result is in the
 * arena. */
int16_t ktopics_get(struct kserver *server, struct str name, const struct uuid *id,
                    struct arena *arena, struct log_topic *out);
/* Makes a topic if the limits allow; the note tells why not. */
int ktopics_create(struct kserver *server, struct str name, int32_t parts,
                   const struct log_setting *setting, size_t cnt) MUST_USE;
int ktopics_grow(struct kserver *server, struct str name, int32_t parts) MUST_USE;
bool ktopics_id_is_zero(const struct uuid *id);

/* ---- long polls: kapi_fetch.c ---- */
void kapi_fetch_open(struct kserver *server);
void kapi_fetch_close(struct kserver *server);
void kapi_fetch_moved(struct kserver *server); /* the log has more */

#endif
