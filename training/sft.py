"""Supervised fine-tuning: `python -m training.sft --config sft_config.yaml training.learning_rate=1e-4 ...`."""

from __future__ import annotations

import sys
from typing import Any

from training import artifacts, base, configs, estimate, proof, tokens
from training.place import find
from training.progress import Finished, emit, main
from training.schedule import schedule


def run(config: configs.SftConfig) -> Finished:
    """Trains an adapter (or all of a model) on rows, the loss on their answers alone, and publishes it.

    A folder that this very run has finished is taken over; one that it has begun is gone on with, from the last whole
    checkpoint, to the same losses as if nothing had happened.

    Raises:
        InvalidInput: no rows, a row that is wrong or too long, settings that can't run, a model that is refused.
        Missing: a model that is not here and can't be fetched.
        OutOfResource: the disk is full.
    """
    data = config.data
    rows = tokens.read_rows(data.train_file, data.thinking)
    held_out = tokens.read_rows(data.validation_file, data.thinking) if data.validation_file else None
    sha256 = artifacts.dataset_sha256([data.train_file, data.validation_file])
    from training import fit, telling  # here, because they load torch: bad settings and rows are told at once

    place = find(config)
    weights = fit.beginning(place)
    if done := fit.taken_over(config, "sft", sha256, weights):
        return done

    tokenizer = base.tokenizer(place.folder, place.base)
    train_set = tokens.sft_dataset(tokenizer, rows, data.max_seq_length)
    eval_set = tokens.sft_dataset(tokenizer, held_out, data.max_seq_length) if held_out else None
    plan = schedule(config.training, tokens.sequences(train_set, config))
    estimate.tell(config, place, [len(ids) for ids in train_set["input_ids"]], plan)

    with fit.workplace(config, "sft", sha256, weights) as work:
        emit("step", stage="loading", step=0, steps=1)
        from transformers import set_seed
        from trl import SFTConfig, SFTTrainer

        set_seed(config.training.seed)
        model = fit.load_model(config, place)
        held = fit.exact(config, model)
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(
                **fit.arguments(config, work, plan, validates=eval_set is not None) | _packing(config),
            ),
            train_dataset=train_set,
            eval_dataset=eval_set,
            processing_class=tokenizer,
            peft_config=fit.new_adapter(config, place),
        )
        fit.in_float32(config, trainer, held)
        emit("step", stage="loading", step=1, steps=1)

        shown = proof.prove_sft(
            tokenizer,
            rows,
            train_set,
            trainer.train_dataset,
            trainer.data_collator,
            end=tokens.end_of_turn(tokenizer),
            max_seq_length=data.max_seq_length,
        )
        fit.show_proof(work, shown)

        teller = telling.Telling(config.logging.logging_steps)
        metrics = fit.train(trainer, config, work, teller)
        metrics |= {
            "rows": len(rows),
            "validation_rows": len(held_out or ()),
            "tokens": sum(map(len, train_set["input_ids"])),
            "tokens_trained": tokens.trained(train_set),
        }
        return fit.finish(
            trainer,
            config,
            "sft",
            work,
            place=place,
            dataset_sha256=sha256,
            weights=weights,
            metrics=metrics,
            proof=shown,
        )


def _packing(config: configs.SftConfig) -> dict[str, Any]:
    """TRL lays the packs of a batch end to end, as one row that attends to all of itself: each pack by itself costs
    less wherever attention is not made for that, and the mean over all tokens of a step is the same.
    """
    if not config.training.packing:
        return {"packing": False}
    training = config.training
    return {
        "packing": True,
        "eval_packing": False,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": training.per_device_train_batch_size * training.gradient_accumulation_steps,
    }


if __name__ == "__main__":
    sys.exit(main("sft", configs.SftConfig, run, sys.argv[1:]))
