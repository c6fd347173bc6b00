"""Animations as GIF pictures, made by Pillow: there is neither ImageMagick nor FFmpeg here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from sage.misc.temporary_file import tmp_filename
from sage.plot.animate import Animation
from sage.repl.rich_output.output_catalog import OutputImageGif

#: The only format in which animations are shown.
FORMAT = "gif"

_rich_repr = Animation._rich_repr_


def adapt() -> None:
    """Let Sage's animations be made by Pillow, whatever they are asked for."""
    Animation.gif = _gif
    Animation._rich_repr_ = _gif_rich_repr


def _gif_rich_repr(animation: Animation, display_manager: Any, **options: Any) -> Any:
    """See `Animation._rich_repr_`. A video becomes a GIF."""
    if options.get("format") not in (None, FORMAT):
        # Sage asks twice: for what is shown, and for its text.
        if OutputImageGif in display_manager.supported_output():
            print("Animations are shown as GIF: this server makes no videos.", file=sys.stderr)
        options["format"] = FORMAT
    return _rich_repr(animation, display_manager, **options)


def _gif(
    animation: Animation,
    delay: float = 20,
    savefile: str | None = None,
    iterations: int = 0,
    show_path: bool = False,
    use_ffmpeg: bool = False,
) -> None:
    """See `Animation.gif`: `delay` in hundredths of a second; 0 `iterations` are without an end."""
    target = str(savefile or tmp_filename(ext=".gif"))
    if not target.endswith(".gif"):
        target += ".gif"
    frames = _frames(Path(animation.png()))
    first = next(frames, None)
    if first is None:
        raise ValueError("This animation has no frames.")
    # In the file, it is the number of repetitions; without it there is none.
    repetitions = {} if iterations == 1 else {"loop": max(int(iterations) - 1, 0)}
    first.save(
        target,
        save_all=True,
        append_images=frames,
        duration=round(float(delay) * 10),
        **repetitions,
    )
    if show_path:
        print(f"Animation saved to file {target}.")


def _frames(directory: Path) -> Iterator[Image.Image]:
    for path in sorted(directory.glob("*.png")):
        with Image.open(path) as picture:
            yield picture.convert("RGB")
