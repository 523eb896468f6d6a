// What happens: the node's own events while it tells them, and otherwise what two looks differ in.

import { byId, element } from "./dom.js";
import { clock } from "./format.js";

const MOST = 200;
const AGAIN_MS = 5000;

export class Events {
  constructor() {
    this.list = byId("event-list");
    this.told = false; // whether the node tells events itself
    this.peers = null;
    this.restarts = null;
    this.source = null;
    this.last = ""; // the ID of the last event that is shown
    this.again = 0;
    document.addEventListener("visibilitychange", () => this.follow());
    this.follow();
  }

  add(at, text) {
    const time = element("time", { text: clock(at), attributes: { datetime: new Date(at * 1000).toISOString() } });
    this.list.prepend(element("li", { kind: "changed" }, time, text));
    while (this.list.childElementCount > MOST) this.list.lastElementChild.remove();
  }

  // A page that nobody sees hears nothing: there are places for few listeners. It goes on behind the last event that it knows.
  follow() {
    if (document.hidden) {
      clearTimeout(this.again);
      this.source?.close();
      this.source = null;
      this.told = false;
    } else if (!this.source) {
      this.listen();
    }
  }

  listen() {
    if (typeof EventSource === "undefined") return;
    const source = new EventSource(this.last ? `../events?after=${encodeURIComponent(this.last)}` : "../events?last=50");
    this.source = source;
    source.addEventListener("open", () => {
      this.told = true;
    });
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED || source !== this.source) return;
      this.source = null;
      this.told = false;
      this.again = setTimeout(() => this.follow(), AGAIN_MS); // until there is a place for a listener, or a node
    });
    source.addEventListener("message", (message) => {
      this.last = message.lastEventId;
      this.take(message.data);
    });
    source.addEventListener("missed", () => this.add(Date.now() / 1000, "… some events were missed"));
  }

  take(data) {
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return;
    }
    const { time, kind, id: _id, node: _node, since: _since, connection: _connection, ...facts } = event;
    const words = Object.entries(facts)
      .filter(([, value]) => value !== "" && value !== null && typeof value !== "object")
      .map(([key, value]) => `${key}=${value}`);
    const at = Date.parse(time) / 1000;
    this.add(Number.isFinite(at) ? at : Date.now() / 1000, `${kind}  ${words.join("  ")}`);
  }

  notePeers(answer, isWhole) {
    if (this.told || !isWhole) {
      this.peers = null;
      return;
    }
    const now = new Map(answer.peers.map((peer) => [peer.connection, peer]));
    if (this.peers !== null) {
      for (const [connection, peer] of now) {
        if (!this.peers.has(connection)) this.add(answer.time, `peer came: ${peer.moniker}, ${peer.address}`);
      }
      for (const [connection, peer] of this.peers) {
        if (!now.has(connection)) this.add(answer.time, `peer left: ${peer.moniker}, ${peer.address}`);
      }
    }
    this.peers = now;
  }

  noteActors(answer) {
    const now = new Map(answer.actors.map((row) => [`${row.host} ${row.name}`, row]));
    if (this.restarts !== null && !this.told) {
      for (const [key, row] of now) {
        const before = this.restarts.get(key);
        if (before && row.restarts > before.restarts) this.add(answer.time, `restarted: ${row.name}, ${row.last_cause}`);
        else if (before && row.state !== before.state && (row.state === "silent" || row.state === "restarting")) {
          this.add(answer.time, `${row.name} is ${row.state}`);
        }
      }
    }
    this.restarts = now;
  }
}
