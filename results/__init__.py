"""What runs become: tables, figures, the report.

Importing this package is cheap; the work is imported when it is asked for, so that ``run.py --help`` stays quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from results.run_folder import Finished, StudyLike


def save_run(
    folder: Path, study: StudyLike, finished: Finished, *, lang: str = "nb", figures: bool = True
) -> dict[str, object]:
    """Write everything a finished study leaves in its folder; see :func:`results.run_folder.save_run`."""
    from results.run_folder import save_run as save

    return save(folder, study, finished, lang=lang, figures=figures)


__all__ = ["save_run"]
