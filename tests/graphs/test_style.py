"""Each style rule broken once, and nothing said where nothing is broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.question import Question, ResponseKind, Turn
from graphs.records import Task
from graphs.rules.machine import boot_mode, machine_complaints
from graphs.rules.style import RULES, Style, laid_out, style_complaints

UEFI = "## State\n- Boot mode: UEFI\n- Network: Connected (enp3s0)\n- Disks: /dev/nvme0n1 (512G)\n- Hostname: not set"
BIOS = "Boot mode: BIOS (legacy)\nDisk: /dev/sda (80G)\nNetwork: Disconnected"


def solve(request: str, context: str = "") -> Task:
    question = Question(turns=(Turn(role="user", content=request),), context=context)
    return Task(mode="solve", question=question, reference="42")


def installer(response: str, *said: str, context: str = UEFI, kind: ResponseKind = "command") -> Task:
    roles = ("user", "assistant")
    turns = tuple(Turn(role=roles[i % 2], content=text) for i, text in enumerate(said or ("show me the disks",)))
    question = Question(turns=turns, context=context)
    return Task(mode="rationalise", question=question, reference=response, response_kind=kind)


SUM = solve("A beekeeper keeps 6 hives with 7 frames each. How many frames are there to check?")
LSBLK = installer("lsblk -d")
CHAIN = "sgdisk -Z /dev/nvme0n1 && sgdisk -n 1:0:+512M -t 1:ef00 /dev/nvme0n1"
PARTITION = installer(CHAIN, "use the nvme drive", "Erase it?", "yes")
ASKS = "Which disk do you mean, /dev/sda or the other one? All that is on it will go."
TEXT = installer(ASKS, "format the disk", context=BIOS, kind="text")
PARTS = installer(
    "lsblk -d", context=f"{UEFI}\n- Mounts: /dev/nvme0n1p2 on /mnt, /dev/nvme0n1p1 on /mnt/boot, /dev/sr0"
)
TWO = installer(ASKS, "format the disk", context=f"{BIOS}\nDisk: /dev/sdb (1T)\nMounts: /dev/sda1 on /mnt", kind="text")


GOOD: list[tuple[Style, Task, str]] = [
    ("qa", SUM, "Six hives hold 7 frames each, so 6 * 7 = 42 frames."),
    ("qa", solve("The teacher gives 3 hints. My instructions list 2. How many?"), "My instructions make it 3 + 2 = 5."),
    ("qa", SUM, "Frame by frame by frame, and 2 times 5 times 5 is no help, but 6 * 7 = 42 frames."),
    ("qa", SUM, "Thinking about hives: 6 of them.\nEach holds 7 frames.\nThat is 42."),
    ("installer", LSBLK, "User wants to see the disks.\nOn this UEFI system lsblk shows every block device."),
    ("installer", LSBLK, "User wants to see the disks.\n/dev/nvme0n1 should show up with 512 GB."),
    ("installer", LSBLK, "User wants to see the disks.\nThe network is up, but that does not matter to lsblk."),
    ("installer", LSBLK, "User wants to see the disks.\nNo hostname is set yet, so this comes early."),
    ("installer", PARTITION, "User confirmed.\nThis is UEFI, not BIOS, so a 512M partition of type ef00 comes first.\n"
     "Using sgdisk because nvme0n1 gets a GPT layout."),
    ("installer", PARTITION, "User said \"yes\" to `Erase it?`, which settles it.\nThe disk nvme0n1 boots with UEFI."),
    ("installer", TEXT, "User wants to format a disk on a BIOS system.\nWhich one is open, so asking comes first."),
    ("installer", installer("lsblk", context=""), "User wants to see the disks.\nUsing lsblk, which lists them."),
    ("installer", TEXT, "User wants to format a disk.\nsda is the only one, so little can go wrong."),
    ("installer", PARTS, "User wants to see the disks.\nnvme0n1 is the only disk, so lsblk is short."),
    ("installer", TWO, "User wants to format a disk.\nsda is the only one with a mount, so asking comes first."),
    ("installer", LSBLK, "User wants to see nvme0n1.\nUsing lsblk, because it lists every block device."),
]  # fmt: skip

BROKEN: list[tuple[Style, Task, str, str]] = [
    ("qa", SUM, "  \n", "is empty"),
    ("qa", SUM, "Six hives. " + "More words follow here. " * 80, "at most 1500"),
    ("qa", SUM, "Thinking: six hives hold 42 frames.", 'label "Thinking:"'),
    ("qa", SUM, "**Reasoning:** six hives hold 42 frames.", "label"),
    ("qa", SUM, "Six hives <notes> hold 42 frames.", "tag <notes>"),
    ("qa", SUM, "I'm sorry, but there are hives.", "refusal"),
    ("qa", SUM, "As an AI I count 42 frames.", "refusal"),
    ("qa", SUM, "The hint says to multiply, so 6 * 7 = 42.", '"The hint"'),
    ("qa", SUM, "This prompt asks for frames, so 42.", '"This prompt"'),
    ("qa", SUM, "The reference answer must be 42.", '"reference answer"'),
    ("qa", SUM, "The response says 42 frames, so 42.", '"The response says"'),
    ("qa", SUM, "a beekeeper keeps 6 hives with 7 frames each. How many frames are there to check", "only repeats"),
    ("qa", SUM, "There are six hives here. There are six hives here. There are six hives here. So 42.", "3 times"),
    ("installer", LSBLK, "User wants the disks of this UEFI system, so lsblk.", "Write 2 to 4 lines"),
    ("installer", LSBLK, "One UEFI.\nTwo.\nThree.\nFour.\nFive.", "there are 5 now"),
    ("installer", LSBLK, "User wants disks on UEFI.\n" + "word " * 40 + "end.", "at most 160"),
    ("installer", LSBLK, "User wants disks on UEFI.\nlsblk lists them", "full stop"),
    ("installer", LSBLK, "- User wants disks on UEFI.\n- lsblk lists them.", "list mark"),
    ("installer", LSBLK, "1. User wants disks on UEFI.\n2. lsblk lists them.", "list mark"),
    ("installer", LSBLK, "\n".join(f"Line {n} " + "of many words " * 10 + "UEFI." for n in range(4)), "in all"),
    ("installer", LSBLK, "Thinking: user wants disks.\nThis is UEFI, so lsblk.", "label"),
    ("installer", LSBLK, "I cannot help with disks.\nThis is UEFI.", "refusal"),
    ("installer", LSBLK, "You should see the disks.\nThis is UEFI, so lsblk.", "Do not speak to the user"),
    ("installer", LSBLK, "I'd be happy to list disks.\nThis is UEFI, so lsblk.", "Do not speak to the user"),
    ("installer", PARTITION, f"User confirmed on UEFI.\nRunning {CHAIN}.", "whole command"),
    ("installer", PARTITION, f"User confirmed on UEFI.\nFirst {CHAIN.replace(' &&', ', then')}.", "whole command"),
    ("installer", TEXT, f"User wants to format on BIOS.\n{ASKS}", "Do not repeat the response"),
    ("installer", LSBLK, "User wants to see the disks.\nUsing lsblk, which lists them.", 'such as "UEFI"'),
    ("qa", SUM, "He checks 7 frames in March 2012, in March 2012, so 42 in all.", '"in March 2012" stands there twice'),
    ("installer", LSBLK, "User wants disks on UEFI.\nThere is /dev/sda to be seen.", '"/dev/sda"'),
    ("installer", LSBLK, "User wants disks on UEFI.\nThere is nvme1n1 to be seen.", '"nvme1n1"'),
    ("installer", LSBLK, "User wants disks on UEFI.\nThere is nvme0n1p3 to be seen.", '"nvme0n1p3"'),
    ("installer", LSBLK, "User wants disks on UEFI.\nThe disk has 1 TB.", '"1 TB"'),
    ("installer", LSBLK, "User wants disks.\nThis is a BIOS system.", 'boot mode is UEFI: correct "BIOS"'),
    ("installer", LSBLK, "User wants disks.\nThis machine, /dev/nvme0n1, boots in legacy mode.", 'correct "legacy"'),
    ("installer", LSBLK, "User wants disks.\nThis is not UEFI, so lsblk.", "do not deny it"),
    ("installer", installer("lsblk", context=""), "User wants disks.\nThis is UEFI, so lsblk.", "Nothing given says"),
    ("installer", LSBLK, "User wants disks on UEFI.\nThe network is down, so lsblk.", '"network is down"'),
    ("installer", installer("lsblk", context=BIOS), "User wants disks on BIOS.\nThe network is connected.", "correct"),
    ("installer", LSBLK, "User wants disks on UEFI.\nThey go to /mnt/data later.", '"/mnt/data"'),
    ("installer", LSBLK, "User wants disks on UEFI.\nThe gateway is 192.168.0.1.", '"192.168.0.1"'),
    ("installer", LSBLK, "User wants disks on UEFI.\nThe machine is named heron.", '"heron"'),
    ("installer", LSBLK, "User wants disks on UEFI.\nAn account for mira comes later.", '"mira"'),
    ("installer", LSBLK, "User wants disks on UEFI.\nUsing parted, which lists them.", '"parted"'),
    ("installer", TWO, "User wants to format a disk.\nThis is BIOS, so it is the only one.", "has 2 disks (sda, sdb)"),
    ("installer", LSBLK, "On UEFI nvme0n1 must be shown.\nUsing lsblk, since nvme0n1 must be shown.", "another reason"),
]  # fmt: skip


@pytest.mark.parametrize(("style", "task", "thinking"), GOOD)
def test_nothing_is_said_of_what_holds(style: Style, task: Task, thinking: str) -> None:
    assert style_complaints(style, task, thinking) == []


@pytest.mark.parametrize(("style", "task", "thinking", "said"), BROKEN)
def test_a_breach_is_named_and_nothing_else(style: Style, task: Task, thinking: str, said: str) -> None:
    complaints = style_complaints(style, task, thinking)
    assert [c for c in complaints if said in c], complaints
    assert len(complaints) <= 2, complaints  # what is overlong in one way may be so in another
    assert all(c[0].isupper() or c[0] == '"' for c in complaints)
    assert all(c.endswith(".") for c in complaints)


@pytest.mark.parametrize(
    ("context", "mode"),
    [
        ("Boot mode: UEFI", "UEFI"),
        ("- Firmware: BIOS", "BIOS"),
        ("boot_mode = legacy", "BIOS"),
        ("- Boot mode: UEFI (legacy support off)", "UEFI"),
        ("The machine started in UEFI mode.", "UEFI"),
        ("UEFI or BIOS, nobody knows.", None),
        ("Disk: /dev/sda", None),
        ("", None),
    ],
)
def test_the_boot_mode_is_read_from_lines_and_prose(context: str, mode: str | None) -> None:
    assert boot_mode(context) == mode


@pytest.mark.parametrize(
    ("given", "thinking"),
    [
        ("a 20 gig root", "root gets 20G"),
        ("mkfs.ext4 /dev/sda2", "the disk sda"),
        ("/dev/nvme0n1p1", "the disk nvme0n1"),
        ("+512MiB", "512 MB"),
        ("mount on /mnt/boot", "under /mnt"),
        ("either/or and TCP/IP", "and/or TCP/IP"),
        ("mkfs.fat -F32", "using mkfs.fat"),
        ("grub on BIOS or UEFI?", "the choice of BIOS or UEFI"),
        ("nothing", "using free space"),
    ],
)
def test_facts_in_another_spelling_are_no_inventions(given: str, thinking: str) -> None:
    assert machine_complaints("", given, thinking) == []


@given(st.text(max_size=300), st.text(max_size=200), st.sampled_from(["qa", "installer"]))
def test_any_text_is_judged_alike_twice(thinking: str, context: str, style: Style) -> None:
    task = installer("lsblk", "show the disks", context=context)
    first = style_complaints(style, task, thinking)
    assert first == style_complaints(style, task, thinking)
    assert first or thinking.strip()


@pytest.mark.parametrize("style", ["qa", "installer"])
def test_the_rules_shown_to_models_fit_a_list(style: Style) -> None:
    assert all(r.endswith(".") and "\n" not in r for r in RULES[style])


def test_a_paragraph_a_list_and_a_whole_command_are_laid_out_and_nothing_else_is_touched() -> None:
    command = "grub-install --target=i386-pc --boot-directory=/mnt/boot /dev/sda"
    asked = installer(command, context="## State\n- Boot mode: BIOS (legacy)\n- Disks: /dev/sda (80G)")
    lines = "The user wants a boot loader.\nThe mode is BIOS.\n`grub-install` puts GRUB on /dev/sda."
    told = f"The user wants a boot loader. The mode is BIOS. `{command}` puts GRUB on /dev/sda."
    assert laid_out("installer", asked, told) == lines
    assert laid_out("installer", asked, f"- {told}".replace(". ", ".\n- ")) == lines
    assert laid_out("installer", asked, lines) == lines
    assert laid_out("qa", asked, told) == told
    assert style_complaints("installer", asked, lines) == []
    assert style_complaints("installer", asked, told)
    chain = "sudo wipefs -a /dev/sda && mkfs.ext4 /dev/sda1 | tee log"
    assert (
        laid_out("installer", installer(chain), f"It is {chain} here.\nSo.")
        == "It is wipefs, mkfs.ext4, tee here.\nSo."
    )


def test_what_is_only_asked_is_no_claim_and_what_stands_in_backticks_has_to_stand_there() -> None:
    asked = installer("ping -c 3 example.org", context="## State\n- Network: Disconnected")
    said = "The user wants to know if the internet is working.\nThe network is disconnected.\n{} sends three packets."
    assert style_complaints("installer", asked, said.format("`ping`")) == []
    assert '"pingg" stands neither' in style_complaints("installer", asked, said.format("`pingg`"))[0]
    assert style_complaints("installer", asked, "The internet is working.\nSo `ping` answers.")
