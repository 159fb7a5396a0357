/* health.h - is every tier well, and if not, which and why. */
#ifndef PIPELINE_HEALTH_H
#define PIPELINE_HEALTH_H

#include "pipeline/pipe.h"

enum health_state { HEALTH_OK, HEALTH_IDLE, HEALTH_WARN, HEALTH_ERROR };
struct health_tier {
    const char *id; /* "log" */
    enum health_state state;
    char note[256]; /* why, or "" */
};
#define HEALTH_TIER_CNT 7
void health_look(struct pipe *pipe, struct health_tier tier[HEALTH_TIER_CNT]);
/* {"status":"ok","tiers":{"log":{"state":"ok","note":""},...}} */
void health_write(struct pipe *pipe, struct buf *out);
const char *health_state_name(enum health_state state);

#endif
