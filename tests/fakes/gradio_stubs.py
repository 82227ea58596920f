"""Gradio without the type stubs that it writes for editors each time it is imported: two thirds of its import.

What imports this module, and what is forked from that, has it so; a program that is started anew has not.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

WRITER = "gradio.component_meta"


class _Stubless(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        module.create_or_modify_pyi = lambda *_: None  # type: ignore[attr-defined]


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path) if fullname == WRITER else None
        if spec is not None and spec.origin is not None:
            spec.loader = _Stubless(fullname, spec.origin)
        return spec


sys.meta_path.insert(0, _Finder())
