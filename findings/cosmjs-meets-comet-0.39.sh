#!/usr/bin/env bash
# cosmjs and a real node of CometBFT v0.40.0, whose `status` says version 0.39.0.
#
# Expected: connectComet, which "auto-detects the version", takes a newer CometBFT for the newest that it knows.
# Seen:     0.36.2 (0.32 to 0.36) takes what is neither 0.37, 0.38 nor 1.0 for Tendermint 0.34, decodes plain event
#           attributes as base64 and throws at the first transaction; 0.39.0, the newest, takes it for Tendermint 0.37.
#           Then nothing throws, but the delivery result of broadcastTxCommit is missing, and broadcastTxCommitSuccess
#           says false of a transaction that is in a block. Comet38Client, asked for by name, reads all of it.
# Matters:  who trusts that "false" sends the transaction again. One string in `status` decides which decoder a client
#           uses for everything else: for v0.39 and v0.40 nodes name Comet38Client, and a node that shows a version of
#           its own in `status` had better show one of 0.38 or 1.
#
# Needs: go, python3, node and npm. Takes about a minute, some four when Go has nothing cached.
set -euo pipefail

comet=github.com/cometbft/cometbft@v0.40.0
work=$(mktemp -d)
node_pid=
cleanup() {
    if [ -n "$node_pid" ]; then kill "$node_pid" 2> /dev/null || true; wait "$node_pid" 2> /dev/null || true; fi
    chmod -R u+w "$work"
    rm -rf "$work"
}
trap cleanup EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "building $comet"
export GOFLAGS="-mod=mod -buildvcs=false"
source_dir=$(timeout 120 go mod download -json "$comet" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
cp -r "$source_dir" source
chmod -R u+w source
(cd source && timeout 400 go build -o "$work/cometbft" ./cmd/cometbft)

echo "installing cosmjs"
echo '{"private": true}' > package.json
timeout 120 npm install --silent --no-audit --no-fund --ignore-scripts \
    middle@npm:@cosmjs/tendermint-rpc@0.36.2 newest@npm:@cosmjs/tendermint-rpc@0.39.0

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
timeout 20 ./cometbft init --home home > init.log
timeout 120 ./cometbft start --home home --proxy_app kvstore --p2p.laddr tcp://127.0.0.1:0 \
    --rpc.laddr "tcp://127.0.0.1:$port" > node.log 2>&1 &
node_pid=$!

cat > asks.cjs <<'J'
const { readFileSync } = require("node:fs");
const endpoint = process.argv[2];
const pause = (ms) => new Promise((go) => setTimeout(go, ms));
async function height() {
  try {
    const answer = await (await fetch(endpoint + "/status")).json();
    return [Number(answer.result.sync_info.latest_block_height), answer.result.node_info.version];
  } catch { return [0, ""]; }
}
async function attempt(act) {
  try { return await act(); } catch (error) { return "throws: " + error.message; }
}
(async () => {
  let seen = [0, ""];
  for (let i = 0; i < 150 && seen[0] < 2; i++) { await pause(200); seen = await height(); }
  if (seen[0] < 2) throw new Error("the node made no blocks");
  console.log(`node: status says version ${seen[1]}`);
  await (await fetch(endpoint + '/broadcast_tx_commit?tx="first=1"')).json();
  let right = true;
  const clients = [
    // package, how, client, txSearch, the delivery result, broadcastTxCommitSuccess
    ["middle", "connectComet", "Tendermint34Client tendermint34 throws missing false"],
    ["newest", "connectComet", "Tendermint37Client tendermint37 reads missing false"],
    ["newest", "Comet38Client", "Comet38Client comet38 reads there true"],
  ];
  for (const [name, how, wanted] of clients) {
    const cosmjs = require(name);
    const version = JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
    const client = how === "connectComet" ? await cosmjs.connectComet(endpoint) : await cosmjs[how].connect(endpoint);
    const search = await attempt(() => client.txSearch({ query: "tx.height > 0" }));
    const tx = new TextEncoder().encode(`${name}${how}=1`);
    const commit = await attempt(() => client.broadcastTxCommit({ tx }));
    const decoder = client.constructor.name.replace("Client", "").toLowerCase();
    const seen = [
      client.constructor.name, decoder, typeof search === "string" ? "throws" : "reads",
      (commit.txResult ?? commit.deliverTx) === undefined ? "missing" : "there",
      cosmjs[decoder].broadcastTxCommitSuccess(commit),
    ].join(" ");
    console.log(`cosmjs ${version} ${how}: ${client.constructor.name}`);
    console.log(`  txSearch ${typeof search === "string" ? search : "reads " + search.totalCount + " transactions"}`);
    console.log(`  broadcastTxCommit: in block ${commit.height}, result ${seen.split(" ")[3]}, success ${seen.split(" ")[4]}`);
    if (seen !== wanted || !(commit.height > 0)) { right = false; console.log(`  CHANGED, was: ${wanted}`); }
    client.disconnect();
  }
  process.exit(right ? 0 : 1);
})().catch((error) => { console.log(error); process.exit(2); });
J
timeout 90 node asks.cjs "http://127.0.0.1:$port"
echo "as described"
