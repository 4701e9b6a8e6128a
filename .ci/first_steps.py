"""Type what the README says, as a person would, in two terminals: ``python3 first_steps.py CHECKOUT [demo]``.

Standard library only: it runs where nothing is installed.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

ENVIRONMENT = {**os.environ}
UP_SECONDS = 60.0


def main(checkout: Path, *, only_demo: bool) -> None:
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    start, _, rest = readme.partition("## Five minutes")
    demo, tests = blocks(start, "sh")[0].splitlines()
    type_in(demo, checkout)
    if not only_demo:
        type_in(tests, checkout)
    five = rest.partition("\n## ")[0]
    begin, look = (commands(block) for block in blocks(five, "console"))
    (drop,), (python, *_) = blocks(five, "sh"), blocks(five, "python")
    ENVIRONMENT["PATH"] = f"{checkout}/.venv/bin:{ENVIRONMENT['PATH']}"
    ENVIRONMENT["LAKE_ROOT"] = os.path.expanduser(begin[0].partition("LAKE_ROOT=")[2])  # noqa: PTH111 - as a shell does
    lake = Path(ENVIRONMENT["LAKE_ROOT"])
    print(f"$ {begin[0]}\n$ {begin[1]} &", flush=True)
    with subprocess.Popen(["/bin/bash", "-c", f"exec {begin[1]}"], env=ENVIRONMENT, cwd=Path.home()) as daemon:
        try:
            wait_for((lake / "bronze").is_dir, "the lake's folder")
            type_in(drop, Path.home())
            wait_for(
                lambda: b'"add"' in b"".join(log.read_bytes() for log in lake.glob("silver/trades/*/*.json")), "rows"
            )
            for line in look:
                type_in(line, Path.home())
            (Path.home() / "five.py").write_text(python, encoding="utf-8")
            type_in("python five.py", Path.home())
        finally:
            daemon.send_signal(signal.SIGINT)
    assert daemon.returncode == 0, f"`pointline run` ended with {daemon.returncode}"
    print("first steps: all of them work", flush=True)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(block: str) -> list[str]:
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def type_in(script: str, folder: Path) -> None:
    print(f"$ {script.strip()}", flush=True)
    subprocess.run(["/bin/bash", "-c", script], env=ENVIRONMENT, cwd=folder, check=True)


def wait_for(condition, what: str) -> None:  # noqa: ANN001 - a function without arguments
    end = time.monotonic() + UP_SECONDS
    while not condition():
        assert time.monotonic() < end, f"{what}: not there after {UP_SECONDS:.0f} s"
        time.sleep(0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]), only_demo=sys.argv[2:] == ["demo"])
