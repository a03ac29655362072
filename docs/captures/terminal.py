"""A picture of a terminal: from what `tmux capture-pane -e -p` gives to SVG."""

import re
from html import escape

WIDTH, HEIGHT = 8.4, 18
INK, PAPER = "#d8dee9", "#1f2430"
BASIC = ["#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4"]
BRIGHT = ["#6b7385", "#ff7b86", "#b1d196", "#f0d399", "#80c4ff", "#d8a0e8", "#7fd5dd", "#ffffff"]


def indexed(number):
    """Returns a colour of the table of 256."""
    if number < 16:
        return (BASIC + BRIGHT)[number]
    if number > 231:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    return "#" + "".join(f"{levels[number // by % 6]:02x}" for by in (36, 6, 1))


def restyled(style, codes):
    """Returns the style that a sequence of SGR leads to."""
    codes = [int(code or 0) for code in codes.split(";")]
    style = dict(style)
    while codes:
        code = codes.pop(0)
        place = "ink" if code < 40 or 90 <= code < 100 else "paper"
        if code == 0:
            style = {}
        elif code in (1, 3, 4, 7):
            style[{1: "bold", 3: "italic", 4: "underline", 7: "reverse"}[code]] = True
        elif code in (22, 23, 24, 27):
            style.pop({22: "bold", 23: "italic", 24: "underline", 27: "reverse"}[code], None)
        elif code in (38, 48) and codes[:1] == [5]:
            style[place] = indexed(codes[1])
            codes = codes[2:]
        elif code in (38, 48) and codes[:1] == [2]:
            style[place] = "#%02x%02x%02x" % tuple(codes[1:4])
            codes = codes[4:]
        elif code in (39, 49):
            style.pop(place, None)
        elif 30 <= code < 38 or 40 <= code < 48:
            style[place] = BASIC[code % 10]
        elif 90 <= code < 98 or 100 <= code < 108:
            style[place] = BRIGHT[code % 10]
    return style


def pieces(text):
    """Yields the rows of a capture, each a list of texts with their styles."""
    style = {}
    for row in text.rstrip("\n").split("\n"):
        found = []
        for part in re.split(r"(\x1b\[[0-9;:]*m)", row):
            if part.startswith("\x1b["):
                style = restyled(style, part[2:-1].replace(":", ";"))
            elif part:
                found.append((part, style))
        yield found


def drawn(text, style, x, y):
    """Returns one piece as SVG."""
    ink, paper = style.get("ink", INK), style.get("paper")
    if style.get("reverse"):
        ink, paper = style.get("paper", PAPER), style.get("ink", INK)
    svg = ""
    if paper:
        size = f'width="{len(text) * WIDTH:.1f}" height="{HEIGHT}"'
        svg += f'<rect x="{x:.1f}" y="{y}" {size} fill="{paper}"/>'
    if text.strip():
        looks = ' font-weight="bold"' if style.get("bold") else ""
        looks += ' font-style="italic"' if style.get("italic") else ""
        looks += ' text-decoration="underline"' if style.get("underline") else ""
        lead = len(text) - len(text.lstrip(" "))
        body = text.strip(" ")
        place = f'x="{x + lead * WIDTH:.1f}" y="{y + 13}" textLength="{len(body) * WIDTH:.1f}"'
        # Blanks would be drawn as one.
        body = escape(body, quote=False).replace(" ", "\u00a0")
        svg += f'<text {place} fill="{ink}"{looks}>{body}</text>'
    return svg


def picture(text, title, columns):
    """Returns the SVG of a capture, in a frame that names what it shows."""
    rows = list(pieces(text))
    width, height = columns * WIDTH + 24, len(rows) * HEIGHT + 46
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}" role="img" aria-label="{escape(title)}">',
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>',
        '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13.5" '
        'lengthAdjust="spacingAndGlyphs" xml:space="preserve">',
        f'<text x="12" y="20" fill="#8a93a6" font-size="12">{escape(title)}</text>',
    ]
    for number, row in enumerate(rows):
        x = 12.0
        for body, style in row:
            svg.append(drawn(body, style, x, 32 + number * HEIGHT))
            x += len(body) * WIDTH
    return "\n".join(part for part in svg if part) + "\n</g>\n</svg>\n"
