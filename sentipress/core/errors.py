"""The one way in which a stage tells a person that something is wrong."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class UserError(Exception):
    """Something that the person who runs a stage can mend.

    Args:
        problem: what is wrong; names the file.
        remedy: the command or the change that mends it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return " ".join(f"error: {self.problem} -> {self.remedy}".split())


def exit_code(main: Callable[[], None]) -> int:
    """Run `main`; 0 when it returns, 2 after one line on stderr for what a person can mend, 130 on Ctrl-C, 1 if nobody reads on."""
    try:
        main()
        sys.stdout.flush()
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever reads the output has seen enough; what Python still holds of it goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        # An error about a file is the person's to mend; one without a file name is ours, unless the disk is full.
        if error.filename is None and error.errno not in _DISK:
            raise
        # The system's own words name the cause and the file.
        print(UserError(f"{error}", "free space, set permissions or name another folder, then run this again"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what was saved before is intact, run the same command to go on", file=sys.stderr)
        return 130
    return 0
