// Next token: the model's distribution, what each stage leaves of it, and the text that grows by a click.

import { post, postText } from "../api.js";
import { Bars } from "../bars.js";
import * as chain from "../chain.js";
import { debounce, el, field, number, said, visible } from "../dom.js";
import { Panel } from "../panel.js";
import { activeStages, isServers, orderOf } from "../parameters.js";
import { inLanguage, options, prompted, pythonSetting, python, sharing } from "../sharing.js";
import { num, percent, t } from "../strings.js";

const DRAWS = 100;

class Next {
  constructor(root, app) {
    this.app = app;
    const { q, s, c, seed } = app.kept;
    this.prompt = typeof q === "string" ? q : t("next.prompt");
    this.chosen = s ?? { temperature: 0.8, top_p: 0.9 };
    this.tokens = Array.isArray(c) ? c : [];
    this.seed = seed ?? 0;
    this.undone = [];
    this.frame = 0;
    this.bars = new Bars((token) => this.append(token));
    this.panel = new Panel(app, this.chosen, (setting, move) => this.moved(setting, move));
    this.asked = debounce(() => this.ask(), 130);
    this.build(root);
    this.keys = (event) => this.keyed(event);
    document.addEventListener("keydown", this.keys);
    this.ask();
  }

  build(root) {
    const typed = debounce(() => this.reset(), 180);
    this.input = el("textarea", { rows: 2, spellcheck: "false", value: this.prompt, oninput: () => typed() });
    this.grown = el("p", { class: "grown prose", "aria-live": "polite" });
    const button = (name, work) => el("button", { type: "button", "data-do": name, onclick: work }, t(`next.${name}`));
    this.undoButton = button("undo", () => this.undo());
    this.redoButton = button("redo", () => this.redo());
    this.drawnButton = button("take", () => this.take());
    this.drawButton = button("draw", () => this.app.guarded(() => this.draw()));
    this.drawButton.setAttribute("aria-pressed", "false");
    this.facts = el("p", { class: "facts" });
    this.stages = el("ol", { class: "passes", "aria-label": t("next.passes") });
    const seed = number(this.seed, { min: 0, max: 2 ** 32 }, (value) => {
      this.seed = value;
      this.ask();
    });
    root.append(
      el("div", { class: "two" },
        el("div", {},
          field(t("prompt"), this.input),
          this.grown,
          el("div", { class: "row wrap tools" }, this.drawnButton, this.undoButton, this.redoButton, this.drawButton,
            el("div", { class: "inline" }, field(t("seed"), seed)))),
        el("div", { class: "beside" }, this.panel.root),
        el("div", {},
          this.facts,
          this.bars.root,
          el("p", { class: "key", "aria-hidden": "true" },
            el("span", { class: "sample after" }), t("next.after"), el("span", { class: "sample before" }), t("next.before"),
            el("span", { class: "sample draws" }), t("next.overlay", { n: DRAWS })),
          this.stages)),
      sharing(this.app, this),
    );
  }

  body() {
    return { model: this.app.model(), prompt: this.prompt, tokens: this.tokens, settings: this.chosen };
  }

  /** Ask for the distribution; while one answer is under way, only the latest question waits. */
  async ask() {
    this.keep();
    this.asking?.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    if (!this.prompt) return;
    const answer = await this.app.guarded(() => post("/api/next-token", { ...this.body(), seed: this.seed }, signal));
    if (answer && !signal.aborted) this.answered(answer);
  }

  answered(answer) {
    this.answer = answer;
    this.base = chain.prepare(answer);
    this.bars.take(answer);
    this.show(answer.stages);
    this.grown.replaceChildren(
      el("span", { class: "soft" }, this.prompt),
      ...answer.pieces.map((piece, at) => el("span", { class: at === answer.pieces.length - 1 ? "new" : null }, piece)));
    this.undoButton.disabled = !this.tokens.length;
    this.redoButton.disabled = !this.undone.length;
    const drawn = answer.tokens.find((token) => token.id === answer.drawn);
    this.drawnButton.replaceChildren(t("next.take", { token: drawn ? visible(drawn.text) : "…" }));
    this.pressed(false);
  }

  /** What stands above the bars and in the panel: the stages of the server's answer, or of the page's own run. */
  show(stages) {
    this.panel.show(stages);
    const last = stages.at(-1);
    said(this.facts, t("next.facts", {
      left: num(last.survivors), all: num(this.answer.vocabulary), entropy: num(last.entropy_nats, 2),
      raw: num(stages[0].entropy_nats, 2),
    }));
    if (stages.map((stage) => stage.name).join() !== this.passed?.map((pass) => pass.name).join()) this.pass(stages);
    stages.forEach((stage, at) => {
      said(this.passed[at].left, t("panel.left", { n: num(stage.survivors) }));
      said(this.passed[at].removed, stage.removed_mass > 0 ? `−${percent(stage.removed_mass)}` : "");
    });
  }

  /** A place for what each stage leaves, to be filled. */
  pass(stages) {
    this.passed = stages.map(({ name }) => ({ name, left: el("span", { class: "num" }), removed: el("span", { class: "num" }) }));
    this.stages.replaceChildren(...this.passed.map(({ name, left, removed }) =>
      el("li", {}, el("code", {}, name === "model" ? t("next.model") : name), left, removed)));
  }

  /** A slider moved: the page shows it in the next frame, and the server's answer follows when it rests. */
  moved(setting, { live, name }) {
    this.chosen = setting;
    const stage = this.app.state.stages.find((each) => each.parameters.some((parameter) => parameter.name === name));
    if (this.base && stage && !isServers(stage)) {
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => this.reshape());
    }
    if (live) this.asked();
    else {
      this.asked.cancel();
      this.ask();
    }
  }

  /** The page's own run of the chain. */
  reshape() {
    const stages = chain.run(this.base, this.chosen, activeStages(this.app, this.chosen));
    this.bars.frame(stages.at(-1).probabilities, stages.at(-1).tail);
    this.bars.overlay(null);
    this.show(stages);
  }

  append(token) {
    this.tokens = [...this.tokens, token.id];
    this.undone = [];
    this.app.say(t("next.appended", { token: visible(token.text) }));
    this.ask();
  }

  take() {
    if (this.answer) this.append(this.answer.tokens.find((token) => token.id === this.answer.drawn) ?? { id: this.answer.drawn, text: "" });
  }

  undo() {
    if (!this.tokens.length) return;
    this.undone.push(this.tokens.at(-1));
    this.tokens = this.tokens.slice(0, -1);
    this.ask();
  }

  redo() {
    if (!this.undone.length) return;
    this.tokens = [...this.tokens, this.undone.pop()];
    this.ask();
  }

  reset() {
    this.prompt = this.input.value;
    this.tokens = [];
    this.undone = [];
    this.ask();
  }

  pressed(on) {
    this.drawButton.setAttribute("aria-pressed", String(on));
    if (!on) this.bars.overlay(null);
  }

  async draw() {
    if (this.drawButton.getAttribute("aria-pressed") === "true") return this.pressed(false);
    const { counts } = await post("/api/draws", { ...this.body(), draws: DRAWS });
    this.pressed(true);
    this.bars.overlay(counts, DRAWS);
    return undefined;
  }

  keyed(event) {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("textarea, input[type=text]")) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) this.undo();
    else if (key === "y" || (key === "z" && event.shiftKey)) this.redo();
    else return;
    event.preventDefault();
  }

  keep() {
    this.app.keep({ q: this.prompt, s: this.chosen, c: this.tokens, seed: this.seed || undefined });
  }

  close() {
    document.removeEventListener("keydown", this.keys);
    this.asked.cancel();
    this.asking?.abort();
    cancelAnimationFrame(this.frame);
  }

  text() {
    return this.prompt + (this.answer?.pieces.join("") ?? "");
  }

  command() {
    return prompted(this.text(), "inspect", options(this.chosen), "--seed", this.seed, "--model", this.app.model());
  }

  python() {
    return [
      "import thermoscope", "",
      `model = thermoscope.load_model(${python(this.app.model())})`,
      `setting = ${pythonSetting(this.chosen)}`,
      `print(thermoscope.inspect(model, ${python(this.text())}, setting, seed=${this.seed}))`, "",
    ].join("\n");
  }

  setting() {
    return this.chosen;
  }

  async report() {
    if (!this.answer) return null;
    return { name: "thermoscope.html", text: await postText(inLanguage("/api/next-token/report"), { ...this.body(), seed: this.seed }) };
  }

  data() {
    return this.answer && { ...this.body(), seed: this.seed, order: orderOf(this.app, this.chosen), answer: this.answer };
  }
}

/** Open the view. */
export function open(root, app) {
  const view = new Next(root, app);
  return () => view.close();
}
