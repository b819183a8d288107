"""The demo as a static folder that a given host serves."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pocketmoji.browser_tests.app.page import page_folder
from pocketmoji.browser_tests.app.server import DEFAULT_MODEL, HEADERS, require_model
from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError
from pocketmoji.core.workspace import digest_file, read_json, write_bytes, write_json, write_text


@dataclass(frozen=True)
class Host:
    """What a static host takes: files of fewer than `below` bytes, and whether it serves what Git LFS keeps."""

    title: str
    below: int
    lfs: bool
    how: str


# docs.github.com: "about large files on GitHub"; developers.cloudflare.com/pages/platform/limits; hf.co/docs/hub.
HOSTS = {
    "github-pages": Host("GitHub Pages", 100_000_000, False, "commit this folder and publish its branch"),
    "cloudflare": Host("Cloudflare Pages", 25 * 2**20, False, "`npx wrangler pages deploy` this folder"),
    "space": Host(
        "a Hugging Face Space",
        50 * 10**9,
        True,
        'create a Space with the SDK "static" and push this folder with git lfs',
    ),
    "any": Host("any static host", 25 * 2**20, False, "copy this folder to a host that serves it over https"),
}
DEFAULT_HOST = "any"
PART = 24 * 2**20  # the page checks the digest of each part, which takes its bytes at once
JOINED = (".onnx", ".wasm", ".json")  # what the page puts together again
MEDIAPIPE = "genai_*"

# https://huggingface.co/docs/hub/spaces-config-reference: what a Space reads in its README's front matter. The headers
# make the page cross-origin isolated; where a host sends none, its service worker sees to that.
FRONT_MATTER = """---
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

"""
README = """# {title}

A tuned Gemma 3 270M that answers in emoji, in your browser: what you type stays there. Made with pocketmoji for
{host}: {how}.

The model is `models/model/`; another folder beside it is opened with `?model=NAME`. Gemma is provided under and
subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms; see `models/model/NOTICE`.
"""
NOT_FOUND = "<!doctype html><title>Not found</title><p>There is nothing here. <a href='./'>pocketmoji</a></p>\n"
MARK = ".pocketmoji-site"  # tells a folder that was written here from someone's own; holds what was left out and split
MADE_FOLDERS = ("assets", "runtime", f"models/{DEFAULT_MODEL}")
MADE_FILES = (".gitattributes", "_headers", "404.html", ".nojekyll")
LEFT_OUT = {"manifest.json"}
# A Space's git takes binary files through LFS only.
LFS = ("onnx", "task", "wasm", "woff2", "png")


@dataclass
class _Site:
    folder: Path
    host: Host
    left_out: dict[str, str] = field(default_factory=dict)
    """By file, relative to the site: why it is not there."""
    split: dict[str, int] = field(default_factory=dict)
    """By file: into how many parts."""


def build_site(
    model_folder: Path, out: Path, page: Path | None = None, *, host: str = DEFAULT_HOST, below: int | None = None
) -> Path:
    """Write page, runtimes and the model into `out`, which must be new, empty, or written by this function before.

    Files that are too large for `host` are split, and joined by the page, or left out; `read_site` tells which. `below`
    sets another limit in bytes.
    """
    if host not in HOSTS:
        raise InputError(
            f"there is no host {host!r}", expected=", ".join(HOSTS), remedy="--host any is right for others"
        )
    require_model(model_folder)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file", expected="a folder to write the site into", where=out)
    if out.is_dir() and any(path.name != ".git" for path in out.iterdir()) and not (out / MARK).is_file():
        raise InputError(
            f"{out} holds files that are not of a site built here",
            expected="a new or an empty folder",
            where=out,
            remedy="give another folder: nothing of yours is overwritten",
        )
    for name in MADE_FOLDERS:  # of an earlier build, perhaps for another host
        shutil.rmtree(out / name, ignore_errors=True)
    for name in MADE_FILES:
        (out / name).unlink(missing_ok=True)
    shutil.copytree(page or page_folder(), out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".pocketmoji-*"))
    model = out / "models" / DEFAULT_MODEL
    shutil.copytree(model_folder, model, ignore=lambda _, names: LEFT_OUT & set(names))
    site = _Site(out, HOSTS[host])
    limit = below or site.host.below
    _fit(site, model, limit)
    _fit(site, out / "runtime", limit)
    _describe(site, read_json(model / "pocketmoji.json").get("name", ""))
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.stat().st_size >= limit and ".git" not in path.relative_to(out).parts:
            say(f"  too large for {site.host.title}: {path.relative_to(out)} ({path.stat().st_size / 1e6:.1f} MB)")
    write_json(out / MARK, {"host": host, "left_out": site.left_out, "split": site.split})
    _tell(site)
    return out


def read_site(folder: Path) -> dict[str, Any]:
    """Of a built site: its `host`, what was `left_out` and why, and what was `split` into how many parts."""
    return {"site": str(folder)} | read_json(folder / MARK)


def _fit(site: _Site, folder: Path, limit: int) -> None:
    """Splits or drops what is too large in `folder`, and writes sizes, digests and parts into its pocketmoji.json."""
    card_file = folder / "pocketmoji.json"
    card: dict[str, Any] = read_json(card_file) if card_file.is_file() else {}
    sizes, digests, parts = {}, {}, {}
    no_mediapipe = folder.name == "runtime" and any(name.endswith(".task") for name in site.left_out)
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path != card_file):
        name, size = path.relative_to(folder).as_posix(), path.stat().st_size
        if no_mediapipe and path.match(MEDIAPIPE):
            _leave_out(site, path, "only MediaPipe needs it, whose model is left out")
        elif size >= limit and path.suffix not in JOINED:
            needed = "; only ?engine=mediapipe needs it" if path.suffix == ".task" else "; the page does not need it"
            _leave_out(site, path, f"{site.host.title} takes files below {limit / 1e6:.0f} MB{needed}")
        else:
            sizes[name], digests[name] = size, digest_file(path)
            if size >= limit:
                parts[name] = _split(path, min(PART, limit - 1))
                site.split[path.relative_to(site.folder).as_posix()] = len(parts[name])
    if card.get("task_file") and card["task_file"] not in sizes:
        card |= {"task_file": None, "task_name": None}
    write_json(card_file, card | {"bytes": sizes, "sha256": digests, "parts": parts})


def _leave_out(site: _Site, path: Path, why: str) -> None:
    site.left_out[path.relative_to(site.folder).as_posix()] = why
    path.unlink()


def _split(path: Path, size: int) -> list[dict[str, Any]]:
    """Replaces a file by its parts, beside it."""
    found: list[dict[str, Any]] = []
    with open(path, "rb") as file:
        while data := file.read(size):
            part = path.with_name(f"{path.name}.part-{len(found)}")
            write_bytes(part, data)
            found.append({"file": part.name, "bytes": len(data), "sha256": digest_file(part)})
    path.unlink()
    return found


def _describe(site: _Site, name: str) -> None:
    """What the host and its owner read."""
    out, host = site.folder, site.host
    text = README.format(title=(title := f"pocketmoji {name}".strip()), host=host.title, how=host.how)
    # Other hosts serve it as it is.
    write_text(out / "README.md", FRONT_MATTER.format(title=title) + text)
    write_text(out / ".nojekyll", "")  # GitHub Pages leaves files alone then
    write_text(out / "404.html", NOT_FOUND)  # without one, some hosts answer with the page in place of a missing file
    if host.lfs:  # GitHub Pages would serve the pointers
        write_text(out / ".gitattributes", "".join(f"*.{kind} filter=lfs diff=lfs merge=lfs -text\n" for kind in LFS))
    # Cloudflare Pages and Netlify read it.
    isolation = {name: value for name, value in HEADERS.items() if name.startswith("Cross-Origin")}
    write_text(out / "_headers", "/*\n" + "".join(f"  {name}: {value}\n" for name, value in isolation.items()))


def _tell(site: _Site) -> None:
    files = [path for path in site.folder.rglob("*") if path.is_file() and ".git" not in path.parts]
    size = sum(path.stat().st_size for path in files)
    say(f"site for {site.host.title}: {site.folder} ({size / 1e6:.0f} MB); {site.host.how}")
    for name, why in site.left_out.items():
        say(f"  left out: {name} ({why})")
    for name, count in site.split.items():
        say(f"  split: {name} into {count} parts, which the page joins")
