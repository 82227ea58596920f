import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.fakes.stopping import heeding_sigint

COMMAND = [sys.executable, "-c", "import signal; signal.raise_signal(signal.SIGINT)"]


@pytest.fixture
def sigint_ignored() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint_ignored")
def test_a_child_heeds_sigint_where_the_tests_ignore_it() -> None:
    assert subprocess.run(COMMAND, check=False).returncode == 0
    with heeding_sigint():
        heeding = subprocess.Popen(COMMAND, stderr=subprocess.DEVNULL)
    assert heeding.wait(60) == -signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
