/* cli_topic.c - sluice topic, tap, group, replay: what is on the log, and who reads it. */
#include "base/arena.h"
#include "base/dur.h"
#include "base/err.h"
#include "cli/cli_http.h"

#include <stdio.h>
#include <stdlib.h>

static int topic_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    struct arena arena = ARENA_INIT;
    json_t *answer;
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    bool all = cli_option(&line, "--internal") != NULL;
    if (!line.arg_cnt) {
        code = cli_http_call(&line, "GET", all ? "/ui/topics?limit=200&internal=1"
                                               : "/ui/topics?limit=200", NULL, &answer);
        if (!code)
            code = cli_http_table(&line, answer, "topics", "name:TOPIC partitions:PARTITIONS "
                                  "messages:MESSAGES bytes:BYTES rate:RATE lag:LAG "
                                  "cleanup:CLEANUP subject:SUBJECT");
        return code;
    }
    const char *path = arena_printf(&arena, "/ui/topics/%s",
                                    cli_http_escape(&arena, line.arg[0])).ptr;
    code = cli_http_call(&line, "GET", path, NULL, &answer);
    if (!code)
        code = cli_http_table(&line, answer, "partitions",
                              "id:PARTITION start:START end:END bytes:BYTES last_ms:LAST_MS");
    arena_fini(&arena);
    return code;
}

static int group_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    struct arena arena = ARENA_INIT;
    json_t *answer;
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    if (!line.arg_cnt) {
        code = cli_http_call(&line, "GET", "/ui/groups", NULL, &answer);
        return code ? code : cli_http_table(&line, answer, "groups", "id:GROUP state:STATE "
                                            "members:MEMBERS topics:TOPICS lag:LAG");
    }
    const char *path = arena_printf(&arena, "/ui/groups/%s",
                                    cli_http_escape(&arena, line.arg[0])).ptr;
    code = cli_http_call(&line, "GET", path, NULL, &answer);
    if (!code)
        code = cli_http_table(&line, answer, "partitions", "topic:TOPIC partition:PARTITION "
                              "current:CURRENT end:END lag:LAG member:MEMBER");
    arena_fini(&arena);
    return code;
}

static int replay_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    struct arena arena = ARENA_INIT;
    json_t *answer;
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    if (line.arg_cnt != 1) {
        fprintf(stderr, "sluice replay: name one topic that a table is captured onto\n");
        return CLI_USAGE;
    }
    const char *path = arena_printf(&arena, "/ui/topics/%s/replay",
                                    cli_http_escape(&arena, line.arg[0])).ptr;
    code = cli_http_call(&line, "POST", path, "{}", &answer);
    if (!code) {
        printf("the rows of its table go onto topic %s once more\n", line.arg[0]);
        json_decref(answer);
    }
    arena_fini(&arena);
    return code;
}

/* ---- tap ---- */

struct tap {
    const struct cli_line *line;
    int64_t left; /* records still to be shown; -1: no limit */
};

static void show_record(const struct tap *tap, const json_t *record) {
    if (tap->line->format == CLI_JSON) {
        json_dumpf(record, stdout, JSON_COMPACT);
        putchar('\n');
        return;
    }
    const char *key = json_string_value(json_object_get(record, "key"));
    const char *value = json_string_value(json_object_get(record, "value"));
    printf("%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT "\t%s\t%s\n",
           json_integer_value(json_object_get(record, "partition")),
           json_integer_value(json_object_get(record, "offset")), key ? key : "-",
           value ? value : "-");
}

static bool tap_event(void *arg, struct str event, struct str data) {
    struct tap *tap = arg;
    if (!str_eqz(event, "record")) return true;
    json_t *record = json_loadb(data.ptr, data.len, 0, NULL);
    if (record) show_record(tap, record);
    json_decref(record);
    fflush(stdout);
    return tap->left < 0 || --tap->left > 0;
}

static int tap_newest(struct tap *tap, const char *topic, struct arena *arena) {
    json_t *answer, *record;
    size_t i;
    int64_t limit = tap->left < 0 ? 10 : MIN(tap->left, 200);
    const char *path = arena_printf(arena, "/ui/topics/%s/records?limit=%" PRId64, topic,
                                    limit).ptr;
    int code = cli_http_call(tap->line, "GET", path, NULL, &answer);
    if (code) return code;
    json_array_foreach(json_object_get(answer, "records"), i, record) show_record(tap, record);
    json_decref(answer);
    return CLI_OK;
}

static int tap_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    struct arena arena = ARENA_INIT;
    struct tap tap = {&line, -1};
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    const char *count = cli_option(&line, "--count"), *query = cli_option(&line, "--where");
    if (line.arg_cnt != 1) {
        fprintf(stderr, "sluice tap: name one topic; `sluice topic` lists them\n");
        return CLI_USAGE;
    }
    if (count && (str_i64(str_of(count), &tap.left) || tap.left < 1)) {
        fprintf(stderr, "sluice tap: --count takes a number from 1 on\n");
        return CLI_USAGE;
    }
    const char *topic = cli_http_escape(&arena, line.arg[0]);
    const char *where = query ? cli_http_escape(&arena, query) : "";
    struct str path = arena_printf(&arena, "/ui/events?tail=%s%s%s", topic, query ? "&q=" : "",
                                   where);
    if (cli_option(&line, "--newest")) code = tap_newest(&tap, topic, &arena);
    else code = cli_http_events(&line, path.ptr, tap_event, &tap);
    arena_fini(&arena);
    return code;
}

static const struct cli_opt topic_options[] = {
    {"--internal", NULL, "also topics whose names begin with _"},
    {NULL, NULL, NULL},
};
static const struct cli_opt tap_options[] = {
    {"--count", "N", "end after N records"},
    {"--newest", NULL, "the newest records there are, then end"},
    {"--where", "TEXT", "only records that contain this text"},
    {NULL, NULL, NULL},
};

const struct cli_verb cli_topic_verb = {
    .name = "topic",
    .summary = "Topics: size, rate, lag; partitions of one",
    .examples = "sluice topic\nsluice topic users_created\nsluice topic --format json",
    .args = "[TOPIC]",
    .opt = topic_options,
    .run = topic_run,
};
const struct cli_verb cli_topic_group_verb = {
    .name = "group",
    .summary = "Consumer groups and their lag; partitions of one",
    .examples = "sluice group\nsluice group reporting",
    .args = "[GROUP]",
    .run = group_run,
};
const struct cli_verb cli_topic_tap_verb = {
    .name = "tap",
    .summary = "Watch the records of a topic as they come",
    .examples = "sluice tap users_created\n"
                "sluice tap users_created --count 5 --format json\n"
                "sluice tap created_users.quarantine --newest",
    .args = "TOPIC",
    .opt = tap_options,
    .run = tap_run,
};
const struct cli_verb cli_topic_replay_verb = {
    .name = "replay",
    .summary = "Put the rows of a captured table onto its topic once more",
    .examples = "sluice replay users_created",
    .args = "TOPIC",
    .run = replay_run,
};
