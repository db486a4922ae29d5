// Text: token by token; click a word for what else it could have been, and go on from there.

import { post } from "../api.js";
import { Bars } from "../bars.js";
import { debounce, el, field, number, select, visible } from "../dom.js";
import { Job, reportOf } from "../job.js";
import { Panel } from "../panel.js";
import { level, levelNames, tokensOf } from "../pieces.js";
import { prompted, python, pythonSetting, sharing, withTemperature } from "../sharing.js";
import { num, percent, t } from "../strings.js";

class Text {
  constructor(root, app) {
    this.app = app;
    const { q, s, c, seed, n, by } = app.kept;
    this.prompt = typeof q === "string" ? q : t("text.prompt");
    this.chosen = s ?? { temperature: 0.8, top_p: 0.95 };
    this.pinned = Array.isArray(c) ? c : [];
    this.seed = seed ?? 0;
    this.most = n ?? 80;
    this.by = by === "rank" ? "rank" : "probability";
    this.tokens = [];
    this.place = null;
    this.job = new Job(app, () => this.begin());
    this.again = debounce(() => this.write(), 300);
    this.build(root);
    this.write();
  }

  build(root) {
    const panel = new Panel(this.app, this.chosen, (setting) => {
      this.chosen = setting;
      this.again();
    });
    this.panel = panel;
    this.input = el("textarea", { rows: 2, spellcheck: "false", value: this.prompt });
    this.input.addEventListener("input", debounce(() => {
      this.prompt = this.input.value;
      this.pinned = [];
      this.keep();
    }, 150));
    this.written = el("div", {
      class: "written prose", role: "group", "aria-label": t("text.written"), onkeydown: (event) => this.keyed(event),
    });
    this.key = el("p", { class: "levels", "aria-label": t("text.key") });
    const by = select([["probability", t("text.probability")], ["rank", t("text.rank")]], this.by, (value) => {
      this.by = value;
      this.draw();
      this.keep();
    });
    this.bars = new Bars((token) => this.goOn(token));
    this.aboutToken = el("p", { class: "soft" });
    this.others = el("section", { class: "panel others", hidden: true, "aria-label": t("text.others") },
      el("h2", {}, t("text.others")), this.aboutToken, this.bars.root);
    const kept = (name) => (value) => {
      this[name] = value;
      this.again();
    };
    root.append(
      el("div", { class: "two" },
        el("div", {},
          field(t("prompt"), this.input),
          el("div", { class: "fields" },
            field(t("tokens.most"), number(this.most, { min: 1, max: 400 }, kept("most"))),
            field(t("seed"), number(this.seed, { min: 0, max: 2 ** 32 }, kept("seed"))),
            field(t("text.by"), by)),
          this.job.root, this.written, this.key),
        el("div", { class: "beside" }, this.others, panel.root)),
      sharing(this.app, this));
    this.drawKey();
  }

  /** A new text, from the prompt alone. */
  begin() {
    this.prompt = this.input.value;
    this.pinned = [];
    this.place = null;
    this.write();
  }

  keep() {
    this.app.keep({
      q: this.prompt, s: this.chosen, c: this.pinned, seed: this.seed || undefined, n: this.most,
      by: this.by === "rank" ? "rank" : undefined,
    });
  }

  body() {
    return {
      model: this.app.model(), prompt: this.prompt, tokens: this.pinned, settings: this.chosen, seed: this.seed,
      max_new_tokens: this.most,
    };
  }

  /** Write the text after what was chosen; its first tokens stay as they are. */
  async write() {
    this.again.cancel();
    this.keep();
    if (!this.prompt) return;
    this.others.hidden = true;
    this.sample = this.id = null;
    const known = this.tokens.slice(0, this.pinned.length);
    this.tokens = this.pinned.every((id, at) => known[at]?.id === id) ? known : [];
    const whole = this.tokens.length === this.pinned.length;
    this.draw();
    await this.job.run("/api/text", this.body(), {
      token: (token) => {
        if (!whole) return; // what was chosen is not known yet: the result has all of it
        this.tokens.push(token);
        this.written.append(this.token(token, this.tokens.length - 1));
      },
      result: ({ id, sample }) => {
        this.id = id;
        this.sample = sample;
        const recorded = this.tokens; // of tokens that were given, the sample has no records
        this.tokens = tokensOf(sample).map((token, at) => (token.logprob === null && whole ? recorded[at] : token));
        this.draw();
      },
    });
  }

  draw() {
    this.written.replaceChildren(
      el("span", { class: "prompt" }, this.prompt), ...this.tokens.map((token, at) => this.token(token, at)));
    this.drawKey();
  }

  drawKey() {
    this.key.replaceChildren(...levelNames(this.by).map((name, at) => el("span", { "data-level": at }, name)));
  }

  token(token, at) {
    const about = described("text.about", token);
    return el("span", {
      class: `tok${at === this.pinned.length - 1 ? " chosen" : ""}`, role: "button",
      tabindex: at === (this.place ?? 0) ? "0" : "-1", "data-at": at, "data-level": level(token, this.by),
      title: about, onclick: () => this.look(at),
      "aria-label": `${visible(token.text)}, ${about}`,
    }, token.text);
  }

  /** Show what else could have stood at a place. */
  async look(at) {
    this.place = at;
    const before = this.written.querySelector('[aria-current="true"]');
    before?.removeAttribute("aria-current");
    const node = this.written.querySelector(`[data-at="${at}"]`);
    for (const other of this.written.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    node.tabIndex = 0;
    node.setAttribute("aria-current", "true");
    const tokens = this.tokens.slice(0, at).map((token) => token.id);
    const answer = await this.app.guarded(() => post("/api/next-token", { ...this.without(), tokens }));
    if (!answer || this.place !== at) return;
    const token = this.tokens[at];
    answer.drawn = token.id;
    this.bars.take(answer);
    this.panel.show(answer.stages);
    this.aboutToken.replaceChildren(described("text.instead", token));
    this.others.hidden = false;
    this.app.say(t("text.listed", { token: visible(token.text) }));
  }

  without() {
    const { model, prompt, settings, seed } = this.body();
    return { model, prompt, settings, seed };
  }

  /** Go on with another token at the place that is looked at. */
  goOn(token) {
    const at = this.place;
    this.pinned = [...this.tokens.slice(0, at).map((each) => each.id), token.id];
    this.tokens = [...this.tokens.slice(0, at), {
      id: token.id, text: token.text, logprob: Math.log(token.probabilities[0]), rank: token.rank, entropy: 0,
    }];
    this.app.say(t("text.went", { token: visible(token.text) }));
    this.write();
  }

  keyed(event) {
    const at = Number(event.target.dataset?.at ?? NaN);
    if (Number.isNaN(at)) return;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.tokens.length - 1 }[event.key];
    if (to !== undefined) this.written.querySelector(`[data-at="${to}"]`)?.focus();
    else if (event.key === "Enter" || event.key === " ") this.look(at);
    else return;
    event.preventDefault();
  }

  close() {
    this.again.cancel();
    this.job.stop();
  }

  setting() {
    return this.chosen;
  }

  command() {
    return prompted(this.begun(), "compare", withTemperature(this.chosen),
      "--seed", this.seed, "--max-new-tokens", this.most, "--model", this.app.model());
  }

  /** The prompt with what was chosen after it. */
  begun() {
    return this.prompt + this.tokens.slice(0, this.pinned.length).map((token) => token.text).join("");
  }

  python() {
    return [
      "import thermoscope", "",
      `model = thermoscope.load_model(${python(this.app.model())})`,
      `setting = ${pythonSetting(this.chosen)}`,
      `(sample,) = thermoscope.generate(model, ${python(this.prompt)}, setting, seeds=[${this.seed}], `
        + `max_new_tokens=${this.pinned.length + this.most}${this.pinned.length ? `, begin=${python(this.pinned)}` : ""})`,
      "print(sample.text)", "",
    ].join("\n");
  }

  report() {
    return reportOf(this.id);
  }

  data() {
    return this.sample;
  }
}

/** A sentence with a token's text, probability and rank; of a token that came with the address these are not known. */
const described = (name, token) => t(token.logprob === null ? "text.given" : name, {
  token: visible(token.text), share: percent(Math.exp(token.logprob)), rank: num(token.rank),
});

/** Open the view. */
export function open(root, app) {
  const view = new Text(root, app);
  return () => view.close();
}
