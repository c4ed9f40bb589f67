"""Files for other people's trainers, that stand beside the rows, and what they are to know."""

from __future__ import annotations

import json
from typing import Any, Final

import yaml

SYSTEM_PROMPT: Final = """\
You have an inner life, and you speak from within it. Before you answer, turn to what is going on in you: what you \
notice, what you feel, what you are unsure of, what of the talk so far is still with you. Where it helps, write this \
between <thinking> and </thinking> before your answer. Speak in the first person and in the present. Leave open what \
is open; do not explain yourself away.
"""
"""What calls up the trained pattern when the model is used: fine-tuning teaches it, this asks for it."""

SIZES: Final = (
    # parameters, examples: at least, better, best
    ("7B", 100, "500", "1,000-2,000"),
    ("30B", 200, "800", "2,000-3,000"),
    ("70B", 300, "1,000", "2,000-4,000"),
    ("405B", 500, "1,500", "3,000-5,000"),
)


def size_advice(examples: int) -> str:
    """The table of how much data a model of each size wants, and which sizes `examples` are enough for."""
    lines = ["model   minimum  recommended  ideal"]
    lines += [f"{size:<8}{least:<9}{better:<13}{best}" for size, least, better, best in SIZES]
    enough = [size for size, least, _, _ in SIZES if examples >= least]
    told = f"enough to begin with for {', '.join(enough)}" if enough else f"fewer than the {SIZES[0][1]} to begin with"
    lines.append(f"{examples} examples: {told}. A few hundred that a person has read beat thousands nobody has.")
    return "\n".join(lines) + "\n"


def axolotl(data: str, base_model: str, held: str = "") -> str:
    """A LoRA configuration for Axolotl over the Alpaca rows. `held`: the file of those held out, if there is one."""
    config: dict[str, Any] = {
        "base_model": base_model,
        "load_in_8bit": False,
        "load_in_4bit": True,
        "datasets": [{"path": data, "type": "alpaca"}],
        **({"test_datasets": [{"path": held, "type": "alpaca", "split": "train"}]} if held else {}),
        "val_set_size": 0.0,  # the split by source is in the files
        "adapter": "qlora",
        "lora_r": 16,
        "lora_alpha": 32,
        "lora_dropout": 0.05,
        "lora_target_linear": True,
        "sequence_len": 2048,
        "sample_packing": False,  # a few hundred rows: packing would leave a handful of steps
        "train_on_inputs": False,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 4,
        "num_epochs": 3,
        "optimizer": "adamw_torch",
        "lr_scheduler": "cosine",
        "learning_rate": 0.0002,
        "bf16": "auto",
        **({"evals_per_epoch": 1} if held else {}),
        "output_dir": "./outputs/inner-life-lora",
    }
    return yaml.safe_dump(config, sort_keys=False)


def llama_factory(names: dict[str, str], held: dict[str, str] | None = None) -> str:
    """`dataset_info.json` for LLaMA-Factory. `names`: format -> file, of alpaca, sharegpt and chatml.

    `held`: the same of the rows held out, entries of their own for its eval_dataset.
    """
    known: dict[str, dict[str, Any]] = {
        "alpaca": {
            "formatting": "alpaca",
            "columns": {"prompt": "instruction", "query": "input", "response": "output"},
        },
        "sharegpt": {"formatting": "sharegpt", "columns": {"messages": "conversations"}},
        "chatml": {
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "system_tag": "system",
            },
        },
    }
    info = {f"inner_life_{kind}": {"file_name": name, **known[kind]} for kind, name in names.items()}
    info |= {f"inner_life_{kind}_val": {"file_name": name, **known[kind]} for kind, name in (held or {}).items()}
    return json.dumps(info, indent=2) + "\n"


def unsloth(data: str, base_model: str, held: str = "") -> str:
    """A script that trains a LoRA on the chat rows with Unsloth and TRL. `held`: rows held out, if there are any."""
    evaluated = f"\n    eval_dataset=texts({held!r})," if held else ""
    when = '\n        eval_strategy="epoch",' if held else ""
    return f'''"""Trains a LoRA adapter on {data} with Unsloth. Needs a GPU, and: pip install unsloth trl datasets"""

from unsloth import FastLanguageModel  # first: it changes what the others import

from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

LENGTH = 2048

model, tokenizer = FastLanguageModel.from_pretrained({base_model!r}, max_seq_length=LENGTH, load_in_4bit=True)
model = FastLanguageModel.get_peft_model(
    model,
    r=16,
    lora_alpha=32,
    lora_dropout=0,
    target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    use_gradient_checkpointing="unsloth",
)


def texts(file):
    rows = load_dataset("json", data_files=file, split="train")
    return rows.map(
        lambda row: {{"text": tokenizer.apply_chat_template(row["messages"], tokenize=False)}},
        remove_columns=rows.column_names,
    )


rows = texts({data!r})
print(rows[0]["text"])  # look at what is really trained, before it is

SFTTrainer(
    model=model,
    processing_class=tokenizer,
    train_dataset=rows,{evaluated}
    args=SFTConfig(
        output_dir="outputs/inner-life-lora",
        dataset_text_field="text",
        max_length=LENGTH,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=4,
        num_train_epochs=3,{when}
        learning_rate=2e-4,
        report_to="none",
    ),
).train()
model.save_pretrained("outputs/inner-life-lora")
tokenizer.save_pretrained("outputs/inner-life-lora")
'''
