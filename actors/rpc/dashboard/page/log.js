// The tail of the log: the last lines of all processes, as far as the node tells them.

import { byId, element, setText } from "./dom.js";
import { clock } from "./format.js";

const MOST = 200;
const TONES = { warning: "warning", error: "bad", critical: "bad" };
const WITHHELD = "This node has private peers, who may stand in its log. It is told over the node's own socket alone.";

export class Log {
  constructor() {
    this.list = byId("log-list");
    this.last = 0;
  }

  get question() {
    return `log_tail?after=${this.last}`;
  }

  show(answer) {
    if (answer.withheld) {
      setText(byId("log-note"), WITHHELD);
      this.list.replaceChildren();
      this.last = 0;
      return;
    }
    if (answer.last < this.last) {
      this.last = 0; // another process tells it now, and counts anew: all are asked for next
      this.list.replaceChildren();
      return;
    }
    this.last = answer.last;
    for (const line of answer.lines) this.add(line);
    while (this.list.childElementCount > MOST) this.list.lastElementChild.remove();
  }

  add(line) {
    const time = element("time", { text: clock(line.time), attributes: { datetime: new Date(line.time * 1000).toISOString() } });
    const level = element("span", { text: `${line.level}  `, kind: TONES[line.level] || "quiet" });
    const made = element("li", { kind: "changed", attributes: { title: `${line.logger}, process ${line.pid}` } }, time, level, line.text);
    if (line.trace) made.append(element("pre", { text: line.trace }));
    this.list.prepend(made);
  }
}
