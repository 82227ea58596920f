#!/bin/sh
# What is left of an assistant's session when a server answers one of its calls with an HTTP status of 4xx, as a proxy or
# a limit on the size of requests does.
# mcp 1.30.0: the error is raised out of the transport and not out of the call, so the whole session ends: no call after
# it can be made, and what the answer said is in no error's words. The same refusal as an error of JSON-RPC, with status
# 200, is an McpError of that one call, with its sentence, and the session goes on. octseg/ui/guard.py does the latter.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'mcp==1.30.0'
cd "$folder"
cat > session.py <<'PYTHON'
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

SENTENCE = "The request is larger than this server takes."
TOLD = {
    "initialize": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "drawn", "version": "1"},
    },
    "tools/list": {"tools": []},
}


class Server(BaseHTTPRequestHandler):
    """Speaks just enough; what a tool is called with is refused, plainly or in JSON-RPC."""

    plainly = True

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "id" not in asked:
            self.answer(202, "", "text/plain")
        elif asked["method"] != "tools/call":
            self.answer(200, json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": TOLD[asked["method"]]}))
        elif self.plainly:
            self.answer(413, SENTENCE, "text/plain")
        else:
            error = {"code": -32600, "message": SENTENCE}
            self.answer(200, json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}))

    def do_GET(self) -> None:
        self.answer(405, "", "text/plain")

    do_DELETE = do_GET

    def answer(self, status: int, body: str, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


def words(error: BaseException) -> str:
    """Of an error and all that it holds."""
    return " | ".join([f"{type(error).__name__}: {error}", *map(words, getattr(error, "exceptions", ()))])


async def tried(url: str) -> list[str]:
    said = []
    try:
        async with (
            streamable_http_client(url) as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            try:
                await session.call_tool("measure", {})
            except Exception as error:
                said.append(f"the call: {words(error)}")
            said.append(f"after it: {len((await session.list_tools()).tools)} tools")
    except BaseException as error:
        said.append(f"the session: {words(error)}")
    return said


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/mcp"
print("mcp", version("mcp"))
found = {}
for Server.plainly in (True, False):
    found[Server.plainly] = asyncio.run(asyncio.wait_for(tried(url), 60))
    print("as HTTP 413:" if Server.plainly else "as JSON-RPC:", *found[Server.plainly], sep="\n  ")
plain, spoken = found[True], found[False]
assert plain[-1].startswith("the session: "), plain
assert "413" in plain[-1] and not any(SENTENCE in each for each in plain), plain
assert not any(each.startswith("after it") for each in plain), plain
assert spoken == [f"the call: McpError: {SENTENCE}", "after it: 0 tools"], spoken
PYTHON
"$folder/venv/bin/python" session.py
