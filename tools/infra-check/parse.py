"""Parses every file that is named and prints what it could not read, as JSON: [{"path", "text"}]."""
import json
import sys
from pathlib import Path

from pycep import BicepParser

parser = BicepParser()
problems = []
for path in sys.argv[1:]:
    try:
        parser.parse(text=Path(path).read_text(encoding="utf-8"))
    except Exception as error:  # Whatever a parser throws, the file was not read.
        problems.append({"path": path, "text": str(error).split("\n")[0]})
print(json.dumps(problems))
