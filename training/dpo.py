"""Direct preference optimization: `python -m training.dpo --config dpo_config.yaml training.beta=0.2 ...`."""

from __future__ import annotations

import sys

from training import artifacts, base, configs, estimate, proof, tokens
from training.place import find
from training.progress import Finished, emit, main
from training.schedule import schedule


def run(config: configs.DpoConfig) -> Finished:
    """Trains a model to prefer the chosen answer of each pair to the rejected one, and publishes it.

    An adapter, as SFT leaves one, is trained further as it is, and its own beginning is the reference; of a whole model
    a new adapter is trained (the model being the reference), or all of it with `use_lora=false`. The reference's
    log-probabilities are computed once, before the first step.

    A run that is finished or begun is taken over or gone on with, as by `training.sft`.

    Raises:
        InvalidInput: no pairs, a pair that is wrong or too long, settings that can't run, a model that is refused.
        Missing: a model that is not here and can't be fetched.
        OutOfResource: the disk is full.
    """
    data = config.data
    pairs = tokens.read_pairs(data.preference_file, data.thinking)
    held_out = tokens.read_pairs(data.validation_file, data.thinking) if data.validation_file else None
    sha256 = artifacts.dataset_sha256([data.preference_file, data.validation_file])
    from training import fit, telling  # here, because they load torch: bad settings and rows are told at once

    place = find(config)
    weights = fit.beginning(place)
    if done := fit.taken_over(config, "dpo", sha256, weights):
        return done

    tokenizer = base.tokenizer(place.folder, place.base)
    train_set = tokens.dpo_dataset(tokenizer, pairs, data.max_seq_length)
    eval_set = tokens.dpo_dataset(tokenizer, held_out, data.max_seq_length) if held_out else None
    plan = schedule(config.training, len(train_set))
    estimate.tell(config, place, tokens.pair_lengths(train_set), plan)

    with fit.workplace(config, "dpo", sha256, weights) as work:
        emit("step", stage="loading", step=0, steps=1)
        from transformers import set_seed
        from trl import DPOConfig

        from training.preference import PreferenceTrainer

        set_seed(config.training.seed)
        model = fit.load_model(config, place)
        held = fit.exact(config, model)
        trainer = PreferenceTrainer(
            model=model,
            args=DPOConfig(
                **fit.arguments(config, work, plan, validates=eval_set is not None),
                beta=config.training.beta,
                loss_type=[config.training.loss_type],
                precompute_ref_log_probs=True,
            ),
            train_dataset=train_set,
            eval_dataset=eval_set,
            processing_class=tokenizer,
            peft_config=fit.new_adapter(config, place),
        )
        fit.in_float32(config, trainer, held)
        emit("step", stage="loading", step=1, steps=1)

        shown = proof.prove_dpo(
            tokenizer,
            pairs,
            trainer.train_dataset,
            trainer.data_collator,
            end=tokens.end_of_turn(tokenizer),
            max_seq_length=data.max_seq_length,
        )
        fit.show_proof(work, shown)

        metrics = fit.train(trainer, config, work, telling.Telling(config.logging.logging_steps))
        metrics |= {"rows": len(pairs), "validation_rows": len(held_out or ()), **fit.rewards(trainer)}
        return fit.finish(
            trainer,
            config,
            "dpo",
            work,
            place=place,
            dataset_sha256=sha256,
            weights=weights,
            metrics=metrics,
            proof=shown,
        )


if __name__ == "__main__":
    sys.exit(main("dpo", configs.DpoConfig, run, sys.argv[1:]))
