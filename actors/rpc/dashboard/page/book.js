// The address book by bucket and by group.

import { byId, setText, shape } from "./dom.js";
import { scaled } from "./format.js";
import { Table } from "./table.js";

const COLUMNS = [
  { title: "Group", cell: (row) => row.group },
  { title: "Heard of", kind: "number", cell: (row) => scaled(row.new) },
  { title: "Proved", kind: "number", cell: (row) => scaled(row.old) },
  { title: "Answered lately", kind: "number", cell: (row) => scaled(row.verified) },
];
const WIDTH = 640;
const GAP = 4;

function cells(buckets, size, top, height) {
  const width = WIDTH / buckets.length;
  return buckets.map((count, index) => {
    const filled = Math.min(1, count / size);
    return shape(
      "rect",
      { x: (index * width).toFixed(2), y: top, width: Math.max(0.6, width - 0.4).toFixed(2), height, class: "group-dot", "fill-opacity": (0.06 + 0.94 * filled).toFixed(2), "stroke-width": 0 },
      `bucket ${index}: ${count} of ${size}`,
    );
  });
}

export class Book {
  constructor() {
    this.table = new Table(byId("groups-table"), COLUMNS, (row) => row.group);
    this.svg = byId("buckets");
    this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${40 + GAP + 24}`);
  }

  show(answer) {
    const used = (buckets) => buckets.filter((count) => count).length;
    const sample = answer.looked_at < answer.size ? `, of a sample of ${scaled(answer.looked_at)}` : "";
    setText(
      byId("book-summary"),
      `${scaled(answer.size)} addresses; ${used(answer.new_buckets)} of ${answer.new_buckets.length} buckets of heard ones and ` +
        `${used(answer.old_buckets)} of ${answer.old_buckets.length} of proved ones are used. Groups${sample}:`,
    );
    this.svg.replaceChildren(
      ...cells(answer.new_buckets, answer.new_bucket_size, 0, 40),
      ...cells(answer.old_buckets, answer.old_bucket_size, 40 + GAP, 24),
    );
    this.table.show(answer.groups.slice(0, 30));
  }
}
