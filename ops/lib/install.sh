# What `ops/up` and `ops/test` share: installing what is missing, building the dashboard. Sourced from the repository's top.
# shellcheck shell=bash

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# need COMMAND HINT: ends with the hint when the command is missing.
need() { command -v "$1" >/dev/null 2>&1 || die "$2"; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# apt_install PACKAGE...: with apt-get, as root or through sudo; fails where there is no apt-get.
apt_install() {
  command -v apt-get >/dev/null 2>&1 || return 1
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1 || return 1
  say "installing $*"
  as_root apt-get update -qq </dev/null || true
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}

# What builds the C that some crates bring: the allocator, compression, TLS.
install_build_tools() {
  if command -v cc >/dev/null 2>&1 && command -v make >/dev/null 2>&1; then return; fi
  apt_install build-essential || die "a C compiler and make are missing: build-essential on Debian, xcode-select --install on macOS"
}

install_nats_server() {
  command -v nats-server >/dev/null 2>&1 && return
  # Debian puts it where only root's PATH looks.
  for directory in /usr/sbin /usr/local/sbin; do
    if [ -x "$directory/nats-server" ]; then PATH="$PATH:$directory"; return; fi
  done
  if apt_install nats-server; then
    PATH="$PATH:/usr/sbin"
    # The package starts a service on our port; ours is a child of tidewatch.
    if command -v systemctl >/dev/null 2>&1; then as_root systemctl disable --now nats-server >/dev/null 2>&1 || true; fi
    return
  fi
  case "$(uname -s)" in
    Darwin) die "nats-server is missing: brew install nats-server" ;;
    *) die "nats-server is missing: install it from https://nats.io/download, or use a server of yours with --nats-url" ;;
  esac
}

# With what a stage ends that could not be run for want of a tool.
SKIPPED=77

# python_tools NAME: an environment of Python in target/NAME with what ops/NAME/requirements.txt pins. Fails with a word where there is no Python
# with venv, or no package index.
python_tools() {
  local home=$PWD/target/$1 wanted
  # its programs hold the place where they were installed
  wanted="$(cksum <"ops/$1/requirements.txt") $home"
  [ "$(cat "$home/wanted" 2>/dev/null)" != "$wanted" ] || return 0
  say "installing $1"
  rm -rf "$home"
  # Debian has Python without what makes environments.
  if { python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3 python3-venv; } &&
    python3 -m venv "$home" &&
    "$home/bin/pip" install -q --disable-pip-version-check --retries 2 --timeout 20 -r "ops/$1/requirements.txt"; then
    printf '%s' "$wanted" >"$home/wanted"
    return 0
  fi
  echo "SKIPPED: $1 could not be installed (it needs python3 with venv, and a package index)" >&2
  return 1
}

# Builds src/dashboard/dist when a source is newer than it.
build_dashboard() {
  [ -f src/dashboard/package.json ] || return 0
  local dist=src/dashboard/dist/index.html
  if [ -f "$dist" ]; then
    local newer
    newer=$(find src/dashboard -path src/dashboard/node_modules -prune -o -path src/dashboard/dist -prune -o -type f -newer "$dist" -print | head -n 1)
    [ -n "$newer" ] || return 0
  fi
  need npm "Node is missing: Node 20 or newer with npm builds the dashboard (https://nodejs.org)"
  say "building the dashboard"
  install_node_modules src/dashboard
  (cd src/dashboard && npm run build </dev/null >&2)
  [ -f "$dist" ] || die "the dashboard's build left no $dist"
  touch "$dist"
}

# npm ci where the lock file is newer than what it installed.
install_node_modules() {
  [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && return
  (cd "$1" && npm ci --no-audit --no-fund </dev/null >&2)
}
