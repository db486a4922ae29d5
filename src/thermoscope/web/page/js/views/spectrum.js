// Spectrum: every text between two temperatures; the tree grows while it is made, and a slider moves through it.

import { el, field, number } from "../dom.js";
import { Job, ResultView } from "../job.js";
import { Panel } from "../panel.js";
import { prompted, options, python, pythonSetting, sharing } from "../sharing.js";
import { num, t } from "../strings.js";
import { Tree, holds } from "../tree.js";

class SpectrumView extends ResultView {
  constructor(root, app) {
    super(app);
    const { q, s, low, high, seed, n, t: at } = app.kept;
    this.prompt = typeof q === "string" ? q : t("text.prompt");
    this.chosen = { ...(s ?? {}) };
    for (const name of ["temperature", "dynatemp_range", "dynatemp_exponent"]) delete this.chosen[name];
    this.low = low ?? 0;
    this.high = high ?? 1.5;
    this.seed = seed ?? 0;
    this.most = n ?? 30;
    this.at = at ?? 0.7;
    this.leaves = [];
    this.forks = [];
    this.job = new Job(app, () => this.run(), t("spectrum.go"));
    this.tree = new Tree((temperature) => this.move(temperature));
    this.build(root);
    if (at !== undefined) this.run();
  }

  build(root) {
    const kept = (name) => (value) => {
      this[name] = value;
      this.keep();
    };
    this.input = el("textarea", { rows: 2, spellcheck: "false", value: this.prompt, oninput: () => this.keep() });
    const panel = new Panel(this.app, this.chosen, (setting) => {
      this.chosen = setting;
      this.keep();
    }, { without: ["temperature"] });
    this.slider = el("input", {
      type: "range", min: this.low, max: this.high, step: 0.001, value: this.at, id: "temperature", "aria-label": t("spectrum.temperature"),
      oninput: () => this.move(this.slider.valueAsNumber),
    });
    this.value = el("p", { class: "at" });
    const step = (name, way) => el("button", { type: "button", "data-do": name, onclick: () => this.step(way) }, t(`spectrum.${name}`));
    this.text = el("div", { class: "written prose" });
    this.list = el("ol", { class: "forks" });
    this.found = el("div", { hidden: true },
      this.tree.root,
      el("div", { class: "dial" }, this.slider, this.value, el("div", { class: "row" }, step("before", -1), step("after", 1))),
      this.text);
    root.append(
      el("div", { class: "two" },
        el("div", {},
          field(t("prompt"), this.input),
          el("div", { class: "fields" },
            field(t("spectrum.low"), number(this.low, { min: 0, max: 100, step: 0.1 }, kept("low"))),
            field(t("spectrum.high"), number(this.high, { min: 0.01, max: 100, step: 0.1 }, kept("high"))),
            field(t("tokens.most"), number(this.most, { min: 1, max: 200 }, kept("most"))),
            field(t("seed"), number(this.seed, { min: 0, max: 2 ** 32 }, kept("seed")))),
          this.job.root),
        el("div", { class: "beside last" },
          el("section", { class: "panel" }, el("h2", {}, t("spectrum.forks")), el("p", { class: "soft" }, t("spectrum.why")), this.list),
          panel.root),
        this.found),
      sharing(this.app, this));
  }

  keep() {
    this.prompt = this.input.value;
    this.app.keep({
      q: this.prompt, s: this.chosen, low: this.low || undefined, high: this.high, seed: this.seed || undefined, n: this.most,
      t: this.leaves.length ? this.at : undefined,
    });
  }

  async run() {
    this.keep();
    this.leaves = [];
    this.forks = [];
    this.list.replaceChildren();
    this.text.replaceChildren();
    this.found.hidden = true;
    this.slider.min = this.low;
    this.slider.max = this.high;
    const body = {
      model: this.app.model(), prompt: this.prompt, settings: this.chosen, low: this.low, high: this.high, seed: this.seed,
      max_new_tokens: this.most,
    };
    await this.job.run("/api/spectrum", body, {
      leaf: (leaf) => this.grow(leaf),
      result: (found) => this.finished(found),
    });
  }

  grow(leaf) {
    this.leaves = [...this.leaves, leaf].sort((a, b) => a.low - b.low);
    this.found.hidden = false;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.tree.take(this.leaves, this.low, this.high);
      this.move(this.at);
    });
  }

  finished(found) {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    this.id = found.id;
    this.result = found;
    this.leaves = found.leaves;
    this.forks = found.forks;
    this.found.hidden = false;
    this.tree.take(this.leaves, this.low, this.high);
    this.list.replaceChildren(...this.forks.map((fork, at) => el("li", {}, this.forkButton(fork, at))));
    this.move(this.at);
    this.job.state.replaceChildren(t("spectrum.found", { n: num(this.leaves.length), forks: num(this.forks.length) }));
  }

  forkButton(fork, at) {
    const words = { before: fork.word_before.trim(), after: fork.word_after.trim(), n: fork.word };
    const values = {
      before: num(fork.logit_before, 2), after: num(fork.logit_after, 2), t: num(fork.temperature, 3),
      noise_before: num(fork.noise_before, 2), noise_after: num(fork.noise_after, 2),
    };
    return el("button", { type: "button", "data-fork": at, onclick: () => this.move(fork.temperature + 1e-6) },
      el("span", { class: "num" }, num(fork.temperature, 3)), el("span", {}, t("spectrum.fork", words)),
      el("span", { class: "why" }, t(`spectrum.${fork.cause}`, values)));
  }

  /** Go to a temperature: its text, with what changed at the last fork. */
  move(temperature) {
    this.at = Math.min(this.high, Math.max(this.low, temperature));
    this.slider.value = this.at;
    this.tree.show(this.at);
    const place = this.leaves.findIndex((leaf) => holds(leaf, this.at, this.low));
    const leaf = this.leaves[place];
    this.value.replaceChildren(`T = ${num(this.at, 3)} `,
      el("small", {}, leaf ? t("spectrum.range", { low: num(leaf.low, 3), high: num(leaf.high, 3) }) : ""));
    if (leaf && this.shown !== leaf) this.write(leaf, this.leaves[place - 1]);
    this.shown = leaf;
    const fork = this.forks.findLastIndex((each) => each.temperature < this.at);
    const before = this.list.querySelector('[aria-current="true"]');
    const now = this.list.querySelector(`[data-fork="${fork}"]`);
    if (before !== now) {
      before?.removeAttribute("aria-current");
      now?.setAttribute("aria-current", "true");
      if (now) this.list.scrollTop = now.offsetTop - this.list.offsetTop - this.list.clientHeight / 2;
    }
    if (leaf) this.keep();
  }

  write(leaf, below) {
    let shared = 0;
    while (below && shared < leaf.text.length && leaf.text[shared] === below.text[shared]) shared++;
    const start = below ? leaf.text.lastIndexOf(" ", shared) + 1 : leaf.text.length;
    this.text.replaceChildren(
      el("span", { class: "prompt" }, this.prompt), leaf.text.slice(0, start),
      el("span", { class: "new" }, leaf.text.slice(start).match(/^\S*/)[0]),
      leaf.text.slice(start).replace(/^\S*/, ""));
  }

  step(way) {
    const edges = this.forks.map((fork) => fork.temperature);
    const next = way > 0 ? edges.find((edge) => edge >= this.at) : edges.findLast((edge) => edge < this.at - 2e-6);
    if (next !== undefined) this.move(next + 1e-6);
    else this.move(way > 0 ? this.high : this.low);
  }

  close() {
    cancelAnimationFrame(this.frame);
    super.close();
    this.tree.close();
  }

  command() {
    return prompted(this.prompt, "spectrum", "--low", this.low, "--high", this.high, options(this.chosen), "--seed", this.seed,
      "--max-new-tokens", this.most, "--model", this.app.model());
  }

  python() {
    return [
      "import thermoscope", "",
      `model = thermoscope.load_model(${python(this.app.model())})`,
      `(found,) = thermoscope.spectrum(model, ${python(this.prompt)}, temperature=(${this.low}, ${this.high}), `
        + `params=${pythonSetting(this.chosen)}, seeds=[${this.seed}], max_new_tokens=${this.most})`,
      "print(found)", "",
    ].join("\n");
  }
}

/** Open the view. */
export function open(root, app) {
  const view = new SpectrumView(root, app);
  return () => view.close();
}
