import type { Problem } from '../../errors.js';
import { zero3 } from './deepspeed.js';
import {
  divisibleRows,
  type TrainingEngine,
  type TrainingPlan,
  type TrainingRequest,
  trainerArguments,
} from './engine.js';
import { TRAINING_ARGUMENTS } from './trainer-settings.js';

/** transformers' Trainer with DeepSpeed Ulysses: every GPU holds a part of each sequence, and some heads of all of it. */
export const hfTrainer: TrainingEngine = {
  // The Ulysses data loader cuts position_ids with the rest and fails without them.
  columns: ['input_ids', 'attention_mask', 'labels', 'position_ids'],
  rows: 'concatenated',
  lists: 'long',
  carriesOut: TRAINING_ARGUMENTS,
  parallel: () => 1,
  check: (request) => [...divisibleRows(request), ...headProblems(request)],
  files: (plan) =>
    new Map([
      ['training_arguments.json', argumentsFile(plan)],
      ['deepspeed.json', zero3()],
      ['train.py', trainingScript(plan)],
    ]),
  launch: ({ gpus }) => [`torchrun --nproc_per_node=${gpus} train.py training_arguments.json`],
  notes: [
    'transformers 5, accelerate 1.12 or later, deepspeed 0.18.2 or later, datasets, flash-attn.',
    'For another number of GPUs export again: it is in train.py.',
  ],
};

function headProblems({ spec, gpus }: TrainingRequest): Problem[] {
  const problems: Problem[] = [];
  if (spec.heads % gpus !== 0)
    problems.push({
      where: `--gpus ${gpus}`,
      expected: `a divisor of the ${spec.heads} attention heads, which Ulysses deals out`,
      found: `${gpus}`,
    });
  else if (spec.keyValueHeads % gpus !== 0 && gpus % spec.keyValueHeads !== 0)
    problems.push({
      where: `--gpus ${gpus}`,
      expected: `a divisor or a multiple of the ${spec.keyValueHeads} key-value heads`,
      found: `${gpus}`,
    });
  return problems;
}

function argumentsFile(plan: TrainingPlan): string {
  const values = { ...trainerArguments(plan, 1), gradient_checkpointing: true, remove_unused_columns: false };
  return `${JSON.stringify(values, null, 2)}\n`;
}

function trainingScript({ gpus, rowTokens }: TrainingPlan): string {
  const parallel =
    gpus === 1
      ? ''
      : `
    values["parallelism_config"] = ParallelismConfig(
        sp_backend="deepspeed",
        sp_size=${gpus},
        dp_replicate_size=1,
        sp_handler=DeepSpeedSequenceParallelConfig(
            sp_seq_length=${rowTokens},
            sp_seq_length_is_variable=False,
            sp_attn_implementation="flash_attention_2",
        ),
    )`;
  const imports = gpus === 1 ? '' : '\nfrom accelerate.utils import DeepSpeedSequenceParallelConfig, ParallelismConfig';
  return `"""Trains ./model on ./data: train.py training_arguments.json; made by longrope export training"""

import json
import sys
from pathlib import Path

import datasets${imports}
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments, default_data_collator


def main():
    values = json.loads(Path(sys.argv[1]).read_text())${parallel}
    arguments = TrainingArguments(**values)
    attention = "sdpa" if arguments.use_cpu else "flash_attention_2"
    trainer = Trainer(
        model=AutoModelForCausalLM.from_pretrained("./model", attn_implementation=attention),
        args=arguments,
        train_dataset=datasets.load_from_disk("./data"),
        data_collator=default_data_collator,
        processing_class=AutoTokenizer.from_pretrained("./model"),
    )
    trainer.train()
    trainer.save_model(arguments.output_dir)


if __name__ == "__main__":
    main()
`;
}
