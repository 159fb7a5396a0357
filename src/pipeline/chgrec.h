/* chgrec.h - a changed row as a topic's record: its value in the capture's format, its id.
 *
 *   row          value = the row's JSON as the source sent it; a delete is a tombstone
 *   json_schema  the same behind a zero byte and the schema's id, as Confluent's serializers write
 *   debezium     {"before":..,"after":..,"source":{..},"op":"c","ts_ms":..}; a delete has it too
 *
 * Every record carries the headers sluice.id = "seq.idx" (model/change.h) and sluice.op. Hidden
 * paths are taken out of every row. Memory: the record's bytes live in the arena given. */
#ifndef PIPELINE_CHGREC_H
#define PIPELINE_CHGREC_H

#include "model/change.h"
#include "model/record.h"
#include "pipeline/def.h"

#define CHGREC_ID "sluice.id"

/* The row without what the capture hides; `row` itself when there is nothing to hide. */
int chgrec_hide(const struct def_capture *capture, struct str row, struct arena *arena,
                struct str *out) MUST_USE;
/* The JSON whose schema the topic has: the row, or debezium's envelope. ptr NULL: a tombstone. */
int chgrec_json(const struct def_capture *capture, const struct change *change,
                struct arena *arena, struct str *out) MUST_USE;
/* The change as the capture's record, of that JSON; schema_id is of use to json_schema only. */
void chgrec_make(const struct def_capture *capture, const struct change *change, struct str json,
                 int32_t schema_id, struct arena *arena, struct record *out);
/* The id a record carries; false: none, somebody else wrote it. */
bool chgrec_id(const struct record *record, uint64_t *seq, uint32_t *idx);

#endif
