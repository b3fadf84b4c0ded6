/** The parameters that published llama3-type models use; GGUF files keep only the factors that follow from them. */
const PUBLISHED = [8, 16, 32].map((factor) => ({
  rope_type: 'llama3',
  factor,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
}));

/**
 * The published llama3 parameters that give `factors` (to float32 precision), or nothing. It restores the length the model
 * was first trained for, which the file does not say.
 */
export function llama3Config(
  factors: readonly number[],
  theta: number,
  contextLength: number | undefined,
): (typeof PUBLISHED)[number] | undefined {
  return PUBLISHED.find(
    (config) =>
      config.original_max_position_embeddings < (contextLength ?? 0) &&
      factors.every(
        (found, pair) => Math.abs(found / llama3Factor(config, theta ** (-pair / factors.length)) - 1) < 1e-5,
      ),
  );
}

/** What divides the base frequency (transformers `_compute_llama3_parameters`; llama.cpp `conversion/llama.py`). */
function llama3Factor(config: (typeof PUBLISHED)[number], frequency: number): number {
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: original } = config;
  const turns = (original * frequency) / (2 * Math.PI);
  if (turns > high) return 1;
  if (turns < low) return factor;
  const smooth = (turns - low) / (high - low);
  return 1 / ((1 - smooth) / factor + smooth);
}
