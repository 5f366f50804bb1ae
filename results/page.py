"""The report of a run: figures drawn, the document made, and written as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from results import (
    budget_figures,
    calibration_figures,
    calibration_section,
    figures,
    files,
    incomes,
    sensitivity_section,
    style,
)
from results.blocks import Block, Document
from results.document import document
from results.language import say
from results.run_folder import Manifest
from results.second import Second
from results.style import Picture
from results.template import template
from results.titles import titled
from results.told import Told, told_of
from simulation.disk import refuse_link

Job = Callable[[], Picture | None]

PLANES: Final = 2  # contrasts whose plane and acceptability are drawn


# ---- writing --------------------------------------------------------------------------------------------------------


def write_figures_and_report(
    folder: Path,
    tables: Any,
    manifest: Manifest,
    lives: Mapping[str, Any] | None,
    lang: str,
    second: Second | None = None,
) -> Path:
    """Draw every figure into ``figures/`` and write the report in every format that can be made; the path of the HTML.

    ``second`` is a process that draws its share of them at the same time, from the tables in the folder.
    """
    from results.formats import write_formats

    _make_folder_of_figures(folder)
    if second is not None:
        second.ask(manifest)
    told, titles, lives = titled(told_of(tables, folder), manifest, lives, lang)
    analysis = sensitivity_section.find(folder, manifest)
    pictures = _draw_all(folder, jobs(told, titles, lives, lang), second)
    if analysis is not None:
        names = {str(contrast["id"]): str(contrast["name"]) for contrast in titles["contrasts"]}
        shown = sensitivity_section.picture(analysis, names, lang)
        pictures += [] if shown is None else [save_picture(folder, shown)]
    _remove_old(folder / "figures", {picture.name for picture in pictures})
    made = document(told, titles, pictures, lang, analysis)
    path = folder / "report.html"
    files.write_text(path, html(made))
    write_formats(folder, made, told)
    return path


def _make_folder_of_figures(folder: Path) -> None:
    """``figures``, which a folder from a stranger may hold as a link: what is written and taken away stays within the folder."""
    refuse_link(folder / "figures")
    files.make_folder(folder / "figures")


def _draw_all(folder: Path, todo: Sequence[Job], second: Second | None) -> list[Picture]:
    """Every figure, those of the second process too; what that could not do is done here."""
    found: dict[int, Picture] = {}
    theirs = dict(shared(todo)) if second is not None else {}
    for place, job in enumerate(todo):
        if place not in theirs:
            _keep(found, place, job, folder)
    for drawn in (second.drawn() if second is not None else None) or []:
        images = {k: (folder / "figures" / f"{drawn['name']}.{k}").read_bytes() for k in ("svg", "png")}
        found[drawn["place"]] = Picture(drawn["name"], drawn["title"], drawn["alt"], images)
        theirs.pop(drawn["place"], None)
    for place, job in theirs.items():
        _keep(found, place, job, folder)
    return [found[place] for place in sorted(found)]


def _keep(found: dict[int, Picture], place: int, job: Job, folder: Path) -> None:
    picture = job()
    if picture is not None:
        found[place] = save_picture(folder, picture)


def save_picture(folder: Path, picture: Picture) -> Picture:
    """Write a figure's images into the run's folder; the figure."""
    _make_folder_of_figures(folder)
    style.save(folder / "figures", picture.name, picture.images)
    return picture


def shared(todo: Sequence[Job]) -> list[tuple[int, Job]]:
    """The figures that a second process draws, with their places: every other, since the long ones are much alike."""
    return list(enumerate(todo))[1::2]


def draw(tables: Any, manifest: Manifest, lives: Mapping[str, Any] | None, lang: str) -> list[Picture]:
    """The figures that the tables have something for."""
    told, titles, lives = titled(told_of(tables), manifest, lives, lang)
    return [picture for job in jobs(told, titles, lives, lang) if (picture := job()) is not None]


def jobs(tables: Told, manifest: Manifest, lives: Mapping[str, Any] | None, lang: str) -> list[Job]:
    """A function for each figure that the tables may have something for, in the order of the report.

    Parameters
    ----------
    tables, manifest, lives : with titles instead of names, from :func:`results.titles.titled`
    """
    arms = [str(arm) for arm in manifest["arms"]]
    if not len(tables.outcomes):
        return []
    todo: list[Job] = [partial(figures.headline, tables.outcomes, arms, lang)]
    todo += [partial(figures.differences, tables.differences, c, i, lang) for i, c in enumerate(manifest["contrasts"])]
    todo.append(partial(figures.sources, tables.outcomes, arms, lang))
    todo.append(partial(figures.services, tables.outcomes, arms, lang))
    todo.append(partial(figures.reach, tables.reach, arms, int(manifest["horizon"]), lang))
    if len(tables.incomes):
        prices = str(manifest.get("prices", "2025"))
        todo.append(partial(incomes.draw, tables.incomes, tables.incomes_by_household, prices, lang))
    if lives:
        todo.append(partial(figures.two_lives, **lives, lang=lang))
    note = calibration_section.fit_of(manifest)
    if note is not None:
        todo.append(partial(calibration_figures.parameters_figure, note.parameters(), lang))
        todo.append(partial(calibration_figures.targets_figure, note.asked(), lang))
    for i, contrast in enumerate(manifest["contrasts"][:PLANES]):
        if len(tables.plane):
            todo.append(partial(budget_figures.plane, tables.plane, contrast, i, lang))
        if len(tables.acceptability):
            todo.append(partial(budget_figures.acceptability, tables.acceptability, contrast, i, lang))
    return todo


def _remove_old(folder: Path, names: set[str]) -> None:
    """Take away figures that an earlier run in this folder had and this one has not."""
    ours = ("differences-*", "two-lives.*", "incomes.*", "calibration-*", "plane-*", "acceptability-*", "sensitivity-*")
    for path in [path for pattern in ours for path in folder.glob(pattern)]:
        if path.suffix in {".svg", ".png"} and path.stem not in names:
            path.unlink(missing_ok=True)


# ---- HTML -----------------------------------------------------------------------------------------------------------


def render(tables: Any, manifest: Manifest, pictures: Iterable[Picture], lang: str) -> str:
    """The report of a run as HTML. Every name from a file is escaped."""
    told, titles, _ = titled(told_of(tables), manifest, None, lang)
    return html(document(told, titles, pictures, lang))


def html(made: Document, *, image: str = "svg") -> str:
    """A document as HTML; ``image`` is the kind of its figures, ``svg`` or ``png``."""
    return template("report.html.j2").render(
        document=made, lang=made.lang, say=partial(_say, made.lang), source=partial(_data_uri, image)
    )


def block_html(blocks: Iterable[Block], lang: str) -> str:
    """Blocks as HTML to stand in another page, as in the report."""
    return "".join(_macros(lang).show(block) for block in blocks)


@functools.cache
def _macros(lang: str) -> Any:
    return template("blocks.html.j2").make_module({"say": partial(_say, lang), "source": partial(_data_uri, "svg")})


def _say(lang: str, key: str, **values: Any) -> str:
    return say(key, lang, **values)


def _data_uri(kind: str, picture: Picture) -> Markup:
    """An image inside the page; as an image and not as markup, so that the names inside SVGs cannot clash."""
    found = kind if kind in picture.images else next(iter(picture.images))
    media = {"svg": "image/svg+xml", "png": "image/png"}[found]
    return Markup(f"data:{media};base64,") + base64.b64encode(picture.images[found]).decode("ascii")
