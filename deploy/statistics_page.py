"""Write the tables of formulas in docs/statistics.md from the definitions that the code carries."""

from pathlib import Path

from services.analytics.domain.definitions import by_section

PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
BEGIN, END = "<!-- formulas: made by make events -->\n", "<!-- end of formulas -->\n"


def written() -> str:
    """The page with the formulas as they are now."""
    text = PAGE.read_text()
    return text[: text.index(BEGIN) + len(BEGIN)] + _tables() + text[text.index(END) :]


def _tables() -> str:
    lines = []
    for section, definitions in by_section():
        lines += [f"\n## {section}\n", "| figure | formula | source | definition | code |", "| --- |" + " --- |" * 4]
        for one in definitions:
            file, line = one.place
            code = f"[`{one.made_by.__qualname__}`](../{file}#L{line})"
            names = ", ".join(f"`{name}`" for name in one.names)
            lines.append(f"| {one.figure} | `{one.formula}` | {one.source} | {names} | {code} |")
    return "\n".join([*lines, "\n"])


if __name__ == "__main__":
    PAGE.write_text(written())
