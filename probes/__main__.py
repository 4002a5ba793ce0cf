"""Entry point for `python -m probes` and the `probes` program."""

from trm.terminal import run_program


def main() -> None:
    run_program("probes.cli.main")


if __name__ == "__main__":
    main()
