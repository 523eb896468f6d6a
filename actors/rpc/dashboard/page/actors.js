// The supervision tree, with what each actor and its process do.

import { byId } from "./dom.js";
import { bytes, duration, scaled, share } from "./format.js";
import { Table } from "./table.js";

const BAD = new Set(["silent", "restarting", "stopped"]);
const UNSETTLED = new Set(["starting", "waiting"]);

function state(row) {
  return row.waits_for ? `waits for ${row.waits_for}` : row.state;
}

function tone(row) {
  if (BAD.has(row.state)) return "bad";
  return UNSETTLED.has(row.state) ? "warning" : "";
}

const FEW = 4; // as many of a kind are shown one by one
const URGENCY = ["silent", "restarting", "stopped", "starting", "waiting", "running", "ready", "idle"];

// Actors without a supervisor, such as a host's peers, as one row for each kind below their host: there may be a thousand.
function folded(rows) {
  const kinds = new Map();
  rows.forEach((row, index) => {
    const isAlone = row.depth === 0 && row.name !== row.host && !(rows[index + 1]?.depth > 0);
    if (!isAlone) return;
    const key = `${row.host}\u0000${row.class}`;
    kinds.set(key, [...(kinds.get(key) || []), row]);
  });
  const crowds = [...kinds.values()].filter((each) => each.length > FEW);
  const hidden = new Set(crowds.flat());
  return rows.filter((row) => !hidden.has(row)).flatMap((row) => {
    const below = row.name === row.host ? crowds.filter(([first]) => first.host === row.host) : [];
    return [row, ...below.map((crowd) => together(crowd, row.depth + 1))];
  });
}

function together(crowd, depth) {
  const sum = (key) => crowd.reduce((total, row) => total + row[key], 0);
  const worst = crowd.reduce((one, other) => (URGENCY.indexOf(other.state) < URGENCY.indexOf(one.state) ? other : one));
  return {
    ...worst, depth, waits_for: "", name: worst.class.split(/[.:]/).at(-1), count: sum("count"), mailbox: sum("mailbox"),
    oldest_age: Math.max(...crowd.map((row) => row.oldest_age)), handled: sum("handled"), restarts: sum("restarts"),
  };
}

const COLUMNS = [
  { title: "Actor", cell: (row) => (row.count === 1 ? row.name : `${row.name} × ${row.count}`), indent: (row) => row.depth, hint: (row) => row.class },
  { title: "State", cell: state, state: tone },
  { title: "CPU", kind: "number", cell: (row) => (row.process ? share(row.cpu) : "") },
  { title: "Memory", kind: "number rank-2", cell: (row) => (row.process && row.process.memory !== null ? bytes(row.process.memory) : "") },
  { title: "Mail", kind: "number", cell: (row) => scaled(row.mailbox), state: (row) => (row.mailbox > 1000 ? "warning" : "") },
  { title: "Oldest", kind: "number", cell: (row) => duration(row.oldest_age), state: (row) => (row.oldest_age > 1 ? "warning" : "") },
  { title: "Handled", kind: "number rank-2", cell: (row) => scaled(row.handled) },
  { title: "Restarts", kind: "number", cell: (row) => String(row.restarts), hint: (row) => row.last_cause, state: (row) => (row.restarts ? "warning" : "") },
  { title: "PID", kind: "number rank-3", cell: (row) => (row.process ? String(row.process.pid) : "") },
  { title: "Last cause", kind: "rank-3", cell: (row) => row.last_cause, hint: (row) => row.last_cause },
];

export class Actors {
  constructor() {
    this.table = new Table(byId("actors-table"), COLUMNS, (row) => `${row.host}\u0000${row.name}\u0000${row.class}`);
    this.before = null;
  }

  // Returns: the share of a core that all processes use; null at first.
  show(answer) {
    const hosts = new Map(answer.hosts.map((host) => [host.host, host]));
    const spent = new Map(this.before ? this.before.hosts.map((host) => [`${host.host} ${host.pid}`, host]) : []);
    const seconds = this.before ? answer.time - this.before.time : 0;
    const used = (host) => {
      const last = spent.get(`${host.host} ${host.pid}`);
      if (!last || seconds <= 0 || host.processor_time === null || last.processor_time === null) return null;
      return Math.max(0, (host.processor_time - last.processor_time) / seconds);
    };
    const rows = answer.actors.map((row) => {
      const host = row.name === row.host ? hosts.get(row.host) : undefined;
      return host ? { ...row, process: host, cpu: used(host) } : row;
    });
    this.table.show(folded(rows));
    const byPid = new Map(answer.hosts.map((host) => [host.pid, used(host)]));
    const known = [...byPid.values()].filter((each) => each !== null);
    this.before = answer;
    return known.length ? known.reduce((sum, each) => sum + each, 0) : null;
  }
}
