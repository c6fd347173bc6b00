"""Shows interacts in a kernel, and moves their controls as a client does."""

from __future__ import annotations

from typing import Any

from attrs import define

from tests.kernelside.driving import Cell, Result


@define
class Shown:
    """An interact in the page: its first message, and what the latest run has printed."""

    cell: Cell
    announced: dict[str, Any]
    printed: str
    result: Result

    @property
    def look(self) -> dict[str, Any]:
        """The description of its control `v`."""
        look: dict[str, Any] = self.announced["controls"]["v"]
        return look

    def move(self, **values: Any) -> str:
        """Send a client's values; returns what the function then prints."""
        content = {"interact_id": self.announced["new_interact_id"], "values": values}
        request = self.cell.request("sagenb.interact.update_interact", **content)
        self.result = self.cell.result(request)
        self.printed = self.result.text().strip()
        return self.printed


def show(cell: Cell, code: str, **options: Any) -> Shown:
    """Run a cell that shows one interact; `options` are those of `Cell.run`."""
    result = cell.run(code, **options)
    assert result.reply["status"] == "ok", result.reply
    shown = [content["data"] for content in result.of("display_data")]
    kind = "application/sage-interact"
    (announced,) = (data[kind] for data in shown if kind in data)
    return Shown(cell, announced, result.text().strip(), result)
