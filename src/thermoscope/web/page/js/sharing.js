// What every view offers of its state: its address, the command and the Python that do the same, and files to keep.

import { post } from "./api.js";
import { el } from "./dom.js";
import { typed } from "./parameters.js";
import { current, t } from "./strings.js";

const SAFE = /^[\w@%+=:,./-]+$/;
/** A word of a shell's command. */
export const quoted = (word) => (SAFE.test(word) ? word : `'${word.replaceAll("'", "'\"'\"'")}'`);

/** The options of a setting. */
export function options(setting) {
  return Object.entries(setting).flatMap(([name, value]) =>
    value === null || value === undefined ? [] : [`--${name.replaceAll("_", "-")}`, typed(value)]);
}

/** The same with the temperature in any case, which compare asks for. */
export const withTemperature = (setting) => options({ temperature: 1, ...setting });

/** A command of words. */
export const command = (...words) => ["thermoscope", ...words.flat(Infinity)].map((word) => quoted(String(word))).join(" ");

/** A command with a prompt, which may begin as options do. ("-" stands for standard input.) */
export const prompted = (prompt, ...words) =>
  prompt === "-" ? `printf '%s' - | ${command(...words, "--", "-")}` : command(...words, "--", prompt);

/** A value in Python. */
export function python(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null || value === undefined) return "None";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([key, one]) => `${/^\d+$/.test(key) ? key : python(key)}: ${python(one)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}

/** A setting in Python. */
export const pythonSetting = (setting) =>
  `thermoscope.SamplingParams(${Object.entries(setting)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${python(value)}`)
    .join(", ")})`;

/** Put a text on the clipboard, and say so. */
export async function copy(app, text, said) {
  await navigator.clipboard.writeText(text);
  app.say(said);
}

/** Hand a file to the browser to save. */
export function save(name, text, type = "application/json") {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/**
 * The row of buttons. `view` has `command()` and `python()`; with `report()` (the address of a report, or its { name, text }, or null) and
 * `data()` (what to save as JSON, or null) where it has them, and `setting()` for the engines.
 */
export function sharing(app, view) {
  const button = (name, work) =>
    el("button", { type: "button", "data-share": name, onclick: () => app.guarded(work) }, t(`share.${name}`));
  const shown = el("div", { class: "engines", hidden: true });
  return el(
    "section", { class: "sharing", "aria-label": t("share.title") },
    el("div", { class: "row wrap" },
      button("link", () => copy(app, location.href, t("share.copied"))),
      button("command", () => copy(app, view.command(), t("share.copied"))),
      button("python", () => copy(app, view.python(), t("share.copied"))),
      view.setting && button("engines", () => engines(app, view.setting(), shown)),
      view.report && button("report", async () => {
        const made = await view.report();
        if (!made) return app.say(t("share.none"));
        if (typeof made === "string") return el("a", { href: inLanguage(made), download: "" }).click();
        return save(made.name, made.text, "text/html");
      }),
      view.data && button("json", () => {
        const data = view.data();
        if (!data) return app.say(t("share.none"));
        save("thermoscope.json", JSON.stringify(data, null, 2));
      })),
    shown,
  );
}

/** The address of a report in the language of the page. */
export const inLanguage = (address) => `${address}?language=${current()}`;

/** Show or hide a setting in every engine's words. */
async function engines(app, settings, shown) {
  if (!shown.hidden) {
    shown.hidden = true;
    return;
  }
  const { engines: found } = await post("/api/export", { settings });
  shown.replaceChildren(...found.map((one) => engineCard(app, one)));
  shown.hidden = false;
}

/** One engine: what to paste, and what becomes of parameters that it does not take as they are. */
export function engineCard(app, one) {
  const losses = one.verdicts.filter((verdict) => verdict.kind !== "exact");
  return el(
    "details", {},
    el("summary", {}, el("strong", {}, one.engine), " ",
      el("span", { class: "soft" }, one.error ? t("share.cannot") : one.exact ? t("share.exact") : t("share.inexact"))),
    one.error && el("p", {}, one.error),
    losses.map((verdict) => el("p", {}, el("code", {}, verdict.parameter), ` ${verdict.kind}. ${verdict.note}`)),
    one.snippets.map((snippet) => el(
      "div", { class: "snippet" },
      el("div", { class: "row between" }, el("span", { class: "soft" }, snippet.title),
        el("button", { type: "button", onclick: () => app.guarded(() => copy(app, snippet.text, t("share.copied"))) }, t("share.copy"))),
      el("pre", { tabindex: "0" }, snippet.text))),
  );
}
