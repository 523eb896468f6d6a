// A map of the known network: this node, its peers, and the groups of addresses that it has heard of.

import { byId, shape } from "./dom.js";

const SIZE = 640;
const MOST_PEERS = 200;
const MOST_GROUPS = 60;

function onCircle(index, count, radius) {
  const angle = (2 * Math.PI * index) / Math.max(1, count) - Math.PI / 2;
  return [SIZE / 2 + radius * Math.cos(angle), SIZE / 2 + radius * Math.sin(angle)];
}

export class NetworkMap {
  constructor() {
    this.svg = byId("network");
    this.svg.setAttribute("viewBox", `0 0 ${SIZE} ${SIZE}`);
    this.peers = [];
  }

  notePeers(peers) {
    this.peers = peers.slice(0, MOST_PEERS);
  }

  show(book) {
    const centre = SIZE / 2;
    const groups = book.groups.slice(0, MOST_GROUPS);
    const most = Math.max(1, ...groups.map((group) => group.new + group.old));
    const peerPlaces = new Map(this.peers.map((peer, index) => [peer.id, onCircle(index, this.peers.length, 120)]));
    const groupPlaces = new Map(groups.map((group, index) => [group.group, onCircle(index, groups.length, 260)]));
    const told = book.tellers
      .filter((each) => peerPlaces.has(each.id) && groupPlaces.has(each.group))
      .map((each) => {
        const [x1, y1] = peerPlaces.get(each.id);
        const [x2, y2] = groupPlaces.get(each.group);
        return shape("line", { class: "told", x1, y1, x2, y2, "stroke-width": Math.min(4, 0.5 + Math.log10(1 + each.count)) });
      });
    const links = [...peerPlaces.values()].map(([x2, y2]) => shape("line", { class: "link", x1: centre, y1: centre, x2, y2 }));
    const dots = this.peers.map((peer) => {
      const [cx, cy] = peerPlaces.get(peer.id);
      return shape("circle", { class: "peer-dot", cx, cy, r: this.peers.length > 60 ? 3 : 5 }, `${peer.moniker}, ${peer.address}`);
    });
    const bubbles = groups.flatMap((group) => {
      const [cx, cy] = groupPlaces.get(group.group);
      const count = group.new + group.old;
      const bubble = shape("circle", { class: "group-dot", cx, cy, r: 4 + 14 * Math.sqrt(count / most) }, `${group.group}: ${count} addresses, ${group.verified} answered lately`);
      if (groups.length > 24) return [bubble];
      const label = shape("text", { x: cx, y: cy + 30, "text-anchor": "middle" });
      label.textContent = group.group;
      return [bubble, label];
    });
    const own = shape("circle", { class: "own", cx: centre, cy: centre, r: 9 }, "this node");
    this.svg.replaceChildren(...links, ...told, ...dots, ...bubbles, own);
  }
}
