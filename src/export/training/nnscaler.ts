import type { Problem } from '../../errors.js';
import { accumulation, RECIPE, type TrainingEngine, type TrainingPlan, type TrainingRequest } from './engine.js';
import { NNSCALER_EXAMPLE } from './trainer-settings.js';

/** Chunks of the example's loss over the vocabulary. */
const LOSS_CHUNK = 1024;

/** nnScaler's own LongRoPE2 example (examples/longrope2): mixed context windows, short rows on short factors. */
export const nnscaler: TrainingEngine = {
  columns: ['input_ids', 'position_ids'],
  rows: 'mixed',
  // Its rotary operator is declared indivisible along the sequence, so it sees the positions of the whole row.
  lists: 'both',
  needsBosAndEos: true,
  carriesOut: NNSCALER_EXAMPLE,
  parallel: (gpus) => gpus / planGpus(gpus),
  check,
  files: () => new Map([['to_hf.py', CONVERT]]),
  launch,
  notes: [
    'A checkout of microsoft/nnscaler whose folder the variable NNSCALER names, with nnscaler, apex, flash-attn, tensorboard and transformers 4.48 or later, but below 5: the example reads `config.rope_theta`, which 5 has moved.',
    'The recipe is that of train.py (2e-5, betas 0.9 and 0.95, cosine, bf16); the flags below set the steps and the GPUs.',
  ],
};

function check({ spec, gpus }: TrainingRequest): Problem[] {
  const problems: Problem[] = [];
  if (spec.architecture !== 'llama')
    problems.push({
      where: '--engine nnscaler',
      expected: 'a llama model, the only class whose rotary embedding the example replaces',
      found: spec.architecture,
      fix: 'axolotl, llama-factory and hf-trainer can',
    });
  if (spec.rope.geometry.rotaryDim < spec.headDim)
    problems.push({
      where: '--engine nnscaler',
      expected: 'a head that turns whole, as the example computes it',
      found: `${spec.rope.geometry.rotaryDim} of ${spec.headDim} dimensions`,
      fix: 'axolotl, llama-factory and hf-trainer can',
    });
  if (gpus % planGpus(gpus) !== 0)
    problems.push({ where: '--gpus', expected: 'up to 4, or a multiple of 4', found: `${gpus}` });
  return problems;
}

/** GPUs that share one sequence; the published run used 4 of 8. */
function planGpus(gpus: number): number {
  return Math.min(4, gpus);
}

function launch(plan: TrainingPlan): string[] {
  const { gpus, settings } = plan;
  const steps = accumulation(plan, gpus / planGpus(gpus));
  const perStep = steps * (gpus / planGpus(gpus));
  const flags = [
    '--model_id "$HANDOFF/model"',
    '--model_config "$HANDOFF/model/config.json"',
    '--dataset_path "$HANDOFF/data"',
    `--plan_ngpus=${planGpus(gpus)}`,
    `--runtime_ngpus=${gpus}`,
    `--recompute_modules ${plan.layerClass}`,
    '--gpu_mem_constraint 64',
    ...(plan.rowTokens % LOSS_CHUNK === 0 ? ['--enable-chunk-loss'] : []),
    `--grad_accumulation_steps ${steps}`,
    `--max_train_steps ${settings?.maxSteps ?? Math.max(1, Math.floor(plan.rows / perStep))}`,
    `--warmup_steps ${settings?.warmupSteps ?? RECIPE.warmupSteps}`,
  ].join(' ');
  return [
    'export HANDOFF="$PWD" PYTHONPATH="$NNSCALER:$NNSCALER/examples:$PYTHONPATH"',
    `python "$NNSCALER/examples/longrope2/train.py" --run_mode compile ${flags}`,
    `torchrun --nproc_per_node=${gpus} "$NNSCALER/examples/longrope2/train.py" ${flags}`,
    'python "$NNSCALER/examples/llama/ckpt_merger.py" --ckpt_dir checkpoints/last --output_fname merged.ckpt',
    'python to_hf.py merged.ckpt trained',
  ];
}

const CONVERT = `"""Turns a merged nnScaler checkpoint into a Hugging Face folder: to_hf.py merged.ckpt trained"""

import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer


def main(checkpoint, out):
    weights = torch.load(checkpoint, map_location="cpu", weights_only=False)["model"]
    # The example wraps the model in a module that calls it "model".
    weights = {name.removeprefix("model."): tensor for name, tensor in weights.items()}
    config = AutoConfig.from_pretrained("./model")
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    missing = [name for name in missing if not (config.tie_word_embeddings and name == "lm_head.weight")]
    if missing or unexpected:
        raise SystemExit(f"not this model: missing {missing}, unexpected {unexpected}")
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained("./model").save_pretrained(out)


main(*sys.argv[1:])
`;
