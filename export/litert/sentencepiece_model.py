"""A SentencePiece `tokenizer.model` from a Hugging Face `tokenizer.json`, for MediaPipe, which reads nothing else.

Both say the same thing in different words: Hugging Face lists pairs to merge in order, SentencePiece gives every piece
a score and merges the neighbours that make the best-scored piece. So a piece's score is minus the rank of the first
merge that makes it. That is exact as long as the merge list has every way to put a piece together from two others,
which is how Gemma's was made (and pruning keeps it so); `differing_texts` measures it instead of trusting it.

`build_sentencepiece_model` runs in the converter's environment (it needs the `sentencepiece` package).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPACE = "▁"
BYTE = re.compile(r"<0x[0-9A-F]{2}>")
# The kinds of piece, numbered as sentencepiece_model.proto numbers them.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE_PIECE = 1, 2, 3, 4, 6
CONTROLS = ("<pad>", "<eos>", "<bos>")


@dataclass(frozen=True)
class Piece:
    """A token as SentencePiece describes it; its place in a list is its id."""

    text: str
    score: float
    kind: int


def pieces_of(tokenizer_json: dict[str, Any]) -> list[Piece]:
    """The tokens of tokenizer.json in the order of their ids.

    Tokens that Hugging Face matches in the text before anything else (turn marks, runs of newlines) become
    user-defined pieces. <pad>, <eos> and <bos> become control pieces, which no text can produce.
    """
    vocabulary: dict[str, int] = tokenizer_json["model"]["vocab"]
    names = sorted(vocabulary, key=vocabulary.__getitem__)
    if [vocabulary[name] for name in names] != list(range(len(names))):
        raise ValueError("the ids of tokenizer.json have gaps: SentencePiece numbers its pieces 0, 1, 2, ...")
    added = {token["content"] for token in tokenizer_json["added_tokens"]}
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(tokenizer_json["model"]["merges"]):
        left, right = merge if isinstance(merge, list) else merge.split(" ", 1)
        ranks.setdefault(left + right, rank)

    def piece(name: str) -> Piece:
        score = -float(ranks.get(name, len(ranks)))
        if name == "<unk>":
            return Piece(name, score, UNKNOWN)
        if name in CONTROLS:
            return Piece(name, score, CONTROL)
        if BYTE.fullmatch(name):
            return Piece(name, score, BYTE_PIECE)
        if name in added:
            # SentencePiece looks for user-defined pieces after it has escaped the spaces.
            return Piece(name.replace(" ", SPACE), score, USER_DEFINED)
        return Piece(name, score, NORMAL)

    return [piece(name) for name in names]


def build_sentencepiece_model(tokenizer_json: dict[str, Any]) -> bytes:
    """The serialised SentencePiece model with the same pieces under the same ids."""
    from sentencepiece import sentencepiece_model_pb2 as proto

    vocabulary: dict[str, int] = tokenizer_json["model"]["vocab"]
    pieces = pieces_of(tokenizer_json)
    model = proto.ModelProto()
    for one in pieces:
        piece = model.pieces.add()
        piece.piece, piece.score, piece.type = one.text, one.score, one.kind

    trainer = model.trainer_spec
    trainer.model_type, trainer.vocab_size, trainer.byte_fallback = proto.TrainerSpec.BPE, len(pieces), True
    for name in ("unk", "bos", "eos", "pad"):
        setattr(trainer, f"{name}_id", vocabulary.get(f"<{name}>", -1))
        setattr(trainer, f"{name}_piece", f"<{name}>")
    normaliser = model.normalizer_spec
    normaliser.name, normaliser.add_dummy_prefix, normaliser.escape_whitespaces = "identity", False, True
    normaliser.remove_extra_whitespaces = False
    return bytes(model.SerializeToString(deterministic=True))


def differing_texts(model: bytes, tokenizer_json: Path, texts: Iterable[str]) -> list[str]:
    """Those of `texts` that the SentencePiece model splits into other ids than tokenizer.json does."""
    import sentencepiece
    from tokenizers import Tokenizer

    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    reference = Tokenizer.from_file(str(tokenizer_json))
    return [text for text in texts if pieces.encode(text) != reference.encode(text, add_special_tokens=False).ids]


def read_tokenizer(path: Path) -> dict[str, Any]:
    """tokenizer.json as a value."""
    tokenizer: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return tokenizer
