// Asks the seed how its chains stand, and shows it. A hidden page asks nothing.

import { byId, setText } from "./dom.js";
import { duration, rate, scaled } from "./format.js";
import { Table } from "./table.js";
import { Tiles } from "./tiles.js";

const LIVE_MS = 1000;

const figure = (key, text = scaled) => (row) => (row.node && row.node[key] !== null ? text(row.node[key]) : "");

function tone(row) {
  if (row.is_up) return "";
  return row.state === "starting" || row.state === "running" ? "warning" : "bad";
}

function pageOf(row) {
  return row.has_page ? `../chains/${encodeURIComponent(row.chain)}/dashboard/` : "";
}

const COLUMNS = [
  { title: "Chain", cell: (row) => row.chain, link: pageOf, hint: (row) => row.address },
  { title: "State", cell: (row) => (row.state === "running" && !row.is_up ? "no answer" : row.state), state: tone, hint: (row) => row.why },
  { title: "Why", kind: "rank-2", cell: (row) => row.why, hint: (row) => row.why },
  { title: "Up", kind: "number rank-2", cell: figure("uptime", duration) },
  { title: "Peers", kind: "number", cell: (row) => (row.node ? `${row.node.inbound} in, ${row.node.outbound} out` : "") },
  { title: "Receiving", kind: "number rank-2", cell: figure("recv_rate", rate) },
  { title: "Sending", kind: "number rank-2", cell: figure("send_rate", rate) },
  { title: "Addresses", kind: "number", cell: figure("addresses") },
  { title: "Proved", kind: "number rank-3", cell: figure("proved") },
  { title: "Banned", kind: "number rank-3", cell: figure("banned") },
  { title: "Restarts", kind: "number", cell: (row) => String(row.restarts), state: (row) => (row.restarts ? "warning" : "") },
  { title: "Parts restarted", kind: "number rank-2", cell: figure("restarts"), state: (row) => (row.node && row.node.restarts ? "warning" : "") },
  { title: "Address", kind: "rank-3", cell: (row) => row.address, hint: (row) => row.address },
];

class Page {
  constructor() {
    this.table = new Table(byId("chains-table"), COLUMNS, (row) => row.chain);
    this.tiles = new Tiles(byId("tiles"));
    this.isPaused = false;
    this.isAsking = false;
    this.timer = 0;
    const pause = byId("pause");
    pause.addEventListener("click", () => {
      this.isPaused = !this.isPaused;
      pause.setAttribute("aria-pressed", String(this.isPaused));
      this.look();
    });
    document.addEventListener("visibilitychange", () => this.look());
  }

  async look() {
    if (this.isAsking || document.hidden) return;
    this.isAsking = true;
    let wait = LIVE_MS;
    try {
      if (this.isPaused) this.tell("paused", "");
      else await this.refresh();
    } catch (error) {
      this.tell(`no answer: ${error.message}`, "bad");
      wait = 3 * LIVE_MS;
    } finally {
      this.isAsking = false;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), wait);
    }
  }

  async refresh() {
    const response = await fetch("../chains", { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const { chains } = (await response.json()).result;
    this.table.show(chains);
    const down = chains.filter((row) => !row.is_up).map((row) => row.chain);
    const some = down.length > 3 ? `${down.length} chains are` : `${down.join(" and ")} ${down.length > 1 ? "are" : "is"}`;
    this.tell(down.length ? `${some} down` : "live", down.length ? "bad" : "");
    const sum = (key) => chains.reduce((total, row) => total + ((row.node && row.node[key]) || 0), 0);
    this.tiles.set("Chains", `${chains.length - down.length}`, `of ${chains.length} are up`);
    this.tiles.set("Peers", String(sum("inbound") + sum("outbound")), `${sum("inbound")} in, ${sum("outbound")} out`);
    this.tiles.set("Receiving", rate(sum("recv_rate")));
    this.tiles.set("Sending", rate(sum("send_rate")));
    this.tiles.set("Addresses", scaled(sum("addresses")));
    this.tiles.set("Restarts", String(chains.reduce((total, row) => total + row.restarts, 0)), "of chains");
  }

  tell(text, kind) {
    const state = byId("state");
    setText(state, text);
    state.className = kind;
  }
}

new Page().look();
