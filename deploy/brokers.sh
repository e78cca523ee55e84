#!/usr/bin/env bash
# Installs RabbitMQ of the versions named, for the tests that run on each of SMARTSEND_TEST_BROKERS.
#
#   deploy/brokers.sh 3.10 4.0 4.3
#
# The one that this system packages is installed as usual. 4.0 and 4.3 are what newer Debians
# package: each gets a minimal Debian of its own (400 MB, half a minute) in a folder below the
# user's cache, which the tests enter with chroot. Making and entering one takes root and a Debian.
# What is there already is left as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/rabbitmq.sh

# The Debian that packages a version.
suite_of() {
  case $1 in
    4.0) printf 'trixie\n' ;;
    4.3) printf 'sid\n' ;;
    *) return 1 ;;
  esac
}

# Prints the full version below the folder $1, if there is one.
version_below() {
  local found
  for found in "$1"/usr/lib/rabbitmq/lib/rabbitmq_server-*; do
    if [ -d "$found" ]; then printf '%s\n' "${found##*-}"; fi
  done
}

# The mirror that this machine takes its own Debian from.
mirror() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -n 1
}

install_apart() {
  local version=$1 suite=$2 cache=${XDG_CACHE_HOME:-$HOME/.cache}/smartsend/brokers
  local folder=$cache/$version found from
  found=$(version_below "$folder")
  if [ -z "$found" ]; then
    [ "$(id -u)" = 0 ] || die "RabbitMQ $version goes into a Debian of its own, and making one takes root"
    command -v apt-get >/dev/null || die "RabbitMQ $version comes from a Debian mirror, and this system has no apt-get"
    apt-get update -qq >&2 || die "the package lists cannot be had, and RabbitMQ $version comes from there"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap >/dev/null ||
      die "debootstrap cannot be installed, and RabbitMQ $version cannot be had without it"
    from=$(mirror)
    [ -n "$from" ] || die "this system takes no packages from a Debian mirror, and RabbitMQ $version comes from there"
    say "Installing RabbitMQ $version from Debian $suite into $folder ..."
    rm -rf --one-file-system "$folder.new"
    mkdir -p "$cache"
    # What debootstrap mounts is gone with its namespace, however it ends.
    unshare --mount --propagation private \
      debootstrap --variant=minbase --include=rabbitmq-server "$suite" "$folder.new" "$from" >"$folder.log" 2>&1 ||
      die "Debian $suite cannot be installed; see $folder.log"
    cp /etc/hosts "$folder.new/etc/hosts" # 4.3 waits for ever without it
    found=$(version_below "$folder.new")
    case $found in
      "$version".*) ;;
      *) die "Debian $suite has RabbitMQ ${found:-no more} now, and $version is not to be had from there;
put the new version into deploy/brokers.sh, .ci/run and the README in its place" ;;
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
      *) die "this system packages RabbitMQ $(version_below ""), and there is no way here to $version;
choose others with SMARTSEND_TEST_BROKERS" ;;
    esac
  fi
done
