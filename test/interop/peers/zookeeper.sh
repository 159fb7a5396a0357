#!/usr/bin/env bash
# zookeeper.sh - a real Apache ZooKeeper, one node.
#
#   start prints   connect=127.0.0.1:PORT   port=PORT
#   ZOOKEEPER_VERSION (3.9.5); ZOOKEEPER_SET="name=value ..." adds settings.

set -euo pipefail
. "$(dirname "$0")/lib.sh"
version=${ZOOKEEPER_VERSION:-3.9.5}
jars=$peers/zookeeper-$version
# It does not start without these two, though its own list calls them optional.
artifacts="org.apache.zookeeper:zookeeper:$version org.xerial.snappy:snappy-java:1.1.10.7
    io.dropwizard.metrics:metrics-core:4.1.12.1"

install_it() { in_folder "$jars" maven_jars; }

make_it() {
    local port=${PORT:-$(free_port)} setting
    mkdir -p "$dir/data"
    {
        echo "tickTime=2000"
        echo "dataDir=$dir/data"
        echo "clientPort=$port"
        echo "clientPortAddress=127.0.0.1"
        echo "admin.enableServer=false"
        echo "4lw.commands.whitelist=srvr"
        for setting in ${ZOOKEEPER_SET:-}; do echo "$setting"; done
    } >"$dir/zoo.cfg"
    keep connect "127.0.0.1:$port"
    keep port "$port"
}

run_it() {
    spawn java -Xmx256m -cp "$jars/*" org.apache.zookeeper.server.quorum.QuorumPeerMain \
        "$dir/zoo.cfg"
}

# It may take a question while it starts and never answer it: hence the time limit.
ready() {
    local answer
    answer=$( (exec 3<>"/dev/tcp/127.0.0.1/$(kept port)" && echo srvr >&3 &&
        timeout 2 cat <&3) 2>/dev/null) || true
    [[ $answer == *Mode:* ]]
}

peer "$@"
