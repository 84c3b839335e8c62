#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test-map.py MEMLANE - pictures and pages of a recording: parsed, run, and seen in a browser"""
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

RECORDING = """memlane-map 2
arena 7.1, process 7 (<b>&"prog)
frame 0.000
0 112 warm 0 4 146 146
0 112 warm 4 4 146 70 pinned
0 64 cold 8 4 256 1
1 112 cold 100000 4 146 146
frame 0.200
0 112 warm 0 4 146 146
1 112 cold 100000 4 146 0
"""


# As much of a browser as the page's script asks for. What it draws and says is printed.
DOM = """
const elements = {};
let tick;
function element() {
	const drawn = [];
	return { drawn, getContext: () => ({
		set fillStyle(style) { this.style = style; },
		fillRect(...at) { drawn.push([this.style, ...at]); },
		strokeRect(...at) { drawn.push(['frame', ...at]); },
	}) };
}
const document = { getElementById: id => elements[id] ??= element() };
const says = () => {
	const seen = { when: elements.when.textContent, fast: elements.fast.textContent,
		slow: elements.slow.textContent, size: [elements.lane0.width, elements.lane0.height],
		lanes: [elements.lane0.drawn.splice(0), elements.lane1.drawn.splice(0)] };
	console.log(JSON.stringify(seen));
};
new Function('document', 'setInterval', 'clearInterval',
	require('fs').readFileSync('m.html', 'utf8').match(/<script>([^]*)<\\/script>/)[1])(
	document, f => { tick = f; return 1; }, () => { tick = null; });
says();
elements.time.value = '0';
elements.time.oninput();
says();
elements.play.onclick();
tick();
says();
tick();
says();
elements.play.onclick();
if (tick) throw new Error('it does not stop');
"""


class Page(html.parser.HTMLParser):
    """Every tag is closed, and nothing is loaded from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.text = [], set(), ""

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        assert "src" not in names and "href" not in names, (tag, attrs)
        if "id" in names:
            self.ids.add(names["id"])
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text += data


def draw(memlane, option, path):
    subprocess.run([memlane, "map", "--from", "rec", option, path], check=True)
    with open(path, encoding="utf-8") as f:
        return f.read()


def text(memlane):
    out = subprocess.run([memlane, "map", "--from", "rec"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout.splitlines()
    assert out[0].endswith('(<b>&"prog)'), out
    assert out[1] == "fast lane: 1 spans, 0.02 MiB, 100.0 % of the places used", out
    assert out[2] == "#" and out[4] == "a", out


def svg(memlane):
    tree = xml.etree.ElementTree.fromstring(draw(memlane, "--svg", "m.svg"))
    space = "{http://www.w3.org/2000/svg}"
    cells = tree.findall(space + "rect")
    assert len(cells) == 2, len(cells)
    assert cells[0].get("fill") == "hsl(15,70%,42%)" and cells[1].get("fill") == "hsl(215,70%,92%)"
    assert cells[1].find(space + "title").text == "112 B, 0 of 146 used, cold, page 100000"


def page(memlane):
    source = draw(memlane, "--html", "m.html")
    p = Page()
    p.feed(source)
    p.close()
    assert p.open == [], p.open
    assert {"time", "play", "when", "lane0", "lane1", "fast", "slow"} <= p.ids
    frames = json.loads(re.search(r"const frames = (\[.*?\n\]);", source, re.S).group(1))
    assert [len(f["spans"]) for f in frames] == [4, 2]
    assert frames[0]["spans"][1] == [0, 112, 0, 1, 4, 4, 146, 70]


def engine(_memlane):
    if not shutil.which("node"):
        return "no node here: apt install nodejs"
    out = subprocess.run(["node", "-e", DOM], check=True, text=True, stdout=subprocess.PIPE,
                         timeout=60).stdout
    last, first, played, again = map(json.loads, out.splitlines())
    assert last == played and first == again, out
    assert last["when"] == "0.2 s (2 of 2)" and first["when"] == "0.0 s (1 of 2)", out
    assert last["fast"] == "fast lane: 1 spans, 0.02 MiB, 100.0 % of the places used", out
    assert first["fast"] == "fast lane: 3 spans, 0.05 MiB, 39.6 % of the places used", out
    assert last["size"] == [960, 10], out
    assert last["lanes"] == [[["hsl(15,70%,42%)", 0, 0, 9, 9]],
                             [["hsl(215,70%,92%)", 0, 0, 9, 9]]], out
    assert first["lanes"][0] == [["hsl(15,70%,42%)", 0, 0, 9, 9], ["hsl(15,70%,69%)", 10, 0, 9, 9],
                                 ["frame", 10.5, 0.5, 8, 8], ["hsl(215,70%,92%)", 20, 0, 9, 9]], out
    return None


def browser(_memlane):
    for name in ("chromium-headless-shell", "chromium", "google-chrome"):
        if shutil.which(name):
            break
    else:
        return "no chromium here: apt install chromium-headless-shell"
    dom = subprocess.run([name, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
                          "--user-data-dir=profile", "file://" + os.path.abspath("m.html")],
                         check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         timeout=60).stdout
    assert "0.2 s (2 of 2)" in dom, dom[-2000:]
    assert "fast lane: 1 spans, 0.02 MiB, 100.0 % of the places used" in dom, dom[-2000:]
    assert re.search(r'id="lane0" width="960" height="10"', dom), dom[-2000:]
    return None


def malformed(memlane):
    for bad in ("", "memlane-map 2\nx\n", RECORDING.replace("map 2", "map 1", 1), RECORDING + "0 6 warm\n",
                RECORDING + "0 6 warm 1 1 10 11\n", RECORDING + "2 6 warm 1 1 10 10\n"):
        with open("bad", "w", encoding="utf-8") as f:
            f.write(bad)
        done = subprocess.run([memlane, "map", "--from", "bad"], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        assert done.returncode == 1 and "is no recording of a map" in done.stderr, (bad, done)


TESTS = (text, svg, page, engine, browser, malformed)


def main():
    memlane, failed = os.path.abspath(sys.argv[1]), 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("rec", "w", encoding="utf-8") as f:
            f.write(RECORDING)
        print("TAP version 13\n1..%d" % len(TESTS))
        for number, test in enumerate(TESTS, 1):
            try:
                why = test(memlane)
                print("ok %d map: %s%s" % (number, test.__name__, " # SKIP " + why if why else ""))
            except Exception as error:  # whatever it is, the test has failed
                print("# %s: %s" % (type(error).__name__, str(error).replace("\n", "\n# ")))
                print("not ok %d map: %s" % (number, test.__name__))
                failed = 1
        os.chdir("/")
    return failed


sys.exit(main())
