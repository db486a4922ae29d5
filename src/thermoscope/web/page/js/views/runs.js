// Runs: those of the folder where the page was started.

import { get, remove } from "../api.js";
import { el } from "../dom.js";
import { Job } from "../job.js";
import { inLanguage } from "../sharing.js";
import { t } from "../strings.js";

class Runs {
  constructor(root, app) {
    this.app = app;
    this.list = el("div", { class: "scrolls" });
    this.job = new Job(app, () => {}, t("runs.resume"));
    this.job.root.hidden = true;
    this.detail = el("section", { class: "detail" });
    root.append(this.list, this.job.root, this.detail);
    this.load();
    if (app.kept.run) this.open(String(app.kept.run));
  }

  async load() {
    const runs = await this.app.guarded(() => get("/api/runs"));
    if (!runs) return;
    if (!runs.length) {
      this.list.replaceChildren(el("p", { class: "empty" }, t("runs.none")));
      return;
    }
    this.list.tabIndex = 0;
    this.list.replaceChildren(el("table", { class: "stacks" },
      el("thead", {}, el("tr", {}, ["run", "actions", "model", "texts", "state", "finished"].map((name) =>
        el("th", { scope: "col" }, t(`runs.${name}`))))),
      el("tbody", {}, runs.map((run) => this.row(run)))));
  }

  row(run) {
    const complete = run.state === "complete";
    const report = inLanguage(`/api/runs/${encodeURIComponent(run.run)}/report.html`);
    const act = (name, work) => el("button", { type: "button", "data-do": name, onclick: work }, t(`runs.${name}`));
    const told = (name, value) => el("td", { "data-column": t(`runs.${name}`) }, value);
    return el("tr", { "data-run": run.run },
      el("th", { scope: "row" }, run.run, run.recommendation && el("p", { class: "hint" }, t("runs.recommendation"))),
      el("td", {}, el("div", { class: "acts" },
        act("open", () => this.open(run.run)),
        !complete && !run.recommendation && run.state !== "unreadable" && act("resume", () => this.resume(run.run)),
        this.deleting(run.run),
        complete && el("a", { href: report, download: "" }, t("runs.report")))),
      told("model", run.model), told("texts", t("runs.of", { done: run.done, of: run.texts })), told("state", run.state),
      told("finished", run.finished ? new Date(run.finished).toLocaleString(document.documentElement.lang) : "–"));
  }

  /** A button that asks a second time before it deletes. */
  deleting(name) {
    let word = "";
    const button = el("button", { type: "button", "data-do": "delete" }, t("runs.delete"));
    button.addEventListener("click", () => this.app.guarded(async () => {
      const answer = await remove(`/api/runs/${encodeURIComponent(name)}`, { confirm: word });
      if (answer.deleted) {
        this.app.say(t("runs.deleted", { run: name }));
        if (this.app.kept.run === name) this.shut();
        await this.load();
        return;
      }
      word = answer.confirm;
      button.classList.add("sure");
      button.replaceChildren(t("runs.sure"));
      this.app.say(t("runs.asked", { run: name }));
    }));
    button.addEventListener("blur", () => {
      word = "";
      button.classList.remove("sure");
      button.replaceChildren(t("runs.delete"));
    });
    return button;
  }

  shut() {
    this.detail.replaceChildren();
    this.app.keep({ run: undefined });
  }

  async open(name) {
    const found = await this.app.guarded(() => get(`/api/runs/${encodeURIComponent(name)}`));
    if (!found) return;
    this.app.keep({ run: name });
    this.detail.replaceChildren(
      el("h2", { tabindex: "-1" }, found.name || name),
      el("ul", { class: "reading" }, found.findings.map((line) => el("li", {}, line))),
      found.command ? el("pre", { tabindex: "0" }, found.command) : "");
    this.detail.querySelector("h2").focus();
  }

  async resume(name) {
    this.job.root.hidden = false;
    await this.job.run(`/api/runs/${encodeURIComponent(name)}/resume`, { model: this.app.model() }, {});
    this.job.root.hidden = !this.job.running;
    await this.load();
  }

  close() {
    this.job.stop();
  }
}

/** Open the view. */
export function open(root, app) {
  const view = new Runs(root, app);
  return () => view.close();
}
