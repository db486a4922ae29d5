// Long work: a button that begins and stops it, how far it is, and its events.

import { stream } from "./api.js";
import { el } from "./dom.js";
import { num, t } from "./strings.js";

/** The address of the report of a result, null where there is none. */
export const reportOf = (id) => (id ? `/api/results/${id}/report.html` : null);

/** What views of one result share: `job` makes it, `result` is what came, and `id` what its report is kept under. */
export class ResultView {
  constructor(app) {
    this.app = app;
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
}

export class Job {
  /** `begin()` is called when the button is pressed while nothing runs. */
  constructor(app, begin, label = t("go")) {
    this.app = app;
    this.label = label;
    this.button = el("button", { type: "button", class: "main", onclick: () => (this.running ? this.stop() : begin()) }, label);
    this.bar = el("progress", { hidden: true, "aria-label": t("busy") });
    this.state = el("p", { class: "state" });
    this.root = el("div", { class: "job" }, this.button, this.bar, this.state);
    this.running = null;
  }

  /** Ask, and hand each event to the handler of its name. What ran before is stopped. True if it came to its result. */
  async run(path, body, handlers) {
    this.stop();
    const mine = new AbortController();
    this.running = mine;
    this.shown(true);
    this.state.replaceChildren(t("busy"));
    let result = false;
    await this.app.guarded(async () => {
      for await (const [name, data] of stream(path, body, mine.signal)) {
        if (mine.signal.aborted) return;
        this.follow(name, data);
        handlers[name]?.(data);
        result ||= name === "result";
      }
    });
    if (this.running !== mine) return false;
    this.running = null;
    this.shown(false);
    if (result) this.app.say(t("done"));
    if (result || this.state.textContent === t("busy")) this.state.replaceChildren("");
    return result;
  }

  follow(name, data) {
    if (name === "queued") this.state.replaceChildren(t("queued", { n: data.place }));
    else if (name === "stopped") this.state.replaceChildren(t("stopped.server", { why: data.why }));
    else if (name === "progress" && data.of) {
      this.bar.max = data.of;
      this.bar.value = data.done;
      this.state.replaceChildren(t("progress", { done: num(data.done), of: num(data.of), what: data.what }));
    }
  }

  stop() {
    if (!this.running) return;
    this.running.abort();
    this.running = null;
    this.shown(false);
    this.state.replaceChildren(t("stopped"));
  }

  shown(runs) {
    this.button.replaceChildren(runs ? t("stop") : this.label);
    this.bar.hidden = !runs;
    if (runs) this.bar.removeAttribute("value");
  }
}
