// The texts of a spectrum as a tree over temperature: one row for each word, one cell for each stretch of temperatures
// at which the text begins with the same words.

import { el, svg } from "./dom.js";
import { num } from "./strings.js";

const ROW = 26;
const ROWS = 14;
const LETTER = 7.6;

/** The words of a text, each with the white space before it. */
const words = (text) => text.match(/\s*\S+|\s+$/g) ?? [];

/** The cells: {low, high, depth, word}, for leaves in the order of temperature. */
export function cells(leaves) {
  const split = leaves.map((leaf) => words(leaf.text));
  const made = [];
  for (let depth = 0; depth < ROWS; depth++) {
    let open = null;
    leaves.forEach((leaf, at) => {
      const word = split[at][depth];
      const same = open && leaf.low === open.high && word !== undefined && sameStart(split[at], split[open.leaf], depth);
      if (same) open.high = leaf.high;
      else if (word === undefined) open = null;
      else made.push((open = { low: leaf.low, high: leaf.high, depth, word: word.trim() || "⏎", leaf: at }));
    });
  }
  return made;
}

function sameStart(a, b, depth) {
  for (let at = 0; at <= depth; at++) if (a[at] !== b[at]) return false;
  return true;
}

export class Tree {
  /** `chosen(temperature)` is told where the tree was clicked. */
  constructor(chosen) {
    this.chosen = chosen;
    this.node = svg("svg", { class: "tree", "aria-hidden": "true" });
    this.root = el("div", { class: "scrolls" }, this.node);
    this.leaves = [];
    this.size = new ResizeObserver(() => this.draw());
    this.size.observe(this.root);
  }

  take(leaves, low, high) {
    this.leaves = leaves;
    this.low = low;
    this.high = high;
    this.draw();
  }

  x(temperature) {
    return ((temperature - this.low) / (this.high - this.low)) * this.width;
  }

  draw() {
    this.width = this.root.clientWidth;
    if (!this.width || this.high === undefined) return;
    const drawn = cells(this.leaves);
    const rows = Math.max(3, ...drawn.map((cell) => cell.depth + 1));
    const height = rows * ROW;
    this.node.setAttribute("viewBox", `0 0 ${this.width} ${height + 30}`);
    this.node.setAttribute("height", height + 30);
    this.cells = drawn.map((cell) => ({ ...cell, node: this.cell(cell) }));
    const forks = this.leaves.slice(1).map((leaf) => svg("line", {
      class: "fork", x1: this.x(leaf.low), x2: this.x(leaf.low), y1: height, y2: height + 6,
    }));
    this.cursor = svg("line", { class: "cursor", y1: 0, y2: height + 6 });
    this.node.replaceChildren(...this.cells.map((cell) => cell.node), ...this.axis(height), ...forks, this.cursor);
    this.show(this.at ?? this.low);
  }

  cell(cell) {
    const x = this.x(cell.low);
    const width = this.x(cell.high) - x;
    const room = Math.floor((width - 10) / LETTER);
    const word = cell.word.length <= room ? cell.word : room >= 3 ? `${cell.word.slice(0, room - 1)}…` : "";
    const middle = (cell.low + cell.high) / 2;
    return svg("g", { onclick: () => this.chosen(middle) },
      svg("rect", { x, width, y: cell.depth * ROW, height: ROW - 1 }),
      word && svg("text", { x: x + 6, y: cell.depth * ROW + ROW * 0.68 }, word));
  }

  axis(height) {
    const step = this.high - this.low > 3 ? 1 : this.high - this.low > 0.6 ? 0.25 : 0.1;
    const made = [];
    for (let at = Math.ceil(this.low / step) * step; at <= this.high + 1e-9; at += step) {
      const x = this.x(at);
      const anchor = x < 10 ? "start" : x > this.width - 12 ? "end" : "middle";
      made.push(svg("text", { class: "tick", x, y: height + 24, "text-anchor": anchor }, num(at, 2)));
    }
    return made;
  }

  /** Mark a temperature, and the words of its text. */
  show(temperature) {
    this.at = temperature;
    if (!this.cursor) return;
    this.cursor.setAttribute("x1", this.x(temperature));
    this.cursor.setAttribute("x2", this.x(temperature));
    for (const { node, low, high } of this.cells) node.classList.toggle("here", holds({ low, high }, temperature, this.low));
  }

  close() {
    this.size.disconnect();
  }
}

/** Whether an interval (low, high] holds a temperature; the lowest one includes its lower end. */
export const holds = ({ low, high }, temperature, least) =>
  (low < temperature || (low === least && temperature === least)) && temperature <= high;
