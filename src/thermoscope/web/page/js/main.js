// Where the page begins: its words, what the server has, and the view that the address names.

import { address, read, write } from "./address.js";
import { Refused, get } from "./api.js";
import { debounce, el, said, select } from "./dom.js";
import { current, load, t } from "./strings.js";

const VIEWS = ["next", "text", "compare", "spectrum", "thermometer", "recommend", "audit", "runs"];
const KEPT = "thermoscope.language";

/** What every view is given: the server's state, the model that is chosen, and ways to say and keep things. */
const app = {
  state: null,
  view: "",
  kept: {},
  /** The model's name, as requests take it. */
  model: () => app.kept.m ?? app.state.models[0].name,
  /** The model's entry. */
  modelAtHand: () => app.state.models.find((one) => one.name === app.model()) ?? app.state.models[0],
  /** Say something to those who listen. */
  say: (text) => {
    document.getElementById("said").textContent = text;
  },
  /** Keep the view's state in the address. */
  keep: (state) => {
    app.kept = { ...app.kept, ...state };
    later();
  },
  /** The address of a view with some of this one's state. */
  address,
  /** Do something, and show what is refused. */
  guarded: async (work) => {
    try {
      app.fault("");
      return await work();
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      app.fault(error instanceof Refused ? error.message : t("fault", { why: error.message }));
      if (!(error instanceof Refused) && !(error instanceof TypeError)) throw error;
      return undefined;
    }
  },
  /** Show what is wrong in one line, or nothing. */
  fault: (text) => {
    const line = document.getElementById("fault");
    if (line) line.replaceChildren(text);
  },
};

/** Say that the model is being loaded, until it is there. */
async function follow() {
  const line = document.getElementById("loading");
  const now = new Map((await get("/api/models").catch(() => [])).map((one) => [one.name, one]));
  app.state.models = app.state.models.map((one) => now.get(one.name) ?? one);
  const { loading } = app.modelAtHand();
  said(line, loading ? t("loading", { model: app.model() }) : "");
  line.hidden = !loading;
  if (loading) following = setTimeout(follow, 300);
}

let following = 0;

const later = debounce(() => write(app.view, app.kept), 150);

let close = () => {};

async function open() {
  const { view, state } = read();
  const name = VIEWS.includes(view) ? view : "next";
  later.cancel();
  close();
  close = () => {};
  app.view = name;
  app.kept = state;
  document.title = `${t(`view.${name}`)} · Thermoscope`;
  navigation(name);
  const root = document.getElementById("view");
  root.replaceChildren(el("h1", {}, t(`view.${name}`)), el("p", { class: "lead" }, t(`lead.${name}`)),
    el("p", { id: "fault", class: "fault", role: "alert" }));
  const module = await import(`./views/${name}.js`);
  if (app.view === name) close = module.open(root, app) ?? close;
  clearTimeout(following);
  following = setTimeout(follow, 100); // once the view has asked for its model
}

/** The links to all views, which take prompt, setting and model along. */
function navigation(name) {
  const nav = document.getElementById("views");
  const along = () => ({ q: app.kept.q, s: app.kept.s, m: app.kept.m });
  nav.replaceChildren(el("ul", {}, VIEWS.map((each) => el("li", {}, el("a", {
    href: address(each, along()), "aria-current": each === name ? "page" : null,
    onclick: (event) => event.currentTarget.setAttribute("href", address(each, along())),
  }, t(`view.${each}`))))));
  nav.querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "center" });
  picks();
}

function picks() {
  const models = select(app.state.models.map((one) => [one.name, one.name]), app.model(), (name) => {
    app.kept.m = name;
    write(app.view, app.kept);
    open();
  });
  models.setAttribute("aria-label", t("pick.model"));
  const known = app.state.languages;
  const names = new Intl.DisplayNames(current(), { type: "language" });
  const words = select(known.map((one) => [one, names.of(one)]), current(), async (name) => {
    localStorage.setItem(KEPT, name);
    await load(name, known);
    write(app.view, app.kept);
    open();
  });
  words.setAttribute("aria-label", t("pick.language"));
  document.getElementById("picks").replaceChildren(models, words);
}

async function start() {
  app.state = await get("/api/state");
  await load(localStorage.getItem(KEPT), app.state.languages);
  const skip = document.getElementById("skip");
  skip.textContent = t("skip");
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("view").focus();
  });
  document.getElementById("views").setAttribute("aria-label", t("pick.view"));
  window.addEventListener("hashchange", open);
  await open();
}

start();
