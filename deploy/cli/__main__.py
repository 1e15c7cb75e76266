"""`python -m deploy.cli`: the command, where only a module can be named."""

from deploy.cli.app import app

app()
