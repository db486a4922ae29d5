// How the page lets each parameter be moved: the ends of its slider, the step, and the value it begins with when its
// stage is switched on. Values beyond a slider may be typed. A parameter that is not listed gets a field.

export const SLIDERS = {
  temperature: { min: 0, max: 2, step: 0.01, start: 0.8 },
  dynatemp_range: { min: 0, max: 2, step: 0.01, start: 0.3 },
  dynatemp_exponent: { min: 0.1, max: 4, step: 0.1, start: 1 },
  top_k: { min: 1, max: 100, step: 1, start: 40 },
  top_p: { min: 0.01, max: 1, step: 0.01, start: 0.9 },
  min_p: { min: 0, max: 1, step: 0.01, start: 0.05 },
  typical_p: { min: 0.01, max: 1, step: 0.01, start: 0.9 },
  epsilon_cutoff: { min: 0, max: 0.1, step: 0.0005, start: 0.001 },
  eta_cutoff: { min: 0, max: 0.1, step: 0.0005, start: 0.002 },
  top_a: { min: 0, max: 1, step: 0.01, start: 0.2 },
  top_n_sigma: { min: 0.1, max: 5, step: 0.1, start: 1.5 },
  xtc_probability: { min: 0, max: 1, step: 0.01, start: 0.5 },
  xtc_threshold: { min: 0, max: 0.5, step: 0.01, start: 0.1 },
  mirostat_tau: { min: 0.1, max: 10, step: 0.1, start: 5 },
  mirostat_eta: { min: 0, max: 1, step: 0.01, start: 0.1 },
  repetition_penalty: { min: 0.5, max: 2, step: 0.01, start: 1.1 },
  presence_penalty: { min: -2, max: 2, step: 0.05, start: 0.5 },
  frequency_penalty: { min: -2, max: 2, step: 0.05, start: 0.5 },
  no_repeat_ngram_size: { min: 1, max: 10, step: 1, start: 3 },
  dry_multiplier: { min: 0, max: 4, step: 0.05, start: 0.8 },
  dry_base: { min: 1, max: 4, step: 0.05, start: 1.75 },
  dry_allowed_length: { min: 1, max: 10, step: 1, start: 2 },
};

/** Whether the server alone can answer a stage's move: it looks at tokens by their id, or throws a coin. */
export const isServers = (stage) => stage.by_token || stage.name === "xtc";

/** The stages in the order of a setting; those that a named order lacks come last. */
export function orderOf(app, setting) {
  const named = typeof setting.order === "string" ? app.state.orders[setting.order] : setting.order;
  const order = named ?? app.state.order;
  return [...order, ...app.state.order.filter((name) => !order.includes(name))];
}

/** Whether a stage of the table is on: one of the parameters that switch it has a value. */
export const isOn = (stage, setting) =>
  stage.parameters.some((p) => p.shapes === null && setting[p.name] !== undefined && setting[p.name] !== null);

/** The names of the stages that are on, in their order; without what is at the value that does nothing. */
export function activeStages(app, setting) {
  const table = new Map(app.state.stages.map((stage) => [stage.name, stage]));
  return orderOf(app, setting).filter((name) => {
    const stage = table.get(name);
    return stage?.parameters.some(
      (p) => p.shapes === null && setting[p.name] !== undefined && setting[p.name] !== null && setting[p.name] !== p.inert,
    );
  });
}

/** A setting in a few words: "temperature 0.8 · top_p 0.9". */
export function inWords(setting) {
  const parts = Object.entries(setting)
    .filter(([name, value]) => name !== "order" && value !== null && value !== undefined)
    .map(([name, value]) => `${name} ${typed(value)}`);
  if (typeof setting.order === "string") parts.push(`order ${setting.order}`);
  return parts.join(" · ") || "temperature 1";
}

/** A value as one types it: a list with commas, biases as id:bias. */
export function typed(value) {
  if (Array.isArray(value)) return value.join(",");
  if (typeof value === "object") return Object.entries(value).map(([id, bias]) => `${id}:${bias}`).join(",");
  return String(value);
}

/** What was typed into a list's field as a value, or null for nothing. */
export function parsedList(name, text) {
  const parts = text.split(/[\s,]+/).filter(Boolean);
  if (!parts.length) return null;
  if (name !== "logit_bias") return parts.map(Number);
  return Object.fromEntries(parts.map((part) => part.split(":")).map(([id, bias]) => [id, Number(bias)]));
}
