"""What the page promises, tested as a visitor's browser sees it: private, kept on the device, right when offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pocketmoji.browser_tests.app.server import DEFAULT_MODEL, TYPES, running
from pocketmoji.browser_tests.checks.findings import Finding, judged
from pocketmoji.browser_tests.engines.chromium import launch
from pocketmoji.browser_tests.engines.runtimes import Page

SECRET = "zebra quartz picnic"  # a text that occurs nowhere by itself
# Answers, or a failure that the page shows.
ANSWERED = """document.querySelector('#candidates[aria-busy=false] button.candidate, #problem:not([hidden])')
  || document.querySelector('#status').textContent.startsWith('That did not work')"""
# Without a service worker `ready` is never settled, and Playwright's evaluate has no limit of its own.
RULED = """Promise.race([navigator.serviceWorker?.ready, new Promise((over) => setTimeout(over, 10000))])
  .then(() => 1)"""
READY = "#badge:not([hidden])"
# Everything that a page can store, searched for a text. Model files are left out: they are large, and not the page's.
STORED = """async (secret) => {
  const found = [];
  const look = (where, what) => { if (String(what).includes(secret)) found.push(where); };
  const result = (r) => new Promise((ok, no) => { r.onsuccess = () => ok(r.result); r.onerror = no; });
  look('localStorage', JSON.stringify({...localStorage}));
  look('sessionStorage', JSON.stringify({...sessionStorage}));
  look('a cookie', document.cookie);
  look("the page's address", location.href);
  for (const {name} of await indexedDB.databases()) {
    const db = await result(indexedDB.open(name));
    for (const store of db.objectStoreNames) {
      const all = await result(db.transaction(store).objectStore(store).getAll());
      look(`IndexedDB ${name}`, JSON.stringify(all));
    }
  }
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      look(`cache ${name}`, decodeURIComponent(request.url));
      if (/\\.(wasm|onnx|task)|kept=/.test(request.url)) continue;
      look(`cache ${name}`, await (await cache.match(request)).text());
    }
  }
  return found;
}"""


def check_claims(
    web: Path,
    chromium: Path | None = None,
    *,
    options: Page = Page(),
    limit_s: float = 120,
    evidence: Path | None = None,
) -> list[Finding]:
    """Four visits on WASM. `limit_s` bounds each wait. `evidence`: folder for a screenshot of what went wrong."""
    from playwright.sync_api import Error

    found: list[Finding] = []
    limit = limit_s * 1000
    with (
        running({DEFAULT_MODEL: web}, page=options.folder, kind=options.server) as server,
        launch(chromium, "off") as browser,
    ):
        context = browser.new_context()
        requests: list[Any] = []
        responses: list[Any] = []
        context.on("request", lambda request: requests.append(request))
        context.on("response", lambda response: responses.append(response))
        page = context.new_page()
        if options.script:
            page.add_init_script(options.script)
        # Playwright's own calls have this limit too: none of them can wait for ever.
        page.set_default_timeout(limit)
        at = "first visit"

        def visit() -> dict[str, Any]:
            page.goto(f"{server.url}?device=wasm")
            page.wait_for_selector(f"{READY}, #problem:not([hidden])")
            if page.is_visible("#problem"):
                raise _Failed(str(page.text_content("#problem-detail")))
            info: dict[str, Any] = page.evaluate("window.pocketmoji.info()")
            return info

        def answer() -> str:
            page.fill("#text", SECRET)
            page.press("#text", "Enter")
            page.wait_for_function(ANSWERED)
            if not page.locator("button.candidate").count():
                raise _Failed(page.inner_text("#problem-detail") or page.inner_text("#status"))
            return str(page.get_attribute("button.candidate >> nth=0", "data-raw"))

        try:
            first = visit()
            found.append(_served(responses, first))
            raw = answer()
            foreign = sorted({r.url for r in requests if not r.url.startswith((server.url, "data:", "blob:"))})
            found.append(judged("no request leaves the origin", [f"asked for {url}" for url in foreign[:3]]))
            sent = [
                r.url for r in requests if SECRET in r.url.replace("%20", " ").replace("+", " ") + (r.post_data or "")
            ]
            found.append(judged("the typed text is not sent", [f"in a request to {url}" for url in sent[:3]]))
            stored = page.evaluate(STORED, SECRET)
            found.append(judged("the typed text is not stored", [f"found in {where}" for where in stored]))

            at = "second visit"
            page.evaluate(RULED)
            requests.clear()
            second = visit()
            again = [r for r in requests if r.url.endswith((".onnx", ".task")) and r.method == "GET"]
            problems = [] if second["from_store"] and not again else ["the model file was downloaded once more"]
            found.append(
                judged(
                    "the second visit loads from this device",
                    problems,
                    cold_load_s=first["load_seconds"],
                    warm_load_s=second["load_seconds"],
                )
            )

            at = "visit after another export"
            server.version = "another"
            fresh = visit()
            stale = ["a model from an earlier visit was used though the server has another (stale cache)"]
            found.append(judged("a new export replaces the kept model", stale if fresh["from_store"] else []))

            at = "visit without a network"
            context.set_offline(True)
            server.refusing = True
            visit()
            now = answer()
            problems = [] if now == raw else [f"{SECRET!r}: {now!r} offline, {raw!r} online"]
            found.append(judged("answers offline", problems))
        except (_Failed, Error) as error:
            message = str(error).splitlines()[0]
            found.append(judged(at, [message]))
            if evidence:
                _picture(page, evidence / "claims.png")
    return found


class _Failed(Exception):
    """The page shows a failure."""


def _picture(page: Any, path: Path) -> None:
    from playwright.sync_api import Error

    try:
        page.screenshot(path=path, timeout=5000)
    except Error:
        path.unlink(missing_ok=True)  # a page that cannot be pictured: its console and the message must do


def _served(responses: list[Any], info: dict[str, Any]) -> Finding:
    """MIME types, and what cross-origin isolation takes."""
    problems = []
    for response in responses:
        name = response.url.split("?")[0].rsplit("/", 1)[-1]
        suffix = Path(name).suffix
        wanted = TYPES.get(suffix, "").split(";")[0]
        given = response.headers.get("content-type", "").split(";")[0]
        if suffix in (".js", ".mjs", ".wasm", ".css", ".json") and response.status == 200 and given != wanted:
            problems.append(f"{name} is served as {given or 'nothing'}, {wanted} is needed (wrong MIME type)")
    first = responses[0].headers if responses else {}
    for name, wanted in (
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
    ):
        if first.get(name) != wanted:
            problems.append(f"the page comes without {name}: {wanted} (missing COOP or COEP)")
    if not info["cross_origin_isolated"]:
        problems.append("the page is not cross-origin isolated: WebAssembly has one thread")
    return judged("served as a browser needs it", sorted(set(problems)), threads=float(info["threads"]))
