"""The demo as a static folder: any host serves it, a Hugging Face Space too."""

from __future__ import annotations

import shutil
from pathlib import Path

from pocketmoji.browser_tests.app.page import page_folder
from pocketmoji.browser_tests.app.server import DEFAULT_MODEL, require_model
from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError
from pocketmoji.core.workspace import read_json, write_text

# https://huggingface.co/docs/hub/spaces-config-reference: what a Space reads in its README's front matter. The headers
# make the page cross-origin isolated; elsewhere its service worker sees to that.
README = """---
title: {title}
emoji: 🫰
colorFrom: yellow
colorTo: gray
sdk: static
app_file: index.html
pinned: false
license: gemma
short_description: A tiny emoji model that runs in your browser
custom_headers:
  cross-origin-embedder-policy: require-corp
  cross-origin-opener-policy: same-origin
  cross-origin-resource-policy: same-origin
---

# {title}

A tuned Gemma 3 270M that answers in emoji, in your browser: what you type stays there. Made with pocketmoji.

Serve this folder with any static web server, over https (or on localhost). The model is `models/model/`; another folder
beside it is opened with `?model=NAME`. Gemma is provided under and subject to the Gemma Terms of Use found at
ai.google.dev/gemma/terms; see `models/model/NOTICE`.
"""
MARK = ".pocketmoji-site"  # tells a folder that was written here from someone's own
LEFT_OUT = {"manifest.json"}


def build_site(model_folder: Path, out: Path, page: Path | None = None) -> Path:
    """Write page, runtimes and the model into `out`, which must be new, empty, or written by this function before."""
    require_model(model_folder)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file", expected="a folder to write the site into", where=out)
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise InputError(
            f"{out} holds files that are not of a site built here",
            expected="a new or an empty folder",
            where=out,
            remedy="give another folder: nothing of yours is overwritten",
        )
    shutil.copytree(page or page_folder(), out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".pocketmoji-*"))
    model = out / "models" / DEFAULT_MODEL
    if model.exists():
        shutil.rmtree(model)
    shutil.copytree(model_folder, model, ignore=lambda _, names: LEFT_OUT & set(names))
    card = read_json(model / "pocketmoji.json") if (model / "pocketmoji.json").is_file() else {}
    write_text(out / "README.md", README.format(title=f"pocketmoji {card.get('name', '')}".strip()))
    # Hugging Face keeps files of 10 MB and more in LFS.
    write_text(out / ".gitattributes", "".join(f"*.{kind} filter=lfs diff=lfs merge=lfs -text\n" for kind in LFS))
    write_text(out / ".nojekyll", "")  # GitHub Pages leaves files alone then
    write_text(out / MARK, "")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    say(f"site: {out} ({size / 1e6:.0f} MB); serve it, or push it to a Hugging Face Space")
    return out


LFS = ("onnx", "task", "wasm")
