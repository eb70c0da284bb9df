# Shared by the commands of this folder: where things are, and how a part is started and stopped.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Build results, kept between runs.
cache=${TESTBED_CACHE:-$here/../target/testbed}
# The running testbed: certificates, data, logs, and one folder per part.
dir=${TESTBED_DIR:-$cache/run}
# A file that marks the folder as a testbed.
marker=.managed-gitops-testbed
# The versions of the tools.
kustomize=v5.7.1
helm=v4.3.2
postgres_bin=${POSTGRES_BIN:-/usr/lib/postgresql/15/bin}

say() { echo "testbed: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

# wait_until SECONDS WHAT COMMAND…: checks every 0.1 s, and fails after SECONDS.
wait_until() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || fail "$what: not within its time; the logs are in $dir/parts/*/log"
    sleep 0.1
  done
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port NAME: a free port, the same for the life of this testbed. Below the range for outgoing
# connections, so that none of those can take it between the stop and the start of a part.
free_port() {
  local file=$dir/ports/$1 port
  if [ ! -f "$file" ]; then
    mkdir -p "$dir/ports"
    while :; do
      port=$((20000 + RANDOM % 12000))
      ! port_answers "$port" && ! grep -qsx "$port" "$dir"/ports/* && break
    done
    echo "$port" >"$file"
  fi
  cat "$file"
}

# define NAME COMMAND…: records how a part is started.
define() {
  local part=$dir/parts/$1
  shift
  mkdir -p "$part"
  printf 'exec %s\n' "$(printf '%q ' "$@")" >"$part/run"
}

# began PID: when the process started, as boot id and ticks since boot. With the pid it identifies
# the process uniquely, even after a reboot.
began() {
  echo "$(cat /proc/sys/kernel/random/boot_id) $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20)"
}

# is_running NAME: its file holds the pid and its start time.
is_running() {
  local pid moment
  read -r pid moment 2>/dev/null <"$dir/parts/$1/pid" || return 1
  [ "$(began "$pid")" = "$moment" ] && ! is_dead "$pid"
}

# is_dead PID: it may be a zombie, but no thread is left that could hold a port. The main thread is
# often gone before the others.
is_dead() {
  [ "$(ps -o stat= -p "$1" | cut -c1)" = Z ] && [ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l)" -le 1 ]
}

start_part() {
  local part=$dir/parts/$1
  [ -f "$part/run" ] || fail "no part is named $1; there are: $(ls "$dir/parts")"
  is_running "$1" && return
  # Its own session: an interrupt at the terminal must not reach it.
  setsid bash "$part/run" >>"$part/log" 2>&1 </dev/null &
  echo "$! $(began $!)" >"$part/pid"
}

# signal_part NAME SIGNAL
signal_part() {
  is_running "$1" || return 0
  # It may end at this very moment.
  kill "-$2" "$(cut -d' ' -f1 "$dir/parts/$1/pid")" 2>/dev/null || true
}

# stop_part NAME: with its preferred signal. On TERM, PostgreSQL would wait for every client.
stop_part() {
  local signal=TERM
  [ "$1" != postgres ] || signal=INT
  end_part "$1" $signal
}

# end_part NAME SIGNAL: sends the signal and waits until the part has ended.
end_part() {
  signal_part "$1" "$2"
  # A paused one receives no signal.
  signal_part "$1" CONT
  wait_until 60 "the end of $1" not_running "$1"
  rm -f "$dir/parts/$1/pid"
}

not_running() { ! is_running "$1"; }

# The version of the programs that `build` makes: a digest of their sources.
digest() { (cd "$here/$1" && cat main.go go.mod go.sum && go env GOVERSION) | sha256sum | cut -c1-16; }
binary() { echo "$cache/bin/$1-$(digest "$1")"; }

argocd_is_installed() { kubectl get appproject default -n gitops-service-argocd; }

# Argo CD's resources, and what it needs in its namespace.
install_argocd() {
  argocd_is_installed >/dev/null 2>&1 && return
  kubectl apply --server-side -f "$cache/argocd-crds-$(digest argocd)" >/dev/null
  # A new definition is not served immediately.
  wait_until 60 "Argo CD's resources" kubectl apply -f "$here/manifests/argocd.yaml"
}
