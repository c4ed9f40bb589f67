"""Reasons that do not fit what they are given for fail the rule-based judge, which says what would."""

import pytest

from agents.offline import meaning, speak
from agents.prompting import render
from agents.question import Question, Turn
from agents.verdict import Verdict

STATE = (
    "- Boot mode: UEFI\n- Network: Disconnected\n- Disks: /dev/sda (500G)\n- Hostname: not set\n"
    "- Mounts: /dev/sda1 on /mnt"
)
NETWORK = 'The state says "Network: Disconnected", so it has to be tested.'
TWO = "Which of the two, /dev/sda or /dev/sdb?"
LAST = "Using ping shows whether the network answers."


def _judged(asked: str, response: str, *lines: str) -> Verdict:
    question = Question(turns=(Turn(role="user", content=asked),), context=STATE)
    prompt = render("judge_rationalise", question=question, response=response, thinking="\n".join(lines), rules=[])
    return Verdict.model_validate_json(speak.reply("offline/evaluator", prompt.messages()))


@pytest.mark.parametrize(
    ("asked", "response", "lines"),
    [
        ("is it online?", "ping -c 3 example.org", (NETWORK, "Using ping, since it shows whether a network answers.")),
        ("is it online?", "ping -c 3 example.org", (NETWORK, "Using ping: it sends test packets.")),
        ("call it h", "hostnamectl set-hostname h", ('The state says "Hostname: not set".', "Using hostnamectl.")),
        ("go on", "frobnicate", ('The state says "Hostname: not set".', "Using frobnicate, since it fits.")),
        ("format the disk", TWO, ('The state says "Disks: /dev/sda (500G)".', "Asking which disk, since it is wiped.")),
    ],
)  # fmt: skip
def test_reasons_that_fit_pass(asked: str, response: str, lines: tuple[str, ...]) -> None:
    verdict = _judged(asked, response, "User wants that.", *lines)
    assert verdict.right, verdict.critique


@pytest.mark.parametrize(
    ("asked", "response", "line", "told"),
    [
        (
            "is it online?",
            "ping -c 3 example.org",
            'The state says "Disks: /dev/sda (500G)", so it has to be pinged.',
            '"Disks: /dev/sda (500G)" has nothing to do with ping',
        ),
        ("is it online?", "ping -c 3 example.org", "Using ping, since it is a service.", "ping sends test packets"),
        (
            "format the disk",
            TWO,
            'Asking which disk.\nThe state says "Boot mode: UEFI", so it is a boot mode.',
            '"Boot mode: UEFI" has nothing to do with the response',
        ),
        (
            "prepare the disk",
            "parted -s /dev/sda mklabel gpt",
            'The state says "Disks: /dev/sda (500G)", so it has to be prepared.\nUsing parted: it writes partitions.',
            'only says the wish again: say what "Disks: /dev/sda (500G)" means',
        ),
        (
            "install the boot loader",
            "grub-install /dev/sda",
            'The state says "Mounts: /dev/sda1 on /mnt", so it needs to be mounted.\nUsing grub-install.',
            '"so it needs to be mounted" does not follow: say what "Mounts: /dev/sda1 on /mnt" means',
        ),
        (
            "prepare the disk",
            "parted -s /dev/sda mklabel gpt",
            'The state says "Disks: /dev/sda (500G)".\nUsing parted, since it prepares the disk.',
            "parted writes partition tables and partitions from the command line: give that as the reason",
        ),
        (
            "install the boot loader",
            "grub-install /dev/sda",
            "The state says that the boot loader is already installed.\nUsing grub-install.",
            '"already installed": nothing that was given says so',
        ),
        (
            "install the boot loader",
            "grub-install /dev/sda",
            'The state says "Mounts: /dev/sda1 on /mnt", so that is a window.\nUsing grub-install.',
            '"so that is a window" does not follow',
        ),
        (
            "is it online?",
            "ping -c 3 example.org",
            "Using ping, which is a network ping that sends no test.",
            "ping sends test packets",
        ),
        (
            "prepare the disk",
            "parted -s /dev/sda mklabel gpt",
            "Using parted, the user writes partition tables.",
            "parted writes partition tables",
        ),
        (
            "install the boot loader",
            "grub-install /dev/sda",
            'The state says "Disks: /dev/sda (500G)", so that is still to be done.\nUsing grub-install.',
            '"so that is still to be done" does not follow',
        ),
        (
            "format the disk",
            "Which one? Everything on it will be lost.",
            "Asking which disk, since nothing on it will be lost.",
            '"nothing on it will be lost" is the opposite',
        ),
        ("format the disk", TWO, "User is asked to format a disk.", "it is the user who asks"),
        ("format the disk", TWO, "Asking which disk, which is a command.", "The response is words"),
    ],
)
def test_reasons_beside_the_matter_fail_and_the_critique_says_what_would_fit(
    asked: str, response: str, line: str, told: str
) -> None:
    verdict = _judged(asked, response, "User wants that.", line, LAST)
    assert not verdict.right
    assert told in verdict.critique


def test_what_is_said_twice_within_a_line_is_said_twice() -> None:
    said = "Asking for the disk, which is a copy of the Windows, which is a copy of the Windows."
    verdict = _judged("format the disk", TWO, "User wants that.", said, LAST)
    assert verdict.critique == "It says the same thing twice."
    assert verdict.mean <= 0.5


@pytest.mark.parametrize(
    ("asked", "response", "critique", "hint"),
    [
        (
            "prepare the disk",
            "parted -s /dev/sda mklabel gpt",
            '"so it is" only says the wish again: say what "Disks: /dev/sda (500G)" means for it.',
            'The state says "Disks: /dev/sda (500G)", so there is only one to choose. parted writes partition tables',
        ),
        (
            "install the boot loader",
            "grub-install /dev/sda",
            '"so it is" does not follow: say what "Mounts: /dev/sda1 on /mnt" means.',
            'The state says "Mounts: /dev/sda1 on /mnt", so the new system is at /mnt. grub-install installs the GRUB',
        ),
        (
            "is it online?",
            "ping -c 3 example.org",
            "Name a concrete detail of the system state that matters here, such as UEFI.",
            'The state says "Network: Disconnected", so no answer is to be expected. ping sends test packets',
        ),
        (
            "call it h",
            "hostnamectl set-hostname h",
            "Name a concrete detail of the system state that matters here, such as UEFI.",
            'The state says "Hostname: not set", so that is still to be done. hostnamectl sets the name',
        ),
        (
            "format the disk",
            TWO,
            "Name a concrete detail of the system state that matters here, such as UEFI.",
            'The state says "Disks: /dev/sda (500G)", so there is only one to choose.',
        ),
    ],
)
def test_the_teacher_tells_what_a_fact_means_and_what_the_program_does(
    asked: str, response: str, critique: str, hint: str
) -> None:
    question = Question(turns=(Turn(role="user", content=asked),), context=STATE)
    prompt = render(
        "coach_rationalise", question=question, response=response, thinking="User wants it.", critique=critique,
        hints=[], rules=[], level=1,
    )  # fmt: skip
    assert speak.reply("offline/teacher", prompt.messages()).startswith(f"Hint: {hint}")


@pytest.mark.parametrize(
    ("fact", "programs", "means"),
    [
        ("Boot mode: UEFI", ["sgdisk"], "the disk needs an EFI system partition"),
        ("Boot mode: BIOS (legacy)", ["grub-install"], "the boot loader goes to the disk itself"),
        ("Boot mode: UEFI", ["ping"], ""),
        ("Mounts: none", ["mkfs.ext4"], "nothing on the disk is in use"),
        ("Mounts: none", ["mount"], "the new system is not attached yet"),
        ("Mounts: none", ["hostnamectl"], ""),
        ("Mounts: /dev/sda1 on /mnt", ["umount"], "/dev/sda1 is in use"),
        ("Disks: /dev/sda (500G), /dev/sda1", ["sgdisk"], "there is only one to choose"),
        ("Disks: /dev/sda (500G), /dev/sdb (1T)", [], "there are two to choose from"),
        ("Disks: none", ["lsblk"], ""),
        ("Network: Connected (eth0)", ["pacman"], "the network can be used"),
        ("Network: Disconnected", ["curl"], "nothing can be fetched yet"),
        ("Network: Disconnected", ["useradd"], ""),
        ("Hostname: not set", ["hostnamectl"], "that is still to be done"),
        ("Hostname: heron", ["hostnamectl"], ""),
        ("Hostname: not set", [], ""),
    ],
)
def test_what_a_fact_means_depends_on_what_is_run(fact: str, programs: list[str], means: str) -> None:
    assert meaning.of(fact, programs) == means


DEEP = (
    "Jacques Piccard and Don Walsh were the first to reach its bottom, in 1960. "
    "More than fifty years later James Cameron went down alone, in March 2012."
)


@pytest.mark.parametrize(
    ("thinking", "holds"),
    [
        ("The text says that James Cameron went down alone, in March 2012.", True),
        ("The text says that Jacques Piccard and Don Walsh were the first.", True),
        ("The text says that it was first reached by James Cameron in March 2012.", False),
    ],
)
def test_what_the_source_says_is_said_in_one_place(thinking: str, holds: bool) -> None:
    question = Question(turns=(Turn(role="user", content="Who was the first to go down alone?"),), context=DEEP)
    seen = {"thinking": thinking, "answer": "James Cameron", "reference": "James Cameron"}
    prompt = render("judge_solve", question=question, known=True, **seen)
    verdict = Verdict.model_validate_json(speak.reply("offline/evaluator", prompt.messages()))
    assert (verdict.mean >= 0.6) is holds
    assert ("No one place of the source says" in verdict.critique) is not holds


@pytest.mark.parametrize(
    ("said", "holds"),
    [("in the British Museum", True), ("on the British Museum", False), ("at the British Museum", False)],
)
def test_small_words_are_those_of_the_source(said: str, holds: bool) -> None:
    source = "The Rosetta Stone has been on show in the British Museum since 1802."
    question = Question(turns=(Turn(role="user", content="Where is the Rosetta Stone on show?"),), context=source)
    seen = {"thinking": f"The text says that the stone is {said}.\nSo it is on show there.", "answer": "British Museum"}
    prompt = render("judge_solve", question=question, known=True, reference="the British Museum", **seen)
    verdict = Verdict.model_validate_json(speak.reply("offline/evaluator", prompt.messages()))
    assert ('the source has "in"' in verdict.critique) is not holds
    assert (verdict.facts == 0) is not holds
