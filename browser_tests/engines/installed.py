"""Finding a Chromium and fonts. Run as a module, this one installs them where there are none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from pocketmoji.core.console import say
from pocketmoji.core.errors import MachineError

VARIABLE = "POCKETMOJI_CHROMIUM"
SYSTEM_NAMES = ("google-chrome-stable", "google-chrome", "chromium", "chromium-browser")
IN_PLAYWRIGHT = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
)
HEADLESS_SHELL = ("headless-shell", "headless_shell")
NO_GPU_IN_SHELL = "chromium-headless-shell gives no adapter of a GPU, whatever its flags: take the full Chromium"
FONTS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local/share/fonts",
    Path.home() / ".fonts",
)
FONTS_REMEDY = (
    "this machine has no fonts, without which Chromium dies at the first text: install fontconfig and a font "
    "(Debian and Ubuntu: `apt-get install fontconfig fonts-dejavu-core fonts-noto-color-emoji`)"
)
REMEDY = (
    "run `python -m playwright install chromium`, or install your system's Chrome or Chromium "
    f"(Debian and Ubuntu: `apt-get install chromium`), or set {VARIABLE} to the program's path"
)


def find_chromium(explicit: Path | None = None) -> Path:
    """The Chromium to use: the one given, the one that POCKETMOJI_CHROMIUM names, Playwright's own, the system's."""
    named = explicit or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named:
        found = shutil.which(named)
        if not found:
            raise MachineError(f"{named} is no program", expected="the path of a Chrome or Chromium", remedy=REMEDY)
        return Path(found)
    downloads = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or _playwright_folder()
    candidates = [
        str(path) for pattern in IN_PLAYWRIGHT for path in sorted(Path(downloads).glob(pattern), reverse=True)
    ]
    for name in (*candidates, *SYSTEM_NAMES):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise MachineError(
        "there is no Chromium on this machine", expected="Chrome or Chromium 120 or newer", remedy=REMEDY
    )


def _playwright_folder() -> Path:
    """Where `playwright install` puts browsers."""
    cache = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return cache / "ms-playwright"


def is_headless_shell(program: Path) -> bool:
    """Whether this is the Chromium without a browser around it, which has no GPU."""
    return any(name in path.name for path in (program, program.resolve()) for name in HEADLESS_SHELL)


def has_fonts() -> bool:
    """Whether there is a font where a Linux looks for them."""
    return not sys.platform.startswith("linux") or any(
        path.suffix.lower() in (".ttf", ".otf", ".ttc", ".pfb") for folder in FONTS for path in folder.rglob("*")
    )


def why_it_died() -> str:
    """What to do about a browser that went away, where this machine shows it; else nothing."""
    return "" if has_fonts() else FONTS_REMEDY


def ensure_chromium() -> Path:
    """A Chromium, installed if need be: Playwright's download, else Debian's package when root."""
    _ensure_fonts()
    try:
        return find_chromium()
    except MachineError:
        if os.environ.get(VARIABLE):
            raise  # a wrong path is for the user to mend, not a reason to install something else
    say("no Chromium found: trying Playwright's own")
    commands = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and os.geteuid() == 0:
        commands += [["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "chromium"]]
    for command in commands:
        done = subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0
        if done and command[1] != "update":
            break
    return find_chromium()


def _ensure_fonts() -> None:
    """Without a font for emoji, screenshots show boxes; without any, Chromium may die. Installed where that needs
    nobody's permission."""
    listed = (
        subprocess.run(["fc-list", ":lang=und-zsye"], capture_output=True, text=True, check=False).stdout
        if (shutil.which("fc-list"))
        else ""
    )
    if listed.strip():
        return
    packages = ["fonts-noto-color-emoji", *([] if has_fonts() else ["fontconfig", "fonts-dejavu-core"])]
    if shutil.which("apt-get") and os.geteuid() == 0:
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", *packages]):
            subprocess.run(command, stdout=sys.stderr, check=False)
    elif not has_fonts():
        say(FONTS_REMEDY)
    else:
        say("no emoji font found: screenshots will show boxes (Debian and Ubuntu: fonts-noto-color-emoji)")


def main() -> int:
    try:
        print(ensure_chromium())
    except MachineError as error:
        say(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
