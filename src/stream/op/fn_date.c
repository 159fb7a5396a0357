/* fn_date.c - dates and timestamps: their parts, moving them, the time between them.
 *
 * The session's zone is UTC, so a TIMESTAMP's parts are plain arithmetic; only from_utc_timestamp()
 * and its like ask zone.h. */
#include <math.h>

#include "model/dec.h"
#include "model/zone.h"
#include "stream/op/chars.h"
#include "stream/op/func_table.h"
#include "stream/op/moment.h"

#define US_MS  1000LL
#define US_MIN (60 * WHEN_SEC)
#define US_HOUR (60 * US_MIN)

/* ---- units ---- */

enum unit { US, MS, SEC, MIN_, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR, NO_UNIT };

static const int64_t unit_us[] = {1, US_MS, WHEN_SEC, US_MIN, US_HOUR, WHEN_DAY, 7 * WHEN_DAY};

struct unit_name {
    const char *name;
    enum unit unit;
};

static enum unit unit_of(struct str text, const struct unit_name *list) {
    for (; list->name; list++)
        if (str_ieq(text, str_of(list->name))) return list->unit;
    return NO_UNIT;
}

/* ---- parts of a date ---- */

static int weekday(int64_t days) { /* from 0, a Monday */
    return (int)(days + 3 - moment_floor(days + 3, 7) * 7);
}

/* The week of ISO 8601: the first has a Thursday of the year. */
static int iso_week(int64_t days, int64_t *year) {
    int64_t thursday = days - weekday(days) + 3;
    *year = when_civil(thursday).year;
    return (int)(thursday - when_days(*year, 1, 1)) / 7 + 1;
}

enum part { P_YEAR, P_QUARTER, P_MONTH, P_WEEK, P_DAY, P_DOW, P_DOW_ISO, P_WEEKDAY, P_DOY,
            P_ISO_YEAR };

static int32_t date_part(int64_t days, enum part part) {
    struct when_civil date = when_civil(days);
    int64_t year;
    switch (part) {
    case P_YEAR: return (int32_t)date.year;
    case P_QUARTER: return (date.month + 2) / 3;
    case P_MONTH: return date.month;
    case P_WEEK: return iso_week(days, &year);
    case P_DAY: return date.day;
    case P_DOW: return (weekday(days) + 1) % 7 + 1;
    case P_DOW_ISO: return weekday(days) + 1;
    case P_WEEKDAY: return weekday(days);
    case P_DOY: return (int32_t)(days - when_days(date.year, 1, 1)) + 1;
    default: iso_week(days, &year); return (int32_t)year;
    }
}

#define DATE_PART(name, part)                                                                     \
    EVAL(name) {                                                                                  \
        FUNC_EACH(ctx, row) out->i32[row] = date_part(func_i32(arg[0], row), part);               \
        return 0;                                                                                 \
    }
DATE_PART(eval_year, P_YEAR)
DATE_PART(eval_quarter, P_QUARTER)
DATE_PART(eval_month, P_MONTH)
DATE_PART(eval_week, P_WEEK)
DATE_PART(eval_day, P_DAY)
DATE_PART(eval_dayofweek, P_DOW)
DATE_PART(eval_weekday, P_WEEKDAY)
DATE_PART(eval_dayofyear, P_DOY)

static int64_t in_day(int64_t us) {
    int64_t left;
    when_floor_day(us, &left);
    return left;
}

EVAL(eval_hour) {
    FUNC_EACH(ctx, row) out->i32[row] = (int32_t)(in_day(func_i64(arg[0], row)) / US_HOUR);
    return 0;
}
EVAL(eval_minute) {
    FUNC_EACH(ctx, row) out->i32[row] = (int32_t)(in_day(func_i64(arg[0], row)) / US_MIN % 60);
    return 0;
}
EVAL(eval_second) {
    FUNC_EACH(ctx, row) out->i32[row] = (int32_t)(in_day(func_i64(arg[0], row)) / WHEN_SEC % 60);
    return 0;
}

/* Name n of a run of names of three letters. */
static struct str short_name(const char *names, int n) {
    return (struct str){names + (size_t)n * 3, 3};
}

EVAL(eval_dayname) {
    FUNC_EACH(ctx, row)
        out->str[row] = short_name("MonTueWedThuFriSatSun", weekday(func_i32(arg[0], row)));
    return 0;
}
EVAL(eval_monthname) {
    FUNC_EACH(ctx, row)
        out->str[row] = short_name("JanFebMarAprMayJunJulAugSepOctNovDec",
                                   when_civil(func_i32(arg[0], row)).month - 1);
    return 0;
}

/* ---- EXTRACT ---- */

/* A part of a moment, or of an interval. */
struct extract {
    enum part part;
    enum unit clock; /* HOUR, MIN_, SEC; NO_UNIT: a part of the date */
};

static bool extract_of(struct str text, struct extract *out) {
    static const struct {
        const char *names; /* between blanks */
        struct extract what;
    } list[] = {
        {" YEAR Y YEARS YR YRS ", {P_YEAR, NO_UNIT}},
        {" YEAROFWEEK ", {P_ISO_YEAR, NO_UNIT}},
        {" QUARTER QTR ", {P_QUARTER, NO_UNIT}},
        {" MONTH MON MONS MONTHS ", {P_MONTH, NO_UNIT}},
        {" WEEK W WEEKS ", {P_WEEK, NO_UNIT}},
        {" DAY D DAYS ", {P_DAY, NO_UNIT}},
        {" DAYOFWEEK DOW ", {P_DOW, NO_UNIT}},
        {" DAYOFWEEK_ISO DOW_ISO ", {P_DOW_ISO, NO_UNIT}},
        {" DOY ", {P_DOY, NO_UNIT}},
        {" HOUR H HOURS HR HRS ", {P_DAY, HOUR}},
        {" MINUTE M MIN MINS MINUTES ", {P_DAY, MIN_}},
        {" SECOND S SEC SECONDS SECS ", {P_DAY, SEC}},
    };
    char word[32];
    if (!text.len || text.len + 2 >= sizeof word) return false;
    word[0] = ' ';
    for (size_t i = 0; i < text.len; i++)
        word[i + 1] = (char)(text.ptr[i] >= 'a' && text.ptr[i] <= 'z' ? text.ptr[i] - 32 :
                                                                        text.ptr[i]);
    word[text.len + 1] = ' ';
    word[text.len + 2] = 0;
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        if (strstr(list[i].names, word)) {
            *out = list[i].what;
            return true;
        }
    return false;
}

static int types_extract(struct func_call *call) {
    const struct vec *name = call->arg[0].value;
    const struct type *from = call->arg[1].type;
    struct extract *what = arena_new(call->arena, struct extract);
    if (!name || name->type->kind != TYPE_STRING || vec_null(name, 0))
        return func_wrong(call, 0, "what to extract must be a constant, such as YEAR");
    if (!extract_of(name->str[0], what))
        return func_wrong(call, 0, "'%.*s' is no part of a date; for instance YEAR, MONTH, DAY, "
                          "DOW, WEEK, HOUR, MINUTE, SECOND", STR_ARG(name->str[0]));
    bool interval = from->kind == TYPE_INTERVAL_DT || from->kind == TYPE_INTERVAL_YM;
    bool months = interval && from->kind == TYPE_INTERVAL_YM;
    if (interval && (what->clock == NO_UNIT && what->part != P_DAY && what->part != P_YEAR &&
                     what->part != P_MONTH))
        return func_wrong(call, 0, "an interval has no such part");
    if (interval && months != (what->part == P_YEAR || what->part == P_MONTH))
        return func_wrong(call, 0, "this interval has no such part");
    if (!interval && from->kind != TYPE_DATE && from->kind != TYPE_TIMESTAMP_NTZ)
        call->arg[1].type = type_of(TYPE_TIMESTAMP);
    if (!interval && from->kind == TYPE_DATE && what->clock != NO_UNIT)
        call->arg[1].type = type_of(TYPE_TIMESTAMP);
    bool byte = interval && (what->clock != NO_UNIT || what->part == P_MONTH);
    call->type = what->clock == SEC ? type_decimal(call->arena, 8, 6) :
                                      type_of(byte ? TYPE_I8 : TYPE_I32);
    call->state = what;
    return 0;
}

/* Of an interval; its sign goes to every part. */
static int64_t interval_part(const struct extract *what, int64_t v, bool months) {
    if (months) return what->part == P_YEAR ? v / 12 : v % 12;
    switch (what->clock) {
    case HOUR: return v % WHEN_DAY / US_HOUR;
    case MIN_: return v % US_HOUR / US_MIN;
    case SEC: return v % US_MIN;
    default: return v / WHEN_DAY;
    }
}

static int64_t moment_part(const struct extract *what, int64_t us) {
    int64_t left, days = when_floor_day(us, &left);
    switch (what->clock) {
    case HOUR: return left / US_HOUR;
    case MIN_: return left / US_MIN % 60;
    case SEC: return left % US_MIN;
    default: return date_part(days, what->part);
    }
}

EVAL(eval_extract) {
    const struct extract *what = state;
    const struct vec *from = arg[1];
    FUNC_EACH(ctx, row) {
        int64_t v;
        switch (from->type->kind) {
        case TYPE_DATE: v = date_part(func_i32(from, row), what->part); break;
        case TYPE_INTERVAL_DT: v = interval_part(what, func_i64(from, row), false); break;
        case TYPE_INTERVAL_YM: v = interval_part(what, func_i32(from, row), true); break;
        default: v = moment_part(what, func_i64(from, row)); break;
        }
        if (out->type->kind == TYPE_DECIMAL) out->dec[row] = v;
        else if (out->type->kind == TYPE_I8) out->i8[row] = (int8_t)v;
        else out->i32[row] = (int32_t)v;
    }
    return 0;
}

/* ---- moving dates ---- */

static void set_date(struct func_ctx *ctx, uint32_t row, int64_t days, struct vec *out) {
    if (days >= INT32_MIN && days <= INT32_MAX) out->i32[row] = (int32_t)days;
    else func_error(ctx, row, "[DATETIME_OVERFLOW] the result is no date");
}

/* Spark's addition of days wraps. */
static int32_t wrap(int64_t a, int64_t b) {
    return (int32_t)(uint32_t)(uint64_t)(a + b);
}

EVAL(eval_date_add) {
    FUNC_EACH(ctx, row)
        out->i32[row] = wrap(func_i32(arg[0], row), func_i32(arg[1], row));
    return 0;
}
EVAL(eval_date_sub) {
    FUNC_EACH(ctx, row)
        out->i32[row] = wrap(func_i32(arg[0], row), -(int64_t)func_i32(arg[1], row));
    return 0;
}
EVAL(eval_datediff) {
    FUNC_EACH(ctx, row)
        out->i32[row] = wrap(func_i32(arg[0], row), -(int64_t)func_i32(arg[1], row));
    return 0;
}
EVAL(eval_add_months) {
    FUNC_EACH(ctx, row)
        set_date(ctx, row, moment_add_months(func_i32(arg[0], row), func_i32(arg[1], row)), out);
    return 0;
}

EVAL(eval_last_day) {
    FUNC_EACH(ctx, row) {
        int64_t days = func_i32(arg[0], row);
        struct when_civil date = when_civil(days);
        set_date(ctx, row, days - date.day + when_month_len(date.year, date.month), out);
    }
    return 0;
}

EVAL(eval_next_day) {
    static const struct unit_name names[] = {
        {"MO", 0}, {"MON", 0}, {"MONDAY", 0},   {"TU", 1}, {"TUE", 1}, {"TUESDAY", 1},
        {"WE", 2}, {"WED", 2}, {"WEDNESDAY", 2}, {"TH", 3}, {"THU", 3}, {"THURSDAY", 3},
        {"FR", 4}, {"FRI", 4}, {"FRIDAY", 4},   {"SA", 5}, {"SAT", 5}, {"SATURDAY", 5},
        {"SU", 6}, {"SUN", 6}, {"SUNDAY", 6},   {NULL, NO_UNIT}};
    FUNC_EACH(ctx, row) {
        struct str name = func_str(arg[1], row);
        int64_t days = func_i32(arg[0], row);
        int wanted = (int)unit_of(name, names);
        if (wanted == NO_UNIT)
            func_error(ctx, row, "[ILLEGAL_DAY_OF_WEEK] '%.*s' is no day of the week",
                       (int)MIN(name.len, (size_t)50), name.ptr);
        else set_date(ctx, row, days + 1 + (wanted - weekday(days + 1) + 7) % 7, out);
    }
    return 0;
}

/* ---- cutting ---- */

static const struct unit_name trunc_units[] = {
    {"YEAR", YEAR}, {"YYYY", YEAR}, {"YY", YEAR},     {"QUARTER", QUARTER}, {"MONTH", MONTH},
    {"MON", MONTH}, {"MM", MONTH},  {"WEEK", WEEK},   {"DAY", DAY},         {"DD", DAY},
    {"HOUR", HOUR}, {"MINUTE", MIN_}, {"SECOND", SEC}, {"MILLISECOND", MS},
    {"MICROSECOND", US}, {NULL, NO_UNIT}};

static int64_t trunc_days(int64_t days, enum unit unit) {
    struct when_civil date = when_civil(days);
    switch (unit) {
    case YEAR: return when_days(date.year, 1, 1);
    case QUARTER: return when_days(date.year, (date.month - 1) / 3 * 3 + 1, 1);
    case MONTH: return days - date.day + 1;
    case WEEK: return days - weekday(days);
    default: return days;
    }
}

EVAL(eval_trunc) {
    FUNC_EACH(ctx, row) {
        enum unit unit = unit_of(func_str(arg[1], row), trunc_units);
        if (unit < WEEK || unit == NO_UNIT) func_null(ctx, out, row);
        else out->i32[row] = (int32_t)trunc_days(func_i32(arg[0], row), unit);
    }
    return 0;
}

EVAL(eval_date_trunc) {
    FUNC_EACH(ctx, row) {
        enum unit unit = unit_of(func_str(arg[0], row), trunc_units);
        int64_t us = func_i64(arg[1], row), left;
        if (unit == NO_UNIT) func_null(ctx, out, row);
        else if (unit >= DAY)
            out->i64[row] = trunc_days(when_floor_day(us, &left), unit) * WHEN_DAY;
        else out->i64[row] = us - (us - moment_floor(us, unit_us[unit]) * unit_us[unit]);
    }
    return 0;
}

/* ---- timestampadd, timestampdiff ---- */

static const struct unit_name step_units[] = {
    {"YEAR", YEAR}, {"QUARTER", QUARTER}, {"MONTH", MONTH},  {"WEEK", WEEK},
    {"DAY", DAY},   {"DAYOFYEAR", DAY},   {"HOUR", HOUR},    {"MINUTE", MIN_},
    {"SECOND", SEC}, {"MILLISECOND", MS}, {"MICROSECOND", US}, {NULL, NO_UNIT}};

static int months_of(enum unit unit) {
    return unit == YEAR ? 12 : unit == QUARTER ? 3 : 1;
}

static bool add_units(int64_t us, enum unit unit, int64_t cnt, int64_t *out) {
    int64_t by, left, days;
    if (unit < MONTH)
        return !__builtin_mul_overflow(cnt, unit_us[unit], &by) &&
               !__builtin_add_overflow(us, by, out);
    if (__builtin_mul_overflow(cnt, (int64_t)months_of(unit), &by) || by > INT32_MAX ||
        by < INT32_MIN)
        return false;
    days = moment_add_months(when_floor_day(us, &left), by);
    return !__builtin_mul_overflow(days, WHEN_DAY, out) &&
           !__builtin_add_overflow(*out, left, out);
}

static bool known_unit(struct func_ctx *ctx, uint32_t row, struct str name, enum unit *unit) {
    *unit = unit_of(name, step_units);
    if (*unit != NO_UNIT) return true;
    func_error(ctx, row, "[INVALID_PARAMETER_VALUE.DATETIME_UNIT] '%.*s' is no unit of time; for "
               "instance DAY, HOUR, MONTH", (int)MIN(name.len, (size_t)50), name.ptr);
    return false;
}

static int types_add_units(struct func_call *call) {
    const struct type *type = call->arg[2].type;
    bool ntz = type->kind == TYPE_TIMESTAMP_NTZ;
    call->arg[2].type = call->type = type_of(ntz ? TYPE_TIMESTAMP_NTZ : TYPE_TIMESTAMP);
    return 0;
}

EVAL(eval_add_units) {
    enum unit unit;
    FUNC_EACH(ctx, row) {
        if (!known_unit(ctx, row, func_str(arg[0], row), &unit)) continue;
        if (!add_units(func_i64(arg[2], row), unit, func_i64(arg[1], row), &out->i64[row]))
            func_error(ctx, row, "[DATETIME_OVERFLOW] the result is no timestamp");
    }
    return 0;
}

/* Whole units from a to b, cut towards zero. */
static int64_t units_between(int64_t a, int64_t b, enum unit unit) {
    if (unit < MONTH) return (b - a) / unit_us[unit];
    int64_t left_a, left_b;
    struct when_civil da = when_civil(when_floor_day(a, &left_a));
    struct when_civil db = when_civil(when_floor_day(b, &left_b));
    int64_t months = (db.year - da.year) * 12 + db.month - da.month;
    int64_t in_a = da.day * WHEN_DAY + left_a, in_b = db.day * WHEN_DAY + left_b;
    if (months > 0 && in_b < in_a) months--;
    if (months < 0 && in_b > in_a) months++;
    return months / months_of(unit);
}

EVAL(eval_units_between) {
    enum unit unit;
    FUNC_EACH(ctx, row)
        if (known_unit(ctx, row, func_str(arg[0], row), &unit))
            out->i64[row] = units_between(func_i64(arg[1], row), func_i64(arg[2], row), unit);
    return 0;
}

/* Months apart, with the days of 31 to a month and the time of day as the fraction. */
EVAL(eval_months_between) {
    FUNC_EACH(ctx, row) {
        int64_t left_a, left_b;
        struct when_civil a = when_civil(when_floor_day(func_i64(arg[0], row), &left_a));
        struct when_civil b = when_civil(when_floor_day(func_i64(arg[1], row), &left_b));
        double months = (double)((a.year - b.year) * 12 + a.month - b.month);
        bool ends = a.day == when_month_len(a.year, a.month) &&
                    b.day == when_month_len(b.year, b.month);
        out->f64[row] = months;
        if (a.day == b.day || ends) continue;
        int64_t sec = (int64_t)(a.day - b.day) * 86400 + left_a / WHEN_SEC - left_b / WHEN_SEC;
        double v = months + (double)sec / (31.0 * 86400);
        bool cut = ctx->arg_cnt < 3 || func_bool(arg[2], row);
        out->f64[row] = cut ? round(v * 1e8) / 1e8 : v;
    }
    return 0;
}

/* ---- making ---- */

static bool real_date(struct func_ctx *ctx, uint32_t row, int64_t year, int64_t month,
                      int64_t day) {
    bool good = month >= 1 && month <= 12 && day >= 1 && day <= 31 &&
                day <= when_month_len(year, (int)month);
    if (!good)
        func_error(ctx, row, "[DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION] there is no date %"
                   PRId64 "-%02" PRId64 "-%02" PRId64, year, month, day);
    return good;
}

EVAL(eval_make_date) {
    FUNC_EACH(ctx, row) {
        int32_t year = func_i32(arg[0], row), month = func_i32(arg[1], row);
        int32_t day = func_i32(arg[2], row);
        if (year > 5000000 || year < -5000000)
            func_error(ctx, row, "[DATETIME_FIELD_OUT_OF_BOUNDS] there is no year %d", year);
        else if (real_date(ctx, row, year, month, day))
            set_date(ctx, row, when_days(year, month, day), out);
    }
    return 0;
}

static int types_make_timestamp(struct func_call *call) {
    for (uint32_t i = 0; i < 5; i++) call->arg[i].type = type_of(TYPE_I32);
    call->arg[5].type = type_decimal(call->arena, 16, 6);
    if (call->arg_cnt > 6) call->arg[6].type = type_of(TYPE_STRING);
    bool ntz = strstr(call->func->name, "ntz") != NULL;
    call->type = type_of(ntz ? TYPE_TIMESTAMP_NTZ : TYPE_TIMESTAMP);
    return 0;
}

static bool find_zone(struct func_ctx *ctx, uint32_t row, struct str name, struct zone *zone) {
    if (!zone_find(name, zone)) return true;
    func_error(ctx, row, "[INVALID_TIMEZONE] %s", err_note());
    return false;
}

EVAL(eval_make_timestamp) {
    FUNC_EACH(ctx, row) {
        int32_t hour = func_i32(arg[3], row), minute = func_i32(arg[4], row);
        int32_t year = func_i32(arg[0], row);
        int64_t us = (int64_t)arg[5]->dec[vec_at(arg[5], row)];
        struct zone zone = {0, NULL};
        if (us > US_MIN && us < US_MIN + WHEN_SEC)
            func_error(ctx, row, "[INVALID_FRACTION_OF_SECOND] second 60 has no fraction");
        else if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || us < 0 || us > US_MIN ||
            year > 290000 || year < -290000)
            func_error(ctx, row, "[DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION] there is no year "
                       "%d, time %02d:%02d:%g", year, hour, minute, (double)us / 1e6);
        else if (real_date(ctx, row, year, func_i32(arg[1], row), func_i32(arg[2], row))) {
            int64_t days = when_days(year, func_i32(arg[1], row), func_i32(arg[2], row));
            out->i64[row] = days * WHEN_DAY + hour * US_HOUR + minute * US_MIN + us;
            if (ctx->arg_cnt > 6 && find_zone(ctx, row, func_str(arg[6], row), &zone))
                out->i64[row] = zone_from_local(&zone, out->i64[row]);
        }
    }
    return 0;
}

/* ---- numbers and moments ---- */

static void scale_row(struct func_ctx *ctx, uint32_t row, int64_t v, int64_t by, struct vec *out) {
    if (__builtin_mul_overflow(v, by, &out->i64[row]))
        func_error(ctx, row, "[ARITHMETIC_OVERFLOW] the result is no timestamp");
}

EVAL(eval_from_ms) {
    FUNC_EACH(ctx, row) scale_row(ctx, row, func_i64(arg[0], row), US_MS, out);
    return 0;
}
EVAL(eval_same) {
    FUNC_EACH(ctx, row) out->i64[row] = func_i64(arg[0], row);
    return 0;
}
EVAL(eval_same_day) {
    FUNC_EACH(ctx, row) out->i32[row] = func_i32(arg[0], row);
    return 0;
}
EVAL(eval_to_sec) {
    FUNC_EACH(ctx, row) out->i64[row] = moment_floor(func_i64(arg[0], row), WHEN_SEC);
    return 0;
}
EVAL(eval_to_ms) {
    FUNC_EACH(ctx, row) out->i64[row] = moment_floor(func_i64(arg[0], row), US_MS);
    return 0;
}

static int types_seconds(struct func_call *call) {
    const struct type *type = call->arg[0].type;
    bool real = type->kind == TYPE_F32 || type->kind == TYPE_F64;
    if (type->kind == TYPE_DECIMAL) return 0;
    call->arg[0].type = type_of(real ? TYPE_F64 : TYPE_I64);
    return 0;
}

/* Seconds of any number; digits after the microsecond must be 0 in a DECIMAL. */
EVAL(eval_seconds) {
    const struct vec *from = arg[0];
    FUNC_EACH(ctx, row) {
        if (from->type->kind == TYPE_I64) {
            scale_row(ctx, row, func_i64(from, row), WHEN_SEC, out);
        } else if (from->type->kind == TYPE_F64) {
            double v = func_f64(from, row) * 1e6;
            if (isnan(v) || isinf(v)) func_null(ctx, out, row);
            else out->i64[row] = v >= 0x1p63 ? INT64_MAX : v < -0x1p63 ? INT64_MIN : (int64_t)v;
        } else {
            batch_i128 v = from->dec[vec_at(from, row)], us = 0;
            int cut = from->type->scale - 6;
            if (cut > 0 && v % dec_power(cut) != 0)
                func_error(ctx, row, "[ROUNDING_NECESSARY] a timestamp has six digits of a second");
            else if (!dec_rescale(v, from->type->scale, 6, DEC_DIGITS_MAX, &us) ||
                     us != (int64_t)us)
                func_error(ctx, row, "[ARITHMETIC_OVERFLOW] the result is no timestamp");
            out->i64[row] = (int64_t)us;
        }
    }
    return 0;
}

/* ---- zones ---- */

EVAL(eval_from_utc) {
    struct zone zone;
    FUNC_EACH(ctx, row)
        if (find_zone(ctx, row, func_str(arg[1], row), &zone))
            out->i64[row] = zone_to_local(&zone, func_i64(arg[0], row));
    return 0;
}
EVAL(eval_to_utc) {
    struct zone zone;
    FUNC_EACH(ctx, row)
        if (find_zone(ctx, row, func_str(arg[1], row), &zone))
            out->i64[row] = zone_from_local(&zone, func_i64(arg[0], row));
    return 0;
}
/* convert_timezone([from,] to, wall clock) */
EVAL(eval_convert) {
    struct zone from = {0, NULL}, to;
    uint32_t last = ctx->arg_cnt - 1;
    FUNC_EACH(ctx, row) {
        if (last == 2 && !find_zone(ctx, row, func_str(arg[0], row), &from)) continue;
        if (!find_zone(ctx, row, func_str(arg[last - 1], row), &to)) continue;
        out->i64[row] = zone_to_local(&to, zone_from_local(&from, func_i64(arg[last], row)));
    }
    return 0;
}

const struct func fn_date[] = {
    {"year", "D:i", eval_year, 0, NULL, NULL},
    {"quarter", "D:i", eval_quarter, 0, NULL, NULL},
    {"month", "D:i", eval_month, 0, NULL, NULL},
    {"weekofyear", "D:i", eval_week, 0, NULL, NULL},
    {"day", "D:i", eval_day, 0, NULL, NULL},
    {"dayofmonth", "D:i", eval_day, 0, NULL, NULL},
    {"dayofweek", "D:i", eval_dayofweek, 0, NULL, NULL},
    {"weekday", "D:i", eval_weekday, 0, NULL, NULL},
    {"dayofyear", "D:i", eval_dayofyear, 0, NULL, NULL},
    {"dayname", "D:s", eval_dayname, 0, NULL, NULL},
    {"monthname", "D:s", eval_monthname, 0, NULL, NULL},
    {"hour", "T:i", eval_hour, 0, NULL, NULL},
    {"minute", "T:i", eval_minute, 0, NULL, NULL},
    {"second", "T:i", eval_second, 0, NULL, NULL},
    {"date_part", "sa:-", eval_extract, 0, types_extract, NULL},
    {"datepart", "sa:-", eval_extract, 0, types_extract, NULL},
    {"date_add", "Di:D", eval_date_add, 0, NULL, NULL},
    {"dateadd", "Di:D", eval_date_add, 0, NULL, NULL},
    {"date_sub", "Di:D", eval_date_sub, 0, NULL, NULL},
    {"datediff", "DD:i", eval_datediff, 0, NULL, NULL},
    {"date_diff", "DD:i", eval_datediff, 0, NULL, NULL},
    {"add_months", "Di:D", eval_add_months, 0, NULL, NULL},
    {"last_day", "D:D", eval_last_day, 0, NULL, NULL},
    {"next_day", "Ds:D", eval_next_day, 0, NULL, NULL},
    {"trunc", "Ds:D", eval_trunc, 0, NULL, NULL},
    {"date_trunc", "sT:T", eval_date_trunc, 0, NULL, NULL},
    {"timestampadd", "sla:-", eval_add_units, 0, types_add_units, NULL},
    {"date_add", "sla:-", eval_add_units, 0, types_add_units, NULL},
    {"dateadd", "sla:-", eval_add_units, 0, types_add_units, NULL},
    {"timestampdiff", "sTT:l", eval_units_between, 0, NULL, NULL},
    {"datediff", "sTT:l", eval_units_between, 0, NULL, NULL},
    {"date_diff", "sTT:l", eval_units_between, 0, NULL, NULL},
    {"months_between", "TTb?:d", eval_months_between, 0, NULL, NULL},
    {"make_date", "iii:D", eval_make_date, 0, NULL, NULL},
    {"make_timestamp", "aaaaaaa?:-", eval_make_timestamp, 0, types_make_timestamp, NULL},
    {"try_make_timestamp", "aaaaaaa?:-", eval_make_timestamp, FUNC_TRY, types_make_timestamp,
     NULL},
    {"make_timestamp_ntz", "aaaaaa:-", eval_make_timestamp, 0, types_make_timestamp, NULL},
    {"make_timestamp_ltz", "aaaaaaa?:-", eval_make_timestamp, 0, types_make_timestamp, NULL},
    {"timestamp_seconds", "n:T", eval_seconds, 0, types_seconds, NULL},
    {"timestamp_millis", "l:T", eval_from_ms, 0, NULL, NULL},
    {"timestamp_micros", "l:T", eval_same, 0, NULL, NULL},
    {"unix_seconds", "T:l", eval_to_sec, 0, NULL, NULL},
    {"unix_millis", "T:l", eval_to_ms, 0, NULL, NULL},
    {"unix_micros", "T:l", eval_same, 0, NULL, NULL},
    {"unix_date", "D:i", eval_same_day, 0, NULL, NULL},
    {"date_from_unix_date", "i:D", eval_same_day, 0, NULL, NULL},
    {"from_utc_timestamp", "Ts:T", eval_from_utc, 0, NULL, NULL},
    {"to_utc_timestamp", "Ts:T", eval_to_utc, 0, NULL, NULL},
    {"convert_timezone", "sW:W", eval_convert, 0, NULL, NULL},
    {"convert_timezone", "ssW:W", eval_convert, 0, NULL, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
