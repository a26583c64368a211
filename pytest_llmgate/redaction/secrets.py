"""Finds API keys, tokens and passwords by their issuers' prefixes and by the names they are given."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from math import log2

from pytest_llmgate.core.private_kinds import SECRET
from pytest_llmgate.redaction.finds import Find

# Prefix and body of the keys of each issuer. A prefix only says whose key it is, and stays when the body is replaced.
_ISSUERS = (
    (r"sk-(?:ant-|proj-|or-|lf-|svcacct-|admin-)?", r"[\w-]{16,}"),  # OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse
    (r"[srp]k_(?:live|test)_", r"\w{16,}"),  # Stripe, Clerk
    (r"whsec_", r"[\w+/]{20,}"),  # Stripe and Svix webhooks
    (r"gh[pousr]_|github_pat_", r"\w{20,}"),
    (r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|oas)-", r"[\w-]{16,}"),  # GitLab
    (r"A(?:KI|SI|BI|CC|ROA|IDA|IPA|NPA|NVA)A", r"[0-9A-Z]{16}(?![0-9A-Za-z])"),  # AWS
    (r"AIza", r"[\w-]{30,}"),  # Google
    (r"ya29\.", r"[\w-]{20,}"),
    (r"GOCSPX-", r"[\w-]{20,}"),
    (r"xox[abeoprs]-|xapp-", r"[\w-]{10,}"),  # Slack
    (r"npm_|pypi-", r"[\w-]{30,}"),
    (
        r"hf_|gsk_|r8_|xai-|pplx-|nvapi-|fw_|tgp_v1_|pcsk_|lsv2_(?:pt|sk)_|csk-",
        r"[\w-]{20,}",
    ),  # model hosts and their tools
    (r"dckr_pat_|dop_v1_|doo_v1_|dor_v1_|dapi|shp(?:at|ca|pa|ss)_|sbp_|pscale_(?:tkn|pw|oauth)_|figd_", r"[\w-]{20,}"),
    (
        r"lin_(?:api|oauth)_|ntn_|secret_|PMAK-|NRAK-|glsa_|glc_|hv[sbr]\.|sntry[su]_|dp\.(?:pt|st|ct|sa)\.",
        r"[\w-]{20,}",
    ),
    (r"ATATT3|ATBB|ATCTT3", r"[\w=-]{20,}"),  # Atlassian
    (r"SG\.", r"[\w-]{16,}\.[\w-]{16,}"),  # SendGrid
    (r"(?:SK|AC)(?=[0-9a-f]{32}\b)", r"[0-9a-f]{32}"),  # Twilio
    (r"key-(?=[0-9a-f]{32}\b)", r"[0-9a-f]{32}"),  # Mailgun
    (r"AGE-SECRET-KEY-1", r"[0-9A-Z]{40,}"),
    (r"EAA(?=[A-Za-z0-9]{60})", r"[A-Za-z0-9]{60,}"),  # Meta
    (r"sq0(?:atp|csp|idp)-", r"[\w-]{20,}"),
)
PREFIX = re.compile("|".join(prefix for prefix, _ in _ISSUERS) + "|eyJ", re.ASCII)
# Every pattern starts at a literal, and at one place of a run of word characters only, so that the time is
# linear in the text. A body without a digit is a word, such as sk-learn-compatible-estimators.
_PREFIXED = re.compile(
    "(?<![A-Za-z0-9])(?:" + "|".join(f"(?:{prefix}){body}" for prefix, body in _ISSUERS) + ")", re.ASCII
)
_TOKEN = re.compile(r"[\w.~:+/=-](?<![\w.~:+/=-].)[\w.~:+/=-]{13,}+", re.ASCII | re.DOTALL)
_SHAPED = re.compile(
    r"(?<![\w-])(?:[0-9]{8,10}:AA[\w-]{33}"  # Telegram
    r"|[\w.~-]{3}[78]Q~[\w.~-]{31,34}"  # Azure applications
    r"|[MNO][A-Za-z0-9]{23,27}\.[\w-]{6}\.[\w-]{27,40}"  # Discord
    r"|[0-9a-f]{32}-us[0-9]{1,2})(?![\w-])",  # Mailchimp
    re.ASCII,
)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{5,}+\.eyJ[\w-]{5,}+\.[\w-]{5,}+", re.ASCII)
_HOOK = re.compile(r"hooks\.slack\.com/(?:services|workflows)/([\w/]{20,200}+)", re.ASCII)
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))++"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)
_LOGIN = re.compile(r"://[^\s/:@\0]{0,64}:([^\s/@\0]{3,128})@")
_BEARER = re.compile(
    r"\b(?:bearer|authorization[\"']?[ \t]{0,2}[:=][ \t]{0,2}[\"']?basic)[ \t]{1,4}([\w.~+/=-]{16,})",
    re.ASCII | re.IGNORECASE,
)
# What is assigned is looked for first, because it begins with a rare character, and its name in front of it then.
_ASSIGNED = re.compile(r"[:=][ \t]{0,3}\\?[\"']?([\w+/.=~!@#$%^&*-]{6,}+)", re.ASCII)
_NAMES = re.compile(
    r"(?:(?P<password>password|passwd|passphrase|\bpwd)|[a-z]{3,9}[_-]?key|token|secret|credentials?|\bsig)"
    r"\\?[\"']?[ \t]{0,3}\Z",
    re.ASCII | re.IGNORECASE,
)
_LONGEST_NAME = 20
_PASSWORD = re.compile(
    r"(?:password|passwd|passphrase|\bpwd) (?:is|was)[ \t:]{1,3}[\"']?([\w+/.=~!@#$%^&*-]{8,128})",
    re.ASCII | re.IGNORECASE,
)
_LEAST_ENTROPY = 3.0  # bits a character; English words joined by dashes stay without digits


def find_secrets(text: str) -> Iterator[Find]:
    """Keys and tokens in a text."""
    for token in _TOKEN.finditer(text):
        for pattern in (_PREFIXED, _SHAPED):
            yield from _found(pattern, 0, text, *token.span())
    if "eyJ" in text:
        yield from (Find(found.start(), found.end(), SECRET) for found in _JWT.finditer(text))
    if "PRIVATE KEY" in text:
        yield from (Find(found.start(), found.end(), SECRET) for found in _PEM.finditer(text))
    if "://" in text and "@" in text:
        yield from (Find(*found.span(1), SECRET) for found in _LOGIN.finditer(text))
    yield from _called(text)


def _called(text: str) -> Iterator[Find]:
    """Secrets that the words before them give away."""
    lowered = text.lower()
    if "bearer" in lowered or "basic" in lowered:
        yield from _found(_BEARER, 1, text)
    if "hooks.slack" in lowered:
        yield from _found(_HOOK, 1, text)
    for found in _ASSIGNED.finditer(text):
        if _is_mixed(found[1]) and _is_named(text, found.start(), found[1]):
            yield Find(*found.span(1), SECRET)
    if " is " in lowered and ("passw" in lowered or "passphrase" in lowered or "pwd" in lowered):
        yield from _found(_PASSWORD, 1, text)


def _found(pattern: re.Pattern[str], group: int, text: str, start: int = 0, end: int | None = None) -> Iterator[Find]:
    for found in pattern.finditer(text, start, len(text) if end is None else end):
        if _is_mixed(found[group]):
            yield Find(*found.span(group), SECRET)


def _is_named(text: str, sign: int, body: str) -> bool:
    """Whether what stands before a sign of assignment names a secret; other names than passwords ask for more."""
    name = _NAMES.search(text[max(0, sign - _LONGEST_NAME) : sign])
    return name is not None and (name["password"] is not None or (len(body) >= 12 and _is_random(body)))


def _is_mixed(body: str) -> bool:
    return any(map(str.isdecimal, body)) and any(map(str.isalpha, body))


def _is_random(body: str) -> bool:
    """Whether the characters vary as those of a generated secret do."""
    counts, size = Counter(body[:256]).values(), min(len(body), 256)
    return -sum(count / size * log2(count / size) for count in counts) >= _LEAST_ENTROPY
