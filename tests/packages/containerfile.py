"""The file of which the image of a container is built, read."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """What is built from one FROM on: its instructions in their order."""

    base: str
    name: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        """Return what follows each instruction of this kind."""
        return [rest for word, rest in self.steps if word == instruction]

    def copies(self) -> list[tuple[list[str], str]]:
        """Return what each COPY takes from where the image is built, and where to."""
        words = (shlex.split(rest) for rest in self.all("COPY") if not rest.startswith("--from"))
        return [(copied[:-1], copied[-1]) for copied in words]


def read(file: Path) -> list[Stage]:
    """Return the stages of a Containerfile."""
    text = "\n".join(line for line in file.read_text().splitlines() if line.strip() and not line.startswith("#"))
    stages: list[Stage] = []
    for line in text.replace("\\\n", " ").splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name))
        else:
            stages[-1].steps.append((instruction, " ".join(rest.split())))
    return stages
