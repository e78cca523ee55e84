#!/usr/bin/env bash
# Installs the named versions of RabbitMQ, for the tests that run on each of SMARTSEND_TEST_BROKERS.
#
#   tests/tools/brokers.sh 3.10 4.0 4.3
#
# The version that this system packages is installed as usual. 4.0 and 4.3 are what newer Debians
# package: each gets a minimal Debian of its own (400 MB, half a minute) in a folder below the
# user's cache, which the tests enter with chroot. That takes root, on a Debian. What is already
# there is left alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/rabbitmq.sh
. deploy/rabbitmq.sh

# Prints the Debian that packages the version $1.
suite_of() {
  case $1 in
    4.0) printf 'trixie\n' ;;
    4.3) printf 'sid\n' ;;
    *) return 1 ;;
  esac
}

# Prints the full version that is installed below the folder $1, if any.
version_below() {
  local found
  for found in "$1"/usr/lib/rabbitmq/lib/rabbitmq_server-*; do
    if [ -d "$found" ]; then printf '%s\n' "${found##*-}"; fi
  done
}

# Prints the mirror that this machine takes its own Debian from.
mirror() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -n 1
}

install_apart() {
  local version=$1 suite=$2 cache=${XDG_CACHE_HOME:-$HOME/.cache}/smartsend/brokers
  local folder=$cache/$version found from
  found=$(version_below "$folder")
  if [ -z "$found" ]; then
    [ "$(id -u)" = 0 ] || die "RabbitMQ $version is installed in a Debian of its own, and making one takes root"
    command -v apt-get >/dev/null || die "RabbitMQ $version comes from a Debian mirror, and this system has no apt-get"
    apt-get update -qq >&2 || die "apt-get update failed, and RabbitMQ $version comes from a Debian mirror"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap >/dev/null ||
      die "debootstrap cannot be installed, and RabbitMQ $version needs it"
    from=$(mirror)
    [ -n "$from" ] || die "this system uses no Debian mirror, and RabbitMQ $version comes from one"
    say "Installing RabbitMQ $version from Debian $suite into $folder ..."
    rm -rf --one-file-system "$folder.new"
    mkdir -p "$cache"
    # A mount namespace of its own: whatever debootstrap mounts goes away with it, however it ends.
    unshare --mount --propagation private \
      debootstrap --variant=minbase --include=rabbitmq-server "$suite" "$folder.new" "$from" >"$folder.log" 2>&1 ||
      die "Debian $suite cannot be installed; see $folder.log"
    cp /etc/hosts "$folder.new/etc/hosts" # RabbitMQ 4.3 hangs without it
    found=$(version_below "$folder.new")
    case $found in
      "$version".*) ;;
      *) die "Debian $suite no longer packages RabbitMQ $version but ${found:-none};
replace $version in tests/tools/brokers.sh, .ci/run and deploy/test.sh" ;;
    esac
    rm -rf "$folder.new/var/cache/apt/archives" "$folder.new/var/lib/apt/lists"
    mv "$folder.new" "$folder"
  fi
  say "RabbitMQ $found is in $folder."
}

for version in "$@"; do
  if suite=$(suite_of "$version"); then
    install_apart "$version" "$suite"
  else
    rabbitmq_install
    case $(version_below "") in
      "$version".*) ;;
      *) die "this system packages RabbitMQ $(version_below ""), and this script cannot install $version;
choose other versions with SMARTSEND_TEST_BROKERS" ;;
    esac
  fi
done
