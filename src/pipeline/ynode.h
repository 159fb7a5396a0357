/* ynode.h - a YAML file as a tree whose every node knows its place.
 *
 * A strict part of YAML 1.1: one document, no aliases, anchors or tags, mappings with scalar keys
 * that occur once. Scalars stay text; whoever reads one says what it should be.
 * Limits: YNODE_FILE_MAX bytes, YNODE_MAX nodes, YNODE_DEPTH_MAX levels.
 * Memory: the tree lives in the arena given; texts are copies. */
#ifndef PIPELINE_YNODE_H
#define PIPELINE_YNODE_H

#include "pipeline/report.h"

#define YNODE_FILE_MAX  MIB
#define YNODE_MAX       10000
#define YNODE_DEPTH_MAX 64

enum ynode_kind { YNODE_SCALAR, YNODE_LIST, YNODE_MAP };

struct ynode {
    enum ynode_kind kind;
    struct report_at at;
    struct str text;    /* SCALAR */
    bool block;         /* SCALAR written as | or >: its first line is the one after at.line */
    uint32_t indent;    /* block: spaces before its text; else: columns before its text */
    struct ynode *key;  /* MAP: cnt keys, scalars */
    struct ynode *item; /* LIST: cnt items; MAP: cnt values */
    size_t cnt;
};

/* 0, or ERR_SYNTAX with at least one mistake reported. An empty file is an empty MAP. */
int ynode_parse(struct str file, struct str source, struct arena *arena, struct report *report,
                struct ynode *out) MUST_USE;
struct ynode *ynode_get(const struct ynode *map, const char *key); /* NULL: not there */

#endif
