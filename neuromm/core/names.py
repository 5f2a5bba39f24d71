"""A name as one file name: never a path, on any system, and never that of another name."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

LONGEST = 120  # characters of a file name without its suffix; file systems allow 255 bytes with it
PLAIN = " +=,@()"  # kept besides letters, digits and _.-~; everything else becomes %XX
RESERVED = re.compile(
    r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE
)  # device names of Windows


def file_name(name: str) -> str:
    """A file name for the name of an observer, a layer or a figure.

    Letters, digits and `_ - . + = , @ ( )` stay; all other characters (of paths, of other scripts) are
    percent-encoded, as in addresses, so that `urllib.parse.unquote` gives the name back. A long name is cut, with a
    checksum at its end.

    Examples
    --------
    >>> file_name("av_encoder"), file_name("../../escaped")
    ('av_encoder', '%2E.%2F..%2Fescaped')
    """
    made = quote(str(name), safe=PLAIN, errors="surrogatepass").replace("~", "%7E")
    if not made:
        return "%"
    if made[0] in " ." or RESERVED.fullmatch(made):
        made = f"%{ord(made[0]):02X}{made[1:]}"
    if made[-1] in " .":
        made = f"{made[:-1]}%{ord(made[-1]):02X}"
    return made if len(made) <= LONGEST else f"{made[: LONGEST - 17]}~{checksum(name)}"


def checksum(name: str) -> str:
    """Sixteen hexadecimal digits that tell names apart."""
    return hashlib.sha256(str(name).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def distinct_file_name(name: str, taken: dict[str, str]) -> str:
    """`file_name`, but other than those in `taken` also where file systems ignore case; `taken` is filled.

    Parameters
    ----------
    name : str
    taken : dict of lower-case file name → name
    """
    made = file_name(name)
    if taken.setdefault(made.lower(), name) != name:
        made = f"{made[: LONGEST - 17]}~{checksum(name)}"
        taken[made.lower()] = name
    return made
