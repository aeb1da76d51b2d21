"""Reads a file of JSON lines with Timesketch's own reader and prints how many events it took.

Exit status 1: it refuses the file; 77: Timesketch (PyPI: timesketch, without its dependencies) is not installed. The reader
stands in a module that also speaks to web servers and databases; what of that is not installed is put in by name only, since
the reader does not use it.
"""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from unittest.mock import MagicMock


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds every module that nobody else does."""

    def find_spec(self, name, path, target=None):
        if name.split(".")[0] == "timesketch":
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = MagicMock(name=spec.name)
        module.__path__ = []
        module.__spec__ = spec
        return module

    def exec_module(self, module):
        pass


def main():
    if importlib.util.find_spec("timesketch") is None or importlib.util.find_spec("dateutil") is None:
        print("timesketch is not installed: pip install --no-deps timesketch, pip install python-dateutil")
        return 77
    # What is there looks for parts of its own that may be missing, and must not find them.
    for real in ("dateutil.parser", "yaml", "pandas", "flask"):
        with contextlib.suppress(ImportError):
            importlib.import_module(real)
    sys.meta_path.append(Absent())
    from timesketch.lib.utils import read_and_validate_jsonl

    with open(sys.argv[1], encoding="utf-8") as lines:
        try:
            print(sum(1 for _ in read_and_validate_jsonl(lines)))
        except RuntimeError as refusal:
            print(refusal, file=sys.stderr)
            return 1
    return 0


sys.exit(main())
