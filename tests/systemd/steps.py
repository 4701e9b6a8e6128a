"""What the service lives through, in this order. The first line of each docstring is what the step claims."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.waiting import wait_until
from tests.systemd.service import LAKE, MEMBER, POINTLINE, SECONDS, STRANGER, Service

BUSY_FILES = 400
WATCHDOG_SECONDS = 20


def install(service: Service) -> None:
    """Installed by the README's lines, it starts and is up."""
    for name in (MEMBER, STRANGER):
        service.shell(f"useradd --create-home {name}")
    for line in readme_lines(service.machine.tree / "src/README.md"):
        said = service.shell(f"USER={MEMBER}; {line}")
    assert "checked  the settings are good" in said, said
    commands = [line.split("#")[0].strip() for line in said.partition("now run:")[2].splitlines()]
    for command in [one.removeprefix("sudo ") for one in commands if one.startswith("sudo ")]:
        service.shell(command)
    assert service.is_active(), service.journal()


def readme_lines(readme: Path) -> Iterator[str]:
    """Yield the commands of the README that install the service, as root types them."""
    block = readme.read_text().partition("## As a service")[2].partition("```sh\n")[2].partition("```")[0]
    for line in block.splitlines():
        yield line.partition("  #")[0].replace("sudo ", "")


def exposure(service: Service) -> None:
    """Its sandbox is as tight here as it is said to be."""
    said = service.shell("systemd-analyze security pointline --no-pager | tail -1")
    found = re.search(r"(\d+\.\d)", said)
    assert found, said
    assert float(found[1]) <= 1.5, said


def members_drop(service: Service) -> None:
    """Files of a member of the lake's group come in, and the lake's own files belong to the service."""
    service.wait_for(service.drop(10))
    assert not service.of_root(), service.of_root()
    assert not service.shell(f"find {LAKE} -not -group pointline")
    service.pointline("status", user=MEMBER)


def killed(service: Service) -> None:
    """Killed by SIGKILL, it is started again and misses nothing."""
    before = int(service.fact("NRestarts"))
    names = service.drop(30)
    service.shell("systemctl kill -s KILL pointline")
    service.wait_for_restart(before)
    service.wait_for([*names, *service.drop(5)])


def stopped_while_busy(service: Service) -> None:
    """Stopped while it is busy, it ends well and goes on where it was."""
    daemon = service.fact("MainPID")
    service.shell(f"kill -STOP {daemon}")  # so that all of them are there when it begins
    names = service.drop(BUSY_FILES)
    service.shell(f"kill -CONT {daemon}; sleep 0.5")
    service.stop()
    ledger = service.ledger()
    left = [name for name in names if ledger.get(name, (0, ""))[1] != "success"]
    service.start()
    service.wait_for(names)
    print(f"       {len(left)} of {BUSY_FILES} files were left for the next start")


def roots_run_once(service: Service) -> None:
    """What root's `run --once` does belongs to the service, which starts again after it."""
    service.stop()
    names = service.drop(5)
    service.pointline("run --once")
    left = service.of_root()
    service.start()
    service.wait_for([*names, *service.drop(5)])
    assert not left, f"root owns {left.splitlines()[:3]}"


def roots_retry(service: Service) -> None:
    """Root's `retry` works with the daemon stopped and running, and leaves nothing of root's."""
    name = service.drop_bad()
    service.wait_for([name], "quarantined")
    file_id = service.ledger()[name][0]
    service.stop()
    service.pointline(f"retry {file_id}")
    left = service.of_root()
    service.start()
    service.wait_for([name], "quarantined")
    service.pointline(f"retry {file_id}")
    service.wait_for([name], "quarantined")
    left += service.of_root()
    service.wait_for(service.drop(5))
    assert not left, f"root owns {left.splitlines()[:3]}"


def members_retry(service: Service) -> None:
    """A member of the group retries through the running daemon; somebody else is told what to type."""
    name = service.drop_bad()
    service.wait_for([name], "quarantined")
    file_id = service.ledger()[name][0]
    service.pointline(f"retry {file_id}", user=MEMBER)
    service.wait_for([name], "quarantined")
    said = service.pointline(f"retry {file_id}", user=STRANGER, code=None)
    assert "error:" in said.lower(), said
    assert "Traceback" not in said, said


def disk_full(service: Service) -> None:
    """A full disk is said by `status` and by systemd, and what came meanwhile is in once there is room."""
    before = service.fact("NRestarts")
    daemon = service.fact("MainPID")
    service.shell(f"kill -STOP {daemon}")  # so that the files are there and the room is not when it looks
    names = service.drop(20, rows=300)
    service.shell(f"head -c 1G /dev/zero > {LAKE}/filler 2>/dev/null; kill -CONT {daemon}")

    def is_said() -> bool:
        told = [service.pointline("status", user=MEMBER, code=None), service.fact("StatusText")]
        return all("no space left" in one for one in told)

    try:
        said = wait_until(is_said, SECONDS)
        status = service.pointline("status", user=MEMBER, code=None)
        told = f"status: {status[:300]}; systemd: {service.fact('StatusText')}"
    finally:
        service.shell(f"rm -f {LAKE}/filler")
    service.wait_for(names)
    assert said, told
    assert service.fact("NRestarts") == before, "it was started again meanwhile"


def watchdog(service: Service) -> None:
    """Hung, it is killed by the watchdog and started again."""
    service.override("watchdog", f"WatchdogSec={WATCHDOG_SECONDS}s\\nTimeoutAbortSec=5s")
    service.shell("systemctl restart pointline")
    before = int(service.fact("NRestarts"))
    service.shell(f"kill -STOP {service.fact('MainPID')}")
    service.wait_for_restart(before, seconds=WATCHDOG_SECONDS * 3 + SECONDS)
    assert "watchdog" in service.shell("journalctl -u pointline -o cat -n 200").lower(), service.journal()
    service.shell("rm /etc/systemd/system/pointline.service.d/watchdog.conf; systemctl daemon-reload")
    service.shell("systemctl restart pointline")
    service.wait_for(service.drop(5))


def upgrade_package(service: Service) -> None:
    """Another release is installed over it: a restart, and it goes on."""
    source = service.machine.tree / "src/pyproject.toml"
    found = re.search(r'^version = "(.*)"$', source.read_text(), re.MULTILINE)
    assert found
    source.write_text(source.read_text().replace(found[0], f'version = "{found[1]}.post1"'))
    service.shell("/opt/pointline/.venv/bin/pip install -q . && systemctl restart pointline")
    assert f"{found[1]}.post1" in service.shell("/opt/pointline/.venv/bin/pip show pointline")
    service.wait_for(service.drop(5))


def upgrade_unit(service: Service) -> None:
    """Another unit: `service install` shows what differs, puts it in the old one's place, and what it says works."""
    unit = service.machine.tree / "src/systemd/pointline.service"
    unit.write_text(unit.read_text().replace("RestartSec=10", "RestartSec=11"))
    service.shell("/opt/pointline/.venv/bin/pip install -q --force-reinstall --no-deps .")
    said = service.pointline("service install")
    assert "-RestartSec=10\n+RestartSec=11\n" in said, said
    for command in ("systemctl daemon-reload", "systemctl restart pointline"):
        assert f"sudo {command}\n" in said, said
        service.shell(command)
    assert service.fact("RestartUSec") == "11s"
    service.wait_for(service.drop(5))
    installed = "/etc/systemd/system/pointline.service"
    service.shell(f"sed -i s/RestartSec=11/RestartSec=12/ {installed}")
    refused = service.pointline("service install", code=1)
    assert "changed by hand" in refused, refused
    service.pointline("service install --replace")
    assert "RestartSec=11" in service.shell(f"grep RestartSec {installed}; systemctl daemon-reload")


def bronze_elsewhere(service: Service) -> None:
    """Bronze is moved to a home, with a link in its place: `service install` lets the service see it there."""
    elsewhere = "/home/bronze"
    service.stop()
    service.shell(f"cp -a {LAKE}/bronze {elsewhere} && rm -r {LAKE}/bronze && ln -s {elsewhere} {LAKE}/bronze")
    said = service.pointline("service install")
    assert "+ProtectHome=read-only\n" in said, said
    assert f'"{elsewhere}"' in said, said
    service.shell("systemctl daemon-reload")
    service.start()
    service.wait_for(service.drop(5))


def reloaded(service: Service) -> None:
    """`systemctl reload` takes new settings if they are good, and leaves the daemon as it is if they are bad."""
    settings = f"{LAKE}/pointline.toml"
    daemon, restarts = service.fact("MainPID"), int(service.fact("NRestarts"))
    service.shell(f"printf '[ingest]\\nworkers = 0\\n' > {settings}")
    service.shell("systemctl reload pointline", code=1)
    assert service.fact("MainPID") == daemon
    service.wait_for(service.drop(5))
    service.shell(f"printf '[ingest]\\nworkers = 1\\n' > {settings}; systemctl reload pointline")
    service.wait_for_restart(restarts)
    assert service.fact("MainPID") != daemon
    service.wait_for(service.drop(5))
    service.shell(f"rm {settings}")


def exact(service: Service) -> None:
    """Every file is in once, with every row, and `verify --deep` finds nothing."""
    service.require_exact()


def away(service: Service) -> None:
    """Away with it by the README's line: unit gone, lake as it was."""
    service.shell(f"systemctl disable --now pointline && {POINTLINE} service uninstall && systemctl daemon-reload")
    assert service.fact("LoadState") == "not-found"
    service.pointline("verify", user=MEMBER)


STEPS: list[Callable[[Service], None]] = [
    install,
    exposure,
    members_drop,
    killed,
    stopped_while_busy,
    roots_run_once,
    roots_retry,
    members_retry,
    disk_full,
    watchdog,
    upgrade_package,
    upgrade_unit,
    bronze_elsewhere,
    reloaded,
    exact,
    away,
]
