/* export_spark.h - a pipeline's transforms as a PySpark job. */
#ifndef PIPELINE_EXPORT_SPARK_H
#define PIPELINE_EXPORT_SPARK_H

#include "pipeline/export.h"

/* The job reads the same topics, runs the same SQL on each batch and writes the same tables; what
 * fails a check goes to the same quarantine topic. in->schema has one entry a transform. */
void export_spark_write(const struct export_in *in, struct buf *out);

#endif
