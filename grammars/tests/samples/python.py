#!/usr/bin/env python3
"""A small inventory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

SHELF_MAX = 64
names: dict[str, int] = {}


@dataclass
class Part:
    """A part and how many there are."""

    name: str
    count: int = 1
    tags: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        return f"{self.name!r:>{SHELF_MAX}} × {self.count}"

    @label.setter
    def label(self, value: str) -> None:
        self.name = value

    @staticmethod
    def parse(text):
        match text.split():
            case [name, count]:
                return Part(name, int(count))
            case _:
                raise ValueError(text)

    class Meta:
        ordering = ["name"]


# Counts everything there is.
def count(parts, *, start=0, **options):
    def add(total, part):
        return total + part.count

    total = start
    for part in parts:
        total = add(total, part)
    else:
        total += 0
    return total


async def fetch(names: list[str]) -> list[Part]:
    async with asyncio.timeout(1):
        return [Part(name) for name in names if (n := len(name)) > 1]


if __name__ == "__main__":
    print(count([Part("bolt")]), """
    three lines
    """)
