"""Entry point for `python -m trm` and the `trm` program."""

from trm.terminal import run_program


def main() -> None:
    run_program("trm.cli.main")


if __name__ == "__main__":
    main()
