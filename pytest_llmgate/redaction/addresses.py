"""Finds IP addresses and, where a project asks for it, web addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from ipaddress import AddressValueError, IPv6Address

from pytest_llmgate.core.private_kinds import IP, URL
from pytest_llmgate.redaction.finds import Find

_FOUR = re.compile(r"[0-9](?<![\w.-].)[0-9]{0,2}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?![\w-])(?!\.[0-9])")
_SIX = re.compile(
    r"(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,38}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3})?(?![\w:])(?!\.[0-9])"
)
_VERSION = re.compile(r"(?:\bv|\bversions?|\brelease|\bbuild|\bsections?|\bchapter|§)[ :=]{0,2}\Z", re.IGNORECASE)
_WEB = re.compile(
    r"(?i:\bhttps?://|\bwww\.)(?:[\w-]{1,63}\.){1,20}[a-zA-Z]{2,63}(?::[0-9]{1,5})?(?:/[^\s<>\"'`)\]]{0,2000})?"
)
_NOBODY = ("0.", "127.", "255.")  # this host, and masks
_OUR_SITE = re.compile(r"https?://site-[0-9a-f]{12}\.example\.invalid/?|www\.site-[0-9a-f]{12}\.example\.invalid")


def find_ips(text: str) -> Iterator[Find]:
    """IP addresses of both versions, and our stand-ins for them; not those of this host, and no version numbers."""
    if text.count(".") >= 3:
        for found in _FOUR.finditer(text):
            if _is_address(text, found):
                yield Find(*found.span(), IP, done=is_ip_stand_in(found[0]))
    if "::" in text or text.count(":") >= 7:
        for found in _SIX.finditer(text):
            if _is_long_address(found[0]):
                yield Find(*found.span(), IP, done=is_ip_stand_in(found[0]))


def find_urls(text: str) -> Iterator[Find]:
    """Web addresses with their path."""
    if "://" in text or "www." in text.lower():
        for found in _WEB.finditer(text):
            end = found.start() + len(found[0].rstrip(".,;:!?"))
            yield Find(found.start(), end, URL, done=_OUR_SITE.fullmatch(text, found.start(), end) is not None)


def ip_stand_in(private: str, key: bytes) -> str:
    """An address of a block that is never in use: 240.0.0.0/4, or 100::/64 for version 6."""
    plain = private.casefold()
    noise = blake2b(plain.encode(), key=key, digest_size=8).digest()
    if ":" not in private:
        body = bytes([240 + noise[0] % 8, noise[1], noise[2]])
        return ".".join(map(str, [*body, _mark(body)[0]]))
    mark = _mark(noise[:6])
    return "100::" + ":".join(part.hex() for part in (noise[0:2], noise[2:4], noise[4:6], mark))


def is_ip_stand_in(passage: str) -> bool:
    """Whether an address is of our making."""
    if passage.startswith("100::"):
        parts = passage[5:].split(":")
        if len(parts) != 4 or any(len(part) != 4 for part in parts):
            return False
        return bytes.fromhex(parts[3].lower()) == _mark(bytes.fromhex("".join(parts[:3])))
    parts = passage.split(".")
    if ":" in passage or len(parts) != 4:
        return False
    octets = list(map(int, parts))
    return 240 <= octets[0] <= 247 and max(octets) < 256 and octets[3] == _mark(bytes(octets[:3]))[0]


def url_stand_in(private: str, key: bytes) -> str:
    """A web address of the same kind, of a site that cannot be."""
    site = blake2b(private.casefold().encode("utf-8", "surrogatepass"), key=key, digest_size=6).hexdigest()
    lowered = private.lower()
    scheme = "www." if lowered.startswith("www.") else "https://" if lowered.startswith("https") else "http://"
    return f"{scheme}site-{site}.example.invalid"


def _is_address(text: str, found: re.Match[str]) -> bool:
    octets = found[0].split(".")
    if any(int(octet) > 255 or (len(octet) > 1 and octet[0] == "0") for octet in octets):
        return False
    if found[0].startswith(_NOBODY) or all(len(octet) == 1 for octet in octets):
        return False  # 1.2.3.4 is a version or a heading far more often than somebody's address
    return not _VERSION.search(text[max(0, found.start() - 12) : found.start()])


def _is_long_address(passage: str) -> bool:
    """Whether it is an address of somebody; `::` in source code and times of day are none."""
    if passage.count(":") < 7 and ("::" not in passage or passage.count(":") < 3):
        return False
    if not any(map(str.isdecimal, passage)):
        return False
    try:
        address = IPv6Address(passage)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _mark(body: bytes) -> bytes:
    return blake2b(body, digest_size=2).digest()
