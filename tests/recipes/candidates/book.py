"""A small book of our own: much that only happens, and in each chapter one place where somebody lives through it."""

from __future__ import annotations

INNER = [
    "Martha woke and did not know where she was. For a moment she felt happy without knowing why, as if somebody had "
    "promised her something in the dream; then the happiness went, and she tried to remember what it had been and "
    "could not. She lay still, afraid to lose even the feeling that she had lost it.",
    "He noticed that he was ashamed, and the strange thing was that he could not say of what. He asked himself whether "
    "it was the coat, or the money, or his laugh. The shame did not care for reasons. It sat in him, and he watched "
    "it with a kind of wonder, as one watches a bird that has come into a room.",
    "Suddenly all her anger was gone and she could not have said where. She searched herself for it, almost with "
    "regret. In its place was a calm so wide that it frightened her, and she doubted whether it was hers, whether "
    "she had not dreamed both the anger and its end.",
    "All the way home Jonas thought of the dead man’s hat. It was not grief, he felt sure of that; it was more like a "
    "memory of grief, remembered by somebody else. His heart beat slowly. He longed to weep, and the longing itself "
    "seemed to him false, and he despised it, and it stayed.",
    "She had hoped so long that hope had become a habit without joy. Now that the letter lay there she felt nothing "
    "but weariness, and a small dread, and under the dread something she was ashamed of: relief. She understood "
    "that she would have to learn again how to be happy, and did not know whether she wished it.",
    "Falling asleep he was aware of falling asleep, and it seemed to him that somebody stood at the edge of his mind "
    "and watched the thoughts go under one by one. He wondered who it was. He felt a tenderness for them, and a "
    "sorrow, and no fear at all, and then he forgot that he was watching.",
]
_WHO = ["the baker", "Mr. Ode", "the two sisters", "a clerk from the port", "the mayor", "old Ruth", "the carter"]
_DID = ["carried", "sold", "counted", "weighed", "mended", "painted", "measured"]
_WHAT = ["sacks of meal", "nine barrels", "the blue door", "a load of bricks", "the market scales", "the ferry’s rope"]
_WHERE = ["behind the church", "by the lower gate", "at the toll house", "in the yard", "on Bridge Street"]


def plain(seed: int, sentences: int) -> str:
    """A paragraph in which things are done; another one for each seed."""
    said = []
    for n in range(seed * 31, seed * 31 + sentences):
        who, did = _WHO[n % len(_WHO)], _DID[(n * 3 + n // 7) % len(_DID)]
        what, where = _WHAT[(n * 5 + n // 6) % len(_WHAT)], _WHERE[(n * 2 + n // 5) % len(_WHERE)]
        said.append(
            f"{who[0].upper()}{who[1:]} {did} {what} {where} for {n % 11 + 2} hours and was paid on the {n % 28 + 1}th."
        )
    return " ".join(said)


def book(chapters: int = 6) -> str:
    """The text, as a PDF's text is written: a paragraph a line."""
    parts = []
    for chapter in range(chapters):
        parts.append(f"CHAPTER {chapter + 1}")
        parts += [plain(chapter * 10 + n, 12) for n in range(3)]
        parts.append(INNER[chapter % len(INNER)])
        parts += [plain(chapter * 10 + n, 12) for n in range(3, 6)]
    return "\n\n".join(parts) + "\n"
