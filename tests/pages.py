"""Pages of the report, for tests: read as text, and in a browser."""

from html.parser import HTMLParser

DOT = b"<svg xmlns='http://www.w3.org/2000/svg' width='900' height='300'><circle r='9'/></svg>"


class Reader(HTMLParser):
    """Text, tags and attributes of a page, styles and scripts aside."""

    def __init__(self, page):
        super().__init__()
        self.text, self.tags, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("style", "script"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data):
        if not self.open:
            self.text.append(data)


def text_of(page):
    return "".join(Reader(page).text)


def shown(page):
    return page.evaluate(
        "[...document.querySelectorAll('.claim')].filter(c => c.checkVisibility()).map(c => "
        "c.id.slice(6))"
    )
