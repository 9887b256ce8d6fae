"""`python -m tubelet.dashboard run server.py ...`: Streamlit's command, for which Ctrl-C is how a server is ended, no error."""

import sys

import click
from streamlit.web.cli import main

if __name__ == "__main__":
    try:
        main(prog_name="dashboard", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(0)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(mistake.exit_code)
