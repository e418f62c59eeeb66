#!/usr/bin/env bash
# Sends what docs/openapi.json allows, and what it does not allow, to a real server that holds all of WASI 0.2. The
# answers must be documented: no 5xx, no other status, content type, header or shape.
#
# SECONDS_MAX bounds a run. Without a package index to install schemathesis from, it is skipped; with CI=true it fails.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
seconds_max=${SECONDS_MAX:-60}
venv=$root/target/schemathesis

install() {
    cmp -s "$here/requirements.txt" "$venv/installed" && return
    python3 -m venv --clear "$venv" && "$venv/bin/pip" install -q -r "$here/requirements.txt" &&
        cp "$here/requirements.txt" "$venv/installed"
}

if ! install; then
    [ "${CI:-}" = true ] && { echo "schemathesis cannot be installed"; exit 1; }
    echo "SKIPPED: schemathesis cannot be installed (python3 with venv, and a package index, are needed)"
    exit 0
fi

cd "$root"
cargo build --locked -q -p registry-server -p registry-cli
work=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

mkfifo "$work/stdout"
target/debug/registry-server --listen 127.0.0.1:0 --data-dir "$work/data" >"$work/stdout" 2>"$work/log" &
server=$!
read -r REGISTRY_URL <"$work/stdout"
export REGISTRY_URL

REGISTRY_TOKEN=$(cat "$work/data/admin-token")
export REGISTRY_TOKEN
for namespace in wasi demo; do target/debug/registry --quiet namespace claim $namespace >/dev/null; done

wasi=$(cargo metadata --locked --format-version 1 | python3 -c '
import json, os, sys
packages = [package for package in json.load(sys.stdin)["packages"] if package["name"] == "wasip2"]
newest = max(packages, key=lambda package: [int(part) for part in package["version"].split("+")[0].split(".")])
print(os.path.join(os.path.dirname(newest["manifest_path"]), "wit/deps"))')
target/debug/registry --quiet publish "$wasi/http.wit" --deps "$wasi" --with-deps
python3 "$here/component.py" "$(sed -n 's/^package wasi:random@\(.*\);/\1/p' "$wasi/random.wit")" >"$work/seeded.wasm"
target/debug/registry --quiet publish "$work/seeded.wasm" --as demo:seeded@1.0.0

cd "$work"
ask() {
    SCHEMATHESIS_HOOKS=hooks PYTHONPATH=$here "$venv/bin/st" run "$REGISTRY_URL/openapi.json" \
        --seed 20 --warnings off --checks "$(paste -sd, "$here/checks.txt")" "$@"
}
echo "== without a token"
ask --max-time $((seconds_max / 3))
echo "== with a token of all scopes"
ask --max-time $((seconds_max * 2 / 3)) --header "Authorization: Bearer $REGISTRY_TOKEN"

kill -0 "$server" || { echo "the server did not survive:"; tail -20 "$work/log"; exit 1; }
if grep -q " ERROR " "$work/log"; then
    echo "the server logged errors:"
    grep " ERROR " "$work/log"
    exit 1
fi
