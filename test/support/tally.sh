# tally.sh - counts tests over suites; for bash scripts, sourced.
#
# The convention: a suite is a command whose last line on stdout is `N passed, N failed, N skipped`;
# whatever it skips it names on a line of its own, `SKIP name: reason`. A step is a command that is
# no test (a build): it counts only when it fails, as one failed. Exit code: 0 if nothing failed.
#
#   . test/support/tally.sh
#   tally_step  build  make            # returns the command's code
#   tally_suite units  make units
#   tally_end                          # prints the grand total, the last line; exits
#
# A suite that itself tests something case by case says so with tally_pass, tally_fail, tally_skip.

tally_passed=0
tally_failed=0
tally_skipped=0

tally_pass() {
    tally_passed=$((tally_passed + 1))
    echo "ok   $1"
}

tally_fail() {
    tally_failed=$((tally_failed + 1))
    echo "FAIL $1${2:+: $2}"
}

tally_skip() {
    tally_skipped=$((tally_skipped + 1))
    echo "SKIP $1: ${2:?tally_skip: a skip needs its reason}"
}

tally_step() {
    local name=$1 began=$SECONDS code=0
    shift
    echo "== $name"
    "$@" || code=$?
    if [ "$code" -ne 0 ]; then tally_fail "$name" "exit code $code"; fi
    echo "== $name: $((SECONDS - began)) s"
    return "$code"
}

tally_suite() {
    local name=$1 began=$SECONDS code=0 log last failed=0
    shift
    echo "== $name"
    log=$(mktemp)
    "$@" | tee "$log" || code=$?
    last=$(tail -n 1 "$log")
    rm -f "$log"
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        failed=${BASH_REMATCH[2]}
        tally_passed=$((tally_passed + BASH_REMATCH[1]))
        tally_failed=$((tally_failed + failed))
        tally_skipped=$((tally_skipped + BASH_REMATCH[3]))
        if [ "$code" -ne 0 ] && [ "$failed" -eq 0 ]; then tally_fail "$name" "exit code $code"; fi
    else
        tally_fail "$name" "ended without a total, exit code $code"
    fi
    echo "== $name: $((SECONDS - began)) s"
}

tally_end() {
    echo "$tally_passed passed, $tally_failed failed, $tally_skipped skipped"
    [ "$tally_failed" -eq 0 ] || exit 1
    exit 0
}
