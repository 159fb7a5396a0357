#!/usr/bin/env bash
# kafka3.sh - a real Apache Kafka 3 with a ZooKeeper beside it, as it was before KRaft.
#
#   start prints   bootstrap=127.0.0.1:PORT   port=PORT   zookeeper=127.0.0.1:PORT
#   KAFKA_VERSION (3.9.1); KAFKA_HEAP (512m); KAFKA_SET="name=value ..." adds settings.
#   kill ends the broker only; stop ends both.

set -euo pipefail
. "$(dirname "$0")/lib.sh"
version=${KAFKA_VERSION:-3.9.1}
jars=$peers/kafka-$version
artifacts="org.apache.kafka:kafka_2.13:$version org.apache.kafka:kafka-tools:$version
    org.slf4j:slf4j-nop:1.7.36"

install_it() {
    in_folder "$jars" maven_jars
    "$here/zookeeper.sh" install
}

make_it() {
    local port=${PORT:-$(free_port)} zookeeper setting
    zookeeper=$(PORT='' "$here/zookeeper.sh" start "$dir/zookeeper" | sed -n 's/^connect=//p')
    {
        printf '%s\n' "broker.id=1" "zookeeper.connect=$zookeeper" "log.dirs=$dir/data" \
            "listeners=PLAINTEXT://127.0.0.1:$port" \
            "advertised.listeners=PLAINTEXT://127.0.0.1:$port" \
            "zookeeper.session.timeout.ms=4000" "zookeeper.connection.timeout.ms=60000" \
            "group.initial.rebalance.delay.ms=0" \
            "offsets.topic.replication.factor=1" "offsets.topic.num.partitions=5" \
            "transaction.state.log.replication.factor=1" "transaction.state.log.min.isr=1" \
            "transaction.state.log.num.partitions=5"
        for setting in ${KAFKA_SET:-}; do echo "$setting"; done
    } >"$dir/server.properties"
    keep bootstrap "127.0.0.1:$port"
    keep port "$port"
    keep zookeeper "$zookeeper"
}

run_it() {
    spawn java -Xmx"${KAFKA_HEAP:-512m}" -cp "$jars/*" kafka.Kafka "$dir/server.properties"
}

ready() {
    accepts "$(kept port)" || return 1
    java -Xmx256m -cp "$jars/*" org.apache.kafka.tools.TopicCommand \
        --bootstrap-server "$(kept bootstrap)" --list >>"$dir/log" 2>&1
}

stop_it() {
    end_it TERM
    "$here/zookeeper.sh" stop "$dir/zookeeper"
}

peer "$@"
