#!/bin/sh
# Starts an Apache Cassandra 5.0.6 of one node or several (at most eight), for tests, on 127.0.0.1, .2 and so on:
#
#   scripts/cassandra.sh serve [NODES]   prints a line per node: its address and the id of its process, as soon as all
#                                        answer. Then runs until its input ends (or it is interrupted). A line
#                                        `again N` there starts node N anew, on what it left when somebody killed it,
#                                        and is answered by its line once the others see it, too
#   scripts/cassandra.sh fetch           only sees to it that its jars are there
#   scripts/cassandra.sh java            prints the Java that it would run under; fails if there is none
#
# Data lives in a folder that goes with it. A node's heap is CASSANDRA_HEAP (1g; 512m where there are several). The jars
# (scripts/cassandra.jars: SHA-256 and path) come from Maven Central once, into ${XDG_CACHE_HOME:-$HOME/.cache}/rookery; it
# runs under Java 17 (Debian: openjdk-17-jre-headless).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
list=$here/cassandra.jars
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rookery/cassandra-5.0.6
central=${ROOKERY_MAVEN:-https://repo.maven.apache.org/maven2}

fail() {
    echo "cassandra.sh: $1" >&2
    exit 1
}

find_java() {
    for candidate in "${CASSANDRA_JAVA:-}" "${JAVA_HOME:-/nowhere}/bin/java" java /usr/lib/jvm/java-17-openjdk-*/bin/java; do
        if [ -n "$candidate" ] && "$candidate" -version 2>&1 | grep -q '"\(17\|11\)\.'; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

# Whoever comes second finds the folder complete: it is made aside and moved into place.
fetch() {
    if [ -f "$cache/complete" ]; then return 0; fi
    command -v curl >/dev/null || fail "curl is missing (Debian: apt install curl)"
    mkdir -p "$(dirname "$cache")"
    aside=$(mktemp -d "$cache.XXXXXX")
    while read -r _ path; do
        printf 'url = "%s/%s"\noutput = "%s/%s"\n' "$central" "$path" "$aside" "${path##*/}"
    done <"$list" >"$aside/urls"
    curl --silent --show-error --fail --location --retry 3 --parallel --parallel-max 8 --config "$aside/urls" ||
        fail "the jars could not be fetched from $central"
    sed 's#  .*/#  #' "$list" >"$aside/sums"
    (cd "$aside" && sha256sum --quiet --check sums) || fail "a jar is not what scripts/cassandra.jars says"
    touch "$aside/complete"
    mv -T "$aside" "$cache" 2>/dev/null || rm -rf "$aside"
    [ -f "$cache/complete" ] || fail "no jars in $cache"
}

# The ports that all nodes share, then of each node its host, its port for JMX and its token. They lie below those that
# connections are given, so a node that comes back finds its own free.
plan() {
    python3 - "$1" <<'PYTHON'
import random, socket, sys

count = int(sys.argv[1])
hosts = [f"127.0.0.{n + 1}" for n in range(count)]
held = []

def free(hosts):
    for _ in range(1000):
        port = random.randrange(20000, 32000)
        try:
            held.append([socket.create_server((host, port)) for host in hosts])
            return port
        except OSError as error:
            refused = error
    sys.exit(f"cassandra.sh: no port is free on {hosts}: {refused}")

print(free(hosts), free(hosts))
for n, host in enumerate(hosts):
    print(host, free(["127.0.0.1"]), -(2**63) + n * (2**64 // count))
PYTHON
}

answers() {
    python3 -c "import socket; socket.create_connection(('$1', $native), 1)" 2>/dev/null
}

# $1: number of the node, $2: its host, $3: its token
configure() {
    mkdir "$home/$1"
    echo "$2" >"$home/$1/host"
    cat >"$home/$1/cassandra.yaml" <<YAML
cluster_name: rookery-test
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
num_tokens: 1
initial_token: $3
auto_bootstrap: false
listen_address: $2
rpc_address: $2
storage_port: $storage
native_transport_port: $native
start_native_transport: true
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "127.0.0.1:$storage"
data_file_directories:
  - $home/$1/data
commitlog_directory: $home/$1/commitlog
saved_caches_directory: $home/$1/caches
hints_directory: $home/$1/hints
cdc_raw_directory: $home/$1/cdc
commitlog_sync: periodic
commitlog_sync_period: 10s
memtable_allocation_type: heap_buffers
disk_access_mode: standard
auto_snapshot: false
YAML
    cat >"$home/$1/logback.xml" <<'XML'
<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %date{HH:mm:ss,SSS} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="OUT" /></root>
</configuration>
XML
}

# $1: number of the node
launch() {
    node=$home/$1
    if [ "$count" = 1 ]; then
        # Nobody to wait for.
        set -- -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=0
    else
        set -- -Dcassandra.ring_delay_ms=5000
    fi
    for export in java.base/jdk.internal.misc java.base/java.lang.ref \
        java.management.rmi/com.sun.jmx.remote.internal.rmi java.management/com.sun.jmx.remote.security \
        java.rmi/sun.rmi.registry java.rmi/sun.rmi.server java.sql/java.sql jdk.unsupported/sun.misc \
        jdk.attach/sun.tools.attach jdk.compiler/com.sun.tools.javac.file; do
        set -- "$@" --add-exports "$export=ALL-UNNAMED"
    done
    for open in java.base/java.io java.base/java.lang java.base/java.lang.module java.base/java.lang.reflect \
        java.base/java.nio java.base/java.util java.base/sun.nio.ch java.base/jdk.internal.loader \
        java.base/jdk.internal.ref java.base/jdk.internal.reflect java.base/jdk.internal.math \
        java.base/jdk.internal.module java.base/jdk.internal.util.jar jdk.management/com.sun.management.internal \
        jdk.compiler/com.sun.tools.javac; do
        set -- "$@" --add-opens "$open=ALL-UNNAMED"
    done
    "$java" "$@" -Xms512m -Xmx"$heap" -XX:+UseSerialGC \
        -Djdk.attach.allowAttachSelf=true -Dio.netty.tryReflectionSetAccessible=true \
        -Dcassandra.config="file://$node/cassandra.yaml" -Dcassandra.storagedir="$node" -Dcassandra-foreground=yes \
        -Dcassandra.jmx.local.port="$(cat "$node/jmx")" -Dcassandra.superuser_setup_delay_ms=0 \
        -javaagent:"$cache/jamm-0.4.0.jar" \
        -cp "$node:$cache/*" org.apache.cassandra.service.CassandraDaemon >"$node/log" 2>&1 </dev/null &
    echo "$!" >"$node/pid"
}

# Until `$2...` succeeds, for a minute or two; node $1 must live meanwhile.
until_it() {
    node=$home/$1
    shift
    waited=0
    until "$@"; do
        if ! kill -0 "$(cat "$node/pid")" 2>/dev/null || [ "$waited" -ge 1200 ]; then
            grep -E 'ERROR|Exception' "$node/log" >&2 || tail -n 40 "$node/log" >&2
            fail "Cassandra did not start"
        fi
        sleep 0.1
        waited=$((waited + 1))
    done
}

# It says that it listens a moment before it does.
is_ready() {
    grep -qs 'Starting listening for CQL clients' "$home/$1/log" && answers "$(cat "$home/$1/host")"
}

lives() {
    kill -0 "$(cat "$home/$1/pid" 2>/dev/null)" 2>/dev/null
}

# How often each living node has said that this one is up.
sightings() {
    for other in $(seq "$count"); do
        if [ "$other" != "$1" ] && lives "$other"; then
            echo "$other $(grep -c "/$(cat "$home/$1/host"):$storage is now UP" "$home/$other/log")"
        fi
    done
}

# $2: what they had said before.
is_seen() {
    now=$(sightings "$1")
    for other in $(echo "$now" | cut -d' ' -f1); do
        if echo "$2" | grep -qx "$(echo "$now" | grep "^$other ")"; then return 1; fi
    done
}

start() {
    before=$(sightings "$1")
    launch "$1"
    until_it "$1" is_ready "$1"
    until_it "$1" is_seen "$1" "$before"
}

tell() {
    echo "$(cat "$home/$1/host"):$native $(cat "$home/$1/pid")"
}

finish() {
    for node in "$home"/*/pid; do
        server=$(cat "$node" 2>/dev/null) || continue
        kill -9 "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    done
    rm -rf "$home"
}

serve() {
    count=${1:-1}
    case $count in [1-8]) ;; *) fail "so many nodes are not served: $count" ;; esac
    java=$(find_java) || fail "no Java 17 (Debian: apt install openjdk-17-jre-headless, or set CASSANDRA_JAVA)"
    command -v python3 >/dev/null || fail "python3 is missing (Debian: apt install python3)"
    fetch
    if [ "$count" = 1 ]; then heap=${CASSANDRA_HEAP:-1g}; else heap=${CASSANDRA_HEAP:-512m}; fi
    home=$(mktemp -d "${TMPDIR:-/tmp}/rookery-cassandra.XXXXXX")
    trap finish EXIT
    trap 'exit 1' INT TERM HUP
    plan "$count" >"$home/plan" || exit 1
    number=0
    while read -r first second third; do
        if [ "$number" = 0 ]; then
            storage=$first native=$second
        else
            configure "$number" "$first" "$third"
            echo "$second" >"$home/$number/jmx"
        fi
        number=$((number + 1))
    done <"$home/plan"
    # One after another: the first is the one that the others ask who is there.
    for number in $(seq "$count"); do start "$number"; done
    for number in $(seq "$count"); do tell "$number"; done
    while read -r word number; do
        [ "$word" = again ] && [ -d "$home/$number" ] || fail "not understood: $word $number"
        wait "$(cat "$home/$number/pid")" 2>/dev/null || true
        start "$number"
        tell "$number"
    done
}

case "${1:-}" in
fetch) fetch ;;
java) find_java ;;
serve) serve "${2:-}" ;;
*) fail "usage: $0 serve [NODES] | fetch | java" ;;
esac
