/* def_clash.c - pipelines that would make the same thing.
 *
 * Each landing table, topic and table has one maker: what two write would get doubles, and neither
 * could tell after a crash what it had written. */
#include "base/map.h"
#include "pipeline/def.h"

struct made {
    const char *what;
    struct report_at at;
};
struct clash {
    struct arena arena;
    struct map made; /* "what name" -> struct made */
    struct report *report;
};

static void take(struct clash *clash, const char *what, struct str name, struct report_at at) {
    struct str key = arena_printf(&clash->arena, "%s %.*s", what, STR_ARG(name));
    const struct made *first = map_get(&clash->made, key);
    if (!name.len) return;
    if (first) {
        report_addf(clash->report, at, STR("give one of them another name"),
                    "%s '%.*s' is made already, by %.*s:%u", what, STR_ARG(name),
                    STR_ARG(first->at.file), first->at.line);
        return;
    }
    struct made *made = arena_new(&clash->arena, struct made);
    *made = (struct made){what, at};
    map_put(&clash->made, key, made);
}

static void take_def(struct clash *clash, const struct def *def) {
    take(clash, "pipeline", def->name, (struct report_at){def->file, def->source, 1, 1, 1});
    for (size_t i = 0; i < def->fetch_cnt; i++)
        take(clash, "landing table", def->fetch[i].name, def->fetch[i].at);
    for (size_t i = 0; i < def->capture_cnt; i++)
        take(clash, "topic", def->capture[i].topic, def->capture[i].at);
    for (size_t i = 0; i < def->transform_cnt; i++) {
        const struct def_transform *to = &def->transform[i];
        take(clash, "table", to->name, to->at);
        take(clash, "topic", arena_printf(&clash->arena, "%.*s.quarantine", STR_ARG(to->table)),
             to->at);
    }
}

void def_clash(struct def *const *def, size_t cnt, struct report *report) {
    struct clash clash = {.report = report};
    map_init(&clash.made);
    for (size_t i = 0; i < cnt; i++) take_def(&clash, def[i]);
    map_fini(&clash.made);
    arena_fini(&clash.arena);
}
