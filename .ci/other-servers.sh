#!/bin/sh
# Redis 8.0 and Valkey 8.1 beside the server of this Debian, from the packages of the next one: nothing is installed.
#
#   .ci/other-servers.sh FOLDER     FOLDER/redis-8.0/redis-server and FOLDER/valkey-8.1/redis-server, to be put first on the PATH
#
# Run as root, for the package lists that apt signs. Safe to repeat; changes nothing outside of FOLDER.
set -eu

release=trixie
folder=$(mkdir -p "$1" && cd "$1" && pwd)
[ -x "$folder/redis-8.0/redis-server" ] && [ -x "$folder/valkey-8.1/redis-server" ] && exit 0

packages=$folder/packages
mkdir -p "$packages/lists/partial" "$packages/cache/archives/partial" "$packages/files" "$folder/root"
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' \
  /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -n 1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" >"$packages/sources.list"

# apt with lists of its own, and as if nothing were installed: so it names the libraries that the servers need, too.
apt() {
  apt-get -o Dir::Etc::sourcelist="$packages/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$packages/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$packages/cache" \
    -o APT::Install-Recommends=false -o APT::Sandbox::User=root -qq "$@"
}
apt update
needed=$(apt -s install valkey-server redis-server 2>/dev/null | awk '/^Inst/ { print $2 }')
# shellcheck disable=SC2086 -- each word is a package
(cd "$packages/files" && apt download $needed)
for file in "$packages"/files/*.deb; do dpkg -x "$file" "$folder/root"; done
rm -rf "$packages"

# Each runs with the libraries, and the loader, that it was built for.
libraries=$folder/root/usr/lib/$(uname -m)-linux-gnu
loader=$(find "$libraries" -maxdepth 1 -name 'ld-linux*.so.*' | head -n 1)
for server in redis-8.0:redis-server valkey-8.1:valkey-server; do
  mkdir -p "$folder/${server%%:*}"
  program=$folder/${server%%:*}/redis-server
  printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' \
    "$loader" "$libraries:$folder/root/usr/lib" "$folder/root/usr/bin/${server#*:}" >"$program"
  chmod +x "$program"
  "$program" --version
done
