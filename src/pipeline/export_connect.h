/* export_connect.h - a pipeline's captures as configurations of Debezium's PostgreSQL connector. */
#ifndef PIPELINE_EXPORT_CONNECT_H
#define PIPELINE_EXPORT_CONNECT_H

#include "pipeline/export.h"

/* One JSON object a capture, as Kafka Connect's REST door takes it. ERR_CONFIG: the landing is none
 * that Debezium reads. */
int export_connect_write(const struct export_in *in, struct buf *out) MUST_USE;

#endif
