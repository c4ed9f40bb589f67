"""What the rule-based writer of persona chats can say. The blanks: a word of the theme, another one, who asks, a name
and the title of the source. Every sentence has to read well with a singular and with a plural in its blanks."""

from __future__ import annotations

from typing import Final

ASKED: Final[dict[str, tuple[str, ...]]] = {
    "asks for advice": (
        "I am {asker}, and tomorrow I must decide in a matter of {word}. What should I weigh first?",
        "My brigade will vote on a question of {word}, and I have no peace over it. How does one choose well?",
        "I have read how {name} fared in {title}, and now I face a choice of my own. What would you advise?",
        "If you had to choose between {word} and {other}, as I must before the next shift, how would you go about it?",
    ),
    "doubts something": (
        "Everybody on my shift talks about {word} as if it were simple. Is it?",
        "As {asker}, I hear a great deal about {word}. Must we believe all of it?",
        "Is {title} not simply too old to teach a Martian colony anything about {word}?",
        "Why should I trust what is said about {word}, when {name} trusted it too and was none the happier?",
    ),
    "wants to know what an old": (
        "What can the story of {name} in {title} still mean to people who live under a dome?",
        "I am {asker}. What did the people of Earth learn about {word} that we should not forget?",
        "Does what {title} tells about {word} have any use so far from Earth?",
        "Our teacher read to us about {word} and {other} on Earth. What is left of that here?",
    ),
    "asks how people should live": (
        "How should people who share one supply of air deal with {word}, and how with {other}?",
        "I am {asker}, and in our corridor we quarrel about {word}. How should we live with one another?",
        "Can a community do justice both to {word} and to {other}?",
        "What would {name} from {title} have to learn before living among us?",
    ),
    "is afraid of something": (
        "I am {asker}, and at night I cannot stop thinking about {word}. How does one bear it?",
        "Ever since I read of {name} I have been afraid that the same could happen here. What helps against that?",
        "What is one to do with fear, when the talk at table turns to {word} again?",
        "How did people on Earth bear {word}, and how shall I?",
    ),
    "asks what is right": (
        "What is right, when my friends ask one thing of me and {word} another?",
        "I am {asker}. If {word} and plain kindness pull apart, which of them should I follow?",
        "Was {name} in {title} right, or only obedient?",
        "Whom do I wrong less, when I must give up either {word} or {other}?",
    ),
    "asks how it will all": (
        "Will people a hundred years from now still be troubled by {word}?",
        "I am {asker}, and I wonder where all our talk of {word} is going to lead. Can you see that far?",
        "Is there an end to {word}, or shall we carry that to every world we settle?",
        "What will be left of people like {name} when the last book has been read?",
    ),
    "wants to understand": (
        "Why do people lose their calm as soon as {word} can be won or lost?",
        "I am {asker}. Why did people on Earth make so much of {word}?",
        "What made {name} in {title} act like that, and would any of us have acted otherwise?",
        "Why does nobody speak plainly about {word} and {other}?",
    ),
}
"""How an aim begins -> questions."""

QUOTED: Final = (
    "{title} has a line for it: “{quote}.”",
    "I keep one sentence from {title} for such hours: “{quote}.”",
    "Those who read {title} will remember the words: “{quote}.”",
    "In {title} it is set down quite plainly: “{quote}.”",
    "There is a sentence in {title} that many pass over: “{quote}.”",
    "Long ago somebody wrote in {title}: “{quote}.”",
)
NAMED: Final = (
    "I think of {name} in {title}, for whom {word} and {other} were never far apart.",
    "In {title} it is {name} who learns what can hang on {word}.",
    "Remember {name} in {title}, and how much was said there about {word}.",
)
CROWD: Final = (
    "{title} is full of {key}, and hardly one of those escapes the question of {word}.",
    "In {title}, too, whoever speaks of {key} ends by speaking of {word}.",
    "Watch the {key} in {title}, for there you see what {word} can make of people.",
    "There are {key} in {title} as there are none here, and still we know their trouble with {word}.",
)
"""For words that stand for something else; `key` is such a word, always a plural."""
PLAIN: Final = (
    "The people of {title} spoke of {word} and {other} in one breath.",
    "In {title}, too, everything comes back to {word}.",
    "Whoever reads {title} meets {word} on every page.",
)

COUNSEL: Final[dict[str, tuple[str, ...]]] = {
    "asks for advice": (
        "Ask first what those beside you would pay for your choice, in a matter of {word} above all.",
        "Do not settle a matter of {word} by yourself while there are others awake to ask.",
        "Ask of {word} what you would ask of a bridge, who crosses and who pays.",
    ),
    "doubts something": (
        "Doubt about {word} is no fault, as long as you doubt aloud and among friends.",
        "Nothing that is said of {word} grows truer by being repeated, so look for yourself.",
        "You are right to test the talk of {word}, and right to join the work all the same.",
    ),
    "wants to know what an old": (
        "The coats and carriages stayed on Earth, but {word} came up here with us.",
        "What was learned there about {word} was paid for, and we need not pay a second time.",
        "We have changed the sky above us, and still {word} can divide a family or bind a people.",
    ),
    "asks how people should live": (
        "Put {word} on the common table, where everyone can see what is being shared.",
        "People who must breathe the same air cannot leave {word} to a few.",
        "Speak of {word} before the quarrel and not after it, and most quarrels will not come.",
    ),
    "is afraid of something": (
        "What you fear in {word} grows in the dark and shrinks in company.",
        "Say aloud what it is about {word} that frightens you, and half of it is already gone.",
        "Others before you lay awake over {word}, and in the morning they got up.",
    ),
    "asks what is right": (
        "Where {word} may demand one thing and mercy another, ask who would bear the cost of each.",
        "The right course in a matter of {word} is the one you could explain to a child of the colony.",
        "Nobody has ever been made worse by giving {word} a second, slower thought.",
    ),
    "asks how it will all": (
        "They will still argue about {word} when these domes are ruins, and I hope they will do it kindly.",
        "Nobody can say what will become of {word}, but everybody can say what he did about that today.",
        "In the long run {word} will weigh as much as those who come after us allow.",
    ),
    "wants to understand": (
        "People act as they do because the thought of {word} is stronger in them than they admit.",
        "Look at what each of them stands to lose, and the talk of {word} explains itself.",
        "They had no one to tell them that {word} need not be carried alone.",
    ),
}
"""How an aim begins -> what follows for the colony."""

IMAGE: Final = (
    "If I had to say it in one word of mine, the word would be {image}.",
    "I call such a thing by its name, and its name is {image}.",
    "My own word for this is {image}.",
)
