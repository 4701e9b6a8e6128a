"""What is packed: the source distribution has what the repository has, and nothing is said twice."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BUILD = "import build_backend; build_backend.build_sdist('dist')"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only a checkout knows what is in the repository")
def test_the_source_distribution_is_the_repository(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = {name for name in known.stdout.split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    for left in ("pointline/parse/cells/_parser.abi3.so", "tests/__pycache__/x.pyc", "daemon/x.egg-info/PKG-INFO"):
        (tmp_path / left).parent.mkdir(exist_ok=True)
        (tmp_path / left).touch()
    (tmp_path / "dist").mkdir()
    script = f"import sys; sys.path.insert(0, '.ci'); {BUILD}"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    with tarfile.open(next((tmp_path / "dist").glob("*.tar.gz"))) as packed:
        found = {member.name.partition("/")[2] for member in packed if member.isfile()}
    made = {"PKG-INFO", "setup.cfg", *(name for name in found if name.startswith("pointline.egg-info/"))}
    assert found - made == names


def test_the_version_is_said_in_one_place():
    assert version("pointline")
    written = re.compile(rf"(?<![\d.]){re.escape(PROJECT['version'])}(?![\d.])")
    sources = [*(ROOT / "pointline").rglob("*.py"), *(ROOT / "daemon").rglob("*.py")]
    assert [path for path in sources if written.search(path.read_text(encoding="utf-8"))] == []


def test_no_licence_is_claimed():
    assert not {"license", "license-files"} & set(PROJECT)
    assert [one for one in PROJECT["classifiers"] if one.startswith("License")] == []
    assert list(ROOT.glob("LICEN[CS]E*")) == []
