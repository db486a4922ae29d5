// Bars of a distribution: what is left of each token beside what the model itself gave it. A frame changes widths and
// numbers only, so that bars follow a slider.

import { el, said, visible } from "./dom.js";
import { num, percent, t } from "./strings.js";

/** Tokens that are shown. */
const MOST = 14;

export class Bars {
  /** `chosen(token)` is told which token was clicked. */
  constructor(chosen) {
    this.chosen = chosen;
    this.root = el("ol", { class: "bars", "aria-label": t("next.bars") });
    this.rows = [];
    this.draws = null;
  }

  /** Show an answer's tokens: the most probable ones before and after all stages, in the order of what is left. */
  take(answer) {
    this.answer = answer;
    const last = answer.stages.length - 1;
    const order = [...answer.tokens.keys()].sort((a, b) => byShare(answer.tokens, a, b, last));
    this.places = order.slice(0, MOST);
    const drawn = answer.tokens.findIndex((token) => token.id === answer.drawn);
    if (drawn >= 0 && !this.places.includes(drawn)) this.places[MOST - 1] = drawn;
    this.rows = this.places.map((place) => this.row(answer.tokens[place]));
    this.tail = this.tailRow();
    this.root.replaceChildren(...this.rows.map((row) => row.node), this.tail.node);
    this.frame(answer.tokens.map((token) => token.probabilities.at(-1)), answer.stages.at(-1).tail);
  }

  row(token) {
    const ends = this.answer.ends.includes(token.id);
    const name = el("button", {
      type: "button", class: "token", "data-id": token.id, title: t("next.append", { token: visible(token.text) }),
      onclick: () => this.chosen(token),
    }, ends ? t("next.end") : visible(token.text));
    const parts = this.parts(name);
    parts.node.classList.toggle("drawn", token.id === this.answer.drawn);
    parts.raw.style.setProperty("transform", `scaleX(${token.probabilities[0]})`);
    if (token.id === this.answer.drawn) name.append(el("span", { class: "unseen" }, ` (${t("next.drawn")})`));
    return parts;
  }

  tailRow() {
    const count = this.answer.vocabulary - this.rows.length;
    const parts = this.parts(el("span", { class: "token rest" }, t("next.tail", { n: num(count) })));
    parts.node.classList.add("tail");
    const raw = this.answer.tokens.map((token) => token.probabilities[0]);
    parts.raw.style.setProperty("transform", `scaleX(${this.others(raw, this.answer.stages[0].tail)})`);
    return parts;
  }

  parts(name) {
    const raw = el("span", { class: "raw" });
    const bar = el("span", { class: "bar" });
    const dot = el("span", { class: "dot", hidden: true });
    const share = el("span", { class: "share" });
    const node = el("li", {}, name, el("span", { class: "track", "aria-hidden": "true" }, raw, bar, dot), share);
    return { node, raw, bar, dot, share };
  }

  /** The mass of all tokens that have no bar of their own: listed ones further down, and the tail. */
  others(probabilities, tail) {
    return probabilities.reduce((sum, share, place) => (this.places.includes(place) ? sum : sum + share), tail);
  }

  /** Move the bars: the probability of every listed token, and of all that are not listed. */
  frame(probabilities, tail) {
    this.rows.forEach((row, at) => moved(row, probabilities[this.places[at]]));
    moved(this.tail, this.others(probabilities, tail));
  }

  /** Lay over how often each token was drawn, or take it away with null. */
  overlay(draws, total) {
    const counts = new Map(draws ?? []);
    const shown = new Set(this.places.map((place) => this.answer.tokens[place].id));
    this.rows.forEach((row, at) => dotted(row, draws && (counts.get(this.answer.tokens[this.places[at]].id) ?? 0), total));
    const others = draws?.reduce((sum, [id, count]) => sum + (shown.has(id) ? 0 : count), 0);
    dotted(this.tail, others, total);
    this.root.classList.toggle("overlaid", Boolean(draws));
  }
}

const byShare = (tokens, a, b, last) =>
  tokens[b].probabilities[last] - tokens[a].probabilities[last] || tokens[b].probabilities[0] - tokens[a].probabilities[0];

function moved(row, share) {
  row.bar.style.setProperty("transform", `scaleX(${share})`);
  said(row.share, share > 0 ? percent(share) : "0");
  row.node.classList.toggle("gone", !(share > 0));
}

function dotted(row, count, total) {
  row.dot.hidden = !count;
  if (count === null || count === undefined) return row.node.removeAttribute("data-draws");
  row.dot.style.setProperty("left", `${(count / total) * 100}%`);
  row.node.dataset.draws = count;
  return undefined;
}
