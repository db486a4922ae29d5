"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [low, high] = data.range;
  const { byId, languageOf, say } = thermoscope;
  const slider = byId("temperature"), axis = byId("axis"), text = byId("text"), state = byId("state");
  const panel = byId("token"), forks = byId("forks"), why = byId("why"), seed = byId("seed");
  const hint = panel.innerHTML;
  let spectrum = null, current = -1, temperature = Number(slider.value);

  const svg = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const x = (t) => ((t - low) / (high - low)) * 1000;
  const digits = (t) => (t === 0 ? "0" : Number(t.toPrecision(6)).toString());
  // as everywhere else: 0.037, 0.310, 3.12, 31.2, 312, 1.2e4
  const short = (value) => {
    if (value === null) return say("unknown");
    const size = Math.abs(value);
    if (size >= 9999.5) return value.toExponential(1).replace("+", "");
    return size < 0.0005 ? "0" : value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3);
  };
  const clamp = (t) => Math.min(Math.max(t, low), high);

  // texts hold for (low, high]: the first whose upper end is not below the temperature
  const leafAt = (t) => {
    let a = 0, b = spectrum.leaves.length - 1;
    while (a < b) {
      const middle = (a + b) >> 1;
      if (spectrum.leaves[middle].high >= t) b = middle; else a = middle + 1;
    }
    return a;
  };

  // which tokens of a text are not, in their order, in another (longest common subsequence after the shared start)
  const changedTokens = (before, after) => {
    let start = 0;
    while (start < before.length && start < after.length && before[start] === after[start]) start++;
    const a = before.slice(start), b = after.slice(start), changed = new Set();
    const width = b.length + 1, best = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        best[i * width + j] = a[i] === b[j] ? best[(i + 1) * width + j + 1] + 1
          : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
    for (let i = 0, j = 0; j < b.length;) {
      if (i < a.length && a[i] === b[j]) { i++; j++; }
      else if (i < a.length && best[(i + 1) * width + j] >= best[i * width + j + 1]) i++;
      else changed.add(start + j++);
    }
    return changed;
  };

  const named = (piece) => data.pieces[piece].trim() || "(no visible text)";
  const percent = (p) => `${p >= 0.001 ? (100 * p).toFixed(1) : (100 * p).toPrecision(2)} %`;
  // the words that follow the same beginning somewhere in the range: [node, piece], the most probable first
  const candidates = (number) => {
    const path = spectrum.leaves[current].nodes, found = new Map();
    for (const leaf of spectrum.leaves) {
      if (leaf.nodes.length <= number || leaf.nodes.some((node, i) => i < number && node !== path[i])) continue;
      found.set(leaf.nodes[number], leaf.pieces[number]);
    }
    return [...found].sort(([a], [b]) => spectrum.nodes.logprob[b] - spectrum.nodes.logprob[a]);
  };
  const bars = (number) => {
    const here = spectrum.leaves[current].nodes[number], box = document.createElement("div");
    box.className = "bars";
    for (const [node, piece] of candidates(number)) {
      const p = Math.exp(spectrum.nodes.logprob[node]);
      const cells = ["name", "", "share"].map((kind) => {
        const cell = document.createElement("span");
        cell.className = node === here ? `${kind} here` : kind;
        return cell;
      });
      cells[0].textContent = named(piece);
      cells[2].textContent = percent(p);
      const bar = document.createElement("div");
      bar.className = "bar";
      bar.style.width = `${100 * p}%`;
      cells[1].append(bar);
      box.append(...cells);
    }
    return box;
  };

  const explain = (number) => {
    const leaf = spectrum.leaves[current], node = leaf.nodes[number], of = spectrum.nodes;
    const p = Math.exp(of.logprob[node]);
    panel.replaceChildren();
    const line = (content, soft) => {
      const made = document.createElement("p");
      made.textContent = content;
      if (soft) made.className = "soft";
      panel.append(made);
    };
    const word = named(leaf.pieces[number]);
    line(say("“{word}”: probability {share} by the model itself, rank {rank}; after these words it holds from T = {low} to {high}.",
      { word, share: percent(p), rank: of.rank[node], low: digits(of.low[node]), high: digits(of.high[node]) }));
    line(say("Token {n}; logit {logit}, noise {noise}; the model's entropy here is {entropy} nats.", { n: number + 1,
      logit: of.logit[node].toFixed(3), noise: of.noise[node].toFixed(3), entropy: of.entropy[node].toFixed(2) }), true);
    panel.append(bars(number));
    if (candidates(number).length === 1) line(say("No other word follows this beginning between these temperatures."), true);
  };

  const show = (number) => {
    const leaf = spectrum.leaves[number];
    const before = current >= 0 && current < spectrum.leaves.length ? spectrum.leaves[current].pieces : leaf.pieces;
    const changed = changedTokens(before, leaf.pieces);
    current = number;
    const prompt = document.createElement("span");
    prompt.className = "prompt";
    prompt.textContent = data.prompt;
    const spans = leaf.pieces.map((piece, i) => {
      const span = document.createElement("span");
      span.className = changed.has(i) ? "token changed" : "token";
      span.textContent = data.pieces[piece];
      span.dataset.token = i;
      span.tabIndex = i ? -1 : 0;
      return span;
    });
    text.lang = languageOf(leaf.pieces.map((piece) => data.pieces[piece]).join(""));
    text.replaceChildren(prompt, ...spans);
    panel.innerHTML = hint;
    axis.querySelectorAll("rect").forEach((rect, i) => rect.classList.toggle("here", i === number));
    const fork = number > 0 ? spectrum.forks[number - 1] : null;
    why.textContent = fork ? say("Nearest change below this temperature: {fork}. {reason}", { fork: fork.sentence, reason: fork.reason }) : "";
    forks.querySelectorAll("button").forEach((button, i) => {
      const here = i === number - 1;
      if (here) button.setAttribute("aria-current", "true"); else button.removeAttribute("aria-current");
      if (here) forks.scrollTop = button.offsetTop - forks.offsetTop - forks.clientHeight / 2;
    });
    byId("previous").disabled = number === 0;
    byId("next").disabled = number === spectrum.leaves.length - 1;
  };

  const move = (t, from) => {
    temperature = clamp(t);
    if (from !== "slider") slider.value = temperature;
    const number = leafAt(temperature);
    if (number !== current) show(number);
    const leaf = spectrum.leaves[number];
    const strong = document.createElement("strong");
    strong.textContent = `T = ${temperature.toFixed(4)}`;
    const exact = (temperature > leaf.exact_low && temperature <= leaf.exact_high) || temperature === leaf.low;
    const place = { n: number + 1, of: spectrum.leaves.length };
    const range = say("text {n} of {of}, from {low} to {high}; {ending}", { ...place, low: digits(leaf.low), high: digits(leaf.high), ending: leaf.ending });
    state.replaceChildren(strong, ` ${range}${exact ? "" : `; ${say("not split further here")}`}`);
    slider.setAttribute("aria-valuetext", `${temperature.toFixed(4)}, ${say("text {n} of {of}", place)}`);
    document.querySelectorAll(".cursor").forEach((line) => {
      line.setAttribute("x1", x(temperature));
      line.setAttribute("x2", x(temperature));
    });
    let piece = data.borders.findIndex((border) => border >= temperature) - 1;
    if (piece < 0) piece = 0;
    document.querySelectorAll("output[data-chart]").forEach((output) => {
      const value = data.charts[output.dataset.chart][piece];
      output.textContent = short(value);
    });
  };
  // the middle of where a text is exact; its own temperature if it holds at one alone
  const jump = (number) => {
    const leaf = spectrum.leaves[Math.min(Math.max(number, 0), spectrum.leaves.length - 1)];
    move(leaf.exact_low + (leaf.exact_high - leaf.exact_low) / 2);
  };

  const choose = (number) => {
    spectrum = data.spectra[number];
    current = -1;
    const parts = spectrum.leaves.map((leaf, i) => svg("rect", {
      x: x(leaf.low), y: 0, width: Math.max(x(leaf.high) - x(leaf.low), 0), height: 100, class: i % 2 ? "odd" : "even",
      fill: "transparent",
    }));
    const lines = spectrum.forks.map((fork) => svg("line", { x1: x(fork.at), x2: x(fork.at), y1: 20, y2: 80 }));
    axis.replaceChildren(...parts, ...lines, svg("line", { class: "cursor", y1: 0, y2: 100 }));
    const counted = say("{texts} texts, {forks} forks", { texts: spectrum.leaves.length, forks: spectrum.forks.length });
    byId("count").textContent = spectrum.exact_share >= 0.9999999 ? counted
      : `${counted}; ${say("{share}% of the range is exact", { share: (100 * spectrum.exact_share).toFixed(2) })}`;
    forks.replaceChildren(...spectrum.forks.map((fork, i) => {
      const item = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      button.textContent = fork.sentence;
      button.addEventListener("click", () => jump(i + 1));
      item.append(button);
      return item;
    }));
    move(temperature);
  };

  slider.addEventListener("input", () => move(Number(slider.value), "slider"));
  slider.addEventListener("keydown", (event) => {
    const up = ["ArrowRight", "ArrowUp", "PageUp"].includes(event.key);
    const down = ["ArrowLeft", "ArrowDown", "PageDown"].includes(event.key);
    if (event.key === "Home") move(low);
    else if (event.key === "End") move(high);
    else if (!up && !down) return;
    else if (event.shiftKey || event.key.startsWith("Page")) jump(current + (up ? 1 : -1));
    else move(temperature + ((up ? 1 : -1) * (high - low)) / 150);
    event.preventDefault();
  });
  axis.addEventListener("click", (event) => {
    const box = axis.getBoundingClientRect();
    move(low + ((event.clientX - box.left) / box.width) * (high - low));
  });
  byId("previous").addEventListener("click", () => jump(current - 1));
  byId("next").addEventListener("click", () => jump(current + 1));
  if (seed) seed.addEventListener("change", () => choose(Number(seed.value)));
  for (const kind of ["mouseover", "focusin", "click"])
    text.addEventListener(kind, (event) => {
      if (event.target.dataset.token !== undefined) explain(Number(event.target.dataset.token));
    });
  text.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const tokens = text.querySelectorAll(".token"), from = Number(event.target.dataset.token);
    const target = step && tokens[from + step];
    if (!target) return;
    event.target.tabIndex = -1;
    target.tabIndex = 0;
    target.focus();
    event.preventDefault();
  });
  choose(0);
})();
