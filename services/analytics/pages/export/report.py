"""What is taken away of a program: the sheets of its page, and what must be known to read them."""

from dataclasses import dataclass
from datetime import datetime

from services.analytics.domain.definitions import TRIALS
from services.analytics.pages.choice import Choice, Query, chosen
from services.analytics.pages.sheets import Sheet, read_all, unsaid
from services.analytics.store import Program
from shared.database import Tx
from shared.security import Who
from shared.web.filters import words

TOO_FEW = "Hidden: fewer than {} people"
NOTHING = "Nothing is asked twice in this program, or one check-in was chosen and not two: there is no change to show."


@dataclass(frozen=True, slots=True)
class Report:
    """A program as somebody chose to see it. Without a choice nothing is asked twice, and there are no sheets."""

    program: Program
    choice: Choice | None
    sheets: list[tuple[str, list[Sheet]]]
    data_to: datetime | None

    @property
    def title(self) -> str:
        """The name of the program."""
        return words(self.program.code)

    @property
    def about(self) -> list[tuple[str, str]]:
        """What the figures are of."""
        moment = f"{self.data_to:%d %B %Y, %H:%M} UTC" if self.data_to else "no data yet"
        asked = self.choice
        if asked is None:
            return [("Data up to", moment)]
        return [
            ("Instrument", f"{asked.instrument.title}, version {asked.instrument.version}"),
            ("From", words(asked.first)),
            ("To", words(asked.later)),
            ("Release", "none: as it is now" if asked.seen.release is None else str(asked.seen.release)),
            ("Data up to", moment),
        ]

    @property
    def notes(self) -> list[str]:
        """What nobody should read the figures without."""
        if not self.sheets or self.choice is None:
            return [NOTHING]
        seen = self.choice.seen
        hidden = f"{unsaid(seen, TOO_FEW.format(seen.rules.people_min))}."
        return [_COMPARED, hidden] if self.program.comparison_program_id else [_CHANGE, TRIALS, hidden]

    @property
    def hides(self) -> str:
        """In place of the numbers of a row."""
        return "hidden" if self.choice and not self.choice.seen.is_live else "hidden: too few people to show safely"


_CHANGE = (
    "This is change without a comparison group: it does not show what would have happened without the program. People "
    "who feel worst when they come tend to feel better later even without help."
)
_COMPARED = "This is change, to be read beside that of the comparison program."


async def read_report(tx: Tx, who: Who, code: str, query: Query) -> Report:
    """Read all sheets of a program; a query chooses as on its page."""
    seen, program, choice = await chosen(tx, who, code, query)
    has_two = choice is not None and choice.first != choice.later
    sheets = await read_all(tx, choice) if choice and has_two else []
    return Report(program, choice, sheets, seen.data_through)
