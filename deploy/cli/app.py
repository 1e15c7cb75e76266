"""The command `kith`. A new command is a module here and a line below."""

import typer

from deploy.cli import events, export, instruments, parked
from deploy.cli.adopt import adopt
from deploy.cli.demo import demo
from deploy.cli.doctor import doctor
from deploy.cli.import_ import import_
from deploy.cli.migrate import migrate
from deploy.cli.rebuild import rebuild
from deploy.cli.release import release
from deploy.cli.say_again import say_again
from deploy.cli.token import token
from deploy.cli.topics import topics
from deploy.cli.up import up

app = typer.Typer(
    name="kith",
    help="Run and measure peer support programs.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they could hold a password
)
for command in (demo, up, token, topics, migrate, rebuild, adopt, say_again, release, doctor):
    app.command()(command)
app.command("import")(import_)
app.add_typer(events.app, name="events")
app.add_typer(export.app, name="export")
app.add_typer(parked.app, name="parked")
app.add_typer(instruments.app, name="instruments")
