// The peers, sorted and searched by the node, and whoever was refused.

import { byId, setText } from "./dom.js";
import { clock, duration, rate, scaled } from "./format.js";
import { Table } from "./table.js";

const NUMBERS = new Set(["round_trip", "send_rate", "recv_rate", "queued", "unconsumed", "idle"]);

function direction(row) {
  return (row.is_outbound ? "out" : "in") + (row.is_persistent ? " *" : row.is_unconditional ? " +" : "");
}

function queues(row) {
  return row.queues.map((each) => `${each.channel.toString(16).padStart(2, "0")}: ${each.queued} of ${each.capacity}`).join(", ");
}

const COLUMNS = [
  { title: "Peer", order: "moniker", cell: (row) => row.moniker, hint: (row) => row.id },
  { title: "ID", kind: "rank-3", order: "id", cell: (row) => row.id.slice(0, 10), hint: (row) => row.id },
  { title: "Direction", kind: "rank-2", order: "is_outbound", cell: direction },
  { title: "Address", kind: "rank-2", order: "address", cell: (row) => row.address },
  { title: "Round trip", kind: "number", order: "round_trip", cell: (row) => duration(row.round_trip) },
  { title: "Receiving", kind: "number", order: "recv_rate", cell: (row) => rate(row.recv_rate) },
  { title: "Sending", kind: "number", order: "send_rate", cell: (row) => rate(row.send_rate) },
  { title: "Queue", kind: "number", order: "queued", cell: (row) => scaled(row.queued), hint: queues, state: (row) => (row.queued ? "warning" : "") },
  { title: "By channel", kind: "rank-3", cell: queues },
  { title: "Unread", kind: "number rank-3", order: "unconsumed", cell: (row) => `${scaled(row.unconsumed, 1024)}` },
  { title: "Idle", kind: "number rank-3", order: "idle", cell: (row) => duration(row.idle) },
  { title: "Age", kind: "number", order: "since", cell: (row) => duration(Math.max(0, row.now - row.since)) },
  { title: "Version", kind: "rank-3", order: "version", cell: (row) => row.version },
  { title: "Last refusal", kind: "rank-3", cell: (row) => (row.last_refusal ? `${row.last_refusal.reason}, ${clock(row.last_refusal.at)}` : "") },
];

const REFUSED = [
  { title: "When", cell: (row) => clock(row.at) },
  { title: "Direction", kind: "rank-2", cell: (row) => (row.is_outbound ? "out" : "in") },
  { title: "Address", cell: (row) => row.address },
  { title: "Reason", cell: (row) => row.reason },
  { title: "Detail", kind: "rank-2", cell: (row) => row.detail, hint: (row) => row.detail },
  { title: "ID", kind: "rank-3", cell: (row) => row.id.slice(0, 10), hint: (row) => row.id },
];

export class Peers {
  constructor(onChange) {
    this.order = "since";
    this.descending = false;
    this.table = new Table(byId("peers-table"), COLUMNS, (row) => row.connection, (order) => {
      this.descending = order === this.order ? !this.descending : NUMBERS.has(order);
      this.order = order;
      this.table.sortedBy(this.order, this.descending);
      onChange();
    });
    this.table.sortedBy(this.order, this.descending);
    this.refused = new Table(byId("refusals-table"), REFUSED, (row) => `${row.address} ${row.id}`);
    this.search = byId("peer-filter");
    this.search.addEventListener("input", onChange);
  }

  get question() {
    const quoted = (text) => encodeURIComponent(JSON.stringify(text));
    const sort = (this.descending ? "-" : "") + this.order;
    return `peers?limit=200&sort=${quoted(sort)}&filter=${quoted(this.search.value)}`;
  }

  show(answer) {
    this.table.show(answer.peers.map((row) => ({ ...row, now: answer.time })));
    this.refused.show(answer.refusals);
    const shown = answer.peers.length;
    const all = answer.n_matching === answer.n_peers ? `${answer.n_peers} peers` : `${answer.n_matching} of ${answer.n_peers} peers`;
    setText(byId("peer-count"), shown < answer.n_matching ? `${all}, ${shown} shown` : all);
  }
}
