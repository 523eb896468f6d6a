// Asks the node for what it does, and shows it. A hidden page asks nothing and hears nothing, and goes on where it was.

import { Actors } from "./actors.js";
import { Book } from "./book.js";
import { byId, setText } from "./dom.js";
import { Events } from "./events.js";
import { bytes, clock, rate, scaled, share } from "./format.js";
import { Log } from "./log.js";
import { NetworkMap } from "./map.js";
import { Peers } from "./peers.js";
import { Rates } from "./rates.js";
import { Tiles } from "./tiles.js";

const LIVE_MS = 1000;
const SLOW_MS = 10000;

async function ask(path) {
  const response = await fetch(`../${path}`, { cache: "no-store", signal: AbortSignal.timeout(10000) });
  const answer = await response.json();
  if (answer.error) throw new Error(answer.error.data || answer.error.message);
  return answer.result;
}

class Page {
  constructor() {
    this.actors = new Actors();
    this.peers = new Peers(() => this.soon());
    this.rates = new Rates();
    this.events = new Events();
    this.log = new Log();
    this.book = new Book();
    this.map = new NetworkMap();
    this.tiles = new Tiles(byId("tiles"));
    this.isPaused = false;
    this.slowAt = 0;
    this.timer = 0;
    this.isAsking = false;
    const pause = byId("pause");
    pause.addEventListener("click", () => {
      this.isPaused = !this.isPaused;
      pause.setAttribute("aria-pressed", String(this.isPaused));
      this.soon();
    });
    byId("all-chains").hidden = !/\/chains\/[^/]+\/dashboard\/$/.test(location.pathname);
    document.addEventListener("visibilitychange", () => this.soon());
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), 50);
  }

  async look() {
    if (this.isAsking || document.hidden) return;
    this.isAsking = true;
    let wait = LIVE_MS;
    try {
      if (!this.isPaused) await this.refresh();
    } catch (error) {
      setText(byId("state"), `no answer: ${error.message}`);
      byId("state").className = "bad";
      wait = 3 * LIVE_MS;
    } finally {
      this.isAsking = false;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), wait);
    }
  }

  async refresh() {
    const isSlowDue = Date.now() - this.slowAt >= SLOW_MS;
    const [actors, peers, log] = await Promise.all([ask("actors"), ask(this.peers.question), ask(this.log.question)]);
    const processor = this.actors.show(actors);
    this.events.noteActors(actors);
    this.log.show(log);
    this.peers.show(peers);
    this.events.notePeers(peers, peers.peers.length === peers.n_peers);
    this.map.notePeers(peers.peers);
    this.summarise(actors, peers, processor);
    if (isSlowDue) {
      this.slowAt = Date.now();
      const [history, book, status] = await Promise.all([ask("history"), ask("book"), ask("status")]);
      this.rates.show(history);
      this.book.show(book);
      this.map.show(book);
      const info = status.node_info;
      setText(byId("node"), info.moniker);
      setText(byId("identity"), `${info.id} on ${info.network}, version ${info.version}`);
      document.title = `${info.moniker}: peerage`;
    }
  }

  summarise(actors, peers, processor) {
    const silent = [...new Set([...actors.hosts, ...peers.hosts].filter((host) => !host.answered).map((host) => host.host))];
    const state = byId("state");
    setText(state, silent.length ? `no answer from ${silent.join(", ")}` : this.isPaused ? "paused" : "live");
    state.className = silent.length ? "bad" : "";
    state.title = clock(actors.time);
    const processes = new Map(actors.hosts.map((host) => [host.pid, host]));
    const sum = (key) => [...processes.values()].reduce((total, host) => total + (host[key] || 0), 0);
    this.tiles.set("Peers", `${peers.n_peers}`, `${peers.n_peers - peers.n_outbound} in, ${peers.n_outbound} out`);
    this.tiles.set("Receiving", rate(peers.recv_rate));
    this.tiles.set("Sending", rate(peers.send_rate));
    this.tiles.set("Queued", scaled(peers.queued));
    this.tiles.set("Processor", share(processor), "of one core");
    this.tiles.set("Memory", bytes(sum("memory")), `${processes.size} processes`);
    this.tiles.set("Restarts", String(actors.actors.reduce((total, row) => total + row.restarts, 0)));
    this.tiles.set("Dead letters", scaled(sum("dead_letters")));
  }
}

new Page().look();
