"""Every stage of sampling once, with all that is known of it.

Command-line options and their help, fixes in errors, tables in the documentation, the values that do nothing, what
export writes, and which settings a spectrum admits are all made from these entries. The function that computes a stage
stands in ``sampling/stages.py`` under the same name, and the field of each parameter in ``SamplingParams``, where type
checkers see it; ``tests/contracts/test_stages.py`` fails for an entry that lacks either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: What a stage means for the spectrum, which draws each token as a line in 1/T. Before the temperature: "lines" (it
#: changes slopes or removes lines for all temperatures). After it: "lines" (its set does not depend on T), "half-lines"
#: (each token is admitted up to one temperature), "refused".
Admission = Literal["lines", "half-lines", "refused"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a stage.

    Attributes
    ----------
    name
        As in ``SamplingParams``.
    metavar, help
        What the command line calls its value, and one sentence on what it does.
    fix
        What to write instead of a value that breaks the rule.
    domain
        The values that it takes, in words.
    inert
        The value with which it does nothing, where there is one besides leaving it out.
    shapes, or_shapes
        The parameter that switches its stage on, if this one only shapes the stage, and another that does as well;
        None if it is the switch.
    is_list
        Whether its value is a list.
    is_word
        Whether its value is a word.
    """

    name: str
    metavar: str
    help: str
    fix: str
    domain: str
    inert: float | None = None
    shapes: str | None = None
    or_shapes: str | None = None
    is_list: bool = False
    is_word: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of sampling.

    Attributes
    ----------
    name
        As in orders.
    parameters
        What belongs to it.
    rule
        What it does, for the documentation.
    truncates
        It removes tokens and leaves the logits of the others as they are; a stage that does not keeps every token.
    by_token
        It looks at tokens by their id, and so needs the whole vocabulary.
    keeps_order
        It keeps the order of logits within a row.
    keeps_best
        It never removes the most probable token.
    additive
        It adds to logits what does not depend on them.
    commutes
        Stages with which it gives the same in either order.
    before, after
        What it means for a spectrum when it runs before the temperature, and after it.
    reason
        Why a spectrum refuses it.
    """

    name: str
    parameters: tuple[Parameter, ...]
    rule: str
    truncates: bool = False
    by_token: bool = False
    keeps_order: bool = False
    keeps_best: bool = False
    additive: bool = False
    commutes: frozenset[str] = frozenset()
    before: Admission = "lines"
    after: Admission = "refused"
    reason: str = "what it does after the temperature is not a line in the temperature"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return tuple(parameter.name for parameter in self.parameters)


_LEAVE_OUT = ", or leave it out to switch it off"
_ALL_TOKENS = ", or leave it out to look at all of them"
_NOT_A_LINE = "the set that it keeps does not grow steadily with the temperature"

_ALL = (
    Stage(
        "logit_bias",
        (
            Parameter(
                "logit_bias", "PAIRS", "Add to the logits of these tokens, by id: 198:-5,50256:2.",
                "write {50256: -5.0}", "{token id: nats}, finite", is_list=True,
            ),
        ),
        "l + b",
        by_token=True, additive=True,
    ),
    Stage(
        "encoder_repetition",
        (
            Parameter(
                "encoder_repetition_penalty", "R",
                "Multiply the logits of the prompt's tokens by R (divide them if negative).",
                f"use a value such as 1.1{_LEAVE_OUT}", "> 0", inert=1,
            ),
        ),
        "tokens of the prompt: l < 0 ? l / r : l r, once per token",
        by_token=True,
    ),
    Stage(
        "repetition",
        (
            Parameter(
                "repetition_penalty", "R",
                "Divide the logits of tokens already present by R (multiply them if negative).",
                f"use a value such as 1.1{_LEAVE_OUT}", "> 0", inert=1,
            ),
            Parameter(
                "repetition_last_n", "N", "Look for repeated tokens among the last N of prompt and text alone.",
                f"use a whole number such as 64{_ALL_TOKENS}", "whole, >= 1", shapes="repetition_penalty",
            ),
        ),
        "tokens of prompt and text (the last n): l < 0 ? l r : l / r, once per token",
        by_token=True,
    ),
    Stage(
        "penalties",
        (
            Parameter(
                "presence_penalty", "X", "Subtract X from the logits of tokens already generated.",
                f"use a value such as 0.5{_LEAVE_OUT}", "nats", inert=0,
            ),
            Parameter(
                "frequency_penalty", "X", "Subtract X for each time a token was already generated.",
                f"use a value such as 0.5{_LEAVE_OUT}", "nats", inert=0,
            ),
            Parameter(
                "penalties_last_n", "N", "Count the last N generated tokens alone for presence and frequency.",
                f"use a whole number such as 64{_ALL_TOKENS}", "whole, >= 1",
                shapes="presence_penalty", or_shapes="frequency_penalty",
            ),
        ),
        "l - presence [c > 0] - frequency c; c counts generated tokens only (the last n)",
        by_token=True, additive=True,
    ),
    Stage(
        "no_repeat_ngram",
        (
            Parameter(
                "no_repeat_ngram_size", "N", "Never repeat the same N tokens.",
                f"use a whole number such as 3{_LEAVE_OUT}", "whole, >= 1",
            ),
        ),
        "removes tokens that would complete an n-gram of prompt and text that is already there",
        truncates=True, by_token=True,
    ),
    Stage(
        "min_new_tokens",
        (
            Parameter(
                "min_new_tokens", "N", "Never end a text before N new tokens.",
                f"use a whole number such as 20{_LEAVE_OUT}", "whole, >= 1",
            ),
        ),
        "removes the model's end-of-text tokens while the text has fewer than n tokens",
        truncates=True, by_token=True,
    ),
    Stage(
        "dry",
        (
            Parameter(
                "dry_multiplier", "X",
                "DRY: subtract X * base^(L - allowed length) from tokens that would extend a repetition of L tokens.",
                f"use a value such as 0.8{_LEAVE_OUT}", ">= 0, nats", inert=0,
            ),
            Parameter(
                "dry_base", "B", "Base of DRY's penalty. [default: 1.75]", "use a value such as 1.75", ">= 1",
                shapes="dry_multiplier",
            ),
            Parameter(
                "dry_allowed_length", "N", "Longest repetition that DRY does not penalise. [default: 2]",
                "use a whole number such as 2", "whole, >= 1", shapes="dry_multiplier",
            ),
            Parameter(
                "dry_breakers", "IDS", "Token ids that end a repetition for DRY: 198,13.",
                "write a list of token ids, such as [198]", "token ids", shapes="dry_multiplier", is_list=True,
            ),
            Parameter(
                "dry_last_n", "N", "Look for repetitions among the last N tokens of prompt and text alone.",
                f"use a whole number such as 512{_ALL_TOKENS}", "whole, >= 1", shapes="dry_multiplier",
            ),
        ),
        "a token that would extend a repetition of L >= allowed tokens loses multiplier base^(L - allowed); no "
        "repetition reaches across a breaker",
        by_token=True, additive=True,
    ),
    Stage(
        "top_n_sigma",
        (
            Parameter(
                "top_n_sigma", "N", "Keep logits within N standard deviations of the largest.",
                f"use a value such as 1.5{_LEAVE_OUT}", "> 0",
            ),
        ),
        "l >= max - n sigma stays; sigma over the tokens that are left",
        truncates=True, keeps_best=True, commutes=frozenset({"temperature"}),
        reason="after temperature it does the same as before it: put it there",
    ),
    Stage(
        "min_k",
        (
            Parameter(
                "min_k", "TAU",
                "Keep the tokens before the steepest drop of sorted logits, at least TAU over their range.",
                f"use a value such as 3{_LEAVE_OUT}", ">= 0",
            ),
        ),
        "the k largest stay, with ties; k = max(i with the largest (l_i - l_(i+1)) / i, floor(tau / R)), l sorted, R "
        "from the largest to the least that is left",
        truncates=True, keeps_best=True,
        reason="how many tokens it keeps at least depends on the range of logits, which the temperature divides",
    ),
    Stage(
        "temperature",
        (
            Parameter(
                "temperature", "T", "Divide logits by T; 0 is greedy.",
                "use 0 for greedy decoding, or a value such as 0.7", ">= 0", inert=1,
            ),
            Parameter(
                "dynatemp_range", "R", "Vary the temperature between T - R and T + R with the entropy.",
                f"use a value such as 0.3{_LEAVE_OUT}", ">= 0", inert=0,
            ),
            Parameter(
                "dynatemp_exponent", "E", "How the dynamic temperature follows the entropy. [default: 1]",
                "use a value such as 1", "> 0", shapes="dynatemp_range",
            ),
        ),
        "l / T; 0 is greedy: the largest logit, ties to the lowest token id. With a range, T goes from max(0, T - R) "
        "to T + R by (H / ln n)^exponent, n tokens left",
        keeps_order=True, keeps_best=True, commutes=frozenset({"top_k", "top_n_sigma"}),
    ),
    Stage(
        "smoothing",
        (
            Parameter(
                "smoothing_factor", "S", "Lower logits by the square of their distance from the largest, times S.",
                f"use a value such as 0.3{_LEAVE_OUT}", ">= 0", inert=0,
            ),
            Parameter(
                "smoothing_curve", "C", "How much of the smoothing is cubic: 1 none. [default: 1]",
                "use a value such as 1", ">= 1", shapes="smoothing_factor",
            ),
        ),
        "max - s ((3 - c) / 2 d^2 - (c - 1) / 2 d^3), d = l - max; 0 switches it off",
    ),
    Stage(
        "top_k",
        (
            Parameter(
                "top_k", "K", "Keep the K most probable tokens.",
                f"use a whole number such as 50{_LEAVE_OUT}", "whole, >= 1",
            ),
        ),
        "the k largest stay, with all ties of the k-th",
        truncates=True, keeps_best=True, commutes=frozenset({"temperature", "min_p"}), after="lines",
    ),
    Stage(
        "top_p",
        (
            Parameter(
                "top_p", "P", "Keep the most probable tokens whose total probability reaches P.",
                f"use a value in (0, 1] such as 0.95{_LEAVE_OUT}", "(0, 1]", inert=1,
            ),
        ),
        "the smallest set of the most probable tokens whose mass reaches p stays, the crossing token included",
        truncates=True, keeps_best=True, after="half-lines",
    ),
    Stage(
        "min_p",
        (
            Parameter(
                "min_p", "P", "Keep tokens with at least P times the largest probability.",
                f"use a value in [0, 1] such as 0.05{_LEAVE_OUT}", "[0, 1]", inert=0,
            ),
        ),
        "tokens with at least p times the largest probability stay",
        truncates=True, keeps_best=True, commutes=frozenset({"top_k"}), after="half-lines",
    ),
    Stage(
        "p_less",
        (
            Parameter(
                "p_less", "ORDER", "Keep tokens of at least exp(-Renyi entropy of this order); 2 is the published one.",
                f"use 2{_LEAVE_OUT}", "> 1",
            ),
            Parameter(
                "p_less_norm", "W", "Lower p-less's threshold by W times the mean chance of a miss. [default: 0]",
                "use 1 for p-less-norm, or leave it out", "[0, 1]", shapes="p_less",
            ),
        ),
        "p >= L - w (1 - L) / (n - 1) stays, L = (sum p^a)^(1 / (a - 1)), n tokens left",
        truncates=True, keeps_best=True,
        reason="its threshold is made of all probabilities, which move with the temperature",
    ),
    Stage(
        "top_h",
        (
            Parameter(
                "top_h", "A", "Keep the most probable tokens whose entropy is at most A times that of all.",
                f"use a value in (0, 1] such as 0.4{_LEAVE_OUT}", "(0, 1]", inert=1,
            ),
        ),
        "the most probable tokens, as many as have an entropy of at most a H among themselves, stay, with ties",
        truncates=True, keeps_best=True,
        reason="the entropy that it allows moves with the temperature",
    ),
    Stage(
        "typical_p",
        (
            Parameter(
                "typical_p", "P", "Keep the tokens whose surprise is nearest to the entropy, up to mass P.",
                f"use a value in (0, 1] such as 0.9{_LEAVE_OUT}", "(0, 1]", inert=1,
            ),
        ),
        "the tokens nearest to the entropy, by abs(-ln p - H), stay up to mass p; all as near as the crossing token "
        "stay",
        truncates=True, reason=_NOT_A_LINE,
    ),
    Stage(
        "epsilon_cutoff",
        (
            Parameter(
                "epsilon_cutoff", "P", "Keep tokens of at least probability P.",
                f"use a value in [0, 1) such as 3e-4{_LEAVE_OUT}", "[0, 1)", inert=0,
            ),
        ),
        "p >= epsilon stays",
        truncates=True, keeps_best=True,
        reason="a token's probability does not change in one direction with the temperature",
    ),
    Stage(
        "eta_cutoff",
        (
            Parameter(
                "eta_cutoff", "P", "Keep tokens of at least probability min(P, sqrt(P) exp(-entropy)).",
                f"use a value in [0, 1) such as 2e-3{_LEAVE_OUT}", "[0, 1)", inert=0,
            ),
        ),
        "p >= min(eta, sqrt(eta) exp(-H)) stays",
        truncates=True, keeps_best=True,
        reason="its cutoff moves with the entropy, which moves with the temperature",
    ),
    Stage(
        "top_a",
        (
            Parameter(
                "top_a", "A", "Keep tokens of at least A times the largest probability squared.",
                f"use a value in [0, 1] such as 0.2{_LEAVE_OUT}", "[0, 1]", inert=0,
            ),
        ),
        "p >= a (max p)^2 stays",
        truncates=True, keeps_best=True,
        reason="its cutoff is a square of the largest probability, which moves with the temperature",
    ),
    Stage(
        "xtc",
        (
            Parameter(
                "xtc_probability", "P",
                "XTC: chance of removing every token above the threshold except the least likely.",
                f"use a value in [0, 1] such as 0.5{_LEAVE_OUT}", "[0, 1]", inert=0,
            ),
            Parameter(
                "xtc_threshold", "P", "XTC's threshold. [default: 0.1]", "use a value in [0, 1] such as 0.1", "[0, 1]",
                shapes="xtc_probability",
            ),
        ),
        "with this probability: of two or more tokens that reach the threshold only the least probable stays",
        truncates=True, before="refused", reason="it drops tokens by a draw of its own",
    ),
    Stage(
        "mirostat",
        (
            Parameter(
                "mirostat_tau", "BITS", "Mirostat 2: the surprise to aim for.",
                f"use a value in bits such as 5{_LEAVE_OUT}", "> 0, bits",
            ),
            Parameter(
                "mirostat_eta", "X", "Mirostat's learning rate. [default: 0.1]", "use a value such as 0.1", ">= 0",
                shapes="mirostat_tau",
            ),
        ),
        "surprise <= mu stays; mu = 2 tau at first, then mu - eta (surprise - tau)",
        truncates=True, keeps_best=True, before="refused",
        reason="its cutoff carries over from step to step and depends on the temperature there",
    ),
    Stage(
        "adaptive_p",
        (
            Parameter(
                "adaptive_target", "P", "Adaptive-p: prefer tokens with a probability near P, on average over a text.",
                f"use a value in [0, 1] such as 0.5{_LEAVE_OUT}", "[0, 1]",
            ),
            Parameter(
                "adaptive_decay", "D", "How slowly adaptive-p forgets earlier tokens. [default: 0.9]",
                "use a value in [0, 0.99] such as 0.9", "[0, 0.99]", shapes="adaptive_target",
            ),
        ),
        "5 - 10 d^2 / (1 + d), d = abs(p - a) / 0.3, a = 2 target - mean within [0, 1]; the mean of drawn tokens' p is "
        "the target at first, then decay mean + (1 - decay) p; runs last",
        before="refused",
        reason="what it aims for carries over from step to step and depends on the temperature there",
    ),
)  # fmt: skip

#: Every stage by name, in the default order (that of transformers' ``generate``).
STAGES: Mapping[str, Stage] = {stage.name: stage for stage in _ALL}
#: How much a model thinks. No stage: what comes of it is the affair of an engine behind an endpoint, to which it is
#: passed on as it is; a model that runs here refuses it.
_OPAQUE = (
    Parameter(
        "reasoning_effort", "LEVEL", "How much a reasoning model behind an endpoint thinks: none to max.",
        f"write low, medium or high{_LEAVE_OUT}", "none, minimal, low, medium, high, xhigh, max", is_word=True,
    ),
    Parameter(
        "thinking_budget", "N", "The most tokens that a model behind an endpoint thinks; 0 for no thinking.",
        f"use a value such as 2048{_LEAVE_OUT}", "integer >= 0",
    ),
)  # fmt: skip
OPAQUE: Mapping[str, Parameter] = {p.name: p for p in _OPAQUE}
#: Every parameter by name, in order of stages; last those of no stage.
PARAMETERS: Mapping[str, Parameter] = {p.name: p for stage in _ALL for p in stage.parameters} | dict(OPAQUE)
#: The stage that each parameter belongs to.
STAGE_OF: Mapping[str, str] = {p.name: stage.name for stage in _ALL for p in stage.parameters}
#: Parameters that shape a stage without switching it on, and those that do.
SHAPES: Mapping[str, tuple[str, ...]] = {
    p.name: (p.shapes,) if p.or_shapes is None else (p.shapes, p.or_shapes) for p in PARAMETERS.values() if p.shapes
}
#: Values with which a parameter does nothing; those of temperature (1) are everybody's default and not listed.
INERT: Mapping[str, float] = {
    p.name: p.inert for p in PARAMETERS.values() if p.inert is not None and p.name != "temperature"
}
#: Parameters whose values are words.
WORDS: frozenset[str] = frozenset(p.name for p in PARAMETERS.values() if p.is_word)
#: Parameters whose values are lists.
LISTS: frozenset[str] = frozenset(p.name for p in PARAMETERS.values() if p.is_list)


def stages_that(fact: Literal["truncates", "by_token", "keeps_order", "keeps_best", "additive"]) -> frozenset[str]:
    """The names of the stages for which a fact is true."""
    return frozenset(stage.name for stage in _ALL if getattr(stage, fact))


#: Stages that remove tokens and leave the logits of the others as they are. All others keep every token.
TRUNCATIONS = stages_that("truncates")
