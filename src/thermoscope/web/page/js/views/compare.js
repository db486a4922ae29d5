// Compare: one prompt under up to six settings, side by side, as the texts come.

import { check, el, field, number } from "../dom.js";
import { Column } from "../column.js";
import { Job, reportOf } from "../job.js";
import { options, prompted, python, pythonSetting, sharing, withTemperature } from "../sharing.js";
import { t } from "../strings.js";

const MOST = 6;
const LETTERS = "ABCDEF";
const FIRST = [0.2, 0.8, 1.4];

class Compare {
  constructor(root, app) {
    this.app = app;
    const { q, s, g, seeds, seed, shared, n } = app.kept;
    this.prompt = typeof q === "string" ? q : t("text.prompt");
    this.settings = Array.isArray(g) && g.length ? g.slice(0, MOST) : FIRST.map((temperature) => ({ ...s, temperature }));
    this.seeds = seeds ?? 1;
    this.seed = seed ?? 0;
    this.shared = shared ?? true;
    this.most = n ?? 80;
    this.ids = [];
    this.job = new Job(app, () => this.run());
    this.build(root);
    if (g) this.run();
    else this.keep();
  }

  build(root) {
    this.input = el("textarea", { rows: 2, spellcheck: "false", value: this.prompt, oninput: () => this.keep() });
    const kept = (name) => (value) => {
      this[name] = value;
      this.keep();
    };
    this.mostField = number(this.most, { min: 1, max: 400 }, kept("most"));
    this.more = el("button", { type: "button", "data-do": "more", hidden: true, onclick: () => this.goOn() }, t("compare.more"));
    this.addButton = el("button", { type: "button", "data-do": "add", onclick: () => this.add() }, t("compare.add"));
    this.columns = el("div", { class: "columns" });
    this.reading = el("ul", { class: "reading" });
    root.append(
      field(t("prompt"), this.input),
      el("div", { class: "fields" },
        field(t("tokens.most"), this.mostField),
        field(t("compare.seeds"), number(this.seeds, { min: 1, max: 8 }, kept("seeds"))),
        field(t("compare.first"), number(this.seed, { min: 0, max: 2 ** 32 }, kept("seed"))),
        check(t("compare.shared"), this.shared, kept("shared"))),
      el("div", { class: "row wrap" }, this.job.root, this.more, this.addButton),
      this.columns, el("p", { class: "soft" }, t("compare.key")), this.reading, sharing(this.app, this));
    this.rebuild();
  }

  /** The columns anew, with the texts that they had. */
  rebuild() {
    const before = this.cards ?? [];
    this.cards = this.settings.map((setting, at) => new Column(this.app, LETTERS[at], setting, {
      changed: (given) => {
        this.settings[at] = given;
        this.keep();
      },
      removed: this.settings.length > 1 ? () => this.remove(at) : null,
      texts: before[at]?.texts,
    }));
    this.columns.replaceChildren(...this.cards.map((card) => card.root));
    this.addButton.disabled = this.settings.length >= MOST;
    this.keep();
  }

  add() {
    const last = this.settings.at(-1);
    this.settings.push({ ...last, temperature: Math.round(((last.temperature ?? 1) + 0.3) * 100) / 100 });
    this.rebuild();
    this.app.say(t("compare.added", { letter: LETTERS[this.settings.length - 1] }));
  }

  remove(at) {
    this.settings.splice(at, 1);
    this.cards.splice(at, 1);
    this.rebuild();
    this.app.say(t("compare.removed", { letter: LETTERS[at] }));
    this.addButton.focus();
  }

  keep() {
    this.prompt = this.input.value;
    this.app.keep({
      q: this.prompt, g: this.settings, seeds: this.seeds > 1 ? this.seeds : undefined, seed: this.seed || undefined,
      shared: this.shared ? undefined : false, n: this.most,
    });
  }

  /**
   * The same texts, longer. What was finished is gone on with. Otherwise they are made again, and begin as they did with
   * the same noise: what is there stays until it is passed.
   */
  goOn() {
    this.most = Math.min(400, this.most + 80);
    this.mostField.value = this.most;
    this.keep();
    this.run({ longer: true });
  }

  async run({ longer = false } = {}) {
    this.keep();
    if (!this.prompt) return;
    this.more.hidden = true;
    this.reading.replaceChildren();
    const asked = {
      model: this.app.model(), prompt: this.prompt, seeds: this.seeds, first_seed: this.seed, shared_noise: this.shared,
      settings: Object.fromEntries(this.settings.map((setting, at) => [LETTERS[at], setting])),
    };
    const made = JSON.stringify(asked);
    const earlier = longer && this.made === made ? this.ids : [];
    this.made = null;
    this.cards.forEach((card) => (earlier.length ? card.goOn() : card.begin(this.seeds, longer)));
    const body = { ...asked, max_new_tokens: this.most, earlier };
    await this.job.run("/api/compare", body, {
      token: (token) => {
        const place = this.placeOf(token);
        this.cards[token.setting].token(place, token, this.shared ? this.cards[token.setting - 1]?.texts[place] : null);
      },
      result: (result) => {
        this.finished(result);
        if (result.goes_on) this.made = made;
      },
    });
    this.more.hidden = this.most >= 400 || !this.cards.some((card) => card.texts.some((text) => text.tokens.length));
  }

  /** Which of a setting's texts an event is of. */
  placeOf({ setting, seed }) {
    return seed - this.seed - (this.shared ? 0 : setting * this.seeds);
  }

  finished({ ids, comparisons, noted }) {
    this.ids = ids;
    const texts = comparisons.flatMap((each) => each.texts);
    this.cards.forEach((card, at) => card.finished(texts.slice(at * this.seeds, (at + 1) * this.seeds)));
    const lines = [...new Set(noted.flat())];
    this.reading.replaceChildren(...lines.map((line) => el("li", {}, line)));
    this.result = comparisons;
  }

  close() {
    this.job.stop();
  }

  report() {
    if (this.ids.length > 1) return `/api/results/${this.ids.join()}/reports.zip`;
    return reportOf(this.ids[0]);
  }

  data() {
    return this.result;
  }

  command() {
    const rest = ["--seeds", this.seeds, "--seed", this.seed, "--max-new-tokens", this.most, "--model", this.app.model()];
    if (this.settings.length === 1) return prompted(this.prompt, "compare", withTemperature(this.settings[0]), rest);
    const named = this.settings.flatMap((setting, at) => {
      const words = options({ temperature: 1, ...setting });
      const pairs = words.filter((_, i) => i % 2 === 0).map((name, i) => `${name.slice(2).replaceAll("-", "_")}=${words[2 * i + 1]}`);
      return ["--setting", `${LETTERS[at]}: ${pairs.join(" ")}`];
    });
    return prompted(this.prompt, "compare", named, rest);
  }

  python() {
    const settings = this.settings.map((setting, at) => `    ${pythonSetting(setting)}.named(${python(LETTERS[at])}),`);
    const seeds = Array.from({ length: this.seeds }, (_, at) => this.seed + at);
    return [
      "import thermoscope", "",
      `model = thermoscope.load_model(${python(this.app.model())})`,
      "settings = [", ...settings, "]",
      `print(thermoscope.compare(model, ${python(this.prompt)}, settings, seeds=${python(seeds)}, max_new_tokens=${this.most}))`, "",
    ].join("\n");
  }
}

/** Open the view. */
export function open(root, app) {
  const view = new Compare(root, app);
  return () => view.close();
}
