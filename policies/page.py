"""One self-contained page: no script, nothing to load from anywhere, readable in light and dark and on paper."""

from html import escape
from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2530; --dim: #5c6773; --paper: #ffffff; --soft: #f3f5f7; --line: #d5dbe1;
  --full: #b3261e; --release: #d9730d; --consent: #b58900; --redacted: #2f7d4f; --coded: #3a6ea5; --never: #8a939c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7ebef; --dim: #9aa5b1; --paper: #14181d; --soft: #1d232a; --line: #37404a;
    --full: #ef6f67; --release: #f0a04b; --consent: #e0c24a; --redacted: #5fb884; --coded: #74a9de; --never: #6d7782; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; } .lead { font-size: 1.1rem; } .note, .digits, .dim { color: var(--dim); font-size: .9rem; }
code { font-family: ui-monospace, "SF Mono", Consolas, monospace; }
.totals { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0; }
.total { flex: 1 1 9rem; border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem;
  background: var(--soft); }
.total b { display: block; font-size: 1.5rem; line-height: 1.2; } .total span { color: var(--dim); font-size: .85rem; }
.total.bad b { color: var(--full); }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .6rem 0; background: var(--soft); }
summary { cursor: pointer; padding: .55rem .8rem; font-weight: 600; }
summary span { color: var(--dim); font-weight: 400; font-size: .85rem; }
details.exposed { border-color: var(--full); } details.exposed > summary { color: var(--full); }
details > ul, details > div, details > dl { margin: 0; padding: 0 1rem .8rem 1.9rem; }
details > div { padding-left: 1rem; }
li { margin: .3rem 0; } dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0 0 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
.whole { white-space: nowrap; }
figure { margin: 1.5rem 0; } .scroll { overflow-x: auto; } svg { display: block; max-width: 100%; height: auto; }
.chip { display: inline-block; border-radius: .3rem; padding: 0 .4rem; font-size: .82rem; color: var(--paper); }
.full { background: var(--full); } .release { background: var(--release); } .consent { background: var(--consent); }
.redacted { background: var(--redacted); } .coded { background: var(--coded); } .never { background: var(--never); }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } details { break-inside: avoid; background: none; }
  details::details-content { content-visibility: visible; } .total { background: none; } }
"""


def html(title: str, body: str) -> str:
    """The page. `body` is HTML; whoever makes it has escaped what stands in it."""
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{body}\n"
        "</body>\n</html>\n"
    )
