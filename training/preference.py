"""TRL's DPO trainer on rows that are token ids already."""

from __future__ import annotations

from typing import Any

from datasets import Dataset
from peft import PeftModel
from trl import DPOTrainer

from training.progress import emit


class PreferenceTrainer(DPOTrainer):
    """Takes `prompt_ids`, `chosen_ids` and `rejected_ids` as they are.

    TRL would tokenise the texts again, with a second BOS where the chat template writes one already.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The copy that the reference was computed with has done its work; kept, it would be saved as a stray `ref/`.
        if isinstance(self.model, PeftModel) and "ref" in self.model.peft_config:
            self.model.delete_adapter("ref")

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        emit("step", stage="reference", step=0, steps=len(dataset))
        found: Dataset = super()._precompute_ref_logps(dataset, name, batch_size)
        emit("step", stage="reference", step=len(dataset), steps=len(dataset))
        return found
