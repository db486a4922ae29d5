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
    root.append(el("div", { class: "fields" }, field(t("audit.budget"), budget)), this.job.root, this.found, sharing(app, this));
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
      temperatures.length ? el("figure", {}, el("figcaption", {}, t("audit.sent")), chart(temperatures)) : "",
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

function table(rows) {
  const value = (row) => {
    if (row.effective === null) return "–";
    const shown = typeof row.effective === "number" ? num(row.effective, 2) : row.effective;
    return row.low === null || row.high === null ? shown : `${shown} (${num(row.low, 2)}–${num(row.high, 2)})`;
  };
  return el("table", {},
    el("thead", {}, el("tr", {}, ["parameter", "sent", "effective", "verdict", "evidence"].map((name) =>
      el("th", { scope: "col" }, t(`audit.column.${name}`))))),
    el("tbody", {}, rows.map((row) => el("tr", {},
      el("th", { scope: "row" }, row.parameter), el("td", {}, String(row.sent)), el("td", {}, value(row)),
      el("td", {}, row.verdict), el("td", {}, row.evidence)))));
}

/** Sent against effective temperature; on the diagonal what is sent is what is used. */
function chart(rows) {
  const size = 320;
  const most = Math.max(...rows.flatMap((row) => [row.sent, row.effective, Math.min(row.high ?? 0, 3)]), 1) * 1.08;
  const x = (value) => 40 + (value / most) * (size - 60);
  const y = (value) => size - 40 - (Math.min(value, most) / most) * (size - 60);
  const said = rows.map((row) => `${num(row.sent, 2)} → ${num(row.effective, 2)}`).join(", ");
  return svg("svg", { class: "scale square", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": `${t("audit.sent")}: ${said}` },
    svg("line", { x1: x(0), y1: y(0), x2: x(most), y2: y(most) }),
    svg("line", { x1: x(0), y1: y(0), x2: x(most), y2: y(0) }), svg("line", { x1: x(0), y1: y(0), x2: x(0), y2: y(most) }),
    rows.map((row) => [
      row.low !== null && row.high !== null && svg("line", { class: "mid", x1: x(row.sent), x2: x(row.sent), y1: y(row.low), y2: y(row.high) }),
      svg("circle", { cx: x(row.sent), cy: y(row.effective), r: 5 }),
      svg("text", { x: x(row.sent), y: size - 22, "text-anchor": "middle" }, num(row.sent, 1)),
    ]),
    svg("text", { x: size / 2, y: size - 4, "text-anchor": "middle" }, t("audit.column.sent")));
}

/** Open the view. */
export function open(root, app) {
  const view = new Audit(root, app);
  return () => view.close();
}
