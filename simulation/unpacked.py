"""How large a Parquet file is when it is unpacked, by its own pages.

What a footer says need not be so: a file of some kilobytes may hold a page that unpacks to gigabytes. A reader makes room for
what the head of a page says, and refuses a page that turns out to be of another size; so the heads are read first. They are
structs of Thrift's compact protocol.
"""

from __future__ import annotations

from typing import Any, Final

MOST_PAGES: Final = 100_000
_UNPACKED, _PACKED = 2, 3  # fields of a page's head
_I32, _BINARY, _STRUCT = 5, 8, 12  # types of fields; those of a fixed size and other numbers are below
_FIXED: Final = {1: 0, 2: 0, 3: 1, 7: 8}
_VARINTS: Final = (4, _I32, 6)
_DEEPEST: Final = 4


def unpacked_bytes(content: bytes, footer: Any, most: int) -> int:
    """The bytes of all pages of a file's columns, unpacked; counted no further than a page beyond ``most``.

    Parameters
    ----------
    content : the file
    footer : its metadata, as ``pyarrow.parquet`` reads them

    Raises
    ------
    ValueError : a page's head cannot be read, or there are more than ``MOST_PAGES``
    """
    total = pages = 0
    for group in range(footer.num_row_groups):
        for place in range(footer.num_columns):
            column = footer.row_group(group).column(place)
            at = min(filter(None, (column.dictionary_page_offset, column.data_page_offset)))
            end = at + column.total_compressed_size
            while at < end:
                head, at = _struct(content, at)
                if not (0 <= head.get(_UNPACKED, -1) < 2**31 and 0 <= head.get(_PACKED, -1) < 2**31):
                    raise ValueError("a page without a size")
                total, pages, at = total + head[_UNPACKED], pages + 1, at + head[_PACKED]
                if total > most:
                    return total
                if pages > MOST_PAGES:
                    raise ValueError("too many pages")
    return total


def _struct(content: bytes, at: int, depth: int = 0) -> tuple[dict[int, int], int]:
    """The whole numbers of 32 bits of a struct by their fields, and where it ends."""
    found: dict[int, int] = {}
    field = 0
    while (first := _byte(content, at)) != 0:
        at, kind = at + 1, first & 15
        if first >> 4:
            field += first >> 4
        else:
            field, at = _number(content, at)
        if not 0 < field < 2**15:
            raise ValueError("no such field")
        if kind in _FIXED:
            at += _FIXED[kind]
        elif kind in _VARINTS:
            number, at = _number(content, at)
            if kind == _I32:
                found[field] = number
        elif kind == _BINARY:
            size, at = _varint(content, at)
            at += size
        elif kind == _STRUCT and depth < _DEEPEST:
            _, at = _struct(content, at, depth + 1)
        else:  # the head of a page holds no lists
            raise ValueError("no head of a page")
    return found, at + 1


def _number(content: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(content, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = _byte(content, at)
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("no number")


def _byte(content: bytes, at: int) -> int:
    if not 0 <= at < len(content):
        raise ValueError("ends too soon")
    return content[at]
