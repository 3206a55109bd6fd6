#!/bin/sh
# Docker and an image named redis:7-alpine on a bare Debian, for machines that reach apt but no container registry.
#
# Run as root; safe to repeat. Afterwards `docker run redis:7-alpine` works, and so does testcontainers when the caller
# exports TESTCONTAINERS_RYUK_DISABLED=true (its own helper image, Ryuk, cannot be pulled here either).
#
# To stop a daemon that this script started: kill "$(cat /var/run/docker.pid)"
set -eu

image=redis:7-alpine
start_limit_seconds=60

say() { echo "docker-redis: $*"; }

install() {
  say "installing $*"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

[ "$(id -u)" = 0 ] || { say "must run as root" >&2; exit 1; }

# --- engine -----------------------------------------------------------------------------------------------------------

command -v dockerd >/dev/null || install docker.io iptables
# Newer Debian releases ship the command apart from the engine.
command -v docker >/dev/null || install docker-cli

if ! docker info >/dev/null 2>&1; then
  log=$(mktemp /tmp/dockerd.XXXXXX.log)
  # A session of its own: the daemon has to outlive this script and the terminal's Ctrl-C.
  setsid dockerd >"$log" 2>&1 </dev/null &
  daemon=$!
  say "starting dockerd, log in $log"
  waited=0
  until docker info >/dev/null 2>&1; do
    if ! kill -0 "$daemon" 2>/dev/null || [ "$waited" -ge "$start_limit_seconds" ]; then
      say "dockerd did not come up; the end of its log:" >&2
      tail -n 30 "$log" >&2
      kill "$daemon" 2>/dev/null || true
      exit 1
    fi
    sleep 1
    waited=$((waited + 1))
  done
fi

# --- image ------------------------------------------------------------------------------------------------------------

if docker image inspect "$image" >/dev/null 2>&1; then
  say "$image is there"
  exit 0
fi

command -v redis-server >/dev/null || install redis-server

root=$(mktemp -d /tmp/docker-redis-root.XXXXXX)
archive=$root.tar
trap 'rm -rf "$root" "$archive"' EXIT

# Copies a program to the same place under $root, and with it every shared library it loads. -L, because /bin and /lib
# are links on Debian and the image has no such links.
add_program() {
  program=$(command -v "$1")
  libraries=$(ldd "$program" | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }')
  # The list is split into words on purpose.
  # shellcheck disable=SC2086
  cp -L --parents "$program" $libraries "$root"
}

add_program redis-server
add_program redis-cli
add_program sh
add_program sleep
mkdir -p "$root/bin" "$root/usr/local/bin" "$root/data" "$root/tmp"
[ -e "$root/bin/sh" ] || cp -L /bin/sh "$root/bin/sh"
chmod 1777 "$root/tmp" "$root/data"

# The official image is built with protected mode off, however the server is started in it. This one gets the same
# by a wrapper that comes first on PATH.
server=$(command -v redis-server)
cat >"$root/usr/local/bin/redis-server" <<WRAPPER
#!/bin/sh
case "\${1-}" in
  -v | --version | -h | --help | --test-memory | --check-system) exec $server "\$@" ;;
  "" | -*) exec $server --protected-mode no "\$@" ;;
esac
configuration=\$1
shift
exec $server "\$configuration" --protected-mode no "\$@"
WRAPPER

# As in the official image: flags alone are for redis-server, any other command runs as it is.
cat >"$root/usr/local/bin/docker-entrypoint.sh" <<'ENTRYPOINT'
#!/bin/sh
case "${1-}" in
  "" | -* | *.conf) set -- redis-server "$@" ;;
esac
exec "$@"
ENTRYPOINT
chmod 755 "$root/usr/local/bin/redis-server" "$root/usr/local/bin/docker-entrypoint.sh"

# Not through a pipe, which would hide that tar failed.
tar -C "$root" -cf "$archive" .
docker import \
  --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' \
  --change 'WORKDIR /data' \
  --change 'EXPOSE 6379' \
  --change 'ENTRYPOINT ["docker-entrypoint.sh"]' \
  --change 'CMD ["redis-server"]' \
  "$archive" "$image" >/dev/null
say "made $image from $server ($(redis-server --version | cut -d' ' -f3))"
