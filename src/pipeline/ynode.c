/* ynode.c - libyaml's events into a tree, without recursion. */
#include "pipeline/ynode.h"

#include "base/err.h"

#include <stdio.h>
#include <yaml.h>

/* A node under construction: its children are collected in `kids`, keys and values in turn. */
struct level {
    struct ynode node;
    struct ynode *kids;
    size_t cnt, cap;
};

struct build {
    struct str file, source;
    struct arena *arena;
    struct report *report;
    struct level level[YNODE_DEPTH_MAX];
    size_t depth, nodes;
    struct ynode root;
    bool has_root, bad;
};

static struct report_at place(const struct build *build, yaml_mark_t start, yaml_mark_t end) {
    uint32_t len = 1;
    if (end.line == start.line && end.column > start.column)
        len = (uint32_t)(end.column - start.column);
    return (struct report_at){build->file, build->source, (uint32_t)start.line + 1,
                              (uint32_t)start.column + 1, len};
}

static void mistake(struct build *build, struct report_at at, const char *text, const char *hint) {
    report_add(build->report, at, str_of(text), str_of(hint));
    build->bad = true;
}

static void check_key(struct build *build, const struct level *level, const struct ynode *key) {
    if (key->kind != YNODE_SCALAR) {
        mistake(build, key->at, "a key must be a word", "");
        return;
    }
    for (size_t i = 0; i < level->cnt; i += 2) {
        if (!str_eq(level->kids[i].text, key->text)) continue;
        report_addf(build->report, key->at, STR("a key may stand only once; remove one of them"),
                    "key '%.*s' is already there, on line %u", STR_ARG(key->text),
                    level->kids[i].at.line);
        build->bad = true;
    }
}

static void add(struct build *build, struct ynode node) {
    if (!build->depth) {
        build->root = node;
        build->has_root = true;
        return;
    }
    struct level *level = &build->level[build->depth - 1];
    if (level->node.kind == YNODE_MAP && level->cnt % 2 == 0) check_key(build, level, &node);
    if (level->cnt == level->cap) {
        level->cap = level->cap ? level->cap * 2 : 8;
        level->kids = base_realloc(level->kids, level->cap * sizeof *level->kids);
    }
    level->kids[level->cnt++] = node;
}

/* Spaces before the text of a block scalar: those of its first line that is not empty. */
static uint32_t block_indent(struct str source, size_t from) {
    struct str left = {source.ptr + from, source.len - from};
    str_cut(left, '\n', &left);
    while (left.ptr) {
        struct str line = str_cut(left, '\n', &left);
        uint32_t indent = 0;
        while (indent < line.len && line.ptr[indent] == ' ') indent++;
        if (indent < line.len) return indent;
    }
    return 0;
}

static void add_scalar(struct build *build, const yaml_event_t *event) {
    yaml_scalar_style_t style = event->data.scalar.style;
    struct ynode node = {.kind = YNODE_SCALAR};
    node.at = place(build, event->start_mark, event->end_mark);
    node.text = arena_str(build->arena, (struct str){(const char *)event->data.scalar.value,
                                                     event->data.scalar.length});
    node.block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
    bool quoted = style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
                  style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    size_t from = MIN(event->start_mark.index, build->source.len);
    node.indent = node.block ? block_indent(build->source, from) : node.at.col - 1 + quoted;
    add(build, node);
}

static void open_level(struct build *build, enum ynode_kind kind, const yaml_event_t *event) {
    struct report_at at = place(build, event->start_mark, event->start_mark);
    if (build->depth == YNODE_DEPTH_MAX) {
        mistake(build, at, "nested too deep", "at most 64 levels are allowed");
        return;
    }
    struct level *level = &build->level[build->depth++];
    memset(level, 0, sizeof *level);
    level->node.kind = kind;
    level->node.at = at;
}

static void close_level(struct build *build) {
    struct level *level = &build->level[--build->depth];
    struct ynode node = level->node;
    bool map = node.kind == YNODE_MAP;
    node.cnt = map ? level->cnt / 2 : level->cnt;
    node.item = arena_array(build->arena, struct ynode, node.cnt);
    if (map) node.key = arena_array(build->arena, struct ynode, node.cnt);
    for (size_t i = 0; i < node.cnt; i++) {
        if (map) node.key[i] = level->kids[2 * i];
        node.item[i] = level->kids[map ? 2 * i + 1 : i];
    }
    base_free(level->kids);
    add(build, node);
}

static bool has_anchor(const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default: return event->type == YAML_ALIAS_EVENT;
    }
}

static void take_event(struct build *build, const yaml_event_t *event) {
    struct report_at at = place(build, event->start_mark, event->end_mark);
    if (has_anchor(event))
        mistake(build, at, "anchors, aliases and tags are not allowed", "write the value out");
    if (++build->nodes > YNODE_MAX)
        mistake(build, at, "too many values", "a file holds at most 10,000; split it");
    if (build->bad) return;
    switch (event->type) {
    case YAML_SCALAR_EVENT: add_scalar(build, event); break;
    case YAML_SEQUENCE_START_EVENT: open_level(build, YNODE_LIST, event); break;
    case YAML_MAPPING_START_EVENT: open_level(build, YNODE_MAP, event); break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: close_level(build); break;
    case YAML_DOCUMENT_START_EVENT:
        if (build->has_root) mistake(build, at, "a second document", "one file is one document");
        break;
    default: break;
    }
}

static void syntax_mistake(struct build *build, const yaml_parser_t *parser) {
    yaml_mark_t mark = parser->problem_mark;
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    struct str hint = strstr(problem, "tab") ? STR("indent with spaces") : STR("");
    char where[160] = "";
    if (parser->context && parser->context_mark.line != mark.line)
        snprintf(where, sizeof where, ", %s that began on line %zu", parser->context,
                 parser->context_mark.line + 1);
    else if (parser->context) snprintf(where, sizeof where, ", %s", parser->context);
    report_addf(build->report, place(build, mark, mark), hint, "YAML: %s%s", problem, where);
    build->bad = true;
}

/* All events, until the end or the first mistake. */
static void read_events(struct build *build) {
    yaml_parser_t parser;
    yaml_event_t event;
    CHECK(yaml_parser_initialize(&parser));
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)build->source.ptr,
                                 build->source.len);
    for (bool end = false; !end && !build->bad;) {
        if (!yaml_parser_parse(&parser, &event)) {
            syntax_mistake(build, &parser);
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        take_event(build, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
}

int ynode_parse(struct str file, struct str source, struct arena *arena, struct report *report,
                struct ynode *out) {
    struct build *build = base_calloc(1, sizeof *build);
    build->file = file;
    build->source = source;
    build->arena = arena;
    build->report = report;
    struct report_at top = {file, source, 1, 1, 1};
    if (source.len > YNODE_FILE_MAX)
        mistake(build, top, "the file is too long", "a definition may have 1 MiB; split it");
    else read_events(build);
    while (build->depth) base_free(build->level[--build->depth].kids);
    *out = build->root;
    if (!build->has_root || (out->kind == YNODE_SCALAR && !out->text.len)) {
        *out = (struct ynode){.kind = YNODE_MAP};
        out->at = top;
    }
    bool bad = build->bad;
    base_free(build);
    return bad ? err_fail(ERR_SYNTAX, "%.*s has mistakes", STR_ARG(file)) : 0;
}

struct ynode *ynode_get(const struct ynode *map, const char *key) {
    if (map->kind != YNODE_MAP) return NULL;
    for (size_t i = 0; i < map->cnt; i++)
        if (str_eqz(map->key[i].text, key)) return &map->item[i];
    return NULL;
}
