/* doctor.c - asking each tier that runs elsewhere. */
#include "pipeline/doctor.h"

#include "coord/coord.h"
#include "landing/landing.h"
#include "log/log.h"
#include "registry/registry.h"
#include "store/store.h"

struct look {
    doctor_say_fn *say;
    void *arg;
    const char *tier;
    enum finding_state worst;
};

static void take(void *arg, enum finding_state state, const char *text, const char *remedy) {
    struct look *look = arg;
    struct doctor_finding finding = {look->tier, state, str_of(text), str_of(remedy)};
    look->worst = MAX(look->worst, state);
    look->say(look->arg, &finding);
}

static void ask(const struct doctor_conf *conf, enum conf_tier tier, const struct finding_to *to) {
    const struct address *at = &conf->conf->address[tier];
    struct landing_conf landing = {.env = conf->env, .url = at->url, .property = at->property,
                                   .property_cnt = at->property_cnt};
    struct log_conf log = {.env = conf->env, .url = at->url, .property = at->property,
                           .property_cnt = at->property_cnt};
    struct registry_conf registry = {.env = conf->env, .url = at->url, .property = at->property,
                                     .property_cnt = at->property_cnt};
    struct store_conf store = {.env = conf->env, .url = at->url, .property = at->property,
                               .property_cnt = at->property_cnt};
    struct coord_conf coord = {.env = conf->env, .url = at->url, .node = "doctor"};
    switch (tier) {
    case CONF_LANDING: landing_doctor(&landing, to); break;
    case CONF_LOG: log_doctor(&log, to); break;
    case CONF_REGISTRY: registry_doctor(&registry, to); break;
    case CONF_STORE: store_doctor(&store, to); break;
    case CONF_COORD: coord_doctor(&coord, to); break;
    case CONF_TIER_CNT: break;
    }
}

enum finding_state doctor_look(const struct doctor_conf *conf, doctor_say_fn *fn, void *arg) {
    struct look look = {.say = fn, .arg = arg};
    struct finding_to to = {take, &look};
    for (int i = 0; i < CONF_TIER_CNT; i++) {
        enum conf_tier tier = (enum conf_tier)i;
        look.tier = conf_tier_name(tier);
        if (!conf_embedded(conf->conf, tier)) ask(conf, tier, &to);
        else if (tier == CONF_COORD) finding_ok(&to, "one node, which always leads");
        else finding_ok(&to, "embedded, in %s", conf->data);
    }
    return look.worst;
}
