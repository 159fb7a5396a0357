/* doctor.h - is every tier that sluice.yml names there, and may we do with it what we must?
 *
 * Each tier is asked by itself, through its own hook (model/finding.h), so that all troubles are
 * seen at once; nothing is made or changed. Thread: one. */
#ifndef PIPELINE_DOCTOR_H
#define PIPELINE_DOCTOR_H

#include "model/finding.h"
#include "pipeline/conf.h"

struct doctor_finding {
    const char *tier;     /* "log" */
    enum finding_state state;
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
enum finding_state doctor_look(const struct doctor_conf *conf, doctor_say_fn *say, void *arg);

#endif
