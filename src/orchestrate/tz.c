/* tz.c - time zones on ICU's calendars; the two stretches of time asked about last are kept. */
#include "orchestrate/tz.h"

#include "base/err.h"

#include <unicode/ucal.h>
#include <unicode/uenum.h>

#define NAMES_MAX 1024
#define DAY_S     86400

struct tz {
    UCalendar *cal;
    struct span {
        int64_t from, end, offset; /* holds for from <= instant < end */
    } span[2]; /* near a change both sides are asked about in turn */
    unsigned turn;
};

static void widen(UChar *out, struct str name) {
    for (size_t i = 0; i < name.len; i++) out[i] = (unsigned char)name.ptr[i];
    out[name.len] = 0;
}

static int fail_unknown(struct str name) {
    struct str names[NAMES_MAX], near;
    size_t cnt = 0;
    UErrorCode code = U_ZERO_ERROR;
    UEnumeration *all = ucal_openTimeZones(&code);
    int32_t len;
    const char *text;
    while (U_SUCCESS(code) && cnt < NAMES_MAX && (text = uenum_next(all, &len, &code)))
        names[cnt++] = (struct str){base_strdup(text), (size_t)len};
    bool found = str_near(name, names, cnt, &near, 1) == 1;
    int err = found ? err_fail(ERR_SYNTAX, "timezone '%.*s' is unknown, did you mean '%.*s'?",
                               STR_ARG(name), STR_ARG(near))
                    : err_fail(ERR_SYNTAX, "timezone '%.*s' is unknown; write for instance "
                               "Europe/Zurich, America/New_York or UTC", STR_ARG(name));
    for (size_t i = 0; i < cnt; i++) base_free((void *)(uintptr_t)names[i].ptr);
    uenum_close(all);
    return err;
}

int tz_open(struct tz **out, struct str name) {
    UChar id[TZ_NAME_MAX + 1], canonical[TZ_NAME_MAX + 1];
    UErrorCode code = U_ZERO_ERROR;
    UBool is_system = false;
    *out = NULL;
    if (!name.len || str_eqz(name, "UTC")) return 0;
    if (name.len > TZ_NAME_MAX) return fail_unknown((struct str){name.ptr, TZ_NAME_MAX});
    widen(id, name);
    ucal_getCanonicalTimeZoneID(id, -1, canonical, TZ_NAME_MAX, &is_system, &code);
    if (U_FAILURE(code) || !is_system) return fail_unknown(name);
    UCalendar *cal = ucal_open(id, -1, "en", UCAL_GREGORIAN, &code);
    if (U_FAILURE(code))
        return err_fail(ERR_INTERNAL, "timezone '%.*s': %s", STR_ARG(name), u_errorName(code));
    struct tz *tz = base_calloc(1, sizeof *tz);
    tz->cal = cal;
    *out = tz;
    return 0;
}

void tz_close(struct tz *tz) {
    if (!tz) return;
    ucal_close(tz->cal);
    base_free(tz);
}

/* The change before or after the calendar's present time, in seconds; `none` without one. */
static int64_t change(struct tz *tz, UTimeZoneTransitionType type, int64_t none) {
    UErrorCode code = U_ZERO_ERROR;
    UDate when;
    bool has = ucal_getTimeZoneTransitionDate(tz->cal, type, &when, &code);
    return U_FAILURE(code) || !has ? none : (int64_t)(when / 1000);
}

static const struct span *span_at(struct tz *tz, int64_t utc_s) {
    for (int i = 0; i < 2; i++)
        if (utc_s >= tz->span[i].from && utc_s < tz->span[i].end) return &tz->span[i];
    struct span *span = &tz->span[tz->turn++ % 2];
    UErrorCode code = U_ZERO_ERROR;
    ucal_setMillis(tz->cal, (UDate)utc_s * 1000, &code);
    int64_t ms = ucal_get(tz->cal, UCAL_ZONE_OFFSET, &code);
    ms += ucal_get(tz->cal, UCAL_DST_OFFSET, &code);
    CHECK(U_SUCCESS(code));
    span->offset = ms / 1000;
    span->end = change(tz, UCAL_TZ_TRANSITION_NEXT, INT64_MAX);
    span->from = change(tz, UCAL_TZ_TRANSITION_PREVIOUS_INCLUSIVE, INT64_MIN);
    assert(span->from <= utc_s && utc_s < span->end);
    return span;
}

int64_t tz_offset(struct tz *tz, int64_t utc_s, int64_t *end) {
    if (end) *end = INT64_MAX;
    if (!tz) return 0;
    const struct span *span = span_at(tz, utc_s);
    if (end) *end = span->end;
    return span->offset;
}

int64_t tz_instant(struct tz *tz, int64_t wall_s) {
    int64_t before = tz_offset(tz, wall_s - DAY_S, NULL);
    int64_t after = tz_offset(tz, wall_s + DAY_S, NULL);
    if (before == after) return wall_s - before;
    int64_t early = wall_s - before, late = wall_s - after;
    bool late_fits = tz_offset(tz, late, NULL) == after;
    bool early_fits = tz_offset(tz, early, NULL) == before;
    if (early_fits && late_fits) return MAX(early, late); /* shown twice */
    return late_fits ? late : early; /* neither fits: skipped */
}
