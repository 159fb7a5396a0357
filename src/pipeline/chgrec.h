/* chgrec.h - a changed row as a topic's record: its value in the capture's format, its id.
 *
 *   row          value = the row's JSON as the source sent it; a delete is a tombstone
 *   json_schema  the same behind a zero byte and the schema's id, as Confluent's serializers write
 *   debezium     {"before":..,"after":..,"source":{..},"op":"c","ts_ms":..}
 *
 * Every record carries the headers sluice.id = "seq.idx" (model/change.h) and sluice.op. Hidden
 * paths are taken out of every row. Memory: the record's bytes live in the arena given. */
#ifndef PIPELINE_CHGREC_H
#define PIPELINE_CHGREC_H

#include "model/change.h"
#include "model/record.h"
#include "pipeline/def.h"

#define CHGREC_ID "sluice.id"

/* The row without what `hide` names; `row` itself when there is nothing to hide. */
int chgrec_hide(struct str row, const struct str *hide, size_t hide_cnt, struct arena *arena,
                struct str *out) MUST_USE;
/* The change as `capture` says; its before and after have been through chgrec_hide(). */
int chgrec_make(const struct def_capture *capture, const struct change *change, int32_t schema_id,
                struct arena *arena, struct record *out) MUST_USE;
/* The id a record carries; false: none, somebody else wrote it. */
bool chgrec_id(const struct record *record, uint64_t *seq, uint32_t *idx);

#endif
