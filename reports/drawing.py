"""Charts as SVG, drawn in a separate process, because the drawing library ends its process when memory runs out.

    with Drawing() as drawing:
        drawing.svg(spec)

The child reads specifications from its standard input, one per line, writes SVG to its standard output, and ends when the input does.
"""

import json
import subprocess
import sys
import threading

from tubelet.reports.errors import ReportError

VEGA_LITE = "6.1"
SECONDS = 120  # for one chart
CHILD = """import json, sys, vl_convert
for line in sys.stdin:
    print(json.dumps(vl_convert.vegalite_to_svg(json.loads(line), vl_version=sys.argv[1])), flush=True)
"""


def _ask(child: subprocess.Popen, line: str) -> str:
    """What the process answers to a line. Raises BrokenPipeError where it has died."""
    if not child.stdin or not child.stdout:
        raise BrokenPipeError
    child.stdin.write(line + "\n")
    child.stdin.flush()
    return child.stdout.readline()


class DrawingProcess:
    """A process that draws; it starts with the first chart."""

    def __init__(self) -> None:
        self._child: subprocess.Popen | None = None

    def __enter__(self) -> "DrawingProcess":
        return self

    def __exit__(self, *_: object) -> None:
        if self._child and self._child.stdin and self._child.stdout:
            self._child.stdin.close()
            self._child.stdout.close()
            self._child.kill()
            self._child.wait()

    def svg(self, spec: dict) -> str:
        """One chart. Raises ReportError where it could not be drawn."""
        if self._child is None:
            command = [sys.executable, "-c", CHILD, VEGA_LITE]
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        late = threading.Timer(SECONDS, self._child.kill)
        late.start()
        try:
            answer = _ask(self._child, json.dumps(spec))
        except BrokenPipeError:
            answer = ""
        finally:
            late.cancel()
        if not answer:
            raise ReportError(
                f"a chart could not be drawn (its process ended with code {self._child.wait()}), probably for lack of memory: "
                "give this process more, or write the report as .md or .parquet"
            )
        return json.loads(answer)
