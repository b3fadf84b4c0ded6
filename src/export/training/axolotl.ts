import { stringify } from 'yaml';
import { divisibleRows, scheduleName, type TrainingEngine, trainingArguments } from './engine.js';
import { TRAINING_ARGUMENTS } from './trainer-settings.js';

/** axolotl with ring attention over all GPUs; keys of its `AxolotlInputConfig` (src/axolotl/utils/schemas). */
export const axolotl: TrainingEngine = {
  columns: ['input_ids', 'attention_mask', 'labels'],
  rows: 'concatenated',
  lists: 'long',
  carriesOut: TRAINING_ARGUMENTS,
  parallel: () => 1,
  check: divisibleRows,
  files: (plan) =>
    new Map([
      [
        'axolotl.yaml',
        stringify({
          base_model: './model',
          // An empty type says that the data set is tokenised.
          datasets: [{ path: './data', type: null }],
          dataset_prepared_path: './prepared',
          sequence_len: plan.rowTokens,
          excess_length_strategy: 'raise',
          sample_packing: false,
          attn_implementation: 'flash_attention_2',
          ...(plan.gpus > 1 && {
            context_parallel_size: plan.gpus,
            ring_attn_func: 'batch_ring',
            dp_shard_size: plan.gpus,
            fsdp_version: 2,
            fsdp_config: {
              offload_params: false,
              auto_wrap_policy: 'TRANSFORMER_BASED_WRAP',
              transformer_layer_cls_to_wrap: plan.layerClass,
              state_dict_type: 'FULL_STATE_DICT',
              reshard_after_forward: true,
            },
          }),
          micro_batch_size: 1,
          gradient_checkpointing: true,
          ...(plan.settings === null && { num_epochs: 1 }),
          lr_scheduler: scheduleName(plan),
          optimizer: 'adamw_torch_fused',
          ...trainingArguments(plan, 1),
        }),
      ],
    ]),
  launch: () => ['axolotl train axolotl.yaml'],
  notes: [
    'axolotl with flash-attn and ring-flash-attn (0.1.4 or later).',
    'RoPE comes from model/config.json. Set neither `rope_scaling` (axolotl rejects it) nor `overrides_of_model_config`.',
  ],
};
