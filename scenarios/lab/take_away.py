"""What a planner takes away: the study as TOML; with own figures a zip that runs as it is once it is unpacked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from results.language import say
from scenarios.lab.levers import FILE, NAME, Levers
from scenarios.lab.uploads import FILE as OWN_FIGURES
from scenarios.study import Study

LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # the first date of a zip: the same study is the same file on any day


@dataclass(frozen=True)
class Download:
    """A file to take away."""

    name: str
    mime: str
    data: bytes


def take_away(levers: Levers, study: Study, lang: str) -> Download:
    """The study that the lab ran, for ``python run.py compare``.

    Parameters
    ----------
    levers : what the study was made from
    study : ``levers.study()``
    lang : of the comment at its head
    """
    text = "\n".join([*_head(levers, lang), study.to_toml()]).encode()
    if levers.own is None:
        return Download(FILE.name, "application/toml", text)
    files = {FILE.name: text, OWN_FIGURES.name: levers.own.text.encode()}
    return Download(f"{NAME}.zip", "application/zip", _zipped(files))


def _head(levers: Levers, lang: str) -> Iterator[str]:
    yield f"# {say('take_away.made', lang)}"
    yield f"# {say('take_away.run', lang, command=f'python run.py compare {FILE.name}')}"
    if levers.own is not None:
        yield f"# {say('take_away.beside', lang, file=OWN_FIGURES.name)}"
    yield ""


def _zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
