"""Entry point for `python -m recursion_lens` and the `recursion-lens` program."""

from trm.terminal import run_program


def main() -> None:
    run_program("recursion_lens.launch")


if __name__ == "__main__":
    main()
