"""Rules on the tool calls of a reply: which tools, which files, which hosts, what in which argument."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from posixpath import normpath
from typing import NamedTuple
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import shown
from pytest_llmgate.detectors.safety_texts import Finding
from pytest_llmgate.detectors.tool_calls import Text, ToolCall, texts, tool_calls

# Keys whose value is a file or a host as a whole; elsewhere both are known by how they are written.
_FILE_KEY = re.compile(
    r"(?:^|_)(?:path|paths|file|files|filename|file_?path|dir|directory|folder|cwd|root)$|(?:Path|File)$"
)
_HOST_KEY = re.compile(
    r"(?:^|_)(?:host|hosts|hostname|domain|server|endpoint|url|urls|uri|link|webhook)$|(?:Url|Uri|Host)$"
)
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}:[/\\]{1,3}|(?<![\w:/\\.])[/\\]{2}(?=[\w-]+\.))[^\s\"'`<>|;,)\]}]+", re.IGNORECASE
)
_COMMAND_KEY = re.compile(r"(?:^|_)(?:cmd|command|commands|shell|bash|script|code)$|(?:Command|Script|Code)$")
_REST = r"[^\s\"'`<>|;,()]*"
_PATH = re.compile(
    r"(?<![\w:/\\.~<$-])(?:[a-z]:[/\\]|/|\\\\|~\w*[/\\]|\.{1,2}[/\\]|\$\{?\w+\}?/|%\w+%\\)"
    + _REST  # /etc, C:\, ~/.ssh
    + r"|(?<![\w./\\-])[\w.-]+(?:[/\\][\w.~-]+)*[/\\]\.\."
    + _REST  # a/../../b
    + r"|(?<![\w./\\-])\.(?:env|ssh|aws|netrc|npmrc|pypirc|git-credentials|kube|docker)\b"
    + _REST,
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"(?<![\w:/\\.~<$-])[\w.-]+[/\\][\w./\\-]+")  # in commands, where a slash is no "and/or"
_CALLER = re.compile(r"\b(?:curl|wget|nc|ncat|ssh|scp|sftp|ftp|rsync|telnet|ping|dig|nslookup|host|http|https)\b")
_DOMAIN = re.compile(r"(?<![\w./\\@-])(?:[\w.-]+@)?((?:[\w-]{1,63}\.){1,10}[a-z]{2,24})(?![\w.])", re.IGNORECASE)
_FILE_LINK = re.compile(r"file:/{0,3}[^\s\"'`<>|;,)]+", re.IGNORECASE)
_DECODED = 3  # how many times a text is decoded, so that %252e is seen
_WITHOUT_HOST = ("mailto:", "tel:", "data:", "javascript:")


class Lists(NamedTuple):
    """What is allowed and what is denied, as shell patterns; an empty `allow` allows everything."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def matcher(self, *, path: bool = False) -> Callable[[str], bool]:
        """Whether a text is allowed: by one pattern at least, and denied by none. In paths * ends at a slash."""
        allow, deny = (_compiled(patterns, path) for patterns in self)

        def permits(text: str) -> bool:
            return not deny(text) and (not self.allow or allow(text))

        return permits


def tools(lists: Lists) -> Finding:
    """A tool that is not allowed; a call without a name is none that is."""
    permits = lists.matcher()

    def find(reply: Reply) -> str:
        for call in tool_calls(reply):
            if not permits(call.name):
                return f"calls {shown(call.name)}"
        return ""

    return find


def files(lists: Lists) -> Finding:
    """A file that is not allowed, in any argument of any call. Relative paths start at the tool's own folder."""
    permits = lists.matcher(path=True)

    def find(reply: Reply) -> str:
        for call in tool_calls(reply):
            for text in texts(call.arguments):
                for path in paths_in(text):
                    if not permits(path):
                        return f"{_named(call)} reaches for {shown(path)}"
        return ""

    return find


def hosts(lists: Lists) -> Finding:
    """A host that is not allowed, in any argument of any call."""
    permits = lists.matcher()

    def find(reply: Reply) -> str:
        for call in tool_calls(reply):
            for text in texts(call.arguments):
                for host in hosts_in(text):
                    if not permits(host):
                        return f"{_named(call)} sends to {shown(host)}"
        return ""

    return find


def arguments(tool: str, name: str, search: Callable[[str], bool]) -> Finding:
    """A pattern in an argument. tool: shell pattern of its name. name: of the argument, empty for all of them."""
    of_tool = _compiled((tool,), False)

    def find(reply: Reply) -> str:
        for call in tool_calls(reply):
            for key, value in texts(call.arguments) if of_tool(call.name) else ():
                if (not name or key == name) and search(value):
                    return f"{_named(call)} has {shown(value)}{f' in {key}' if key else ''}"
        return ""

    return find


def paths_in(text: Text) -> Iterator[str]:
    """The files that a text names, normalised: forward slashes, no dots in between, decoded."""
    plain = _decoded(text.value)
    if _FILE_KEY.search(text.key):
        yield _clean(plain)
        return
    yield from (_clean(found[0]) for found in _FILE_LINK.finditer(plain))
    rest = _ADDRESS.sub(" ", plain)
    for found in _PATH.finditer(rest):
        if len(found[0]) > 1 or rest.strip() == found[0]:
            yield _clean(found[0])
    if _COMMAND_KEY.search(text.key):
        yield from (_clean(found[0]) for found in _RELATIVE.finditer(rest))


def hosts_in(text: Text) -> Iterator[str]:
    """The hosts that a text names, in lower case; a link without a host as it is written."""
    plain = _decoded(text.value).strip()
    links = [found[0] for found in _ADDRESS.finditer(plain) if not found[0].lower().startswith("file:")]
    yield from map(host_of, links)
    if not links and plain and _HOST_KEY.search(text.key):
        yield plain if plain.lower().startswith(_WITHOUT_HOST) else host_of(f"//{plain}")
    elif _COMMAND_KEY.search(text.key) and _CALLER.search(plain):
        yield from (found[1].lower() for found in _DOMAIN.finditer(_ADDRESS.sub(" ", plain)))


def host_of(link: str) -> str:
    """The host that a link leads to, as a browser would read it."""
    straight = link.replace("\\", "/")
    scheme, colon, rest = straight.partition(":")
    address = f"{scheme}://{rest.lstrip('/')}" if colon and "/" not in scheme else f"//{straight.lstrip('/')}"
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        host = ""
    return host.rstrip(".,;:!?*_~") or link  # punctuation of the sentence around it


def _decoded(text: str) -> str:
    for _ in range(_DECODED):
        plain = unquote(text) if "%" in text else text
        if plain == text:
            break
        text = plain
    return normalize("NFKC", text).replace("\0", "")


def _clean(path: str) -> str:
    straight = re.sub(r"^file:/{0,2}(?=/|$|[a-z]:|\w)", "", path.strip(), flags=re.IGNORECASE).replace("\\", "/")
    return normpath("/" + straight.lstrip("/") if straight.startswith("/") else straight)


def _compiled(patterns: Sequence[str], path: bool) -> Callable[[str], bool]:
    """Whether a text matches one of these shell patterns, in any case."""
    if not patterns:
        return lambda text: False
    bodies = [_path_pattern(pattern) if path else translate(pattern.casefold()) for pattern in patterns]
    match = re.compile("|".join(f"(?:{body})" for body in bodies)).match
    return lambda text: match(text.casefold()) is not None


def _path_pattern(pattern: str) -> str:
    """`*` and `?` stay within a folder, `**` goes through all of them."""
    body = ""
    for part in re.split(r"(\*\*/?|\*|\?)", pattern.casefold()):
        body += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part) or re.escape(part)
    return body + r"\Z"


def _named(call: ToolCall) -> str:
    return shown(call.name, 40)
