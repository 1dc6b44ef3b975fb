"""Open a lesson in a real JupyterLab and a real browser, run all of it, move its slider with the keyboard.

Run by hand: see CONTRIBUTING.md. It needs playwright (without its browsers) and a Chromium; it works on a copy of the
course with all outputs stripped, so nothing that is stored can pass for something that ran.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from lab import PATIENT, jupyterlab, venv_python  # noqa: E402

SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # or cells out of sight have no prompt to look at
}
OFFLINE = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
NOTEBOOK = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook"
ALL_RAN = """selector => {
    const prompts = [...document.querySelectorAll(selector + ' .jp-CodeCell .jp-InputPrompt')].map(e => e.innerText);
    return prompts.length && prompts.every(text => /\\[\\d+\\]/.test(text));
}"""


def copy_course(target: Path, notebook: str) -> None:
    """Copy the course and strip the outputs of the notebook."""
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__"))
    content = json.loads((target / notebook).read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    (target / notebook).write_text(json.dumps(content), encoding="utf-8")


def get(server: dict[str, Any], path: str, token: str) -> Any:
    request = urllib.request.Request(server["url"] + path, headers={"Authorization": f"token {token}"})
    return json.load(urllib.request.urlopen(request, timeout=5))


@contextlib.contextmanager
def running_lab(python: Path, course: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """Start JupyterLab as lab.py does, with settings and logs in `folder`; yield its address and token."""
    for name, settings in SETTINGS.items():
        path = folder / f"settings/@jupyterlab/{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(settings), encoding="utf-8")
    kinds = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    environment = {f"JUPYTER_{kind}": str(folder / kind) for kind in kinds}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "IPYTHONDIR": str(folder / "ipython")}
    environment |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"), "DROPOUT_LAB_PROGRESS": "off"}
    command = [*jupyterlab(python, course), "--no-browser", "--ServerApp.port=0"]
    with (folder / "lab.log").open("w") as log:
        process = subprocess.Popen(
            command,
            env=os.environ | environment | PATIENT | {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield wait_for_server(process, folder)
        finally:
            process.terminate()
            process.wait(20)


def wait_for_server(process: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    """Return what the server wrote about itself, once it answers to its token and to no other."""
    for _ in range(120):
        time.sleep(0.5)
        if process.poll() is not None:
            break
        with contextlib.suppress(IndexError, OSError, ValueError):
            server = json.loads(next(folder.glob("RUNTIME_DIR/jpserver-*.json"), folder).read_text(encoding="utf-8"))
            get(server, "api/status", server["token"])
            refuses_strangers(server)
            return dict(server)
    raise SystemExit(f"JupyterLab did not start:\n{(folder / 'lab.log').read_text()[-2000:]}")


def refuses_strangers(server: dict[str, Any]) -> None:
    """Exit if the server listens elsewhere than on this machine, or to somebody without its token."""
    if not server["url"].startswith("http://127.0.0.1:") or not server["token"]:
        raise SystemExit(f"JupyterLab is open to others: {server['url']}")
    try:
        get(server, "api/contents", "wrong")
    except urllib.error.HTTPError as error:
        if error.code == 403:
            return
    raise SystemExit("JupyterLab answers without its token")


def open_and_run(page: Page, server: dict[str, Any], notebook: str, seconds: float) -> None:
    """Open the notebook, wait for its kernel, choose Run All Cells and wait until every cell has its number."""
    page.goto(f"{server['url']}lab/tree/{notebook}?token={server['token']}")
    page.locator(f"{NOTEBOOK} .jp-CodeCell").first.wait_for()
    page.get_by_text("| Idle").wait_for()  # the toolbar says idle before the kernel is connected
    for _ in range(60):
        sessions = get(server, "api/sessions", server["token"])
        if sessions and sessions[0]["kernel"]["connections"] and sessions[0]["kernel"]["execution_state"] == "idle":
            break
        page.wait_for_timeout(500)
    page.locator(f"{NOTEBOOK} .jp-Cell").first.click()  # the menu acts on the notebook that has the focus
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
    page.wait_for_function(ALL_RAN, arg=NOTEBOOK, timeout=1000 * seconds)
    expect(page.locator(f'{NOTEBOOK} [data-mime-type="application/vnd.jupyter.error"]')).to_have_count(0)


def move_slider(page: Page) -> tuple[str, str]:
    """Move the first slider two steps with the keyboard; return the label linked to it before and after.

    The label must change and show the slider's new value, and the picture must be the one of that label.
    """
    box = page.locator(f"{NOTEBOOK} .widget-vbox").filter(has=page.locator(".widget-slider")).first
    slider = box.locator(".widget-slider")
    label, picture = box.locator("> .widget-label"), box.locator("img")
    before = label.inner_text()
    slider.scroll_into_view_if_needed()
    handle = slider.locator(".noUi-handle")
    handle.focus()
    for _ in range(2):
        handle.press("ArrowRight")
    expect(label).not_to_have_text(before, timeout=15_000)
    expect(label).to_contain_text(f"p={slider.locator('.widget-readout').inner_text()} ", timeout=15_000)
    expect(picture).to_have_attribute("alt", label.inner_text(), timeout=15_000)
    return before, label.inner_text()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    first = next(ROOT.glob("notebooks/01_*.ipynb"), ROOT / "notebooks/01_*.ipynb")
    parser.add_argument("notebook", nargs="?", default=first.relative_to(ROOT).as_posix())
    parser.add_argument("--python", type=Path, default=venv_python(ROOT / ".venv"), help="the course's Python")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser's program")
    parser.add_argument("--screenshot", default="lab_smoke.png")
    parser.add_argument("--seconds", type=float, default=120, help="what Run All may take")
    options = parser.parse_args()
    page_errors: list[str] = []
    with tempfile.TemporaryDirectory(prefix="lab_smoke_", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        copy_course(folder / "course", options.notebook)
        with running_lab(options.python, folder / "course", folder) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=options.chromium, args=OFFLINE)
            page = browser.new_page(viewport={"width": 1300, "height": 900})
            page.set_default_timeout(60_000)
            page.on("pageerror", lambda error: page_errors.append(str(error)))
            start = time.monotonic()
            try:
                open_and_run(page, server, options.notebook, options.seconds)
                print(f"{options.notebook}: opened and run in {time.monotonic() - start:.0f} s")
                before, after = move_slider(page)
                print(f"slider moved: {before!r} -> {after!r}")
            finally:
                page.screenshot(path=options.screenshot)
                print(f"screenshot: {options.screenshot}")
                browser.close()
    if page_errors:
        raise SystemExit(f"errors in the page: {page_errors[:3]}")


if __name__ == "__main__":
    main()
