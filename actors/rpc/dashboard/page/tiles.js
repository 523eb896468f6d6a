// Figures that are seen first, each with its name and a word below it.

import { element, setText } from "./dom.js";

export class Tiles {
  constructor(list) {
    this.list = list;
    this.tiles = new Map();
  }

  set(title, value, note = "") {
    let tile = this.tiles.get(title);
    if (!tile) {
      tile = { value: element("dd"), note: element("dd", { kind: "quiet note" }) };
      this.tiles.set(title, tile);
      this.list.append(element("div", {}, element("dt", { text: title }), tile.value, tile.note));
    }
    setText(tile.value, value);
    setText(tile.note, note);
  }
}
