"""What an import could not take over as it was; told on standard error, and in the file where it matters."""

from dataclasses import dataclass, field

from renewd.importers import text


@dataclass(frozen=True, slots=True)
class Finding:
    """What a person should know; `name` is the certificate's, or the file's."""

    name: str
    what: str

    def __str__(self) -> str:
        return text.printable(f"{self.name}: {self.what}")


@dataclass(slots=True)
class Notes:
    """Findings as they come up, of one certificate; each once."""

    name: str
    found: list[Finding] = field(default_factory=list)

    def add(self, what: str) -> str:
        """Note it; the same sentence, for the file."""
        finding = Finding(self.name, what)
        if finding not in self.found:
            self.found.append(finding)
        return what
