"""``python -m fluctua`` is the command line."""

import sys


def main() -> int:
    """Run one command; Ctrl-C is one line also while the command line itself is still being imported."""
    try:
        from fluctua.cli import main as run_command

        return run_command()
    except KeyboardInterrupt:
        print("interrupted: nothing was begun", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
