"""How much of each room the tests run: lines and branches, from coverage's own record.

    python -m pytest --cov=neuromm --cov-branch --cov-report=json   # writes coverage.json
    python benchmarks/coverage_by_room.py coverage.json

Lines that only other processes run (workers of sweeps, compiled builds) are not seen.
"""

import json
import sys
from collections import defaultdict


def room_of(path):
    """`neuromm/observers/bayes/x.py` → observers/bayes; a file of the top folder is a room of its own."""
    parts = path.partition("neuromm/")[2].split("/")
    return "/".join(parts[:-1][:2]) or parts[-1].removesuffix(".py")


def by_room(record):
    """room → (covered, all) of lines and branches together, as coverage counts them."""
    rooms = defaultdict(lambda: [0, 0])
    for path, about in record["files"].items():
        found = about["summary"]
        rooms[room_of(path)][0] += found["covered_lines"] + found.get("covered_branches", 0)
        rooms[room_of(path)][1] += found["num_statements"] + found.get("num_branches", 0)
    return dict(rooms)


def main(path="coverage.json"):
    """Print a line per room, and the whole."""
    with open(path, encoding="utf-8") as file:
        rooms = by_room(json.load(file))
    for room, (covered, n) in sorted(rooms.items()):
        print(f"{room:24} {100 * covered / max(n, 1):6.1f} %  of {n}")
    covered, n = (sum(r[i] for r in rooms.values()) for i in (0, 1))
    print(f"{'neuromm':24} {100 * covered / max(n, 1):6.1f} %  of {n}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
