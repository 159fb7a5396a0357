/* doors.h - the addresses others connect to: Kafka, CQL, Schema Registry, Airflow's API and the UI.
 *
 *   kafka     9092  Kafka protocol                       its own loop
 *   cql       9042  CQL native protocol                  its own loop and threads
 *   registry  8081  Schema Registry REST                 \
 *   http      8080  /api/v2, /api/ (people), UI "runs"    > one loop for what people look at
 *   ui        9021  UI "overview", /health, /metrics     /
 *
 * Kafka, CQL and the registry are served only where the tier behind is the embedded one: what was
 * swapped is asked at its own address. A port that is taken is an error that names its owner; with
 * `any_port` a free one is taken and the owner is said in the log. Thread: the one that opened it.
 */
#ifndef PIPELINE_DOORS_H
#define PIPELINE_DOORS_H

#include "pipeline/pipe.h"

enum door { DOOR_KAFKA, DOOR_CQL, DOOR_REGISTRY, DOOR_HTTP, DOOR_UI, DOOR_CNT };

struct doors;
struct doors_conf {
    struct pipe *pipe; /* borrowed */
    bool any_port;
};
int doors_open(struct doors **out, const struct doors_conf *conf) MUST_USE; /* listening, serving */
void doors_close(struct doors *doors); /* before the pipe; NULL is allowed */
bool doors_served(const struct doors *doors, enum door door);
uint16_t doors_port(const struct doors *doors, enum door door); /* 0: not served */
const char *doors_name(enum door door); /* "kafka" */

#endif
