// Plots of the last hour.

import { byId, element, setText, shape } from "./dom.js";
import { duration, rate, scaled, share } from "./format.js";

const WIDTH = 360;
const HEIGHT = 120;
const HOUR_S = 3600;
const LEAST_S = 300; // a plot that has just begun is not squeezed into its edge
const PLOTS = [
  { title: "Bytes received and sent", keys: ["recv_rate", "send_rate"], text: rate },
  { title: "Peers", keys: ["peers"], text: scaled },
  { title: "Processor, in cores", keys: ["processor"], text: share },
  { title: "Messages waiting for peers", keys: ["queued"], text: scaled },
  { title: "Messages in the fullest mailbox", keys: ["mailbox"], text: scaled },
];

class Plot {
  constructor({ title, keys, text }) {
    this.keys = keys;
    this.text = text;
    this.caption = element("figcaption", { text: title });
    this.title = title;
    this.svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
    this.svg.append(shape("line", { class: "axis", x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 }));
    this.lines = keys.map((_key, index) => shape("polyline", { class: index ? "plot-line second" : "plot-line" }));
    this.svg.append(...this.lines);
    this.figure = element("figure", {}, this.caption, this.svg);
  }

  show(points, now, span) {
    const values = points.flatMap((point) => this.keys.map((key) => point[key])).filter((each) => each !== null);
    const most = Math.max(1e-9, ...values);
    this.keys.forEach((key, index) => {
      const places = points
        .filter((point) => point[key] !== null && now - point.at <= span)
        .map((point) => {
          const x = WIDTH * (1 - (now - point.at) / span);
          const y = HEIGHT - 4 - (HEIGHT - 12) * (point[key] / most);
          return `${x.toFixed(1)},${y.toFixed(1)}`;
        });
      this.lines[index].setAttribute("points", places.join(" "));
    });
    const last = points.length ? this.keys.map((key) => this.text(points[points.length - 1][key])).join(" and ") : "–";
    const text = `${this.title}: now ${last}, at most ${values.length ? this.text(most) : "–"}`;
    setText(this.caption, text);
    this.svg.setAttribute("aria-label", text);
  }
}

export class Rates {
  constructor() {
    this.plots = PLOTS.map((each) => new Plot(each));
    byId("plots").append(...this.plots.map((plot) => plot.figure));
  }

  show(answer) {
    const now = answer.points.length ? answer.points[answer.points.length - 1].at : 0;
    const oldest = answer.points.length ? now - answer.points[0].at : 0;
    const span = Math.min(HOUR_S, Math.max(LEAST_S, oldest));
    setText(byId("rates-span"), duration(span));
    for (const plot of this.plots) plot.show(answer.points, now, span);
  }
}
