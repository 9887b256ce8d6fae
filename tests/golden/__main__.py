"""`python -m tests.golden DIR`: prints the largest difference per case.

Exit code 0 all compared and near, 1 something too far, 2 wrong use or nothing to compare, 3 something could not be compared.
"""

import sys
from pathlib import Path

from tests.golden.report import NOTHING, compare


def main(arguments: list[str]) -> int:
    """The exit code for the command's arguments."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(
            "usage: python -m tests.golden DIR, a folder of NAME.json, NAME.pt and NAME.npz side by side",
            file=sys.stderr,
        )
        return NOTHING
    code = compare(Path(arguments[0])).exit_code
    if code == NOTHING:
        print(
            f"{arguments[0]} holds nothing to compare: NAME.json, NAME.pt or NAME.pth.tar and NAME.npz side by side",
            file=sys.stderr,
        )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
