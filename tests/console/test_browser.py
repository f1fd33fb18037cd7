"""The console in a real browser: a passkey is made and used, every screen is reached by keyboard and looks right.

With SAFECONDUCT_SCREENSHOTS=1 the pictures of docs/console/ are taken anew.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from audit.packet import check
from keys import accounts
from tests.console.test_console import Place, at_the_officers, place, said, until
from tests.support.orchid import RAPPORTEUR, leaks

__all__ = ["place"]
ROOT = Path(__file__).resolve().parents[2]
BROWSERS = [p for p in ("chromium", "chromium-browser", "google-chrome") if shutil.which(p)]
SCREENS = {"Overview": "/", "Decisions": "/decisions", "Sharing matrix": "/matrix", "Trust": "/trust", "Log": "/log"}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        not BROWSERS or find_spec("playwright") is None,
        reason="a browser (Debian: chromium) or playwright is not installed",
    ),
]


@asynccontextmanager
async def page_of() -> AsyncIterator[tuple[Any, list[str]]]:
    """A page with a virtual authenticator, and everything that its console complains about."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which(BROWSERS[0]), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            context = await browser.new_context(
                viewport={"width": 1280, "height": 860},
                color_scheme="light",
                timezone_id="Europe/Amsterdam",
                locale="en-GB",
            )
            page = await context.new_page()
            complaints: list[str] = []
            page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
            page.on("pageerror", lambda e: complaints.append(str(e)))
            page.on("request", lambda r: complaints.append(r.url) if "://localhost:" not in r.url else None)
            session = await context.new_cdp_session(page)
            await session.send("WebAuthn.enable")
            options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
                       "hasUserVerification": True, "isUserVerified": True}  # fmt: skip
            await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
            yield page, complaints
        finally:
            await browser.close()


async def admitted(place: Place, page: Any, folder: Path, title: str) -> None:
    """A passkey made in this browser becomes an officer's account by two officers' signatures, and logs in."""
    console, force = place.console, place.force
    await page.goto(f"{console.url}/enrol")
    await page.fill("input[name=code]", console.access.invite("host"))
    await page.fill("input[name=title]", title)
    await page.click("button.main")
    await page.wait_for_selector("#made:not([hidden])")
    request, digits = await page.text_content("#request"), await page.text_content("#digits")
    (folder / "request.json").write_text(request)
    assert accounts.read_request(request.encode()).title == title
    officers = force.practice.folder / "officers"
    work, one, two = (str(officers / name) for name in ("work", "officer-one", "officer-two"))
    words = ("--role", "officer", "--fingerprint", digits, "--as", one)
    second = ("--second", force.bundle.directory.officers[1].title)
    asking = ("officer", "account", work, str(folder / "request.json"), *words, *second)
    await asyncio.to_thread(said, force, *asking)
    for officer in (one, two):
        await asyncio.to_thread(said, force, "bundle", "sign", work, "--as", officer, "--yes")
    target = ("--as", one, "--to", str(force.practice.broker))
    await asyncio.to_thread(said, force, "bundle", "publish", work, *target)
    await until(lambda: any(a.title == title for a in console.access.usable()))
    await page.goto(f"{console.url}/login")
    await page.click("#log-in")
    await page.wait_for_url(f"{console.url}/")


async def shot(page: Any, name: str) -> None:
    if os.environ.get("SAFECONDUCT_SCREENSHOTS"):
        path = ROOT / "docs" / "console" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        picture = Image.open(BytesIO(await page.screenshot()))
        picture.convert("RGB").quantize(64).save(path, optimize=True)  # flat colours: a quarter of the size


async def accessible(page: Any, what: str) -> None:
    """Whether axe-core finds nothing against WCAG 2.2 AA, in light and in dark."""
    from axe_playwright_python.async_playwright import Axe

    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme)
        # of what is in order one example a rule comes back, of what is not all
        found = await Axe().run(page, options={"runOnly": WCAG, "resultTypes": ["violations"]})
        assert found.response["passes"], "axe-core looked at nothing"
        assert found.violations_count == 0, f"{what}, {scheme}: {found.generate_report()}"


async def test_an_officer_makes_a_passkey_logs_in_and_walks_through_every_screen(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = place.console
    async with page_of() as (page, complaints):
        await admitted(place, page, tmp_path, "Officer on duty")
        for name, path in {**SCREENS, "Tasks": "/tasks", "Proposals": "/proposals"}.items():
            await page.click(f"nav >> text={name}")
            await page.wait_for_url(f"{console.url}{path}")
            assert await page.text_content("h1") == name
            assert await page.get_attribute("nav a[aria-current]", "href") == path
            assert leaks((await page.content()).encode()) == []
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
            unnamed = (
                "[...document.querySelectorAll('input:not([type=hidden]),select')].filter(e => !e.labels.length).length"
            )
            assert await page.evaluate(unnamed) == 0
            await accessible(page, name)
            if name != "Decisions":  # there with a saved search, below
                await shot(page, name.lower().replace(" ", "-"))
        await page.goto(f"{console.url}/decisions")
        await page.select_option("select[name=form]", "decision")
        await page.press("input[name=party]", "Enter")  # by keyboard alone
        await page.wait_for_url("**form=decision**")
        rows = await page.locator("tbody tr").count()
        assert rows == 1
        await page.fill("form.save input[name=name]", "Decisions of the day")
        await page.press("form.save input[name=name]", "Enter")
        await page.click("text=Decisions of the day")
        assert page.url.endswith("/decisions?form=decision")
        await accessible(page, "a saved search")
        await shot(page, "decisions")
        await page.click("tbody a")
        await page.wait_for_selector("section.proof.holds")
        await page.wait_for_load_state()  # then the page's own script has run
        assert "UTC" not in await page.text_content("time"), "a time is shown in the reader's own zone"
        await accessible(page, "a record")
        await shot(page, "record")
        async with page.expect_download() as taken:
            await page.click("text=Export the packet")
        verdict = check(Path(await (await taken.value).path()).read_bytes())
        assert verdict.holds and verdict.steps[-1].name == "log", verdict.steps[-1]
        await page.emulate_media(media="print")
        for hidden in ("nav", ".who", "text=Export the packet", "text=Check again", "footer"):
            assert not await page.is_visible(hidden), f"{hidden} is not for paper"
        assert await page.is_visible("section.proof.holds")
        await page.emulate_media(media="screen")
        await page.goto(f"{console.url}/matrix")
        await page.click("table.matrix a >> nth=0")
        assert " to " in await page.text_content("h1")
        await accessible(page, "a cell of the matrix")
        await page.click("text=Decisions about what")
        await page.wait_for_url("**/decisions?form=decision&sender=*&recipient=*")
        assert await page.input_value("input[name=recipient]")
        await page.click("nav >> text=Proposals")
        suspending = ("contact", "suspend", "work", RAPPORTEUR, "--as", "officer-one")
        (tmp_path / "proposal.json").write_bytes(await asyncio.to_thread(at_the_officers, place, *suspending))
        await page.set_input_files("input[type=file]", tmp_path / "proposal.json")
        await page.press("form[enctype] button", "Enter")
        await page.wait_for_url("**/proposals/*")
        assert "Newly blocked" in await page.text_content("main")
        await accessible(page, "a proposal")
        await shot(page, "proposal")
        await page.emulate_media(color_scheme="dark")
        await shot(page, "proposal-dark")
        async with page.expect_download() as taken:
            await page.click("text=Download proposal.json")
        assert Path(await (await taken.value).path()).read_bytes() == (tmp_path / "proposal.json").read_bytes()
        await page.click("text=Take it off the console")
        await page.wait_for_url(f"{console.url}/proposals")
        await page.goto(f"{console.url}/log")
        await page.click("button.main")
        await page.wait_for_selector("section.proof.holds")
        monkeypatch.setattr("broker.console.live.BEAT_SECONDS", 1.0)
        await page.goto(console.url)
        async with page.expect_response("**/overview/live") as live:
            pass  # by the word of a stream: nothing else asks for it
        assert (await live.value).status == 200, "and the overview renews itself"
        await page.click("summary")
        await accessible(page, "the numbers by the hour")
        monkeypatch.undo()
        await page.goto(console.url)
        await page.emulate_media(color_scheme="dark")
        await shot(page, "overview-dark")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.click("text=Log out")
        await page.wait_for_url("**/login")
        await accessible(page, "the log-in")
        await shot(page, "log-in")
        assert complaints == []


async def test_reading_needs_no_script(place: Place) -> None:
    async with await place.browser() as browser:
        cookies = [{"name": c.key, "value": c.value, "url": place.console.url} for c in browser.cookie_jar]
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(
            executable_path=shutil.which(BROWSERS[0]), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            context = await made.new_context(java_script_enabled=False, user_agent="Mozilla/5.0 (test)")
            await context.add_cookies(cookies)
            page = await context.new_page()
            for path in (*SCREENS.values(), "/tasks"):
                answer = await page.goto(f"{place.console.url}{path}")
                assert answer.status == 200 and await page.locator("h1").count() == 1, path
        finally:
            await made.close()
