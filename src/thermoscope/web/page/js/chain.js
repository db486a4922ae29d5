// The chain of stages in the page, so that bars move with a slider: what the library computes over the whole
// vocabulary is computed here over the listed tokens and the bins of all others. The rules and what is compared at
// float32 are those of thermoscope.sampling.filters; tests hold both together.

const GONE = -Infinity;
const f32 = Math.fround;

/** Weights exp(x - max) times counts, their sum, and the maximum. */
function shares(x, n) {
  let max = GONE;
  for (const value of x) if (value > max) max = value;
  const each = x.map((value, i) => n[i] * Math.exp(value - max));
  return { max, each, total: each.reduce((sum, one) => sum + one, 0) };
}

/** The entropy in nats. */
function entropy(x, n, { max, each, total } = shares(x, n)) {
  let mean = 0;
  for (let i = 0; i < x.length; i++) if (each[i] > 0) mean += each[i] * (x[i] - max);
  return Math.log(total) - mean / total;
}

const survivors = (x, n) => x.reduce((sum, value, i) => sum + (value > GONE ? n[i] : 0), 0);
const keep = (x, test) => x.map((value, i) => (value > GONE && test(i) ? value : GONE));

/** Keep what is at least so far below the largest; the largest in any case. */
function atLeast(x, least) {
  const max = Math.max(...x);
  return keep(x, (i) => f32(x[i] - max) >= f32(Math.min(least, 0)));
}

/** Places from the most to the least probable; of equals the higher id first. */
function descending(x, ids) {
  return [...x.keys()].filter((i) => x[i] > GONE).sort((a, b) => x[b] - x[a] || ids[b] - ids[a]);
}

function temperature(x, n, setting, { ids }) {
  const max = Math.max(...x);
  let t = setting.temperature ?? 1;
  const spread = setting.dynatemp_range ?? 0;
  const count = survivors(x, n);
  if (spread > 0 && count > 1) {
    const relative = Math.min(1, Math.max(0, entropy(x, n) / Math.log(Math.max(2, count))));
    const low = Math.max(0, t - spread);
    t = low + (t + spread - low) * relative ** (setting.dynatemp_exponent ?? 1);
  }
  if (t > 0) return x.map((value) => (value - max) / t);
  let best = -1;
  x.forEach((value, i) => {
    if (value === max && (best < 0 || ids[i] < ids[best])) best = i;
  });
  return x.map((_, i) => (i === best ? 0 : GONE));
}

function topK(x, n, { top_k: k }, { ids }) {
  let count = 0;
  let least = GONE;
  for (const i of descending(x, ids)) {
    least = x[i];
    count += n[i];
    if (count >= k) break;
  }
  return keep(x, (i) => x[i] >= least);
}

function topP(x, n, { top_p: p }, { ids }) {
  if (p >= 1) return x;
  const { each, total } = shares(x, n);
  const stays = new Set();
  let above = 0;
  for (const i of descending(x, ids)) {
    if (stays.size && !(f32(above / total) < f32(p))) break;
    stays.add(i);
    above += each[i];
  }
  return keep(x, (i) => stays.has(i));
}

function typicalP(x, n, { typical_p: p }) {
  if (p >= 1) return x;
  const all = shares(x, n);
  const mean = Math.log(all.total) - entropy(x, n, all);
  const distance = x.map((value) => Math.abs(value - all.max - mean));
  const order = [...x.keys()].filter((i) => x[i] > GONE).sort((a, b) => distance[a] - distance[b]);
  let mass = 0;
  let furthest = Infinity;
  for (const i of order) {
    mass += all.each[i] / all.total;
    if (f32(mass) >= f32(p)) {
      furthest = distance[i];
      break;
    }
  }
  return keep(x, (i) => distance[i] <= furthest);
}

function topNSigma(x, n, { top_n_sigma: most }) {
  const count = survivors(x, n);
  const max = Math.max(...x);
  const mean = x.reduce((sum, v, i) => sum + (v > GONE ? n[i] * (v - max) : 0), 0) / count;
  const variance = x.reduce((sum, v, i) => sum + (v > GONE ? n[i] * (v - max - mean) ** 2 : 0), 0) / count;
  return keep(x, (i) => f32(x[i] - max) >= f32(-most * Math.sqrt(variance)));
}

function etaCutoff(x, n, { eta_cutoff: eta }) {
  const all = shares(x, n);
  const least = Math.min(Math.log(eta), Math.log(eta) / 2 - entropy(x, n, all));
  return atLeast(x, least + Math.log(all.total));
}

function xtc(x, n, setting, { ids, fires }) {
  if (!fires && setting.xtc_probability < 1) return x; // the coin said no, as far as the last answer shows
  const { max, total } = shares(x, n);
  const least = f32(Math.log(setting.xtc_threshold ?? 0.1) + Math.log(total));
  const reach = descending(x, ids).filter((i) => f32(x[i] - max) >= least);
  if (reach.reduce((sum, i) => sum + n[i], 0) < 2) return x;
  const lowest = x[reach.at(-1)];
  const stays = reach.find((i) => x[i] === lowest); // of equals the highest id, which comes first
  const dropped = new Set(reach.filter((i) => i !== stays));
  return keep(x, (i) => !dropped.has(i));
}

/** The stages that the page computes itself. */
const STAGES = {
  temperature,
  top_k: topK,
  top_p: topP,
  min_p: (x, n, { min_p: p }) => {
    const max = Math.max(...x);
    return keep(x, (i) => f32(x[i] - max) >= f32(Math.log(p)));
  },
  typical_p: typicalP,
  epsilon_cutoff: (x, n, { epsilon_cutoff: e }) => atLeast(x, Math.log(e) + Math.log(shares(x, n).total)),
  eta_cutoff: etaCutoff,
  top_a: (x, n, { top_a: a }) => atLeast(x, Math.log(a) - Math.log(shares(x, n).total)),
  top_n_sigma: topNSigma,
  xtc,
  mirostat: (x, n, { mirostat_tau: tau }) => atLeast(x, Math.log(shares(x, n).total) - 2 * tau * Math.LN2),
};

/** What a distribution of the API holds, as the chain takes it: listed tokens first, then the bins of the others. */
export function prepare(answer) {
  const listed = answer.tokens.length;
  const shifts = {};
  answer.stages.forEach((stage, at) => {
    if (at && !(stage.name in STAGES)) shifts[stage.name] = shift(answer, at);
  });
  return {
    listed,
    x: [...answer.tokens.map((token) => token.logit), ...answer.tail.map((bin) => bin.logit)],
    n: [...answer.tokens.map(() => 1), ...answer.tail.map((bin) => bin.count)],
    ids: [...answer.tokens.map((token) => token.id), ...answer.tail.map(() => Infinity)],
    shifts,
    fires: answer.stages.some((stage) => stage.name === "xtc" && stage.removed_mass > 0),
  };
}

/**
 * What a stage that looks at tokens by their id did to each listed token's logit. A distribution shows it up to a
 * constant, which is that of the tokens that it left alone: the most frequent one.
 */
function shift(answer, at) {
  const raw = answer.tokens.map(({ probabilities: p }) => (p[at - 1] > 0 ? Math.log(p[at] / p[at - 1]) : 0));
  const counts = new Map();
  for (const value of raw) {
    if (value > GONE) counts.set(value.toFixed(6), (counts.get(value.toFixed(6)) ?? 0) + 1);
  }
  const [common] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ["0", 0]);
  return raw.map((value) => (Math.abs(value - common) < 1e-5 ? 0 : value - common));
}

/** Run the stages of a setting that are on; the distribution before them ("model") and after each. */
export function run(base, setting, stages) {
  let x = base.x;
  const made = [summary("model", x, base, null)];
  for (const name of stages) {
    const moved = base.shifts[name];
    if (moved) x = x.map((value, i) => (i < base.listed ? value + moved[i] : value));
    else if (STAGES[name]) x = STAGES[name](x, base.n, setting, base);
    made.push(summary(name, x, base, made.at(-1)));
  }
  return made;
}

function summary(name, x, { n, listed }, before) {
  const all = shares(x, n);
  const masses = all.each.map((one) => one / all.total);
  const sum = (values) => values.reduce((total, one) => total + one, 0);
  return {
    name,
    masses,
    probabilities: masses.slice(0, listed),
    tail: sum(masses.slice(listed)),
    survivors: survivors(x, n),
    entropy_nats: Math.abs(entropy(x, n, all)),
    removed_mass: before ? sum(before.masses.filter((_, i) => x[i] === GONE)) : 0,
  };
}
