/* export_spark.c - the SQL as it is, around it what sluice does by itself.
 *
 * A row has to be known by its record to be quarantined, so the record travels through the query as
 * one more column, `__sluice`: it is put before the query's own FROM, unless a star brings it along
 * anyway. Each batch is parsed, queried and checked as a static table: the queries have no state.
 * STREAM before the topic's name is left out for the same reason. */
#include "pipeline/export_spark.h"

#include "base/redact.h"

#define BOOTSTRAP "127.0.0.1:9092"
#define CONTACT   "127.0.0.1:9042"

/* ---- the query ---- */

/* Where the parts of a SELECT stand: FROM, STREAM, and whether a star is selected. */
struct parts {
    size_t from, stream; /* positions; SIZE_MAX: none */
    bool star;
};

static bool is_word(char c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
}

/* The end of the quoted text or comment that begins at `at`; `at` when none does. */
static size_t skip_quoted(struct str sql, size_t at) {
    char c = sql.ptr[at], next = at + 1 < sql.len ? sql.ptr[at + 1] : 0;
    size_t i = at + 1;
    if (c == '-' && next == '-') {
        while (i < sql.len && sql.ptr[i] != '\n') i++;
        return i;
    }
    if (c == '/' && next == '*') {
        while (i + 1 < sql.len && !(sql.ptr[i] == '*' && sql.ptr[i + 1] == '/')) i++;
        return MIN(i + 2, sql.len);
    }
    if (c != '\'' && c != '"' && c != '`') return at;
    for (; i < sql.len && sql.ptr[i] != c; i++)
        if (sql.ptr[i] == '\\' && c != '`') i++;
    return MIN(i + 1, sql.len);
}

static struct parts find_parts(struct str sql) {
    struct parts parts = {SIZE_MAX, SIZE_MAX, false};
    int depth = 0;
    bool item = false; /* an item of the list may begin here */
    for (size_t i = 0; i < sql.len && parts.stream == SIZE_MAX;) {
        size_t end = skip_quoted(sql, i);
        char c = sql.ptr[i];
        if (end > i) {
            i = end;
            continue;
        }
        if (is_word(c)) {
            for (end = i; end < sql.len && is_word(sql.ptr[end]);) end++;
            struct str word = {sql.ptr + i, end - i};
            if (!depth && str_ieq(word, STR("FROM"))) parts.from = i;
            if (!depth && parts.from != SIZE_MAX && str_ieq(word, STR("STREAM"))) parts.stream = i;
            item = str_ieq(word, STR("SELECT"));
            i = end;
            continue;
        }
        if (c == '(') depth++;
        if (c == ')') depth--;
        if (c == '*' && !depth && item && parts.from == SIZE_MAX) parts.star = true;
        if (c == ',' || c == '.') item = true;
        else if (c > ' ') item = false;
        i++;
    }
    return parts;
}

static struct str query_of(const struct export_in *in, const struct def_transform *to) {
    struct parts parts = find_parts(to->sql);
    if (parts.stream == SIZE_MAX) return to->sql; /* sluice would not have taken it */
    size_t after = parts.stream + strlen("STREAM");
    return arena_printf(in->arena, "%.*s%s%.*s%.*s", (int)parts.from, to->sql.ptr,
                        parts.star ? "" : ", __sluice ", (int)(parts.stream - parts.from),
                        to->sql.ptr + parts.from, (int)(to->sql.len - after), to->sql.ptr + after);
}

/* ---- the job ---- */

static const char job_head[] =
"#\n"
"#   spark-submit --packages org.apache.spark:spark-sql-kafka-0-10_2.13:SPARK_VERSION,\\\n"
"#       com.datastax.spark:spark-cassandra-connector_2.13:3.5.1 THIS_FILE [--once]\n"
"#   THIS_FILE --sample FILE   JSON values, one a line: prints what becomes of each\n"
"#\n"
"# The tables must be there: sluice has made them from the same SELECT.\n"
"import os\n"
"import sys\n"
"\n"
"from pyspark.sql import SparkSession, Window\n"
"from pyspark.sql import functions as F\n"
"\n"
"HEADERS = 'array<struct<key:string,value:binary>>'\n";

static const char *const job_tail[] = {
"\n"
"\n"
"def session():\n"
"    host, _, port = CASSANDRA.split(',')[0].partition(':')\n"
"    return (SparkSession.builder.appName(NAME)\n"
"            .config('spark.sql.ansi.enabled', 'true')\n"
"            .config('spark.sql.session.timeZone', 'UTC')\n"
"            .config('spark.cassandra.connection.host', host)\n"
"            .config('spark.cassandra.connection.port', port or '9042')\n"
"            .getOrCreate())\n"
"\n"
"\n"
"def quote(name):\n"
"    return '`' + name.replace('`', '``') + '`'\n"
"\n"
"\n"
"def verdict(checks):\n"
"    \"\"\"The first check that does not hold, with the reason; null when all do.\"\"\"\n"
"    found = F.lit(None).cast('struct<check:string,reason:string,otherwise:string>')\n"
"    for name, that, otherwise in reversed(checks):\n"
"        holds = F.expr(that)\n"
"        why = F.concat(F.lit(that), F.when(holds.isNull(), F.lit(' is NULL'))\n"
"                       .otherwise(F.lit(' is false')))\n"
"        bad = F.struct(F.lit(name).alias('check'), why.alias('reason'),\n"
"                       F.lit(otherwise).alias('otherwise'))\n"
"        if otherwise != 'warn':\n"
"            found = F.when(F.coalesce(holds, F.lit(False)), found).otherwise(bad)\n"
"    return found\n"
"\n"
"\n"
"def judge(spark, to, raw):\n"
"    \"\"\"The query's rows with record and verdict, and the undecodable.\"\"\"\n"
"    options = {'mode': 'PERMISSIVE', 'columnNameOfCorruptRecord': '__corrupt'}\n"
"    schema = to['schema'][:-1] + ', __corrupt: STRING>'\n"
"    value = F.from_json(F.col('value').cast('string'), schema, options)\n"
"    parsed = raw.filter('value IS NOT NULL').select(\n"
"        F.struct('key', 'value', 'headers', 'partition', 'offset', 'timestamp')\n"
"        .alias('__sluice'),\n"
"        value.alias('__value'))\n"
"    view = parsed.filter('__value.__corrupt IS NULL').select('__value.*', '__sluice')\n"
"    view.drop('__corrupt').createOrReplaceTempView(quote(to['topic']))\n"
"    rows = spark.sql(to['sql'])\n"
"    why = 'the value is no JSON object that fits'\n"
"    bad = F.struct(F.lit('json').alias('check'), F.lit(why)\n"
"                   .alias('reason'), F.lit('quarantine').alias('otherwise'))\n"
"    broken = parsed.filter('__value.__corrupt IS NOT NULL').select(\n"
"        '__sluice', bad.alias('__verdict'))\n"
"    return rows.withColumn('__verdict', verdict(to['checks'])), broken\n"
"\n"
"\n",
"def header(name, value):\n"
"    value = value.cast('string').cast('binary')\n"
"    return F.struct(F.lit(name).alias('key'), value.alias('value'))\n"
"\n"
"\n"
"def quarantine(to, bad):\n"
"    none = F.array().cast(HEADERS)\n"
"    more = F.array(header('__connect.errors.topic', F.lit(to['topic'])),\n"
"                   header('__connect.errors.partition', F.col('__sluice.partition')),\n"
"                   header('__connect.errors.offset', F.col('__sluice.offset')),\n"
"                   header('__connect.errors.exception.message', F.col('__verdict.reason')),\n"
"                   header('sluice.check', F.col('__verdict.check')))\n"
"    (bad.select(F.col('__sluice.key').alias('key'), F.col('__sluice.value').alias('value'),\n"
"                F.concat(F.coalesce('__sluice.headers', none), more).alias('headers'),\n"
"                F.col('__sluice.partition').alias('partition'),\n"
"                F.lit(to['table'] + '.quarantine').alias('topic'))\n"
"     .write.format('kafka').option('includeHeaders', 'true').options(**KAFKA_OPTIONS).save())\n"
"\n"
"\n"
"def plain(field):\n"
"    \"\"\"A column as the table has it: arrays, maps and structs are JSON text there.\"\"\"\n"
"    column = F.col(quote(field.name))\n"
"    if field.dataType.typeName() not in ('array', 'map', 'struct'):\n"
"        return column\n"
"    return F.to_json(column, {'ignoreNullFields': 'false'}).alias(field.name)\n"
"\n"
"\n"
"def newest(to, rows):\n"
"    \"\"\"The last row of each key: of several, Cassandra takes each cell from any.\"\"\"\n"
"    last = Window.partitionBy(*[quote(name) for name in to['key']])\n"
"    last = last.orderBy(F.desc('__sluice.timestamp'), F.desc('__sluice.offset'))\n"
"    return rows.withColumn('__at', F.row_number().over(last)).filter('__at = 1').drop('__at')\n"
"\n"
"\n"
"def writer(to):\n"
"    def write(batch, batch_id):\n"
"        rows, broken = judge(batch.sparkSession, to, batch)\n"
"        rows = rows.persist()\n"
"        stop = rows.filter(\"__verdict.otherwise = 'stop'\").select('__verdict').first()\n"
"        if stop:\n"
"            raise RuntimeError('%s: check %s says stop: %s' % (to['table'], stop[0]['check'],\n"
"                                                               stop[0]['reason']))\n"
"        bad = rows.filter(\"__verdict.otherwise = 'quarantine'\")\n"
"        bad = bad.select('__sluice', '__verdict')\n"
"        bad = bad.unionByName(broken)\n"
"        if bad.take(1):\n"
"            quarantine(to, bad)\n"
"        good = newest(to, rows.filter('__verdict IS NULL')).drop('__sluice', '__verdict')\n"
"        (good.select([plain(field) for field in good.schema])\n"
"         .write.format('org.apache.spark.sql.cassandra')\n"
"         .options(keyspace=to['keyspace'], table=to['table']).mode('append').save())\n"
"        rows.unpersist()\n"
"    return write\n"
"\n"
"\n",
"def sample(spark, path):\n"
"    lines = spark.read.text(path).coalesce(1)\n"
"    raw = lines.select(F.lit(None).cast('binary').alias('key'), F.col('value').cast('binary'),\n"
"                       F.lit(None).cast(HEADERS).alias('headers'),\n"
"                       F.lit(0).alias('partition'),\n"
"                       F.current_timestamp().alias('timestamp'),\n"
"                       F.monotonically_increasing_id().alias('offset'))\n"
"    for to in TRANSFORMS:\n"
"        rows, broken = judge(spark, to, raw)\n"
"        good = rows.filter('__verdict IS NULL').drop('__sluice', '__verdict')\n"
"        keep = {'ignoreNullFields': 'false'}\n"
"        for row in good.select(F.to_json(F.struct('*'), keep)).collect():\n"
"            print('{\"table\":\"%s\",\"row\":%s}' % (to['table'], row[0]))\n"
"        bad = rows.filter('__verdict IS NOT NULL').select('__sluice', '__verdict')\n"
"        bad = bad.unionByName(broken).select('__sluice.offset', '__verdict')\n"
"        for row in bad.select(F.to_json(F.struct('*'), keep)).collect():\n"
"            print('{\"table\":\"%s\",\"bad\":%s}' % (to['table'], row[0]))\n"
"\n"
"\n"
"def main():\n"
"    spark = session()\n"
"    if '--sample' in sys.argv:\n"
"        sample(spark, sys.argv[sys.argv.index('--sample') + 1])\n"
"        return\n"
"    queries = []\n"
"    for to in TRANSFORMS:\n"
"        stream = (spark.readStream.format('kafka').options(**KAFKA_OPTIONS)\n"
"                  .option('subscribe', to['topic']).option('startingOffsets', 'earliest')\n"
"                  .option('includeHeaders', 'true').load())\n"
"        name = to['keyspace'] + '.' + to['table']\n"
"        out = stream.writeStream.foreachBatch(writer(to)).queryName(name)\n"
"        out = out.option('checkpointLocation', CHECKPOINT + '/' + name)\n"
"        if '--once' in sys.argv:\n"
"            out = out.trigger(availableNow=True)\n"
"        queries.append(out.start())\n"
"    for query in queries:\n"
"        query.awaitTermination()\n"
"\n"
"\n"
"if __name__ == '__main__':\n"
"    main()\n",
};

static void put_pair(struct buf *out, const char *name, struct str value) {
    buf_printf(out, "        '%s': ", name);
    export_py(out, value);
    buf_putz(out, ",\n");
}

/* The names of "id uuid", of "(a, b text), c". */
static void put_key(struct str key, struct buf *out) {
    bool first = true;
    buf_putz(out, "        'key': [");
    while (key.ptr) {
        struct str part = str_trim(str_cut(key, ',', &key));
        while (part.len && (*part.ptr == '(' || *part.ptr == ' ')) part.ptr++, part.len--;
        size_t len = 0;
        while (len < part.len && part.ptr[len] != ' ' && part.ptr[len] != ')') len++;
        if (!len) continue;
        if (!first) buf_putz(out, ", ");
        first = false;
        export_py(out, (struct str){part.ptr, len});
    }
    buf_putz(out, "],\n");
}

static void put_transform(const struct export_in *in, size_t at, struct buf *out) {
    static const char *const otherwise[] = {"quarantine", "warn", "drop", "stop"};
    const struct def_transform *to = &in->def->transform[at];
    buf_putz(out, "    {\n");
    put_pair(out, "keyspace", to->keyspace);
    put_pair(out, "table", to->table);
    put_pair(out, "topic", to->topic);
    put_key(to->key, out);
    put_pair(out, "schema", in->schema[at]);
    put_pair(out, "sql", query_of(in, to));
    buf_putz(out, "        'checks': [\n");
    for (size_t i = 0; i < to->expect_cnt; i++) {
        buf_putz(out, "            (");
        export_py(out, to->expect[i].name);
        buf_putz(out, ", ");
        export_py(out, to->expect[i].that);
        buf_printf(out, ", '%s'),\n", otherwise[to->expect[i].otherwise]);
        if (to->expect[i].otherwise == STREAM_WARN)
            report_addf(in->notes, to->expect_at[i], STR("count them with a query of your own"),
                        "check '%.*s' only warns: the job does not look at it",
                        STR_ARG(to->expect[i].name));
    }
    buf_putz(out, "        ],\n    },\n");
    report_addf(in->notes, def_sql_place(to, 1, 1, 6), STR("use try_cast, or a check that holds "
                "such rows back before the cast"), "table '%.*s': a value that cannot be cast ends "
                "the Spark job; sluice quarantines its record", STR_ARG(to->name));
    report_addf(in->notes, to->at, STR("let only one of the two write the table"),
                "table '%.*s': Spark's writes carry the time of the write, not one made from the "
                "record, so a replay writes anew", STR_ARG(to->name));
}

/* A property of the log; one that is a secret is read from the job's environment instead. */
static void put_property(const struct export_in *in, const struct address_property *property,
                         struct buf *out) {
    struct buf shown;
    buf_init(&shown, property->value.len + KIB);
    buf_puts(&shown, property->value);
    redact_buf(&shown);
    if (str_eq(buf_str(&shown), property->value)) {
        export_py(out, property->value);
    } else {
        char *name = arena_strz(in->arena, property->name);
        for (char *c = name; *c; c++)
            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : is_word(*c) ? *c : '_';
        buf_printf(out, "os.environ['KAFKA_%s']", name);
        report_addf(in->notes, in->def->schedule_at, arena_printf(in->arena, "set KAFKA_%s where "
                    "the job runs", name), "log property '%.*s' is a secret: it is not in the job",
                    STR_ARG(property->name));
    }
    buf_fini(&shown);
}

static void put_options(const struct export_in *in, struct buf *out) {
    const struct address *log = &in->conf->address[CONF_LOG];
    buf_putz(out, "KAFKA_OPTIONS = {\n    'kafka.bootstrap.servers': KAFKA,\n");
    for (size_t i = 0; i < log->property_cnt; i++) {
        buf_putz(out, "    ");
        export_py(out, arena_printf(in->arena, "kafka.%.*s", STR_ARG(log->property[i].name)));
        buf_putz(out, ": ");
        put_property(in, &log->property[i], out);
        buf_putz(out, ",\n");
    }
    buf_putz(out, "}\n");
}

static void put_env(struct buf *out, const char *name, const char *variable, struct str value) {
    buf_printf(out, "%s = os.environ.get('%s', ", name, variable);
    export_py(out, value);
    buf_putz(out, ")\n");
}

void export_spark_write(const struct export_in *in, struct buf *out) {
    const struct def *def = in->def;
    struct str kafka = export_url(in, CONF_LOG).hosts, cql = export_url(in, CONF_STORE).hosts;
    buf_putz(out, "# Made by sluice export spark from ");
    export_py(out, def->file);
    buf_putz(out, ".\n");
    buf_putz(out, job_head);
    buf_putz(out, "NAME = ");
    export_py(out, def->name);
    buf_putc(out, '\n');
    put_env(out, "KAFKA", "SLUICE_KAFKA", kafka.len ? kafka : STR(BOOTSTRAP));
    put_env(out, "CASSANDRA", "SLUICE_CASSANDRA", cql.len ? cql : STR(CONTACT));
    put_env(out, "CHECKPOINT", "SLUICE_CHECKPOINT",
            arena_printf(in->arena, "checkpoint/%.*s", STR_ARG(def->name)));
    put_options(in, out);
    buf_putz(out, "TRANSFORMS = [\n");
    for (size_t i = 0; i < def->transform_cnt; i++) put_transform(in, i, out);
    buf_putz(out, "]\n");
    for (size_t i = 0; i < ARRAY_LEN(job_tail); i++) buf_putz(out, job_tail[i]);
    for (size_t i = 0; i < def->alert_cnt; i++)
        report_addf(in->notes, def->alert[i].at, STR("keep sluice serving: it watches"),
                    "alert '%.*s' is not in the Spark job", STR_ARG(def->alert[i].name));
}
