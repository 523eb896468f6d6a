// Reads a node with every client class of the @cosmjs/tendermint-rpc that is installed in a directory:
//     node cosmjs.cjs DIRECTORY URL
// Prints one JSON object for each question: {"method", "error"}, or what was read.
const { createRequire } = require("node:module");
const path = require("node:path");

const [directory, url] = process.argv.slice(2);
const cosmjs = createRequire(path.join(directory, "package.json"))("@cosmjs/tendermint-rpc");

async function ask(method, question) {
  try {
    console.log(JSON.stringify({ method, ...(await question()) }));
  } catch (error) {
    console.log(JSON.stringify({ method, error: String(error.message ?? error) }));
  }
}

async function read(name, connect) {
  let client;
  await ask(`${name} connect`, async () => {
    client = await connect();
    return { class: client.constructor.name };
  });
  if (client === undefined) return;
  await ask(`${name} status`, async () => {
    const { nodeInfo, syncInfo } = await client.status();
    const id = Buffer.from(nodeInfo.id).toString("hex");
    return { id, network: nodeInfo.network, version: nodeInfo.version, height: syncInfo.latestBlockHeight };
  });
  await ask(`${name} health`, async () => {
    const answer = await client.health();
    if (answer !== null) throw new Error(`health gave ${JSON.stringify(answer)}`);
    return {};
  });
  client.disconnect();
}

async function main() {
  for (const name of ["connectComet", "Tendermint34Client", "Tendermint37Client", "Comet38Client", "Comet1Client"]) {
    if (name === "connectComet" && cosmjs.connectComet) {
      await read(name, () => cosmjs.connectComet(url));
    } else if (cosmjs[name]) {
      await read(name, () => cosmjs[name].connect(url));
    }
  }
  // No class has a method for it; its users ask the transport.
  const http = new cosmjs.HttpClient(url);
  await ask("net_info", async () => {
    const answer = await http.execute({ jsonrpc: "2.0", id: 123456789012, method: "net_info", params: {} });
    return { peers: answer.result.peers.map((peer) => peer.node_info.id) };
  });
  const socket = new cosmjs.WebsocketClient(url.replace(/^http/, "ws"));
  await ask("websocket net_info", async () => {
    const answer = await socket.execute({ jsonrpc: "2.0", id: 123456789012, method: "net_info", params: {} });
    return { peers: answer.result.peers.map((peer) => peer.node_info.id) };
  });
  await ask("websocket subscribe", async () => {
    const query = "tm.event='NewBlock'";
    const events = socket.listen({ jsonrpc: "2.0", id: 1, method: "subscribe", params: { query } });
    const refused = await new Promise((resolve, reject) => {
      events.addListener({ next: resolve, error: resolve, complete: () => reject(new Error("ended")) });
    });
    return { refused: String(refused.message ?? refused) };
  });
  socket.disconnect();
}

// Its sockets connect again when they have been disconnected: there is no other end.
main().then(() => process.exit(0));
