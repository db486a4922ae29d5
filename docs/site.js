// The theme gives its search dialog no name, which a screen reader needs.
document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
