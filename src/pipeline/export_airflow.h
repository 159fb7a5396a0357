/* export_airflow.h - a pipeline's fetches as a DAG of Airflow 3. */
#ifndef PIPELINE_EXPORT_AIRFLOW_H
#define PIPELINE_EXPORT_AIRFLOW_H

#include "pipeline/export.h"

/* Each task is one `sluice task run`, tried as often as Airflow is told to; the server on the data
 * folder does the work and carries the changes further. */
void export_airflow_write(const struct export_in *in, struct buf *out);

#endif
