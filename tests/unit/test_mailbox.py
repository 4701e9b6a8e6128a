"""``Mailbox``: nothing is lost, and nobody waits longer than is said, whatever signals come."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from pointline_daemon.mailbox import Mailbox

PROGRAM = """
import signal, time
from pointline_daemon.mailbox import Mailbox

signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.00051)
box, ends_at = Mailbox(), time.monotonic() + 1.5
waited = 0
while time.monotonic() < ends_at:
    assert box.get(0.0031) is None
    waited += 1
signal.setitimer(signal.ITIMER_REAL, 0)
assert waited > 20, waited
"""
HANDLED = """
import os, signal, threading, time
from pointline_daemon.mailbox import Mailbox

box = Mailbox()
signal.signal(signal.SIGUSR1, lambda number, _frame: box.put(number))
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
started = time.monotonic()
assert box.get(30.0) == signal.SIGUSR1
assert time.monotonic() - started < 10
"""


def test_signals_do_not_keep_it_from_coming_back():
    """``queue.SimpleQueue`` hangs here within a second."""
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=30)


def test_a_signal_handler_wakes_the_reader():
    subprocess.run([sys.executable, "-c", HANDLED], check=True, timeout=30)


def test_each_item_comes_once_in_its_order():
    box: Mailbox[tuple[int, int]] = Mailbox()
    writers = [
        threading.Thread(target=lambda own=own: [box.put((own, number)) for number in range(2000)]) for own in range(4)
    ]
    for writer in writers:
        writer.start()
    found = [box.get(5.0) for _ in range(8000)]
    for writer in writers:
        writer.join()
    assert None not in found
    for own in range(4):
        assert [number for who, number in found if who == own] == list(range(2000))
    assert box.get(0.0) is None


def test_it_waits_as_long_as_is_said():
    box: Mailbox[int] = Mailbox()
    box.put(1)
    assert box.get(0.0) == 1
    started = time.monotonic()
    assert box.get(0.2) is None
    assert 0.15 < time.monotonic() - started < 2.0
    assert box.get(-1.0) is None
