// Elements made by hand: text goes in as text, never as HTML.

/** An element with properties, listeners (keys that begin with "on") and children (nodes or strings). */
export function el(name, properties = {}, ...children) {
  return filled(document.createElement(name), properties, children);
}

/** The same in SVG. */
export function svg(name, properties = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);
}

function filled(node, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "value") node.value = value;
    else if (key === "style") for (const [name, one] of Object.entries(value)) node.style.setProperty(name, one);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Put children in place of what a node has. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** Let a node say a text, and touch it only if it says another. */
export function said(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

let last = 0;
/** An id that no other element has. */
export const unique = (stem) => `${stem}-${++last}`;

/** A label with its control, one above the other. */
export function field(label, control, hint) {
  control.id ||= unique("field");
  const parts = [el("label", { for: control.id }, label), control];
  if (hint) {
    const id = unique("hint");
    control.setAttribute("aria-describedby", id);
    parts.push(el("p", { class: "hint", id }, hint));
  }
  return el("div", { class: "field" }, ...parts);
}

/** A select of [value, label] pairs. */
export function select(pairs, value, onchange) {
  const made = el(
    "select",
    { onchange: () => onchange(made.value) },
    pairs.map(([each, label]) => el("option", { value: each, selected: each === value }, label)),
  );
  return made;
}

/** A number field within bounds; a value out of them is brought back. */
export function number(value, { min, max, step = 1 }, onchange) {
  const made = el("input", {
    type: "number", min, max, step, value, inputmode: "decimal",
    onchange: () => {
      const given = Number.isFinite(made.valueAsNumber) ? made.valueAsNumber : value;
      made.value = Math.min(max ?? Infinity, Math.max(min ?? -Infinity, given));
      onchange(made.valueAsNumber);
    },
  });
  return made;
}

/** A checkbox with its label. */
export function check(label, checked, onchange) {
  const box = el("input", { type: "checkbox", checked, onchange: () => onchange(box.checked) });
  return el("label", { class: "check" }, box, el("span", {}, label));
}

/** White space of a token made visible. */
export const visible = (text) =>
  text === "" ? "∅" : text.replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥");

/** Call a function once nothing has asked for it for so many milliseconds. */
export function debounce(work, wait) {
  let timer = 0;
  const later = (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), wait);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}
