// One setting of a comparison: its panel, its texts as they come, and their measures.

import { el } from "./dom.js";
import { Panel } from "./panel.js";
import { inWords } from "./parameters.js";
import { piecesOf } from "./pieces.js";
import { has, num, percent, t } from "./strings.js";

const SHOWN = ["tokens", "perplexity", "entropy", "diversity", "rep_4", "loop"];

export class Column {
  constructor(app, letter, setting, { changed, removed, texts }) {
    this.texts = texts ?? [];
    this.words = el("p", { class: "words" }, inWords(setting));
    const panel = new Panel(app, setting, (given) => {
      this.words.replaceChildren(inWords(given));
      changed(given);
    });
    this.body = el("div", { class: "texts" });
    const id = `column-${letter}`;
    this.root = el(
      "article", { class: "column", "aria-labelledby": id, "data-setting": letter },
      el("div", { class: "row" }, el("h2", { class: "letter", id }, letter), this.words,
        removed && el("button", { type: "button", class: "quiet", "aria-label": t("compare.remove", { letter }), onclick: removed }, "×")),
      el("details", { class: "edit" }, el("summary", {}, t("compare.change")), panel.root),
      this.body);
    this.draw();
  }

  /** What is there stays, and what comes goes on behind it. */
  goOn() {
    this.texts = this.texts.map((text) => ({
      ...text, record: null, same: text.record.shared_tokens, shared: text.differs === null, shown: 0,
    }));
    this.draw();
  }

  /** Empty texts; with `longer` what is there stays until what comes is longer. */
  begin(seeds, longer) {
    this.texts = Array.from({ length: seeds }, (_, at) => ({
      tokens: [], shared: true, differs: null, record: null, shown: longer ? (this.texts[at]?.tokens.length ?? 0) : 0,
    }));
    if (longer) return;
    this.draw();
  }

  /** A token that came; where it first differs from the neighbour's text, it is marked. */
  token(at, token, neighbour) {
    const text = this.texts[at];
    const place = text.tokens.length;
    if (neighbour && text.shared && neighbour.tokens[place] && neighbour.tokens[place].id !== token.id) {
      text.shared = false;
      text.differs = place;
    }
    text.tokens.push({ id: token.id, text: token.text });
    if (place < text.shown) return;
    const node = this.body.querySelectorAll(".text")[at];
    if (text.shown && place === text.shown) this.draw();
    else node.append(span(token.text, neighbour && text.shared ? "same" : text.differs === place ? "differs" : null));
  }

  /** The texts with their marks and measures. */
  finished(records) {
    records.forEach((record, at) => {
      const text = this.texts[at];
      const pieces = piecesOf(record);
      text.tokens = record.token_ids.map((id, place) => ({ id, text: pieces[place] }));
      text.record = record;
      text.differs = record.differs_at;
      text.shown = 0;
    });
    this.draw();
  }

  draw() {
    const texts = this.texts.length ? this.texts : [{ tokens: [] }];
    this.body.replaceChildren(...texts.flatMap((text) => [
      el("div", { class: "text" }, text.tokens.map((token, place) => span(token.text, marks(text, place)))),
      text.record && this.measures(text.record),
    ].filter(Boolean)));
  }

  measures(record) {
    const rows = SHOWN.filter((name) => record.measures[name] !== null && record.measures[name] !== undefined);
    const facts = rows.map((name) => [has(`measure.${name}`) ? t(`measure.${name}`) : name, shown(name, record.measures[name])]);
    if (record.shared_tokens !== null) facts.unshift([t("compare.same"), num(record.shared_tokens)]);
    return el("dl", { class: "measures" }, facts.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  }
}

function shown(name, value) {
  if (name === "loop") return value ? t("yes") : t("no");
  if (name === "rep_4") return percent(value);
  return num(value, name === "tokens" ? 0 : 2);
}

function marks({ record, differs, same }, place) {
  const names = [];
  if (differs === place) names.push("differs");
  else if (place < (record?.shared_tokens ?? same ?? 0)) names.push("same");
  if (record?.loop && place >= record.loop.start) names.push("loops");
  else if (record?.repeated.some(([start, end]) => start <= place && place < end)) names.push("repeats");
  return names.join(" ") || null;
}

const span = (text, name) => el("span", { class: name }, text);
