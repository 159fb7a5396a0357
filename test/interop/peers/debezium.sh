#!/usr/bin/env bash
# debezium.sh - Debezium's PostgreSQL connector in Kafka Connect, one standalone worker.
#
#   start prints   connect=127.0.0.1:PORT
#   BOOTSTRAP=HOST:PORT   the Kafka it writes to, needed
#   PG_URL=postgresql://USER:PASSWORD@HOST:PORT/DATABASE PREFIX=p TABLES=public.t,...   a connector
#       named PREFIX; without them the worker starts empty, for connectors given by its REST
#   SNAPSHOT (initial; no_data: changes only), DEBEZIUM_SET="name=value ..." for the connector
#   DEBEZIUM_VERSION (3.7.0.Final), KAFKA_VERSION (4.3.0), DEBEZIUM_HEAP (512m)

set -euo pipefail
. "$(dirname "$0")/lib.sh"
version=${DEBEZIUM_VERSION:-3.7.0.Final}
kafka=${KAFKA_VERSION:-4.3.0}
jars=$peers/debezium-$version-$kafka
artifacts="io.debezium:debezium-connector-postgres:$version
    org.apache.kafka:connect-runtime:$kafka org.slf4j:slf4j-simple:1.7.36"

install_it() { in_folder "$jars" maven_jars; }

make_connector() {
    local setting
    [[ $PG_URL =~ ^postgresql://([^:@/]+):([^@/]*)@([^:/]+):([0-9]+)/([^?]+) ]] ||
        fail "not an address: $PG_URL"
    {
        echo "name=$PREFIX"
        echo "connector.class=io.debezium.connector.postgresql.PostgresConnector"
        echo "tasks.max=1"
        echo "database.user=${BASH_REMATCH[1]}"
        echo "database.password=${BASH_REMATCH[2]}"
        echo "database.hostname=${BASH_REMATCH[3]}"
        echo "database.port=${BASH_REMATCH[4]}"
        echo "database.dbname=${BASH_REMATCH[5]}"
        echo "topic.prefix=$PREFIX"
        echo "table.include.list=$TABLES"
        echo "snapshot.mode=${SNAPSHOT:-initial}"
        echo "plugin.name=pgoutput"
        echo "slot.name=dbz_$PREFIX"
        echo "publication.name=dbz_$PREFIX"
        echo "publication.autocreate.mode=filtered"
        for setting in ${DEBEZIUM_SET:-}; do echo "$setting"; done
    } >"$dir/connector.properties"
    keep connector "$PREFIX"
}

make_it() {
    local port=${PORT:-$(free_port)} side config=org.apache.kafka.common.config.provider
    mkdir -p "$dir/data"
    {
        echo "bootstrap.servers=${BOOTSTRAP:?the Kafka to write to}"
        echo "listeners=http://127.0.0.1:$port"
        echo "offset.storage.file.filename=$dir/data/offsets"
        echo "offset.flush.interval.ms=1000"
        echo "plugin.discovery=service_load"
        echo "config.providers=env"
        echo "config.providers.env.class=$config.EnvVarConfigProvider"
        for side in key value; do
            echo "$side.converter=org.apache.kafka.connect.json.JsonConverter"
            echo "$side.converter.schemas.enable=false"
        done
    } >"$dir/worker.properties"
    keep connect "127.0.0.1:$port"
    if [ -n "${PG_URL:-}" ]; then make_connector; fi
}

run_it() {
    local connector=()
    if [ -e "$dir/connector.properties" ]; then connector=("$dir/connector.properties"); fi
    spawn java -Xmx"${DEBEZIUM_HEAP:-512m}" -cp "$jars/*" \
        org.apache.kafka.connect.cli.ConnectStandalone "$dir/worker.properties" "${connector[@]}"
}

ready() {
    local state name
    name=$(kept connector)
    if [ -z "$name" ]; then
        curl -sf --max-time 2 "http://$(kept connect)/connectors" >/dev/null
        return
    fi
    state=$(curl -sf --max-time 2 "http://$(kept connect)/connectors/$name/status") || return 1
    case $state in
    *'"FAILED"'*) tail -n 25 "$dir/log" >&2; end_it KILL; fail "the connector failed" ;;
    *'"tasks":[{'*'"RUNNING"'*) ;;
    *) return 1 ;;
    esac
}

peer "$@"
