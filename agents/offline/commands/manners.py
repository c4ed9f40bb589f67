"""How people begin and end what they ask for, by tone. What stands here never changes what is asked."""

from __future__ import annotations

from typing import Final


def _all(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


BEFORE_ORDER: Final = {
    "casual": _all(
        "|||hey, |hey |yo, |ok so |okay, |alright, |right, |pls |quick one: |quick thing: |just |so, |hi, |hey there, |"
        "can u |could u |can you |wanna |gotta |i wanna |i gotta |gonna |mind if i |let's |lemme |need to |want to |"
        "would be cool to |time to |um, |and now |also |real quick, |help me |go |do me a favour and |be a dear and |"
        "i guess i should |any chance you could |think you could |feel free to "
    ),
    "plain": _all(
        "||please |please |can you |could you |I want to |I need to |I'd like to |I have to |let's |let me |"
        "we need to |"
        "we should |go ahead and |now |next, |help me |can we |can I |I'm trying to |I was going to |you can |"
        "next step: |first, |then |for me, |I'm supposed to |someone asked me to |my plan is to |today I want to |"
        "I think we should |the next thing is to |could we "
    ),
    "formal": _all(
        "Please |Please |Could you please |Would you please |Kindly |I would like to |I would like you to |"
        "I need you to |"
        "I should like to |May I ask you to |Would you be so kind as to |I would appreciate your help: please |"
        "I am asking you to |Would you mind helping me |We would like to |We are required to |My request is to |"
        "I hereby ask you to |At your convenience, please |As a next step, please |The team would like to |"
        "For our records, please "
    ),
}
AFTER: Final = {
    "casual": _all(
        "||||||||| pls| please| thx| thanks|, thanks!| real quick| when you can| asap| rn| if you can| for me|"
        ", cheers|, ok?|"
        " before lunch| plz|, no rush| then| now| quickly| k| mate|, ta| in a sec| today| somehow| if poss|..| :)|"
        "!|, yeah?"
    ),
    "plain": _all(
        "||||||||| please| now| for me| today| when you can| right away|, thanks| before the meeting| for the standup|"
        " first| next| so I can carry on| before I leave| as soon as possible|, please and thank you| for my report|"
        " so we can move on| to be safe| again| for the team| this time".replace(" this time", " at once")
    ),
    "formal": _all(
        "|||||| at your earliest convenience| as soon as possible|, thank you| for the records| without delay|"
        ", if you would| today, please| before the meeting| for the team|, with thanks| when time permits|"
        " on my behalf| for the report| promptly"
    ),
}
ASKING: Final = frozenset(
    _all(
        "can u |could u |can you |could you |mind if i |can we |can I |could we |any chance you could |"
        "think you could |"
        "Could you please |Would you please |May I ask you to |Would you be so kind as to |Would you mind helping me "
    )
)
"""Beginnings after which a question mark belongs."""
MENTIONS: Final = _all(
    "the {noun} looks good, |I'm done with the {noun}, |about the {noun}: |you see the {noun}? |so, the {noun}: |"
    "looking at the {noun} now, |ok the {noun}, |I have the {noun} open: |I read the {noun}, |"
    "the {noun} is on my screen, |"
    "regarding the {noun}: |got the {noun} here, |with the {noun} in front of me: |everybody has seen the {noun}, |"
    "I checked the {noun}, |we talked about the {noun}, |the {noun} again: |I'm looking at the {noun}; |the {noun}? |"
    "we agreed on the {noun}, |remember the {noun}? |so the {noun} is up, |I went through the {noun}, "
)
"""Sentences that name a thing, so that "it" can stand for it."""
ASK_LIST: Final = _all(
    "which {t} are there{r}|what {t} are there{r}|what are the {t}{r}|which are the {t}{r}|are there any {t}{r}|"
    "do we have any {t}{r}|do I have any {t}{r}|any {t}{r}|what {t} do we have{r}|where are the {t}{r}|got any {t}{r}|"
    "what about the {t}{r}|can I see the {t}{r}|could I see the {t}{r}|may I see the {t}{r}|are there {t}{r}|"
    "could you tell me which {t} there are{r}|do you know what {t} we have{r}|mind telling me what {t} there are{r}|"
    "is there a way to see the {t}{r}|how do I see the {t}{r}|what's with the {t}{r}|"
    "could you tell me about the {t}{r}|can you tell me what {t} there are{r}|can I have the {t}{r}"
)
"""Questions whose answer is a list: of things (t) with what is said of them (r)."""
SEE_LIST: Final = _all(
    "pull up|bring up|look through|go through|run through|dig up|print|call up|check|look at|browse|scan|put up|go over"
)
"""Other words for listing; each has to be one that the program does not know."""
WISHES: Final = _all(
    "I need {t}|give me {t}|I'd like to see {t}|I want to see {t}|let me see {t}|walk me through {t}|hand me {t}|"
    "I'm looking for {t}|take me through {t}|I'd love to see {t}|I could use {t}|I'm after {t}|I'm interested in {t}|"
    "I have to see {t}|let's have {t}|I was asked for {t}|the team needs {t}|we need to see {t}|I should see {t}"
)
"""Wishes for a list, which are sentences by themselves."""
SEE_ONE: Final = _all(
    "pull up|bring up|look at|take a look at|check|inspect|call up|have a look at|look into|bring me to"
)
"""Other words for viewing."""
