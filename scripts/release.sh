#!/usr/bin/env bash
# scripts/release.sh [FOLDER]: the release build, twice, from two copies of this commit in folders of different length, with
# target folders of their own. Both must give the same bytes. FOLDER (default: target/release-files) then holds the program,
# its SHA256SUMS, and with `cargo install cargo-cyclonedx` its parts list (SBOM) as rdpwhy.cdx.json.
# Exit status: 0 the same bytes, 1 not.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "${1:-target/release-files}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
commit=$(git rev-parse HEAD)

# Where the sources lie is part of every panic message and of the debug information, unless it is replaced.
build() {
    local folder=$work/$1
    git clone --quiet --no-local . "$folder"
    git -C "$folder" checkout --quiet "$commit"
    local flags="--remap-path-prefix=$folder=/rdpwhy --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
    (cd "$folder" && CARGO_TARGET_DIR="$folder/target" RUSTFLAGS="$flags" CARGO_INCREMENTAL=0 \
        SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) cargo build --release --locked --quiet -p rdpwhy)
    sha256sum <"$folder/target/release/rdpwhy" | cut -d ' ' -f 1
}

one=$(build one)
other=$(build another-folder-with-a-longer-name)
printf 'commit %s, %s\n%s\n%s\n' "$commit" "$(rustc --version)" "$one" "$other"
if [[ $one != "$other" ]]; then
    echo 'the two builds differ' >&2
    exit 1
fi
mkdir -p "$out"
cp "$work/one/target/release/rdpwhy" "$out/"
if cargo cyclonedx --version >/dev/null 2>&1; then
    (cd "$work/one" && cargo cyclonedx --quiet --format json --manifest-path cli/Cargo.toml --override-filename rdpwhy.cdx)
    # Where it was built is nobody's part.
    sed "s|$work/one|/rdpwhy|g" "$work/one/cli/rdpwhy.cdx.json" >"$out/rdpwhy.cdx.json"
else
    echo 'no parts list: cargo install cargo-cyclonedx' >&2
fi
(cd "$out" && sha256sum -- * | grep -v ' SHA256SUMS$' >SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
cat "$out/SHA256SUMS"
