"""Past forms of verbs and their present ones, as far as they are known or regular."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_IRREGULAR: Final[dict[str, str]] = dict(
    pair.split(":")
    for pair in re.findall(
        r"\S+",
        """felt:feel knew:know thought:think saw:see came:come took:take gave:give found:find told:tell kept:keep
        began:begin became:become heard:hear stood:stand sat:sit ran:run left:leave lost:lose held:hold went:go
        understood:understand woke:wake awoke:awake slept:sleep fell:fall rose:rise spoke:speak said:say made:make
        got:get grew:grow broke:break wrote:write drew:draw forgot:forget lay:lie ate:eat drank:drink met:meet
        brought:bring bought:buy caught:catch taught:teach sought:seek sent:send spent:spend lent:lend bent:bend
        built:build dealt:deal dreamt:dream meant:mean leapt:leap wept:weep swept:sweep crept:creep knelt:kneel
        led:lead fled:flee fed:feed rode:ride drove:drive shook:shake sank:sink sang:sing rang:ring swam:swim
        threw:throw flew:fly wore:wear tore:tear bore:bear swore:swear chose:choose froze:freeze stole:steal hid:hide
        bit:bite lit:light shone:shine hung:hang struck:strike stuck:stick clung:cling swung:swing flung:fling
        won:win paid:pay laid:lay trod:tread shrank:shrink sprang:spring withdrew:withdraw overcame:overcome
        arose:arise befell:befall mistook:mistake foresaw:foresee undid:undo""",
    )
)
_NOT_VERBS: Final = frozenset(
    re.findall(
        r"\S+", "need feed heed seed speed bed red hundred indeed instead sacred naked wicked beloved wretched shed"
    )
)
_WITHOUT_E: Final = frozenset(
    re.findall(
        r"\S+",
        "murmur visit limit inherit exhibit profit spirit credit edit vomit benefit abandon pardon develop gallop",
    )
)
_WITH_E: Final = frozenset(
    re.findall(
        r"\S+",
        """invit unit excit recit chang rang arrang plung imagin examin determin combin declin inclin breath sooth bath
        tast wast hast believ die lie tie""",
    )
)


def is_past(word: str) -> bool:
    """Whether a word is a past form that `present` can turn."""
    low = word.lower()
    return low in _IRREGULAR or (low.endswith("ed") and len(low) > 4 and low not in _NOT_VERBS)


def is_strong(word: str) -> bool:
    """Whether a past form is a verb of its own and no participle too ("came", not "turned")."""
    return word.lower() in _IRREGULAR


@lru_cache(maxsize=2048)
def present(word: str) -> str:
    """The base form of a past one ("felt" -> "feel", "carried" -> "carry", "startled" -> "startle")."""
    low = word.lower()
    if low in _IRREGULAR:
        return _IRREGULAR[low]
    if low.endswith("ied"):
        return low[:-3] + "y"
    stem = low[:-2]
    if stem in _WITH_E:
        return stem + "e"
    if stem in _WITHOUT_E or (
        stem.endswith(("er", "en", "el", "et", "on", "it", "op")) and not stem.endswith(("hop", "cop", "lop"))
    ):
        return stem if not re.search(r"([bdgmnprt])\1$", stem) else stem[:-1]
    if re.search(r"([bdgmnprt])\1$", stem):
        return stem[:-1]
    if re.search(r"[vzu]$|[cs]$(?<!ss)|[bcdfgkptz]l$|[rd]g$|[^aeiou][aiouy][bdgklmnprt]$", stem):
        return stem + "e"
    return stem


def third(base: str) -> str:
    """The form after it or she ("go" -> "goes", "try" -> "tries")."""
    if base.endswith(("s", "sh", "ch", "x", "z", "o")):
        return base + "es"
    return base[:-1] + "ies" if re.search(r"[^aeiou]y$", base) else base + "s"
