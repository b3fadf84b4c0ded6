/** ZeRO stage 3; `auto` is filled in by transformers from its own arguments. */
export function zero3(): string {
  const config = {
    train_batch_size: 'auto',
    train_micro_batch_size_per_gpu: 'auto',
    gradient_accumulation_steps: 'auto',
    gradient_clipping: 'auto',
    bf16: { enabled: 'auto' },
    zero_optimization: {
      stage: 3,
      overlap_comm: true,
      contiguous_gradients: true,
      reduce_bucket_size: 'auto',
      stage3_prefetch_bucket_size: 'auto',
      stage3_param_persistence_threshold: 'auto',
      // Else the saved folder has no weights.
      stage3_gather_16bit_weights_on_model_save: true,
    },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
