// The panel of a setting: its stages as cards in their order, moved by dragging or by keys, each with its sliders and
// what it removed; and what can be added.

import { el, said, unique } from "./dom.js";
import { draggable } from "./dragging.js";
import { SLIDERS, isOn, orderOf, parsedList, typed } from "./parameters.js";
import { has, num, percent, t } from "./strings.js";

/**
 * A panel for a setting.
 * `changed(setting, {live, name})` is told each move: live while a slider moves, and once more when it rests.
 * Stages named in `without` cannot be added.
 */
export class Panel {
  constructor(app, setting, changed, { without = [] } = {}) {
    this.without = without;
    this.app = app;
    this.setting = { ...setting };
    this.changed = changed;
    this.cards = el("ol", { class: "chain", "aria-label": t("panel.stages") });
    this.others = el("div", { class: "chips" });
    this.removed = new Map();
    const order = el("select", { onchange: () => this.takeOrder(order.value), id: unique("order") });
    this.order = order;
    this.root = el(
      "section", { class: "panel settings", "aria-label": t("panel.title") },
      el("div", { class: "row between" }, el("h2", {}, t("panel.title")),
        el("div", { class: "inline" }, el("label", { for: order.id }, t("panel.order")), order)),
      this.cards,
      el("details", { class: "more" }, el("summary", {}, t("panel.add")), this.others),
    );
    draggable(this.cards, (name, to) => this.move(name, to));
    this.draw();
  }

  /** The stages of the table that are on, in order. */
  on() {
    const table = new Map(this.app.state.stages.map((stage) => [stage.name, stage]));
    return orderOf(this.app, this.setting).map((name) => table.get(name)).filter((stage) => stage && isOn(stage, this.setting));
  }

  /** Take another setting, without telling anybody. */
  take(setting) {
    this.setting = { ...setting };
    this.draw();
  }

  tell(live, name) {
    this.changed({ ...this.setting }, { live, name });
  }

  draw() {
    const on = this.on();
    this.removed.clear();
    this.cards.replaceChildren(...on.map((stage) => this.card(stage)));
    const off = this.app.state.stages.filter((stage) => !on.includes(stage) && !this.without.includes(stage.name));
    this.others.replaceChildren(
      ...off.map((stage) =>
        el("button", { type: "button", class: "chip", "data-stage": stage.name, title: stage.rule, onclick: () => this.add(stage) },
          `+ ${stage.name}`)),
    );
    this.drawOrder();
  }

  drawOrder() {
    const { order } = this.setting;
    const names = Object.keys(this.app.state.orders);
    const chosen = order === undefined ? "transformers" : typeof order === "string" ? order : "own";
    const shown = chosen === "own" ? [...names, "own"] : names;
    this.order.replaceChildren(...shown.map((name) =>
      el("option", { value: name, selected: name === chosen }, name === "own" ? t("panel.own") : name)));
  }

  card(stage) {
    const removed = el("p", { class: "removed" });
    this.removed.set(stage.name, removed);
    const grip = el("button", {
      type: "button", class: "grip", "aria-label": t("panel.move", { stage: stage.name }), title: t("panel.grip"),
      onkeydown: (event) => this.keyed(event, stage.name),
    }, "⠿");
    const off = el("button", {
      type: "button", class: "quiet", "aria-label": t("panel.off", { stage: stage.name }), onclick: () => this.off(stage),
    }, "×");
    const switches = stage.name === "penalties" ? stage.parameters.length : 1; // what is shown without unfolding
    const main = stage.parameters.slice(0, switches);
    const rest = stage.parameters.slice(switches);
    return el(
      "li", { class: "card", "data-name": stage.name, title: stage.rule },
      el("div", { class: "row" }, grip, el("h3", {}, stage.name), removed, off),
      main.map((parameter) => this.control(parameter)),
      rest.length > 0 && el(
        "details", { class: "finer", open: rest.some(({ name }) => this.setting[name] !== undefined) },
        el("summary", {}, rest.map(({ name }) => name).join(", ")), rest.map((parameter) => this.control(parameter))),
    );
  }

  control(parameter) {
    const { name } = parameter;
    const id = unique("p");
    const hint = has(`help.${name}`) ? t(`help.${name}`) : parameter.help;
    const slider = SLIDERS[name];
    const value = this.setting[name] ?? parameter.default ?? "";
    if (parameter.is_list || !slider) return this.listed(parameter, id, hint);
    const field = el("input", {
      type: "number", class: "value", step: "any", value, inputmode: "decimal", "aria-label": t("panel.value", { name }),
    });
    const range = el("input", {
      type: "range", id, min: slider.min, max: slider.max, step: slider.step, value: value === "" ? slider.min : value, title: hint,
      "data-parameter": name, class: this.setting[name] === undefined ? "unset" : null,
    });
    const set = (given, live) => {
      this.setting[name] = given;
      range.classList.remove("unset");
      this.tell(live, name);
    };
    range.addEventListener("input", () => {
      field.value = range.value;
      set(range.valueAsNumber, true);
    });
    range.addEventListener("change", () => set(range.valueAsNumber, false));
    field.addEventListener("change", () => {
      if (!Number.isFinite(field.valueAsNumber)) field.value = this.setting[name] ?? value;
      range.value = field.value;
      if (field.value !== "") set(field.valueAsNumber, false);
    });
    return el("div", { class: "slider" }, el("label", { for: id, title: hint }, name), range, field);
  }

  listed(parameter, id, hint) {
    const field = el("input", {
      type: "text", id, value: typed(this.setting[parameter.name] ?? ""), placeholder: parameter.domain, title: hint, spellcheck: "false",
      onchange: () => {
        this.setting[parameter.name] = parsedList(parameter.name, field.value);
        this.tell(false, parameter.name);
      },
    });
    return el("div", { class: "slider list" }, el("label", { for: id, title: hint }, parameter.name), field);
  }

  add(stage) {
    const first = stage.parameters[0];
    if (first.is_list) this.setting[first.name] = first.name === "logit_bias" ? { 0: 0 } : [];
    else this.setting[first.name] = SLIDERS[first.name]?.start ?? 1;
    this.draw();
    this.tell(false, first.name);
    this.app.say(t("panel.added", { stage: stage.name }));
    this.cards.querySelector(`[data-name="${stage.name}"] input`)?.focus();
  }

  off(stage) {
    for (const { name } of stage.parameters) delete this.setting[name];
    this.draw();
    this.tell(false, stage.name);
    this.app.say(t("panel.removed", { stage: stage.name }));
    (this.cards.querySelector(".grip") ?? this.others.querySelector("button"))?.focus();
  }

  takeOrder(name) {
    if (name === "own") return;
    if (name === "transformers") delete this.setting.order;
    else this.setting.order = name;
    this.draw();
    this.tell(false, "order");
  }

  keyed(event, name) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const on = this.on().map((stage) => stage.name);
    const to = on.indexOf(name) + step;
    if (to < 0 || to >= on.length) return;
    this.move(name, to);
    this.cards.querySelector(`[data-name="${name}"] .grip`).focus();
  }

  /** Put a stage that is on at a place among those that are on. */
  move(name, to) {
    const on = this.on().map((stage) => stage.name);
    const from = on.indexOf(name);
    if (from === to) return this.draw();
    const order = orderOf(this.app, this.setting).filter((each) => each !== name);
    const beside = on[to];
    order.splice(order.indexOf(beside) + (to > from ? 1 : 0), 0, name);
    this.setting.order = order;
    this.draw();
    this.tell(false, "order");
    this.app.say(t("panel.moved", { stage: name, place: to + 1, of: on.length }));
  }

  /** Show what each stage did: the stages of a distribution, "model" first. */
  show(stages) {
    const shown = new Map(stages.map((stage) => [stage.name, stage]));
    for (const [name, node] of this.removed) {
      const stage = shown.get(name);
      let text = t("panel.nothing");
      if (stage) {
        const left = t("panel.left", { n: num(stage.survivors) });
        text = stage.removed_mass > 0 ? t("panel.took", { share: percent(stage.removed_mass), left }) : left;
      }
      said(node, text);
    }
  }
}
