#!/usr/bin/env python3
"""Set up Dropout Lab and use it; the standard library is all this file needs.

python lab.py                  open JupyterLab on the first lesson (the first time: make .venv and install)
python lab.py test [GATE ...]  run every gate, or the named ones: build lint types unit numpy torch restricted
python lab.py build [NN ...]   rebuild all lessons or those with these numbers (--check: compare, run nothing)
python lab.py setup            make .venv and install, nothing else
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036  so nothing in this file may need a newer grammar than 3.6
    sys.exit(f"lab.py: Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
# Linux wheels on the default index are CUDA builds of several gigabytes; this index has the CPU builds.
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
INSTALLED_FROM = ("lab.py", "pyproject.toml", "constraints.txt")
EXTRAS = ("torch", "lab", "replications", "dev")
GATES = ("build", "lint", "types", "unit", "numpy", "torch", "restricted")
NO_TORCH = str(ROOT / "tools" / "no_torch")
# NumPy's products of small matrices gain nothing from more threads, and on a busy machine they become ten times slower.
# Threads of torch that wait in a loop do the same to each other: two kernels on two cores took five times as long.
PATIENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
# A notebook is a process of its own: where Python may not keep what it compiled, each compiles torch again, for six
# seconds. Kept within .venv, it leaves the folders of the course as they are.
COMPILED_ONCE = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(VENV / "compiled")}
STAMP, MARKER = "installed.txt", "installing.txt"
AGAIN = "Run the same command again to repair it."
PROBE = "import sys, pip; print('{0.name} {1.major}.{1.minor}'.format(sys.implementation, sys.version_info))"
IMPORTS = "import IPython, dropout_lab, ipywidgets, jupyterlab, jupytext, matplotlib, nbval, numpy, torch"
SIMD = "import numpy; print(*numpy.show_config(mode='dicts')['SIMD Extensions'].get('found', []))"


class SetUpError(Exception):
    """A step of the set-up failed; the message is the one line to show."""


def venv_python(venv: Path) -> Path:
    """Return where an environment keeps its interpreter."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


# ---------------------------------------------------------------------------------------------------- set-up


def probe(venv: Path) -> str:
    """Return which Python the environment runs, such as "cpython 3.11"; "" if it is missing or broken."""
    try:
        done = subprocess.run([str(venv_python(venv)), "-c", PROBE], check=False, capture_output=True, text=True)
    except OSError:  # the interpreter the environment was made from has gone
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def fingerprint(root: Path, python: str) -> str:
    """Return a hash of everything an installation depends on; a moved folder needs a new one as well."""
    parts = [str(root).encode(), python.encode(), *((root / name).read_bytes() for name in INSTALLED_FROM)]
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def pinned(name: str, constraints: str) -> str:
    """Return the requirement "name==version" that constraints.txt states."""
    found = re.search(rf"(?m)^{re.escape(name)}==\S+", constraints)
    if not found:
        raise SetUpError(f"constraints.txt has no line {name}==...")
    return found[0]


def requirements(root: Path) -> list[str]:
    """Return what the package and its extras ask for in pyproject.toml."""
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = (project["optional-dependencies"][extra] for extra in EXTRAS)
    return [*project["dependencies"], *(requirement for extra in extras for requirement in extra)]


def telling_line(output: str) -> str:
    """Return the line of a failed command's output that says most: its last error, or its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["it printed nothing"])[-1]


def step(what: str, command: list[str], log: Path) -> None:
    """Run one step of the set-up quietly, its output going to `log`; raise SetUpError if it fails."""
    print(f"  {what} ...", end="", flush=True)
    start = time.monotonic()
    quiet = {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    environment = {**os.environ, **COMPILED_ONCE, **quiet}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        print(flush=True)
        raise SetUpError(f"{what} failed: {error}.") from error
    print(f" {time.monotonic() - start:.0f} s", flush=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {subprocess.list2cmdline(command)}\n{done.stdout}\n")
    if done.returncode:
        raise SetUpError(f"{what} failed: {telling_line(done.stdout)} (all of it: {log})")


def make_venv(venv: Path, log: Path) -> None:
    """Make the environment, throwing away what is there."""
    python = getattr(sys, "_base_executable", None) or sys.executable  # lab.py may run inside .venv itself
    try:
        if venv.exists():
            shutil.rmtree(venv)
    except OSError as error:
        raise SetUpError(f"{venv} is broken and cannot be removed: {error}. Remove it by hand.") from error
    venv.mkdir()
    (venv / MARKER).touch()
    step("making .venv", [python, "-m", "venv", str(venv)], log)
    if not probe(venv):
        raise SetUpError("making .venv gave no pip: on Debian and Ubuntu, install python3-venv first.")


def install(python: Path, log: Path) -> None:
    """Install the pinned versions, setuptools and a CPU build of torch first, this folder last."""
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pip = [str(python), "-m", "pip", "install", "-q", "--no-compile"]  # most is never imported, the rest compiled then
    step("installing setuptools", [*pip, pinned("setuptools", constraints)], log)
    torch = [*pip, "--no-deps", pinned("torch", constraints)]
    cpu_index = ["--index-url", TORCH_CPU_INDEX, "--retries", "1", "--timeout", "10"]
    try:
        step("installing torch (CPU build)", torch + cpu_index * (sys.platform == "linux"), log)
    except SetUpError:
        if sys.platform != "linux":
            raise
        print("  PyTorch's CPU index gave no torch: asking pip's own (on Linux it may send the large CUDA build).")
        step("installing torch", torch, log)
    step("installing the rest", [*pip, "-c", "constraints.txt", *requirements(ROOT)], log)
    step("installing dropout_lab", [*pip, "--no-deps", "--no-build-isolation", "-e", "."], log)


def set_up() -> Path:
    """Return the environment's Python after making sure that everything is installed.

    The stamp is written last and the marker removed last, so an interrupted set-up is started afresh (pip may have
    left half a package) and one that stopped at a failing step goes on from there.
    """
    stamp, marker, log = VENV / STAMP, VENV / MARKER, ROOT / "lab-setup.log"
    python = "" if marker.exists() else probe(VENV)
    if python and stamp.exists() and stamp.read_text() == fingerprint(ROOT, python):
        return venv_python(VENV)
    print(f"Setting up {VENV} (a few minutes the first time)", flush=True)
    log.write_text("")
    stamp.unlink(missing_ok=True)
    if not python:
        make_venv(VENV, log)
        python = probe(VENV)
    marker.touch()
    try:
        install(venv_python(VENV), log)
    except SetUpError:
        marker.unlink()
        raise
    step("checking that versions fit", [str(venv_python(VENV)), "-m", "pip", "check"], log)
    step("checking that all of it imports", [str(venv_python(VENV)), "-c", IMPORTS], log)
    stamp.write_text(fingerprint(ROOT, python))
    marker.unlink()
    log.unlink()
    return venv_python(VENV)


# ------------------------------------------------------------------------------------------------------ gates


def vector_units(python: Path) -> str:
    """Return the vector extensions NumPy found at run time, separated by spaces; it refuses to lose its baseline."""
    done = subprocess.run([str(python), "-c", SIMD], check=False, capture_output=True, text=True)
    return done.stdout.strip()


def gates(python: Path) -> dict[str, tuple[str, list[list[str]], dict[str, str]]]:
    """Return name -> (what it shows, commands, environment), in the order in which they run."""
    run = [str(python), "-m"]
    pytest = [*run, "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    nbval = [*pytest, "--nbval", "--nbval-current-env", "--nbval-cell-timeout=300", "notebooks"]
    with_torch = [*nbval, "--ignore-glob=*/0[0-5]_*.ipynb"]
    without_torch = [*nbval, "--ignore-glob=*/0[6-9]_*.ipynb", "--ignore-glob=*/[1-9][0-9]_*.ipynb"]
    alone = {"DROPOUT_LAB_PROGRESS": "off", **PATIENT}  # what a learner has passed is neither read nor written
    restricted = {"OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default", **alone}
    units = vector_units(python)
    if units:
        restricted["NPY_DISABLE_CPU_FEATURES"] = units
    return {
        "build": ("notebooks are those of lessons/", [[str(python), "tools/build_notebooks.py", "--check"]], {}),
        "lint": ("ruff", [[*run, "ruff", "check"], [*run, "ruff", "format", "--check"]], {}),
        "types": ("mypy", [[*run, "mypy"]], {}),
        "unit": ("tests and doctests", [[*pytest, "tests", "dropout_lab"]], {"OMP_NUM_THREADS": "1", **alone}),
        "numpy": (
            "lessons 00-05 print what is stored, torch hidden",
            [without_torch],
            {**alone, "PYTHONPATH": NO_TORCH},
        ),
        "torch": ("the other lessons print what is stored", [with_torch], alone),
        "restricted": ("all lessons do so on one thread without vector units", [nbval], restricted),
    }


def run(command: list[str], **environment: str) -> int:
    """Run a command in the repository and return its exit code; Ctrl-C is the command's to answer."""
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **COMPILED_ONCE, **environment})
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def test(python: Path, names: list[str]) -> int:
    """Run the gates in order up to the first that fails; return its exit code, or 0."""
    took = {}
    for name, (what, commands, environment) in gates(python).items():
        if names and name not in names:
            continue
        settings = "".join(f" {key}={value!r}" for key, value in environment.items())
        print(f"\n=== {name}: {what}{settings and ':' + settings} ===", flush=True)
        start = time.monotonic()
        code = next(filter(None, (run(command, **environment) for command in commands)), 0)
        took[name] = f"{name} {time.monotonic() - start:.0f} s"
        print(f"--- {took[name]}", flush=True)
        if code:
            passed = ", ".join(list(took.values())[:-1]) or "none"
            print(f"\nlab.py test: FAILED at {took[name]}; passed before it: {passed}", flush=True)
            return code
    print(f"\nlab.py test: passed: {', '.join(took.values())}", flush=True)
    return 0


def jupyterlab(python: Path, root: Path) -> list[str]:
    """Return the command that opens JupyterLab on the first lesson, on this machine only and with its token."""
    server = ["--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={root}", "--allow-root"]  # root is usual in containers
    first = "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb"
    return [str(python), "-m", "jupyterlab", *server, first]


def main(arguments: list[str]) -> int:
    """Do what the arguments ask for and return the exit code."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("lab", [])
    unknown = command not in ("lab", "test", "build", "setup") or (rest and command in ("lab", "setup"))
    if unknown or (command == "test" and set(rest) - set(GATES)):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        python = set_up()
    except SetUpError as problem:
        print(f"lab.py: {problem} {AGAIN}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nlab.py: interrupted. {AGAIN}", file=sys.stderr)
        return 130
    if command == "test":
        return test(python, rest)
    if command == "build":
        return run([str(python), "tools/build_notebooks.py", *rest])
    if command == "lab":
        path = os.pathsep.join([str(python.parent), os.environ.get("PATH", "")])
        return run(jupyterlab(python, ROOT), PATH=path, **PATIENT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
