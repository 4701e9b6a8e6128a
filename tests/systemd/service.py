"""The service and its lake in the machine, seen as people see them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

from tests.support.lake_check import file_content, file_name
from tests.support.waiting import wait_until
from tests.systemd.machine import Machine

LAKE = "/srv/lake"
POINTLINE = "/opt/pointline/.venv/bin/pointline"
MEMBER, STRANGER = "anna", "otto"
SECONDS = 90.0


class Service:
    """What steps do and ask. ``rows`` counts what every dropped file has to bring."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.files: dict[str, int] = {}
        self._drops = 0

    def shell(self, script: str, *, user: str = "root", code: int | None = 0) -> str:
        """Run it, insist on the exit code, and return what it said."""
        done = self.machine.run(script, user=user)
        said = (done.stdout + done.stderr).strip()
        assert code in {None, done.returncode}, f"`{script}` as {user} ended with {done.returncode}: {said[-500:]}"
        return said

    def pointline(self, command: str, *, user: str = "root", code: int | None = 0) -> str:
        return self.shell(f"{POINTLINE} {command} --lake-root {LAKE}", user=user, code=code)

    # ---- systemd

    def fact(self, name: str) -> str:
        return self.shell(f"systemctl show pointline -p {name} --value")

    def is_active(self) -> bool:
        return self.fact("ActiveState") == "active"

    def start(self) -> None:
        self.shell("systemctl reset-failed pointline; systemctl start pointline")
        assert self.is_active(), self.journal()

    def stop(self) -> None:
        self.shell("systemctl stop pointline")
        assert (self.fact("ActiveState"), self.fact("Result")) == ("inactive", "success"), self.journal()

    def override(self, name: str, lines: str) -> None:
        folder = "/etc/systemd/system/pointline.service.d"
        self.shell(
            f"mkdir -p {folder}; printf '[Service]\\n{lines}\\n' > {folder}/{name}.conf; systemctl daemon-reload"
        )

    def journal(self, lines: int = 8) -> str:
        return self.shell(f"journalctl -u pointline -o cat -n {lines}", code=None)[-1500:]

    def wait_for_restart(self, before: int, seconds: float = SECONDS) -> None:
        came = wait_until(lambda: int(self.fact("NRestarts")) > before and self.is_active(), seconds)
        assert came, f"not started again within {seconds:.0f} s: {self.journal()}"

    # ---- files

    def drop(self, count: int, *, rows: int = 20, user: str = MEMBER) -> list[str]:
        """Rename so many new files into bronze."""
        self._drops += 1
        names = [file_name("trades", f"D{self._drops}N{number}") for number in range(count)]
        self._put({name: file_content(name, rows) for name in names}, user)
        self.files |= dict.fromkeys(names, rows)
        return names

    def drop_bad(self, *, user: str = MEMBER) -> str:
        """Rename a file into bronze that cannot be taken."""
        self._drops += 1
        name = file_name("trades", f"BAD{self._drops}")
        self._put({name: gzip.compress(b"this,is,no,trade\n1,2,3,4\n")}, user)
        return name

    def _put(self, contents: dict[str, bytes], user: str) -> None:
        folder = self.machine.tree / "drops" / str(self._drops)
        folder.mkdir(parents=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        self.shell(
            f"cd /drops/{self._drops} && for name in *; do to={LAKE}/bronze/$name; "
            'cp "$name" "$to.unconfirmed" && mv "$to.unconfirmed" "$to" || exit 1; done',
            user=user,
        )

    def ledger(self) -> dict[str, tuple[int, str]]:
        """Return ``file_id, status`` of the newest version, by path."""
        said = self.machine.run(f"{POINTLINE} files --json --last 0 --lake-root {LAKE}", user=MEMBER)
        rows = json.loads(said.stdout) if said.returncode == 0 else []
        return {row["bronze_file_path"]: (row["file_id"], row["status"]) for row in reversed(rows)}

    def wait_for(self, names: Iterable[str], status: str = "success", seconds: float = SECONDS) -> None:
        wanted = set(names)

        def are_there() -> bool:
            ledger = self.ledger()
            return all(ledger.get(name, (0, ""))[1] == status for name in wanted)

        if not wait_until(are_there, seconds):
            ledger = self.ledger()
            there = {name: ledger.get(name) for name in sorted(wanted) if ledger.get(name, (0, ""))[1] != status}
            problem = f"{len(there)} of {len(wanted)} files are not {status} after {seconds:.0f} s, such as "
            raise AssertionError(f"{problem}{next(iter(there.items()), None)}: {self.journal()}")

    def require_exact(self) -> None:
        """Everything dropped is in once, with every row, and the audit finds nothing."""
        self.wait_for(self.files)
        python = Path(POINTLINE).with_name("python")
        script = f"import pointline; print(pointline.scan('trades', lake_root='{LAKE}').collect().height)"
        rows = int(self.shell(f'{python} -c "{script}"', user=MEMBER))
        assert rows == sum(self.files.values()), f"{rows} rows instead of {sum(self.files.values())}"
        self.pointline("verify --deep", user=MEMBER)

    def of_root(self) -> str:
        """Return what belongs to root in the lake."""
        return self.shell(f"find {LAKE} -mindepth 1 -user root")
