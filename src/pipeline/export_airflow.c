/* export_airflow.c - schedule, retries and tasks as Python.
 *
 * Cron lines become a CronTriggerTimetable with the zone: it fires when sluice's schedule does. An
 * "every" becomes a cron line where one says the same (sluice fires at the multiples of its length
 * since 1970 UTC), else a DeltaTriggerTimetable, which counts from when Airflow first sees the DAG:
 * that is noted. */
#include "pipeline/export_airflow.h"

#include "base/dur.h"
#include "orchestrate/orchestrate.h"

#define RETRIES        3 /* what the scheduler takes when the file says nothing */
#define RETRY_DELAY_US INT64_C(5000000)
#define RETRY_MAX_US   INT64_C(600000000)
#define TIMEOUT_US     INT64_C(600000000)
#define SEC_US         INT64_C(1000000)

static void put_seconds(struct buf *out, int64_t us) {
    buf_printf(out, "datetime.timedelta(microseconds=%" PRId64 ")", us);
}

/* The cron line that fires at the multiples of a length since 1970 UTC; false: there is none. */
static bool cron_of(int64_t us, struct buf *out) {
    int64_t minutes = us / (60 * SEC_US);
    if (us % (60 * SEC_US) || minutes < 1) return false;
    if (minutes < 60 && 60 % minutes == 0) buf_printf(out, "*/%" PRId64 " * * * *", minutes);
    else if (minutes % 60 == 0 && minutes / 60 < 24 && 24 % (minutes / 60) == 0)
        buf_printf(out, "0 */%" PRId64 " * * *", minutes / 60);
    else if (minutes == 24 * 60) buf_putz(out, "0 0 * * *");
    else return false;
    return true;
}

static void put_every(const struct export_in *in, int64_t us, struct buf *out) {
    struct buf cron;
    buf_init(&cron, KIB);
    if (cron_of(us, &cron)) {
        buf_putz(out, "CronTriggerTimetable(");
        export_py(out, buf_str(&cron));
        buf_putz(out, ", timezone='UTC')");
    } else {
        buf_putz(out, "DeltaTriggerTimetable(");
        put_seconds(out, us);
        buf_putc(out, ')');
        struct str hint = us < 60 * SEC_US ? STR("in Airflow choose a minute or more, or leave "
                                                 "such a schedule to sluice")
                                           : STR("write a cron line");
        report_addf(in->notes, in->def->schedule_at, hint,
                    "schedule '%.*s': Airflow counts from when the DAG is first seen, and needs "
                    "seconds to start a task", STR_ARG(in->def->schedule));
    }
    buf_fini(&cron);
}

/* schedule= of the DAG. */
static void put_schedule(const struct export_in *in, struct buf *out) {
    const struct def *def = in->def;
    struct str text = str_trim(def->schedule), every = STR("every ");
    int64_t us;
    if (!text.len || str_eqz(text, "none")) {
        buf_putz(out, "None");
    } else if (str_eqz(text, "@once")) {
        buf_putz(out, "'@once'");
    } else if (!str_starts(text, every)) {
        buf_putz(out, "CronTriggerTimetable(");
        export_py(out, text);
        buf_putz(out, ", timezone=");
        export_py(out, def->timezone.len ? def->timezone : STR("UTC"));
        buf_putc(out, ')');
    } else if (!dur_parse(str_trim((struct str){text.ptr + every.len, text.len - every.len}),
                          &us)) {
        put_every(in, us, out);
    }
}

static void put_task(const struct export_in *in, const struct def_fetch *fetch, struct buf *out) {
    const struct def *def = in->def;
    int retries = fetch->retries >= 0 ? fetch->retries : def->retries >= 0 ? def->retries : RETRIES;
    buf_putz(out, "    BashOperator(\n        task_id=");
    export_py(out, fetch->name);
    buf_putz(out, ",\n        "
             "bash_command='exec sluice task run \"$SLUICE_DAG\" \"$SLUICE_TASK\"',\n"
             "        env={'SLUICE_DAG': ");
    export_py(out, def->name);
    buf_putz(out, ", 'SLUICE_TASK': ");
    export_py(out, fetch->name);
    buf_putz(out, ", 'SLUICE_DATA': DATA},\n        append_env=True,\n");
    buf_printf(out, "        retries=%d,\n        retry_delay=", retries);
    put_seconds(out, def->retry_delay_us > 0 ? def->retry_delay_us : RETRY_DELAY_US);
    buf_putz(out, ",\n        retry_exponential_backoff=True,\n        max_retry_delay=");
    put_seconds(out, RETRY_MAX_US);
    buf_putz(out, ",\n        execution_timeout=");
    put_seconds(out, def->timeout_us > 0 ? def->timeout_us : TIMEOUT_US);
    buf_putz(out, ",\n    )\n");
}

static void note_rest(const struct export_in *in) {
    const struct def *def = in->def;
    for (size_t i = 0; i < def->capture_cnt; i++)
        report_addf(in->notes, def->capture[i].at, STR("keep sluice serving, or see: "
                    "sluice export connect"), "capture '%.*s' is no task: Airflow does not run it",
                    STR_ARG(def->capture[i].topic));
    for (size_t i = 0; i < def->transform_cnt; i++)
        report_addf(in->notes, def->transform[i].at, STR("keep sluice serving, or see: "
                    "sluice export spark"), "transform '%.*s' is no task: Airflow does not run it",
                    STR_ARG(def->transform[i].name));
    for (size_t i = 0; i < def->alert_cnt; i++)
        report_addf(in->notes, def->alert[i].at, STR("keep sluice serving: it watches"),
                    "alert '%.*s' is not in the DAG", STR_ARG(def->alert[i].name));
}

void export_airflow_write(const struct export_in *in, struct buf *out) {
    const struct def *def = in->def;
    buf_putz(out, "# Made by sluice export airflow from ");
    export_py(out, def->file);
    buf_putz(out, ".\n"
             "# The server that serves this pipeline must have no schedule of its own for it:\n"
             "#   sluice dag NAME --pause\n"
             "import datetime\nimport os\n\n"
             "from airflow.providers.standard.operators.bash import BashOperator\n"
             "from airflow.sdk import DAG, CronTriggerTimetable, DeltaTriggerTimetable\n\n"
             "DATA = os.environ.get('SLUICE_DATA', ");
    export_py(out, str_of(in->data));
    buf_putz(out, ")\n\nwith DAG(\n    dag_id=");
    export_py(out, def->name);
    buf_putz(out, ",\n    schedule=");
    put_schedule(in, out);
    buf_putz(out, ",\n    "
             "start_date=datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc),\n");
    buf_printf(out, "    catchup=%s,\n    max_active_runs=1,\n", def->catchup ? "True" : "False");
    buf_putz(out, "    tags=['sluice'],\n) as dag:\n");
    if (def->catchup)
        report_addf(in->notes, def->schedule_at,
                    STR("set start_date in the DAG to when it should begin"),
                    "catchup: Airflow would make every run since the DAG's start date, 1970");
    for (size_t i = 0; i < def->fetch_cnt; i++) put_task(in, &def->fetch[i], out);
    if (!def->fetch_cnt) buf_putz(out, "    pass\n");
    note_rest(in);
}
