"""The endpoints as tools of the Model Context Protocol, which assistants call: `segment` and `segment_pullback`.

Gradio serves them at `/gradio_api/mcp/` where the package `mcp` is installed, and sends each call through the page's
own line. What Gradio leaves out stands here: which files may be named, and answers in JSON.
"""

import base64
import binascii
import inspect
import json
import secrets
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import gradio as gr
from gradio.mcp import GradioMCPServer

FILE = "/gradio_api/file="
FILE_IS = (
    "Either data:application/octet-stream;base64,... for a file of up to 3 MB, or what POST /gradio_api/upload of this "
    "server answered, as it is or behind its address as http://.../gradio_api/file=..."
)
NOT_HERE = (
    "This server holds no such file, and fetches none from the web. Upload it to /gradio_api/upload and give the path "
    "that is answered, or give the file itself as data:application/octet-stream;base64,..."
)
NO_BASE64 = "What follows data: is not base64; give the file as data:application/octet-stream;base64,..."


def tools_of(page: gr.Blocks, visitors: Path) -> "Tools | None":
    """The tools of a page whose visitors' files lie in a folder; None where `mcp` is not installed."""
    return Tools(page, visitors) if find_spec("mcp") is not None else None


class Tools(GradioMCPServer):
    """Gradio's tools, which take no file but a caller's own."""

    def __init__(self, page: gr.Blocks, visitors: Path) -> None:
        self.visitors = visitors.resolve()
        super().__init__(page)

    def convert_strings_to_filedata(self, value: Any, filedata_positions: list[list[str | int]]) -> Any:
        """Arguments of a call, each file in them as an address of this server, where the guard knows it again.

        Raises:
            ValueError: a file that is not the caller's to name.
        """
        files = {position[0] for position in filedata_positions}
        return {name: self._file(each) if name in files else each for name, each in value.items()}

    def _file(self, named: str) -> dict[str, Any]:
        if named.startswith("data:"):
            path = self._kept(named)
        else:
            path = Path(unquote(named.rpartition(FILE)[2]) if FILE in named else named).resolve()
        if not (path.is_relative_to(self.visitors) and path.is_file()):
            raise ValueError(NOT_HERE)
        return {"path": f"http://localhost{FILE}{quote(str(path))}", "meta": {"_type": "gradio.FileData"}}

    def _kept(self, named: str) -> Path:
        """The file that an argument holds itself, in a folder that nobody can guess."""
        head, _, body = named.partition(",")
        try:
            content = base64.b64decode(body, validate=True) if head.endswith(";base64") else b""
        except binascii.Error:
            content = b""
        if not content:
            raise ValueError(NO_BASE64)
        folder = self.visitors / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        path = folder / "file"
        path.write_bytes(content)
        return path

    def postprocess_output_data(self, data: Any, root_url: str) -> list[Any]:
        """What a tool answers: plain values as JSON, files as addresses.

        data: a list of what its endpoint returns; Gradio makes that one tuple where the caller asked for no progress.
        """
        if len(data) == 1 and isinstance(data[0], list | tuple):
            (data,) = data
        return super().postprocess_output_data([_as_json(each) for each in data], root_url)

    def get_fn_description(self, block_fn: Any, tool_name: str) -> tuple[str, dict[str, str]]:
        """The docstring of a tool, and what each of its parameters means."""
        _, parameters = super().get_fn_description(block_fn, tool_name)
        return inspect.getdoc(block_fn.fn) or "", parameters

    def get_input_schema(
        self, tool_name: str, parameters: dict[str, str] | None = None
    ) -> tuple[dict[str, Any], list[list[str | int]]]:
        """The schema of a tool's parameters, and which of them are files."""
        schema, positions = super().get_input_schema(tool_name, parameters)
        told = (parameters or {}).get("file", "the file.")
        schema["properties"]["file"] = {"type": "string", "description": f"{told} {FILE_IS}"}
        return schema, [["file"] for position in positions if "file" in position]


def _as_json(value: Any) -> Any:
    """A plain value as JSON; a file, which has an address, as it is."""
    if isinstance(value, dict) and value.get("meta") == {"_type": "gradio.FileData"}:
        return value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
