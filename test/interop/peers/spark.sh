#!/usr/bin/env bash
# spark.sh - a real Apache Spark on this machine, with the connectors of Kafka and Cassandra.
#
#   spark.sh install
#   spark.sh submit FILE.py ARG...   a PySpark program by spark-submit; TERM ends it
# It has no server. SPARK_VERSION (4.1.1); SPARK_HEAP (1g) of the driver; SPARK_MASTER (local[2]);
# SPARK_CONF="name=value ..." more settings. Messages from WARN up go to stderr.

set -euo pipefail
. "$(dirname "$0")/lib.sh"
version=${SPARK_VERSION:-4.1.1}
home=$peers/spark-$version
artifacts="org.apache.spark:spark-sql-kafka-0-10_2.13:$version
    com.datastax.spark:spark-cassandra-connector_2.13:3.5.1"

pyspark() { echo "$home"/lib/python3*/site-packages/pyspark; }
stem() { basename "$1" | sed 's/-[0-9][^_]*$//'; }

# What PySpark brings along stays its own: a second version beside it breaks both.
parts() {
    local have jar
    need java default-jre-headless
    need python3 python3-venv
    python3 -m venv "$1" >&2 || cannot "python3 has no venv (package python3-venv)"
    "$1/bin/pip" install -q --disable-pip-version-check "pyspark==$version" >&2 ||
        cannot "pip did not deliver pyspark $version"
    mkdir "$1/more"
    maven_jars "$1/more"
    have=$(for jar in "$(pyspark)"/jars/*.jar; do stem "$jar"; done)
    for jar in "$1"/more/*.jar; do
        if grep -qxF "$(stem "$jar")" <<<"$have"; then rm "$jar"; fi
    done
}
install_it() { in_folder "$home" parts; }

submit() {
    local setting more=() scratch child
    scratch=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$scratch'" EXIT
    cat >"$scratch/log4j2.properties" <<'LOG'
rootLogger.level = WARN
rootLogger.appenderRef.err.ref = err
appender.err.type = Console
appender.err.name = err
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
LOG
    for setting in ${SPARK_CONF:-}; do more+=(--conf "$setting"); done
    export SPARK_HOME SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$home/bin/python
    export PYSPARK_DRIVER_PYTHON=$home/bin/python
    SPARK_HOME=$(pyspark)
    unset SPARK_CONF_DIR
    "$SPARK_HOME/bin/spark-submit" --master "${SPARK_MASTER:-local[2]}" \
        --driver-memory "${SPARK_HEAP:-1g}" --driver-class-path "$home/more/*" \
        --driver-java-options "-Dlog4j2.configurationFile=$scratch/log4j2.properties
            -Djava.io.tmpdir=$scratch" \
        --conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false \
        --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1 \
        --conf spark.sql.shuffle.partitions=2 --conf "spark.local.dir=$scratch/local" \
        --conf "spark.sql.warehouse.dir=$scratch/warehouse" "${more[@]}" "$@" &
    child=$!
    trap 'kill "$child" 2>/dev/null || true' TERM INT
    local code=0
    wait "$child" || code=$?
    while kill -0 "$child" 2>/dev/null; do
        code=0
        wait "$child" || code=$?
    done
    return "$code"
}

case ${1:-} in
install) install_it ;;
submit)
    shift
    install_it
    submit "$@"
    ;;
*)
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
