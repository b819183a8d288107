"""Putting a dataset on the Hub."""

from __future__ import annotations

from pathlib import Path

from datagen.client import is_network
from pocketmoji.console import say
from pocketmoji.errors import InputError, MachineError


def push(folder: Path, repository: str) -> str:
    """Uploads a dataset folder to the Hub (or the server that HF_ENDPOINT names), without the journal and other hidden
    files; the address of the commit. Needs a token that may write (HF_TOKEN, or `hf auth login`)."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi()
    try:
        api.create_repo(repository, repo_type="dataset", private=True, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=folder,
            ignore_patterns=[".*", "**/.*", "manifest.json"],
            commit_message=f"pocketmoji datagen: {folder.name}",
        )
    except HFValidationError as error:
        raise InputError(
            f"--push is {repository!r}", expected="OWNER/NAME of a dataset repository", where=str(error).splitlines()[0]
        ) from error
    except Exception as error:
        if not isinstance(error, HfHubHTTPError) and not is_network(error):
            raise
        raise MachineError(
            f"the dataset could not be put on the Hub ({str(error).splitlines()[0][:200]})",
            expected="a token that may write to the repository",
            where=repository,
            remedy="set HF_TOKEN or run `hf auth login`; the dataset itself is complete",
        ) from error
    say(f"datagen: pushed to {commit.commit_url} (private)")
    return str(commit.commit_url)
