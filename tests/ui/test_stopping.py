"""A server that is told to stop ends although pages are open, whose streams have no end of their own."""

import os
from pathlib import Path

from tests.fakes.app_server import free_port
from tests.fakes.forking import python

STOPPED = """
import os, threading, time, urllib.request
import gradio as gr
from octseg.ui.limits import ServerLimits
from octseg.ui.private import private_folders
from octseg.ui.server import serve

def stop(page, port):
    while True:
        try:
            held = urllib.request.urlopen(f"http://127.0.0.1:{port}/gradio_api/heartbeat/page", timeout=60)
            break
        except OSError:
            time.sleep(0.05)
    time.sleep(1)  # until `serve` has come to its rest
    page.server.close()
    print("runs on" if page.server.thread.is_alive() else "has ended", flush=True)
    os._exit(0)

with gr.Blocks() as page, private_folders(os.environ) as folders:
    threading.Thread(target=stop, args=(page, os.environ["GRADIO_SERVER_PORT"])).start()
    serve(page, ServerLimits(), folders, os.environ)
"""


def test_it_ends_while_pages_are_open(tmp_path: Path) -> None:
    done = python(["-c", STOPPED], {**os.environ, "GRADIO_SERVER_PORT": str(free_port()), "TMPDIR": str(tmp_path)})
    assert "has ended" in done.stdout, done.stderr
    assert "ERROR" not in done.stderr
