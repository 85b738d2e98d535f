"""A reader of the page that `pycouple reproduce all` writes."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """What the tests look at: tags, ids, links, rows of tables, texts. Elements must be closed in order."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.rows = [], [], [], [], []
        self.texts = {}  # the texts of the elements of each kind
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        self._see(tag, dict(attributes))

    def handle_startendtag(self, tag, attributes):
        self._see(tag, dict(attributes))

    def _see(self, tag, attributes):
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes[key] for key in ("src", "href", "xlink:href") if key in attributes]
        self.texts.setdefault(tag, []).append("")
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        data = data.replace("\N{NO-BREAK SPACE}", " ").replace(" − ", " - ").replace("≤", "<=")
        self.text += data
        if self.open:
            self.texts[self.open[-1]][-1] += data
        if self.open[-1:] in (["td"], ["th"]):
            self.rows[-1].append(data)
