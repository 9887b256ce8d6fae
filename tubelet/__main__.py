"""`python -m tubelet`: the command."""

from tubelet.cli import main

if __name__ == "__main__":
    main(prog_name="tubelet")
