"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { byId, languageOf, say } = thermoscope;
  const made = (name, kind, content) => {
    const element = document.createElement(name);
    if (kind) element.className = kind;
    if (content !== undefined) element.textContent = content;
    return element;
  };

  // ---- charts: drawn when they come near the view, before printing, and else when there is time
  const dark = matchMedia("(prefers-color-scheme: dark)"), views = new Map(), places = [...document.querySelectorAll("[data-chart]")];
  const seen = (place) => place.clientWidth > 0 && place.checkVisibility();
  let printing = false;
  const theme = () => data.themes[dark.matches && !printing ? "dark" : "light"];
  const coloured = (view) => {
    for (const [name, value] of Object.entries(theme())) view.signal(name, value);
    return view;
  };
  const fields = ["pair", "effect", "low", "high", "b0", "b1", "told"];
  const pairRows = (chosen) => chosen.rows.map((row) => Object.fromEntries(row.map((value, i) => [fields[i], value])));
  const chosenOf = (id) => data.pairs[id] && (data.pairs[id].find((c) => c.name === chosenName()) || data.pairs[id][0]);
  const chosenName = () => (byId("choice") ? byId("choice").value : "");
  const setChoice = (id, view, chosen) => {
    const [low, high] = chosen.ends;
    return view.signal("low", low).signal("high", high).signal("at", chosen.at).data("pairs", pairRows(chosen))
      .height(data.rows[id] * chosen.rows.length);
  };
  // on A4, in pixels: of a column and of a whole line
  const printed = (place) => (place.closest(".panels") ? 155 : place.closest(".charts") ? 325 : 670);

  const draw = (place) => {
    if (views.has(place) || !seen(place)) return;
    views.set(place, null);
    const id = place.dataset.chart, colours = theme();
    const spec = data.specs[id];
    spec.config = data.config;
    spec.params = spec.params.map((param) => (param.name in colours ? { ...param, value: colours[param.name] } : param));
    vegaEmbed(place, spec, { actions: false, ast: true, renderer: "svg", defaultStyle: false, mode: "vega-lite" })
      .then(({ view }) => {
        views.set(place, view);
        if (data.pairs[id]) setChoice(id, view, chosenOf(id));
        if (printing) view.width(printed(place));
        coloured(view).run();
        place.querySelector("svg").setAttribute("aria-hidden", "true");  // the place itself says it
        place.dataset.drawn = "";
        if (places.every((each) => !seen(each) || "drawn" in each.dataset)) performance.mark("charts drawn");
      });
  };
  if (places.length) {
    const near = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); }
    }, { rootMargin: "400px" });
    places.forEach((place) => near.observe(place));
    const later = window.requestIdleCallback || ((call) => setTimeout(() => call({ timeRemaining: () => 0 }), 50));
    const rest = () => {
      const next = places.find((place) => !views.has(place) && seen(place));
      if (next) { draw(next); later(rest); }
    };
    addEventListener("load", () => later(rest));
    for (const more of document.querySelectorAll("details.more"))
      more.addEventListener("toggle", () => { if (more.open) later(rest); });
    const recolour = () => views.forEach((view) => { if (view) coloured(view).run(); });
    dark.addEventListener("change", recolour);
    addEventListener("beforeprint", () => {
      printing = true;
      places.forEach(draw);
      recolour();
      views.forEach((view, place) => { if (view) view.width(printed(place)).run(); });
    });
    addEventListener("afterprint", () => {
      printing = false;
      recolour();
      views.forEach((view, place) => { if (view) view.width(place.clientWidth).run(); });
    });
  }
  if (byId("choice"))
    byId("choice").addEventListener("change", () => {
      for (const [id, all] of Object.entries(data.pairs)) {
        const chosen = chosenOf(id), place = byId(id), view = views.get(place);
        place.setAttribute("aria-label", chosen.alt);
        place.closest("figure").querySelector("[data-choice]").textContent = chosen.name;
        byId(`${id}-numbers`).tBodies[0].replaceChildren(...chosen.table.map((cells, n) => {
          const row = made("tr"), pair = chosen.rows[n];
          [pair[0], ...cells, pair[6]].forEach((cell, i) => row.append(made(i ? "td" : "th", "", cell)));
          row.firstChild.scope = "row";
          return row;
        }));
        if (view) setChoice(id, view, chosen).run();
      }
    });

  // ---- what is folded: open where a link leads into it, and on paper
  const folds = [...document.querySelectorAll("details.fold")];
  const unfold = () => {
    const target = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest("details.fold");
    if (fold) { fold.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", unfold);
  unfold();
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = folds.filter((fold) => !fold.open);
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });

  // ---- texts: [prompt, setting, seed, ending, measures, kind, passage, kind, passage, ...]; kind 1: repeated, 2: loop
  const panes = ["a", "b"].filter((id) => byId(`text-${id}`));
  if (panes.length) {
    const at = new Map(data.texts.map((text) => [`${text[0]} ${text[1]} ${text[2]}`, text]));
    const chosen = (id) => Number(byId(id) ? byId(id).value : 0);
    const whole = (text) => text.slice(5).filter((_, i) => i % 2).join("");
    // where the first word begins in which two texts differ; -1 if they are the same
    const parting = (one, other) => {
      if (one === other) return -1;
      let place = 0;
      while (place < one.length && place < other.length && one[place] === other[place]) place++;
      const over = (text) => place === text.length || /\s/.test(text[place]);  // the word before is whole in both
      if (!over(one) || !over(other)) while (place > 0 && /\S/.test(one[place - 1])) place--;
      return place;
    };
    const shown = (text, place) => {
      const parts = [];
      let done = 0, looping = false, repeating = false;
      for (let i = 5; i < text.length; i += 2) {
        const kind = text[i], repeated = kind & 1, loop = kind & 2, passage = text[i + 1];
        const next = i + 2 < text.length && text[i + 2] & 1;
        const holder = repeated ? made("mark", "repeated") : made("span");
        if (loop) holder.classList.add("loop");
        if (loop && !looping) parts.push(made("span", "mark-loop", data.signs.loop));
        if (repeated && !repeating) holder.append(data.signs.opens);
        const here = place - done;
        if (place >= 0 && here >= 0 && here < passage.length) {
          const word = passage.slice(here).match(/^\s*\S*/)[0], space = word.match(/^\s*/)[0];
          holder.append(passage.slice(0, here) + space, made("span", "mark-differs", data.signs.differs),
            made("span", "differing", word.slice(space.length)), passage.slice(here + word.length));
        } else holder.append(passage);
        if (repeated && !next) holder.append(data.signs.closes);
        parts.push(holder);
        done += passage.length; looping = loop; repeating = repeated;
      }
      if (place >= done) parts.push(made("span", "mark-differs", data.signs.differs));
      return parts;
    };
    const show = () => {
      const prompt = chosen("prompt"), seed = chosen("seed");
      byId("shown-prompt").textContent = data.prompts[prompt];
      byId("shown-prompt").lang = languageOf(data.prompts[prompt]);
      const texts = panes.map((id) => at.get(`${prompt} ${chosen(`setting-${id}`)} ${seed}`));
      panes.forEach((id, i) => {
        const text = texts[i], other = texts[1 - i], setting = data.settings[chosen(`setting-${id}`)];
        const slider = byId(`setting-${id}`);
        if (slider) slider.setAttribute("aria-valuetext", setting);
        const state = [made("strong", "", setting)];
        if (!text) {
          byId(`state-${id}`).replaceChildren(...state, ` ${say("no text with this prompt and seed")}`);
          byId(`text-${id}`).replaceChildren();
          return;
        }
        const ending = data.endings[text[3]];
        state.push(` ${[text[4], ending].filter(Boolean).join(" · ")}`);
        const place = other ? parting(whole(text), whole(other)) : -1;
        if (other && place < 0 && texts[0] !== texts[1]) state.push(` · ${say("the two texts are identical")}`);
        byId(`state-${id}`).replaceChildren(...state);
        byId(`text-${id}`).lang = languageOf(whole(text));
        byId(`text-${id}`).replaceChildren(...shown(text, place));
      });
    };
    for (const id of ["prompt", "seed"]) if (byId(id)) byId(id).addEventListener("change", show);
    for (const id of panes) if (byId(`setting-${id}`)) byId(`setting-${id}`).addEventListener("input", show);
    show();
  }
})();
