// Recommend: the setting for some prompts, told as it is found.

import { post } from "../api.js";
import { el, field, number, select } from "../dom.js";
import { Job, ResultView } from "../job.js";
import { inWords } from "../parameters.js";
import { command, engineCard, python, sharing } from "../sharing.js";
import { num, t } from "../strings.js";

class Recommend extends ResultView {
  constructor(root, app) {
    super(app);
    const { ps, u, low, high, b } = app.kept;
    this.use = u ?? "";
    this.low = low ?? 0;
    this.high = high ?? 1.5;
    this.budget = b ?? 20000;
    this.job = new Job(app, () => this.run(), t("recommend.go"));
    this.input = el("textarea", { rows: 5, spellcheck: "false", value: Array.isArray(ps) ? ps.join("\n") : t("recommend.example"), oninput: () => this.keep() });
    this.build(root);
    this.keep();
  }

  build(root) {
    const kept = (name) => (value) => {
      this[name] = value;
      this.input.disabled = Boolean(this.use);
      this.keep();
    };
    const cases = [["", t("recommend.own")], ...this.app.state.use_cases.map((name) => [name, name])];
    this.input.disabled = Boolean(this.use);
    this.notes = el("ul", { class: "notes" });
    this.found = el("div", {});
    root.append(
      field(t("recommend.prompts"), this.input),
      el("div", { class: "fields" },
        field(t("recommend.usecase"), select(cases, this.use, kept("use"))),
        field(t("recommend.low"), number(this.low, { min: 0, max: 100, step: 0.1 }, kept("low"))),
        field(t("recommend.high"), number(this.high, { min: 0.01, max: 100, step: 0.1 }, kept("high"))),
        field(t("recommend.budget"), number(this.budget, { min: 1000, max: 500000, step: 1000 }, kept("budget")))),
      this.job.root, this.notes, this.found, sharing(this.app, this));
  }

  prompts() {
    return this.input.value.split("\n").filter((line) => line.trim());
  }

  keep() {
    this.app.keep({
      ps: this.use ? undefined : this.prompts(), u: this.use || undefined, low: this.low || undefined, high: this.high, b: this.budget,
    });
  }

  async run() {
    this.keep();
    this.notes.replaceChildren();
    this.found.replaceChildren();
    const body = {
      model: this.app.model(), prompts: this.use ? [] : this.prompts(), use_case: this.use, budget: this.budget,
      vary: { temperature: `${this.low}:${this.high}` },
    };
    await this.job.run("/api/recommend", body, {
      note: ({ kind, text }) => {
        const line = el("li", { class: kind }, text);
        const last = this.notes.lastElementChild;
        if (kind === "range" && last?.classList.contains("range")) last.replaceWith(line);
        else this.notes.append(line);
      },
      result: (result) => this.app.guarded(() => this.finished(result)),
    });
  }

  async finished({ id, recommendation: found }) {
    this.id = id;
    this.result = found;
    const [first, ...rest] = found.finding;
    this.found.replaceChildren(
      el("p", { class: "answer" }, first),
      el("ul", { class: "reading" }, [...rest, ...found.details].map((line) => el("li", {}, line))),
      el("h2", {}, t("recommend.set")), el("div", { class: "scrolls", tabindex: "0" }, candidates(found)));
    if (!found.setting) return;
    const setting = differing(this.app, found.setting);
    const { engines } = await post("/api/export", { settings: setting });
    this.found.append(
      el("h2", {}, t("recommend.snippets")), el("p", { class: "picked" }, inWords(setting)),
      el("p", {}, el("a", { href: this.app.address("text", { ...this.app.kept, ps: undefined, s: setting }) }, t("recommend.try"))),
      el("div", { class: "engines" }, engines.map((one) => engineCard(this.app, one))));
  }

  command() {
    const what = this.use ? ["--use-case", this.use] : ["--prompts", "prompts.txt"];
    return command("recommend", what, "--vary", `temperature=${this.low}:${this.high}`, "--budget", `${this.budget} tokens`, "--model", this.app.model());
  }

  python() {
    const what = this.use ? python(this.use) : '"prompts.txt"';
    return [
      "import thermoscope", "",
      `found = thermoscope.recommend(${python(this.app.model())}, ${what}, vary={"temperature": "${this.low}:${this.high}"}, `
        + `budget="${this.budget} tokens")`,
      "print(found)", "",
    ].join("\n");
  }
}

/** What a record of a setting has that is not everybody's default. */
function differing(app, record) {
  const shaping = app.state.stages.flatMap((stage) => stage.parameters).filter((p) => p.shapes !== null);
  const idle = { order: "transformers", ...Object.fromEntries(shaping.map((p) => [p.name, p.default])) };
  return Object.fromEntries(Object.entries(record).filter(([name, value]) =>
    value !== null && idle[name] !== value && !["id", "stages"].includes(name)));
}

function candidates(found) {
  const interval = ({ value, low, high }) =>
    value === null ? "–" : `${num(value, 3)}${low === null || high === null ? "" : ` (${num(low, 3)}–${num(high, 3)})`}`;
  return el("table", {},
    el("thead", {}, el("tr", {}, ["setting", "feasible", "objective", "inset"].map((name) => el("th", { scope: "col" }, t(`recommend.column.${name}`))))),
    el("tbody", {}, found.candidates.map((one) => el("tr", {},
      el("th", { scope: "row" }, one.label), el("td", {}, t(`recommend.${one.feasible}`)), el("td", {}, interval(one.objective)),
      el("td", {}, one.in_set ? t("yes") : t("no"))))));
}

/** Open the view. */
export function open(root, app) {
  const view = new Recommend(root, app);
  return () => view.close();
}
