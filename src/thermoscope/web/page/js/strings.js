// The words of the page: one file per language; what a language lacks is said in English.

let words = {};
let english = {};
let language = "en";
const formats = {};

const read = async (name) => (await fetch(`strings/${name}.json`)).json();

/** Take a language: the one that was chosen, else the browser's, else English. */
export async function load(chosen, known) {
  const wanted = [chosen, ...navigator.languages.map((each) => each.split("-")[0])];
  language = wanted.find((each) => known.includes(each)) ?? "en";
  english = await read("en");
  words = language === "en" ? english : await read(language);
  document.documentElement.lang = language;
}

/** The language that is used. */
export const current = () => language;

/** A sentence by its name, with {values} put in; a name with forms ("one", "other") is chosen by `n`. */
export function t(name, values = {}) {
  let found = words[name] ?? english[name] ?? name;
  if (typeof found === "object") found = found[new Intl.PluralRules(language).select(values.n)] ?? found.other;
  return found.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/** Whether there is a sentence of this name. */
export const has = (name) => name in words || name in english;

/** A number as the language writes it, with so many digits after the point. */
export function num(value, digits = 0) {
  const key = `${language} ${digits}`;
  formats[key] ??= new Intl.NumberFormat(language, { maximumFractionDigits: digits, minimumFractionDigits: digits });
  return formats[key].format(value);
}

/** A share as a percentage, precise where it is small. */
export function percent(share) {
  if (share > 0 && share < 0.0001) return "<0.01%";
  const digits = share >= 0.9995 || share === 0 ? 0 : share < 0.01 ? 2 : 1;
  return `${num(share * 100, digits)}%`;
}
