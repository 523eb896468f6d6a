#!/usr/bin/env bash
# The Rust crate tendermint-config and the configuration that `cometbft init` writes.
#
# Expected: tendermint-config 0.41.0, of the crates for "Tendermint and CometBFT" whose RPC side knows 0.34, 0.37 and
#           0.38, reads the config.toml of a CometBFT v0.38 node.
# Seen:     it refuses the file: its structs want `upnp` in [p2p], `fast_sync` at the top and a table [fastsync], which
#           CometBFT writes no more. Each is found only when the one before has been written back in; with all three the
#           file is read. The node's key is read without complaint.
# Matters:  a tool in Rust that takes its settings from the node's own file works until the node is set up anew. CometBFT
#           ignores keys that it does not know, so the three can stay in the file for the tool's sake. Whoever reads
#           these files should treat every key as optional, as CometBFT itself does.
#
# Needs: go, python3, cargo. Takes about two minutes.
set -euo pipefail

comet=github.com/cometbft/cometbft@v0.38.26
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "building $comet"
export GOFLAGS="-mod=mod -buildvcs=false"
source_dir=$(timeout 120 go mod download -json "$comet" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
cp -r "$source_dir" source
chmod -R u+w source
(cd source && timeout 240 go build -o "$work/cometbft" ./cmd/cometbft)
timeout 20 ./cometbft init --home home > init.log

echo "building against tendermint-config 0.41.0"
mkdir -p reads/src
cat > reads/Cargo.toml <<'T'
[package]
name = "reads"
version = "0.0.0"
edition = "2021"

[dependencies]
tendermint-config = "=0.41.0"

[profile.dev]
debug = false
incremental = false
T
cat > reads/src/main.rs <<'R'
use std::fs::read_to_string;
use tendermint_config::{NodeKey, TendermintConfig};

// The error of the toml crate has the place first and the reason last.
fn reason(text: String) -> String {
    text.trim().lines().last().unwrap_or("").to_string()
}

fn main() {
    let written = read_to_string("home/config/config.toml").unwrap();
    let upnp = written.replace("[p2p]\n", "[p2p]\nupnp = false\n");
    let flag = format!("fast_sync = true\n{upnp}");
    let table = format!("{flag}\n[fastsync]\nversion = \"v0\"\n");
    for (what, text) in [("as written", &written), ("with upnp", &upnp), ("and fast_sync", &flag), ("and [fastsync]", &table)] {
        match TendermintConfig::parse_toml(text) {
            Ok(read) => println!("config.toml {what}: read, moniker {}", read.moniker),
            Err(error) => println!("config.toml {what}: {}", reason(error.to_string())),
        }
    }
    match NodeKey::parse_json(read_to_string("home/config/node_key.json").unwrap()) {
        Ok(key) => println!("node_key.json: read, ID {}", key.node_id()),
        Err(error) => println!("node_key.json: {}", reason(error.to_string())),
    }
}
R
(cd reads && timeout 500 cargo build --quiet)
echo "ID by cometbft: $(timeout 20 ./cometbft show-node-id --home home)"
./reads/target/debug/reads | tee seen.txt
cat > wanted.txt <<'T'
config.toml as written: missing field `upnp`
config.toml with upnp: missing field `fast_sync`
config.toml and fast_sync: missing field `fastsync`
config.toml and [fastsync]: read
node_key.json: read, ID of the node
T
sed -e "s/$(timeout 20 ./cometbft show-node-id --home home)/of the node/" -e 's/: read, moniker .*/: read/' seen.txt | diff wanted.txt - ||
    { echo "CHANGED"; exit 1; }
echo "as described"
