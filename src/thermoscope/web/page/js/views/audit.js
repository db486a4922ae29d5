// Audit: what an endpoint does with what it is sent.

import { el, field, number, svg } from "../dom.js";
import { Job, ResultView } from "../job.js";
import { command, python, sharing } from "../sharing.js";
import { num, t } from "../strings.js";

class Audit extends ResultView {
  constructor(root, app) {
    super(app);
    this.budget = app.kept.b ?? 1500;
    this.job = new Job(app, () => this.run(), t("audit.go"));
    this.found = el("div", {});
    if (!app.modelAtHand().endpoint) {
      root.append(el("p", { class: "empty" }, t("audit.none")));
      return;
    }
    const budget = number(this.budget, { min: 100, max: 10000, step: 100 }, (value) => {
      this.budget = value;
      app.keep({ b: value });
    });
    root.append(el("div", { class: "fields asked" }, field(t("audit.budget"), budget), this.job.root), this.found, sharing(app, this));
  }

  async run() {
    this.found.replaceChildren();
    await this.job.run("/api/audit", { model: this.app.model(), budget: this.budget }, { result: (result) => this.finished(result) });
  }

  finished({ id, audit, finding }) {
    this.id = id;
    this.result = audit;
    const temperatures = audit.rows.filter((row) => row.parameter === "temperature" && [row.sent, row.effective].every(Number.isFinite));
    this.found.replaceChildren(
      el("p", { class: "answer" }, finding),
      temperatures.length ? el("figure", {}, el("figcaption", {}, el("strong", {}, t("audit.sent")), el("p", {}, t("audit.how"))), chart(temperatures)) : "",
      el("div", { class: "scrolls", tabindex: "0" }, table(audit.rows)),
      el("ul", { class: "notes" }, [...audit.could_not_see, ...audit.notes].map((note) => el("li", {}, note))));
  }

  command() {
    return command("audit", this.app.model(), "--budget", this.budget);
  }

  python() {
    return ["import thermoscope", "", `print(thermoscope.audit(${python(this.app.model())}, budget=${this.budget}))`, ""].join("\n");
  }
}

/** The sign of a verdict, as in reports; whatever is not listed is broken. */
const SIGNS = { honoured: "✓", default: "–", "default added": "+", refused: "–", "can't be told": "?" };

function table(rows) {
  const value = (row) => {
    if (row.effective === null) return "–";
    const shown = typeof row.effective === "number" ? num(row.effective, 2) : row.effective;
    return row.low === null || row.high === null ? shown : `${shown} (${num(row.low, 2)}–${num(row.high, 2)})`;
  };
  const verdict = (row) => {
    const sign = SIGNS[row.verdict] ?? "✗";
    return el("span", { class: "verdict", "data-sign": sign }, el("span", { "aria-hidden": "true" }, `${sign} `), row.verdict);
  };
  const columns = ["parameter", "verdict", "sent", "effective", "evidence"].map((name) => t(`audit.column.${name}`));
  const cell = (at, child) => el("td", { "data-column": columns[at] }, child);
  return el("table", { class: "stacks" },
    el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.map((row) => el("tr", {},
      el("th", { scope: "row" }, row.parameter), cell(1, verdict(row)), cell(2, String(row.sent)), cell(3, value(row)),
      cell(4, row.evidence)))));
}

const SIZE = 340;
const LEFT = 52;
const BELOW = 52;
const ABOVE = 14;

/** Sent against effective temperature; on the diagonal what is sent is what is used. */
function chart(rows) {
  const most = Math.max(...rows.flatMap((row) => [row.sent, row.effective]), 1) * 1.15;
  const x = (value) => LEFT + (value / most) * (SIZE - LEFT - 16);
  const y = (value) => SIZE - BELOW - (Math.min(value, most) / most) * (SIZE - BELOW - ABOVE);
  const said = rows.map((row) => `${num(row.sent, 2)} → ${num(row.effective, 2)}`).join(", ");
  const step = most > 3 ? 1 : 0.5;
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step);
  return svg("svg", { class: "scale square", viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-label": `${t("audit.sent")}: ${said}` },
    ticks.map((at) => [
      svg("line", { x1: x(0), y1: y(at), x2: SIZE - 16, y2: y(at) }),
      svg("text", { x: LEFT - 8, y: y(at) + 4, "text-anchor": "end" }, num(at, 1)),
      svg("text", { x: x(at), y: SIZE - BELOW + 18, "text-anchor": "middle" }, num(at, 1)),
    ]),
    svg("line", { class: "same", x1: x(0), y1: y(0), x2: x(most), y2: y(most) }),
    rows.map((row) => [
      row.low !== null && row.high !== null && svg("line", { class: "mid", x1: x(row.sent), x2: x(row.sent), y1: y(row.low), y2: y(row.high) }),
      row.high > most && svg("path", { class: "beyond", d: `M${x(row.sent) - 6},${ABOVE}h12l-6,-9z` }), // it goes on above
      svg("circle", { cx: x(row.sent), cy: y(row.effective), r: 5 }),
    ]),
    svg("text", { x: (LEFT + SIZE - 16) / 2, y: SIZE - 10, "text-anchor": "middle" }, t("audit.column.sent")),
    svg("text", { transform: `translate(13 ${(SIZE - BELOW + ABOVE) / 2}) rotate(-90)`, "text-anchor": "middle" }, t("audit.axis")));
}

/** Open the view. */
export function open(root, app) {
  const view = new Audit(root, app);
  return () => view.close();
}
