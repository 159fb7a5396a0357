#!/usr/bin/env bash
# zookeeper.sh - a real Apache ZooKeeper, one node or an ensemble.
#
#   start prints   connect=127.0.0.1:PORT[,127.0.0.1:PORT...]   pids=...   port=PORT (of the first)
#   ZK_VERSION (3.9.5); ZK_NODES (1); ZK_SET="name=value ..." adds settings.
#   zookeeper.sh leader DIR        the number of the node that leads
#   zookeeper.sh kill-node DIR K   kill -9 of one;   zookeeper.sh again-node DIR K   starts it again

set -euo pipefail
. "$(dirname "$0")/lib.sh"
version=${ZK_VERSION:-3.9.5}
jars=$peers/zookeeper-$version
# snappy and metrics are what it needs to start and does not ask Maven for.
artifacts="org.apache.zookeeper:zookeeper:$version org.xerial.snappy:snappy-java:1.1.10.7
    io.dropwizard.metrics:metrics-core:4.1.12.1 org.slf4j:slf4j-simple:2.0.13"

install_it() { in_folder "$jars" maven_jars; }
nodes() { sed -n 's/^node\([0-9]*\)=.*/\1/p' "$dir/kept"; }

make_it() {
    local count=${ZK_NODES:-1} k port connect='' members='' setting
    for ((k = 1; k <= count; k++)); do
        if ((count > 1)); then
            members+="server.$k=127.0.0.1:$(free_port):$(free_port)"$'\n'
        fi
    done
    for ((k = 1; k <= count; k++)); do
        port=$(free_port)
        if ((k == 1)); then
            port=${PORT:-$port}
            keep port "$port"
        fi
        mkdir -p "$dir/data/$k"
        echo "$k" >"$dir/data/$k/myid"
        {
            printf '%s\n' "tickTime=1000" "initLimit=10" "syncLimit=5" "dataDir=$dir/data/$k" \
                "clientPort=$port" "clientPortAddress=127.0.0.1" "maxClientCnxns=0" \
                "admin.enableServer=false" "4lw.commands.whitelist=*"
            for setting in ${ZK_SET:-}; do echo "$setting"; done
            printf '%s' "$members"
        } >"$dir/data/$k.cfg"
        keep "node$k" "$port"
        connect+=${connect:+,}127.0.0.1:$port
    done
    keep connect "$connect"
}

# Each node has its own process: what lib.sh knows of one is told by a folder of links.
run_node() {
    local all=$dir
    dir=$all/data/$1
    spawn java -Xmx256m -Dorg.slf4j.simpleLogger.showDateTime=true -cp "$jars/*" \
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$all/data/$1.cfg"
    dir=$all
}

run_it() {
    local k
    for k in $(nodes); do run_node "$k"; done
    : >"$dir/log"
    paste -sd, "$dir"/data/*/pid | sed 's/^/pids=/' >"$dir/pids"
}

alive() {
    local pid
    for pid in $(cat "$dir"/data/*/pid 2>/dev/null); do
        if kill -0 "$pid" 2>/dev/null; then return 0; fi
    done
    return 1
}

# ask K WORD: with a time limit, since a node that still starts may take it and never answer.
ask() {
    { exec 3<>"/dev/tcp/127.0.0.1/$(kept "node$1")" && echo "$2" >&3 && timeout 2 cat <&3; } \
        2>/dev/null
}
mode() { ask "$1" srvr | sed -n 's/^Mode: //p'; }

ready() {
    local k
    for k in $(nodes); do [ -n "$(mode "$k")" ] || return 1; done
}

end_all() {
    local k all=$dir pid
    for k in $(nodes); do
        pid=$(cat "$all/data/$k/pid" 2>/dev/null) || continue
        kill -s "$1" "$pid" 2>/dev/null || true
    done
    for ((k = 0; k < 300; k++)); do
        alive || break
        sleep 0.1
    done
    rm -f "$all"/data/*/pid "$all/pids"
}
stop_it() { end_all TERM; }
kill_it() { end_all KILL; }

case ${1:-} in
leader)
    dir=${2:?}
    for k in $(nodes); do
        case $(mode "$k") in leader | standalone) echo "$k" && exit ;; esac
    done
    fail "nobody leads now"
    ;;
kill-node)
    dir=${2:?}
    kill -KILL "$(cat "$dir/data/${3:?}/pid")"
    rm "$dir/data/$3/pid"
    ;;
again-node)
    dir=$(cd "${2:?}" && pwd)
    run_node "${3:?}"
    until [ -n "$(mode "$3")" ]; do sleep 0.1; done
    ;;
*) peer "$@" ;;
esac
