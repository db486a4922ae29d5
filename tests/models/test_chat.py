"""Chats: templates as transformers renders them, messages, and how a model is given prompts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from tests.tiny import END, load, save, tokenizer
from thermoscope import InputError, SamplingParams, generate, load_model
from thermoscope.errors import ModelError, PromptError
from thermoscope.models.chat import ChatTemplate, as_messages, conversation, written

#: Templates in the styles of the families, written for these tests.
TEMPLATES = {
    "chatml": (
        "{% for m in messages %}{% if loop.first and m.role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n"
        "{% endif %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    "llama-3": (
        "{{- bos_token }}\n"
        "{%- if messages[0]['role'] == 'system' %}\n"
        "    {%- set system = messages[0]['content'] | trim %}\n"
        "    {%- set messages = messages[1:] %}\n"
        "{%- else %}\n    {%- set system = '' %}\n{%- endif %}\n"
        "<|start_header_id|>system<|end_header_id|>\n\n{{ system }}<|eot_id|>\n"
        "{%- for message in messages %}\n"
        "    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}\n"  # noqa: E501
        "{%- endfor %}\n"
        "{%- if add_generation_prompt %}\n    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}\n{%- endif %}\n"  # noqa: E501
    ),
    "gemma": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
        "{% endif %}{% for message in messages %}{% set role = 'model' if message.role == 'assistant' else message.role %}"  # noqa: E501
        "{{ '<start_of_turn>' ~ role ~ '\n' ~ message.content | trim ~ '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
    ),
    "mistral": (
        "{{- bos_token }}{%- for message in messages %}{%- if message.role == 'user' %}"
        "{{- '[INST] ' + message.content + ' [/INST]' }}{%- elif message.role == 'assistant' %}"
        "{{- ' ' + message.content + eos_token }}{%- elif message.role == 'system' %}"
        "{{- '[SYSTEM]' + message.content + '[/SYSTEM]' }}{%- else %}{{- raise_exception('unknown role') }}{%- endif %}"
        "{%- endfor %}"
    ),
    "qwen3": (
        "{%- set ns = namespace(last=messages|length - 1, tools=false) %}\n"
        "{%- for message in messages[::-1] %}\n    {%- if message.role == 'user' and not ns.tools %}\n"
        "        {%- set ns.tools = true %}\n        {%- set ns.last = messages|length - 1 - loop.index0 %}\n    {%- endif %}\n"  # noqa: E501
        "{%- endfor %}\n"
        "{%- for message in messages %}\n"
        "    {%- set content = message.content %}\n"
        "    {%- if message.role == 'assistant' and '</think>' in content %}\n"
        "        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}\n    {%- endif %}\n"
        "    {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}\n{%- endfor %}\n"
        "{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n"
        "    {%- if enable_thinking is defined and enable_thinking is false %}\n"
        "        {{- '<think>\\n\\n</think>\\n\\n' }}\n    {%- endif %}\n{%- endif %}"
    ),
    "odds": (
        "{%- for message in messages %}{%- if loop.index0 > 5 %}{% break %}{% endif %}"
        "{% generation %}{{ message | tojson }}{% endgeneration %}{{ dict(a=1) | tojson(indent=2) }}"
        "{{ '<&>\"é' | tojson }}{%- endfor %}{{ strftime_now('%Y') | length }}{{ tools is none }}{{ messages | length }}"  # noqa: E501
    ),
}
ALONE = [{"role": "user", "content": "Why? <b>é</b> 日本"}]
LONG = [
    {"role": "user", "content": " Hi "},
    {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHello!"},
    {"role": "user", "content": "More\nlines"},
]
SYSTEM = [{"role": "system", "content": "Be brief."}, *ALONE]


@pytest.mark.parametrize("options", [{}, {"enable_thinking": False}, {"enable_thinking": True}])
@pytest.mark.parametrize("messages", [ALONE, LONG, SYSTEM], ids=["alone", "long", "system"])
@pytest.mark.parametrize("kind", TEMPLATES)
def test_templates_render_as_transformers_does(kind, messages, options):
    theirs = PreTrainedTokenizerFast(tokenizer_object=tokenizer().backend_tokenizer, bos_token=END, eos_token=END)
    ours = ChatTemplate(TEMPLATES[kind], {"bos_token": END, "eos_token": END})
    for prompted in (True, False):
        how = {"chat_template": TEMPLATES[kind], "tokenize": False, "add_generation_prompt": prompted, **options}
        if kind == "gemma" and messages is SYSTEM:
            with pytest.raises(PromptError, match="refuses these messages: System role not supported"):
                ours.render(messages, options, add_generation_prompt=prompted)
            continue
        want = theirs.apply_chat_template(messages, **how)
        assert ours.render(messages, options, add_generation_prompt=prompted) == want


def test_thinking_can_be_switched_off():
    template = ChatTemplate(TEMPLATES["qwen3"])
    assert template.render(ALONE, {"enable_thinking": False}).endswith("<think>\n\n</think>\n\n")
    assert template.render(ALONE).endswith("<|im_start|>assistant\n")
    assert template.uses("enable_thinking")
    assert not ChatTemplate(TEMPLATES["chatml"]).uses("enable_thinking")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% for %}", "is faulty"),
        ("{{ messages.append(1) }}", "refuses"),
        ("{{ ''.__class__.__mro__ }}", "refuses"),
        ("{{ undefined_thing.x }}", "refuses"),
        ("{{ 1 + 'a' }}", "fails"),
        ("{% set n = namespace(_x=1) %}", "refuses"),
        ("{% generation %}x", "is faulty"),
    ],
)
def test_templates_that_are_faulty_or_reach_too_far(source, said):
    with pytest.raises((PromptError, ModelError), match=said) as caught:
        ChatTemplate(source).render(ALONE)
    assert "\n" not in str(caught.value)


def test_what_ends_a_turn():
    assert ChatTemplate(TEMPLATES["chatml"]).turn_end() == "<|im_end|>\n"
    assert ChatTemplate(TEMPLATES["mistral"], {"bos_token": "<s>", "eos_token": "</s>"}).turn_end() == "</s>"
    assert ChatTemplate("{{ raise_exception('no') }}").turn_end() == ""


def test_messages_are_written_as_json():
    assert as_messages(written(LONG)) == LONG
    for text in ("Hi", "", "[1, 2]", "[", "[]", '[{"a": 1}]', '{"role": "user", "content": "x"}'):
        assert as_messages(text) is None
    assert conversation("Hi", None) == [{"role": "user", "content": "Hi"}]
    assert conversation("Hi", "Be brief.") == [SYSTEM[0], {"role": "user", "content": "Hi"}]
    assert conversation(written(LONG), "Be brief.") == [SYSTEM[0], *LONG]
    with pytest.raises(PromptError, match="got another with --system"):
        conversation(written(SYSTEM), "Be long.")


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "at least one message"),
        ([{"role": "robot", "content": "x"}], "got 'robot'"),
        ([{"role": "user", "content": 3}], "content must be a text; got int"),
        ([{"role": "user"}], "content must be a text; got NoneType"),
        ([{"role": "system", "content": "x"}], "got a system message last"),
    ],
)
def test_messages_that_break_the_rules(messages, said):
    with pytest.raises(PromptError, match=said):
        written(messages)


# --- a model with a template ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = save("gpt2", tmp_path_factory.mktemp("chat") / "chat")
    config = json.loads((path / "tokenizer_config.json").read_text())
    config["chat_template"] = "{{ bos_token }}" + TEMPLATES["chatml"].replace("<|im_end|>", "{{ eos_token }}")
    (path / "tokenizer_config.json").write_text(json.dumps(config))
    return path


SEEN = f"{END}<|im_start|>system\nBe kind.{END}\n<|im_start|>user\nHi{END}\n<|im_start|>assistant\n"


def test_a_template_is_used_by_default(folder):
    model = load_model(folder)
    assert model.chat
    assert model.seen("Hi") == SEEN
    assert model.encode_prompt("Hi") == tokenizer()(SEEN)["input_ids"]
    assert model.chat_words == ("--chat",)
    assert any(f"whose first line is '{END}<|im_start|>system'; --raw" in note for note in model.notes)


def test_raw_leaves_it_out(folder):
    model = load_model(folder, chat=False)
    assert model.encode_prompt("Hi") == model.encode("Hi") == tokenizer()("Hi")["input_ids"]
    assert model.chat_words == ("--raw",)
    assert "prompts are given as they are, without the model's chat template; --chat uses it" in model.notes


def test_a_model_without_a_template_is_never_given_one(folder, tmp_path):
    model = load("gpt2", tmp_path)
    assert not model.chat
    assert model.chat_words == ()
    assert model.notes == ()
    assert model.encode_prompt("Hi") == model.encode("Hi")
    with pytest.raises(InputError, match="--chat needs a model with a chat template"):
        load_model(tmp_path / "gpt2", chat=True)
    with pytest.raises(InputError, match="--system is for a chat template"):
        load_model(tmp_path / "gpt2", system="x")
    with pytest.raises(InputError, match="--system is for a chat template; --raw leaves"):
        load_model(folder, chat=False, system="x")


def test_a_system_message(folder):
    model = load_model(folder, system="Be brief.")
    assert model.seen("Hi") == SEEN.replace("Be kind.", "Be brief.")
    assert model.chat_words == ("--chat", "--system=Be brief.")


def test_options_that_the_template_does_not_know(folder):
    with pytest.raises(InputError, match="no option enable_thinking; got enable_thinking=False"):
        load_model(folder, chat_options={"enable_thinking": False})


def test_messages_as_a_prompt(folder):
    model = load_model(folder)
    prompt = written(LONG)
    assert model.seen(prompt) == model.template.render(LONG)
    assert generate(model, prompt, SamplingParams(temperature=0), max_new_tokens=3)[0].prompt == prompt


def test_a_prompt_that_was_templated_by_hand_is_not_templated_again(folder):
    model = load_model(folder)
    for prompt in (SEEN, f"Hi{END}", written([{"role": "user", "content": f"{END} x"}])):
        with pytest.raises(PromptError, match="a token of the model's chat template; if it is written"):
            model.encode_prompt(prompt)
    assert model.encode_prompt("a <|im_start|> that is no token of this tokenizer")
    assert load_model(folder, chat=False).encode_prompt(SEEN) == model.encode_prompt("Hi")


def test_messages_need_a_template(folder, tmp_path):
    model = load("gpt2", tmp_path)
    with pytest.raises(PromptError, match="messages, which need a chat template"):
        model.encode_prompt(written(LONG))
    with pytest.raises(PromptError, match="leave --raw out"):
        load_model(folder, chat=False).encode_prompt(written(LONG))


def test_texts_are_those_of_the_rendered_prompt(folder):
    chat, raw = load_model(folder), load_model(folder, chat=False)
    params = SamplingParams(temperature=0.8)
    one = generate(chat, "Hi", params, seeds=range(3), max_new_tokens=8)
    other = generate(raw, SEEN, params, seeds=range(3), max_new_tokens=8)
    assert [sample.token_ids for sample in one] == [sample.token_ids for sample in other]
    assert torch.equal(chat.next_token_logits("Hi"), raw.next_token_logits(SEEN))


def test_the_beginning_of_a_text_is_not_doubled(tmp_path):
    from tokenizers import processors

    path = save("gpt2", tmp_path / "bos")
    backend = tokenizer().backend_tokenizer.__class__.from_str(tokenizer().backend_tokenizer.to_str())
    backend.post_processor = processors.TemplateProcessing(single=f"{END} $A", special_tokens=[(END, 0)])
    PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=END, eos_token=END).save_pretrained(path)
    model = load_model(path)
    plain = tokenizer()("Hi")["input_ids"]
    assert model.encode("Hi") == [0, *plain]
    assert model.encode(f"{END}Hi") == [0, *plain]
    assert model.encode(f"{END}{END}Hi") == [0, 0, 0, *plain]  # who writes it twice means it
    assert model.encode("") == [0]


def test_ends_that_differ_are_named(folder, tmp_path):
    import shutil

    path = Path(shutil.copytree(folder, tmp_path / "ends"))
    generation = json.loads((path / "generation_config.json").read_text())
    (path / "generation_config.json").write_text(json.dumps({**generation, "eos_token_id": [11]}))
    model = load_model(path)
    assert model.ends == {
        "generation config": {11}, "configuration": {0}, "tokenizer": {0}, "chat template": {0},
    }  # fmt: skip
    assert model.end_of_text == {0, 11}  # of the generation config, and of the turn
    note = next(note for note in model.notes if note.startswith("ends are named"))
    assert f"'{END}' (chat template)" in note
    assert note.endswith(f"a text ends at '{END}' and {model.tokenizer.decode([11])!r}")
    assert load_model(path, chat=False).end_of_text == {11}
