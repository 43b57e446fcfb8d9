"""Comments as their readers see them: GitHub's Markdown and Mermaid, in a real browser.

Each golden comment is shown as on GitHub with its folds open. A picture of each is left among the
test artifacts, to be looked at; what a program can see is asserted here.
"""

import itertools
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import browser
import goldens
import npm_packages
import pytest
import rendered

PICTURES = Path(__file__).parents[2] / ".trainshed" / "test-artifacts"
GOLDENS = sorted(
    str(path.relative_to(goldens.FOLDER).with_suffix(""))
    for folder in ("report", "reply")
    for path in (goldens.FOLDER / folder).glob("*.md")
)

# What no comment of ours is made of; a stranger's text would be.
FOREIGN = {"b", "blockquote", "del", "h1", "h2", "hr", "i", "img", "input", "ol", "s", "section"}

# Readers see a comment on white or, in GitHub's dark mode, on this.
BACKGROUNDS = ((255, 255, 255), (13, 17, 23))
VISIBLE = 3
"""Contrast that WCAG 2.2 wants of lines and bars (1.4.11)."""

CURVES = """\
Blue: candidate, orange: live.

```mermaid
---
config:
  themeVariables:
    xyChart:
      plotColorPalette: "#0969da, #bc4c00"
---
xychart-beta
    x-axis "false positive rate" 0 --> 1
    y-axis "true positive rate" 0 --> 1
    line [0, 0.55, 0.77, 0.89, 0.96, 1]
    line [0, 0.48, 0.72, 0.86, 0.95, 1]
```
"""
PALE = """\
```mermaid
xychart-beta
    line [0, 1]
```
"""
UNESCAPED = """\
@octocat, acme/models#1, GH-2 :tada: ~~gone~~ www.evil.example mail@evil.example
![image](http://evil.example/x.png) <script>alert(1)</script> <iframe src="http://evil.example"></iframe>

<details><summary>A @stranger's</summary>

```mermaid
xychart-beta
    line [nan]
```

Never closed; \U0001fffd is in no font.
"""
SAMPLES = {"sample/curves": CURVES, "sample/pale": PALE, "sample/unescaped": UNESCAPED}

Look = Callable[[str], browser.View]


@dataclass(frozen=True, kw_only=True)
class Comment:
    text: str
    view: browser.View
    picture: Path


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """What shows a golden or a sample, by its name, and leaves a picture of it."""
    folder = tmp_path_factory.mktemp("pages")
    files = {name: goldens.FOLDER / f"{name}.md" for name in GOLDENS}
    for number, (name, text) in enumerate(SAMPLES.items()):
        files[name] = folder / f"{number}.md"
        files[name].write_text(text, encoding="utf-8")
    command = [npm_packages.node(), npm_packages.FOLDER / "render.mjs"]
    subprocess.run([*command, npm_packages.node_modules(), folder, *files.values()], check=True)
    pages = {name: folder / f"{number}.html" for number, name in enumerate(files)}
    with browser.opened(folder) as chromium:
        yield lambda name: chromium.look(pages[name], PICTURES / f"{name}.png")


@pytest.fixture(scope="module", params=GOLDENS)
def comment(request: pytest.FixtureRequest, look: Look) -> Comment:
    return Comment(
        text=(goldens.FOLDER / f"{request.param}.md").read_text(encoding="utf-8"),
        view=look(request.param),
        picture=PICTURES / f"{request.param}.png",
    )


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Return WCAG's contrast ratio of two colours, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: tuple[int, ...]) -> float:
    parts = [part / 255 for part in colour]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return sum(weight * x for weight, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def pale(view: browser.View) -> list[str]:
    """Return the colours of lines and bars that a reader could not see."""
    colours = {colour for chart in view.seen["charts"] for colour in chart["colours"]}
    return sorted(
        colour
        for colour in colours
        for background in BACKGROUNDS
        if contrast(tuple(map(int, re.findall(r"\d+", colour))), background) < VISIBLE
    )


def html(text: str) -> str:
    """Return the HTML of a Markdown text, as another parser finds it."""
    kinds = ("html_block", "html_inline")
    return "".join(token.content for token in rendered.tokens(text) if token.type in kinds)


def test_every_chart_is_drawn_in_colours_that_can_be_seen(comment: Comment) -> None:
    charts = comment.view.seen["charts"]

    assert len(charts) == len(re.findall("^```mermaid$", comment.text, re.MULTILINE))
    assert [chart["problem"] for chart in charts if chart["problem"]] == []
    assert all(chart["colours"] for chart in charts)
    assert pale(comment.view) == []


def test_every_fold_opens_and_ends(comment: Comment) -> None:
    tags = re.findall("</?details>", html(comment.text))

    depths = list(itertools.accumulate(1 if tag == "<details>" else -1 for tag in tags))
    assert min(depths, default=0) >= 0
    assert depths[-1:] in ([], [0])
    assert comment.view.seen["folds"] == tags.count("<details>")


def test_nothing_is_wider_than_a_comment(comment: Comment) -> None:
    assert comment.view.seen["overflow"] == 0
    assert comment.view.seen["wideTables"] == 0


def test_every_sign_is_drawn(comment: Comment) -> None:
    if undrawn := comment.view.seen["undrawn"]:
        pytest.skip(f"no font here has {' '.join(undrawn)}: tests/README.md names those to install")


def test_what_a_stranger_wrote_is_text_and_nothing_else(comment: Comment) -> None:
    view = comment.view

    assert view.seen["references"] == []
    assert [link for link in view.seen["links"] if f"]({link})" not in comment.text] == []
    assert FOREIGN.isdisjoint(view.seen["elements"])
    assert [address for address in view.requests if not address.startswith("file:")] == []


def test_its_picture_has_the_width_of_a_comment(comment: Comment) -> None:
    header = comment.picture.read_bytes()[:24]

    assert header[1:4] == b"PNG"
    assert int.from_bytes(header[16:20], "big") == browser.WIDTH


def test_hostile_strings_are_seen_as_they_were_written(look: Look) -> None:
    text = look("report/hostile_strings").seen["text"].replace("\u200b", "")

    for written in ("<img src=x onerror=alert(1)>", "</details><!--", "*bold* _italic_ ~~gone~~"):
        assert written in text
    for written in ("[link](https://evil.example)", "@octocat #1 GH-1", ":tada: &lt;b&gt;"):
        assert written in text


def test_two_curves_are_drawn_in_the_colours_that_they_ask_for(look: Look) -> None:
    view = look("sample/curves")

    (chart,) = view.seen["charts"]
    assert chart == {"problem": None, "colours": ["rgb(9, 105, 218)", "rgb(188, 76, 0)"]}
    assert pale(view) == []
    assert "false positive rate" in view.seen["text"]


def test_mermaids_own_first_colour_is_too_pale(look: Look) -> None:
    assert pale(look("sample/pale")) == ["rgb(236, 236, 255)"]


def test_what_is_not_escaped_is_noticed(look: Look) -> None:
    view = look("sample/unescaped")

    seen = view.seen
    assert seen["references"] == ["@octocat", "acme/models#1", "GH-2", ":tada:", "@stranger"]
    assert seen["links"] == ["http://www.evil.example", "mailto:mail@evil.example"]
    assert {"del", "img"} <= FOREIGN & set(seen["elements"])
    assert {"script", "iframe"}.isdisjoint(seen["elements"])
    assert "http://evil.example/x.png" in view.requests
    assert "Parse error" in seen["charts"][0]["problem"]
    assert seen["undrawn"] == ["\U0001fffd"]
    assert html(UNESCAPED).count("<details>") != html(UNESCAPED).count("</details>")
