#!/usr/bin/env bash
# cassandra.sh - a real Apache Cassandra 5, one node, without JMX.
#
#   start prints   contact=127.0.0.1   port=PORT
#   CASSANDRA_VERSION (5.0.9); CASSANDRA_HEAP (768m); CASSANDRA_SYNC=batch: fsync before the answer;
#   CASSANDRA_AUTH=1: logins, superuser cassandra / cassandra; CASSANDRA_SET="name: value; ..." adds
#   settings. A start takes 10 to 30 s and some 1.2 GB of memory.

set -euo pipefail
. "$(dirname "$0")/lib.sh"
version=${CASSANDRA_VERSION:-5.0.9}
jars=$peers/cassandra-$version
artifacts=org.apache.cassandra:cassandra-all:$version

install_it() {
    need python3 python3
    in_folder "$jars" maven_jars
}

settings() {
    cat <<YAML
cluster_name: interop
num_tokens: 16
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{seeds: "127.0.0.1:$2"}]
listen_address: 127.0.0.1
storage_port: $2
ssl_storage_port: $2
rpc_address: 127.0.0.1
native_transport_port: $1
data_file_directories: [$dir/data/tables]
commitlog_directory: $dir/data/commitlog
hints_directory: $dir/data/hints
saved_caches_directory: $dir/data/caches
cdc_raw_directory: $dir/data/cdc
materialized_views_enabled: true
YAML
    case ${CASSANDRA_SYNC:-periodic} in
    batch) echo 'commitlog_sync: batch' ;;
    *) printf 'commitlog_sync: periodic\ncommitlog_sync_period: 10s\n' ;;
    esac
    if [ "${CASSANDRA_AUTH:-0}" = 1 ]; then
        printf '%s\n' 'authenticator: PasswordAuthenticator' 'role_manager: CassandraRoleManager' \
            'authorizer: CassandraAuthorizer'
    fi
    tr ';' '\n' <<<"${CASSANDRA_SET:-}" | sed 's/^ *//'
}

make_it() {
    local port=${PORT:-$(free_port)}
    mkdir -p "$dir/data/tmp" "$dir/data/triggers"
    settings "$port" "$(free_port)" >"$dir/cassandra.yaml"
    cat >"$dir/logback.xml" <<'XML'
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date %-5level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
XML
    keep contact 127.0.0.1
    keep port "$port"
}

# What Cassandra reaches into: packages of the JDK that are closed since Java 17.
exported='java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/sun.nio.ch
    java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry
    java.rmi/sun.rmi.server java.sql/java.sql jdk.attach/sun.tools.attach'
opened='java.base/java.io java.base/java.lang java.base/java.lang.module java.base/java.net
    java.base/java.lang.reflect java.base/java.math java.base/java.nio java.base/java.util
    java.base/java.util.concurrent java.base/java.util.concurrent.atomic java.base/sun.nio.ch
    java.base/jdk.internal.loader java.base/jdk.internal.math java.base/jdk.internal.module
    java.base/jdk.internal.ref java.base/jdk.internal.reflect java.base/jdk.internal.util.jar
    jdk.management/com.sun.management.internal'

run_it() {
    local flags=() name heap=${CASSANDRA_HEAP:-768m}
    for name in $exported; do flags+=(--add-exports "$name=ALL-UNNAMED"); done
    for name in $opened; do flags+=(--add-opens "$name=ALL-UNNAMED"); done
    flags+=(-Xms"$heap" -Xmx"$heap" -Xss384k -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError
        -javaagent:"$(echo "$jars"/jamm-*.jar)"
        -Djava.security.manager=allow -Djdk.attach.allowAttachSelf=true
        -Djava.io.tmpdir="$dir/data/tmp" -Dlogback.configurationFile="file:$dir/logback.xml"
        -Dcassandra.config="file:$dir/cassandra.yaml" -Dcassandra.storagedir="$dir/data"
        -Dcassandra.logdir="$dir" -Dcassandra.triggers_dir="$dir/data/triggers"
        -Dcassandra-foreground=yes -Dcassandra.ring_delay_ms=0
        -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.superuser_setup_delay_ms=0)
    spawn java "${flags[@]}" -cp "$jars/*" org.apache.cassandra.service.CassandraDaemon
}

# The port opens last; the superuser is made a moment after it.
ready() {
    accepts "$(kept port)" || return 1
    [ "${CASSANDRA_AUTH:-0}" != 1 ] || grep -q 'Created default superuser' "$dir/log"
}

peer "$@"
