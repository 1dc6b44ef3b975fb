"""What must agree across the files around the package: versions, dependencies, addresses, licences."""

import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
ADDRESS = PROJECT["project"]["urls"]["Repository"]
OTHER_NAMES = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}  # conda-forge's name: PyPI's


def requirements(texts):
    return {canonicalize_name(Requirement(text).name): Requirement(text).specifier for text in texts}


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {
        canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines) if version
    }


def declared(*extras):
    return requirements([*PROJECT["project"]["dependencies"], *(text for extra in extras for text in EXTRAS[extra])])


def conda():
    """The names (PyPI's) and ranges of environment.yml."""
    texts = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    split = (re.fullmatch(r"([a-z0-9-]+)(.*)", text).groups() for text in texts)
    return {OTHER_NAMES.get(name, name): specifier for name, specifier in split}


# ---- versions


@pytest.mark.parametrize(("name", "specifier"), declared("torch", "lab", "dev").items(), ids=str)
def test_every_range_of_pyproject_admits_the_pinned_version(name, specifier):
    assert specifier.contains(pins()[name])


@pytest.mark.parametrize(("name", "specifier"), declared("torch", "lab", "dev").items(), ids=str)
def test_every_range_of_pyproject_ends_before_a_version_nobody_tried(name, specifier):
    assert {part.operator for part in specifier} == {">=", "<"}


@pytest.mark.parametrize(("name", "specifier"), declared("torch", "lab").items(), ids=str)
def test_environment_yml_has_the_dependency_with_the_same_range(name, specifier):
    assert SpecifierSet(conda()[name]) == specifier


def test_environment_yml_has_a_python_that_pyproject_admits_and_what_builds_the_package():
    versions = conda()
    assert SpecifierSet(PROJECT["project"]["requires-python"]).contains(versions["python"].removeprefix("="))
    assert {"pip", "setuptools"} <= versions.keys()
    assert SpecifierSet(versions["setuptools"]) == requirements(PROJECT["build-system"]["requires"])["setuptools"]


def test_environment_yml_comes_from_conda_forge_alone_and_installs_nothing_local():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment.keys() == {"name", "channels", "dependencies"}
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert all(isinstance(dependency, str) for dependency in environment["dependencies"])


def test_nothing_is_pinned_twice_and_every_pin_is_exact():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    named = [line for line in lines if line and not line.startswith("#")]
    assert len(pins()) == len(named)
    assert all(str(Version(version)) == version for version in pins().values())


def test_the_version_of_the_package_stands_the_same_everywhere():
    version = PROJECT["project"]["version"]
    assert f'__version__ = "{version}"' in (ROOT / "dropout_lab/__init__.py").read_text(encoding="utf-8")
    assert str(citation()["version"]) == version


# ---- addresses


HOSTS = r"https://(github\.com|mybinder\.org/v2/gh|nbviewer\.org/github|colab\.research\.google\.com/github)"
LINKING = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "lessons/*.md",
    "data/README.md",
    "docs/**/*.md",
]


def foreign_addresses(text, address=ADDRESS):
    """Return the links to this project, by its name or to a place that launches it, that name another repository."""
    repository = address.removeprefix("https://github.com/")
    found = re.findall(rf"{HOSTS}/([\w.-]+)/([\w.-]+)", text)
    ours = [
        (owner, re.sub(r"\.git$", "", name))
        for host, owner, name in found
        if host != "github.com" or "dropout-lab" in name
    ]
    return [f"{owner}/{name}" for owner, name in ours if f"{owner}/{name}" != repository]


@pytest.mark.parametrize(
    "path", sorted({path for glob in LINKING for path in ROOT.glob(glob)}), ids=lambda path: path.name
)
def test_every_link_to_this_project_has_the_address_of_pyproject(path):
    assert foreign_addresses(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "link",
    [
        "https://mybinder.org/v2/gh/somebody/else/main",
        "https://colab.research.google.com/github/somebody/dropout-lab/blob/main/a.ipynb",
        "git clone https://github.com/somebody/dropout-lab.git",
    ],
)
def test_a_planted_link_to_another_address_is_found(link):
    assert len(foreign_addresses(link, "https://github.com/dropout-lab/dropout-lab")) == 1
    assert foreign_addresses("https://github.com/pytorch/pytorch https://mybinder.org/badge_logo.svg") == []


def test_the_launch_link_of_the_readme_opens_lesson_00_in_jupyterlab():
    links = re.findall(
        r"https://mybinder\.org/v2/gh/\S+?\?urlpath=lab/tree/([\w./]+)", (ROOT / "README.md").read_text("utf-8")
    )
    assert links
    assert set(links) == {"notebooks/00_start_here.ipynb"}


def citation():
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_the_citation_names_authors_licences_and_address_of_pyproject():
    assert [author["name"] for author in citation()["authors"]] == [
        author["name"] for author in PROJECT["project"]["authors"]
    ]
    assert citation()["license"] == ["BSD-3-Clause", "CC-BY-4.0"]
    assert citation()["repository-code"] == ADDRESS


# ---- files that other programs look for


@pytest.mark.parametrize("name", PROJECT["project"]["license-files"])
def test_the_licence_files_say_whose_the_work_is(name):
    assert "The Dropout Lab authors" in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
@pytest.mark.parametrize("name", ["postBuild", "start", ".ci/run"])
def test_scripts_that_others_run_are_executable_and_stop_at_the_first_failure(name):
    assert os.access(ROOT / name, os.X_OK)
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines


def test_the_hooks_of_pre_commit_are_local_and_run_gates():
    from lab import GATES

    [repository] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    entries = [hook["entry"].split() for hook in repository["hooks"]]
    assert all(entry[:3] == ["python", "lab.py", "test"] and set(entry[3:]) <= set(GATES) for entry in entries)
