"""Words of which values are made: nobody real, nothing private."""

from __future__ import annotations

from typing import Final


def words(text: str) -> tuple[str, ...]:
    """The words of a line."""
    return tuple(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """What stands between bars; nothing is a phrase too."""
    return tuple(text.split("|"))


PEOPLE: Final = words(
    "alice bob carol dmitri elena farid greta hugo ines jonas keiko lars mara nils olga pavel quentin rosa samir tessa "
    "umar vera wanda xavier yuki zoe octocat devlin marlow okafor priya tanaka svensson moreau kowalski haddad"
)
LABELS: Final = words(
    "bug docs feature regression flaky urgent backend frontend refactor security performance cleanup design question "
    "blocked stale duplicate accessibility api testing dependencies"
)
WORK: Final = words("fix add remove improve rewrite document speed-up simplify test restore handle migrate")
MATTER: Final = phrases(
    "login timeout|broken links|dark mode|retry logic|cache warmup|unicode names|empty input|memory leak|date parsing|"
    "slow startup|error messages|config loading|search results|export format|image upload|keyboard shortcuts|"
    "rate limits|session handling|pagination|install script|colour themes|offline sync|backup job|audit log"
)
PLACE: Final = phrases(
    "in the parser|for new users|on the settings page|in the CLI|on Windows|after an upgrade|in the nightly job|"
    "for large files|in the mobile view|on first launch|behind a proxy|in the docs|during checkout|for guests|||"
)
SAYING: Final = phrases(
    "Tested on two machines|Needs another look|Happens every time|"
    "Works again since Monday|Please see the log|"
    "Follow-up of last week|Nobody complained yet|The old way works|Only seen in production|Ready from my side|"
    "Waiting for an answer|Steps are in the wiki|Reproduced with a clean profile|Looks good after the rebase|"
    "Can wait until spring|Breaks the weekly report"
)
PROJECTS: Final = words(
    "widgets lantern meadow compass harbor pebble orchard beacon falcon notebook dotfiles website toolbox atlas kiosk "
    "planner scheduler gateway sandbox playground thermostat recipes weather ledger"
)
STEMS: Final = words(
    "notes setup utils report config draft plan parser index main todo backup script readme layout server"
)
ENDINGS: Final = ("py", "md", "txt", "sh", "json", "yaml", "js", "toml", "sql", "css")
FLOWS: Final = words(
    "ci.yml deploy.yml nightly.yml lint.yml release.yml docs.yml tests.yml build.yml e2e.yml audit.yml"
)
WORDS: Final = words(
    "amber birch cobalt dune ember fern garnet hazel indigo jasper kelp linen maple nickel olive pine quartz raven "
    "sage teal umber violet willow zinc"
)

UNCLEAR: Final = phrases(
    "help without saying with what|wants to get on with work|something does not look right|wants to sort things out|"
    "wants the usual|asks what is going on|wants to clean up|wants the next step|wants to see what changed|"
    "has a problem and names none|wants to finish up|wants to undo something|wants things updated|wants a quick check|"
    "does not know where to begin|wants the thing from yesterday|wants to prepare for a meeting|wants to hand over work"
)
OFF_TOPIC: Final = phrases(
    "tomorrow's weather in Lisbon|a recipe for lentil soup|a joke about penguins|the capital of Mongolia|"
    "a birthday poem for an aunt|converting miles to kilometres|booking a table for four|"
    "the score of last night's match|"
    "a good novel for a train ride|translating a menu from Polish|how tall giraffes get|watering a basil plant|"
    "playing some jazz|an alarm for seven|the best route to the airport|why the sky is blue|stretching a sore back|"
    "a gift for a ten-year-old|the price of silver|cooking rice without a lid|learning the ukulele|"
    "the moons of Jupiter|"
    "ironing a linen shirt|training a puppy|when the museum closes|a crossword clue with five letters|"
    "removing a wine stain|the plot of Hamlet|turning on the kitchen lights|calories in an avocado|a haiku about rain|"
    "renting a bicycle|the speed of a cheetah|naming a goldfish|knitting a scarf|the next solar eclipse|"
    "flights to Oslo|a playlist for running|filling in a tax form|growing tomatoes on a balcony"
)
MOODS: Final = phrases(
    "in a hurry|relaxed|tired|cheerful|new to the program|an old hand|between two meetings|thinking aloud|polite|"
    "a bit annoyed|curious|on the phone|distracted|careful|late in the evening|first thing in the morning|helpful|"
    "talking to a colleague|brisk|shy|chatty|focused|typing with one hand|sure of what is wanted|friendly|dry|"
    "following a checklist|back from a break|showing somebody how|not a native speaker"
)
