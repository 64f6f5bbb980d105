"""The table of what was measured, printed when the benches end."""

from dataclasses import dataclass, field

HEADINGS = ("measured", "", "bound", "in detail")


@dataclass
class Table:
    """Rows in the order they were measured."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, what: str, value: float, bound: float | None, detail: object, unit: str = "x") -> None:
        """One figure; a `bound` of None is none: the figure is told only."""
        shown = "" if bound is None else f"≤ {bound:g} {unit}"
        self.rows.append((what, f"{value:.2f} {unit}", shown, str(detail)))

    def lines(self) -> list[str]:
        """As wide as what is in it."""
        every = [HEADINGS, *self.rows]
        widths = [max(len(row[column]) for row in every) for column in range(len(HEADINGS))]
        return [
            f"{what:<{widths[0]}}  {value:>{widths[1]}}  {bound:<{widths[2]}}  {detail}".rstrip()
            for what, value, bound, detail in every
        ]
