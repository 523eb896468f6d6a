#!/usr/bin/env bash
# cosmjs: a WebSocket client that has been told to disconnect.
#
# Expected: after disconnect() the client is gone: no connection, no timer, and a program with nothing else to do ends.
# Seen:     ReconnectingSocket takes the closing that it asked for itself for a loss, and connects again at once; the new
#           connection stays, its server counts it, and the program never ends. 0.32.4 and 0.39.0 alike.
# Matters:  a service that makes a client for each job keeps one connection for each job that it ever did, until the node's
#           max_open_connections (900 by default) are taken, and everybody else is refused; a script hangs at its end.
#           A second disconnect() does the same once more. Where no events are wanted, HttpClient holds nothing open.
#
# Needs: node and npm. Takes half a minute.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo "installing cosmjs"
echo '{"private": true}' > package.json
timeout 120 npm install --silent --no-audit --no-fund --ignore-scripts \
    ws@8 middle@npm:@cosmjs/tendermint-rpc@0.32.4 newest@npm:@cosmjs/tendermint-rpc@0.39.0

cat > asks.cjs <<'J'
const { WebSocketServer } = require("ws");
const { WebsocketClient } = require(process.argv[2]);
const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
const opened = [];
server.on("connection", (socket) => {
  const connection = { closed: false };
  opened.push(connection);
  socket.on("close", (code) => Object.assign(connection, { closed: true, code }));
  socket.on("message", (text) => socket.send(JSON.stringify({ jsonrpc: "2.0", id: JSON.parse(text).id, result: {} })));
});
server.on("listening", async () => {
  const client = new WebsocketClient(`ws://127.0.0.1:${server.address().port}`);
  await client.execute({ jsonrpc: "2.0", id: 1, method: "health", params: {} });
  client.disconnect();
  setTimeout(() => {
    const [first, second] = opened;
    console.log(`${process.argv[2]}: connections opened: ${opened.length}; the first closed with ${first.code}`);
    const isAsDescribed = first.code === 1000 && second !== undefined && !second.closed;
    console.log(isAsDescribed ? "  as described: the second is open, 3 s after disconnect()" : "  NOT as described");
    process.exit(isAsDescribed ? 0 : 1);
  }, 3000);
});
J
for version in middle newest; do
    timeout 30 node asks.cjs "$version"
done
