#!/bin/sh
# torchrun, the launcher of a training in several processes, and SIGUSR1, which Slurm's --signal=USR1@SECONDS sends before
# the time is up.
#
# Expected: the launcher passes the signal on, as it does SIGTERM, or ends its processes when it ends.
# Seen (torch 2.13.0, Linux): it heeds SIGTERM, SIGINT, SIGHUP and SIGQUIT alone. SIGUSR1 ends it at once (status 128 + 10),
# its process is told nothing and works on without a parent: nobody saves a state, and a second run in the folder meets the
# first. --signals-to-handle SIGTERM,...,SIGUSR1 has the signal passed on; TORCHELASTIC_SIGNALS_TO_HANDLE, which the
# launcher reads, has not, for the launcher sets it anew from that flag.
# Exit status 1 where this is no longer so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.2.6
cat > "$folder/work.py" <<'END'
import os
import signal
import sys
import time
from pathlib import Path

out = Path(sys.argv[1])


def told(number: int, frame: object) -> None:
    (out / "told").write_text(signal.Signals(number).name)
    sys.exit(0)


signal.signal(signal.SIGUSR1, told)
(out / "pid.part").write_text(str(os.getpid()))
(out / "pid.part").rename(out / "pid")
for beat in range(600):
    (out / "beat").write_text(str(beat))
    time.sleep(0.1)
END

launched() { # OUT [FLAG...]: starts it there, sends the launcher SIGUSR1 when its process works, and gives its status
    out=$1
    shift
    mkdir "$out"
    "$folder/venv/bin/python" -m torch.distributed.run --standalone --nproc_per_node=1 "$@" "$folder/work.py" "$out" \
        > "$out/log" 2>&1 &
    launcher=$!
    until [ -e "$out/pid" ]; do
        kill -0 "$launcher" 2> /dev/null || { cat "$out/log"; exit 2; }
        sleep 0.2
    done
    kill -USR1 "$launcher"
    status=0
    wait "$launcher" || status=$?
    echo "$status"
}

status=$(launched "$folder/plain")
before=$(cat "$folder/plain/beat")
sleep 2
after=$(cat "$folder/plain/beat")
kill "$(cat "$folder/plain/pid")" 2> /dev/null || true
echo "SIGUSR1: the launcher ended with status $status; its process was at beat $before, and 2 s later at $after"
[ ! -e "$folder/plain/told" ] && [ "$after" -gt "$before" ] && [ "$status" -eq 138 ] || exit 1

heeded=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1
status=$(export TORCHELASTIC_SIGNALS_TO_HANDLE=$heeded; launched "$folder/variable")
kill "$(cat "$folder/variable/pid")" 2> /dev/null || true
echo "asked by the variable: the launcher ended with status $status"
[ ! -e "$folder/variable/told" ] && [ "$status" -eq 138 ] || exit 1

status=$(launched "$folder/asked" --signals-to-handle "$heeded")
echo "asked to heed it: the launcher ended with status $status, its process was told of $(cat "$folder/asked/told")"
[ "$(cat "$folder/asked/told")" = SIGUSR1 ] || exit 1
