"""lab.py: what it runs, what it repairs and what it says, all without a network."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lab

ROOT = Path(__file__).resolve().parent.parent


def run_lab(*arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / "lab.py"), *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def course(tmp_path, monkeypatch):
    """An empty course in a temporary folder, whose steps are recorded instead of run."""
    for name in lab.INSTALLED_FROM:
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    done = []
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    monkeypatch.setattr(lab, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(lab, "probe", lambda venv: "cpython 3.11" if (venv / "pip").exists() else "")

    def make_venv(venv, log):
        done.append("venv")
        venv.mkdir(exist_ok=True)
        (venv / "pip").touch()
        (venv / lab.STAMP).unlink(missing_ok=True)

    monkeypatch.setattr(lab, "make_venv", make_venv)
    monkeypatch.setattr(lab, "step", lambda what, command, log: done.append(what))
    monkeypatch.setattr(lab, "install", lambda python, log: done.append("install"))
    return done


def failing(error):
    def install(python, log):
        raise error

    return install


FRESH = ["venv", "install", "checking that versions fit", "checking that all of it imports"]


# ---- what it says


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["test", "nonsense"], ["setup", "more"], ["lab", "more"], ["--help"]]
)
def test_anything_unknown_prints_the_usage_and_exits_with_2(arguments):
    done = run_lab(*arguments)
    assert done.returncode == 2
    assert "python lab.py test" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_usage_names_every_gate():
    assert f"the named ones: {' '.join(lab.GATES)}\n" in lab.__doc__
    assert list(lab.gates(Path(sys.executable))) == list(lab.GATES)


def test_an_old_python_can_read_the_file_and_is_told_in_one_line():
    source = (ROOT / "lab.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    code = "import runpy, sys; sys.version_info = (3, 10, 13); runpy.run_path('lab.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Python 3.11 or newer is needed" in done.stderr


def test_a_failing_step_says_what_failed_in_one_line_and_keeps_the_output(tmp_path):
    code = "print('noise'); print('ERROR: no such version'); print('notice'); raise SystemExit(3)"
    with pytest.raises(lab.SetUpError) as caught:
        lab.step("installing torch", [sys.executable, "-c", code], tmp_path / "log")
    assert str(caught.value).startswith("installing torch failed: ERROR: no such version (all of it:")
    assert "\n" not in str(caught.value)
    assert "notice" in (tmp_path / "log").read_text()


def test_what_a_step_imports_is_kept_compiled_whatever_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    lab.step("importing", [sys.executable, "-c", "import sys; print(sys.dont_write_bytecode)"], tmp_path / "log")
    assert "\nFalse\n" in (tmp_path / "log").read_text()


def test_a_step_whose_program_is_missing_fails_in_the_same_way(tmp_path):
    with pytest.raises(lab.SetUpError, match=r"^making something failed: .*no-such-program"):
        lab.step("making something", [str(tmp_path / "no-such-program")], tmp_path / "log")


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (lab.SetUpError("installing torch failed: X."), 1, "installing torch failed: X."),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_a_failed_or_interrupted_set_up_ends_in_one_line(course, monkeypatch, capsys, error, code, says):
    monkeypatch.setattr(lab, "install", failing(error))
    assert lab.main(["setup"]) == code
    stderr = capsys.readouterr().err.strip()
    assert stderr.startswith("lab.py:")
    assert says in stderr
    assert "\n" not in stderr
    assert "again" in stderr


# ---- what it installs and repairs


def test_the_set_up_installs_once_and_the_second_start_does_nothing(course):
    assert lab.main(["setup"]) == 0
    assert course == FRESH
    assert lab.main(["setup"]) == 0
    assert course == FRESH


@pytest.mark.parametrize("name", lab.INSTALLED_FROM)
def test_a_changed_file_installs_again_into_the_same_environment(course, name):
    lab.set_up()
    with (lab.ROOT / name).open("a") as file:
        file.write("\n")
    lab.set_up()
    assert course == FRESH + FRESH[1:]


def test_a_step_that_failed_is_taken_up_again_in_the_same_environment(course, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(lab, "install", failing(lab.SetUpError("no network")))
        with pytest.raises(lab.SetUpError):
            lab.set_up()
    lab.set_up()
    assert course == FRESH


def test_an_interrupted_installation_is_made_afresh(course, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(lab, "install", failing(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            lab.set_up()
    lab.set_up()
    assert course == ["venv", *FRESH]


def test_an_environment_whose_packages_do_not_import_is_made_afresh(course, monkeypatch):
    def step(what, command, log):
        if what == "checking that all of it imports":
            raise lab.SetUpError(what)

    with monkeypatch.context() as broken:
        broken.setattr(lab, "step", step)
        with pytest.raises(lab.SetUpError):
            lab.set_up()
    lab.set_up()
    assert course == ["venv", "install", *FRESH]


def test_a_stamped_environment_that_lost_its_python_is_made_afresh(course):
    lab.set_up()
    (lab.VENV / "pip").unlink()
    lab.set_up()
    assert course == FRESH + FRESH


def test_the_fingerprint_depends_on_the_folder_the_python_and_each_file(course):
    before = lab.fingerprint(lab.ROOT, "cpython 3.11")
    assert lab.fingerprint(lab.ROOT, "cpython 3.11") == before
    assert lab.fingerprint(lab.ROOT, "cpython 3.12") != before
    assert lab.fingerprint(ROOT, "cpython 3.11") != before


def test_a_working_environment_is_told_from_one_without_pip_or_without_python(tmp_path):
    assert lab.probe(Path(sys.prefix)) == f"cpython {sys.version_info[0]}.{sys.version_info[1]}"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    assert lab.venv_python(tmp_path / "venv").exists()
    assert lab.probe(tmp_path / "venv") == ""
    lab.venv_python(tmp_path / "venv").unlink()
    assert lab.probe(tmp_path / "venv") == ""


@pytest.mark.parametrize(("platform", "uses_index"), [("linux", True), ("darwin", False), ("win32", False)])
def test_torch_comes_first_and_on_linux_from_the_cpu_index(monkeypatch, platform, uses_index):
    commands = []
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(lab, "step", lambda what, command, log: commands.append(command))
    lab.install(Path("python"), Path("log"))
    setuptools, torch, rest, package = commands
    assert setuptools[-1].startswith("setuptools==")
    assert "--no-deps" in torch
    assert any(part.startswith("torch==") for part in torch)
    assert (lab.TORCH_CPU_INDEX in torch) == uses_index
    assert lab.TORCH_CPU_INDEX not in rest + package
    assert package[-6:] == ["-q", "--no-compile", "--no-deps", "--no-build-isolation", "-e", "."]


def test_where_the_cpu_index_cannot_be_reached_pip_is_asked_and_the_reader_is_told(monkeypatch, capsys):
    commands = []

    def step(what, command, log):
        commands.append(command)
        if lab.TORCH_CPU_INDEX in command:
            raise lab.SetUpError("unreachable")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(lab, "step", step)
    lab.install(Path("python"), Path("log"))
    assert [lab.TORCH_CPU_INDEX in command for command in commands] == [False, True, False, False, False]
    assert capsys.readouterr().out.count("\n") == 1


def test_everything_the_extras_ask_for_is_installed_with_the_pinned_versions(monkeypatch):
    commands = []
    monkeypatch.setattr(lab, "step", lambda what, command, log: commands.append(command))
    lab.install(Path("python"), Path("log"))
    rest = commands[2]
    assert rest[rest.index("-c") + 1] == "constraints.txt"
    for name in ("numpy", "torch", "jupyterlab", "pytest", "nbval", "ruff"):
        assert any(part.startswith(f"{name}>=") for part in rest)


def test_a_pin_that_is_missing_is_named():
    assert lab.pinned("torch", "numpy==2\ntorch==2.13.0\ntorchx==1\n") == "torch==2.13.0"
    with pytest.raises(lab.SetUpError, match="no line torch=="):
        lab.pinned("torch", "numpy==2\n")


# ---- the gates


@pytest.fixture
def exit_codes(monkeypatch):
    """Pretend that each gate is one command that exits with the code given here."""
    codes = dict.fromkeys(lab.GATES, 0)
    monkeypatch.setattr(lab, "gates", lambda python: {name: ("", [[name], [name]], {}) for name in lab.GATES})
    monkeypatch.setattr(lab, "run", lambda command, **environment: codes[command[0]])
    return codes


def test_passing_gates_end_in_one_line_that_names_them(exit_codes, capsys):
    assert lab.test(Path(), []) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("lab.py test: passed: ")
    assert all(name in last for name in lab.GATES)


def test_nothing_runs_after_the_first_gate_that_fails(exit_codes, capsys):
    exit_codes["types"] = 3
    assert lab.test(Path(), []) == 3
    output = capsys.readouterr().out
    assert "=== unit" not in output
    assert output.splitlines()[-1] == "lab.py test: FAILED at types 0 s; passed before it: build 0 s, lint 0 s"


def test_only_the_named_gates_run(exit_codes, capsys):
    exit_codes["build"] = 1
    assert lab.test(Path(), ["unit", "lint"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "lab.py test: passed: lint 0 s, unit 0 s"


def test_the_restricted_gate_takes_away_threads_and_vector_units_but_not_numpys_baseline():
    restricted = lab.gates(Path(sys.executable))["restricted"][2]
    assert restricted["OMP_NUM_THREADS"] == "1"
    assert restricted["ATEN_CPU_CAPABILITY"] == "default"
    probe = subprocess.run(
        [sys.executable, "-W", "error", "-c", lab.SIMD],
        env={**lab.os.environ, **restricted},
        capture_output=True,
        text=True,
        check=True,
    )
    assert probe.stdout.split() == []


def test_a_command_runs_in_the_repository_with_its_environment_and_returns_its_code():
    code = f"import os, sys; sys.exit(7 if os.getcwd() == {str(ROOT)!r} and os.environ['LAB'] == 'x' else 1)"
    assert lab.run([sys.executable, "-c", code], LAB="x") == 7


def test_modules_are_compiled_once_and_kept_in_the_environment_whatever_the_shell_says(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    kept = f"not sys.dont_write_bytecode and sys.pycache_prefix == {str(lab.VENV / 'compiled')!r}"
    assert lab.run([sys.executable, "-c", f"import sys; sys.exit(7 if {kept} else 1)"]) == 7
