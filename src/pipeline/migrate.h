/* migrate.h - what embedded tiers hold, carried to where sluice.yml puts these tiers now.
 *
 * For each tier that is elsewhere by the settings while the data folder still has an embedded one:
 *
 *     landing    rows of the pipelines' tables; runs and their tries; which pipelines are paused
 *     log        records of every topic, partition by partition, with their times and headers
 *     registry   subjects with their versions in order; ids are given anew
 *     store      nothing: its tables are filled from the topics by the next start
 *
 * The old data stays where it is. It may be repeated, and goes on where it was cut short: a table
 * that was carried, or has rows of others, a run that is there, a partition with other records are
 * left alone. Nobody may use the data folder meanwhile: its lock is taken. */
#ifndef PIPELINE_MIGRATE_H
#define PIPELINE_MIGRATE_H

#include "pipeline/conf.h"
#include "pipeline/def.h"

/* A line for people: what was carried, or why not. */
typedef void migrate_say_fn(void *arg, enum conf_tier tier, struct str text);
struct migrate_conf {
    struct env *env;
    const struct conf *conf; /* all borrowed */
    const char *data;
    struct def *const *def;
    size_t def_cnt;
    migrate_say_fn *say;
    void *arg;
};
/* ERR_NOT_FOUND: no tier has anything to carry. */
int migrate_run(const struct migrate_conf *conf) MUST_USE;

#endif
