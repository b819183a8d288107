"""A tiny random Gemma 3 and a tokenizer in Gemma's form, made in a second: the real architecture without the download.

    folder = make_tiny_model(tmp_path / "tiny")     # config.json, model.safetensors, tokenizer.json, ...
    teach(folder, {prompt: answer}, stop=1)         # if it is to say something

Same pieces as the real one: sliding and full attention, one KV head, tied embedding, BPE with byte fallback, <bos> by
the post-processor, spaces as U+2581. Same seed, same bytes. Its answers are babble until it is
taught; with the default seed a few of them stop.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SPECIALS = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>", "<unused0>", "<unused1>")
SPACE = "▁"

TEXTS = (
    "user\nTranslate this text to emoji: \n\nwhat a fun party",
    "model\nBaking chocolate chip cookies!",
    "my cat is sleeping on me and the coffee is cold",
    "we shipped it on friday, what could go wrong?",
    "happy birthday to you, let us have pizza and cake",
)
EMOJI = ["🎉", "🥳", "🍪", "🍫", "✨", "😴", "💤", "🐈", "☕"]
EMOJI += ["🚀", "🎂", "🍕", "❤️", "👍🏽", "👨‍👩‍👧", "🇩🇪", "1️⃣", "🤦‍♂️"]


def tiny_tokenizer(folder: Path, vocabulary_from: Iterable[str] = TEXTS, vocabulary_size: int = 512) -> int:
    """Write a tokenizer.json of at most `vocabulary_size` tokens whose merges come from the words of `vocabulary_from`.

    Specials first (<pad> 0, <eos> 1, <bos> 2, <unk> 3), then 256 byte tokens, then characters and merges. Returns the
    number of tokens.
    """
    from tokenizers import Tokenizer, models, trainers

    first = len(SPECIALS) + 256
    words = [SPACE + word for text in vocabulary_from for word in text.split(" ")] + ["\n\n", "\n"]
    trained = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=vocabulary_size - first, min_frequency=1, show_progress=False)
    trained.train_from_iterator([*words, *EMOJI, *EMOJI], trainer)
    learned = json.loads(trained.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].__getitem__)
    names = [*SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    bos = {"SpecialToken": {"id": "<bos>", "type_id": 0}}
    second_bos = {"SpecialToken": {"id": "<bos>", "type_id": 1}}
    sequence = lambda name, kind: {"Sequence": {"id": name, "type_id": kind}}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": name, "single_word": False, "lstrip": False, "rstrip": False}
            | {"normalized": False, "special": True}
            for i, name in enumerate(SPECIALS)
        ],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"String": " "},
            "behavior": "MergedWithPrevious",
            "invert": False,
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos, sequence("A", 0)],
            "pair": [bos, sequence("A", 0), second_bos, sequence("B", 1)],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {name: i for i, name in enumerate(names)},
            "merges": learned["merges"],
        },
    }
    settings = {
        "tokenizer_class": "GemmaTokenizer",
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2), "utf-8")
    return len(names)


def make_tiny_model(
    folder: Path,
    vocabulary_from: Iterable[str] = TEXTS,
    vocabulary_size: int = 512,
    random_seed: int = 10,
    **changes: Any,
) -> Path:
    """Write a random Gemma3ForCausalLM and its tokenizer to `folder`, as transformers saves them; returns `folder`.

    `changes` override single fields of the Gemma3TextConfig, for instance `num_hidden_layers=2`.
    """
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    settings: dict[str, Any] = {
        "vocab_size": tiny_tokenizer(folder, vocabulary_from, vocabulary_size),
        "hidden_size": 128,  # a multiple of the export's block of 128 weights, as are the next two widths
        "intermediate_size": 256,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "query_pre_attn_scalar": 32,
        "sliding_window": 16,  # shorter than a prompt, so that the window matters
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
    } | changes
    if "num_hidden_layers" in changes and "layer_types" not in changes:
        layers = int(changes["num_hidden_layers"])
        settings["layer_types"] = ["full_attention" if i == layers // 2 else "sliding_attention" for i in range(layers)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_seed)
        model = Gemma3ForCausalLM(Gemma3TextConfig(**settings))
        for name, weight in model.named_parameters():
            if "norm" in name:  # fresh ones are zero, which would hide a wrong (1 + weight)
                torch.nn.init.normal_(weight, std=0.2)
        with torch.no_grad():  # a small table lets the layers decide, else the model repeats its last token
            model.get_input_embeddings().weight.mul_(0.1)
    model.eval().save_pretrained(folder)
    return folder


def teach(folder: Path, pairs: Mapping[str, str], stop: int, steps: int = 120) -> None:
    """Train the tiny model in `folder` until it knows `pairs` by heart: what it answers to each whole prompt, ended by
    the token `stop`. A few seconds."""
    import torch
    from tokenizers import Tokenizer
    from transformers import Gemma3ForCausalLM

    torch.manual_seed(0)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model: Any = Gemma3ForCausalLM.from_pretrained(folder, dtype=torch.float32)
    rows = []
    for prompt_text, answer_text in pairs.items():
        prompt = tokenizer.encode(prompt_text, add_special_tokens=False).ids
        answer = [*tokenizer.encode(answer_text, add_special_tokens=False).ids, stop]
        rows.append((prompt + answer, [-100] * len(prompt) + answer))
    length = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([row + [0] * (length - len(row)) for row, _ in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row, _ in rows])
    labels = torch.tensor([label + [-100] * (length - len(label)) for _, label in rows])
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    last = float(loss.detach())
    if last > 0.05:
        raise AssertionError(f"the tiny model did not learn: loss {last:.3f}")
    model.eval().save_pretrained(folder)
