# lib.sh - what the scripts of the real systems share; for bash scripts, sourced.
#
# A peer is a real system that sluice speaks with: installed by the machine's own package tools, run
# on free loopback ports with its data in a folder that the caller names.
#
#   peers/NAME.sh install     fetch it; quick when it is there already
#   peers/NAME.sh start DIR   with empty data below DIR; prints name=value lines once it answers
#   peers/NAME.sh stop DIR    ask it to end, and wait until it has; the data stays
#   peers/NAME.sh kill DIR    end it at once, as kill -9 does
#   peers/NAME.sh again DIR   start it again, with the data and the ports it had
#   peers/NAME.sh show DIR    what start printed, and its log and process
#
# Exit codes: 0 done; 1 it failed, the end of its log was said; 2 wrong use; 77 it cannot be had
# here, with the reason on stderr, so that a test can skip loudly.
# PORT=n takes that port instead of a free one. Software is kept in $SLUICE_PEERS (default
# ~/.cache/sluice-interop) and comes from where mvn, pip and apt-get are set up to fetch from;
# $MAVEN_REPO names another Maven repository, for instance a mirror of Maven Central.
#
# A script defines install_it, make_it (writes the settings of a new one below $dir, calls keep),
# run_it (calls spawn) and ready (true when it answers), then ends with: peer "$@".

peers=${SLUICE_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice-interop}
system=$(basename "$0" .sh)
here=$(cd "$(dirname "$0")" && pwd)

fail() { echo "$system: $*" >&2; exit 1; }
cannot() { echo "$system: cannot be had here: $*" >&2; exit 77; }
need() { command -v "$1" >/dev/null || cannot "no $1 (Debian package $2)"; }
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# keep NAME VALUE: something to remember of this one, and to print; kept NAME: that value.
keep() { echo "$1=$2" >>"$dir/kept"; }
kept() { sed -n "s/^$1=//p" "$dir/kept"; }
alive() { [ -s "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; }

# spawn COMMAND...: in the background, in a session of its own.
spawn() {
    setsid "$@" >>"$dir/log" 2>&1 </dev/null 9>&- &
    echo $! >"$dir/pid"
}
accepts() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

wait_ready() {
    local tries=$((${1:-180} * 10))
    until ready; do
        alive || { tail -n 25 "$dir/log" >&2; fail "ended while starting"; }
        if ((tries-- == 0)); then
            tail -n 25 "$dir/log" >&2
            end_it KILL
            fail "does not answer after ${1:-180} s"
        fi
        sleep 0.1
    done
}

# end_it SIGNAL: and waits; what has not ended after a minute is killed.
end_it() {
    local tries=600
    alive || { rm -f "$dir/pid"; return 0; }
    kill -s "$1" "$(cat "$dir/pid")" 2>/dev/null || true
    while alive && ((tries-- > 0)); do sleep 0.1; done
    if alive; then kill -KILL -- "-$(cat "$dir/pid")" 2>/dev/null || true; fi
    rm -f "$dir/pid"
}
stop_it() { end_it TERM; }
kill_it() { end_it KILL; }

# in_folder DIR COMMAND...: fills DIR once, by a command that writes into the folder $1.
in_folder() {
    local to=$1
    shift
    if [ -e "$to/.complete" ]; then return 0; fi
    echo "$system: installing into $to" >&2
    rm -rf "$to"
    mkdir -p "$to"
    "$@" "$to" || exit
    touch "$to/.complete"
}

# maven_jars DIR: the artifacts in $artifacts (group:name:version ...) and all that they run with.
maven_jars() {
    local pom group name version
    need java default-jre-headless
    need mvn maven
    pom=$1/pom.xml
    {
        echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        echo '<groupId>peer</groupId><artifactId>peer</artifactId><version>1</version>'
        if [ -n "${MAVEN_REPO:-}" ]; then
            echo "<repositories><repository><id>central</id><url>$MAVEN_REPO</url></repository>"
            echo '</repositories>'
        fi
        echo '<dependencies>'
        for artifact in $artifacts; do
            IFS=: read -r group name version <<<"$artifact"
            echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId>"
            echo "<version>$version</version></dependency>"
        done
        echo '</dependencies></project>'
    } >"$pom"
    mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime \
        -DoutputDirectory="$1" >&2 || cannot "Maven did not deliver $artifacts"
}

# apt_packages NAME...: installs them; only root can.
apt_packages() {
    need apt-get apt
    [ "$(id -u)" = 0 ] || cannot "not installed; as root: apt-get install $*"
    echo "$system: installing $*" >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 ||
        cannot "apt-get did not deliver $* (is apt-get update due?)"
}

use() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
    echo "usage: $0 install | start DIR | stop DIR | kill DIR | again DIR | show DIR" >&2
    exit 2
}

peer() {
    local verb=${1:-}
    dir=${2:-}
    [ "$verb" = install ] || [ -n "$dir" ] || use
    case $verb in
    install) install_it ;;
    start)
        install_it
        mkdir -p "$dir"
        dir=$(cd "$dir" && pwd)
        alive && fail "runs already in $dir"
        rm -rf "${dir:?}"/{kept,log,data}
        make_it
        run_it
        wait_ready
        cat "$dir/kept"
        ;;
    again)
        dir=$(cd "$dir" && pwd)
        alive && fail "runs already in $dir"
        run_it
        wait_ready
        cat "$dir/kept"
        ;;
    stop) stop_it ;;
    kill) kill_it ;;
    show)
        cat "$dir/kept"
        echo "log=$dir/log"
        if alive; then echo "pid=$(cat "$dir/pid")"; fi
        ;;
    *) use ;;
    esac
}
