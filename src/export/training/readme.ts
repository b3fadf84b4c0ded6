import type { TrainingEngine, TrainingEngineName, TrainingPlan } from './engine.js';
import { HANDOFF_NAME } from './handoff-file.js';

/** README.md of a hand-off folder: how to start, what must not be changed, how it comes back. */
export function readme(name: TrainingEngineName, engine: TrainingEngine, plan: TrainingPlan, model: string): string {
  const { table, rows, rowTokens, gpus } = plan;
  return `# ${model}: ${table.originalLength} to ${table.targetLength} tokens with ${name}

Made by \`longrope export training\`: the model (\`model/\`), ${rows} tokenised rows of ${rowTokens} tokens
(\`data/\`: ${engine.columns.join(', ')}), and the settings for ${gpus} GPU${gpus === 1 ? '' : 's'}.

## Train

\`\`\`sh
${engine.launch(plan).join('\n')}
\`\`\`

${engine.notes.map((note) => `- ${note}`).join('\n')}
- ${recipe(engine, plan)}

## What must stay as it is

${engine.lists === 'long' ? HAZARD : MIXED}

Check the config that the trainer saves: \`rope_theta\`, \`long_factor\`, \`attention_factor\`, both lengths. The command below
refuses a checkpoint in which one of them is not what it was.

## Take it back

\`\`\`sh
longrope export hf trained --restore . --out ../extended
\`\`\`

It compares the RoPE of \`trained/config.json\` with \`${HANDOFF_NAME}\` and puts the short list back.
`;
}

function recipe({ carriesOut }: TrainingEngine, { settings }: TrainingPlan): string {
  if (settings === null)
    return "The recipe is LongRoPE's for 128k (32 sequences per step, 2e-5, 20 steps of warm-up); steps follow from the rows that are here.";
  const { maxSteps, sequences, warmupSteps } = settings;
  const isWhole = carriesOut.takes.includes('learning_rate');
  const what = isWhole ? 'Steps, schedule and optimiser' : 'Steps, sequences and warm-up';
  const rest = isWhole ? '' : ' Learning rate, schedule and optimiser are those of the example.';
  return `${what} are those of the recipe: ${maxSteps} steps of ${sequences} sequences, ${warmupSteps} steps of warm-up.${rest}`;
}

const HAZARD = `\`short_factor\` in \`model/config.json\` is the long list on purpose. transformers chooses the list by the largest position it
sees in a forward pass. Where a sequence is cut over several GPUs, each sees its own part: the ranks with the first
part would turn it with the short factors, the others with the long ones, and keys and queries of one sequence would
not fit together. With the same list twice there is nothing to choose. The real short list is kept in
\`${HANDOFF_NAME}\`; do not put it into the config before training has ended.`;

const MIXED = `\`model/config.json\` has both lists: this trainer looks at the positions of the whole row. Rows of short documents
(positions start anew with every document and stay below the original length) are trained with the short list, rows of
long ones with the long list; \`position_ids\` in \`data/\` say which is which. Under a trainer that cuts sequences over
GPUs (axolotl, Ulysses) this config is wrong, because each rank would choose by its own part.`;
