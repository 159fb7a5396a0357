#!/usr/bin/env bash
# airflow.sh - a real Apache Airflow 3: api-server, scheduler with local tasks, dag-processor.
#
#   start prints   url=http://127.0.0.1:PORT   user=admin   password=admin   dags=FOLDER   port=PORT
#                  python=FILE
#   A DAG put into FOLDER is seen within seconds and runs by its schedule; its tasks have the
#   environment of the start. AIRFLOW_VERSION (3.3.2). A start takes 15 to 25 s and 0.8 GB.
#   airflow.sh python DIR ARG...   Python with that Airflow and its settings, started or not
# The newest of what Airflow asks for is not what it was tested with: airflow.txt has the versions.

set -euo pipefail
. "$(dirname "$0")/lib.sh"
version=${AIRFLOW_VERSION:-3.3.2}
venv=$peers/airflow-$version
spare=$venv/spare

packages() {
    need python3 python3-venv
    /usr/bin/env python3 -m venv "$1" >&2 || cannot "python3 has no venv (package python3-venv)"
    "$1/bin/pip" install -q --disable-pip-version-check -c "$here/airflow.txt" \
        "apache-airflow==$version" >&2 || cannot "pip did not deliver apache-airflow $version"
    # Its database once: making it takes seconds, a copy takes none.
    mkdir "$1/spare"
    with_home "$1/spare" "$1/bin/airflow" db migrate >"$1/migrate.log" 2>&1 ||
        { tail -n 20 "$1/migrate.log" >&2; fail "db migrate failed"; }
}
install_it() { in_folder "$venv" packages; }

# with_home FOLDER COMMAND...: with that folder's database and DAGs.
with_home() {
    local home=$1
    shift
    env PATH="$venv/bin:$PATH" AIRFLOW_HOME="$home" AIRFLOW__CORE__DAGS_FOLDER="$home/dags" \
        AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION=False \
        AIRFLOW__CORE__EXECUTOR=LocalExecutor AIRFLOW__CORE__PARALLELISM=4 \
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:///$home/airflow.db?timeout=60" \
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH="$home/bundles" \
        AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL=1 \
        AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL=1 \
        AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False "$@"
}

setting() {
    sed -n "s/^$1=//p" "$dir/settings"
}
with_settings() {
    with_home "$dir/data" env AIRFLOW__API__HOST=127.0.0.1 AIRFLOW__API__PORT="$(kept port)" \
        AIRFLOW__API__BASE_URL="$(kept url)" AIRFLOW__API__SECRET_KEY="$(setting secret)" \
        AIRFLOW__API__WORKERS=1 AIRFLOW__API_AUTH__JWT_SECRET="$(setting jwt)" \
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL="$(kept url)/execution/" \
        AIRFLOW__CORE__FERNET_KEY="$(setting fernet)" \
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=admin:admin \
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE="$dir/data/passwords.json" "$@"
}

make_it() {
    local port=${PORT:-$(free_port)}
    mkdir -p "$dir/data/dags" "$dir/data/bundles"
    cp "$spare/airflow.db" "$dir/data/airflow.db"
    echo '{"admin": "admin"}' >"$dir/data/passwords.json"
    (umask 077
        printf 'secret=%s\njwt=%s\nfernet=%s\n' "$(head -c 24 /dev/urandom | base64)" \
            "$(head -c 48 /dev/urandom | base64 -w 0)" \
            "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')" >"$dir/settings")
    keep url "http://127.0.0.1:$port"
    keep port "$port"
    keep user admin
    keep password admin
    keep dags "$dir/data/dags"
    keep python "$venv/bin/python"
}

# One session: when one of the three ends, all do.
run_it() {
    spawn "$0" parts "$dir"
}
parts() {
    set +e
    with_settings bash -c 'airflow api-server & airflow scheduler --skip-serve-logs &
        airflow dag-processor & wait -n' &
    trap 'kill -TERM 0' TERM
    wait
    trap '' TERM
    kill -TERM 0
    (sleep 5; kill -KILL 0) &
    wait
}

ready() {
    accepts "$(kept port)" || return 1
    "$venv/bin/python" - "$(kept url)" 2>/dev/null <<'PY'
import json, sys, urllib.request
health = json.load(urllib.request.urlopen(sys.argv[1] + '/api/v2/monitor/health', timeout=5))
sys.exit(any(health[part]['status'] != 'healthy'
             for part in ('metadatabase', 'scheduler', 'dag_processor')))
PY
}

# Tasks have sessions of their own, so a signal to the process group does not reach them.
members() {
    local top=$1
    ps -eo pid=,ppid=,sess= | awk -v top="$top" '
        { parent[$1] = $2; if ($3 == top) mine[$1] }
        END {
            do {
                grown = 0
                for (p in parent)
                    if (!(p in mine) && parent[p] in mine) { mine[p]; grown = 1 }
            } while (grown)
            for (p in mine) print p
        }'
}
end_all() {
    local all i
    [ -s "$dir/pid" ] || return 0
    all=$(members "$(cat "$dir/pid")")
    # shellcheck disable=SC2086
    [ -z "$all" ] || kill -s "$1" $all 2>/dev/null || true
    for ((i = 0; i < 100; i++)); do
        # shellcheck disable=SC2086
        [ -n "$all" ] && ps -o stat= -p "$(echo $all | tr ' ' ,)" | grep -qv '^Z' || break
        sleep 0.1
    done
    # shellcheck disable=SC2086
    [ -z "$all" ] || kill -KILL $all 2>/dev/null || true
    rm -f "$dir/pid"
}
stop_it() { end_all TERM; }
kill_it() { end_all KILL; }

case ${1:-} in
parts)
    dir=${2:?}
    parts
    ;;
python)
    dir=${2:?}
    shift 2
    install_it
    if [ -s "$dir/kept" ]; then
        with_settings python "$@"
    else
        mkdir -p "$dir/dags"
        [ -e "$dir/airflow.db" ] || cp "$spare/airflow.db" "$dir/airflow.db"
        with_home "$dir" python "$@"
    fi
    ;;
*) peer "$@" ;;
esac
