#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# docker/compose.yaml without compose: the image as it is, run as two daemons,
# two workers, with everything the file says of them, behind haproxy with
# docker/haproxy.cfg and with PostgreSQL and a password. One of each is killed,
# while jobs run and clients ask. Needs root, podman, haproxy and PostgreSQL of
# Debian's; haproxy and PostgreSQL run here, not in containers.
#
#   tests/packaging/compose.sh TAG
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:?usage: tests/packaging/compose.sh TAG}
if [[ -d .ctr ]]; then
    export CONTAINERS_CONF=$PWD/.ctr/containers.conf
    export CONTAINERS_STORAGE_CONF=$PWD/.ctr/storage.conf
fi
engine() { podman --log-level fatal "$@"; }
say() { printf 'ok    %s\n' "$*"; }
die() {
    printf 'FAIL  %s\n' "$*"
    for name in "${names[@]}"; do
        engine logs "$name" 2>&1 | tail -n 5 | sed "s/^/      $name | /"
    done
    tail -n 5 "$work/haproxy.log" | sed 's/^/      haproxy | /'
    exit 1
}

work=$(mktemp -d /tmp/lipschitzd-compose-XXXXXX)
chmod 755 "$work"
net=lipschitzd-$$
names=() haproxy=
cleanup() {
    for name in "${names[@]}"; do
        engine rm -f -v "$name" >/dev/null 2>&1 || true
    done
    [[ -z $haproxy ]] || kill "$haproxy" 2>/dev/null || true
    database stop >/dev/null 2>&1 || true
    engine network rm "$net" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

# --- the database
programs=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
port=$((20000 + RANDOM % 5000))
password=$(head -c 12 /dev/urandom | base64 | tr -d '/+=')
as_postgres() {
    setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
}
database() { # start, stop or kill
    local verb=$1 how=fast
    [[ $verb != kill ]] || verb=stop how=immediate
    as_postgres "$programs/pg_ctl" -D "$work/pg/data" -w -m $how \
        -l "$work/pg/log" \
        -o "-c listen_addresses='*' -c port=$port -k $work/pg" "$verb" \
        >/dev/null
}
make_database() {
    install -d -o postgres "$work/pg"
    echo "$password" >"$work/pg/password"
    chown postgres "$work/pg/password"
    as_postgres "$programs/initdb" -D "$work/pg/data" -U lipschitzd \
        -A scram-sha-256 --pwfile="$work/pg/password" --no-sync >/dev/null
    echo "host all all 0.0.0.0/0 scram-sha-256" >>"$work/pg/data/pg_hba.conf"
    database start
    PGPASSWORD=$password as_postgres "$programs/psql" -q -h "$work/pg" \
        -p "$port" -U lipschitzd postgres -c 'CREATE DATABASE lipschitzd'
}

# --- containers, as the file has them
run() { # NAME SERVICE
    local arguments
    mapfile -t arguments < <(python3 tests/packaging/compose.py "$2" \
        POSTGRES_PASSWORD="$password")
    # A lease that this test can wait for, and where the database is.
    engine run -d --name "$1" --network "$net" --add-host "database:$gateway" \
        --env "PGPORT=$port" --env LIPSCHITZD_LEASE=5 "${arguments[@]}" \
        >/dev/null || die "$1 starts"
}
healthy() { # NAME: by the image's own health check
    for _ in {1..150}; do
        ! engine healthcheck run "$1" >/dev/null 2>&1 || return 0
        sleep 0.2
    done
    die "$1 is healthy"
}

# --- the load balancer
balancer=$((25000 + RANDOM % 5000))
url=http://127.0.0.1:$balancer
start_balancer() {
    sed "s/127.0.0.11:53/$gateway:53/; s/bind :8080/bind 127.0.0.1:$balancer/" \
        docker/haproxy.cfg >"$work/haproxy.cfg"
    haproxy -f "$work/haproxy.cfg" >"$work/haproxy.log" 2>&1 &
    haproxy=$!
}
await() { # SECONDS STATUS PATH
    local code
    for ((i = 0; i < 5 * $1; i++)); do
        code=$(curl -s -o /dev/null -m 5 -w '%{http_code}' "$url$3" || true)
        [[ $code != "$2" ]] || return 0
        sleep 0.2
    done
    die "GET $3 is answered $2, not $code, within $1 s"
}

# --- jobs
submit() { # EPOCHS: the id
    curl -fsS -m 30 "$url/train" -H 'Content-Type: application/json' -d '{
        "dataset": {"generate": "two-moons", "samples": 1000, "noise": 0.1,
                    "seed": 3}, "task": "classification",
        "model": {"layers": [{"type": "dense", "units": 64},
                             {"type": "relu"}, {"type": "dense", "units": 2}]},
        "constraint": {"method": "projection", "norm": 2, "lipschitz": 1.5},
        "epochs": '"$1"', "batch_size": 50, "seed": 1}' |
        sed -nE 's/.*"id": ?"([0-9a-f]+)".*/\1/p'
}
member() { # ID NAME
    curl -s -m 30 "$url/jobs/$1" |
        grep -oE "\"$2\": ?\"[^\"]*\"" | head -n 1 | cut -d'"' -f4
}
await_state() { # ID STATE SECONDS
    for ((i = 0; i < 5 * $3; i++)); do
        [[ $(member "$1" state) != "$2" ]] || return 0
        sleep 0.2
    done
    die "the job $1 is $2, not $(member "$1" state), within $3 s"
}

engine network create "$net" >/dev/null
gateway=$(engine network inspect "$net" |
    sed -nE 's/.*"gateway": "([0-9.]+)".*/\1/p')
make_database
for service in serve worker; do
    for number in 1 2; do
        names+=("$net-$service-$number")
        run "$net-$service-$number" $service
    done
done
start_balancer
await 60 200 /readyz
for name in "${names[@]}"; do
    healthy "$name"
done
say "two daemons and two workers of $tag are healthy, with a read-only root"
[[ $(engine exec "${names[0]}" lipschitzd --version) == lipschitzd* ]]

calm=$(submit 300)
await_state "$calm" succeeded 120
say "a job that came through the load balancer ends"

# A client that asks all the time, while one of each is killed.
(
    trap 'exit 0' TERM
    while :; do
        curl -s -o /dev/null -m 10 -w '%{http_code}\n' "$url/jobs/$calm" || true
    done
) >"$work/answers" &
asks=$!
long=$(submit 3000)
await_state "$long" running 60
owner=$(for name in "${names[@]:2}"; do
    ! engine logs "$name" 2>&1 | grep job-start | grep -q "$long" ||
        echo "$name"
done)
[[ -n $owner ]] || die "a worker says that it runs the job"
sleep 4
engine kill -s KILL "$owner" >/dev/null
engine kill -s KILL "${names[0]}" >/dev/null
await_state "$long" succeeded 200
kill "$asks"
wait "$asks" 2>/dev/null || true
say "a daemon and the worker at the job are killed; the other one ends it"
total=$(wc -l <"$work/answers")
bad=$(grep -cvx 200 "$work/answers" || true)
((total > 20 && bad * 20 <= total)) ||
    die "the load balancer answers: $bad of $total were not 200"
say "the load balancer answered $((total - bad)) of $total requests meanwhile"

again=$(submit 3000)
for name in "$owner" "${names[0]}"; do
    engine start "$name" >/dev/null
    healthy "$name"
done
await_state "$again" succeeded 200
[[ $(member "$again" model_id) == "$(member "$long" model_id)" ]] ||
    die "the model is the same"
say "they come back, and the job has the model of one that nobody disturbs"

database kill
await 30 503 /readyz
database start
await 30 200 /readyz
await 30 200 "/jobs/$long"
say "the database is killed and started: daemons unready, then ready again"

for name in "${names[@]}"; do
    engine stop -t 40 "$name" >/dev/null
    code=$(engine inspect "$name" --format '{{.State.ExitCode}}')
    [[ $code == 0 ]] || die "SIGTERM ends $name with status 0, not $code"
done
say "SIGTERM ends all with status 0"
