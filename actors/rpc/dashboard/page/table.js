// A table whose rows stay where they are while their figures change: a screen reader, a selection and the focus stay, too.

import { element, setLink, setText } from "./dom.js";

export class Table {
  // columns: {title, cell(row) → text, link(row) → where it leads, kind, order, state(row) → class}; key(row) → what makes a row the same one.
  constructor(table, columns, key, onSort) {
    this.columns = columns;
    this.key = key;
    this.rows = new Map();
    this.headings = new Map();
    const head = element("tr");
    for (const column of columns) {
      const heading = element("th", { kind: column.kind, attributes: { scope: "col" } });
      if (column.order && onSort) {
        const button = element("button", { text: column.title, attributes: { type: "button" } });
        button.addEventListener("click", () => onSort(column.order));
        heading.append(button);
        this.headings.set(column.order, heading);
      } else {
        heading.textContent = column.title;
      }
      head.append(heading);
    }
    this.body = element("tbody");
    table.append(element("thead", {}, head), this.body);
  }

  sortedBy(order, descending) {
    for (const [each, heading] of this.headings) {
      if (each === order) heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    }
  }

  show(rows) {
    const seen = new Set();
    let place = this.body.firstElementChild;
    for (const row of rows) {
      const key = this.key(row);
      if (seen.has(key)) continue;
      seen.add(key);
      let line = this.rows.get(key);
      if (line === undefined) {
        line = this.make();
        this.rows.set(key, line);
      }
      if (line === place) place = place.nextElementSibling;
      else this.body.insertBefore(line, place);
      this.fill(line, row);
    }
    for (const [key, line] of this.rows) {
      if (seen.has(key)) continue;
      line.remove();
      this.rows.delete(key);
    }
  }

  make() {
    const cells = this.columns.map((column, index) =>
      index === 0
        ? element("th", { kind: column.kind, attributes: { scope: "row" } })
        : element("td", { kind: column.kind }),
    );
    return element("tr", { kind: "changed" }, ...cells);
  }

  fill(line, row) {
    this.columns.forEach((column, index) => {
      const cell = line.children[index];
      if (column.link) setLink(cell, column.cell(row), column.link(row));
      else setText(cell, column.cell(row));
      if (column.hint) cell.title = column.hint(row);
      if (column.state) cell.className = `${column.kind || ""} ${column.state(row)}`.trim();
      if (column.indent) cell.style.paddingInlineStart = `${0.6 + 1.2 * column.indent(row)}rem`;
    });
  }
}
