/* doctor.h - is every tier that sluice.yml names there, and may we do with it what we must?
 *
 * Each tier is asked by itself, so that all troubles are seen at once; nothing is made or changed.
 * What a swapped landing, store or coord answers is told by opening it. Thread: one. */
#ifndef PIPELINE_DOCTOR_H
#define PIPELINE_DOCTOR_H

#include "pipeline/conf.h"

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD };
struct doctor_finding {
    const char *tier;     /* "log" */
    enum doctor_state state;
    struct str text;      /* what was found */
    struct str remedy;    /* what to do; "" where all is well */
};
typedef void doctor_say_fn(void *arg, const struct doctor_finding *finding);
struct doctor_conf {
    struct env *env;
    const struct conf *conf;
    const char *data; /* the data folder, for what is embedded */
};
/* Looks at every tier and says what it finds, one or more findings each; the worst is returned. */
enum doctor_state doctor_look(const struct doctor_conf *conf, doctor_say_fn *say, void *arg);

#endif
