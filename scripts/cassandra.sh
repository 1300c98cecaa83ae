#!/bin/sh
# Starts an Apache Cassandra 5.0.6 of one node on free ports of 127.0.0.1, for tests:
#
#   scripts/cassandra.sh serve     prints its address, then runs until its input ends (or it is interrupted)
#   scripts/cassandra.sh fetch     only sees to it that its jars are there
#   scripts/cassandra.sh java      prints the Java that it would run under; fails if there is none
#
# Its data lives in a folder of its own that goes with it. The jars (scripts/cassandra.jars: SHA-256 and path) come from
# Maven Central once, into ${XDG_CACHE_HOME:-$HOME/.cache}/rookery; it runs under Java 17 (Debian: openjdk-17-jre-headless).
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

free_ports() {
    python3 - <<'PYTHON'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*[s.getsockname()[1] for s in held])
PYTHON
}

answers() {
    python3 -c "import socket; socket.create_connection(('127.0.0.1', $1), 1)" 2>/dev/null
}

configure() {
    cat >"$home/cassandra.yaml" <<YAML
cluster_name: rookery-test
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
num_tokens: 1
listen_address: 127.0.0.1
rpc_address: 127.0.0.1
storage_port: $1
native_transport_port: $2
start_native_transport: true
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "127.0.0.1:$1"
data_file_directories:
  - $home/data
commitlog_directory: $home/commitlog
saved_caches_directory: $home/caches
hints_directory: $home/hints
cdc_raw_directory: $home/cdc
commitlog_sync: periodic
commitlog_sync_period: 10s
memtable_allocation_type: heap_buffers
disk_access_mode: standard
auto_snapshot: false
YAML
    cat >"$home/logback.xml" <<'XML'
<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %date{HH:mm:ss,SSS} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="OUT" /></root>
</configuration>
XML
}

launch() {
    java=$1
    shift
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
    "$java" "$@" -Xms512m -Xmx"${CASSANDRA_HEAP:-1g}" -XX:+UseSerialGC \
        -Djdk.attach.allowAttachSelf=true -Dio.netty.tryReflectionSetAccessible=true \
        -Dcassandra.config="file://$home/cassandra.yaml" -Dcassandra.storagedir="$home" -Dcassandra-foreground=yes \
        -Dcassandra.jmx.local.port="$jmx" -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=0 \
        -Dcassandra.superuser_setup_delay_ms=0 -javaagent:"$cache/jamm-0.4.0.jar" \
        -cp "$home:$cache/*" org.apache.cassandra.service.CassandraDaemon >"$home/log" 2>&1 </dev/null &
    server=$!
}

finish() {
    if [ -n "$server" ]; then
        kill -9 "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$home"
}

serve() {
    java=$(find_java) || fail "no Java 17 (Debian: apt install openjdk-17-jre-headless, or set CASSANDRA_JAVA)"
    command -v python3 >/dev/null || fail "python3 is missing (Debian: apt install python3)"
    fetch
    home=$(mktemp -d "${TMPDIR:-/tmp}/rookery-cassandra.XXXXXX")
    server=
    trap finish EXIT
    trap 'exit 1' INT TERM HUP
    ports=$(free_ports)
    read -r storage native jmx <<PORTS
$ports
PORTS
    configure "$storage" "$native"
    launch "$java"
    waited=0
    # It says that it listens a moment before it does.
    until grep -qs 'Starting listening for CQL clients' "$home/log" && answers "$native"; do
        if ! kill -0 "$server" 2>/dev/null || [ "$waited" -ge 1200 ]; then
            tail -n 40 "$home/log" >&2
            fail "Cassandra did not start"
        fi
        sleep 0.1
        waited=$((waited + 1))
    done
    echo "127.0.0.1:$native"
    cat >/dev/null
}

case "${1:-}" in
fetch) fetch ;;
java) find_java ;;
serve) serve ;;
*) fail "usage: $0 serve | fetch | java" ;;
esac
