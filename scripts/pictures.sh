#!/usr/bin/env bash
# Makes the pictures of README.md from fixtures/showcase: the answer on a terminal, and the report in a browser.
# Needs node, chromium, and playwright-core (npm ci --prefix tests/browser).
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet --package rdpwhy
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rdpwhy=${CARGO_TARGET_DIR:-target}/debug/rdpwhy
# Its status says that connections failed, which is what the case is for.
"$rdpwhy" diagnose fixtures/showcase --color always >"$work/answer.txt" || [[ $? == 1 ]]
"$rdpwhy" report fixtures/showcase -o "$work/report.html" || [[ $? == 1 ]]
node tests/browser/pictures.mjs "$work/answer.txt" "$work/report.html" docs/pictures
ls -l docs/pictures
