"""PocketBase's rule language, parsed: what a rule says, apart from how it is written.

The grammar is that of PocketBase's parser (github.com/ganigeorgiev/fexpr), less what it reads in surprising ways.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MAX_DEPTH = 50  # parentheses within each other
SIGNS = frozenset(f"{first}{sign}" for first in ("", "?") for sign in ("=", "!=", "~", "!~", "<", "<=", ">", ">="))

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\n]+|//[^\n]*)
    |(?P<text>"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')
    |(?P<call>[A-Za-z@_\#][\w.:]*\()
    |(?P<name>[A-Za-z@_\#][\w.:]*)
    |(?P<number>-?[0-9]+(?:\.[0-9]+)?)
    |(?P<sign>[=?!<>~]+)
    |(?P<join>&&|\|\|)
    |(?P<mark>[(),])""",
    re.VERBOSE | re.ASCII,
)
_BAD_NAME = re.compile(r"[.:]$|^[@_#]$")
# PocketBase before 0.39.9 reads an escaped quote here, later versions the end of the text.
_AMBIGUOUS = re.compile(r"(?<!\\)(?:\\\\)+[\"']")


class UnreadableRuleError(Exception):
    """Why a rule can't be read, to be put after "the rule can't be read: "."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One comparison, its operands as they are written."""

    left: str
    sign: str
    right: str

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"


@dataclass(frozen=True, slots=True)
class Rule:
    """Admits if one of its alternatives does, which admits if all of its parts do."""

    alternatives: tuple[tuple["Expression | Rule", ...], ...]

    def __str__(self) -> str:
        return " || ".join(
            " && ".join(f"({part})" if isinstance(part, Rule) else str(part) for part in parts)
            for parts in self.alternatives
        )


Part = Expression | Rule
Parts = tuple[Part, ...]


def parse(text: str) -> Rule:
    """What a rule says. Comments are gone, groups that change nothing are opened.

    Raises:
        UnreadableRuleError: if PocketBase would refuse the rule, or if its versions read it differently.
    """
    if "\0" in text or (not text.isascii() and _has_half_pairs(text)):
        raise UnreadableRuleError("it holds a character that PocketBase cuts or replaces")
    tokens = _Tokens(text)
    rule = _rule(tokens)
    if tokens.value == ")":
        raise UnreadableRuleError("the parentheses don't match")
    if tokens.kind:
        raise UnreadableRuleError(f"&& or || is missing before {tokens.value}")
    return rule


def all_of(*parts: Part) -> Rule:
    """The rule that admits if all of the parts do."""
    return any_of(Rule((tuple(dict.fromkeys(inner for part in parts for inner in _opened(part))),)))


def any_of(*parts: Part) -> Rule:
    """The rule that admits if one of the parts does."""
    return Rule(tuple(each for part in parts for each in _alternatives(part)))


def size(rule: Part) -> int:
    """How many comparisons a rule has. PocketBase allows 200."""
    if isinstance(rule, Expression):
        return 1
    return sum(size(part) for parts in rule.alternatives for part in parts)


def operands(rule: Part) -> Iterator[str]:
    """All operands of a rule."""
    if isinstance(rule, Expression):
        yield from (rule.left, rule.right)
        return
    for parts in rule.alternatives:
        for part in parts:
            yield from operands(part)


def mapped(rule: Rule, change: Callable[[str], str]) -> Rule:
    """The rule with each operand changed."""

    def of(part: Part) -> Part:
        if isinstance(part, Expression):
            return Expression(change(part.left), part.sign, change(part.right))
        return mapped(part, change)

    return Rule(tuple(tuple(map(of, parts)) for parts in rule.alternatives))


class _Tokens:
    """The tokens of a rule, one at a time: `kind` is empty at the end."""

    def __init__(self, text: str) -> None:
        self._text, self._place = text, 0
        self.depth = 0  # of parentheses
        self.kind = self.value = ""
        self.advance()

    def advance(self) -> str:
        """Go on to the next token; returns the one before."""
        before = self.value
        self.kind = "blank"
        while self.kind == "blank":
            found = _TOKEN.match(self._text, self._place)
            self.kind = (found.lastgroup or "") if found else ""
            self.value = found[0] if found else ""
            self._place += len(self.value)
            if self.kind == "blank" and self.depth and self.value.strip():
                _check_comment(self.value)
        if not self.kind and self._place < len(self._text):
            raise UnreadableRuleError(_why_no_token(self._text[self._place :]))
        if self.kind == "text" and _AMBIGUOUS.search(self.value):
            raise UnreadableRuleError(
                f"{self.value} has two backslashes before a quote, which PocketBase's versions read differently"
            )
        return before


def _check_comment(comment: str) -> None:
    """Refuse a comment within parentheses that PocketBase would take for a part of the rule."""
    if re.search(r"[()\"']", comment):
        raise UnreadableRuleError(
            f"PocketBase doesn't pass over the comment {comment}, since it has a quote or bracket"
            " and stands within parentheses"
        )


def _has_half_pairs(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _why_no_token(rest: str) -> str:
    if rest[0] in "\"'":
        return f"the quotes don't match: {rest[:20]}"
    return f"the character {rest[0]!a} has no place outside of texts"


def _rule(tokens: _Tokens) -> Rule:
    alternatives: list[Parts] = [()]
    while True:
        alternatives[-1] += _opened(_part(tokens))
        if tokens.kind != "join":
            break
        if tokens.advance() == "||":
            alternatives.append(())
    return any_of(*(Rule((parts,)) for parts in alternatives))


def _part(tokens: _Tokens) -> Part:
    if tokens.value == "(" and tokens.kind == "mark":
        if tokens.depth == MAX_DEPTH:
            raise UnreadableRuleError(f"more than {MAX_DEPTH} parentheses are within each other")
        tokens.depth += 1
        tokens.advance()
        rule = _rule(tokens)
        tokens.depth -= 1
        _close(tokens)
        return rule
    left = _operand(tokens, 0)
    if tokens.kind != "sign" or tokens.value not in SIGNS:
        raise UnreadableRuleError(f"a comparison (=, !=, ~, …) is missing after {left}")
    return Expression(left, tokens.advance(), _operand(tokens, 0))


def _operand(tokens: _Tokens, depth: int) -> str:
    if tokens.kind in ("text", "number"):
        return tokens.advance()
    if tokens.kind not in ("name", "call") or _BAD_NAME.search(tokens.value.removesuffix("(")):
        if tokens.value == ")":
            raise UnreadableRuleError("the parentheses don't match")
        raise UnreadableRuleError(f"a field or value is missing before {tokens.value or 'the end'}")
    if depth == MAX_DEPTH:
        raise UnreadableRuleError(f"more than {MAX_DEPTH} calls are within each other")
    if tokens.kind == "name":
        return tokens.advance()
    name, arguments = tokens.advance(), list[str]()
    while tokens.value != ")":
        if arguments and tokens.advance() != ",":
            raise UnreadableRuleError(f"a comma is missing in {name}")
        arguments.append(_operand(tokens, depth + 1))
    _close(tokens)
    return f"{name}{', '.join(arguments)})"


def _close(tokens: _Tokens) -> None:
    if tokens.value != ")":
        raise UnreadableRuleError("the parentheses don't match")
    tokens.advance()


def _opened(part: Part) -> Parts:
    """The parts that must all admit for this part to do so: its own, if it is one alternative."""
    if isinstance(part, Rule) and len(part.alternatives) == 1:
        return part.alternatives[0]
    return (part,)


def _alternatives(part: Part) -> tuple[Parts, ...]:
    if isinstance(part, Expression):
        return ((part,),)
    return tuple(
        each for parts in part.alternatives for each in (_alternatives(parts[0]) if len(parts) == 1 else (parts,))
    )
