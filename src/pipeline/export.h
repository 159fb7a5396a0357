/* export.h - a pipeline as a job of the systems it takes the place of: PySpark, Airflow, Debezium.
 *
 * Each function writes one file's text. What the other system cannot do as the pipeline says is
 * added to `notes`, with its place in the pipeline's file; nothing is left out silently. Names and
 * SQL of the pipeline reach Python only as string literals made by export_py(). */
#ifndef PIPELINE_EXPORT_H
#define PIPELINE_EXPORT_H

#include "pipeline/conf.h"
#include "pipeline/def.h"

struct export_in {
    const struct def *def;   /* all borrowed */
    const struct conf *conf;
    const char *data;        /* sluice's data folder, as the exported task names it */
    const struct str *schema; /* spark: of each transform's topic, as Spark's DDL */
    struct report *notes;
    struct arena *arena;
};
void export_py(struct buf *out, struct str text); /* a Python string literal, ASCII only */
/* The tier's address, in the arena; hosts "" when it is embedded. */
struct address_url export_url(const struct export_in *in, enum conf_tier tier);

#endif
