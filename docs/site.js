// What a screen reader and the keyboard need and the theme leaves out: names of the search dialog and of the buttons at
// each piece of code, and tables wider than the screen that the keyboard can scroll. The theme adds them as it goes.
const named = () => {
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
  document.querySelectorAll(".md-code__nav").forEach((buttons, n) => buttons.setAttribute("aria-label", `Code ${n + 1}`));
  for (const table of document.querySelectorAll(".md-typeset__scrollwrap")) table.tabIndex = 0;
};
named();
new MutationObserver(named).observe(document.body, { childList: true, subtree: true });
