"""test_site.py HTML CHROMIUM PICTURES - the site in a browser: every page loads without an error, wide and narrow;
every link leads somewhere; the API has every name of the header once, and types lead to their places; the search finds;
there are a light and a dark scheme. Leaves pictures of some pages. The last line counts the tests."""
import functools
import http.server
import re
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import sync_playwright

WIDE = {"width": 1440, "height": 1600}
MIDDLE = {"width": 1100, "height": 1600}
NARROW = {"width": 390, "height": 1600}
SHOWN = ["index.html", "api/the-problem.html", "api/one-shot-calls.html", "docs/benchmarks.html", "docs/methods.html",
         "docs/perturbations.html", "examples/layer.c.html"]
LOOK = """() => ({
    links: [...document.querySelectorAll('a[href]')].map(a => a.href),
    ids: [...document.querySelectorAll('[id]')].map(e => e.id),
    title: document.title,
    lost: [...document.images].filter(i => !(i.complete && i.naturalWidth)).map(i => i.src),
    entries: [...document.querySelectorAll('dl.c > dt.sig')].map(dt => ({
        name: dt.querySelector('.descname')?.textContent ?? '',
        unlinked: [...dt.querySelectorAll('.n')].filter(n => n.textContent.startsWith('ag_')
            && !n.closest('a') && !n.closest('.descname')).map(n => n.textContent) })),
})"""
LEFT_OUT = ("search.html", "genindex.html")  # of what the front page leads to


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Tests:
    def __init__(self):
        self.passed = self.failed = 0

    def hold(self, name, problems):
        if problems:
            self.failed += 1
            print(f"FAILED: {name}", *problems[:20], sep="\n    ")
        else:
            self.passed += 1


def names_of(header):
    """What the header declares: functions, types, macros and enumerators."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    names = re.findall(r"^(?:AG_API|static inline) [^(]*?\b(ag_\w+)\(", text, re.M)
    names += re.findall(r"^\} (ag_\w+);", text, re.M) + re.findall(r"^typedef struct \w+ (\w+);", text, re.M)
    names += re.findall(r"^typedef enum (ag_\w+) \{.*\}", text, re.M) + re.findall(r"\(\*(ag_\w+)\)", text)
    names += [name for name in re.findall(r"^#define (AG_\w+) ", text, re.M) if name != "AG_API"]
    for inside in re.findall(r"\benum\b[^{;]*\{([^}]*)\}", text):
        names += re.findall(r"(?:^|,)\s*(AG_\w+)", inside)
    return names


def fields_of(header):
    """Anchors of the fields of structs: c.ag_row.sigma."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    for name, body in re.findall(r"^typedef struct (ag_\w+) \{(.*?)^\}", text, re.S | re.M):
        for declaration in body.split(";"):
            for field in re.findall(r"(\w+)(?:\[[^]]*\])?\s*(?:,|$)", declaration):
                yield f"c.{name}.{field}"


def visit(page, base, path):
    """Loads a page wide, then makes it narrow; what it holds, and what is wrong with it."""
    problems = []

    def hear(event, tell):
        def listener(said):
            if tell(said):
                problems.append(tell(said))
        page.on(event, listener)
        return event, listener

    listeners = [
        hear("pageerror", lambda error: f"a script fails: {error}"),
        hear("console", lambda said: said.type in ("error", "warning") and f"the console says: {said.text}"),
        hear("requestfailed", lambda asked: f"not loaded: {asked.url}"),
        hear("request", lambda asked: not asked.url.startswith((base, "data:")) and f"from outside: {asked.url}"),
        hear("response", lambda answer: answer.status >= 400 and f"{answer.status}: {answer.url}"),
    ]
    page.set_viewport_size(WIDE)
    page.goto(base + path, wait_until="load")
    page.evaluate("document.querySelectorAll('img').forEach(i => { i.loading = 'eager' })")
    seen = page.evaluate(LOOK)
    problems += [f"a picture is missing: {url}" for url in seen["lost"]]
    if not seen["title"]:
        problems.append("no title")
    for size in (WIDE, MIDDLE, NARROW):
        page.set_viewport_size(size)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            problems.append(f"{width} wide on a screen of {size['width']}")
    for event, listener in listeners:
        page.remove_listener(event, listener)
    return seen, problems


def dead_links(base, pages, html):
    dead = []
    for path, seen in pages.items():
        for link in sorted(set(seen["links"])):
            if not link.startswith(base):
                if urlsplit(link).scheme not in ("https", "mailto"):
                    dead.append(f"{path}: {link}")
                continue
            to = unquote(urlsplit(link).path.lstrip("/")) or "index.html"
            anchor = unquote(urlsplit(link).fragment)
            if not (html / to).is_file():
                dead.append(f"{path}: there is no {to}")
            elif anchor and to in pages and anchor not in pages[to]["ids"]:
                dead.append(f"{path}: {to} has no {anchor}")
    return dead


def unreached(base, pages):
    reached, waiting = set(), ["index.html"]
    while waiting:
        path = waiting.pop()
        if path in reached or path not in pages:
            continue
        reached.add(path)
        waiting += [unquote(urlsplit(link).path.lstrip("/")) for link in pages[path]["links"] if link.startswith(base)]
    return sorted(set(pages) - reached - set(LEFT_OUT))


def api(pages):
    """Every name of the header once, and every type in a signature a link."""
    entries = [entry for seen in pages.values() for entry in seen["entries"]]
    told = [entry["name"] for entry in entries]
    header = Path("include/attnguide.h").read_text()
    names = names_of(header)
    wrong = [f"{name} is there {told.count(name)} times" for name in names if told.count(name) != 1]
    ids = {one for seen in pages.values() for one in seen["ids"]}
    wrong += [f"there is no {field}" for field in fields_of(header) if field not in ids]
    if len(names) < 200:
        wrong.append(f"the header has but {len(names)} names: {names}")
    return wrong, [f"{entry['name']}: {name}" for entry in entries for name in entry["unlinked"]]


def search(page, base):
    wrong = []
    for words, found in (("ag_plan_run", "api/plans.html"), ("entmax", "docs/methods.html"), ("cuDNN", "docs/cuda")):
        page.goto(f"{base}search.html?q={words}")
        page.wait_for_selector("#search-results ul.search li a", timeout=20000)
        page.wait_for_function("document.querySelector('.search-summary')?.textContent.match(/[0-9]/)", timeout=20000)
        links = page.eval_on_selector_all("#search-results a", "all => all.map(a => a.href)")
        if not any(found in link for link in links):
            wrong.append(f"{words} does not find {found}")
    return wrong


def schemes(browser, base):
    """The system's scheme is taken, and the button changes it."""
    wrong = []
    lightness = "Math.max(...getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3))"
    for scheme, right in (("light", lambda light: light > 200), ("dark", lambda light: light < 60)):
        page = browser.new_page(color_scheme=scheme, viewport=WIDE)
        page.goto(base)
        if not right(page.evaluate(lightness)):
            wrong.append(f"{scheme}: the lightness is {page.evaluate(lightness)}")
        shown = set()
        for _ in range(3):
            page.locator(".theme-toggle:visible").first.click()
            shown.add(page.evaluate(lightness) > 128)
        if len(shown) != 2:
            wrong.append(f"{scheme}: the button changes nothing")
        page.close()
    return wrong


def menu(browser, base):
    page = browser.new_page(viewport=NARROW)
    page.goto(base)
    left = "document.querySelector('.sidebar-drawer').getBoundingClientRect().right"
    shut = page.evaluate(left)
    page.locator("label[for=__navigation]:visible").first.click()
    page.wait_for_timeout(600)
    wrong = [] if shut <= 0 < page.evaluate(left) else ["the menu of narrow screens does not open"]
    page.close()
    return wrong


def take_pictures(browser, base, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        for name, size in (("wide", WIDE), ("narrow", NARROW)):
            page = browser.new_page(color_scheme=scheme, viewport=size)
            for path in SHOWN:
                page.goto(base + path)
                file = path.removesuffix(".html").replace("/", "_")
                page.screenshot(path=folder / f"{file}_{name}_{scheme}.png", full_page=path == "index.html")
            page.close()


def main(html, chromium, pictures):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=html))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}/"
    tests, pages = Tests(), {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        for path in sorted(str(file.relative_to(html)) for file in html.rglob("*.html")):
            if not path.startswith("_static"):
                pages[path], problems = visit(page, base, path)
                tests.hold(path, problems)
        tests.hold("every link leads somewhere", dead_links(base, pages, html))
        tests.hold("the front page leads to every page", unreached(base, pages))
        once, unlinked = api(pages)
        tests.hold("every name of the header is there once", once)
        tests.hold("types in signatures lead to their places", unlinked)
        tests.hold("the search finds", search(page, base))
        tests.hold("light and dark", schemes(browser, base))
        tests.hold("the menu of narrow screens", menu(browser, base))
        take_pictures(browser, base, pictures)
        browser.close()
    server.shutdown()
    print(f"{tests.passed} passed, {tests.failed} failed, 0 skipped")
    return tests.failed != 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
