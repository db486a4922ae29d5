// Texts of the API as tokens with their pieces.

/** The piece of text of each token of a sample, as the library cut it (in characters of Unicode). */
export function piecesOf(sample) {
  const characters = Array.from(sample.text);
  return sample.token_ids.map((_, at) =>
    characters.slice(at ? sample.text_ends[at - 1] : 0, sample.text_ends[at] ?? characters.length).join(""));
}

/** The tokens of a sample with what is recorded of each. */
export function tokensOf(sample) {
  const pieces = piecesOf(sample);
  return sample.token_ids.map((id, at) => ({
    id, text: pieces[at], logprob: sample.logprobs[at], rank: sample.ranks[at], entropy: sample.entropies[at],
  }));
}

const LEVELS = {
  probability: { ends: [0.5, 0.2, 0.05, 0.01, 0.001], of: (token) => Math.exp(token.logprob), below: (value, end) => value < end },
  rank: { ends: [1, 3, 10, 50, 300], of: (token) => token.rank, below: (value, end) => value > end },
};

/** How deep a token's colour is, 0 to 5: the less probable it was, or the further down the list. */
export function level(token, by) {
  if (token.logprob === null) return 0;
  const { ends, of, below } = LEVELS[by];
  return ends.filter((end) => below(of(token), end)).length;
}

/** What each colour stands for. */
export const levelNames = (by) =>
  by === "rank" ? ["1", "2–3", "4–10", "11–50", "51–300", "> 300"] : ["≥ 50%", "20–50%", "5–20%", "1–5%", "0.1–1%", "< 0.1%"];
