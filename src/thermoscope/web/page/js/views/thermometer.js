// Thermometer: at which temperature a model would most likely have written a text.

import { el, field, svg } from "../dom.js";
import { Job, reportOf } from "../job.js";
import { command, python, sharing } from "../sharing.js";
import { num, t } from "../strings.js";

const WIDTH = 640;
const EDGE = 14;
const HIGHEST = 2;

class Thermometer {
  constructor(root, app) {
    this.app = app;
    const { x, q } = app.kept;
    this.input = el("textarea", { rows: 9, spellcheck: "false", value: typeof x === "string" ? x : "", oninput: () => this.keep() });
    this.before = el("textarea", { rows: 2, spellcheck: "false", value: typeof q === "string" ? q : "", oninput: () => this.keep() });
    this.job = new Job(app, () => this.run(), t("thermometer.go"));
    const sample = el("button", { type: "button", "data-do": "sample", onclick: () => this.app.guarded(() => this.sample()) }, t("thermometer.sample"));
    this.found = el("div", {});
    root.append(
      el("div", { class: "read" },
        field(t("thermometer.text"), this.input, t("thermometer.hint")),
        el("div", { class: "fields" }, el("div", { class: "grow" }, field(t("thermometer.prompt"), this.before))),
        el("div", { class: "row wrap" }, this.job.root, sample)),
      this.found,
      sharing(app, this));
    if (typeof x === "string" && x.trim()) this.run();
  }

  keep() {
    this.app.keep({ x: this.input.value, q: this.before.value });
  }

  /** A text of this model, to try. */
  async sample() {
    const prompt = t("text.prompt");
    this.before.value = prompt;
    this.input.value = "";
    const body = { model: this.app.model(), prompt, settings: { temperature: 1.2 }, max_new_tokens: 300, seed: Math.floor(Math.random() * 1e6) };
    const whole = await this.job.run("/api/text", body, {
      token: ({ text }) => {
        this.input.value += text;
      },
      result: ({ sample }) => {
        this.input.value = sample.text;
      },
    });
    if (whole) await this.run();
  }

  texts() {
    return this.input.value.split(/^-{3,}\s*$/m).filter((text) => text.trim());
  }

  async run() {
    this.keep();
    this.found.replaceChildren();
    const body = { model: this.app.model(), texts: this.texts(), prompt: this.before.value || null };
    if (!body.texts.length) return this.input.focus();
    await this.job.run("/api/temperature", body, { result: (found) => this.finished(found) });
    return undefined;
  }

  finished(found) {
    this.result = found;
    this.id = found.id;
    const author = t(`thermometer.${found.author}`, { p: num(found.author_p, found.author_p < 0.01 ? 4 : 2) });
    this.found.replaceChildren(
      el("p", { class: "answer" }, found.finding),
      el("p", {}, author, " ", el("span", { class: "soft" }, t("thermometer.tokens", { n: num(found.tokens) }))),
      el("figure", {}, el("figcaption", {}, t("thermometer.scale")), scale(found)),
      found.curve.length
        ? el("figure", {}, el("figcaption", {}, t("thermometer.along")), along(found.curve))
        : el("p", { class: "soft" }, t("thermometer.short")),
      found.notes.length ? el("ul", { class: "notes" }, found.notes.map((note) => el("li", {}, note))) : "");
  }

  close() {
    this.job.stop();
  }

  report() {
    return reportOf(this.id);
  }

  data() {
    return this.result;
  }

  command() {
    const prompt = this.before.value ? ["--prompt", this.before.value] : [];
    return command("temperature", "text.txt", prompt, "--model", this.app.model());
  }

  python() {
    const prompt = this.before.value ? `, prompt=${python(this.before.value)}` : "";
    return [
      "import thermoscope", "",
      `print(thermoscope.temperature_of(${python(this.texts())}, ${python(this.app.model())}${prompt}))`, "",
    ].join("\n");
  }
}

const across = (value, most) => EDGE + (Math.min(value, most) / most) * (WIDTH - 2 * EDGE);

/** A scale of temperatures with the interval and the value. */
function scale({ temperature, low, high }) {
  const most = Math.max(HIGHEST, Math.ceil(temperature * 1.2));
  const x = (value) => across(value, most);
  const ticks = Array.from({ length: most * 2 + 1 }, (_, at) => at / 2);
  const label = `${num(temperature, 2)} (${t("thermometer.range", { low: num(low, 2), high: num(high, 2) })})`;
  return svg("svg", { class: "scale", viewBox: `0 0 ${WIDTH} 84`, role: "img", "aria-label": label },
    svg("rect", { class: "band", x: x(low), width: Math.max(2, x(high) - x(low)), y: 34, height: 16, rx: 8 }),
    svg("line", { x1: EDGE, x2: WIDTH - EDGE, y1: 42, y2: 42 }),
    ticks.map((at) => [
      svg("line", { x1: x(at), x2: x(at), y1: 42, y2: 54 }),
      svg("text", { x: x(at), y: 72, "text-anchor": "middle" }, num(at, 1)),
    ]),
    svg("circle", { cx: x(temperature), cy: 42, r: 8 }),
    svg("text", { class: "value", x: x(temperature), y: 22, "text-anchor": x(temperature) > WIDTH - 90 ? "end" : x(temperature) < 90 ? "start" : "middle" }, label));
}

/** The temperature along each text, with its band. */
function along(curve) {
  const texts = [...new Set(curve.map((window) => window.text))];
  return texts.map((text) => line(curve.filter((window) => window.text === text)));
}

function line(windows) {
  const height = 170;
  const end = windows.at(-1).end;
  const most = Math.max(HIGHEST, ...windows.map((window) => Math.min(4, window.high)));
  const x = (token) => 40 + (token / end) * (WIDTH - 40 - EDGE);
  const y = (value) => height - 28 - (Math.min(value, most) / most) * (height - 42);
  const middle = (window) => x((window.start + window.end) / 2);
  const path = (points) => `M${points.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join("L")}`;
  const band = [...windows.map((w) => [middle(w), y(w.high)]), ...windows.toReversed().map((w) => [middle(w), y(w.low)])];
  const said = windows.map((w) => num(w.temperature, 2)).join(", ");
  return svg("svg", { class: "scale", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `${t("thermometer.along")}: ${said}` },
    [0, most / 2, most].map((value) => [
      svg("line", { x1: 40, x2: WIDTH - EDGE, y1: y(value), y2: y(value) }),
      svg("text", { x: 32, y: y(value) + 4, "text-anchor": "end" }, num(value, 1)),
    ]),
    svg("path", { class: "band", d: `${path(band)}Z` }),
    svg("path", { class: "mid", d: path(windows.map((w) => [middle(w), y(w.temperature)])) }),
    svg("text", { x: 40, y: height - 6 }, "0"),
    svg("text", { x: WIDTH - EDGE, y: height - 6, "text-anchor": "end" }, t("thermometer.end", { n: num(end) })));
}

/** Open the view. */
export function open(root, app) {
  const view = new Thermometer(root, app);
  return () => view.close();
}
