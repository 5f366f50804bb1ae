"""``run.py parameters``: every uncertain number of the model, with its unit, prior, source and grade."""

from __future__ import annotations

import argparse
import itertools
import json
from typing import TYPE_CHECKING, Any

from scenarios.options import add_options

if TYPE_CHECKING:
    from simulation.parameters import Parameter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--links", action="store_true", help="only the links from coordinator to outcome")
    add_options(parser, "json")


def main(args: argparse.Namespace) -> int:
    """Print the parameters."""
    from simulation.parameters import load_parameters

    parameters = [parameter for parameter in load_parameters() if parameter.link or not args.links]
    if args.json:
        print(json.dumps([_record(parameter) for parameter in parameters], ensure_ascii=False, indent=1))
        return 0
    for group, members in itertools.groupby(sorted(parameters, key=lambda p: p.group), key=lambda p: p.group):
        print(f"\n== {group}")
        for parameter in members:
            print("\n".join(_lines(parameter)))
    print(f"\n{len(parameters)} parameters, {sum(p.link for p in parameters)} of them links")
    return 0


def _record(parameter: Parameter) -> dict[str, Any]:
    family, low, high = parameter.prior or ("fixed", None, None)
    return {
        "name": parameter.name,
        "value": parameter.default,
        "low": low,
        "high": high,
        "unit": parameter.unit,
        "prior": family,
        "link": parameter.link,
        "none": parameter.none,
        "group": parameter.group,
        "source": list(parameter.source),
        "grade": parameter.grade,
        "meaning": parameter.meaning,
        "reason": parameter.reason,
    }


def _lines(parameter: Parameter) -> list[str]:
    family, low, high = parameter.prior or ("fixed", None, None)
    prior = family if low is None else f"{family.replace('_', '-')} {low:g} to {high:g}"
    link = "" if parameter.none is None else f"; link, none at {parameter.none:g}"
    return [
        f"{parameter.name:<36} {parameter.default:g} {parameter.unit}; prior {prior}{link}",
        f"    {parameter.meaning}",
        f"    grade {parameter.grade}: {', '.join(parameter.source)}. {parameter.reason}".rstrip(),
    ]
