# Functions that install RabbitMQ and run private nodes of it, apart from the system's own service.
# The other scripts source this file.
# shellcheck shell=bash

RABBITMQ_OLDEST=3.10 # the first whose quorum queues have message TTL and at-least-once dead lettering

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Fails if the version $1 is too old for the topology.
rabbitmq_check_version() {
  local version=$1
  [ "$(printf '%s\n%s\n' "$RABBITMQ_OLDEST" "$version" | sort -V | head -n 1)" = "$RABBITMQ_OLDEST" ] ||
    die "RabbitMQ $version is too old: smartsend needs $RABBITMQ_OLDEST or newer"
}

# Installs Debian's package, and keeps its service from starting, now and at the next boot.
rabbitmq_install() {
  if [ ! -x /usr/lib/rabbitmq/bin/rabbitmq-server ]; then
    command -v apt-get >/dev/null || die "RabbitMQ is not installed, and there is no apt-get to install it;
install rabbitmq-server, or set SMARTSEND_BROKER__URLS to a broker of yours"
    local root=()
    if [ "$(id -u)" != 0 ]; then
      command -v sudo >/dev/null || die "installing rabbitmq-server takes root; install it yourself, or set SMARTSEND_BROKER__URLS to a broker of yours"
      root=(sudo)
    fi
    say "Installing rabbitmq-server from this system's packages ..."
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e "$policy" ]; then
      printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
      "${root[@]}" chmod 755 "$policy"
      made=yes
    fi
    local installed=0
    { "${root[@]}" apt-get update -qq &&
      "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rabbitmq-server; } \
      >/dev/null || installed=$?
    [ -z "$made" ] || "${root[@]}" rm -f "$policy"
    [ "$installed" = 0 ] || die "rabbitmq-server could not be installed (apt-get ended with $installed)"
    if command -v systemctl >/dev/null; then
      "${root[@]}" systemctl disable --quiet rabbitmq-server 2>/dev/null || true
    fi
  fi
  local version
  version=$(dpkg-query -W -f '${Version}' rabbitmq-server 2>/dev/null) || version=
  [ -z "$version" ] || rabbitmq_check_version "${version%%-*}"
  say "RabbitMQ ${version:-(version unknown)} is installed."
}

# Prints a free TCP port.
free_port() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 20000))
    # The distribution port of RabbitMQ is 20000 above its own.
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { printf '%s\n' "$port"; return; }
  done
  die "found no free port"
}

# Sets the environment of a private node in the folder $1, with a name, ports and an epmd of its own.
rabbitmq_environment() {
  local folder=$1
  [ -f "$folder/ports" ] || printf 'NODE=%s\nDIST=%s\nEPMD=%s\n' "$(free_port)" "$(free_port)" "$(free_port)" >"$folder/ports"
  # shellcheck disable=SC1091
  . "$folder/ports"
  export HOME="$folder" ERL_EPMD_PORT="$EPMD" ERL_EPMD_ADDRESS=127.0.0.1
  export RABBITMQ_CONF_ENV_FILE="$folder/none" RABBITMQ_ENABLED_PLUGINS_FILE="$folder/plugins"
  export RABBITMQ_MNESIA_BASE="$folder/data" RABBITMQ_LOG_BASE="$folder/log"
  export RABBITMQ_NODENAME=smartsend-private@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
  export RABBITMQ_NODE_PORT="$NODE" RABBITMQ_DIST_PORT="$DIST"
  export RABBITMQ_CONFIG_FILE="$folder/node.conf" RABBITMQ_PID_FILE="$folder/node.pid"
  # Not /usr/sbin: the wrappers there switch to the user rabbitmq and write below /var.
  export PATH="/usr/lib/rabbitmq/bin:$PATH"
}

# Starts the private node in the folder $1, and prints its port once it accepts connections.
rabbitmq_start() {
  local folder=$1
  mkdir -p "$folder"
  (
    rabbitmq_environment "$folder"
    printf '[].\n' >"$folder/plugins"
    {
      printf 'loopback_users = none\nlog.console = false\ndisk_free_limit.absolute = 50MB\n'
      # An intent has at most 64 KiB, and the worker may have to hold a whole prefetch of the largest.
      printf 'max_message_size = 1048576\n'
    } >"$folder/node.conf"
    setsid rabbitmq-server >"$folder/node.out" 2>&1 </dev/null &
    { rabbitmqctl -n "$RABBITMQ_NODENAME" wait "$folder/node.pid" --timeout 60 &&
      rabbitmqctl -n "$RABBITMQ_NODENAME" await_startup --timeout 60; } >"$folder/wait.out" 2>&1 ||
      die "the private RabbitMQ node did not start; see $folder/node.out and $folder/log"
    printf '%s\n' "$RABBITMQ_NODE_PORT"
  )
}

# Stops the private node in the folder $1, and its epmd.
rabbitmq_stop() {
  (
    rabbitmq_environment "$1"
    rabbitmqctl -n "$RABBITMQ_NODENAME" stop "$RABBITMQ_PID_FILE" >/dev/null 2>&1
    epmd -port "$ERL_EPMD_PORT" -kill >/dev/null 2>&1
  ) || true
}

# Prints the version that the broker at the address $1 names in its greeting (AMQP 0-9-1, 1.4.2.1).
rabbitmq_version_at() {
  local address=${1#*://}
  address=${address##*@}
  address=${address%%[/?]*}
  local host=${address%:*} port=5672
  [ "$host" = "$address" ] || port=${address##*:}
  # The broker sends its greeting and then waits for an answer, so a timeout ends the reading.
  bash -c '
    exec 3<>"/dev/tcp/$0/$1" && printf "AMQP\0\0\011\001" >&3 && timeout 1 cat <&3 | tr -c "[:print:]" "\n"
  ' "$host" "$port" 2>/dev/null | sed -n '/^version/,$p' | grep -m 1 -oE '[0-9]+\.[0-9]+(\.[0-9]+)?'
}
