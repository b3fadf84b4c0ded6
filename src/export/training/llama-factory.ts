import { stringify } from 'yaml';
import { zero3 } from './deepspeed.js';
import { type TrainingEngine, trainerArguments } from './engine.js';
import { TRAINING_ARGUMENTS } from './trainer-settings.js';

/** LLaMA-Factory, stage pt with ZeRO-3; keys of its argument classes (src/llamafactory/hparams) and TrainingArguments. */
export const llamaFactory: TrainingEngine = {
  columns: ['input_ids', 'attention_mask'],
  rows: 'concatenated',
  lists: 'long',
  carriesOut: TRAINING_ARGUMENTS,
  parallel: (gpus) => gpus,
  check: () => [],
  files: (plan) =>
    new Map([
      [
        'llama-factory.yaml',
        stringify({
          model_name_or_path: './model',
          stage: 'pt',
          do_train: true,
          finetuning_type: 'full',
          flash_attn: 'fa2',
          enable_liger_kernel: true,
          // Asked for even where tokenised rows are there, which then stand for it.
          dataset: 'tokenized',
          tokenized_path: './data',
          cutoff_len: plan.rowTokens,
          packing: false,
          overwrite_output_dir: true,
          ddp_timeout: 180_000_000,
          ...trainerArguments(plan, plan.gpus),
        }),
      ],
      ['deepspeed.json', zero3()],
    ]),
  launch: ({ gpus }) => [`FORCE_TORCHRUN=1 NPROC_PER_NODE=${gpus} llamafactory-cli train llama-factory.yaml`],
  notes: [
    'LLaMA-Factory with deepspeed, flash-attn and liger-kernel.',
    'Leave `rope_scaling` unset: every value it takes (linear, dynamic, yarn, llama3) overwrites the factors.',
    'Each GPU holds whole sequences (no sequence parallelism here), so the length is bounded by the memory of one GPU.',
  ],
};
