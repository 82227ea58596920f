#!/bin/sh
# What an assistant is told by a tool of Gradio's MCP server whose function returns a dict and a string.
# gradio 6.31.0 with mcp 1.30.0: Python's repr, which is no JSON (None, True, single quotes); and where the caller asks
# for no progress, both values run together as one text, the repr of a list. With progress they are two texts.
# So a client that reads measures as JSON works or fails by a setting of its own. octseg/ui/tools.py mends both.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'gradio[mcp]==6.31.0' 'mcp==1.30.0'
cd "$folder"
cat > answers.py <<'PYTHON'
import asyncio
import json
from importlib.metadata import version

import gradio as gr
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


def measured(name: str) -> tuple[dict, str]:
    """Measure.

    Args:
        name: of a frame.
    """
    return {"area": None, "found": True}, name


page = gr.Interface(measured, gr.Textbox(), [gr.JSON(), gr.Textbox()], api_name="measured")
_, url, _ = page.launch(mcp_server=True, prevent_thread_lock=True, quiet=True)


async def hear(*_told: object) -> None:
    """Progress is not looked at."""


async def ask(progress: bool) -> list[str]:
    async with (
        streamable_http_client(f"{url}gradio_api/mcp/") as (reading, writing, _),
        ClientSession(reading, writing) as session,
    ):
        await session.initialize()
        answer = await session.call_tool("measured", {"name": "a"}, progress_callback=hear if progress else None)
        return [part.text for part in answer.content]


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


alone, told = asyncio.run(ask(False)), asyncio.run(ask(True))
page.close()
print("gradio", version("gradio"), "mcp", version("mcp"))
print("without progress:", alone)
print("with progress:   ", told)
assert len(alone) == 1 and len(told) == 2, "the number of texts is another now"
assert not is_json(alone[0]) and not is_json(told[0]), "it answers in JSON now"
PYTHON
"$folder/venv/bin/python" answers.py
