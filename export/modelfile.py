"""The Modelfile that Ollama makes a model of a GGUF file with: `ollama create NAME -f Modelfile`.

https://github.com/ollama/ollama/blob/main/docs/modelfile.mdx
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pocketmoji.core.text.prompt import OLLAMA_TEMPLATE
from pocketmoji.core.workspace import write_text

MODELFILE = "Modelfile"


def write_modelfile(folder: Path, gguf: str, stop_tokens: Sequence[str], max_new_tokens: int) -> Path:
    """Write the Modelfile for the file `gguf` in `folder`: the phrase alone goes in, the trained answer comes out."""
    lines = [
        f"FROM ./{gguf}",
        f'TEMPLATE """{OLLAMA_TEMPLATE}"""',
        *(f'PARAMETER stop "{token}"' for token in stop_tokens),
        "PARAMETER temperature 0",
        f"PARAMETER num_predict {max_new_tokens}",
    ]
    path = folder / MODELFILE
    write_text(path, "\n".join(lines) + "\n")
    return path
