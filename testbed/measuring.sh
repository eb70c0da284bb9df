# Shared by the commands that measure: a testbed of their own, the program on it, and
# runs of `load`. The caller sets `root` and `results`.
# shellcheck shell=bash

# Never a testbed in use: this one is emptied and stopped.
export TESTBED_DIR=${MEASURE_DIR:-/tmp/managed-gitops-measure}
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=${MEASURE_PROGRAM:-$root/target/release/managed-gitops}
pid=""

step() { say "$(date +%T) $*"; }

# begin NAME COMMAND…: starts the program under test, and waits for a word in its log.
begin() {
  local name=$1 word=$2
  shift 2
  "$@" >"$results/$name.log" 2>&1 &
  pid=$!
  wait_until 60 "$name" grep -q "$word" "$results/$name.log"
}

end() {
  kill -TERM "$pid"
  wait "$pid" || true
  pid=""
}

metrics_port=""
# What environments need: a key that seals their credentials, for as long as this command runs, and
# that the program may connect to the API server, which is on loopback here.
SEALING_KEYS="measure=$(head -c 32 /dev/urandom | base64)"
export SEALING_KEYS TENANT_SERVERS_ALLOW=127.0.0.0/8
begin_program() {
  metrics_port=$(free_port metrics)
  begin program "this replica acts" env LISTEN="127.0.0.1:$metrics_port" "$program" all
  wait_until 60 "the program" curl -sf "http://127.0.0.1:$metrics_port/readyz"
}

fresh_database() {
  PGOPTIONS='-c client_min_messages=warning' PGPASSWORD=testbed psql -q -h 127.0.0.1 -p "$(free_port postgres)" -U postgres \
    -c 'DROP DATABASE IF EXISTS measured WITH (FORCE)' -c 'CREATE DATABASE measured'
  export DATABASE_URL="${server_url/\/postgres\?//measured?}"
}

# load NAME OPTION…: one run; its report is kept under the name.
load() {
  local name=$1
  shift
  "$program" load --log warn --output json "$@" >"$results/$name.json" 2>"$results/$name.errors" ||
    fail "load $name failed: $(tail -n 3 "$results/$name.errors")"
}
with_metrics() { load "$@" --metrics "http://127.0.0.1:$metrics_port"; }

# Waits until the program is idle. Without reports, statuses are written ten seconds after
# everything else.
quiet() {
  local before=- now
  until [ "$before" = "${now:=$(metrics | statements)}" ]; do
    before=$now now=""
    sleep 20
  done
}
metrics() { curl -sf "http://127.0.0.1:$metrics_port/metrics"; }
# statements: from the program's metrics.
statements() { awk '$1 == "gitops_statements_total" { print $2 }'; }

# figure NAME PATH: from one run's report, with three digits.
figure() { jq -r "$2 // \"-\" | if type == \"number\" then (. * 100 | round / 100) else . end" "$results/$1.json"; }
argocd_applications=argoproj.io/v1alpha1/namespaces/gitops-service-argocd/applications
# count PATH: how many objects exist, without reading them.
count() {
  kubectl get --raw "/apis/$1?limit=1" | jq '(.items | length) + (.metadata.remainingItemCount // 0)'
}

# An empty testbed. Argo CD does not run: `load` reports in its place.
begin_testbed() {
  say "measuring $("$program" --version), built $(date -r "$program" '+%F %T')"
  "$here/up" --without-argocd >/dev/null
  . "$dir/environment"
  server_url=$DATABASE_URL
  install_argocd
  mkdir -p "$results"
  "$program" crds | kubectl apply --server-side -f - >/dev/null
  kubectl wait --for=condition=Established crd/gitopsdeployments.managed-gitops.redhat.com >/dev/null
}
