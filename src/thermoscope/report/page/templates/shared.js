"use strict";
// what every page does: copying a command, and the language of a text by its script
const thermoscope = (() => {
  const byId = (id) => document.getElementById(id);

  // ---- a sentence in the language of the page, with {values} put in; English where the page has no other words
  const words = byId("words") ? JSON.parse(byId("words").textContent) : {};
  const say = (sentence, values = {}) => (words[sentence] ?? sentence).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

  // ---- copying a command
  for (const button of document.querySelectorAll("[data-copy]"))
    button.addEventListener("click", () => {
      const command = byId(button.dataset.copy);
      const selected = () => { getSelection().selectAllChildren(command); return document.execCommand("copy"); };
      const said = (worked) => {
        byId("copied").textContent = worked ? say("Copied to the clipboard.") : say("Copying failed: the command is selected, copy it by hand.");
      };
      if (navigator.clipboard) navigator.clipboard.writeText(command.textContent).then(() => said(true), () => said(selected()));
      else said(selected());
    });

  // ---- the language that most letters of a text are written in, where a script has one; "" where it is not known
  const scripts = [["ko", /\p{Script=Hangul}/gu], ["ja", /[\p{Script=Hiragana}\p{Script=Katakana}]/gu], ["zh", /\p{Script=Han}/gu],
    ["th", /\p{Script=Thai}/gu], ["he", /\p{Script=Hebrew}/gu], ["el", /\p{Script=Greek}/gu], ["", /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Arabic}\p{Script=Devanagari}]/gu]];
  const languageOf = (text) => {
    const counts = scripts.map(([, letters]) => (text.match(letters) || []).length);
    if (counts[1]) counts[1] += counts[2];  // kana between Chinese characters are Japanese
    return scripts[counts.indexOf(Math.max(...counts))][0];
  };
  for (const place of document.querySelectorAll("[data-language]")) place.lang = languageOf(place.textContent);
  return { byId, languageOf, say };
})();
