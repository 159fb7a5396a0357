#!/usr/bin/env bash
# postgres.sh - a real PostgreSQL server, ready for logical replication.
#
#   start prints   url=postgresql://sluice:sluice@127.0.0.1:PORT/sluice   (a superuser)
#                  port=PORT   socket=DIR
#   PG_VERSION (15) picks the Debian package; PG_SET="name=value ..." adds settings.

set -euo pipefail
. "$(dirname "$0")/lib.sh"
bin=/usr/lib/postgresql/${PG_VERSION:-15}/bin

# The server refuses to be root: as root it runs as the package's user, who keeps one right, to
# pass through folders that are not open to all, such as those of mktemp.
as=()
if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid=postgres --regid=postgres --init-groups)
    pass=(--inh-caps=+dac_read_search --ambient-caps=+dac_read_search)
fi
lower() {
    if [ ${#as[@]} != 0 ] && "${as[@]}" "${pass[@]}" true 2>/dev/null; then as+=("${pass[@]}"); fi
}

install_it() {
    local no_cluster=/etc/postgresql-common/createcluster.conf
    if [ -x "$bin/postgres" ]; then return 0; fi
    # Without this line the package would make and start a server of its own.
    if [ "$(id -u)" = 0 ] && [ ! -e "$no_cluster" ]; then
        mkdir -p "${no_cluster%/*}"
        echo 'create_main_cluster = false' >"$no_cluster"
    fi
    apt_packages "postgresql-${PG_VERSION:-15}"
}

make_it() {
    local port=${PORT:-$(free_port)} setting
    mkdir -p "$dir/data" "$dir/socket"
    echo sluice >"$dir/password"
    lower
    if [ ${#as[@]} != 0 ]; then chown postgres: "$dir/data" "$dir/socket"; fi
    "${as[@]}" "$bin/initdb" -D "$dir/data" -U sluice --pwfile="$dir/password" --auth-local=trust \
        --auth-host=scram-sha-256 -E UTF8 --locale=C.UTF-8 >"$dir/log" 2>&1 ||
        { tail -n 5 "$dir/log" >&2; fail "initdb failed"; }
    {
        echo "listen_addresses = '127.0.0.1'"
        echo "port = $port"
        echo "unix_socket_directories = '$dir/socket'"
        echo "wal_level = logical"
        echo "max_wal_senders = 20"
        echo "max_replication_slots = 20"
        for setting in ${PG_SET:-}; do echo "${setting%%=*} = '${setting#*=}'"; done
    } >>"$dir/data/postgresql.conf"
    keep url "postgresql://sluice:sluice@127.0.0.1:$port/sluice"
    keep port "$port"
    keep socket "$dir/socket"
}

# After a kill the children of the last one may still hold its shared memory for a moment.
run_it() {
    local tries=100
    lower
    while true; do
        spawn "${as[@]}" "$bin/postgres" -D "$dir/data"
        sleep 0.2
        if alive || ((tries-- == 0)); then return 0; fi
        tail -n 3 "$dir/log" | grep -q 'still in use' || return 0
    done
}

ready() {
    local to=(-h "$(kept socket)" -p "$(kept port)" -U sluice -d postgres)
    "$bin/pg_isready" -q "${to[@]}" || return 1
    "$bin/psql" -qAtX "${to[@]}" -c "SELECT 1 FROM pg_database WHERE datname = 'sluice'" |
        grep -q 1 || "$bin/psql" -qX "${to[@]}" -c 'CREATE DATABASE sluice'
}

# INT: clients are sent away instead of waited for.
stop_it() { end_it INT; }

peer "$@"
