"""The report as PDF, by WeasyPrint, in a process of its own: it takes as long as all else that is made of a report.

``python -m results.pdf_file`` reads a page of HTML on standard input and writes the PDF to standard output. Exit codes beside 0:
3 WeasyPrint is not installed, 4 a library of the system that it needs is missing.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from results import files

ROOT: Final = Path(__file__).resolve().parent.parent
NO_PACKAGE, NO_LIBRARY = 3, 4
VARIANT: Final = "pdf/ua-1"  # tagged, for screen readers


class PdfJob:
    """A PDF that is being made."""

    def __init__(self, html: str) -> None:
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "results.pdf_file"],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it ended at once: WeasyPrint is not there
            self.process.stdin.write(html.encode("utf-8", "replace"))
            self.process.stdin.close()

    def write(self, path: Path) -> int:
        """Wait for it and write it where it was made; the process's exit code."""
        assert self.process.stdout is not None
        made = self.process.stdout.read()
        code = self.process.wait()
        if code == 0 and made:
            with files.whole(path) as temporary:
                temporary.write_bytes(made)
        return code

    def stop(self) -> None:
        """Let it go, whatever it is doing."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def pdf(html: str) -> bytes:
    """A tagged PDF of a page. Pictures stand in the page; nothing else is fetched, whatever a name may say."""
    import weasyprint
    from weasyprint.urls import URLFetcher

    page: Any = weasyprint.HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=["data"]))
    return bytes(page.write_pdf(pdf_variant=VARIANT))


def _serve() -> int:
    html = sys.stdin.buffer.read().decode("utf-8")
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # WeasyPrint prints advice of its own where a library is missing
    try:
        made = pdf(html)
    except ImportError:
        return NO_PACKAGE
    except OSError:
        return NO_LIBRARY
    with out:
        out.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(_serve())
