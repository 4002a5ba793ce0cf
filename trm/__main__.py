"""Entry point of `python -m trm` and of the program `trm`."""

from trm.terminal import run_program


def main() -> None:
    run_program("trm.cli.main")


if __name__ == "__main__":
    main()
