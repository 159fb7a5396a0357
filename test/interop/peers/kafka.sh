#!/usr/bin/env bash
# kafka.sh - a real Apache Kafka 4, one node that is its own controller (KRaft).
#
#   start prints   bootstrap=127.0.0.1:PORT   port=PORT
#   KAFKA_VERSION (4.3.0); KAFKA_HEAP (512m); KAFKA_SET="name=value ..." adds settings.
#   kafka.sh tool CLASS ARG...   one of its tools: org.apache.kafka.tools.TopicCommand ...

set -euo pipefail
. "$(dirname "$0")/lib.sh"
version=${KAFKA_VERSION:-4.3.0}
jars=$peers/kafka-$version
artifacts="org.apache.kafka:kafka_2.13:$version org.apache.kafka:kafka-tools:$version
    org.slf4j:slf4j-nop:1.7.36"

install_it() { in_folder "$jars" maven_jars; }
class() { java -Xmx256m -cp "$jars/*" "$@"; }

make_it() {
    local port=${PORT:-$(free_port)} controller id setting
    controller=$(free_port)
    {
        echo "process.roles=broker,controller"
        echo "node.id=1"
        echo "listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller"
        echo "advertised.listeners=PLAINTEXT://127.0.0.1:$port"
        echo "controller.listener.names=CONTROLLER"
        echo "controller.quorum.bootstrap.servers=127.0.0.1:$controller"
        echo "log.dirs=$dir/data"
        echo "broker.heartbeat.interval.ms=500"
        echo "broker.session.timeout.ms=2000"   # how long a killed one is waited for
        echo "group.initial.rebalance.delay.ms=0"
        echo "offsets.topic.replication.factor=1"
        echo "offsets.topic.num.partitions=5"
        echo "transaction.state.log.replication.factor=1"
        echo "transaction.state.log.num.partitions=5"
        echo "transaction.state.log.min.isr=1"
        echo "share.coordinator.state.topic.replication.factor=1"
        echo "share.coordinator.state.topic.min.isr=1"
        for setting in ${KAFKA_SET:-}; do echo "$setting"; done
    } >"$dir/server.properties"
    id=$(class kafka.tools.StorageTool random-uuid)
    class kafka.tools.StorageTool format --standalone -c "$dir/server.properties" -t "$id" \
        >"$dir/log" 2>&1 || { tail -n 5 "$dir/log" >&2; fail "could not format its data"; }
    keep bootstrap "127.0.0.1:$port"
    keep port "$port"
}

run_it() {
    spawn java -Xmx"${KAFKA_HEAP:-512m}" -cp "$jars/*" kafka.Kafka "$dir/server.properties"
}

# It accepts before it knows itself: ready is when it lists its topics.
ready() {
    accepts "$(kept port)" || return 1
    class org.apache.kafka.tools.TopicCommand --bootstrap-server "$(kept bootstrap)" --list \
        >>"$dir/log" 2>&1
}

if [ "${1:-}" = tool ]; then
    shift
    install_it
    class "$@"
    exit
fi
peer "$@"
