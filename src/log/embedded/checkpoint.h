/* checkpoint.h - the log's two whole files: the catalogue of topics and the checkpoint.
 *
 * Both are written atomically. The catalogue is the truth about which topics there are; without it
 * a folder with partitions is refused. The checkpoint only saves work: without it recovery reads
 * each partition's last segment from its beginning.
 *
 * Thread: under emb->work. */
#ifndef LOG_EMBEDDED_CHECKPOINT_H
#define LOG_EMBEDDED_CHECKPOINT_H

#include "log/embedded/emb.h"

/* Writes all topics and the producer id limit as they are in memory. */
int checkpoint_save_topics(struct emb *emb) MUST_USE;
/* Fills emb->topics (empty before) and the producer id. ERR_NOT_FOUND. */
int checkpoint_load_topics(struct emb *emb) MUST_USE;
/* Brings every changed partition to a state that needs no recovery: synced, producers and index
 * entries written, mark taken; then writes the marks. */
int checkpoint_write(struct emb *emb) MUST_USE;
/* Sets part->mark of those partitions the checkpoint knows. No or a bad file is not an error. */
int checkpoint_load(struct emb *emb) MUST_USE;
/* Writes the marks as they are. */
int checkpoint_save(struct emb *emb) MUST_USE;
/* part->pids from its `producers` file; *offset: as of where. ERR_NOT_FOUND, ERR_CORRUPT. */
int checkpoint_load_pids(struct part *part, int64_t *offset) MUST_USE;

/* Topics in memory, not on disk. */
struct topic *checkpoint_topic_new(struct str name, struct uuid id);
void checkpoint_topic_settings(struct topic *topic, const struct log_setting *setting,
                               size_t cnt); /* checked ones; copied */
void checkpoint_topic_grow(struct emb *emb, struct topic *topic, int32_t part_cnt);
void checkpoint_topic_free(struct topic *topic); /* drops its references to partitions */

#endif
