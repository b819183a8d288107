"""Putting a dataset or a model on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError, MachineError
from pocketmoji.core.extras import require_extra


def push(folder: Path, repository: str, kind: Literal["dataset", "model"]) -> str:
    """Uploads a folder to the Hub (or the server that HF_ENDPOINT names), without the journal and other hidden files;
    the address of the commit. Needs a token that may write (HF_TOKEN, or `hf auth login`)."""
    require_extra("hub", what="--push")
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi()
    try:
        api.create_repo(repository, repo_type=kind, private=True, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repository,
            repo_type=kind,
            folder_path=folder,
            ignore_patterns=[".*", "**/.*", "manifest.json"],
            commit_message=f"pocketmoji: {folder.resolve().name}",
        )
    except HFValidationError as error:
        raise InputError(
            f"--push is {repository!r}", expected=f"OWNER/NAME of a {kind} repository", where=str(error).splitlines()[0]
        ) from error
    except Exception as error:
        if not isinstance(error, (HfHubHTTPError, OSError)) and not type(error).__module__.startswith("httpx"):
            raise
        raise MachineError(
            f"the {kind} could not be put on the Hub ({str(error).splitlines()[0][:200]})",
            expected="a token that may write to the repository",
            where=repository,
            remedy="set HF_TOKEN or run `hf auth login`; the folder itself is complete",
        ) from error
    say(f"{kind}: pushed to {commit.commit_url} (private)")
    return str(commit.commit_url)
